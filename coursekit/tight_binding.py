"""Lattice models given by their hoppings.

The Bloch phase carries the orbital positions, e^{ik·(R + rⱼ − rᵢ)}, so that ∂H/∂k is the velocity
operator.  Without the positions Ω(k), m(k), and σ and M of metals come out wrong.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from coursekit.bloch_model import check_k, spin_matrices
from coursekit.bonds import (
    Hopping,
    add_bond,
    distinct_bonds,
    hermitian_blocks,
    onsite_energies,
    orbital_positions,
)
from coursekit.folding import Crystal, layered, repeated
from coursekit.fourier import Block, FourierSum, blocks_of
from coursekit.hopping_table import hopping_table, own_bonds
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

    Examples
    --------
    >>> import coursekit as ck
    >>> chain = ck.TightBinding([[1.0]], [[0.0]], [(0, 0, (1,), -1.0)], onsite=2.0)
    >>> chain.hamiltonian([0.0]).real
    array([[0.]])
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
        for bond in distinct_bonds(hoppings, n_orb, cell.dim):
            add_bond(blocks, n_orb, bond)
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
        matrices = hermitian_blocks(blocks, len(positions), cell.dim)
        model = cls.__new__(cls)
        model._set(cell, positions, matrices, spin_matrices(spin, len(positions)))
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

    def bloch_matrices(self, block: Block) -> tuple[Complexes, Complexes, None]:
        """H and i[H, r] at once, without the orbitals' phases.

        Those phases are a change of basis at each k, which no gauge-invariant quantity sees.

        Returns
        -------
        (K, n, n), (K, dim, n, n), and None: no states lie outside the orbitals
        """
        both = self._sum(block).reshape(block.size, 1 + self.dim, self.n_orb, self.n_orb)
        return both[:, 0], both[:, 1:], None

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

    def add_hopping(self, i: int, j: int, R: Sequence[int], t: complex) -> TightBinding:
        """The model with t added to ⟨i, cell 0|H|j, cell R⟩ and its conjugate to the partner.

        Parameters
        ----------
        i, j, R, t : as in the hoppings of :class:`TightBinding`

        Raises
        ------
        ValueError : an orbital that does not exist, or one with itself; NaN

        Examples
        --------
        >>> import coursekit as ck
        >>> graphene = ck.models.gapped_graphene(t=1.0, delta=0.1)
        >>> graphene.add_hopping(0, 0, (1, 0), 0.2)
        <TightBinding: 2D, 2 orbitals, 4 bonds per cell>
        """
        blocks = {place: block.copy() for place, block in self._blocks.items()}
        for bond in distinct_bonds([(i, j, R, t)], self.n_orb, self.dim):
            add_bond(blocks, self.n_orb, bond)
        return TightBinding.from_blocks(self.lattice, self.orbitals, blocks, self.spin)

    def add_onsite(self, energies: ArrayLike) -> TightBinding:
        """The model with energies added to its orbitals, one number or (n_orb,).

        Raises
        ------
        ValueError : not one real number for each orbital

        Examples
        --------
        >>> import coursekit as ck
        >>> ck.models.qwz(m=-1.0).add_onsite([0.5, -0.5]).hamiltonian([0, 0]).real
        array([[ 1.5,  0. ],
               [ 0. , -1.5]])
        """
        energy = np.diag(onsite_energies(energies, self.n_orb)).astype(complex)
        home = (0,) * self.dim
        blocks = {**self._blocks, home: self._blocks.get(home, 0) + energy}
        return TightBinding.from_blocks(self.lattice, self.orbitals, blocks, self.spin)

    def supercell(self, multiples: ArrayLike) -> TightBinding:
        """The same crystal in a larger cell, with its bands folded into the smaller zone.

        Parameters
        ----------
        multiples : cells along every primitive vector, one whole number or (dim,); or a
            (dim, dim) matrix of whole numbers, whose rows are the new primitive vectors in units
            of the old. Its determinant, of either sign, is the number of cells.

        Returns
        -------
        TightBinding : its orbital c n_orb + j is the old orbital j, at the old place, of cell c;
            cells are in ascending order of their R

        Raises
        ------
        ValueError : no whole numbers, or a cell without a volume

        Examples
        --------
        >>> import coursekit as ck
        >>> model = ck.models.haldane(1, 0.2, 1.0, 0.3).supercell([[2, -1], [1, 1]])
        >>> model.n_orb, ck.chern_number(model, 3)
        (6, -1)
        """
        old = self.lattice.vectors, self.orbitals, self.blocks
        return self._rebuilt(repeated(*old, multiples))

    def cut(self, direction: int, n_cells: int) -> TightBinding:
        """A ribbon or a slab: ``n_cells`` cells along one lattice vector, open edges beyond.

        Parameters
        ----------
        direction : which lattice vector ends, 0 to dim − 1
        n_cells : cells along it

        Returns
        -------
        TightBinding : of one dimension less. Its k is the component along the lattice vectors that
            are left: in 1D along that vector; in 2D along e₁ and e₂, orthonormal, e₁ along the
            next lattice vector in the order a₁, a₂, a₃, a₁, such that e₁ × e₂ points along the
            reciprocal vector of ``direction``. Orbitals are projected; orbital c n_orb + j is
            the old orbital j of layer c, from 0 to n_cells − 1.

        Raises
        ------
        ValueError : a 1D model, no such direction, n_cells < 1

        Examples
        --------
        >>> import numpy as np, coursekit as ck
        >>> ribbon = ck.models.qwz(m=-1.0).cut(direction=1, n_cells=20)
        >>> edge_states = abs(ck.solve(ribbon, [0.0]).energies) < 1e-3
        >>> ribbon.dim, int(edge_states.sum())
        (1, 2)
        """
        old = self.lattice.vectors, self.orbitals, self.blocks
        return self._rebuilt(layered(*old, direction, n_cells))

    def _rebuilt(self, crystal: Crystal) -> TightBinding:
        vectors, orbitals, blocks, copies = crystal
        spin = None if self.spin is None else [np.kron(np.eye(copies), s) for s in self.spin]
        return TightBinding.from_blocks(vectors, orbitals, blocks, spin)

    def __repr__(self) -> str:
        spin = "" if self.spin is None else " with spin"
        bonds = len(own_bonds(self._blocks))
        return f"<TightBinding: {self.dim}D, {self.n_orb} orbitals{spin}, {bonds} bonds per cell>"

    def __str__(self) -> str:
        return hopping_table(repr(self), self.lattice.vectors, self.orbitals, self.blocks)


def _pauli_sum(both: FourierSum) -> FourierSum:
    """ε₀, dₓ, d_y, d_z of two-band matrices as real parts: Re h₁₀ = dₓ, Im h₁₀ = d_y, and so on."""
    h = both.coefficients.reshape(len(both.coefficients), -1, 4)
    h00, h10, h11 = h[..., 0], h[..., 2], h[..., 3]
    pauli = np.stack([(h00 + h11) / 2, h10, -1j * h10, (h00 - h11) / 2], axis=-1)
    return FourierSum(both.translations, pauli.reshape(len(h), -1), both.vectors)
