"""The usual symmetries by name."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from coursekit.symmetry.names import turn_of
from coursekit.symmetry.operation import Symmetry

__all__ = [
    "chiral",
    "identity",
    "inversion",
    "mirror",
    "particle_hole",
    "rotation",
    "spin_rotation",
    "time_reversal",
]

Floats = NDArray[np.float64]
Complexes = NDArray[np.complex128]


def identity(dim: int) -> Symmetry:
    """The operation that does nothing."""
    return Symmetry(np.eye(3), dim)


def inversion(
    dim: int, unitary: ArrayLike | None = None, spin: ArrayLike | None = None
) -> Symmetry:
    """Inversion, r → −r. U may be given, or follow from the spin; see :func:`rotation`."""
    return Symmetry(-np.eye(3), dim, unitary=_given(unitary, spin, -np.eye(3)))


def rotation(
    fraction: float,
    axis: str | ArrayLike,
    dim: int,
    unitary: ArrayLike | None = None,
    spin: ArrayLike | None = None,
) -> Symmetry:
    """Rotation by a fraction of a full turn, counter-clockwise as seen from the axis' tip.

    Parameters
    ----------
    fraction : 1/4 for a quarter turn
    axis : "x", "y", "z" or a Cartesian vector
    dim : dimensions of the model
    unitary : U among the orbitals
    spin : (3, n_orb, n_orb) spin matrices S/ħ as from ``model.spin``, for U = e^{−iθ n·S}

    Raises
    ------
    ValueError : an axis that leads out of the plane, or both U and a spin

    Examples
    --------
    >>> import coursekit as ck
    >>> ck.symmetry.rotation(1 / 4, "z", dim=2)
    <Symmetry: C4 rotation about z>
    """
    R = _rotation_matrix(2 * np.pi * fraction, _axis(axis))
    return Symmetry(R, dim, unitary=_given(unitary, spin, R))


def mirror(
    axis: str | ArrayLike,
    dim: int,
    unitary: ArrayLike | None = None,
    spin: ArrayLike | None = None,
) -> Symmetry:
    """Mirror whose normal is ``axis``: "x", "y", "z" or a vector; the rest as in :func:`rotation`.

    Examples
    --------
    >>> import coursekit as ck
    >>> ck.symmetry.mirror("x", dim=2) * ck.symmetry.time_reversal(2)
    <Symmetry: Mx·T>
    """
    n = _axis(axis)
    R = np.eye(3) - 2 * np.outer(n, n)
    return Symmetry(R, dim, unitary=_given(unitary, spin, R))


def time_reversal(
    dim: int, unitary: ArrayLike | None = None, spin: ArrayLike | None = None
) -> Symmetry:
    """Time reversal U K. With a ``spin``, U = e^{−iπS_y}, which squares to −1 for spin ½.

    That U supposes real Sₓ, S_z and an imaginary S_y, as "blocks" and "pairs" have them.
    """
    U = _given(unitary, spin, np.diag([-1.0, 1.0, -1.0]))
    return Symmetry(np.eye(3), dim, unitary=U, antiunitary=True)


def particle_hole(dim: int, unitary: ArrayLike | None = None) -> Symmetry:
    """Particle–hole symmetry, U H(k)* U† = −H(−k)."""
    return Symmetry(np.eye(3), dim, unitary=unitary, antiunitary=True, antisymmetric=True)


def chiral(dim: int, unitary: ArrayLike | None = None) -> Symmetry:
    """Chiral (sublattice) symmetry, U H(k) U† = −H(k)."""
    return Symmetry(np.eye(3), dim, unitary=unitary, antisymmetric=True)


def spin_rotation(spin: ArrayLike, R: Floats) -> Complexes:
    """e^{−iθ n·S} for the rotation det(R)·R, (n_orb, n_orb): spin does not see inversion."""
    _, angle, axis = turn_of(R)
    generator = np.tensordot(axis, np.asarray(spin, dtype=complex), axes=1)
    m, states = np.linalg.eigh(generator)
    return np.asarray((states * np.exp(-1j * angle * m)) @ states.conj().T)


def _given(unitary: ArrayLike | None, spin: ArrayLike | None, R: Floats) -> ArrayLike | None:
    if spin is None:
        return unitary
    if unitary is not None:
        raise ValueError("both unitary= and spin= are given; expected one: the spin fixes U")
    return spin_rotation(spin, R)


def _axis(axis: str | ArrayLike) -> Floats:
    if isinstance(axis, str):
        if axis not in ("x", "y", "z"):
            raise ValueError(f"axis={axis!r}; expected 'x', 'y', 'z' or a vector")
        return np.asarray(np.eye(3)["xyz".index(axis)])
    n = np.zeros(3)
    given = np.asarray(axis, dtype=float)
    length = np.linalg.norm(given)
    if given.shape not in ((2,), (3,)) or not 0 < length < np.inf:
        raise ValueError(f"axis={axis!r}; expected 'x', 'y', 'z' or a vector of non-zero length")
    n[: len(given)] = given / length
    return n


def _rotation_matrix(angle: float, n: Floats) -> Floats:
    """Rodrigues: cos θ + sin θ [n×] + (1 − cos θ) nn."""
    cross = np.cross(n, -np.eye(3))
    R = np.cos(angle) * np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * np.outer(n, n)
    R[abs(R) < 1e-15] = 0.0
    return np.asarray(R)
