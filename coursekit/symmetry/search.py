"""Which symmetries a model has, found by solving U H(k) = H(k′) U."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from coursekit.bloch_model import Model, check_model
from coursekit.lattice import Lattice
from coursekit.symmetry.factories import spin_rotation
from coursekit.symmetry.intertwiner import intertwiner
from coursekit.symmetry.lattice_group import lattice_group
from coursekit.symmetry.names import turn_of
from coursekit.symmetry.operation import Symmetry

__all__ = ["find_symmetries", "holds", "represent", "residual"]

Floats = NDArray[np.float64]
Complexes = NDArray[np.complex128]
Bools = NDArray[np.bool_]

# Energies of a symmetric model agree to rounding, positions typed as 0.33333333 to eight digits.
_TOLERANCE = 1e-7
_PLACE = 1e-5


def find_symmetries(
    model: Model,
    *,
    lattice: ArrayLike | Lattice | None = None,
    spin: str = "locked",
    antisymmetric: bool = False,
    tolerance: float = _TOLERANCE,
) -> list[Symmetry]:
    """The magnetic point group of a model: all its symmetries, one for each R and time reversal.

    Every operation of the lattice is tried, with every translation that takes sites to sites, with
    and without time reversal. The unitary U among the orbitals of each site need not be known: it
    is the solution of U H(k) = H(k′) U.

    Parameters
    ----------
    lattice : whose operations are tried; that of the model where not given. A continuum model
        needs it.
    spin : for models with spin. "locked": spin turns with the crystal, as an axial vector that time
        reversal flips. "free": U may do anything to the spin. Without spin–orbit coupling there are
        more free symmetries than locked ones; Ω, m, σ and M of orbital motion obey all of them.
    antisymmetric : also those that turn energies around, ε → −ε: chiral, particle–hole, …
    tolerance : largest mismatch of H, over the bandwidth. Where it is as large as what breaks a
        symmetry, operations that hold more and less well part, and the list need not be a group.

    Returns
    -------
    a group (up to translations), the identity first, operations with time reversal last. In 2D
    operations of space that leave the plane: C₂z, inversion, and mirrors across the plane too.

    Raises
    ------
    ValueError : a continuum model without a lattice, another ``spin``

    Notes
    -----
    Where H(k) has no common block structure, U is unique up to a phase. Else (as with conserved
    spin) the U returned is the one nearest to a mere exchange of sites and rotation of spin.
    D. Varjas, T. Ö. Rosdahl & A. R. Akhmerov, New J. Phys. 20, 093026 (2018), solve the same
    equations; DOI 10.1088/1367-2630/aadf67.

    H is known by its orbitals' positions in the model's space alone: a model in 2D cannot tell a
    layer above from one below.

    Examples
    --------
    >>> import coursekit as ck
    >>> trivial = ck.models.haldane(1.0, 1 / 3, 0.7, 2.0)
    >>> symmetries = ck.symmetry.find_symmetries(trivial)
    >>> len(symmetries), symmetries[1], symmetries[-1]
    (12, <Symmetry: C3 rotation about z>, <Symmetry: Mx·T>)
    """
    check_model(model)
    if spin not in ("locked", "free"):
        raise ValueError(f"spin={spin!r}; expected 'locked' or 'free'")
    cell = _cell(model, lattice)
    problem = _Problem.of(model, cell, spin == "locked", tolerance)
    group = sorted(lattice_group(cell), key=_order)
    flags = [(anti, chiral) for chiral in (False, True)[: 1 + antisymmetric]
             for anti in (False, True)]  # fmt: skip
    found = []
    for antiunitary, chiral in flags:
        for R in group:
            bare = Symmetry(R, model.dim, antiunitary=antiunitary, antisymmetric=chiral)
            symmetry = problem.solve(bare)
            if symmetry is not None:
                found.append(symmetry)
    return found


def represent(
    model: Model, symmetry: Symmetry, *, spin: str = "locked", tolerance: float = _TOLERANCE
) -> Symmetry | None:
    """The symmetry with the U and the translation that make it one of the model's, or None.

    Parameters
    ----------
    symmetry : what it does to space and time; its U and translation are not looked at
    spin, tolerance : see :func:`find_symmetries`

    Examples
    --------
    >>> import coursekit as ck, numpy as np
    >>> P = ck.symmetry.represent(ck.models.qwz(-1.0), ck.symmetry.inversion(2))
    >>> np.round(P.unitary.real)
    array([[ 1.,  0.],
           [ 0., -1.]])
    """
    _check(model, symmetry)
    if spin not in ("locked", "free"):
        raise ValueError(f"spin={spin!r}; expected 'locked' or 'free'")
    return _Problem.of(model, model.lattice, spin == "locked", tolerance).solve(symmetry)


def holds(
    model: Model, symmetry: Symmetry, *, spin: str = "locked", tolerance: float = _TOLERANCE
) -> bool:
    """Whether the model has the symmetry with its U; where that is None, with any.

    Parameters
    ----------
    spin, tolerance : see :func:`find_symmetries`; ``spin`` matters where U is None

    Examples
    --------
    >>> import coursekit as ck
    >>> model = ck.models.haldane(1.0, 0.1, 0.5, 0.0)
    >>> C = ck.symmetry
    >>> C.holds(model, C.inversion(2)), C.holds(model, C.time_reversal(2))
    (True, False)
    """
    _check(model, symmetry)
    if symmetry.unitary is None:
        return represent(model, symmetry, spin=spin, tolerance=tolerance) is not None
    return residual(model, symmetry) <= tolerance


def residual(model: Model, symmetry: Symmetry) -> float:
    """Largest element of U H(k) U† ∓ H(k′) at generic k, over the bandwidth.

    Raises
    ------
    ValueError : a symmetry without U, or of another size than the model
    """
    _check(model, symmetry)
    U = symmetry.unitary
    if U is None:
        raise ValueError(
            f"{symmetry!r} has no U; expected one: represent(model, symmetry) finds it"
        )
    if len(U) != model.n_orb:
        raise ValueError(
            f"U of {symmetry!r} has {len(U)} rows; expected {model.n_orb}, the model's orbitals"
        )
    k = _generic_k(model, model.lattice)
    here = model.hamiltonian(k)
    there = model.hamiltonian(k @ symmetry.k_matrix.T)
    mismatch = U @ _acted(here, symmetry) @ U.conj().T - there
    return float(abs(mismatch).max() / _bandwidth(here))


@dataclass(frozen=True)
class _Problem:
    """A model at generic k, and where its orbitals are."""

    model: Model
    spin: Complexes | None  # where it has to turn with the crystal
    k: Floats  # (n_k, dim)
    here: Complexes  # (n_k, n_orb, n_orb)
    bandwidth: float
    energies: Floats  # (n_k, n_orb)
    vectors: Floats  # (dim, dim) primitive vectors
    places: Floats  # (n_orb, dim), reduced
    tolerance: float

    @classmethod
    def of(cls, model: Model, cell: Lattice | None, locked: bool, tolerance: float) -> _Problem:
        k = _generic_k(model, cell)
        here = model.hamiltonian(k)
        places = getattr(model, "orbitals", None)
        return cls(
            model,
            model.spin if locked else None,
            k,
            here,
            _bandwidth(here),
            np.linalg.eigvalsh(here).astype(float),
            np.eye(model.dim) if model.lattice is None else model.lattice.vectors,
            np.zeros((model.n_orb, model.dim)) if places is None else np.asarray(places),
            tolerance,
        )

    def solve(self, bare: Symmetry) -> Symmetry | None:
        there = self.model.hamiltonian(self.k @ bare.k_matrix.T)
        energies = np.linalg.eigvalsh(there)
        expected = -self.energies[:, ::-1] if bare.antisymmetric else self.energies
        if abs(energies - expected).max() > self.tolerance * self.bandwidth:
            return None
        here = _acted(self.here, bare)
        guess = np.eye(self.model.n_orb, dtype=complex)
        spin = None if bare.antisymmetric else self.spin
        if spin is not None:
            # S turns as an axial vector: U S_b U† = Σ_a A_ab S_a, one more set of such equations.
            before = spin.conj() if bare.antiunitary else spin
            after = np.tensordot(bare.axial_matrix.T, spin, axes=1)
            here = np.concatenate([here, self.bandwidth * before])
            there = np.concatenate([there, self.bandwidth * after])
            guess = spin_rotation(spin, bare.rotation)
            if bare.antiunitary:
                guess = guess @ spin_rotation(spin, np.diag([-1.0, 1.0, -1.0]))
        for tau, allowed in self._placements(bare.rotation):
            nearest = _exchange(allowed) @ guess
            U = intertwiner(here, there, allowed, nearest, self.bandwidth, self.tolerance)
            if U is not None:
                return Symmetry(
                    bare.rotation,
                    bare.dim,
                    translation=tau,
                    unitary=U,
                    antiunitary=bare.antiunitary,
                    antisymmetric=bare.antisymmetric,
                )
        return None

    def _placements(self, R: Floats) -> Iterator[tuple[Floats, Bools]]:
        """Translations that fit the sites, shortest first, and which U_ij may be non-zero."""
        dim = self.model.dim
        turn = self.vectors @ R[:dim, :dim].T @ np.linalg.inv(self.vectors)
        turned = self.places @ turn
        shifts = self.places - turned[0]
        shifts = shifts - np.rint(shifts - _PLACE)
        cartesian = shifts @ self.vectors
        tried: list[Floats] = []
        for index in np.argsort(np.round(np.linalg.norm(cartesian, axis=1), 9), kind="stable"):
            tau = cartesian[index]
            if any(abs(tau - other).max() < _PLACE * abs(self.vectors).max() for other in tried):
                continue
            tried.append(tau)
            # (i, j): how far the image of j is from i, up to lattice vectors.
            apart = turned[None, :] + shifts[index] - self.places[:, None]
            allowed = (abs(apart - np.rint(apart)) < _PLACE).all(axis=-1)
            # A site goes to a site with as many orbitals.
            sizes = allowed.sum(axis=0)
            if sizes.all() and (sizes == _same_site(self.places).sum(axis=0)).all():
                yield tau, allowed


def _same_site(places: Floats) -> Bools:
    apart = places[None, :] - places[:, None]
    return np.asarray((abs(apart - np.rint(apart)) < _PLACE).all(axis=-1))


def _exchange(allowed: Bools) -> Complexes:
    """The permutation that takes the first orbital of each site to the first of its image, …"""
    exchange = np.zeros(allowed.shape, dtype=complex)
    for j in range(len(allowed)):
        # As many orbitals of j's site come before j as of its image before i.
        rank = (allowed[:, :j] == allowed[:, j : j + 1]).all(axis=0).sum()
        exchange[np.flatnonzero(allowed[:, j])[rank], j] = 1.0
    return exchange


def _acted(here: Complexes, symmetry: Symmetry) -> Complexes:
    """±H or ±H*: what U turns into H(k′)."""
    acted = here.conj() if symmetry.antiunitary else here
    return -acted if symmetry.antisymmetric else acted


def _generic_k(model: Model, cell: Lattice | None) -> Floats:
    """Five wave vectors that no symmetry singles out: multiples of irrational numbers."""
    steps = np.arange(1, 6)[:, None] * np.sqrt([2.0, 3.0, 5.0])[: model.dim]
    fractions = steps - np.floor(steps) - 0.5
    return fractions @ (np.eye(model.dim) if cell is None else cell.reciprocal)


def _bandwidth(here: Complexes) -> float:
    energies = np.linalg.eigvalsh(here)
    width = float(energies.max() - energies.min())
    # Flat bands that are all the same: nothing to compare but their energy.
    return width or float(abs(energies).max()) or 1.0


def _cell(model: Model, lattice: ArrayLike | Lattice | None) -> Lattice:
    if lattice is not None:
        cell = lattice if isinstance(lattice, Lattice) else Lattice(lattice)
        if cell.dim != model.dim:
            raise ValueError(f"lattice={cell!r} for a {model.dim}D model; expected {model.dim}D")
        return cell
    if model.lattice is None:
        raise ValueError(
            f"{model!r} has no lattice, so no finite list of operations to try; expected "
            "lattice=, as in lattice=np.eye(2) for the operations of a square"
        )
    return model.lattice


def _check(model: Model, symmetry: Symmetry) -> None:
    check_model(model)
    if not isinstance(symmetry, Symmetry):
        raise ValueError(f"symmetry={symmetry!r}; expected a Symmetry, as from mirror('x', dim=2)")
    if symmetry.dim != model.dim:
        raise ValueError(f"{symmetry!r} is of {symmetry.dim}D; expected {model.dim}D, as the model")


def _order(R: Floats) -> tuple[float, ...]:
    """The identity, rotations about z and about other axes, then those times inversion."""
    sign, angle, axis = turn_of(R)
    return (-sign, angle != 0, 1 - abs(axis[2]), abs(angle), -angle, *np.round(axis, 6))
