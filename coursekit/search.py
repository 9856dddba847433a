"""Minima of functions of k, and with them the edges of bands."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from coursekit.bloch_model import Model
from coursekit.lattice import Lattice

__all__ = ["BandEdge", "band_edges", "compass_minimum"]

Floats = NDArray[np.float64]

_STENCIL = np.stack(np.meshgrid([0.0, -1, 1], [0.0, -1, 1]), axis=-1).reshape(-1, 2)
# Halvings that bring a step from a mesh cell's size to rounding.
_HALVINGS = 40


def compass_minimum(
    function: Callable[[Floats], Floats], start: Floats, step: Floats
) -> tuple[Floats, float]:
    """Walk downhill from ``start`` (2,) among neighbours at ever smaller steps (2,).

    It needs no derivative: a gap that closes has none where it closes.

    Parameters
    ----------
    function : points (9, 2) -> values (9,)

    Returns
    -------
    the lowest point (2,) that was met, and its value
    """
    point, value = start, np.inf
    for _ in range(_HALVINGS):
        around = point + step * _STENCIL
        values = function(around)
        lowest = values.argmin()
        point, value, step = around[lowest], float(values[lowest]), step / 2
    return point, value


class BandEdge(NamedTuple):
    """The bottom or top of a band of a 2D lattice model."""

    reduced: Floats  # (2,), in [0, 1)
    energy: float
    width: float  # of the band


def band_edges(model: Model, lattice: Lattice) -> list[BandEdge]:
    """Bottom and top of every band, from a 32 × 32 mesh and a walk from its extreme points."""
    axis = np.arange(32) / 32
    mesh = np.stack(np.meshgrid(axis, axis, indexing="ij"), axis=-1).reshape(-1, 2)

    def energies(reduced: Floats) -> Floats:
        return np.asarray(np.linalg.eigvalsh(model.hamiltonian(lattice.to_cartesian(reduced))))

    on_mesh = energies(mesh)
    edges = []
    for n in range(model.n_orb):
        for sign in (1, -1):

            def height(at: Floats, n: int = n, sign: int = sign) -> Floats:
                return np.asarray(sign * energies(at)[..., n])

            start = mesh[(sign * on_mesh[:, n]).argmin()]
            point, value = compass_minimum(height, start, np.full(2, 1 / 32))
            edges.append(BandEdge(point % 1, sign * value, float(np.ptp(on_mesh[:, n]))))
    return edges
