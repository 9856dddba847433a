"""Laws that answers in this field obey, to be put into a :class:`~coursekit.checks.Part`.

Each takes the law in words, which students read, and the arguments that it changes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from coursekit.checks.form import Law
from coursekit.tight_binding import TightBinding

__all__ = [
    "any_cell",
    "any_origin",
    "gauge_invariant",
    "mesh_independent",
    "symmetric",
    "unitary_invariant",
    "whole",
]

Rng = np.random.Generator
# By dimension; of determinant 1, so that the cell keeps its volume and its handedness.
_CELLS: dict[int, tuple[Any, ...]] = {
    2: ([[1, 1], [0, 1]], [[1, 0], [-1, 1]], [[2, 1], [1, 1]]),
    3: ([[1, 1, 0], [0, 1, 0], [0, 0, 1]], [[0, 1, 0], [0, 0, 1], [1, 0, 0]]),
}


def gauge_invariant(claim: str, *positions: int) -> Law:
    """A phase on each state changes nothing.

    Parameters
    ----------
    positions : of the arguments that are states, (..., n_orb)
    """

    def change(rng: Rng, *args: Any) -> tuple[Any, ...]:
        def rephased(states: NDArray[Any]) -> NDArray[Any]:
            phases = rng.uniform(0, 2 * np.pi, states.shape[:-1])
            return np.asarray(states * np.exp(1j * phases)[..., None])

        return _changed(args, positions, rephased)

    return Law(claim, change)


def unitary_invariant(claim: str, *positions: int) -> Law:
    """A unitary mixture of the states of a group changes nothing.

    Parameters
    ----------
    positions : of the arguments that are groups of states in columns, (..., n_orb, n_states)
    """

    def change(rng: Rng, *args: Any) -> tuple[Any, ...]:
        def mixed(states: NDArray[Any]) -> NDArray[Any]:
            n = states.shape[-1]
            shape = (*states.shape[:-2], n, n)
            unitary, _ = np.linalg.qr(rng.normal(size=shape) + 1j * rng.normal(size=shape))
            return np.asarray(states @ unitary)

        return _changed(args, positions, mixed)

    return Law(claim, change)


def symmetric(claim: str, position: int, matrix: Any, sign: int = 1) -> Law:
    """answer(k) = ±answer(g k).

    Parameters
    ----------
    position : of the argument k, (..., dim)
    matrix : g, (dim, dim)
    sign : 1 or -1
    """
    g = np.asarray(matrix, dtype=float)

    def change(rng: Rng, *args: Any) -> tuple[Any, ...]:
        return _changed(args, (position,), lambda k: np.asarray(k) @ g.T)

    return Law(claim, change, lambda value: sign * value)


def mesh_independent(claim: str, position: int) -> Law:
    """A finer mesh changes nothing.

    Parameters
    ----------
    position : of the argument that is a number of points
    """

    def change(rng: Rng, *args: Any) -> tuple[Any, ...]:
        return _changed(args, (position,), lambda n: int(n) + int(rng.integers(1, 8)))

    return Law(claim, change)


def any_cell(claim: str, position: int = 0) -> Law:
    """Other lattice vectors of the same crystal change nothing.

    Parameters
    ----------
    position : of the argument that is a model
    """

    def change(rng: Rng, *args: Any) -> tuple[Any, ...]:
        def recut(model: TightBinding) -> TightBinding:
            cells = _CELLS[model.lattice.dim]
            new = np.array(cells[int(rng.integers(len(cells)))])
            back = np.rint(np.linalg.inv(new)).astype(int)
            blocks = {tuple((np.array(R) @ back).tolist()): h for R, h in model.blocks.items()}
            return TightBinding.from_blocks(
                new @ model.lattice.vectors, model.orbitals @ back, blocks
            )

        return _changed(args, (position,), recut)

    return Law(claim, change)


def any_origin(claim: str, position: int = 0) -> Law:
    """Moving all orbitals together changes nothing.

    Parameters
    ----------
    position : of the argument that is a model
    """

    def change(rng: Rng, *args: Any) -> tuple[Any, ...]:
        def moved(model: TightBinding) -> TightBinding:
            shift = rng.uniform(-0.5, 0.5, model.lattice.dim)
            return TightBinding.from_blocks(model.lattice, model.orbitals + shift, model.blocks)

        return _changed(args, (position,), moved)

    return Law(claim, change)


def whole(claim: str) -> Law:
    """The answer is an integer."""
    return Law(claim, lambda rng, *args: args, np.round)


def _changed(
    args: tuple[Any, ...], positions: tuple[int, ...], change: Callable[[Any], Any]
) -> tuple[Any, ...]:
    return tuple(change(arg) if i in positions else arg for i, arg in enumerate(args))
