"""Pauli matrices and bonds between sites with spin: what the models are written with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = [
    "HEXAGONAL_CELL",
    "IDENTITY",
    "SIGMA_X",
    "SIGMA_Y",
    "SIGMA_Z",
    "Bond",
    "along",
    "rashba_matrix",
    "spin_bonds",
    "with_partners",
]

Complexes = NDArray[np.complex128]
Bond = tuple[int, int, Sequence[int], complex]

HEXAGONAL_CELL = ((1.0, 0.0), (0.5, np.sqrt(3) / 2))
IDENTITY = np.eye(2)
SIGMA_X = np.array([[0, 1], [1, 0]], dtype=complex)
SIGMA_Y = np.array([[0, -1j], [1j, 0]])
SIGMA_Z = np.array([[1, 0], [0, -1]], dtype=complex)


def along(direction: ArrayLike) -> Complexes:
    """n·σ for a vector n of two or three components."""
    n = np.asarray(direction, dtype=float)
    return np.asarray(np.tensordot(n, np.array([SIGMA_X, SIGMA_Y, SIGMA_Z])[: len(n)], axes=1))


def rashba_matrix(displacement: ArrayLike) -> Complexes:
    """i(σ × d̂)_z = i(σₓ d_y − σ_y dₓ) of a bond with displacement d = rⱼ − rᵢ."""
    d = np.asarray(displacement, dtype=float)
    x, y = d / np.linalg.norm(d)
    return np.asarray(1j * (y * SIGMA_X - x * SIGMA_Y))


def spin_bonds(i: int, j: int, R: Sequence[int], matrix: ArrayLike, n_sites: int) -> list[Bond]:
    """The bonds of a 2 × 2 hopping matrix in spin space, for orbitals in the order "blocks"."""
    amplitudes = np.asarray(matrix)
    return [
        (i + n_sites * s, j + n_sites * z, R, complex(amplitudes[s, z]))
        for s in (0, 1)
        for z in (0, 1)
        if amplitudes[s, z] != 0
    ]


def with_partners(blocks: Mapping[Any, NDArray[Any]]) -> dict[tuple[int, ...], Complexes]:
    """The blocks with H(−R) = H(R)† beside each H(R) that comes without it."""
    partners = {tuple(-x for x in R): block.conj().T for R, block in blocks.items()}
    return partners | dict(blocks)
