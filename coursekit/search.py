"""Minima of functions of k, and with them the edges of bands."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from coursekit.bloch_model import Model
from coursekit.lattice import Lattice

__all__ = ["BandEdge", "band_edges", "lowest_points"]

Floats = NDArray[np.float64]

# Rounds in which a step shrinks from a mesh cell's size to rounding, with some to spare for walks.
_MOST_ROUNDS = 60
_SMALLEST_STEP = 1e-15
# How far beyond the extreme energies of a mesh a band may reach, in widths of the band.
_BEYOND_MESH = 0.2


def lowest_points(
    function: Callable[[Floats], Floats], starts: Floats, step: Floats
) -> tuple[Floats, Floats]:
    """Walk downhill from every start to a local minimum, without derivatives.

    Each round fits a parabola to the function on a stencil of 3^dim points, goes where the parabola
    is lowest, and shrinks the stencil once the walk becomes shorter than it.  The square of a gap
    is a parabola where bands cross.

    Parameters
    ----------
    function : points (..., dim) -> values (...)
    starts : (m, dim)
    step : (dim,) size of the first stencil

    Returns
    -------
    the lowest points (m, dim) that were met, and their values (m,)
    """
    dim = starts.shape[1]
    stencil = np.array(list(product((0.0, -1.0, 1.0), repeat=dim)))
    rows, columns = np.triu_indices(dim)
    monomials = [np.ones((len(stencil), 1)), stencil, stencil[:, rows] * stencil[:, columns]]
    fit = np.linalg.pinv(np.concatenate(monomials, axis=1)).T
    points = starts.astype(float)
    values = function(points)
    radius = np.ones(len(points))
    active = np.arange(len(points))
    for _ in range(_MOST_ROUNDS):
        here, r = points[active], radius[active, None]
        samples = function(here[:, None, :] + r[:, None] * step * stencil)
        coefficients = samples @ fit
        hessian = np.zeros((len(active), dim, dim))
        hessian[:, rows, columns] = coefficients[:, dim + 1 :]
        walk = _parabola_minimum(coefficients[:, 1 : dim + 1], hessian + hessian.swapaxes(1, 2))
        guess = function(here + r * step * walk)
        best = samples.argmin(axis=1)
        lowest = samples[np.arange(len(active)), best]
        guessed = guess <= lowest
        move = np.where(guessed[:, None], walk, stencil[best])
        points[active] = here + r * step * move
        values[active] = np.minimum(guess, lowest)
        length = np.linalg.norm(move, axis=1)
        radius[active] *= np.where(length > 0.5, 1.0, np.clip(2 * length, 1 / 16, 1 / 4))
        active = active[radius[active] > _SMALLEST_STEP]
        if len(active) == 0:
            break
    return points, values


def _parabola_minimum(gradient: Floats, hessian: Floats) -> Floats:
    """Steps (m, dim), no longer than 2, to the minima of parabolas (m, dim), (m, dim, dim).

    Along an axis that bends down, or not at all, the step is a full one downhill.
    """
    bend, axes = np.linalg.eigh(hessian)
    slope = np.einsum("mia,mi->ma", axes, gradient)
    least = np.maximum(1e-300, np.maximum(abs(slope) / 2, 1e-12 * abs(bend).max(1, keepdims=True)))
    steps = -slope / np.maximum(bend, least)
    walk = np.einsum("mia,ma->mi", axes, steps)
    length = np.linalg.norm(walk, axis=1, keepdims=True)
    return np.asarray(walk * np.minimum(1, 2 / np.maximum(length, 1e-300)))


class BandEdge(NamedTuple):
    """The bottom or top of a band of a lattice model."""

    reduced: Floats  # (dim,), in [0, 1)
    energy: float
    width: float  # of the band

    def pocket(self, mu: float, kT: float = 0.0) -> float:
        """Radius in reduced k of the states between the edge and μ, or within kT of it."""
        # A parabola that spans the width from the zone's middle to its edge.
        return np.sqrt(max(abs(mu - self.energy), kT) / self.width) if self.width else 1.0


def band_edges(model: Model, lattice: Lattice, levels: Floats | None = None) -> list[BandEdge]:
    """Bottom and top of every band, from a coarse mesh and a walk from its extreme points.

    Parameters
    ----------
    levels : energies; edges that are not within a fifth of the band's width of one are left out
    """
    n_mesh = 32 if lattice.dim < 3 else 16
    axes = np.meshgrid(*(np.arange(n_mesh) / n_mesh,) * lattice.dim, indexing="ij")
    mesh = np.stack(axes, axis=-1).reshape(-1, lattice.dim)

    def energies(reduced: Floats) -> Floats:
        return np.asarray(np.linalg.eigvalsh(model.hamiltonian(lattice.to_cartesian(reduced))))

    on_mesh = energies(mesh)
    edges = []
    for n in range(model.n_orb):
        width = float(np.ptp(on_mesh[:, n]))
        for sign in (1, -1):
            start = (sign * on_mesh[:, n]).argmin()
            away = 0.0 if levels is None else abs(levels - on_mesh[start, n]).min()
            if away > _BEYOND_MESH * width:
                continue

            def height(at: Floats, n: int = n, sign: int = sign) -> Floats:
                return np.asarray(sign * energies(at)[..., n])

            (point,), (value,) = lowest_points(
                height, mesh[start, None], np.full(lattice.dim, 1 / n_mesh)
            )
            edges.append(BandEdge(point % 1, float(sign * value), width))
    return edges
