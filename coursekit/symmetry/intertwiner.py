"""A unitary U with U A = B U for pairs of matrices."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["intertwiner"]

Complexes = NDArray[np.complex128]
Bools = NDArray[np.bool_]


def intertwiner(
    before: Complexes,
    after: Complexes,
    allowed: Bools,
    guess: Complexes,
    scale: float,
    tolerance: float,
) -> Complexes | None:
    """Unitary U with U before[a] = after[a] U for all a, or None.

    Parameters
    ----------
    before, after : (n_a, n, n) Hermitian matrices, whose offset does not matter
    allowed : (n, n) where U may be non-zero
    guess : (n, n) what U should be near to where the equations leave a choice
    scale : size of the matrices
    tolerance : largest element that may be left of U A − B U, over ``scale``

    Notes
    -----
    If V solves the equations so does V (V†V)^{−1/2}, which is unitary: V†V commutes with all
    ``before``.
    """
    n = len(guess)
    offset = np.trace(before, axis1=1, axis2=2).real[:, None, None] / n * np.eye(n)
    before, after = (before - offset) / scale, (after - offset) / scale
    solutions = _solutions(before, after, allowed, max(1e-5, 10 * tolerance))
    if len(solutions) == 0:
        return None
    # How well each does, without the loss of digits of a square.
    left_over = solutions[:, None] @ before - after @ solutions[:, None]
    _, size, rows = np.linalg.svd(left_over.reshape(len(solutions), -1).T, full_matrices=False)
    solutions = np.tensordot(rows.conj(), solutions, axes=1)
    # A unit vector of unknowns is a U of norm 1, not √n.
    limit = tolerance * np.sqrt(n * len(before))
    for kept in (solutions[size < limit], solutions[size < 1e-4 * limit]):
        near = np.tensordot(np.einsum("sij,ij->s", kept.conj(), guess), kept, axes=1)
        # Any solution that is not singular will do; irrational weights make one.
        weights = np.exp(1j * np.sqrt(2.0) * np.arange(1, len(kept) + 1) ** 2)
        for candidate in (near, np.tensordot(weights, kept, axes=1)):
            left, sizes, right = np.linalg.svd(candidate)
            if sizes[-1] > 1e-3 * max(sizes[0], 1e-3):
                U = np.where(allowed, left @ right, 0)
                if abs(U @ before - after @ U).max() <= tolerance:
                    return _with_phase(U, guess)
    return None


def _solutions(before: Complexes, after: Complexes, allowed: Bools, size: float) -> Complexes:
    """(s, n, n) orthonormal V, zero where not allowed, with V A ≈ B V."""
    i, j = np.nonzero(allowed)
    # Σ ‖VA − BV‖² as a quadratic form in V_ij, from tr (E_ij A − B E_ij)† (E_kl A − B E_kl).
    form = np.where(i[:, None] == i, (before @ before).sum(axis=0)[j, j[:, None]], 0)
    form = form + np.where(j[:, None] == j, (after @ after).sum(axis=0)[i[:, None], i], 0)
    for A, B in zip(before, after, strict=True):
        form -= 2 * A[j, j[:, None]] * B[i[:, None], i]
    squares, vectors = np.linalg.eigh(form)
    few = vectors[:, squares < size**2].T
    solutions = np.zeros((len(few), *allowed.shape), dtype=complex)
    solutions[:, i, j] = few
    return solutions


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
