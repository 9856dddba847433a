"""Functions of (μ − ε)/kT that weigh the states of a band.

All of them follow from g(x) = ln(1 + eˣ), x = (μ − ε)/kT, and its derivatives, of which the first
is the Fermi function.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["ENTROPY", "FERMI", "GRAND", "HEAT", "SURFACE", "Weight", "weight_derivatives"]

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Weight:
    """A weight kT^power w(x) of states at ε = μ − x kT.

    Attributes
    ----------
    name : of the object in this module, in small letters
    power : of kT in front of w
    value : |x|-stable w from x, e^{−|x|}
    derivatives : w, w′, …, up to an order, from x and the derivatives of g two orders further
    cold : limit T → 0 of the whole weight as a function of μ − ε
    on_surface : whether the limit is δ(μ − ε), which no function is
    """

    name: str
    power: int
    value: Callable[[Floats, Floats], Floats]
    derivatives: Callable[[Floats, Floats, int], Floats]
    cold: Callable[[Floats], Floats]
    on_surface: bool = False

    def __repr__(self) -> str:
        return self.name.upper()

    def __reduce__(self) -> str:
        # Sums tell weights apart by identity, also those that were sent to other processes.
        return self.name.upper()

    def __call__(self, energies: Floats, mu: Floats, kT: Floats) -> Floats:
        """Weight of states at ``energies``; shapes broadcast; any kT ≥ 0, without overflow."""
        distance = np.asarray(mu - energies)
        kT = np.broadcast_to(np.asarray(kT, dtype=float), distance.shape)
        with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
            x = distance / kT
            decay = np.exp(-abs(x))
            warm = self.value(x, decay) * kT**self.power
        # Where nothing is left of e^{−|x|} the limit is exact; NaN is 0/0 at ε = μ, T = 0.
        return np.where((kT > 0) & (decay > 0), warm, self.cold(distance))


def _fermi(x: Floats, decay: Floats) -> Floats:
    return np.where(x > 0, 1.0, decay) / (1 + decay)


def _grand(x: Floats, decay: Floats) -> Floats:
    return np.asarray(np.maximum(x, 0) + np.log1p(decay))


def _surface(x: Floats, decay: Floats) -> Floats:
    return np.asarray(decay / (1 + decay) ** 2)


def _entropy(x: Floats, decay: Floats) -> Floats:
    return np.asarray(np.log1p(decay) + abs(x) * decay / (1 + decay))


def _heat(x: Floats, decay: Floats) -> Floats:
    return -x * _surface(x, decay)


def _softplus_derivatives(x: Floats, highest: int) -> Floats:
    """g, g′, …, (highest + 1, ...), at moderate x."""
    decay = np.exp(-abs(x))
    f, slope = _fermi(x, decay), _surface(x, decay)
    out = [_grand(x, decay), f, slope]
    # g⁽ᵖ⁾ = P_p(f) with P₂ = f − f² and P_{p+1} = P_p′ (f − f²).
    polynomial = np.polynomial.Polynomial([0, 1, -1])
    factor = polynomial
    for _ in range(3, highest + 1):
        out.append(polynomial.deriv()(f) * slope)
        polynomial = polynomial.deriv() * factor
    return np.array(out[: highest + 1])


def _orders(count: int, like: Floats) -> Floats:
    return np.arange(float(count)).reshape(-1, *(1,) * like.ndim)


def _step(distance: Floats) -> Floats:
    return np.heaviside(distance, 0.5)


def _nothing(distance: Floats) -> Floats:
    return np.zeros_like(distance)


# f, the occupation.
FERMI = Weight("fermi", 0, _fermi, lambda x, g, n: g[1 : n + 1], _step)
# kT ln(1 + e^{(μ−ε)/kT}), minus the grand potential of a state.
GRAND = Weight("grand", 1, _grand, lambda x, g, n: g[:n], lambda d: np.maximum(d, 0.0))
# −∂f/∂ε.
SURFACE = Weight("surface", -1, _surface, lambda x, g, n: g[2 : n + 2], _nothing, on_surface=True)
# Entropy of a state, −f ln f − (1 − f) ln(1 − f) = g − x f; it vanishes at T = 0.
ENTROPY = Weight(
    "entropy", 0, _entropy,
    lambda x, g, n: (1 - _orders(n, x)) * g[:n] - x * g[1 : n + 1], _nothing,
)  # fmt: skip
# ∂f/∂(kT) = −x (−∂f/∂ε), whose integrals vanish at T = 0.
HEAT = Weight(
    "heat", -1, _heat,
    lambda x, g, n: -x * g[2 : n + 2] - _orders(n, x) * g[1 : n + 1], _nothing,
)  # fmt: skip


def weight_derivatives(weight: Weight, x: Floats, count: int) -> Floats:
    """w, w′, …, w⁽ᶜᵒᵘⁿᵗ⁻¹⁾ at x, (count, ...)."""
    return np.asarray(weight.derivatives(x, _softplus_derivatives(x, count + 1), count))
