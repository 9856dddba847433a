"""Fourier sums over lattice translations, Σ_R W_R e^{ik·R}, on lines and at points of k.

On a mesh k = rowᵢ + lineⱼ the phases factor, e^{ik·R} = e^{i row·R} e^{i line·R}.  For each row the
translations that the line cannot tell apart are summed once; what is left is a small matrix
product, without an exponential at any mesh point.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["Block", "FourierSum", "blocks_of"]

Floats = NDArray[np.float64]
Complexes = NDArray[np.complex128]

# Below this many points on a line there is nothing to gain from its structure.
_SHORTEST_LINE = 8
_LONGEST_LINE = 4096
# Positions along a lattice vector that differ by less, relative to the line, are the same.
_SAME = 1e-13


class Block(NamedTuple):
    """Wave vectors rowᵢ + lineⱼ; a block of scattered points has a line of one zero vector."""

    rows: Floats  # (I, dim)
    line: Floats  # (J, dim)

    @property
    def size(self) -> int:
        """Number of points, I × J."""
        return len(self.rows) * len(self.line)

    @property
    def points(self) -> Floats:
        """(I × J, dim)."""
        points = self.rows[:, None, :] + self.line
        return np.asarray(points.reshape(-1, self.rows.shape[-1]))


def blocks_of(k: Floats, most: int) -> Iterator[tuple[slice, Block]]:
    """Cut k (..., dim) into blocks of at most ``most`` points, as lines where k is a mesh.

    Yields where the block's points stand among all, in the order of ``k.reshape(-1, dim)``.
    """
    dim = k.shape[-1]
    flat = k.reshape(-1, dim)
    length = k.shape[-2] if k.ndim > 2 else 1
    if not _SHORTEST_LINE <= length <= min(_LONGEST_LINE, most):
        for first in range(0, len(flat), most):
            points = flat[first : first + most]
            yield slice(first, first + len(points)), Block(points, np.zeros((1, dim)))
        return
    lines = k.reshape(-1, length, dim)
    line = lines[0] - lines[0, 0] if len(lines) else lines
    rounding = 8 * np.finfo(float).eps * float(abs(flat).max(initial=0.0))
    step = max(1, most // length)
    for first in range(0, len(lines), step):
        part = lines[first : first + step]
        rows = part[:, 0]
        where = slice(first * length, (first + len(part)) * length)
        if (abs(part - rows[:, None] - line) <= rounding).all():
            yield where, Block(rows, line)
        else:
            yield where, Block(part.reshape(-1, dim), np.zeros((1, dim)))


class FourierSum:
    """Σ_R W_R e^{ik·R}.

    Parameters
    ----------
    translations : (N, dim) whole numbers, R in units of the primitive vectors
    coefficients : (N, M) weights W_R of M sums
    vectors : (dim, dim) rows are the primitive vectors, length
    """

    def __init__(self, translations: Floats, coefficients: Complexes, vectors: Floats) -> None:
        self.translations = np.asarray(np.rint(translations), dtype=int)
        self.coefficients = np.ascontiguousarray(coefficients)
        self.vectors = vectors

    def __call__(self, block: Block) -> Complexes:
        """(I × J, M) at the points of the block."""
        if len(block.line) == 1:
            return np.asarray(self._phases(block.points) @ self.coefficients)
        keys, member = self._told_apart(block.line)
        row_phases = self._phases(block.rows)
        sums = np.empty((len(block.rows), len(keys), self.coefficients.shape[1]), dtype=complex)
        for key in range(len(keys)):
            mine = member == key
            sums[:, key] = row_phases[:, mine] @ self.coefficients[mine]
        out = np.exp(1j * (block.line @ (keys @ self.vectors).T)) @ sums
        return np.asarray(out.reshape(block.size, -1))

    def real(self, block: Block) -> Floats:
        """Real parts, (M, I × J)."""
        half = self._half
        if len(block.line) == 1:
            phases = half._phases(block.points).T
            parts = np.concatenate([phases.real, phases.imag])
            weights = np.concatenate([half.coefficients.real, -half.coefficients.imag])
            return np.asarray(weights.T @ parts)
        keys, member = half._told_apart(block.line)
        row_phases = half._phases(block.rows)
        along = block.line @ (keys @ self.vectors).T
        # Re Σ_g C_g e^{iα_g} = Σ_g Re C_g cos α_g − Im C_g sin α_g
        functions = np.concatenate([np.cos(along), np.sin(along)], axis=1)
        n = len(keys)
        matrix = np.empty((half.coefficients.shape[1], len(block.rows), 2 * n))
        for key in range(n):
            mine = member == key
            sums = (row_phases[:, mine] @ half.coefficients[mine]).T
            matrix[:, :, key], matrix[:, :, n + key] = sums.real, -sums.imag
        used = functions.any(axis=0)  # no sine belongs to the translations across the line
        flat = matrix[:, :, used].reshape(-1, int(used.sum()))
        return np.asarray((flat @ functions[:, used].T).reshape(-1, block.size))

    @cached_property
    def _half(self) -> FourierSum:
        """The sum with the same real part over one of each pair R, −R."""
        backwards = self.translations[:, ::-1]
        leading = np.argmax(backwards != 0, axis=1)
        turned = np.take_along_axis(backwards, leading[:, None], axis=1)[:, 0] < 0
        translations = np.where(turned[:, None], -self.translations, self.translations)
        weights = np.where(turned[:, None], self.coefficients.conj(), self.coefficients)
        unique, member = np.unique(translations, axis=0, return_inverse=True)
        merged = np.zeros((len(unique), weights.shape[1]), dtype=complex)
        np.add.at(merged, member.ravel(), weights)
        return FourierSum(unique, merged, self.vectors)

    def _told_apart(self, line: Floats) -> tuple[Floats, NDArray[np.intp]]:
        """Parts of the translations along which the line runs, and which of them each R has."""
        reach = abs(line @ self.vectors.T).max(axis=0)
        runs = reach > _SAME * reach.max()
        keys, member = np.unique(self.translations * runs, axis=0, return_inverse=True)
        return keys, member.ravel()

    def _phases(self, k: Floats) -> Complexes:
        """e^{ik·R}, (K, N), by powers of e^{ik·aᵢ}: one exponential for each lattice vector."""
        turns = np.exp(1j * (k @ self.vectors.T))
        phases = np.ones((len(k), 1), dtype=complex)
        for axis in range(turns.shape[1]):
            steps = self.translations[:, axis]
            highest = int(abs(steps).max(initial=0))
            powers = np.empty((len(k), 2 * highest + 1), dtype=complex)
            powers[:, highest] = 1
            for n in range(highest):
                powers[:, highest + n + 1] = powers[:, highest + n] * turns[:, axis]
            powers[:, :highest] = powers[:, :highest:-1].conj()
            phases = phases * powers[:, highest + steps]
        return phases
