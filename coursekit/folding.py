"""Larger cells and open boundaries: what they do to tables of hoppings."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["Crystal", "layered", "repeated"]

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Complexes = NDArray[np.complex128]
Blocks = Mapping[tuple[int, ...], Complexes]
# R, and the places of the two cells that a hopping leads from and to.
Link = tuple[tuple[int, ...], int, int]


class Crystal(NamedTuple):
    """Lattice vectors, reduced places of the orbitals, hoppings; made of copies of the old cell."""

    vectors: Floats
    orbitals: Floats
    blocks: dict[tuple[int, ...], Complexes]
    copies: int


def repeated(vectors: Floats, orbitals: Floats, blocks: Blocks, multiples: ArrayLike) -> Crystal:
    """The crystal in a larger cell, orbitals in the order of the old cells."""
    matrix = _integer_matrix(multiples, len(vectors))
    cells = _cells_of(matrix)
    place = {tuple(cell): index for index, cell in enumerate(cells.tolist())}

    def links(R: tuple[int, ...]) -> Iterator[Link]:
        ends = cells + np.array(R, dtype=np.int64)
        turns = _quotient(ends, matrix)
        inside = ends - turns @ matrix
        for index, (turn, cell) in enumerate(zip(turns.tolist(), inside.tolist(), strict=True)):
            yield tuple(turn), index, place[tuple(cell)]

    places = (cells[:, None] + orbitals).reshape(-1, len(vectors)) @ np.linalg.inv(matrix)
    return Crystal(matrix @ vectors, places, _placed(blocks, links, len(cells)), len(cells))


def layered(
    vectors: Floats, orbitals: Floats, blocks: Blocks, direction: int, n_cells: int
) -> Crystal:
    """Cells along one lattice vector with open ends, in one dimension less."""
    dim = len(vectors)
    if dim == 1:
        raise ValueError(
            "the model is a chain; expected 2D or 3D: a finite chain has no k left. Its matrix is "
            "blocks[0,] of a supercell"
        )
    if direction not in range(dim):
        raise ValueError(f"direction={direction!r}; expected a lattice vector, 0 to {dim - 1}")
    if n_cells != int(n_cells) or n_cells < 1:
        raise ValueError(f"n_cells={n_cells!r}; expected a whole number, 1 or more")
    n_cells = int(n_cells)

    def links(R: tuple[int, ...]) -> Iterator[Link]:
        within = (*R[:direction], *R[direction + 1 :])
        for layer in range(max(0, -R[direction]), min(n_cells, n_cells - R[direction])):
            yield within, layer, layer + R[direction]

    layers = np.zeros((n_cells, 1, dim))
    layers[:, 0, direction] = np.arange(n_cells)
    axes = _axes_without(vectors, direction)
    kept = np.delete(vectors, direction, axis=0) @ axes.T
    places = (layers + orbitals).reshape(-1, dim) @ vectors @ axes.T
    return Crystal(kept, places @ np.linalg.inv(kept), _placed(blocks, links, n_cells), n_cells)


def _integer_matrix(multiples: ArrayLike, dim: int) -> Integers:
    """(dim, dim) rows are the new primitive vectors in units of the old, or a ValueError."""
    array = np.asarray(multiples)
    if array.shape in ((), (dim,)):
        array = np.diag(np.broadcast_to(array, (dim,)))
    whole = array.shape == (dim, dim) and array.dtype.kind in "iuf" and (array % 1 == 0).all()
    if not whole or round(np.linalg.det(array)) == 0:
        raise ValueError(
            f"multiples={multiples!r}; expected one whole number, {dim} of them, or a "
            f"{dim} × {dim} matrix of whole numbers with a determinant that is not zero"
        )
    return array.astype(np.int64)


def _cells_of(matrix: Integers) -> Integers:
    """(|det|, dim) old cells that make up the new one, in ascending order."""
    corners = np.stack([np.minimum(matrix, 0).sum(axis=0), np.maximum(matrix, 0).sum(axis=0)])
    axes = [np.arange(low, high + 1) for low, high in corners.T]
    box = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, len(matrix))
    return np.asarray(box[(_quotient(box, matrix) == 0).all(axis=-1)])


def _quotient(cells: Integers, matrix: Integers) -> Integers:
    """The whole part of cells · matrix⁻¹, in whole numbers so that no rounding moves a cell."""
    determinant = round(np.linalg.det(matrix))
    adjugate = np.round(np.linalg.inv(matrix) * determinant).astype(np.int64)
    return np.asarray((cells @ adjugate * np.sign(determinant)) // abs(determinant))


def _axes_without(vectors: Floats, direction: int) -> Floats:
    """(dim − 1, dim) orthonormal axes of the span of all lattice vectors but one.

    The first is along the next lattice vector in cyclic order; in 3D the first, the second and the
    reciprocal vector of ``direction`` are right-handed.
    """
    following = vectors[(direction + 1) % len(vectors)]
    e1 = following / np.linalg.norm(following)
    if len(vectors) == 2:
        return np.asarray(e1[None])
    normal = np.linalg.inv(vectors)[:, direction]
    return np.stack([e1, np.cross(normal / np.linalg.norm(normal), e1)])


def _placed(
    blocks: Blocks, links: Callable[[tuple[int, ...]], Iterable[Link]], n_cells: int
) -> dict[tuple[int, ...], Complexes]:
    """Each block at every place where its hopping leads from one cell to another."""
    placed: dict[tuple[int, ...], Complexes] = {}
    for R, block in blocks.items():
        n = len(block)
        for turn, row, column in links(R):
            target = placed.setdefault(turn, np.zeros((n_cells * n, n_cells * n), dtype=complex))
            target[row * n : (row + 1) * n, column * n : (column + 1) * n] += block
    return placed
