"""Sums over states, Σ X w((μ − ε)/kT), for many μ and kT from one pass over the states.

Each method collects additive arrays from blocks of states and turns their total into sums at the
end, so that blocks can be worked off anywhere:

- ``_Cold``: T = 0, states counted between neighbouring μ, then summed up from below; exact.
- ``_Binned``: one kT, many μ: moments of X in energy bins narrow against kT, and a Taylor series of
  w about each bin's middle, which converges like (1/8π)^p.
- ``_Near``: one kT that is tiny against the range of μ: T = 0, corrected for states near each μ.
- ``_Direct``: a few μ: w at every state.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import factorial
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from coursekit.thermal import FERMI, GRAND, Weight, weight_derivatives

__all__ = ["Plan", "Sample", "plan", "separated", "separated_at"]

Floats = NDArray[np.float64]
Indices = NDArray[np.intp]

# e^{−37} is below rounding: states this many kT from μ are filled or empty.
REACH = 37.0
# Bins of kT/4 and nine orders: (1/8π)⁹ ~ 3e-13 of X.
_BINS_PER_KT = 4
_ORDERS = 9
_MOST_BINS = 1 << 15
# Nine moments cost as much as about this many exponentials.
_FEW = 6
# Numbers held at a time in the largest temporary array.
_CHUNK = 1 << 18


class Sample(NamedTuple):
    """States at K points: their energies, and what each weight multiplies."""

    energies: Floats  # (n, K)
    values: tuple[Floats, ...]  # (n, c, K) for each weight

    def columns(self) -> list[list[Floats]]:
        """Values of each weight, component by component, flat as the energies are."""
        return [[v[:, c].ravel() for c in range(v.shape[1])] for v in self.values]


class _Method(Protocol):
    def collect(self, sample: Sample) -> Floats: ...
    def finish(self, total: Floats) -> Floats: ...


@dataclass(frozen=True)
class Plan:
    """How to sum for given pairs of μ and kT: which method serves which pairs."""

    n_pairs: int
    parts: tuple[tuple[Indices, _Method], ...]

    def collect(self, sample: Sample) -> tuple[Floats, ...]:
        """Arrays that add up over samples."""
        return tuple(method.collect(sample) for _, method in self.parts)

    def finish(self, totals: Sequence[Floats]) -> Floats:
        """(P, c) sums from the added arrays."""
        finished = [
            method.finish(total) for (_, method), total in zip(self.parts, totals, strict=True)
        ]
        out = np.zeros((self.n_pairs, finished[0].shape[-1]))
        for (where, _), values in zip(self.parts, finished, strict=True):
            out[where] = values
        return out


def plan(weights: Sequence[Weight], mus: Floats, kTs: Floats) -> Plan:
    """Choose methods for pairs of μ (P,) and kT (P,)."""
    parts: list[tuple[Indices, _Method]] = []
    few: list[Indices] = []
    for kT in np.unique(kTs):
        where = np.flatnonzero(kTs == kT)
        levels, back = np.unique(mus[where], return_inverse=True)
        if kT == 0:
            parts.append((where, _Cold(tuple(weights), levels, back)))
        elif len(levels) <= _FEW:
            few.append(where)
        elif np.ptp(levels) < kT * (_MOST_BINS / _BINS_PER_KT - 2 * REACH):
            parts.append((where, _Binned(tuple(weights), levels, back, float(kT))))
        else:
            cold = _Cold(tuple(weights), levels, np.arange(len(levels)))
            parts.append((where, _Near(tuple(weights), levels, back, float(kT), cold)))
    if few:
        where = np.concatenate(few)
        parts.append((where, _Direct(tuple(weights), mus[where], kTs[where])))
    return Plan(len(mus), tuple(parts))


def separated(mus: Floats, kTs: Floats) -> Callable[[Floats], NDArray[np.bool_]]:
    """Which pairs of states are not filled or empty together at all of the μ and kT.

    Returns
    -------
    function of energies (n, K) that gives (n, n, K)
    """
    low, high = np.sort(mus - REACH * kTs), np.sort(mus + REACH * kTs)
    # Edges of the union of the windows [low, high].
    joined = np.concatenate([[False], low[1:] <= high[:-1]])
    low, high = low[~joined], high[~np.append(joined[1:], False)]

    def keep(energies: Floats) -> NDArray[np.bool_]:
        entered = np.searchsorted(low, energies, side="right")
        left = np.searchsorted(high, energies, side="left")
        place, inside = entered + left, entered > left
        apart = place[:, None] != place[None, :]
        return np.asarray(apart | inside[:, None] & inside[None, :])

    return keep


def separated_at(mu: Floats, kT: Floats) -> Callable[[Floats], NDArray[np.bool_]]:
    """As :func:`separated`, for one μ and one kT at each of the K points."""

    def keep(energies: Floats) -> NDArray[np.bool_]:
        entered, left = energies >= mu - REACH * kT, energies > mu + REACH * kT
        place, inside = entered.astype(int) + left, entered & ~left
        apart = place[:, None] != place[None, :]
        return np.asarray(apart | inside[:, None] & inside[None, :])

    return keep


@dataclass(frozen=True)
class _Direct:
    weights: tuple[Weight, ...]
    mus: Floats
    kTs: Floats

    def collect(self, sample: Sample) -> Floats:
        energies = sample.energies.ravel()
        total = np.zeros((len(self.mus), sample.values[0].shape[1]))
        step = max(1, _CHUNK // max(1, len(energies)))
        for weight, columns in zip(self.weights, sample.columns(), strict=True):
            for i in range(0, len(self.mus), step):
                part = slice(i, i + step)
                w = weight(energies, self.mus[part, None], self.kTs[part, None])
                for c, column in enumerate(columns):
                    total[part, c] += w @ column
        return total

    def finish(self, total: Floats) -> Floats:
        return total


@dataclass(frozen=True)
class _Cold:
    weights: tuple[Weight, ...]
    levels: Floats  # ascending
    back: Indices

    def collect(self, sample: Sample) -> Floats:
        """(weights, c, 2, levels + 1); two arrays for each.

        For f: what starts to count at a level, and what is exactly at it.  For (μ − ε)θ: the same
        times (level − ε), and plain.
        """
        energies = sample.energies.ravel()
        at = self._first_above(energies)
        tied = np.flatnonzero(energies == np.append(-np.inf, self.levels)[at])
        n_bins = len(self.levels) + 1
        ahead = np.append(self.levels, 0.0)[at] - energies
        out = np.zeros((len(self.weights), sample.values[0].shape[1], 2, n_bins))
        for w, (weight, columns) in enumerate(zip(self.weights, sample.columns(), strict=True)):
            for c, column in enumerate(columns):
                if weight is FERMI:
                    out[w, c, 0] = np.bincount(at, column, n_bins)
                    if tied.size:
                        out[w, c, 1] = np.bincount(at[tied] - 1, column[tied], n_bins)
                elif weight is GRAND:
                    out[w, c, 0] = np.bincount(at, column * ahead, n_bins)
                    out[w, c, 1] = np.bincount(at, column, n_bins)
        return out

    def finish(self, total: Floats) -> Floats:
        total = total[..., :-1]  # above the highest level nothing counts
        out = np.zeros((len(self.levels), total.shape[1]))
        for weight, (first, second) in zip(self.weights, np.moveaxis(total, 2, 1), strict=True):
            if weight is FERMI:
                out += (first.cumsum(axis=-1) + second / 2).T
            elif weight is GRAND:
                # From one level to the next each state below gains the step.
                gained = second.cumsum(axis=-1)[:, :-1] * np.diff(self.levels)
                out += first.cumsum(axis=-1).T
                out[1:] += gained.cumsum(axis=-1).T
        return out[self.back]

    def _first_above(self, energies: Floats) -> Indices:
        """Index of the first level above each energy."""
        levels, n = self.levels, len(self.levels)
        step = (levels[-1] - levels[0]) / max(1, n - 1)
        even = levels[0] + step * np.arange(n)
        if n <= 8 or not (abs(levels - even) <= 0.1 * step).all():
            return np.asarray(np.searchsorted(levels, energies, side="right"))
        guess = np.clip((energies - levels[0]) * (1 / step), -1, n).astype(np.intp)
        at = np.clip(guess + 1, 0, n)
        # The guess is off by one at most.
        fence = np.concatenate([[-np.inf], levels, [np.inf]])
        at += fence[at + 1] <= energies
        at -= fence[at] > energies
        return np.asarray(at)


@dataclass(frozen=True)
class _Binned:
    weights: tuple[Weight, ...]
    levels: Floats
    back: Indices
    kT: float

    @property
    def width(self) -> float:
        return self.kT / _BINS_PER_KT

    @property
    def bottom(self) -> float:
        return float(self.levels[0] - REACH * self.kT)

    @property
    def n_bins(self) -> int:
        return int(np.ceil((np.ptp(self.levels) + 2 * REACH * self.kT) / self.width)) + 1

    def collect(self, sample: Sample) -> Floats:
        """(weights, c, orders, 1 + bins) moments Σ X δᵖ/p!, δ = (ε − middle)/kT.

        Bin 0 gathers what lies below, δ from the bottom.  What lies above is empty.
        """
        energies = (sample.energies.ravel() - self.bottom) / self.width
        inside = energies < self.n_bins
        position = energies[inside]
        below = position < 0
        at = np.where(below, 0, position.astype(np.intp) + 1)
        delta = np.where(below, position, position - at + 0.5) / _BINS_PER_KT
        # Filled states count through their first two moments alone.
        delta_inside = np.where(below, 0.0, delta)
        n = self.n_bins + 1
        out = np.empty((len(self.weights), sample.values[0].shape[1], _ORDERS, n))
        for w, columns in enumerate(sample.columns()):
            for c, column in enumerate(columns):
                term = column[inside]
                out[w, c, 0] = np.bincount(at, term, n)
                for order in range(1, _ORDERS):
                    term = term * (delta if order == 1 else delta_inside)
                    out[w, c, order] = np.bincount(at, term, n) / factorial(order)
        return out

    def finish(self, total: Floats) -> Floats:
        middles = self.bottom + (np.arange(self.n_bins) + 0.5) * self.width
        reach = int(REACH * _BINS_PER_KT) + 2
        # Bins within reach of each level, (levels, window).
        nearest = np.floor((self.levels - self.bottom) / self.width).astype(np.intp)
        window = nearest[:, None] + np.arange(-reach, reach + 1)
        valid = (window >= 0) & (window < self.n_bins)
        window = np.clip(window, 0, self.n_bins - 1)
        x = (self.levels[:, None] - middles[window]) / self.kT
        signs = (-1.0) ** np.arange(_ORDERS)[:, None, None] * valid
        # Bins below the window are filled.
        filled = np.clip(nearest - reach, 0, self.n_bins)
        edges = np.append(self.bottom, middles)
        out = np.zeros((len(self.levels), total.shape[1]))
        for weight, moments in zip(self.weights, total, strict=True):
            series = signs * weight_derivatives(weight, x, _ORDERS)
            scale = self.kT**weight.power
            for c, of_component in enumerate(moments):
                gathered = of_component[:, 1:][:, window]
                out[:, c] += scale * (gathered * series).sum(axis=(0, 2))
                if weight is FERMI or weight is GRAND:
                    plain = np.cumsum(of_component[0])[filled]
                if weight is FERMI:
                    out[:, c] += plain
                elif weight is GRAND:
                    offset = of_component[0] * (edges - self.bottom) + of_component[1] * self.kT
                    out[:, c] += plain * (self.levels - self.bottom) - np.cumsum(offset)[filled]
        return out[self.back]


@dataclass(frozen=True)
class _Near:
    weights: tuple[Weight, ...]
    levels: Floats
    back: Indices
    kT: float
    cold: _Cold

    def collect(self, sample: Sample) -> Floats:
        """The arrays of T = 0, flat, and after them the corrections (levels, c)."""
        energies = sample.energies.ravel()
        first = np.searchsorted(self.levels, energies - REACH * self.kT)
        count = np.searchsorted(self.levels, energies + REACH * self.kT, side="right") - first
        near = np.flatnonzero(count)
        n_levels, n_components = len(self.levels), sample.values[0].shape[1]
        correction = np.zeros((n_levels, n_components))
        # Many levels may be near one state: a bounded number of such pairs at a time.
        pairs = count[near].cumsum()
        cuts = np.searchsorted(pairs, np.arange(_CHUNK, pairs[-1:].sum(), _CHUNK))
        for few in np.split(near, cuts):
            n_near = count[few]
            state = np.repeat(few, n_near)
            turn = np.arange(len(state)) - np.repeat(n_near.cumsum() - n_near, n_near)
            level = first[state] + turn
            for weight, columns in zip(self.weights, sample.columns(), strict=True):
                mu = self.levels[level]
                warm = weight(energies[state], mu, np.array(self.kT))
                w = warm - weight.cold(mu - energies[state])
                for c, column in enumerate(columns):
                    correction[:, c] += np.bincount(level, w * column[state], n_levels)
        return np.concatenate([self.cold.collect(sample).ravel(), correction.ravel()])

    def finish(self, total: Floats) -> Floats:
        n_levels = len(self.levels)
        per_component = len(self.weights) * 2 * (n_levels + 1) + n_levels
        n_components = total.size // per_component
        split = total.size - n_components * n_levels
        shape = (len(self.weights), n_components, 2, n_levels + 1)
        values = self.cold.finish(total[:split].reshape(shape))
        values = values + total[split:].reshape(n_levels, n_components)
        return np.asarray(values[self.back])
