"""Planes of the Brillouin zone of 3D models, as 2D models."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike, NDArray

from coursekit.bloch_model import Model, check_k, check_model
from coursekit.lattice import Lattice
from coursekit.tight_binding import TightBinding
from coursekit.wannier90.model import WannierModel

__all__ = ["slice_model"]

Floats = NDArray[np.float64]
Complexes = NDArray[np.complex128]


def slice_model(model: Model, direction: int, value: float) -> Model:
    """The 2D model on a plane of a 3D model's Brillouin zone, at fixed k along a reciprocal vector.

    Its k is the component of k within the plane: k = value b + kₓ e₁ + k_y e₂ up to a constant, for
    the reciprocal vector b of ``direction``. The plane's normal is the unit vector n along the
    lattice vector a of ``direction``; e₂ = n × e₁, and e₁ lies along the part within the plane of
    the next lattice vector, in the cyclic order a₁, a₂, a₃. For a cubic lattice and direction 2
    that is (x, y). Where Weyl points lie between two planes, the Chern number grows by their
    charges.

    Parameters
    ----------
    direction : 0, 1 or 2
    value : reduced k along that reciprocal vector; a period is 1

    Returns
    -------
    TightBinding or WannierModel of one of its kind, with positions and hoppings projected; of any
    other model, a view

    Raises
    ------
    ValueError : not a 3D lattice model, no such direction

    Examples
    --------
    >>> import numpy as np, coursekit as ck
    >>> layer = ck.models.haldane(1, 0.2, 1.0, 0.3)
    >>> vectors = np.eye(3)
    >>> vectors[:2, :2] = layer.lattice.vectors
    >>> stack = ck.TightBinding.from_blocks(
    ...     vectors, np.pad(layer.orbitals, ((0, 0), (0, 1))),
    ...     {(*R, 0): block for R, block in layer.blocks.items()},
    ... )
    >>> ck.chern_number(ck.slice_model(stack, 2, 0.25), 1) == ck.chern_number(layer, 1) == -1
    True
    """
    check_model(model)
    if model.dim != 3 or model.lattice is None:
        raise ValueError(f"{model!r} is not a 3D lattice model; expected one: a slice is a plane")
    if direction not in (0, 1, 2):
        raise ValueError(f"direction={direction!r}; expected a reciprocal vector, 0, 1 or 2")
    if not np.isfinite(value):
        raise ValueError(f"value={value!r}; expected a finite reduced k")
    first, second = [n for n in range(3) if n != direction]
    axes = plane_axes(model.lattice, direction)
    lattice = Lattice(model.lattice.vectors[[first, second]] @ axes.T)

    def summed(blocks: Mapping[tuple[int, ...], Complexes]) -> dict[tuple[int, ...], Complexes]:
        # The orbitals' positions along a are left out of the phase: one constant basis change.
        sums: dict[tuple[int, ...], Complexes] = {}
        for R, block in blocks.items():
            term = np.exp(2j * np.pi * value * R[direction]) * block
            within = (R[first], R[second])
            sums[within] = sums[within] + term if within in sums else term
        return sums

    if isinstance(model, WannierModel):
        position = {R: np.tensordot(axes, r, 1) for R, r in model.position.items()}
        return WannierModel(lattice, summed(model.blocks), summed(position), model.spin)
    if isinstance(model, TightBinding):
        orbitals = model.orbitals[:, [first, second]]
        return TightBinding.from_blocks(lattice, orbitals, summed(model.blocks), model.spin)
    return _Slice(model, lattice, axes, value * model.lattice.reciprocal[direction])


def plane_axes(lattice: Lattice, direction: int) -> Floats:
    """(2, 3) orthonormal e₁ and e₂ of the plane of k across a lattice vector, e₁ × e₂ along it."""
    normal = lattice.vectors[direction] / np.linalg.norm(lattice.vectors[direction])
    following = lattice.vectors[(direction + 1) % 3]
    e1 = following - (following @ normal) * normal
    e1 /= np.linalg.norm(e1)
    return np.stack([e1, np.cross(normal, e1)])


class _Slice:
    """A plane through ``origin`` of a 3D model that is no more than functions of k."""

    dim = 2

    def __init__(self, model: Model, lattice: Lattice, axes: Floats, origin: Floats) -> None:
        self._model = model
        self._axes = axes
        self._origin = origin
        self.lattice: Lattice | None = lattice
        self.n_orb = model.n_orb
        self.energy_scale = model.energy_scale
        self.velocity_bound = model.velocity_bound
        self.spin = model.spin

    def hamiltonian(self, k: ArrayLike) -> Complexes:
        return self._model.hamiltonian(self._embedded(k))

    def hamiltonian_gradient(self, k: ArrayLike) -> Complexes:
        return self._within(self._model.hamiltonian_gradient(self._embedded(k)))

    def velocity_operator(self, k: ArrayLike) -> Complexes:
        return self._within(self._model.velocity_operator(self._embedded(k)))

    def _embedded(self, k: ArrayLike) -> Floats:
        return np.asarray(self._origin + check_k(k, 2) @ self._axes)

    def _within(self, vectors: Complexes) -> Complexes:
        return np.asarray(np.einsum("ac,...cij->...aij", self._axes, vectors))

    def __repr__(self) -> str:
        return f"<slice of {self._model!r}>"
