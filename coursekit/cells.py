"""Zone integrals at T = 0 from the cells of a mesh, cut into triangles or tetrahedra."""

from __future__ import annotations

from functools import partial

import numpy as np
from numpy.typing import NDArray

from coursekit.accumulate import Sample
from coursekit.bloch_model import Model
from coursekit.fourier import Block
from coursekit.integrand import Integrand
from coursekit.kubo import Keep, points_at_a_time
from coursekit.lattice import Lattice
from coursekit.linear import crowded_bands, filled_below, simplices
from coursekit.parallel import in_pieces
from coursekit.thermal import FERMI, GRAND, Weight

__all__ = ["linear_uniform", "quantity_at", "simplex_parts"]

Floats = NDArray[np.float64]
Indices = NDArray[np.intp]

# Numbers held at a time in the largest temporary array.
_CHUNK = 1 << 20


def linear_uniform(
    model: Model,
    lattice: Lattice,
    integrand: Integrand,
    mus: Floats,
    sizes: tuple[int, ...],
    shift: float,
    with_size: bool,
    progress: bool,
) -> tuple[Floats, Floats]:
    """Integrals (P, c) on one mesh, and those of the absolute values where asked for."""
    levels, back = np.unique(mus, return_inverse=True)
    n_cells = int(np.prod(sizes))
    per_plane = n_cells // sizes[0]
    step = max(1, _CHUNK // (per_plane * model.n_orb * 24))
    slabs = [slice(i, min(i + step, sizes[0])) for i in range(0, sizes[0], step)]
    slab = partial(_slab, model, lattice, integrand, levels, sizes, shift, with_size)
    total = np.zeros(())
    for part in in_pieces(slab, slabs, progress=progress):
        total = total + part
    out = (total / (n_cells * lattice.cell_volume))[back]
    value, size = np.split(out, 2, axis=1) if with_size else (out, out)
    return value, size


def _slab(
    model: Model,
    lattice: Lattice,
    integrand: Integrand,
    levels: Floats,
    sizes: tuple[int, ...],
    shift: float,
    with_size: bool,
    where: slice,
) -> Floats:
    """(L, c) summed over the cells between planes of the mesh."""
    planes = np.arange(where.start, where.stop + 1)
    axes = [planes, *(np.arange(n) for n in sizes[1:])]
    index = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1)
    k = lattice.to_cartesian((index.reshape(-1, len(sizes)) + shift) / np.array(sizes))
    sample = quantity_at(model, integrand, k, None)
    shape = index.shape[:-1]
    number: Indices = np.arange(int(np.prod(shape)), dtype=np.intp).reshape(shape)
    # Around the zone along every axis but the first, whose last plane is there.
    for axis in range(1, len(sizes)):
        number = np.concatenate([number, np.take(number, [0], axis=axis)], axis=axis)
    cells = [int(length) - 1 for length in np.shape(number)]
    corners = np.stack(
        [
            number[tuple(slice(o, o + n) for o, n in zip(offset, cells, strict=True))].ravel()
            for offset in np.ndindex(*(2,) * len(sizes))
        ]
    )
    one_cell = np.zeros(corners.shape[1], dtype=np.intp)
    return np.asarray(simplex_parts(integrand, sample, corners, levels, with_size, one_cell, 1)[0])


def simplex_parts(
    integrand: Integrand,
    sample: Sample,
    corners: Indices,
    levels: Floats,
    with_size: bool,
    cell: Indices,
    n_cells: int,
) -> Floats:
    """(n_cells, L, c) of cells with given corners (2^d, S) among the sample's points."""
    dim = int(np.log2(len(corners)))
    n_bands = len(sample.energies)
    places = simplices(dim) @ (1 << np.arange(dim)[::-1])  # (d!, d + 1) corner numbers
    out = np.zeros(())
    for weight, values in zip(integrand.weights, sample.values, strict=True):
        for power, x in _below_mu(weight, sample.energies, values, levels):
            if with_size:
                x = np.concatenate([x, abs(x)], axis=1)
            for simplex in places:
                at = corners[simplex]  # (d + 1, S)
                of_bands = sample.energies[:, at]
                energies = np.concatenate(list(of_bands), axis=1)
                crowded = None if integrand.kind == "scalar" else crowded_bands(of_bands).ravel()
                at_corners = np.concatenate([np.moveaxis(band[:, at], 0, 1) for band in x], axis=2)
                owner = np.tile(cell, n_bands)
                part = filled_below(
                    energies, at_corners, levels, weight.on_surface, owner, n_cells, crowded
                )
                out = out + part * (power[:, None] / len(places))
    return out


def _below_mu(
    weight: Weight, energies: Floats, values: Floats, levels: Floats
) -> list[tuple[Floats, Floats]]:
    """The weight at T = 0 as Σ power(μ) θ(μ − ε) X: pairs of power (L,) and X (n, c, K)."""
    one = np.ones_like(levels)
    if weight is FERMI or weight.on_surface:
        return [(one, values)]
    if weight is GRAND:
        middle = levels.mean()
        return [(one, values * (middle - energies)[:, None]), (levels - middle, values)]
    return [(0 * one, values)]


def quantity_at(model: Model, integrand: Integrand, k: Floats, keep: Keep | None) -> Sample:
    """The quantity at scattered k (K, dim), a bounded number at a time."""
    line = np.zeros((1, model.dim))
    most = points_at_a_time(model)
    samples = [
        integrand.quantity(model, Block(k[i : i + most], line), keep)
        for i in range(0, len(k), most)
    ]
    energies = np.concatenate([sample.energies for sample in samples], axis=-1)
    values = zip(*(sample.values for sample in samples), strict=True)
    return Sample(energies, tuple(np.concatenate(parts, axis=-1) for parts in values))
