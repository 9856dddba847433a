"""What is left of a tensor when every symmetry must leave it as it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from coursekit.bloch_model import Model
from coursekit.symmetry.groups import as_symmetries
from coursekit.symmetry.operation import Symmetry

__all__ = ["KINDS", "TensorKind", "allowed_matrix_form", "allowed_tensor"]

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class TensorKind:
    """How a tensor answers to inversion and to time reversal.

    Examples
    --------
    >>> from coursekit.symmetry import TensorKind
    >>> magnetization = TensorKind(rank=1, axial=True, time_odd=True)
    """

    rank: int  # number of indices
    axial: bool = False  # improper operations bring one more minus sign
    time_odd: bool = False  # time reversal brings a minus sign
    onsager: bool = False  # time reversal exchanges the first two indices
    symmetric: bool = False  # the last two indices may be exchanged
    # Models of a plane: an index that lies in it ("p": current, field, k) or stands on it ("n": Ω),
    # or may do as it likes (".": spin), one letter for each index.
    plane: str = ""

    def __post_init__(self) -> None:
        if not isinstance(self.rank, int) or not 1 <= self.rank <= 4:
            raise ValueError(f"rank={self.rank!r}; expected 1 to 4 indices")
        if self.rank < 2 and (self.onsager or self.symmetric):
            raise ValueError("onsager and symmetric exchange two indices; expected rank 2 or more")
        if self.plane and (len(self.plane) != self.rank or set(self.plane) - set("pn.")):
            raise ValueError(f"plane={self.plane!r}; expected one of 'p', 'n', '.' for each index")


#: The kinds of tensors that :func:`allowed_tensor` knows by name.
KINDS = {
    # σ_xy and its like as the axial vector (σ_yz, σ_zx, σ_xy).
    "anomalous_hall": TensorKind(1, axial=True, time_odd=True, plane="n"),
    "anomalous_nernst": TensorKind(1, axial=True, time_odd=True, plane="n"),
    # Of orbits alone, which in a plane stands on it; and with the spins, which need not.
    "orbital_magnetization": TensorKind(1, axial=True, time_odd=True, plane="n"),
    "magnetization": TensorKind(1, axial=True, time_odd=True),
    "polarization": TensorKind(1, plane="p"),
    # The whole σ_ab, j_a = σ_ab E_b: time reversal makes it the transpose (Onsager).
    "conductivity": TensorKind(2, onsager=True, plane="pp"),
    # D_ab = ∫ f ∂_aΩ_b: ∂_a and Ω_b both change sign under time reversal.
    "berry_curvature_dipole": TensorKind(2, axial=True, plane="pn"),
    # ∂²ε/∂k∂k, the quantum metric and whatever else is a symmetric matrix in space.
    "inverse_mass": TensorKind(2, symmetric=True, plane="pp"),
    # P_a = α_ab B_b
    "magnetoelectric": TensorKind(2, axial=True, time_odd=True, plane="p."),
    # M_a = Λ_abc (stress)_bc
    "piezomagnetic": TensorKind(3, axial=True, time_odd=True, symmetric=True, plane=".pp"),
    # P_a = d_abc (stress)_bc
    "piezoelectric": TensorKind(3, symmetric=True, plane="ppp"),
    # M_a = χ_ab E_b of a current: the shifted Fermi sea is odd under time reversal, as M is.
    "edelstein": TensorKind(2, axial=True, plane=".p"),
    # σˢ_ab as [s, a, b], the part that the curvature of spin currents gives; S and v change sign.
    "spin_hall": TensorKind(3, axial=True, plane=".pp"),
    # The part of the shifted Fermi sea, which time reversal forbids: the spin-polarized current.
    "magnetic_spin_hall": TensorKind(3, axial=True, time_odd=True, plane=".pp"),
    "orbital_hall": TensorKind(3, axial=True, plane="npp"),
}


def allowed_tensor(symmetries: Sequence[Symmetry] | Model, kind: str | TensorKind) -> Floats:
    """All tensors of a kind that the symmetries allow (Neumann's principle).

    Parameters
    ----------
    symmetries : a group, some operations that generate it, or a model. Those that turn energies
        around are left out: they tie μ to −μ, and forbid nothing at one μ.
    kind : a name in ``coursekit.symmetry.KINDS``, or a :class:`TensorKind`

    Returns
    -------
    (n_free, 3, …) a basis of the allowed tensors, each with a leading 1; n_free = 0 where the whole
    tensor is forbidden

    Raises
    ------
    ValueError : an unknown kind

    Notes
    -----
    Under R a tensor turns into R ⊗ … ⊗ R times it, times det R if it is axial; with time reversal a
    T-odd one changes sign, and σ_ab becomes σ_ba. Allowed is what all operations leave as it is.
    M. Seemann, D. Ködderitzsch, S. Wimmer & H. Ebert, PRB 92, 155138 (2015), for transport;
    DOI 10.1103/PhysRevB.92.155138.

    Examples
    --------
    >>> import coursekit as ck
    >>> graphene = ck.models.haldane(1.0, 0.0, 0.0, 0.3)
    >>> ck.symmetry.allowed_tensor(graphene, "anomalous_hall").shape  # time reversal
    (0, 3)
    >>> ck.symmetry.allowed_tensor(ck.models.haldane(1.0, 0.1, 0.5, 0.3), "anomalous_hall")
    array([[0., 0., 1.]])
    """
    group = [s for s in as_symmetries(symmetries) if not s.antisymmetric]
    what = _kind(kind)
    size = 3**what.rank
    shape = (3,) * what.rank
    identity = np.eye(size)
    conditions = [np.zeros((size, size))]
    for one in group:
        turn: Floats = np.ones((1, 1))
        for _ in range(what.rank):
            turn = np.asarray(np.kron(turn, one.rotation), dtype=float)
        if what.axial:
            turn = turn * np.linalg.det(one.rotation).round()
        if one.antiunitary and what.time_odd:
            turn = -turn
        if one.antiunitary and what.onsager:
            turn = turn.reshape(size, *shape).swapaxes(1, 2).reshape(size, size)
        conditions.append(turn - identity)
    if what.symmetric:
        swapped = identity.reshape(size, *shape).swapaxes(-1, -2).reshape(size, size)
        conditions.append(identity - swapped)
    if group and group[0].dim == 2 and what.plane:
        away = {"p": (2,), "n": (0, 1), ".": ()}
        outside = np.zeros(shape, dtype=bool)
        for index in product(range(3), repeat=what.rank):
            outside[index] = any(i in away[w] for i, w in zip(index, what.plane, strict=True))
        conditions.append(np.diag(outside.ravel().astype(float)))
    _, sizes, rows = np.linalg.svd(np.concatenate(conditions), full_matrices=False)
    allowed = rows[np.count_nonzero(sizes > 1e-6) :]
    return _echelon(allowed).reshape(-1, *shape)


def allowed_matrix_form(symmetries: Sequence[Symmetry] | Model, kind: str | TensorKind) -> str:
    """The allowed tensor with a letter for each free number, as text.

    Parameters
    ----------
    symmetries, kind : as for :func:`allowed_tensor`

    Returns
    -------
    a vector or matrix in one line; of a tensor of rank 3 one such matrix for each first index. In
    2D indices that lie in the plane have two values.

    Examples
    --------
    >>> import coursekit as ck
    >>> print(ck.symmetry.allowed_matrix_form(ck.models.qwz(-1.0), "conductivity"))
    [[a, b], [−b, a]]
    >>> print(ck.symmetry.allowed_matrix_form([ck.symmetry.rotation(1 / 3, "z", dim=3)],
    ...                                       "conductivity"))
    [[a, b, 0], [−b, a, 0], [0, 0, c]]
    """
    group = as_symmetries(symmetries)
    what = _kind(kind)
    basis = allowed_tensor(group, what)
    plane = what.plane if group and group[0].dim == 2 else ""
    for axis, where in enumerate(plane, start=1):
        basis = basis.take({"p": [0, 1], "n": [2], ".": [0, 1, 2]}[where], axis=axis)
    return _text(basis)


def _text(basis: Floats) -> str:
    if basis.ndim > 1:
        return "[" + ", ".join(_text(basis[:, i]) for i in range(basis.shape[1])) + "]"
    text = ""
    for n, factor in enumerate(basis):
        if abs(factor) > 1e-9:
            # Letters do for all tensors of rank 3; a general one of rank 4 has more numbers.
            letter = chr(ord("a") + n) if n < 26 else f"a{n}"
            size = "" if abs(abs(factor) - 1) < 1e-9 else f"{abs(factor):.4g}"
            sign = "−" if factor < 0 else "+" if text else ""
            text += f" {sign} {size}{letter}" if text else f"{sign}{size}{letter}"
    return text or "0"


def _kind(kind: str | TensorKind) -> TensorKind:
    if isinstance(kind, TensorKind):
        return kind
    if kind not in KINDS:
        raise ValueError(f"kind={kind!r}; expected a TensorKind or one of {', '.join(KINDS)}")
    return KINDS[kind]


def _echelon(rows: Floats) -> Floats:
    """The reduced echelon form: each row begins with a 1 that stands alone in its column."""
    matrix = rows.copy()
    pivot = 0
    for column in range(matrix.shape[1]):
        if pivot == len(matrix):
            break
        best = pivot + int(np.argmax(abs(matrix[pivot:, column])))
        if abs(matrix[best, column]) < 1e-6:
            continue
        matrix[[pivot, best]] = matrix[[best, pivot]]
        matrix[pivot] /= matrix[pivot, column]
        others = np.arange(len(matrix)) != pivot
        matrix[others] -= np.outer(matrix[others, column], matrix[pivot])
        pivot += 1
    matrix[abs(matrix) < 1e-9] = 0.0
    near = np.rint(matrix * 2) / 2
    return np.asarray(np.where(abs(matrix - near) < 1e-9, near, matrix) + 0.0)
