"""Zone integrals at T = 0 from cells cut into simplices, on a mesh or halved where it matters."""

from __future__ import annotations

from functools import partial

import numpy as np
from numpy.typing import NDArray

from coursekit.accumulate import Sample
from coursekit.bloch_model import Model
from coursekit.errors import ConvergenceError
from coursekit.fourier import Block
from coursekit.integrand import Integrand
from coursekit.kubo import points_at_a_time
from coursekit.lattice import Lattice
from coursekit.linear import filled_below, simplices
from coursekit.parallel import in_pieces
from coursekit.thermal import FERMI, GRAND, Weight

__all__ = ["linear_adaptive", "linear_uniform"]

Floats = NDArray[np.float64]
Indices = NDArray[np.intp]

# Corners off the symmetric points, where bands touch and curvature is set to zero.
_SHIFT = 0.382
# Numbers held at a time in the largest temporary array.
_CHUNK = 1 << 20
_FIRST_MESH = 16
# Share of the error that the cells to be halved next carry.
_MARKED = 0.8
# Diagonalisations of two bands before giving up; larger matrices cost more each.
_MOST_POINTS = 4_000_000
_DEEPEST = 30


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
    sample = _quantity_at(model, integrand, k)
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
    return np.asarray(_of_cells(integrand, sample, corners, levels, with_size, one_cell, 1)[0])


def _of_cells(
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
                energies = np.concatenate([band[at] for band in sample.energies], axis=1)
                at_corners = np.concatenate([np.moveaxis(band[:, at], 0, 1) for band in x], axis=2)
                part = filled_below(
                    energies, at_corners, levels, weight.on_surface, np.tile(cell, n_bands), n_cells
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


def _quantity_at(model: Model, integrand: Integrand, k: Floats) -> Sample:
    """The quantity at scattered k (K, dim), a bounded number at a time."""
    line = np.zeros((1, model.dim))
    most = points_at_a_time(model)
    samples = [
        integrand.quantity(model, Block(k[i : i + most], line), None)
        for i in range(0, len(k), most)
    ]
    energies = np.concatenate([sample.energies for sample in samples], axis=-1)
    values = zip(*(sample.values for sample in samples), strict=True)
    return Sample(energies, tuple(np.concatenate(parts, axis=-1) for parts in values))


def linear_adaptive(
    model: Model,
    lattice: Lattice,
    integrand: Integrand,
    mus: Floats,
    rtol: float,
    progress: bool,
) -> tuple[Floats, Floats, int]:
    """Integrals (P, c), their errors, and the number of wave vectors.

    All cells of a coarse mesh are halved once along every axis.  Then those are halved again where
    that changed the integral most, until what further halving would change is below the tolerance.

    Raises
    ------
    ConvergenceError : too many wave vectors; says how far it came
    """
    levels, back = np.unique(mus, return_inverse=True)
    dim = model.dim
    scale = _FIRST_MESH**dim * lattice.cell_volume
    axis = np.arange(_FIRST_MESH)
    parents = np.stack(np.meshgrid(*(axis,) * dim, indexing="ij"), axis=-1).reshape(-1, dim)
    budget = int(2 * _MOST_POINTS / model.n_orb)
    n_k = len(parents)
    coarse = _cells(model, lattice, integrand, levels, parents, 0, progress)[0]
    size = abs(np.split(coarse, 2, axis=2)[1]).sum(axis=0)
    # Leaves by depth: cells, their parts of the integral, and what halving may change in each.
    leaves: dict[int, list[Floats]] = {}
    depth, mine = 0, coarse
    while True:
        halves, count = _cells(
            model, lattice, integrand, levels, _halved(parents), depth + 1, progress
        )
        n_k += count
        change = halves.reshape(len(parents), 2**dim, *mine.shape[1:]).sum(axis=1) - mine
        # The error of linear interpolation falls by four: a third of the change is left, and added.
        left = np.split(change, 2, axis=2)[0] / 3
        new = [_halved(parents), halves, np.repeat(left / 2**dim, 2**dim, axis=0)]
        old = leaves.get(depth + 1)
        leaves[depth + 1] = (
            new if old is None else [np.concatenate(pair) for pair in zip(old, new, strict=True)]
        )
        size = np.maximum(
            size, abs(sum(np.split(p[1], 2, axis=2)[1].sum(axis=0) for p in leaves.values()))
        )
        error = np.asarray(sum(abs(part[2]).sum(axis=0) for part in leaves.values()))
        allowed = rtol * size.max(axis=1, keepdims=True)
        if (error <= allowed).all():
            break
        if n_k > budget or depth > _DEEPEST:
            worst = np.unravel_index((error / np.maximum(allowed, 1e-300)).argmax(), error.shape)
            raise ConvergenceError(
                f"at mu={levels[worst[0]]:.6g}, T=0 the integral is known to "
                f"{error[worst] / scale:.2g} after {n_k} wave vectors; expected rtol={rtol:g} of "
                f"{size[worst[0]].max() / scale:.3g}; "
                "pass kT > 0, a larger rtol, or a fixed mesh= with method='linear'"
            )
        depth, parents, mine = _next_to_halve(leaves, allowed)
    value = np.asarray(
        sum((np.split(p[1], 2, axis=2)[0] + p[2]).sum(axis=0) for p in leaves.values())
    )
    return (value / scale)[back], (error / scale)[back], n_k


def _next_to_halve(leaves: dict[int, list[Floats]], allowed: Floats) -> tuple[int, Indices, Floats]:
    """Take out of the leaves those of one depth that carry most of the error."""
    shares = {
        d: abs(part[2] / np.maximum(allowed, 1e-300)).max(axis=(1, 2)) for d, part in leaves.items()
    }
    depth = max(shares, key=lambda d: shares[d].sum())
    order = np.argsort(-shares[depth])
    running = shares[depth][order].cumsum()
    chosen = order[: int(np.searchsorted(running, _MARKED * running[-1])) + 1]
    cells, parts, left = leaves[depth]
    rest = np.ones(len(cells), dtype=bool)
    rest[chosen] = False
    leaves[depth] = [cells[rest], parts[rest], left[rest]]
    return depth, cells[chosen].astype(np.intp), parts[chosen]


def _halved(cells: Indices) -> Indices:
    """(2^d S, d): the cells' halves along every axis, those of one cell together."""
    dim = cells.shape[1]
    offsets = np.array(list(np.ndindex(*(2,) * dim)))
    return np.asarray((2 * cells[:, None] + offsets).reshape(-1, dim))


def _cells(
    model: Model,
    lattice: Lattice,
    integrand: Integrand,
    levels: Floats,
    cells: Indices,
    depth: int,
    progress: bool,
) -> tuple[Floats, int]:
    """(S, L, 2c) parts of the cells and of their absolute values, and the number of points."""
    per_cell = model.n_orb * 24 * max(1, len(levels) // 4)
    step = max(64, _CHUNK // per_cell)
    pieces = [cells[i : i + step] for i in range(0, len(cells), step)]
    work = partial(_some_cells, model, lattice, integrand, levels, depth)
    results = list(in_pieces(work, pieces, progress=progress))
    return np.concatenate([r[0] for r in results]), sum(r[1] for r in results)


def _some_cells(
    model: Model,
    lattice: Lattice,
    integrand: Integrand,
    levels: Floats,
    depth: int,
    cells: Indices,
) -> tuple[Floats, int]:
    dim = cells.shape[1]
    n = _FIRST_MESH << depth
    offsets = np.array(list(np.ndindex(*(2,) * dim)))
    corners = (cells[None] + offsets[:, None]) % n  # (2^d, S, d)
    keys = np.ravel_multi_index(tuple(np.moveaxis(corners, -1, 0)), (n,) * dim)
    unique, member = np.unique(keys, return_inverse=True)
    index = np.stack(np.unravel_index(unique, (n,) * dim), axis=-1)
    # The same points at every depth: the shift is that of the coarsest mesh.
    k = lattice.to_cartesian(index / n + _SHIFT / _FIRST_MESH)
    sample = _quantity_at(model, integrand, k)
    member = member.reshape(keys.shape)
    number = np.arange(len(cells))
    parts = _of_cells(integrand, sample, member, levels, True, number, len(cells))
    return np.asarray(parts) / 2 ** (dim * depth), len(unique)
