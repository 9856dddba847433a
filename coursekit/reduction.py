"""Uniform meshes reduced by symmetry: one wave vector for all that an operation turns into it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from coursekit.bloch_model import Model
from coursekit.fourier import Block
from coursekit.integrand import Integrand
from coursekit.lattice import Lattice

__all__ = ["Operation", "Reduction", "invariant_part", "reduce_zone"]

Floats = NDArray[np.float64]
Indices = NDArray[np.intp]

# Operations are orthogonal matrices to rounding.
_TOLERANCE = 1e-7
# Wannier functions keep a crystal's symmetry to so much of the largest energy and of Ω.
_ENERGIES_AGREE, _STATES_AGREE = 1e-6, 1e-3


class Operation(Protocol):
    """What the reduction asks of a symmetry."""

    @property
    def k_matrix(self) -> Floats:
        """(dim, dim) of what it does to k."""

    @property
    def axial_matrix(self) -> Floats:
        """(3, 3) of what it does to Ω, m and M."""


@dataclass(frozen=True)
class Reduction:
    """Wave vectors that no operation connects, and how many each stands for."""

    points: Floats  # (K, dim)
    multiplicity: Floats  # (K,)
    average: Floats  # (c, c), projector on what the group leaves

    def pieces(self, most: int) -> Iterator[tuple[Block, Floats]]:
        """Blocks of at most ``most`` points, with the multiplicities."""
        line = np.zeros((1, self.points.shape[1]))
        for first in range(0, len(self.points), most):
            part = slice(first, first + most)
            yield Block(self.points[part], line), self.multiplicity[part]

    def complete(self, values: Floats) -> Floats:
        """(P, c): what the whole zone gives, from what the representatives give."""
        return values @ self.average.T


def reduce_zone(
    model: Model,
    lattice: Lattice,
    symmetries: Sequence[Operation],
    sizes: tuple[int, ...],
    integrand: Integrand,
) -> Reduction:
    """Reduce the Γ-centred mesh of the given sizes.

    Raises
    ------
    ValueError : an operation that maps lattice, mesh, bands or integrand to others; an integrand
        that is neither a scalar nor an axial vector
    """
    average = invariant_part(model, lattice, symmetries, integrand)
    turns = [_on_mesh(lattice, one, sizes) for one in symmetries]
    index = np.stack(np.unravel_index(np.arange(int(np.prod(sizes))), sizes))
    lowest = np.arange(index.shape[1])
    # The list need not be a group: step to lower partners until none is left.
    while True:
        before = lowest
        for turn in turns:
            there = np.ravel_multi_index(tuple(turn @ index), sizes, mode="wrap")
            lowest = np.minimum(lowest, lowest[there])
            np.minimum.at(lowest, there, lowest.copy())
        if (lowest == before).all():
            break
    first, count = np.unique(lowest, return_counts=True)
    points = lattice.to_cartesian(index[:, first].T / np.array(sizes))
    return Reduction(points, count.astype(float), average)


def invariant_part(
    model: Model, lattice: Lattice, symmetries: Sequence[Operation], integrand: Integrand
) -> Floats:
    """(c, c) projector on what the symmetries leave of the integral.

    Raises
    ------
    ValueError : an operation that maps the lattice, bands or integrand to others; an integrand that
        is neither a scalar nor an axial vector
    """
    if integrand.kind not in ("scalar", "axial"):
        raise ValueError(
            "symmetries= with this quantity; expected electron_density, anomalous_hall, "
            "orbital_magnetization or what else is a scalar or an axial vector"
        )
    for one in symmetries:
        _on_lattice(lattice, one)
        _require_symmetry(model, lattice, one, integrand)
    if integrand.kind == "scalar":
        return np.eye(1)
    return _invariant([np.asarray(one.axial_matrix) for one in symmetries])[_components(model)]


def _on_lattice(lattice: Lattice, one: Operation) -> Floats:
    """The operation as a matrix of whole numbers that acts on reduced k."""
    turn = lattice.vectors @ np.asarray(one.k_matrix) @ np.linalg.inv(lattice.vectors)
    whole = np.rint(turn)
    if abs(turn - whole).max() > _TOLERANCE:
        raise ValueError(f"{one!r} does not map the lattice to itself; expected a symmetry of it")
    return np.asarray(whole)


def _on_mesh(lattice: Lattice, one: Operation, sizes: tuple[int, ...]) -> NDArray[np.intp]:
    """The operation as a matrix of whole numbers that acts on mesh indices."""
    whole = _on_lattice(lattice, one)
    scale = np.array(sizes)
    steps = whole * scale[:, None] / scale[None, :]
    if abs(steps - np.rint(steps)).max() > _TOLERANCE:
        raise ValueError(
            f"{one!r} does not map the mesh {sizes} to itself; expected equal numbers of points "
            "along axes that it exchanges"
        )
    return np.asarray(np.rint(steps), dtype=np.intp)


def _require_symmetry(model: Model, lattice: Lattice, one: Operation, integrand: Integrand) -> None:
    """Compare energies and integrand at a generic k and where the operation takes it."""
    k = lattice.to_cartesian(np.array([0.137, 0.291, 0.413])[: lattice.dim])
    both = np.stack([k, np.asarray(one.k_matrix) @ k])
    energies, parts = integrand.quantity(model, Block(both, np.zeros((1, lattice.dim))), None)
    scale = max(float(abs(energies).max()), model.energy_scale)
    if abs(energies[:, 0] - energies[:, 1]).max() > _ENERGIES_AGREE * scale:
        raise ValueError(
            f"{one!r} changes the energies of the model; expected one of its symmetries, as from "
            "coursekit.symmetry.find_symmetries(model)"
        )
    matrix = np.eye(1)
    if integrand.kind == "axial":
        matrix = np.asarray(one.axial_matrix)[_components(model)]
    for values in parts:
        # Sums over bands, which do not depend on the states of those that touch.
        for power in range(3):
            here, there = np.einsum("nk,nck->kc", (energies / scale) ** power, values)
            if abs(there - matrix @ here).max() > _STATES_AGREE * abs(values).max():
                raise ValueError(
                    f"{one!r} keeps the energies of the model, but not its states: what is "
                    f"integrated goes from {here} to {there}; expected {matrix @ here}, as for "
                    "the symmetries from coursekit.symmetry.find_symmetries(model)"
                )


def _components(model: Model) -> tuple[slice, slice]:
    """The part of an axial matrix that a model has: all of it, or z in a plane."""
    return (slice(2, 3),) * 2 if model.dim == 2 else (slice(0, 3),) * 2


def _invariant(matrices: Sequence[Floats]) -> Floats:
    """Projector on the vectors that all matrices leave as they are: the average over the group."""
    stack = np.concatenate([matrix - np.eye(3) for matrix in matrices])
    _, size, rows = np.linalg.svd(stack)
    kept = rows[size < _TOLERANCE]
    return np.asarray(kept.T @ kept)
