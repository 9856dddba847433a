"""A symmetry as what it does to space, time and the orbitals."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce

import numpy as np
from numpy.typing import ArrayLike, NDArray

from coursekit.bloch_model import check_k
from coursekit.symmetry.names import label_of, words_of

__all__ = ["Symmetry", "transform_axial", "transform_k"]

Floats = NDArray[np.float64]
Complexes = NDArray[np.complex128]

_TOLERANCE = 1e-6


@dataclass(frozen=True, eq=False, repr=False)
class Symmetry:
    """One operation: r → R r + τ, with or without time reversal, and U among the orbitals.

    It is a symmetry of a model where U H(k) U† = ±H(k′). Unitary operations have k′ = R k;
    antiunitary ones have k′ = −R k and H(k)* in the place of H(k); the minus sign stands for
    operations that turn energies around.

    Parameters
    ----------
    rotation : (3, 3) orthogonal matrix R, Cartesian; a (dim, dim) matrix leaves the other axes
    dim : dimensions of the model, which R must not lead out of; the size of R where not given
    translation : (3,) or (dim,) τ, length
    unitary : (n_orb, n_orb) U, or None where it is not known
    antiunitary : with time reversal
    antisymmetric : turns energies around, ε → −ε

    Raises
    ------
    ValueError : R or U not orthogonal or unitary, or an R that leads out of the model's plane

    Notes
    -----
    The set (R, U, conjugation, sign) is that of D. Varjas, T. Ö. Rosdahl & A. R. Akhmerov, New J.
    Phys. 20, 093026 (2018); DOI 10.1088/1367-2630/aadf67. With the orbitals' positions in the Bloch
    phase U does not depend on k: the orbital at x goes to x′ = R x + τ, where k·x = k′·(x′ − τ),
    and all that is left is one common phase e^{−ik′·τ}.

    Operations of a plane are operations of space that leave the plane: R is (3, 3), so that the
    mirror x, diag(−1, 1, 1), and the rotation about y, diag(−1, 1, −1), are two things.

    Examples
    --------
    >>> import coursekit as ck
    >>> C3 = ck.symmetry.rotation(1 / 3, "z", dim=2)
    >>> C3 * C3, C3**3 == ck.symmetry.identity(2)
    (<Symmetry: C3⁻¹ rotation about z>, True)
    """

    rotation: Floats
    translation: Floats
    unitary: Complexes | None
    antiunitary: bool
    antisymmetric: bool
    dim: int

    def __init__(
        self,
        rotation: ArrayLike,
        dim: int | None = None,
        *,
        translation: ArrayLike = (0.0, 0.0, 0.0),
        unitary: ArrayLike | None = None,
        antiunitary: bool = False,
        antisymmetric: bool = False,
    ) -> None:
        matrix = np.array(rotation, dtype=float)
        if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1] or not 1 <= len(matrix) <= 3:
            raise ValueError(
                f"rotation has shape {matrix.shape}; expected an orthogonal matrix of three (or of "
                "dim) rows"
            )
        dim = len(matrix) if dim is None else dim
        if dim not in (1, 2, 3):
            raise ValueError(f"dim={dim!r}; expected 1, 2 or 3")
        size = len(matrix)
        R = np.eye(3)
        R[:size, :size] = matrix
        if not abs(R @ R.T - np.eye(3)).max() < _TOLERANCE:
            raise ValueError(f"rotation {matrix.tolist()} is not orthogonal; expected R Rᵀ = 1")
        if abs(R[:dim, dim:]).max(initial=0.0) > _TOLERANCE:
            raise ValueError(
                f"the {words_of(R)} leads out of the space of a {dim}D model; expected an "
                "operation that leaves that space, as every one about or across z does in 2D"
            )
        tau = np.zeros(3)
        given = np.asarray(translation, dtype=float)
        if given.shape not in ((3,), (dim,)):
            raise ValueError(f"translation has shape {given.shape}; expected (3,) or ({dim},)")
        tau[: len(given)] = given
        U = None if unitary is None else _unitary(unitary)
        for array in (R, tau):
            array.flags.writeable = False
        for name, value in [
            ("rotation", R), ("translation", tau), ("unitary", U), ("dim", dim),
            ("antiunitary", bool(antiunitary)), ("antisymmetric", bool(antisymmetric)),
        ]:  # fmt: skip
            object.__setattr__(self, name, value)

    @property
    def k_matrix(self) -> Floats:
        """(dim, dim): what the operation does to k; R, or −R with time reversal."""
        R = self.rotation[: self.dim, : self.dim]
        return -R if self.antiunitary else R.copy()

    @property
    def axial_matrix(self) -> Floats:
        """(3, 3): what it does to an axial vector that time reversal flips, as Ω, M and S.

        det(R) R, or −det(R) R with time reversal. So Ω(k′) is this matrix times Ω(k).
        """
        axial = np.linalg.det(self.rotation).round() * self.rotation
        return np.asarray(-axial if self.antiunitary else axial)

    @property
    def label(self) -> str:
        """Short name: C4z·T, Mx, P, …"""
        R = label_of(self.rotation)
        beside = _BESIDE[self.antiunitary, self.antisymmetric]
        if not beside:
            return R
        return beside if R == "E" else f"{R}·{beside}"

    def inverse(self) -> Symmetry:
        """The operation that undoes this one."""
        back = self.rotation.T
        U = self.unitary
        if U is not None:
            # The conjugation K stands right of U: (UK)⁻¹ = K U† = Uᵀ K.
            U = U.T if self.antiunitary else U.conj().T
        return self._like(back, -back @ self.translation, U, self.antiunitary, self.antisymmetric)

    def __mul__(self, other: Symmetry) -> Symmetry:
        """First ``other``, then this one."""
        if not isinstance(other, Symmetry):
            return NotImplemented
        if self.dim != other.dim:
            raise ValueError(f"{self!r} is of {self.dim}D, {other!r} of {other.dim}D; expected one")
        U = None
        if self.unitary is not None and other.unitary is not None:
            after = other.unitary
            if self.unitary.shape != after.shape:
                raise ValueError(
                    f"U have shapes {self.unitary.shape} and {after.shape}; expected symmetries of "
                    "one model"
                )
            U = self.unitary @ (after.conj() if self.antiunitary else after)
        return self._like(
            self.rotation @ other.rotation,
            self.rotation @ other.translation + self.translation,
            U,
            self.antiunitary != other.antiunitary,
            self.antisymmetric != other.antisymmetric,
        )

    def __pow__(self, n: int) -> Symmetry:
        if not isinstance(n, int):
            return NotImplemented
        step = self if n >= 0 else self.inverse()
        one = None if self.unitary is None else np.eye(len(self.unitary), dtype=complex)
        start = self._like(np.eye(3), np.zeros(3), one, False, False)
        return reduce(Symmetry.__mul__, [step] * abs(n), start)

    def __eq__(self, other: object) -> bool:
        """The same operation to rounding; U may differ by a phase, or be unknown in one of both."""
        if not isinstance(other, Symmetry):
            return NotImplemented
        if not self.same_point_operation(other):
            return False
        if abs(self.translation - other.translation).max() > _TOLERANCE:
            return False
        if self.unitary is None or other.unitary is None:
            return True
        if self.unitary.shape != other.unitary.shape:
            return False
        overlap = abs(np.vdot(self.unitary, other.unitary)) / len(self.unitary)
        return bool(abs(overlap - 1) < _TOLERANCE)

    __hash__ = None  # type: ignore[assignment]

    def same_point_operation(self, other: Symmetry) -> bool:
        """The same R, time reversal and energy reversal, whatever the translation and U."""
        return (
            self.dim == other.dim
            and self.antiunitary == other.antiunitary
            and self.antisymmetric == other.antisymmetric
            and bool(abs(self.rotation - other.rotation).max() < _TOLERANCE)
        )

    def _like(
        self,
        rotation: Floats,
        translation: Floats,
        unitary: Complexes | None,
        antiunitary: bool,
        antisymmetric: bool,
    ) -> Symmetry:
        return Symmetry(
            rotation,
            self.dim,
            translation=translation,
            unitary=unitary,
            antiunitary=antiunitary,
            antisymmetric=antisymmetric,
        )

    def __str__(self) -> str:
        if not self.antiunitary and not self.antisymmetric:
            return words_of(self.rotation)
        alone = {"T": "time reversal", "S": "chiral symmetry", "C": "particle–hole symmetry"}
        return alone.get(self.label, self.label)

    def __repr__(self) -> str:
        return f"<Symmetry: {self}>"


# What stands beside R, by (antiunitary, antisymmetric).
_BESIDE = {(False, False): "", (True, False): "T", (False, True): "S", (True, True): "C"}


def transform_k(symmetry: Symmetry, k: ArrayLike) -> Floats:
    """The wave vectors k′, (..., dim), that the operation takes k to.

    Examples
    --------
    >>> import coursekit as ck
    >>> ck.symmetry.transform_k(ck.symmetry.mirror("x", dim=2), [0.2, 0.7])
    array([-0.2,  0.7])
    """
    return np.asarray(check_k(k, symmetry.dim) @ symmetry.k_matrix.T)


def transform_axial(symmetry: Symmetry, vector: ArrayLike) -> Floats:
    """Ω, m, M or S, (..., 3), after the operation: Ω(k′) from Ω(k).

    m of an operation that turns energies around has one more minus sign: (H − ε) is a factor of it.

    Examples
    --------
    >>> import coursekit as ck
    >>> ck.symmetry.transform_axial(ck.symmetry.mirror("x", dim=2), [0.0, 0.0, 1.0]) + 0.0
    array([ 0.,  0., -1.])
    """
    array = np.asarray(vector, dtype=float)
    if array.ndim == 0 or array.shape[-1] != 3:
        raise ValueError(f"vector has shape {array.shape}; expected (..., 3): x, y, z last")
    return np.asarray(array @ symmetry.axial_matrix.T)


def _unitary(unitary: ArrayLike) -> Complexes:
    U = np.array(unitary, dtype=complex)
    if U.ndim != 2 or U.shape[0] != U.shape[1]:
        raise ValueError(f"unitary has shape {U.shape}; expected (n_orb, n_orb)")
    if not abs(U @ U.conj().T - np.eye(len(U))).max(initial=0.0) < _TOLERANCE:
        raise ValueError("unitary is not unitary; expected U U† = 1")
    U.flags.writeable = False
    return U
