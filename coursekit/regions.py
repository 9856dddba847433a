"""Regions of k space that are cut into cells: the whole zone, or one cell of each symmetric set."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations, product

import numpy as np
from numpy.typing import NDArray

from coursekit.lattice import Lattice
from coursekit.reduction import Operation

__all__ = ["Region", "reduced_zone", "whole_zone"]

Floats = NDArray[np.float64]
Indices = NDArray[np.intp]

_TOLERANCE = 1e-7


@dataclass(frozen=True)
class Region:
    """Cells of a parallelepiped whose edges are reciprocal lattice vectors.

    Attributes
    ----------
    edges : (dim, dim) rows span the parallelepiped, 1/length
    first : cells along each edge
    shift : of all cells, in units of their edges
    cells : (S, dim) indices of those to integrate over
    share : (S,) what each stands for, as a fraction of the zone
    copies : (M, dim, dim) and (M, dim), matrices and translations of coordinates along the edges
        that lead to equivalent points
    """

    edges: Floats
    first: int
    shift: float
    cells: Indices
    share: Floats
    copies: tuple[Floats, Floats]

    def points(self, cells: NDArray[np.floating | np.integer], depth: int) -> Floats:
        """Cartesian k of positions (..., dim) in units of cells halved ``depth`` times."""
        n = self.first << depth
        return np.asarray((cells / n + self.shift / self.first) @ self.edges)

    def cell_edges(self, depth: int) -> Floats:
        """(dim, dim) edges of a cell that was halved ``depth`` times."""
        return self.edges / (self.first << depth)

    def positions(self, k: Floats) -> Floats:
        """(M, dim) of all points equivalent to k (dim,), in units of the region's edges."""
        turns, steps = self.copies
        x = k @ np.linalg.inv(self.edges)
        return np.asarray(x @ turns + steps - self.shift / self.first)


def whole_zone(lattice: Lattice, first: int, shift: float) -> Region:
    """The cells of the whole zone."""
    cells = _all_cells(first, lattice.dim)
    share = np.full(len(cells), 1 / len(cells))
    one = (np.eye(lattice.dim)[None], np.zeros((1, lattice.dim)))
    return Region(lattice.reciprocal, first, shift, cells, share, one)


def reduced_zone(lattice: Lattice, symmetries: Sequence[Operation], first: int) -> Region:
    """One cell of each set that operations turn into each other, about first^dim cells in all.

    Cells turn into cells where an operation maps the edges to each other, up to a sign.  The edges
    are those of the smallest parallelepiped for which most operations do; others are left out.
    """
    turns, edges = _cell_for(lattice, [np.asarray(one.k_matrix) for one in symmetries])
    # Reciprocal vectors inside the parallelepiped, in coordinates along its edges.
    inside = lattice.reciprocal @ np.linalg.inv(edges)
    copies = round(abs(np.linalg.det(edges @ np.linalg.inv(lattice.reciprocal))))
    whole = next(
        q for q in range(1, copies + 1) if abs(q * inside - np.rint(q * inside)).max() < _TOLERANCE
    )
    group = _group(turns, np.rint(whole * inside).astype(np.intp), whole)
    n = whole * round(first * len(group[0]) ** (1 / lattice.dim) / whole)
    cells = _all_cells(n, lattice.dim)
    lowest = np.arange(len(cells))
    moves = [(turn, np.zeros(lattice.dim)) for turn in turns]
    moves += [(np.eye(lattice.dim), step) for step in inside]
    there = [_cell_number((cells + 0.5) @ turn + n * step, n) for turn, step in moves]
    # The operations need not be a group: step to lower partners until none is left.
    while True:
        before = lowest
        for number in there:
            lowest = np.minimum(lowest, lowest[number])
            np.minimum.at(lowest, number, lowest.copy())
        if (lowest == before).all():
            break
    kept, count = np.unique(lowest, return_counts=True)
    return Region(edges, n, 0.0, cells[kept], count / len(cells), group)


def _all_cells(n: int, dim: int) -> Indices:
    axis = np.arange(n)
    return np.stack(np.meshgrid(*(axis,) * dim, indexing="ij"), axis=-1).reshape(-1, dim)


def _cell_number(middles: Floats, n: int) -> Indices:
    index = np.floor(middles).astype(np.intp) % n
    return np.asarray(np.ravel_multi_index(tuple(index.T), (n,) * index.shape[1]))


def _cell_for(lattice: Lattice, matrices: list[Floats]) -> tuple[list[Floats], Floats]:
    """Operations as signed permutations of the edges, and the edges."""
    dim = lattice.dim
    steps = [np.array(s) for s in product((-1, 0, 1), repeat=dim)]
    steps = steps[len(steps) // 2 + 1 :]  # one of each pair ±s
    best: tuple[tuple[int, int], list[Floats], Floats] | None = None
    for chosen in combinations(steps, dim):
        size = round(abs(np.linalg.det(np.array(chosen))))
        if not size:
            continue
        edges = np.array(chosen) @ lattice.reciprocal
        turns = [edges @ matrix.T @ np.linalg.inv(edges) for matrix in matrices]
        fit = [np.rint(turn) for turn in turns if _permutes(turn)]
        rank = (-len(fit), size)
        if best is None or rank < best[0]:
            best = (rank, fit, edges)
    assert best is not None
    return best[1], best[2]


def _permutes(turn: Floats) -> bool:
    """Whether each coordinate becomes plus or minus another one."""
    whole = np.rint(turn)
    return bool(
        abs(turn - whole).max() < _TOLERANCE
        and (abs(whole).sum(axis=0) == 1).all()
        and (abs(whole).sum(axis=1) == 1).all()
    )


def _group(turns: list[Floats], steps: Indices, whole: int) -> tuple[Floats, Floats]:
    """All products of operations, each with all translations ``steps``/``whole`` and their sums."""
    dim = steps.shape[1]
    matrices = {tuple(np.eye(dim, dtype=int).ravel())}
    while True:
        found = {
            tuple(np.rint(np.reshape(m, (dim, dim)) @ t).astype(int).ravel())
            for m in matrices
            for t in turns
        }
        if found <= matrices:
            break
        matrices |= found
    points = {(0,) * dim}
    while True:
        more = {tuple((np.array(p) + s) % whole) for p in points for s in steps}
        if more <= points:
            break
        points |= more
    pairs = [(np.reshape(m, (dim, dim)), np.array(p) / whole) for m in matrices for p in points]
    return np.array([m for m, _ in pairs], dtype=float), np.array([p for _, p in pairs])
