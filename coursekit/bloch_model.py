"""What a model is, and models given by any function H(k)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from coursekit.errors import format_k
from coursekit.lattice import Lattice

__all__ = ["BlochModel", "Model", "check_k", "check_model", "spin_matrices"]

Floats = NDArray[np.float64]
Complexes = NDArray[np.complex128]

# Rounding in a sum of a few dozen hoppings stays far below this fraction of their size.
HERMITIAN_TOLERANCE = 1e-10


class Model(Protocol):
    """What the library asks of a model."""

    @property
    def lattice(self) -> Lattice | None: ...
    @property
    def n_orb(self) -> int: ...
    @property
    def dim(self) -> int: ...
    @property
    def energy_scale(self) -> float: ...
    @property
    def velocity_bound(self) -> float | None: ...
    @property
    def spin(self) -> Complexes | None: ...
    def hamiltonian(self, k: ArrayLike) -> Complexes: ...
    def hamiltonian_gradient(self, k: ArrayLike) -> Complexes: ...
    def velocity_operator(self, k: ArrayLike) -> Complexes: ...


class BlochModel:
    """A model given by any function H(k), such as a continuum model.

    Parameters
    ----------
    hamiltonian : k (..., dim) -> (..., n_orb, n_orb), energy; k Cartesian
    gradient : k (..., dim) -> (..., dim, n_orb, n_orb); without it, sixth-order differences of
        ``hamiltonian`` with steps of 0.01 (over the longest primitive vector, where there is a
        lattice), good to about ten digits for a function that varies on the scale 1
    lattice : (dim, dim) primitive vectors or a :class:`Lattice`; None for a continuum model, whose
        k space is the whole plane
    n_orb : number of bands
    dim : number of dimensions, where no lattice tells it
    spin : as for :class:`coursekit.TightBinding`

    Raises
    ------
    ValueError : H(k) of a wrong shape, not Hermitian or not finite, on construction (at two
        points) and at every call; with a lattice, an H(k + b) whose spectrum is not that of H(k)

    Examples
    --------
    >>> import numpy as np, coursekit as ck
    >>> pauli = np.array([[[0, 1], [1, 0]], [[0, -1j], [1j, 0]]])
    >>> def dirac(k):  # kₓσₓ + k_yσ_y + σ_z/2
    ...     return np.einsum("...a,aij->...ij", k, pauli) + np.diag([0.5, -0.5])
    >>> model = ck.BlochModel(dirac, n_orb=2)
    >>> ck.berry_curvature(model, [0.0, 0.0]).round(6)
    array([ 2., -2.])
    """

    energy_scale = 0.0
    velocity_bound = None

    def __init__(
        self,
        hamiltonian: Callable[[Floats], Any],
        gradient: Callable[[Floats], Any] | None = None,
        lattice: ArrayLike | Lattice | None = None,
        *,
        n_orb: int,
        dim: int = 2,
        spin: str | ArrayLike | None = None,
    ) -> None:
        self._hamiltonian = hamiltonian
        self._gradient = gradient
        self._usual_size: dict[str, float] = {}
        if lattice is None or isinstance(lattice, Lattice):
            self.lattice = lattice
        else:
            self.lattice = Lattice(lattice)
        self.n_orb = n_orb
        self.spin = spin_matrices(spin, n_orb)
        self.dim = dim if self.lattice is None else self.lattice.dim
        self._check_at_sample_points()

    def hamiltonian(self, k: ArrayLike) -> Complexes:
        """H(k), (..., n_orb, n_orb), at Cartesian k (..., dim); energy."""
        k = check_k(k, self.dim)
        return self._checked("hamiltonian", self._hamiltonian(k), k, k.shape[:-1])

    def hamiltonian_gradient(self, k: ArrayLike) -> Complexes:
        """∂H/∂k, (..., dim, n_orb, n_orb), at Cartesian k (..., dim); energy × length."""
        k = check_k(k, self.dim)
        dh = self._differences(k) if self._gradient is None else self._gradient(k)
        return self._checked("gradient", dh, k, (*k.shape[:-1], self.dim))

    def velocity_operator(self, k: ArrayLike) -> Complexes:
        """ħ times the velocity operator, which is ∂H/∂k; shapes as there."""
        return self.hamiltonian_gradient(k)

    def _differences(self, k: Floats) -> Complexes:
        length = 1.0 if self.lattice is None else np.linalg.norm(self.lattice.vectors, axis=1).max()
        step = 0.01 / length
        axes = []
        for direction in np.eye(self.dim):
            shifts = (step * n * direction for n in (1, 2, 3))
            d1, d2, d3 = (self.hamiltonian(k + s) - self.hamiltonian(k - s) for s in shifts)
            axes.append((45 * d1 - 9 * d2 + d3) / (60 * step))
        return np.stack(axes, axis=-3)

    def _checked(self, name: str, values: Any, k: Floats, leading: tuple[int, ...]) -> Complexes:
        matrices = np.asarray(values, dtype=complex)
        expected = (*leading, self.n_orb, self.n_orb)
        if matrices.shape != expected:
            raise ValueError(
                f"{name}(k) has shape {matrices.shape} for k of shape {k.shape}; "
                f"expected {expected}: matrix indices last, any leading shape of k kept"
            )
        if not np.isfinite(matrices).all():
            raise ValueError(f"{name}(k) holds NaN or inf; expected finite numbers")
        mismatch = abs(matrices - matrices.conj().swapaxes(-1, -2))
        # Where H happens to vanish, rounding is still that of its usual size.
        usual = self._usual_size.setdefault(name, float(abs(matrices).max(initial=0.0)))
        size = max(usual, float(abs(matrices).max(initial=0.0)))
        if mismatch.max(initial=0.0) > HERMITIAN_TOLERANCE * size:
            worst = np.unravel_index(mismatch.argmax(), mismatch.shape)
            where = format_k(k[worst[: k.ndim - 1]])
            row, column = (int(index) for index in worst[-2:])
            raise ValueError(
                f"{name}(k) is not Hermitian: at k={where} elements ({row}, {column}) and "
                f"({column}, {row}) are off by {mismatch[worst]:.3g}; expected H = H†"
            )
        return matrices

    def _check_at_sample_points(self) -> None:
        # A generic point, so that no symmetry hides a mistake.
        scale = np.eye(self.dim) if self.lattice is None else self.lattice.reciprocal
        k = np.array([0.137, 0.291, 0.413])[: self.dim] @ scale
        self.hamiltonian(np.stack([k, 2 * k]))
        self.hamiltonian_gradient(np.stack([k, 2 * k]))
        if self.lattice is None:
            return
        here = np.linalg.eigvalsh(self.hamiltonian(k))
        for n, b in enumerate(self.lattice.reciprocal, start=1):
            there = np.linalg.eigvalsh(self.hamiltonian(k + b))
            if abs(there - here).max() > 1e-8 * max(abs(here).max(), abs(there).max()):
                raise ValueError(
                    f"H(k + b{n}) has other energies than H(k): {there} and {here} at "
                    f"k={format_k(k)}; expected a function of Cartesian k that is periodic in the "
                    "zone: multiply reduced coordinates by 2π and the inverse lattice, or leave "
                    "lattice out for a continuum model"
                )

    def __repr__(self) -> str:
        kind = "continuum" if self.lattice is None else "lattice"
        return f"<BlochModel: {self.dim}D {kind}, {self.n_orb} bands>"


def spin_matrices(spin: str | ArrayLike | None, n_orb: int) -> Complexes | None:
    """(3, n_orb, n_orb) matrices of S/ħ, read-only, from what ``spin=`` may be, or a ValueError."""
    if spin is None:
        return None
    if isinstance(spin, str):
        if spin not in ("blocks", "pairs"):
            raise ValueError(f"spin={spin!r}; expected 'blocks', 'pairs', matrices or None")
        if n_orb % 2:
            raise ValueError(
                f"spin={spin!r} with {n_orb} orbitals; expected an even number: each orbital once "
                "with spin up and once with spin down"
            )
        one = np.eye(n_orb // 2)
        half = np.array([[[0, 1], [1, 0]], [[0, -1j], [1j, 0]], [[1, 0], [0, -1]]]) / 2
        matrices = np.array(
            [np.kron(s, one) if spin == "blocks" else np.kron(one, s) for s in half]
        )
    else:
        matrices = np.array(spin, dtype=complex)
    if matrices.shape != (3, n_orb, n_orb):
        raise ValueError(f"spin has shape {matrices.shape}; expected {(3, n_orb, n_orb)}")
    if not np.isfinite(matrices).all() or not np.allclose(matrices, matrices.conj().swapaxes(1, 2)):
        raise ValueError("spin matrices are not Hermitian or not finite; expected (Sₓ, S_y, S_z)/ħ")
    matrices.flags.writeable = False
    return matrices


def check_model(model: object) -> None:
    """Raise a ValueError where ``model`` is no model."""
    if not hasattr(model, "hamiltonian") or not hasattr(model, "hamiltonian_gradient"):
        raise ValueError(
            f"model={model!r}; expected a TightBinding or a BlochModel, as from ck.models.qwz(-1.0)"
        )


def check_k(k: ArrayLike, dim: int) -> Floats:
    """``k`` as an array (..., dim) of finite numbers, or a ValueError."""
    try:
        array = np.asarray(k)
    except ValueError:
        raise ValueError(
            f"k is no array: its rows differ in length; expected shape (..., {dim}): Cartesian "
            "components last"
        ) from None
    if array.dtype.kind not in "iuf" or array.ndim == 0 or array.shape[-1] != dim:
        raise ValueError(
            f"k has shape {array.shape} and type {array.dtype}; expected real numbers of shape "
            f"(..., {dim}): Cartesian components last"
        )
    array = array.astype(float, copy=False)
    if not np.isfinite(array).all():
        raise ValueError("k holds NaN or inf; expected finite numbers")
    return array
