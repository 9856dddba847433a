"""Linear interpolation in triangles and tetrahedra: T = 0 integrals with a sharp Fermi edge.

In each simplex both the energy and the quantity are linear between the corners, so that the part
below μ is integrated exactly.  A simplex that μ does not cut counts as a whole; those that it cuts
are listed once for each μ, without a loop over either.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import permutations

import numpy as np
from numpy.typing import NDArray

__all__ = ["corner_weights", "crowded_bands", "filled_below", "simplices"]

Floats = NDArray[np.float64]
Complexes = NDArray[np.complex128]
Indices = NDArray[np.intp]


def simplices(dim: int) -> Indices:
    """(dim!, dim + 1, dim) corners, as cell offsets, of the simplices that fill one mesh cell."""
    paths = []
    for order in permutations(range(dim)):
        corner = np.zeros(dim, dtype=np.intp)
        path = [corner.copy()]
        for axis in order:
            corner[axis] = 1
            path.append(corner.copy())
        paths.append(path)
    return np.array(paths)


def filled_below(
    energies: Floats,
    values: Floats,
    levels: Floats,
    slope: bool,
    cell: Indices,
    n_cells: int,
    crowded: NDArray[np.bool_] | None = None,
) -> Floats:
    """Averages over simplices of θ(μ − ε) X, or of δ(μ − ε) X, summed in each cell.

    Parameters
    ----------
    energies : (d + 1, S) at the corners of S simplices
    values : (d + 1, c, S) of X at the corners
    levels : (L,) ascending μ
    slope : the derivative in μ instead, which is the integral over the Fermi surface
    cell : (S,) the cell, of ``n_cells``, that each simplex adds to
    crowded : (S,) simplices that are not cut: each of their corners counts as filled or empty

    Returns
    -------
    (n_cells, L, c)
    """
    n_levels = len(levels)
    order = np.argsort(energies, axis=0)
    energies = np.take_along_axis(energies, order, axis=0)
    values = np.take_along_axis(values, order[:, None], axis=0)
    # Level index from which a simplex is full, and where μ begins to cut it.
    full = np.searchsorted(levels, energies[-1])
    first = np.searchsorted(levels, energies[0], side="right")
    count = full - first
    cut = np.flatnonzero(count > 0)
    simplex = np.repeat(cut, count[cut])
    turn = np.arange(len(simplex)) - np.repeat(count[cut].cumsum() - count[cut], count[cut])
    level = first[simplex] + turn
    weights = _weights_at(levels[level], energies[:, simplex], slope)
    if crowded is not None and not slope:
        at_corners = np.heaviside(levels[level] - energies[:, simplex], 0.5) / len(energies)
        weights = np.where(crowded[simplex], at_corners, weights)
    out = np.zeros((n_cells, n_levels, values.shape[1]))
    for c in range(values.shape[1]):
        if not slope:
            mean = values[:, c].mean(axis=0)
            whole = np.bincount(full + cell * (n_levels + 1), mean, n_cells * (n_levels + 1))
            out[..., c] = whole.reshape(n_cells, -1)[:, :-1].cumsum(axis=1)
        part = (weights * values[:, c, simplex]).sum(axis=0)
        cut_through = np.bincount(level + cell[simplex] * n_levels, part, n_cells * n_levels)
        out[..., c] += cut_through.reshape(n_cells, n_levels)
    return out


def _weights_at(mu: Floats, energies: Floats, slope: bool) -> Floats:
    if not slope:
        return np.asarray(corner_weights(mu, energies).real)
    # The weights are rational in μ: an imaginary step gives the derivative without a difference.
    step = 1e-30 * np.ptp(energies, axis=0)
    return np.asarray(corner_weights(mu + 1j * step, energies).imag / step)


def corner_weights(mu: Floats | Complexes, energies: Floats) -> Floats | Complexes:
    """Weights of the corners in the average of θ(μ − ε) X over a simplex.

    Parameters
    ----------
    mu : (S,) between lowest and highest corner
    energies : (d + 1, S) ascending, d from 1 to 3

    Returns
    -------
    (d + 1, S), whose sum is the filled fraction

    Notes
    -----
    P. E. Blöchl, O. Jepsen & O. K. Andersen, PRB 49, 16223 (1994), Appendix B, for tetrahedra;
    DOI 10.1103/PhysRevB.49.16223.
    """
    out = np.zeros(energies.shape, dtype=np.result_type(mu, float))
    for place, formula in enumerate(_FORMULAS[len(energies) - 1]):
        at = np.asarray(mu).real >= energies[place]
        if place + 2 < len(energies):
            at &= np.asarray(mu).real < energies[place + 1]
        if at.any():
            out[:, at] = formula(mu[at], energies[:, at])
    return out


def _corner(mu: Floats, e: Floats) -> Floats:
    """Only the lowest corner is filled: a small simplex similar to the whole."""
    d = len(e) - 1
    share = (mu - e[0]) / (e[1:] - e[0])
    filled = np.prod(share, axis=0) / (d + 1)
    return np.concatenate([(filled * (d + 1 - share.sum(axis=0)))[None], filled * share])


def _all_but_one(mu: Floats, e: Floats) -> Floats:
    """Only the highest corner is empty."""
    d = len(e) - 1
    share = (e[-1] - mu) / (e[-1] - e[:-1])
    empty = np.prod(share, axis=0) / (d + 1)
    left = np.concatenate([empty * share, (empty * (d + 1 - share.sum(axis=0)))[None]])
    return 1 / (d + 1) - left


def _two_and_two(mu: Floats, e: Floats) -> Floats:
    """A tetrahedron between its second and third corner: three small tetrahedra."""
    e1, e2, e3, e4 = e
    c1 = (mu - e1) ** 2 / ((e4 - e1) * (e3 - e1)) / 4
    c2 = (mu - e1) * (mu - e2) * (e3 - mu) / ((e4 - e1) * (e3 - e2) * (e3 - e1)) / 4
    c3 = (mu - e2) ** 2 * (e4 - mu) / ((e4 - e2) * (e3 - e2) * (e4 - e1)) / 4
    from_1 = (c1 + c2) * (e3 - mu) / (e3 - e1), (c1 + c2 + c3) * (e4 - mu) / (e4 - e1)
    from_2 = (c2 + c3) * (e3 - mu) / (e3 - e2), c3 * (e4 - mu) / (e4 - e2)
    to_3 = (c1 + c2) * (mu - e1) / (e3 - e1) + (c2 + c3) * (mu - e2) / (e3 - e2)
    to_4 = (c1 + c2 + c3) * (mu - e1) / (e4 - e1) + c3 * (mu - e2) / (e4 - e2)
    return np.stack([c1 + sum(from_1), c1 + c2 + c3 + sum(from_2), to_3, to_4])


# By dimension, from below: μ between the first two corners, the second and third, and so on.
_FORMULAS: dict[int, tuple[Callable[[Floats, Floats], Floats], ...]] = {
    1: (_corner,),
    2: (_corner, _all_but_one),
    3: (_corner, _two_and_two, _all_but_one),
}


def crowded_bands(energies: Floats) -> NDArray[np.bool_]:
    """Bands (n, d + 1, S) that come nearer to a neighbour than they vary over a simplex, (n, S).

    Where two bands nearly touch, their curvatures are large and opposite, and must get the same
    weight at each corner: what the other corners are like has no say there.
    """
    out = np.zeros((len(energies), energies.shape[2]), dtype=bool)
    if len(energies) > 1:
        spread = np.ptp(energies, axis=1)
        gap = np.diff(energies, axis=0).min(axis=1)
        near = gap < np.maximum(spread[1:], spread[:-1])
        out[1:] |= near
        out[:-1] |= near
    return out
