"""Currents on the bonds of a lattice, and how much of them circulates around a cell."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["BondCurrents", "circulation_weights", "cut_integral"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class BondCurrents(NamedTuple):
    """Electric currents on bonds, each named once; natural units.

    A positive current carries positive charge from ``start`` to ``end``: electrons run the other
    way.
    """

    bonds: Ints  # (n_bonds, 2) sites i, j
    start: Floats  # (n_bonds, 2) position of i, length
    end: Floats  # (n_bonds, 2) position of j, length
    current: Floats  # (..., n_bonds) from i to j, e energy / ħ

    def outflow(self, n_sites: int) -> Floats:
        """(..., n_sites) current that leaves each site; zero in equilibrium: no charge piles up."""
        out = np.zeros((n_sites, *self.current.shape[:-1]))
        flows = np.moveaxis(self.current, -1, 0)
        np.add.at(out, self.bonds[:, 0], flows)
        np.subtract.at(out, self.bonds[:, 1], flows)
        return np.moveaxis(out, 0, -1)

    def moment(self) -> Floats:
        """(...,) magnetic moment along z, ½ Σ I r × dl = ½ Σ I rᵢ × rⱼ, e energy length² / ħ."""
        (x1, y1), (x2, y2) = self.start.T, self.end.T
        return np.asarray(self.current @ (x1 * y2 - y1 * x2) / 2)


def circulation_weights(start: Floats, end: Floats, vectors: Floats, corner: ArrayLike) -> Floats:
    """Share (n_bonds,) of each bond in the current around a point, averaged over a cell.

    The current around r₀ is what crosses a ray from r₀ to the outside, anticlockwise positive.
    With the ray along a₁ and r₀ = (u₀ + u, w₀ + w) in reduced coordinates, a bond that climbs in w
    through (u_b(w), w) counts +1 if u_b(w) > u₀ + u.  The mean over 0 < u < 1 is u_b(w) − u₀ cut to
    [0, 1], and the mean over w is its integral along the part of the bond beside the cell.
    """
    inverse = np.linalg.inv(vectors)
    (u1, w1), (u2, w2) = (((r @ inverse) - corner).T for r in (start, end))
    climb = np.where(w1 == w2, 1.0, w2 - w1)
    low, high = (np.clip((np.clip(w, 0, 1) - w1) / climb, 0, 1) for w in (w1, w2))
    # From s = low to s = high along the bond, w runs through the part of [0, 1] that it covers.
    a, b = u1 + low * (u2 - u1), u1 + high * (u2 - u1)
    level = abs(b - a) < 1e-9
    slope = np.where(level, 1.0, b - a)
    mean = np.where(level, np.clip((a + b) / 2, 0, 1), (cut_integral(b) - cut_integral(a)) / slope)
    covered = np.where(w1 == w2, 0.0, np.clip(w2, 0, 1) - np.clip(w1, 0, 1))
    # Along a left-handed basis, climbing in w is clockwise.
    return np.asarray(np.sign(np.linalg.det(vectors)) * mean * covered)


def cut_integral(u: Floats) -> Floats:
    """∫ of u cut to [0, 1], from 0."""
    cut = np.clip(u, 0, 1)
    return np.asarray(cut**2 / 2 + np.maximum(u - 1, 0))
