"""Zone integrals at T = 0 in 3D, from cells that are halved where that changes them most."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
from numpy.typing import NDArray

from coursekit.accumulate import separated
from coursekit.bloch_model import Model
from coursekit.cells import quantity_at, simplex_parts
from coursekit.errors import ConvergenceError
from coursekit.integrand import Integrand
from coursekit.lattice import Lattice
from coursekit.parallel import in_pieces
from coursekit.search import band_edges

__all__ = ["adaptive_cells"]

Floats = NDArray[np.float64]
Indices = NDArray[np.intp]

# Off the symmetric points, where bands touch and curvature is set to zero.
_SHIFT = 0.382
# Numbers held at a time in the largest temporary array.
_CHUNK = 1 << 20
_FIRST_MESH = 16
# Radius in reduced k of pockets that are looked for; smaller ones hold 1e-12 of a band.
_SMALLEST_POCKET = 1e-4
# Share of the error that the cells to be halved next carry.
_MARKED = 0.8
# Diagonalisations of two bands before giving up; larger matrices cost more each.
_MOST_POINTS = 4_000_000
_DEEPEST = 30
# So many times more than that will not do either.
_HOPELESS = 100


def adaptive_cells(
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
    # Tetrahedra need each band's own curvature to vary slowly, which that of two bands does.
    by_simplices = integrand.on_surface or model.n_orb <= 2
    rule = _simplices if by_simplices else _middles
    coarse = _parts(rule, model, lattice, integrand, levels, parents, 0, progress)[0]
    least = integrand.smallest(model) * _FIRST_MESH**dim
    size = np.maximum(abs(coarse).sum(axis=0), least)
    # Leaves by depth: cells, their parts of the integral, and what halving may change in each.
    leaves: dict[int, list[Floats]] = {}
    depth, mine = 0, coarse
    pockets = _pockets(model, lattice, levels)
    while True:
        halves, count = _parts(
            rule, model, lattice, integrand, levels, _halved(parents), depth + 1, progress
        )
        n_k += count
        change = halves.reshape(len(parents), 2**dim, *mine.shape[1:]).sum(axis=1) - mine
        # The error of the rule falls by four: a third of the change is left, and added.
        left = change / 3
        new = [_halved(parents), halves, np.repeat(left / 2**dim, 2**dim, axis=0)]
        old = leaves.get(depth + 1)
        leaves[depth + 1] = (
            new if old is None else [np.concatenate(pair) for pair in zip(old, new, strict=True)]
        )
        size = np.maximum(size, sum(abs(part[1]).sum(axis=0) for part in leaves.values()))
        error = _error([part[2] for part in leaves.values()], by_simplices)
        allowed = rtol * size.max(axis=1, keepdims=True)
        unseen = _around(pockets, leaves)
        if unseen is None and (error <= allowed).all():
            break
        # The error falls with the square of the edge of the cells that make it, and so with the
        # number of those that they are cut into to the power 2/3 at best.
        ratio = float((error / np.maximum(allowed, 1e-300)).max())
        wanted = sum(_that_matter(part[2]) for part in leaves.values()) * ratio**1.5
        if unseen is None and (n_k > budget or depth > _DEEPEST or wanted > _HOPELESS * budget):
            worst = np.unravel_index((error / np.maximum(allowed, 1e-300)).argmax(), error.shape)
            raise ConvergenceError(
                f"at mu={levels[worst[0]]:.6g}, T=0 the integral is known to "
                f"{error[worst] / scale:.2g} after {n_k} wave vectors; expected rtol={rtol:g} of "
                f"{size[worst[0]].max() / scale:.3g}; "
                "pass kT > 0, a larger rtol, or a fixed mesh= with method='linear'"
            )
        depth, chosen = unseen or _next_to_halve(leaves, allowed)
        parents, mine = _taken_out(leaves, depth, chosen)
    value = np.asarray(sum((part[1] + part[2]).sum(axis=0) for part in leaves.values()))
    return (value / scale)[back], (error / scale)[back], n_k


def _that_matter(left: Floats) -> int:
    """Number of cells with more than a hundredth of the largest error among them."""
    largest = abs(left).max(axis=(1, 2), initial=0.0)
    return int(np.count_nonzero(largest > 0.01 * largest.max(initial=0.0)))


def _next_to_halve(leaves: dict[int, list[Floats]], allowed: Floats) -> tuple[int, Indices]:
    """The leaves of one depth that carry most of the error."""
    shares = {
        d: abs(part[2] / np.maximum(allowed, 1e-300)).max(axis=(1, 2)) for d, part in leaves.items()
    }
    depth = max(shares, key=lambda d: shares[d].sum())
    order = np.argsort(-shares[depth])
    running = shares[depth][order].cumsum()
    return depth, order[: int(np.searchsorted(running, _MARKED * running[-1])) + 1]


def _taken_out(
    leaves: dict[int, list[Floats]], depth: int, chosen: Indices
) -> tuple[Indices, Floats]:
    """Cells and parts of some leaves, which are leaves no more."""
    cells, parts, left = leaves[depth]
    rest = np.ones(len(cells), dtype=bool)
    rest[chosen] = False
    leaves[depth] = [cells[rest], parts[rest], left[rest]]
    return cells[chosen].astype(np.intp), parts[chosen]


def _pockets(model: Model, lattice: Lattice, levels: Floats) -> list[tuple[Floats, int]]:
    """Where a band's bottom or top just reaches beyond μ, and the depth of cells that see it."""
    pockets = []
    for edge in band_edges(model, lattice):
        # The smallest of the levels' pockets; the cells around it see the others too.
        radius = min((edge.pocket(mu) for mu in levels if mu != edge.energy), default=1.0)
        depth = int(np.ceil(-np.log2(max(radius, _SMALLEST_POCKET) * _FIRST_MESH / 2)))
        if depth > 1:
            pockets.append((edge.reduced, depth))
    return pockets


def _around(
    pockets: list[tuple[Floats, int]], leaves: dict[int, list[Floats]]
) -> tuple[int, Indices] | None:
    """Leaves at a pocket that are too large to see it; of one depth, or None."""
    for depth in sorted(leaves):
        n = _FIRST_MESH << depth
        for centre, wanted in pockets:
            if depth < wanted:
                away = leaves[depth][0] + 0.5 - (centre - _SHIFT / _FIRST_MESH) * n
                away -= n * np.rint(away / n)
                chosen = np.flatnonzero((abs(away) <= 1).all(axis=1))
                if chosen.size:
                    return depth, chosen
    return None


def _halved(cells: Indices) -> Indices:
    """(2^d S, d): the cells' halves along every axis, those of one cell together."""
    dim = cells.shape[1]
    offsets = np.array(list(np.ndindex(*(2,) * dim)))
    return np.asarray((2 * cells[:, None] + offsets).reshape(-1, dim))


def _error(left: list[Floats], by_simplices: bool) -> Floats:
    """(L, c) of what halving may still change, (S, L, c) at each depth.

    Tetrahedra err everywhere to the same side; middles miss the Fermi surface to either side.
    """
    if by_simplices:
        return np.asarray(sum(abs(part).sum(axis=0) for part in left))
    common = np.asarray(sum(part.sum(axis=0) for part in left))
    return np.asarray(abs(common) + 3 * np.sqrt(sum((part**2).sum(axis=0) for part in left)))


def _parts(
    rule: Callable[..., tuple[Floats, int]],
    model: Model,
    lattice: Lattice,
    integrand: Integrand,
    levels: Floats,
    cells: Indices,
    depth: int,
    progress: bool,
) -> tuple[Floats, int]:
    """(S, L, c) parts of the cells, and the number of wave vectors."""
    per_cell = model.n_orb * 24 * max(1, len(levels) // 4)
    step = max(64, _CHUNK // per_cell)
    pieces = [cells[i : i + step] for i in range(0, len(cells), step)]
    work = partial(rule, model, lattice, integrand, levels, depth)
    results = list(in_pieces(work, pieces, progress=progress))
    return np.concatenate([r[0] for r in results]), sum(r[1] for r in results)


def _middles(
    model: Model,
    lattice: Lattice,
    integrand: Integrand,
    levels: Floats,
    depth: int,
    cells: Indices,
) -> tuple[Floats, int]:
    """Each cell from its middle, where bands that are filled together leave no trace."""
    n = _FIRST_MESH << depth
    k = lattice.to_cartesian((cells + 0.5) / n + _SHIFT / _FIRST_MESH)
    sample = quantity_at(model, integrand, k, separated(levels, np.zeros_like(levels)))
    parts = np.zeros(())
    for weight, values in zip(integrand.weights, sample.values, strict=True):
        w = weight(sample.energies, levels[:, None, None], np.zeros(()))
        parts = parts + np.einsum("lnk,nck->klc", w, values)
    return np.asarray(parts) / 2 ** (cells.shape[1] * depth), len(cells)


def _simplices(
    model: Model,
    lattice: Lattice,
    integrand: Integrand,
    levels: Floats,
    depth: int,
    cells: Indices,
) -> tuple[Floats, int]:
    """Each cell from its corners, cut into tetrahedra: a Fermi surface has no middle."""
    dim = cells.shape[1]
    n = _FIRST_MESH << depth
    offsets = np.array(list(np.ndindex(*(2,) * dim)))
    corners = (cells[None] + offsets[:, None]) % n  # (2^d, S, d)
    keys = np.ravel_multi_index(tuple(np.moveaxis(corners, -1, 0)), (n,) * dim)
    unique, member = np.unique(keys, return_inverse=True)
    index = np.stack(np.unravel_index(unique, (n,) * dim), axis=-1)
    # The same points at every depth: the shift is that of the coarsest mesh.
    k = lattice.to_cartesian(index / n + _SHIFT / _FIRST_MESH)
    sample = quantity_at(model, integrand, k, None)
    member = member.reshape(keys.shape)
    number = np.arange(len(cells))
    parts = simplex_parts(integrand, sample, member, levels, False, number, len(cells))
    return np.asarray(parts) / 2 ** (dim * depth), len(unique)
