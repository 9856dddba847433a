r"""Neighbouring bands followed through a cell of k space by their two-level Hamiltonian.

Where two bands almost touch, Ω is a peak as wide as the gap over the velocity: far narrower than a
cell whose middle sees nothing of it.  But the middle knows of it.  Its energies and velocity matrix
make, for each pair of neighbours,

    H(δ) = ε₀ + v₀·δ + d(δ)·σ,   d affine in δ,   Ω_lower = ½ d·(∂ₐd × ∂_bd)/|d|³,

which is exact to first order in δ and costs no diagonalisation at any point of the cell.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from coursekit.integrand import Integrand
from coursekit.kubo import PLANES, Geometry, Pairs

__all__ = ["beyond_the_middle"]

Floats = NDArray[np.float64]

# Points along each edge of a cell; an even number, so that none is the middle.
_POINTS = 4
# Numbers held at a time in the largest temporary array.
_CHUNK = 1 << 18
_TOUCHING = 1e-12


def beyond_the_middle(pairs: Pairs, edges: Floats, integrand: Integrand, levels: Floats) -> Floats:
    """What the middles of cells leave out, as the two-level Hamiltonians have it.

    Parameters
    ----------
    pairs : energies and velocities in the middles of K cells
    edges : (dim, dim) rows are the edges of each cell, Cartesian, 1/length
    integrand : one that follows from the bands' Ω and m
    levels : (L,) chemical potentials, in ascending order; T = 0

    Returns
    -------
    (K, L, c) the average over each cell minus the value in its middle
    """
    assert integrand.of_geometry is not None
    e, velocity = pairs.energies, pairs.velocity
    dim = velocity.shape[1]
    lower = np.arange(e.shape[1] - 1)
    # With n below l: H = [[ε_n + v_nn·δ, v_nl·δ], [v_ln·δ, ε_l + v_ll·δ]].
    v_n = velocity[:, :, lower, lower].real
    v_l = velocity[:, :, lower + 1, lower + 1].real
    v_nl = velocity[:, :, lower, lower + 1]
    along = np.einsum("ij,kjn->kni", edges, (v_n + v_l) / 2)
    slopes = np.stack([v_nl.real, -v_nl.imag, (v_n - v_l) / 2], axis=-1)  # (K, dim, n, 3)
    turns = np.einsum("ij,kjnc->knic", edges, slopes)
    middle, half_gap = (e[:, :-1] + e[:, 1:]) / 2, (e[:, 1:] - e[:, :-1]) / 2
    change = np.linalg.norm(turns, axis=3).sum(axis=2) / 2
    reach = half_gap + change + abs(along).sum(axis=2) / 2
    at = np.searchsorted(levels, middle - reach)
    filled_in_part = (at < len(levels)) & (
        levels[np.minimum(at, len(levels) - 1)] <= middle + reach
    )
    cell, band = np.nonzero(filled_in_part)
    # Their n_c = ∂ₐd × ∂_bd is the same at all δ.
    here = np.moveaxis(slopes, 2, 1)[cell, band]
    normals = np.stack([np.cross(here[:, a], here[:, b]) for a, b in PLANES[dim]], axis=1)
    axis = (np.arange(_POINTS) + 0.5) / _POINTS - 0.5
    points = np.stack(np.meshgrid(*(axis,) * dim, indexing="ij"), axis=-1).reshape(-1, dim)
    points = np.concatenate([np.zeros((1, dim)), points])
    out = np.zeros((len(e), len(levels), len(PLANES[dim])))
    step = max(1, _CHUNK // (len(points) * max(8, 2 * len(levels))))
    for first in range(0, len(cell), step):
        part = slice(first, first + step)
        k, n = cell[part], band[part]
        d = points @ turns[k, n]  # (P, S, 3)
        d[:, :, 2] -= half_gap[k, n, None]
        energy = middle[k, n, None] + along[k, n] @ points.T
        found = _summed(energy, d, normals[part], integrand, levels)
        np.add.at(out, k, found[..., 1:].mean(axis=-1) - found[..., 0])
    return out


def _summed(
    energy: Floats, d: Floats, normals: Floats, integrand: Integrand, levels: Floats
) -> Floats:
    """(P, L, c, S): the weighted sum over two levels ε₀ ∓ |d| at S points of P cells."""
    assert integrand.of_geometry is not None
    size = np.linalg.norm(d, axis=2)
    touching = size <= _TOUCHING * abs(d).max(initial=0.0)
    cube = np.where(touching, np.inf, size) ** 3
    omega = np.einsum("pcx,psx->cps", normals, d) / (2 * cube)
    omega = omega.reshape(len(omega), -1)
    flat = size.ravel()
    geometry = Geometry(
        np.stack([energy.ravel() - flat, energy.ravel() + flat]),
        np.stack([omega, -omega]),
        np.stack([-flat * omega] * 2),
    )
    sample = integrand.of_geometry(geometry)
    total = np.zeros((len(levels), normals.shape[1], flat.size))
    for weight, values in zip(integrand.weights, sample.values, strict=True):
        w = weight(sample.energies, levels[:, None, None], np.zeros(()))
        total += np.einsum("lns,ncs->lcs", w, values)
    return np.moveaxis(total.reshape(*total.shape[:2], *size.shape), 2, 0)
