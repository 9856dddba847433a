"""Adaptive integrals over the k space of a 2D model, exact at the Fermi edge.

Lines of k are cut where a band crosses μ, and the lines' integrals, as functions of where the line
is, where it touches the Fermi line: there they end, or begin, with a square root.  Between the cuts
Gauss points are refined by halving, along the lines and across them.  All pairs of μ and kT, and
all components, are worked off together.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from coursekit.bloch_model import Model
from coursekit.charts import lattice_chart, plane_chart
from coursekit.errors import ConvergenceError
from coursekit.integrand import Integrand
from coursekit.k_lines import Lines, per_line
from coursekit.parallel import in_pieces
from coursekit.search import BandEdge, band_edges

__all__ = ["adaptive"]

Floats = NDArray[np.float64]
Indices = NDArray[np.intp]

# Pairs of μ and kT at a time, which share what each step costs beside arithmetic.
_TOGETHER = 8
_GAUSS_X, _GAUSS_W = np.polynomial.legendre.leggauss(12)
_MOST_PARTS = 1000
# Estimates of errors are too small near square roots that were not cut away.
_SAFETY = 0.01


def adaptive(
    model: Model, integrand: Integrand, mus: Floats, kTs: Floats, rtol: float, progress: bool
) -> tuple[Floats, Floats]:
    """Integrals (P, c) for each pair of ``mus`` (P,) and ``kTs`` (P,), and their errors."""
    edges = [] if model.lattice is None else band_edges(model, model.lattice)
    batches = [
        group[i : i + _TOGETHER]
        for group in (np.flatnonzero(kTs == 0), np.flatnonzero(kTs > 0))
        for i in range(0, len(group), _TOGETHER)
    ]

    def some(batch: Indices) -> Floats:
        return _together(model, integrand, edges, mus[batch], kTs[batch], rtol)

    found = np.concatenate(list(in_pieces(some, batches, progress=progress, label="mu")))
    found[np.concatenate(batches)] = found.copy()
    return found[..., 0], found[..., 1]


def _together(
    model: Model,
    integrand: Integrand,
    edges: list[BandEdge],
    mus: Floats,
    kTs: Floats,
    rtol: float,
) -> Floats:
    """(P, c, 2) values and errors; either all or none of the temperatures are zero."""
    if model.lattice is None:
        chart = plane_chart(model, mus, kTs)
    else:
        chart = lattice_chart(model.lattice, edges, mus, kTs)
    charts = [chart]
    if integrand.on_surface and kTs[0] == 0:
        charts.append(chart.transposed())
    every = [Lines(model, integrand, chart, mus, kTs) for chart in charts]
    # The size of what is summed sets the absolute tolerance: the integral itself may vanish, and
    # one component may be rounding alone beside the others.
    sizes = np.sum([lines.size() for lines in every], axis=0)
    size = sizes.max(axis=1)
    if model.lattice is not None:
        size = np.maximum(size, integrand.smallest(model) / model.lattice.cell_volume)
    if not size.any():
        return np.zeros((*sizes.shape, 2))
    return np.asarray(np.sum([_across(lines, size, rtol) for lines in every], axis=0))


class _Parts(NamedTuple):
    """Parts of segments of x between cuts; each segment has a coordinate u from 0 to 1."""

    case: Indices
    start: Floats  # of the segment, in x
    end: Floats
    low: Floats  # of the part, in u
    high: Floats

    def only(self, chosen: NDArray[np.bool_]) -> _Parts:
        return _Parts._make(values[chosen] for values in self)

    def halved(self) -> _Parts:
        """The left halves, and after them the right ones."""
        middle = (self.low + self.high) / 2
        left, right = self._replace(high=middle), self._replace(low=middle)
        return left.followed_by(right)

    def followed_by(self, others: _Parts) -> _Parts:
        return _Parts._make(np.concatenate(pair) for pair in zip(self, others, strict=True))


def _across(lines: Lines, size: Floats, rtol: float) -> Floats:
    """(P, c, 2) integrals over x of the integrals along y, and their errors."""
    tolerance = _SAFETY * rtol * size
    case, start, end = lines.segments(np.flatnonzero(size))
    parts = _Parts(case, start, end, np.zeros(len(case)), np.ones(len(case)))
    whole = _integrals(lines, tolerance, parts)
    halves = _integrals(lines, tolerance, parts.halved()).reshape(2, *whole.shape)
    while True:
        value = halves.sum(axis=0)
        error = abs(value - whole)
        total = per_line(parts.case, error, len(size))
        count = np.bincount(parts.case, minlength=len(size))
        # Of n errors that add up to too much, some are larger than the n-th part.
        share = (tolerance / np.maximum(count, 1))[:, None]
        too_much = total > tolerance[:, None]
        rough = ((error > share[parts.case]) & too_much[parts.case]).any(axis=1)
        if not rough.any():
            return np.stack([per_line(parts.case, value, len(size)), total], axis=-1)
        if count.max() > _MOST_PARTS:
            worst = count.argmax()
            raise ConvergenceError(
                f"at mu={lines.mus[worst]:.6g}, kT={lines.kTs[worst]:.3g} the integral is known to "
                f"{total[worst].max():.2g} after {count[worst]} subdivisions; expected "
                f"rtol={rtol:g} of {size[worst]:.3g}; pass kT > 0 or a larger rtol"
            )
        new = parts.only(rough).halved()
        parts = parts.only(~rough).followed_by(new)
        whole = np.concatenate([whole[~rough], *halves[:, rough]])
        quarters = _integrals(lines, tolerance, new.halved()).reshape(2, len(new.case), -1)
        halves = np.concatenate([halves[:, ~rough], quarters], axis=1)


def _integrals(lines: Lines, tolerance: Floats, parts: _Parts) -> Floats:
    """(N, c), by Gauss points in u, with x = start + (end − start)(3u² − 2u³).

    A square root of the distance from either end is smooth in u.
    """
    half = (parts.high - parts.low) / 2
    u = (parts.low + parts.high)[:, None] / 2 + half[:, None] * _GAUSS_X
    length = (parts.end - parts.start)[:, None]
    x = parts.start[:, None] + length * u**2 * (3 - 2 * u)
    weight = 6 * u * (1 - u) * length * half[:, None] * _GAUSS_W
    case = np.repeat(parts.case, len(_GAUSS_X))
    values = lines.integrals(case, x.ravel(), tolerance[case])
    return np.asarray(np.einsum("ng,ngc->nc", weight, values.reshape(*x.shape, -1)))
