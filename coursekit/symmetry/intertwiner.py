"""A unitary U with U A = B U for pairs of matrices."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["intertwiner"]

Complexes = NDArray[np.complex128]
Bools = NDArray[np.bool_]


def intertwiner(
    before: Complexes, after: Complexes, allowed: Bools, guess: Complexes, tolerance: float
) -> Complexes | None:
    """Unitary U with U before[a] = after[a] U for all a, or None.

    Parameters
    ----------
    before, after : (n_a, n, n) Hermitian matrices; the first pair should have few degeneracies
    allowed : (n, n) where U may be non-zero
    guess : (n, n) what U should be near to where the equations leave a choice
    tolerance : in the unit of the matrices

    Notes
    -----
    In the eigenbases W, W′ of the first pair U is diagonal up to degenerate levels, so that there
    are about n unknowns, not n². If U₁ solves the equations so does U₁ (U₁†U₁)^{−1/2}: U₁†U₁
    commutes with all ``before``.
    """
    n = len(guess)
    levels, W = np.linalg.eigh(before[0])
    levels_after, W_after = np.linalg.eigh(after[0])
    window = 100 * tolerance
    row, column = np.nonzero(abs(levels_after[:, None] - levels) < window)
    # (n_unknown, n, n): |w′ᵢ⟩⟨wⱼ|
    basis = W_after.T[row][:, :, None] * W.conj().T[column][:, None, :]
    equations = [basis @ a - b @ basis for a, b in zip(before[1:], after[1:], strict=True)]
    scale = max(abs(before).max(), tolerance)
    equations.append(scale * np.where(allowed, 0, basis))
    matrix = np.stack(equations, axis=1).reshape(len(basis), -1).T
    _, size, rows = np.linalg.svd(matrix, full_matrices=False)
    # A unit vector of unknowns is a U of norm 1, not √n.
    kept = rows[size < tolerance * np.sqrt(len(equations) * n)].conj()
    if len(kept) == 0:
        return None
    solutions = np.tensordot(kept, basis, axes=1)
    near = np.tensordot(np.einsum("sij,ij->s", solutions.conj(), guess), solutions, axes=1)
    # Any solution that is not singular will do; irrational weights make one.
    weights = np.exp(1j * np.sqrt(2.0) * np.arange(1, len(kept) + 1) ** 2)
    for candidate in (near, np.tensordot(weights, solutions, axes=1)):
        left, sizes, right = np.linalg.svd(candidate)
        if sizes[-1] > 1e-3 * max(sizes[0], 1e-3):
            U = left @ right
            fits = abs(U @ before - after @ U).max() <= tolerance
            return _with_phase(np.where(allowed, U, 0), guess) if fits else None
    return None


def _with_phase(U: Complexes, guess: Complexes) -> Complexes:
    """U with the phase that makes it most like the guess, else its first large element positive."""
    overlap = np.vdot(guess, U)
    if abs(overlap) < 1e-6 * len(U):
        flat = U.ravel()
        overlap = flat[np.argmax(abs(flat) > 0.999 * abs(flat).max())]
    U = U * (overlap.conj() / abs(overlap))
    # Rounding leaves 1e−17 where the structure has nothing.
    U.real[abs(U.real) < 1e-14] = 0.0
    U.imag[abs(U.imag) < 1e-14] = 0.0
    return np.asarray(U)
