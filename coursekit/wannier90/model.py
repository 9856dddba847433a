r"""Models whose position operator is a matrix: Wannier functions of a real material.

Between Wannier functions ⟨0i|r|Rj⟩ is not only the centres rᵢ.  The centres go into the Bloch
phases, as the orbitals of a tight-binding model do; what is left makes a connection A(k), with

    A_ij(k) = Σ_R e^{ik·d} (⟨0i|r|Rj⟩ − rᵢ δ_ij δ_R0),   d = R + rⱼ − rᵢ.

In eigenstates the connection is i⟨n|∂l⟩ = i V_nl/(ε_l − εₙ), V = ∂H/∂k + i[H, A], for l ≠ n, and

    Ωₙ = ⟨n|F|n⟩ − 2 Im Σ_{l≠n} Vˣ_nl Vʸ_ln/(εₙ − ε_l)²,   F = ∂ₓA_y − ∂_yAₓ − i[Aₓ, A_y].

F turns with the basis, F → U†FU.  It vanishes where the Wannier functions span all there is; else
it carries what the states outside add to Ω.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import cached_property
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from coursekit.bloch_model import HERMITIAN_TOLERANCE, check_k
from coursekit.fourier import Block, FourierSum, blocks_of
from coursekit.lattice import Lattice
from coursekit.tight_binding import TightBinding

__all__ = ["WannierModel"]

Floats = NDArray[np.float64]
Complexes = NDArray[np.complex128]

# Numbers held at a time while matrices are summed up.
_CHUNK = 1 << 19
# The axial component z is made of (x, y), and so on in cyclic order.
_PLANES: dict[int, tuple[tuple[int, int], ...]] = {
    1: (),
    2: ((0, 1),),
    3: ((1, 2), (2, 0), (0, 1)),
}


class WannierModel:
    r"""A lattice model with a position matrix, such as Wannier functions have.

    Parameters
    ----------
    lattice : (dim, dim) primitive vectors as rows, length; or a :class:`Lattice`
    hamiltonian : R -> (n, n) matrix ⟨0i|H|Rj⟩, energy; R in units of the primitive vectors; −R
        must be there with the conjugate transpose
    position : R -> (dim, n, n) matrices ⟨0i|r|Rj⟩, Cartesian, length, likewise Hermitian; the
        diagonal at R = 0 is the centres of the Wannier functions
    spin : as for :class:`TightBinding`

    Raises
    ------
    ValueError : a missing or mismatched −R partner, no position at R = 0, wrong shapes, NaN

    Notes
    -----
    X. Wang, J. R. Yates, I. Souza & D. Vanderbilt, PRB 74, 195118 (2006);
    DOI 10.1103/PhysRevB.74.195118.  Their Ω is this one, with the terms in another order.

    *What is exact.* Energies, Ω, and what follows from Ω or from A: σ, Chern numbers, the anomalous
    velocity, Berry phases.

    *What is not.* The orbital moment m, and with it M, would need ⟨∂u|H|∂u⟩ also between the
    parts of |∂u⟩ outside the Wannier functions.  Files with H and r do not hold it (postw90 takes
    it from ``.uHu`` files: M. G. Lopez, D. Vanderbilt, T. Thonhauser & I. Souza, PRB 85, 014435
    (2012), DOI 10.1103/PhysRevB.85.014435).  :func:`coursekit.orbital_moment` of such a model is
    the sum over the states inside.  Left out, where these are eigenstates of the crystal, is
    Im⟨∂ₓu|Q(H − ε)Q|∂_yu⟩ with Q on the states outside.  Were all those at one energy E, that
    would be −½(E − ε) F_nn, so F tells its size: ½|F_nn| times the distance in energy to the
    bands that couple.  :func:`coursekit.orbital_magnetization` has the full Ω in its Berry term and
    lacks the same part of m, which may be as large as M itself: it can come out with the wrong
    sign where F is not small.  The quantum metric likewise is that inside.

    Examples
    --------
    >>> import numpy as np
    >>> import coursekit as ck
    >>> h = {(0,): [[0.0, 1.0], [1.0, 0.0]]}
    >>> r = {(0,): [[[0.0, 0.1], [0.1, 0.5]]]}
    >>> model = ck.WannierModel([[1.0]], h, r)
    >>> model.centers
    array([[0. ],
           [0.5]])
    """

    def __init__(
        self,
        lattice: ArrayLike | Lattice,
        hamiltonian: Mapping[tuple[int, ...], ArrayLike],
        position: Mapping[tuple[int, ...], ArrayLike],
        spin: str | ArrayLike | None = None,
    ) -> None:
        cell = lattice if isinstance(lattice, Lattice) else Lattice(lattice)
        home = (0,) * cell.dim
        if home not in position:
            raise ValueError(
                f"position has no matrix at R={home}; expected one, with the centres of the "
                "Wannier functions on its diagonal"
            )
        at_home = np.asarray(position[home], dtype=complex)
        if at_home.ndim != 3 or len(at_home) != cell.dim or at_home.shape[1] != at_home.shape[2]:
            raise ValueError(
                f"position at R={home} has shape {at_home.shape}; expected ({cell.dim}, n, n): "
                "one matrix for each Cartesian component"
            )
        n = at_home.shape[-1]
        self._position = MappingProxyType(_checked_position(position, cell.dim, n))
        centers = np.ascontiguousarray(np.diagonal(at_home, axis1=1, axis2=2).real.T)
        centers.flags.writeable = False
        self._centers = centers
        reduced = centers @ np.linalg.inv(cell.vectors)
        self._tight_binding = TightBinding.from_blocks(cell, reduced, hamiltonian, spin)
        rest = {R: np.array(r) for R, r in self._position.items()}
        index = np.arange(n)
        rest[home][:, index, index] = 0
        self._rest = {R: r for R, r in rest.items() if r.any()}

    @property
    def tight_binding(self) -> TightBinding:
        """The model with the centres as its only positions: the same energies, another Ω."""
        return self._tight_binding

    @property
    def lattice(self) -> Lattice:
        """The Bravais lattice."""
        return self._tight_binding.lattice

    @property
    def centers(self) -> Floats:
        """(n_orb, dim) centres of the Wannier functions, Cartesian, length, read-only."""
        return self._centers

    @property
    def orbitals(self) -> Floats:
        """(n_orb, dim) the centres in units of the primitive vectors, read-only."""
        return self._tight_binding.orbitals

    @property
    def blocks(self) -> Mapping[tuple[int, ...], Complexes]:
        r"""R -> ⟨0i|H|Rj⟩, (n_orb, n_orb), read-only."""
        return self._tight_binding.blocks

    @property
    def position(self) -> Mapping[tuple[int, ...], Complexes]:
        r"""R -> ⟨0i|r|Rj⟩, (dim, n_orb, n_orb), read-only."""
        return self._position

    @property
    def spin(self) -> Complexes | None:
        """(3, n_orb, n_orb) matrices of (Sₓ, S_y, S_z)/ħ, read-only; None for a spinless model."""
        return self._tight_binding.spin

    @property
    def n_orb(self) -> int:
        """Number of Wannier functions, which is the number of bands."""
        return self._tight_binding.n_orb

    @property
    def dim(self) -> int:
        """Number of dimensions."""
        return self._tight_binding.dim

    @property
    def energy_scale(self) -> float:
        """Bound on the eigenvalues of H(k)."""
        return self._tight_binding.energy_scale

    @property
    def velocity_bound(self) -> float:
        """Bound on ‖∂H/∂k‖ along any direction: no energy changes faster with k."""
        return self._tight_binding.velocity_bound

    def hamiltonian(self, k: ArrayLike) -> Complexes:
        """H(k), (..., n_orb, n_orb), at Cartesian k (..., dim); energy."""
        return self._tight_binding.hamiltonian(k)

    def hamiltonian_gradient(self, k: ArrayLike) -> Complexes:
        """∂H/∂k, (..., dim, n_orb, n_orb), at Cartesian k (..., dim); energy × length."""
        return self._tight_binding.hamiltonian_gradient(k)

    def velocity_operator(self, k: ArrayLike) -> Complexes:
        """ħ times the velocity, i[H, r] = ∂H/∂k + i[H, A].

        Parameters and returned shape are those of :meth:`hamiltonian_gradient`.
        """
        return self._at(k, 1)

    def external_curvature(self, k: ArrayLike) -> Complexes:
        """F = ∂ₐA_b − ∂_bAₐ − i[Aₐ, A_b], the curvature from outside the Wannier functions.

        Parameters
        ----------
        k : (..., dim) Cartesian wave vector, 1/length

        Returns
        -------
        (..., n_orb, n_orb, c) Hermitian matrices, length²; c the axial components: z in 2D, and
        x, y, z in 3D
        """
        return np.moveaxis(self._at(k, 2), -3, -1)

    def bloch_matrices(self, block: Block) -> tuple[Complexes, Complexes, Complexes]:
        """H, i[H, r] and F at once, without the phases of the centres.

        Those phases are a change of basis at each k, which no gauge-invariant quantity sees.

        Returns
        -------
        (K, n, n), (K, dim, n, n), (K, c, n, n)
        """
        n, dim = self.n_orb, self.dim
        # All are Hermitian: what is below the diagonal is the conjugate of what is above.
        above = self._sum(block).reshape(block.size, -1, n * (n + 1) // 2)
        row, column = np.minimum(*np.indices((n, n))), np.maximum(*np.indices((n, n)))
        parts = np.take(above, row * (2 * n - row - 1) // 2 + column, axis=-1)
        parts.imag *= np.where(np.tri(n, k=-1), -1, 1)
        h, v = parts[:, 0], parts[:, 1 : 1 + dim]
        a, f = parts[:, 1 + dim : 1 + 2 * dim], parts[:, 1 + 2 * dim :]
        if self._rest:
            v += _commutator(h[:, None], a)
            for c, (one, two) in enumerate(_PLANES[dim]):
                f[:, c] -= _commutator(a[:, one], a[:, two])
        return h, v, f

    def _at(self, k: ArrayLike, which: int) -> Complexes:
        """One of the Bloch matrices, in the basis of the centred Wannier functions."""
        k = check_k(k, self.dim)
        n, dim = self.n_orb, self.dim
        count = (1, dim, len(_PLANES[dim]))[which]
        out = np.empty((math.prod(k.shape[:-1]), count, n, n), dtype=complex)
        for where, block in blocks_of(k, max(1, _CHUNK // (n * n * dim))):
            out[where] = self.bloch_matrices(block)[which]
        out = out.reshape(*k.shape[:-1], count, n, n)
        phase = np.exp(1j * (k @ self._centers.T))[..., None, :]
        out *= phase.conj()[..., :, None]
        out *= phase[..., None, :]
        return out

    @cached_property
    def _sum(self) -> FourierSum:
        """H, ∂H, A and curl A, on and above the diagonal, without the phases of the centres."""
        n, dim = self.n_orb, self.dim
        translations = list({**self.blocks, **self._rest})
        above = np.triu_indices(n)
        coefficients = []
        for R in translations:
            h = self.blocks.get(R, np.zeros((n, n)))
            r = self._rest.get(R, np.zeros((dim, n, n)))
            leads = R @ self.lattice.vectors + self._centers - self._centers[:, None, :]
            d = np.moveaxis(leads, -1, 0)
            curl = [1j * (d[a] * r[b] - d[b] * r[a]) for a, b in _PLANES[dim]]
            matrices = np.stack([h, *(1j * d * h), *r, *curl])
            coefficients.append(matrices[:, *above].ravel())
        return FourierSum(
            np.array(translations, dtype=float), np.array(coefficients), self.lattice.vectors
        )

    def __reduce__(self) -> tuple[Any, ...]:
        arguments = (self.lattice, dict(self.blocks), dict(self.position), self.spin)
        return type(self), arguments

    def __repr__(self) -> str:
        return (
            f"<WannierModel: {self.dim}D, {self.n_orb} Wannier functions, "
            f"{len(self.blocks)} lattice vectors>"
        )


def _commutator(a: Complexes, b: Complexes) -> Complexes:
    """i[a, b] of Hermitian matrices, for which ba = (ab)†."""
    product = 1j * (a @ b)
    return np.asarray(product + product.conj().swapaxes(-1, -2))


def _checked_position(
    position: Mapping[tuple[int, ...], ArrayLike], dim: int, n: int
) -> dict[tuple[int, ...], Complexes]:
    matrices = {}
    for R, given in position.items():
        r = np.array(given, dtype=complex)
        if r.shape != (dim, n, n) or len(R) != dim:
            raise ValueError(
                f"position at R={R} has shape {r.shape}; expected {(dim, n, n)}: one matrix for "
                "each Cartesian component"
            )
        if not np.isfinite(r).all():
            raise ValueError(f"position at R={R} holds NaN or inf; expected finite numbers")
        r.flags.writeable = False
        matrices[tuple(int(x) for x in R)] = r
    scale = max(float(abs(r).max()) for r in matrices.values())
    for R, r in matrices.items():
        minus_R = tuple(-x for x in R)
        partner = matrices.get(minus_R)
        off = np.inf if partner is None else abs(r - partner.conj().swapaxes(1, 2)).max()
        if off > HERMITIAN_TOLERANCE * scale:
            raise ValueError(
                f"positions at R={R} and R={minus_R} are off by {off:.3g} from each other's "
                "conjugate transpose; expected r(−R) = r(R)†, both of them given"
            )
    return matrices
