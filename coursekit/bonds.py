"""Orbitals and bonds as users give them, checked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from coursekit.bloch_model import HERMITIAN_TOLERANCE

__all__ = [
    "Hopping",
    "add_bond",
    "distinct_bonds",
    "hermitian_blocks",
    "onsite_energies",
    "orbital_positions",
    "translation_vector",
]

Floats = NDArray[np.float64]
Complexes = NDArray[np.complex128]
Hopping = tuple[int, int, Sequence[int], complex]


def orbital_positions(orbitals: ArrayLike, dim: int) -> Floats:
    positions = np.array(orbitals, dtype=float)
    if positions.ndim != 2 or positions.shape[1] != dim or len(positions) == 0:
        raise ValueError(
            f"orbitals have shape {positions.shape}; expected (n_orb, {dim}): one position in "
            "units of the primitive vectors in each row"
        )
    if not np.isfinite(positions).all():
        raise ValueError("orbitals hold NaN or inf; expected finite numbers")
    return positions


def onsite_energies(onsite: ArrayLike, n_orb: int) -> Floats:
    energies = np.asarray(onsite)
    if energies.ndim > 1 or (energies.ndim == 1 and len(energies) != n_orb):
        raise ValueError(
            f"onsite has shape {energies.shape}; expected one energy or {n_orb}, one per orbital"
        )
    if np.iscomplexobj(energies) and (energies.imag != 0).any():
        raise ValueError(
            f"onsite={energies.tolist()} is complex, so H(k) is not Hermitian; expected real "
            "energies"
        )
    values = np.broadcast_to(energies.real, (n_orb,)).astype(float)
    if not np.isfinite(values).all():
        raise ValueError("onsite holds NaN or inf; expected finite energies")
    return values


def translation_vector(R: Sequence[int], dim: int) -> tuple[int, ...]:
    array = np.atleast_1d(np.asarray(R))
    if array.shape != (dim,) or (array != np.round(array)).any():
        raise ValueError(f"R={R!r}; expected {dim} whole numbers, the cell that a hopping leads to")
    return tuple(int(x) for x in array)


def add_bond(
    blocks: dict[tuple[int, ...], Complexes],
    n_orb: int,
    bond: tuple[int, int, tuple[int, ...], complex],
) -> None:
    """Add a bond and its Hermitian partner to the blocks."""
    i, j, R, t = bond
    minus_R = tuple(-x for x in R)
    for translation in (R, minus_R):
        blocks.setdefault(translation, np.zeros((n_orb, n_orb), dtype=complex))
    blocks[R][i, j] += t
    blocks[minus_R][j, i] += np.conj(t)


def distinct_bonds(
    hoppings: Iterable[Hopping], n_orb: int, dim: int
) -> Iterable[tuple[int, int, tuple[int, ...], complex]]:
    """The bonds, each checked, and none of them named twice in either direction."""
    seen: dict[tuple[int, int, tuple[int, ...]], complex] = {}
    for hopping in hoppings:
        try:
            i, j, R, amplitude = hopping
            t = complex(amplitude)
        except (TypeError, ValueError):
            raise ValueError(
                f"hopping {hopping!r}; expected (i, j, R, t): two orbitals, a cell, a number"
            ) from None
        for index in (i, j):
            if not 0 <= index < n_orb:
                raise ValueError(
                    f"hopping {hopping!r} names orbital {index}; expected 0 to {n_orb - 1}"
                )
        translation = translation_vector(R, dim)
        minus_R = tuple(-x for x in translation)
        if not np.isfinite(t):
            raise ValueError(f"hopping {hopping!r} is NaN or inf; expected a finite number")
        if i == j and not any(translation):
            raise ValueError(
                f"hopping {hopping!r} leads from an orbital to itself; expected its energy in "
                "onsite="
            )
        if (i, j, translation) in seen:
            raise ValueError(
                f"the bond {i} -> {j}, R={translation} is named twice; expected once: add the "
                "amplitudes"
            )
        if (j, i, minus_R) in seen:
            partner = seen[j, i, minus_R]
            relation = "its partner" if partner == np.conj(t) else "a mismatched partner"
            raise ValueError(
                f"the bond {i} -> {j}, R={translation}, t={t} is named beside {relation} "
                f"{j} -> {i}, R={minus_R}, t={partner}; expected each bond once, the Hermitian "
                "partner is added; use TightBinding.from_blocks for complete tables"
            )
        seen[i, j, translation] = t
        yield i, j, translation, t


def hermitian_blocks(
    blocks: Mapping[tuple[int, ...], ArrayLike], n_orb: int, dim: int
) -> dict[tuple[int, ...], Complexes]:
    """The blocks as matrices, H(−R) = H(R)† beside each H(R), or a ValueError."""
    matrices: dict[tuple[int, ...], Complexes] = {}
    for R, block in blocks.items():
        translation = translation_vector(R, dim)
        matrix = np.array(block, dtype=complex)
        if matrix.shape != (n_orb, n_orb):
            raise ValueError(
                f"block R={translation} has shape {matrix.shape}; expected {(n_orb, n_orb)}, "
                "one row and column for each orbital"
            )
        if not np.isfinite(matrix).all():
            raise ValueError(f"block R={translation} holds NaN or inf; expected finite numbers")
        matrices[translation] = matrix
    scale = max((float(abs(m).max()) for m in matrices.values()), default=0.0)
    for translation, matrix in matrices.items():
        minus_R = tuple(-x for x in translation)
        partner = matrices.get(minus_R)
        if partner is None:
            raise ValueError(
                f"block R={translation} has no partner R={minus_R}; expected "
                "H(−R) = H(R)† beside each H(R), or use TightBinding(...), which adds it"
            )
        mismatch = float(abs(matrix - partner.conj().T).max())
        if mismatch > HERMITIAN_TOLERANCE * scale:
            raise ValueError(
                f"blocks R={translation} and R={minus_R} differ by {mismatch:.3g} from each "
                "other's conjugate transpose, so H(k) is not Hermitian; expected "
                "H(−R) = H(R)†"
            )
    return matrices
