"""Charges of Weyl points."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from coursekit.band_groups import occupied_bands
from coursekit.bloch_model import Model, check_k, check_model
from coursekit.errors import GapClosedError, format_k
from coursekit.speed import speed_limit
from coursekit.topology.certificate import CLOSED, Bundle, is_certified, plaquette_fluxes
from coursekit.topology.chern import band_bundle

__all__ = ["weyl_charge"]

Floats = NDArray[np.float64]

_DEFAULT_RADIUS = 0.01
_FIRST_CELLS = 4
_MOST_CELLS = 10_000


def weyl_charge(
    model: Model,
    k0: ArrayLike,
    bands: int | Sequence[int],
    *,
    radius: float | None = None,
) -> int:
    """Charge of a node: the outward flux of Ω through a sphere around it over 2π, certified.

    Parameters
    ----------
    model : 3D
    k0 : (3,) Cartesian centre of the sphere, 1/length
    bands : the number of lowest bands, or the indices of a group in a tuple
    radius : of the sphere, 1/length; by default 0.01 of the shortest reciprocal vector, or 0.01
        for a continuum model. The charges of all nodes within add up.

    Returns
    -------
    int : +1 for the lower band of +k·σ, 0 where nothing touches inside. Exact for a
        :class:`TightBinding`; for a model without a bound on ‖∂H‖ that is twice its largest value
        at 150 points of the sphere.

    Raises
    ------
    GapClosedError : the group touches the rest on the sphere; carries k and gap
    ValueError : not 3D, bands that do not exist

    Notes
    -----
    N. P. Armitage, E. J. Mele & A. Vishwanath, RMP 90, 015001 (2018);
    DOI 10.1103/RevModPhys.90.015001.

    Examples
    --------
    >>> import numpy as np, coursekit as ck
    >>> pauli = np.array([[[0, 1], [1, 0]], [[0, -1j], [1j, 0]], [[1, 0], [0, -1]]])
    >>> weyl = ck.BlochModel(lambda k: np.tensordot(k, pauli, 1), n_orb=2, dim=3)
    >>> ck.weyl_charge(weyl, [0, 0, 0], 1), ck.weyl_charge(weyl, [0, 0, 0], (1,))
    (1, -1)
    """
    check_model(model)
    if model.dim != 3:
        raise ValueError(f"the model has {model.dim} dimensions; expected 3: a sphere around k0")
    centre = check_k(k0, 3)
    if centre.shape != (3,):
        raise ValueError(f"k0 has shape {centre.shape}; expected (3,), one point")
    group = occupied_bands(bands, model.n_orb, "bands")
    if radius is None:
        unit = 1.0
        if model.lattice is not None:
            unit = float(np.linalg.norm(model.lattice.reciprocal, axis=1).min())
        radius = _DEFAULT_RADIUS * unit
    if not (np.isfinite(radius) and radius > 0):
        raise ValueError(f"radius={radius!r}; expected a positive number")
    if len(group) == model.n_orb:
        return 0
    return _charge(model, centre, group, radius)


def _charge(model: Model, centre: Floats, group: list[int], radius: float) -> int:
    """Flux through a sphere that carries the mesh of a cube around it, projected.

    Meshes of neighbouring faces share their edges, so the flux is a whole number.
    """
    even = [np.linspace(-1, 1, _FIRST_CELLS + 1)] * 3
    points = [_on_sphere(face, _face_mesh(even, face)).reshape(-1, 3) for face in _FACES]
    speed = speed_limit(model, centre + radius * np.concatenate(points))
    bundle = band_bundle(model, group, speed)
    cuts = _certified_cuts(bundle, centre, radius, even)
    flux = 0.0
    for face in _FACES:
        k = centre + radius * _on_sphere(face, _face_mesh(cuts, face))
        # The face's two axes turn counter-clockwise about +axis, so −axis is outward with a sign.
        flux += face[1] * float(plaquette_fluxes(bundle.frames(k)).sum())
    return round(flux / (2 * np.pi))


# The axis across a cube's face, and the side on which the face lies.
_FACES = [(axis, side) for axis in range(3) for side in (1, -1)]


def _certified_cuts(
    bundle: Bundle, centre: Floats, radius: float, cuts: list[Floats]
) -> list[Floats]:
    """Cuts along x, y, z, from −1 to 1, of a cube's surface with certified cells."""
    while True:
        more: list[list[Floats]] = [[], [], []]
        for face in _FACES:
            mesh = _face_mesh(cuts, face)
            middles = (mesh[1:, 1:] + mesh[:-1, :-1]) / 2
            # Projection of the cube's surface to the sphere within makes nothing longer.
            sides = radius * (mesh[1:, 1:] - mesh[:-1, :-1])
            k = centre + radius * _on_sphere(face, middles)
            gaps, kappa = bundle.measure(k, np.linalg.norm(sides, axis=-1) / 2)
            lowest = np.unravel_index(gaps.argmin(), gaps.shape)
            if gaps[lowest] <= CLOSED * bundle.scale:
                raise bundle.closed(k[lowest], float(gaps[lowest]))
            coarse = ~is_certified(kappa, sides, sides.prod(axis=-1))
            for n, axis in enumerate(_face_axes(face)):
                more[axis].append(middles[coarse][:, n])
            if coarse.sum() > _MOST_CELLS:
                raise GapClosedError(
                    f"the gap on the sphere is {gaps[lowest]:.2g} at k={format_k(k[lowest])}, too "
                    "small to tell the charge inside; expected a node alone in the sphere; choose "
                    "another radius",
                    k[lowest],
                    float(gaps[lowest]),
                )
        if not any(len(middles) for new in more for middles in new):
            return cuts
        cuts = [np.unique(np.concatenate([old, *new])) for old, new in zip(cuts, more, strict=True)]


def _face_axes(face: tuple[int, int]) -> tuple[int, int]:
    return (face[0] + 1) % 3, (face[0] + 2) % 3


def _face_mesh(cuts: list[Floats], face: tuple[int, int]) -> Floats:
    """(I, J, 2) coordinates within a face of the cube."""
    u, v = _face_axes(face)
    return np.stack(np.meshgrid(cuts[u], cuts[v], indexing="ij"), axis=-1)


def _on_sphere(face: tuple[int, int], within: Floats) -> Floats:
    """Unit vectors (..., 3) through the points (..., 2) of a face."""
    u, v = _face_axes(face)
    cube = np.empty((*within.shape[:-1], 3))
    cube[..., face[0]], cube[..., u], cube[..., v] = face[1], within[..., 0], within[..., 1]
    return np.asarray(cube / np.linalg.norm(cube, axis=-1, keepdims=True))
