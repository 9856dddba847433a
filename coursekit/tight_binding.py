"""Lattice models given by their hoppings.

The Bloch phase carries the orbital positions, e^{ik·(R + rⱼ − rᵢ)}, so that ∂H/∂k is the velocity
operator.  Without the positions Ω(k), m(k), and σ and M of metals come out wrong.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from functools import cached_property
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from coursekit.bloch_model import HERMITIAN_TOLERANCE, check_k, spin_matrices
from coursekit.bonds import (
    Hopping,
    distinct_bonds,
    onsite_energies,
    orbital_positions,
    translation_vector,
)
from coursekit.fourier import Block, FourierSum, blocks_of
from coursekit.lattice import Lattice

__all__ = ["TightBinding"]

Floats = NDArray[np.float64]
Complexes = NDArray[np.complex128]
# Numbers held at a time while matrices are summed up.
_CHUNK = 1 << 19


class TightBinding:
    """A lattice model given by its hoppings.

    Parameters
    ----------
    lattice : (dim, dim) primitive vectors as rows, length; or a :class:`Lattice`
    orbitals : (n_orb, dim) positions in units of the primitive vectors
    hoppings : iterable of (i, j, R, t) with t = ⟨i, cell 0|H|j, cell R⟩, energy; R in units of the
        primitive vectors. Name each bond once: its Hermitian partner is added.
    onsite : energy of every orbital, a number or (n_orb,)
    spin : None for a spinless model. "blocks": the first half of the orbitals has spin up, the
        second half is the same orbitals with spin down. "pairs": up and down alternate. Or the
        matrices (3, n_orb, n_orb) of (Sₓ, S_y, S_z)/ħ themselves.

    Raises
    ------
    ValueError : a bond named twice or together with its partner, an orbital that does not exist,
        complex on-site energies, NaN, wrong shapes

    Notes
    -----
    H_ij(k) = Σ_R t e^{ik·(R + rⱼ − rᵢ)}; D. Vanderbilt, *Berry Phases in Electronic Structure
    Theory* (2018), "convention I"; DOI 10.1017/9781316662205.
    """

    def __init__(
        self,
        lattice: ArrayLike | Lattice,
        orbitals: ArrayLike,
        hoppings: Iterable[Hopping],
        onsite: ArrayLike = 0.0,
        spin: str | ArrayLike | None = None,
    ) -> None:
        cell = lattice if isinstance(lattice, Lattice) else Lattice(lattice)
        positions = orbital_positions(orbitals, cell.dim)
        n_orb = len(positions)
        blocks = {(0,) * cell.dim: np.diag(onsite_energies(onsite, n_orb)).astype(complex)}
        for i, j, R, t in distinct_bonds(hoppings, n_orb, cell.dim):
            minus_R = tuple(-x for x in R)
            for translation in (R, minus_R):
                blocks.setdefault(translation, np.zeros((n_orb, n_orb), dtype=complex))
            blocks[R][i, j] += t
            blocks[minus_R][j, i] += np.conj(t)
        self._set(cell, positions, blocks, spin_matrices(spin, n_orb))

    @classmethod
    def from_blocks(
        cls,
        lattice: ArrayLike | Lattice,
        orbitals: ArrayLike,
        blocks: Mapping[tuple[int, ...], ArrayLike],
        spin: str | ArrayLike | None = None,
    ) -> TightBinding:
        """A model from complete matrices, as files hold them.

        Parameters
        ----------
        blocks : R -> (n_orb, n_orb) matrix ⟨i, 0|H|j, R⟩, energy; −R must be there with the
            conjugate transpose
        spin : as for :class:`TightBinding`

        Raises
        ------
        ValueError : a missing or mismatched −R partner, wrong shapes, NaN
        """
        cell = lattice if isinstance(lattice, Lattice) else Lattice(lattice)
        positions = orbital_positions(orbitals, cell.dim)
        n_orb = len(positions)
        matrices: dict[tuple[int, ...], Complexes] = {}
        for R, block in blocks.items():
            translation = translation_vector(R, cell.dim)
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
        model = cls.__new__(cls)
        model._set(cell, positions, matrices, spin_matrices(spin, n_orb))
        return model

    def _set(
        self,
        lattice: Lattice,
        orbitals: Floats,
        blocks: dict[tuple[int, ...], Complexes],
        spin: Complexes | None,
    ) -> None:
        self._spin = spin
        for array in (orbitals, *blocks.values()):
            array.flags.writeable = False
        self._lattice = lattice
        self._orbitals = orbitals
        self._blocks = MappingProxyType(blocks)
        n = len(orbitals)
        self._translations = np.array(list(blocks), dtype=float).reshape(-1, lattice.dim)
        self._matrices = np.array(list(blocks.values())).reshape(-1, n * n)
        self._positions = orbitals @ lattice.vectors
        # (n_blocks, n, n, dim): where each hopping leads, R + rⱼ − rᵢ.
        self._displacements = (
            (self._translations @ lattice.vectors)[:, None, None, :]
            + self._positions[None, None, :, :]
            - self._positions[None, :, None, :]
        )
        # ∂H/∂k_a = Σ i d_a t e^{ik·d}
        gradient = 1j * np.moveaxis(
            self._displacements * self._matrices.reshape(-1, n, n, 1), -1, 1
        ).reshape(-1, lattice.dim * n * n)
        both = np.concatenate([self._matrices, gradient], axis=1)
        self._sum = FourierSum(self._translations, both, lattice.vectors)
        self._pauli_sum = _pauli_sum(self._sum) if n == 2 else None

    @property
    def lattice(self) -> Lattice:
        """The Bravais lattice."""
        return self._lattice

    @property
    def orbitals(self) -> Floats:
        """(n_orb, dim) orbital positions in units of the primitive vectors, read-only."""
        return self._orbitals

    @property
    def blocks(self) -> Mapping[tuple[int, ...], Complexes]:
        """R -> ⟨i, 0|H|j, R⟩, (n_orb, n_orb), with both R and −R; read-only."""
        return self._blocks

    @property
    def spin(self) -> Complexes | None:
        """(3, n_orb, n_orb) matrices of (Sₓ, S_y, S_z)/ħ, read-only; None for a spinless model."""
        return self._spin

    @property
    def n_orb(self) -> int:
        """Number of orbitals, which is the number of bands."""
        return len(self._orbitals)

    @property
    def dim(self) -> int:
        """Number of dimensions."""
        return self._lattice.dim

    @cached_property
    def energy_scale(self) -> float:
        """Bound on the eigenvalues of H(k): its largest row sum of |t|."""
        n = self.n_orb
        return float(abs(self._matrices).reshape(-1, n, n).sum(axis=(0, 2)).max())

    @cached_property
    def velocity_bound(self) -> float:
        """Bound on ‖∂H/∂k‖ along any direction: no energy changes faster with k."""
        reach = np.linalg.norm(self._displacements, axis=-1)
        n = self.n_orb
        return float((abs(self._matrices).reshape(-1, n, n) * reach).sum(axis=(0, 2)).max())

    def hamiltonian(self, k: ArrayLike) -> Complexes:
        """Bloch Hamiltonian H(k).

        Parameters
        ----------
        k : (..., dim) Cartesian wave vector, 1/length

        Returns
        -------
        (..., n_orb, n_orb), energy
        """
        k = check_k(k, self.dim)
        return self._with_phases(k, 0, 1)[..., 0, :, :]

    def hamiltonian_gradient(self, k: ArrayLike) -> Complexes:
        """Gradient ∂H/∂k.

        Parameters
        ----------
        k : (..., dim) Cartesian wave vector, 1/length

        Returns
        -------
        (..., dim, n_orb, n_orb), energy × length
        """
        k = check_k(k, self.dim)
        return self._with_phases(k, 1, 1 + self.dim)

    def velocity_operator(self, k: ArrayLike) -> Complexes:
        """ħ times the velocity, i[H, r]: ∂H/∂k where r is diagonal in the orbitals.

        Parameters and returned shape are those of :meth:`hamiltonian_gradient`.
        """
        return self.hamiltonian_gradient(k)

    def bloch_matrices(self, block: Block) -> Complexes:
        """H and i[H, r] at once, without the orbitals' phases, (K, 1 + dim, n_orb, n_orb).

        Those phases are a change of basis at each k, which no gauge-invariant quantity sees.
        """
        return self._sum(block).reshape(block.size, 1 + self.dim, self.n_orb, self.n_orb)

    def pauli_vectors(self, block: Block) -> Floats:
        """(1 + dim, 4, K): ε₀ and d of H = ε₀ + d·σ, and of its gradient; two bands alone."""
        assert self._pauli_sum is not None
        return self._pauli_sum.real(block).reshape(1 + self.dim, 4, block.size)

    def _with_phases(self, k: Floats, first: int, last: int) -> Complexes:
        """Matrices ``first`` to ``last`` of H and its gradient, in the basis of the orbitals."""
        n = self.n_orb
        columns = slice(first * n * n, last * n * n)
        part = FourierSum(self._translations, self._sum.coefficients[:, columns], self._sum.vectors)
        out = np.empty((math.prod(k.shape[:-1]), last - first, n, n), dtype=complex)
        for where, block in blocks_of(k, max(1, _CHUNK // (n * n))):
            out[where] = part(block).reshape(-1, last - first, n, n)
        phase = self._orbital_phases(k)[..., None, :]
        out = out.reshape(*k.shape[:-1], last - first, n, n)
        out *= phase.conj()[..., :, None]
        out *= phase[..., None, :]
        return out

    def __reduce__(self) -> tuple[Any, ...]:
        arguments = (self.lattice, self.orbitals, dict(self.blocks), self.spin)
        return type(self).from_blocks, arguments

    def _orbital_phases(self, k: Floats) -> Complexes:
        """e^{ik·rⱼ} of every orbital, (..., n_orb)."""
        return np.asarray(np.exp(1j * (k @ self._positions.T)))

    def __repr__(self) -> str:
        bonds = sum(np.count_nonzero(b) for R, b in self._blocks.items() if any(R))
        home = self._blocks.get((0,) * self.dim, np.zeros((self.n_orb, self.n_orb)))
        bonds += np.count_nonzero(home) - np.count_nonzero(np.diag(home))
        return f"<TightBinding: {self.dim}D, {self.n_orb} orbitals, {bonds // 2} bonds per cell>"


def _pauli_sum(both: FourierSum) -> FourierSum:
    """ε₀, dₓ, d_y, d_z of two-band matrices as real parts: Re h₁₀ = dₓ, Im h₁₀ = d_y, and so on."""
    h = both.coefficients.reshape(len(both.coefficients), -1, 4)
    h00, h10, h11 = h[..., 0], h[..., 2], h[..., 3]
    pauli = np.stack([(h00 + h11) / 2, h10, -1j * h10, (h00 - h11) / 2], axis=-1)
    return FourierSum(both.translations, pauli.reshape(len(h), -1), both.vectors)
