"""The exact equations of motion, and Liouville's theorem for them."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from coursekit.bands import Bands, solve
from coursekit.bloch_model import Model, check_k, check_model
from coursekit.dynamics.fields import axial, electric_field, magnetic_field, vector
from coursekit.errors import DegenerateBandsError, format_k
from coursekit.geometry import berry_curvature, orbital_moment

__all__ = [
    "EquationsOfMotion",
    "PhaseSpaceDivergence",
    "equations_of_motion",
    "move",
    "one_band",
    "packet_at",
    "phase_space_divergence",
]

Floats = NDArray[np.float64]

# A band that comes this close to another, as a fraction of the largest energy, touches it.
_SMALLEST_GAP = 1e-12
# Sixth-order differences of values at −3 … 3 steps.
_OFFSETS = np.arange(-3, 4)
_WEIGHTS = np.array([-1, 9, -45, 0, 45, -9, 1]) / 60
# Steps over the k in which states change, which is gap/velocity: the sixth power of twice this is
# what the differences leave out, its inverse what they make of rounding.
_STEP = 0.005


class EquationsOfMotion(NamedTuple):
    """Velocities in phase space, and the density of states in it."""

    rdot: Floats  # (..., dim) length × energy / ħ
    kdot: Floats  # (..., dim) 1/length × energy / ħ
    D: Floats  # (...,) over 1/(2π)^dim


class PhaseSpaceDivergence(NamedTuple):
    """How fast a cloud of electrons thins out, and what the density of states does then."""

    flow: Floats  # (...,) ∇ₖ·k̇
    density_rate: Floats  # (...,) d ln D/dt along the flow
    weighted_flow: Floats  # (...,) ∇ₖ·(D k̇)


def equations_of_motion(
    model: Model, band: int, k: ArrayLike, E: ArrayLike, B: ArrayLike
) -> EquationsOfMotion:
    """Solution of ṙ = ∂(ε − m·B)/∂k − k̇ × Ω and k̇ = −(E + ṙ × B), for electrons.

    Parameters
    ----------
    band : one band that touches no other
    k : (..., dim) Cartesian wave vector, 1/length
    E : (..., dim) electric field, energy / (e length)
    B : 2D (...,), a number, the field along +z; 3D (..., 3); 1D 0; ħ/(e length²)

    Returns
    -------
    EquationsOfMotion : ``rdot`` (..., dim), ``kdot`` (..., dim) and ``D`` (...,); leading shapes
        broadcast

    Raises
    ------
    DegenerateBandsError : the band touches another at some k; carries k and gap
    ValueError : B·Ω reaches −1 somewhere; more than one band; shapes that do not fit; NaN

    Notes
    -----
    With v = ∂(ε − m·B)/∂k, each equation put into the other gives

        D ṙ = v + E × Ω + B (v·Ω),    D k̇ = −E − v × B − Ω (E·B),    D = 1 + B·Ω.

    ∂m/∂k is taken by sixth-order differences, good to about ten digits.
    G. Sundaram & Q. Niu, PRB 59, 14915 (1999), DOI 10.1103/PhysRevB.59.14915, for the equations;
    D. Xiao, J. Shi & Q. Niu, PRL 95, 137204 (2005), DOI 10.1103/PhysRevLett.95.137204, for D.

    Examples
    --------
    An electron at rest at the bottom of a band of Ω = −½ drifts across the field.

    >>> import coursekit as ck
    >>> model = ck.models.massive_dirac(v=1.0, delta=1.0)
    >>> rdot, kdot, D = ck.equations_of_motion(model, 1, k=[0, 0], E=[0, 0.1], B=0)
    >>> rdot + 0
    array([-0.05,  0.  ])
    >>> kdot + 0
    array([ 0. , -0.1])
    """
    check_model(model)
    band = one_band(model, band)
    k = check_k(k, model.dim)
    electric, magnetic = electric_field(model.dim, E), magnetic_field(model.dim, B)
    shapes = (k.shape[:-1], electric.shape[:-1], magnetic.shape[:-1])
    try:
        shape = np.broadcast_shapes(*shapes)
    except ValueError:
        raise ValueError(
            f"k, E and B are given at points of shapes {shapes[0]}, {shapes[1]} and {shapes[2]}; "
            "expected leading shapes that broadcast"
        ) from None
    k = np.broadcast_to(k, (*shape, model.dim))
    return move(model.dim, packet_at(model, band, k, magnetic), electric, magnetic, k)


def phase_space_divergence(
    model: Model, band: int, k: ArrayLike, E: ArrayLike, B: ArrayLike
) -> PhaseSpaceDivergence:
    """Divergence of the flow in phase space, bare and weighted with the density of states.

    A cloud of electrons spreads over ∇·k̇ more of k space in a unit of time: the flow is not that
    of an incompressible fluid.  But D along it shrinks at the same rate, so that the number of
    states D d³r d³k/(2π)³ in the cloud stays (Liouville): ∇ₖ·(D k̇) = 0.  In uniform fields ṙ does
    not depend on r, and D at a given k not on time, so that nothing else enters.

    Parameters
    ----------
    band, k, E, B : as for :func:`equations_of_motion`

    Returns
    -------
    PhaseSpaceDivergence : ``flow`` ∇ₖ·k̇, ``density_rate`` k̇·∇ₖ ln D = −``flow``, and
        ``weighted_flow`` ∇ₖ·(D k̇) = 0, (...,) each, energy/ħ, by differences of
        :func:`equations_of_motion`

    Raises
    ------
    DegenerateBandsError, ValueError : as :func:`equations_of_motion`

    Notes
    -----
    D. Xiao, J. Shi & Q. Niu, PRL 95, 137204 (2005); DOI 10.1103/PhysRevLett.95.137204.

    Examples
    --------
    >>> import coursekit as ck
    >>> model = ck.models.massive_dirac(v=1.0, delta=1.0)
    >>> rates = ck.phase_space_divergence(model, 1, k=[0.5, 0], E=[0.2, 0], B=0.3)
    >>> [f"{rate:.6f}" for rate in rates[:2]]
    ['0.032326', '-0.032326']
    >>> bool(abs(rates.weighted_flow) < 1e-9)
    True
    """
    here = equations_of_motion(model, band, k, E, B)
    dim = model.dim
    k = np.broadcast_to(check_k(k, dim), here.kdot.shape)

    def rates(k: Floats) -> Floats:
        _, kdot, D = equations_of_motion(model, band, k, E, B)
        return np.concatenate([kdot, D[..., None] * kdot, D[..., None]], axis=-1)

    _, slopes = _differences(rates, k, _step(model, band, solve(model, k)))
    flow, weighted = (
        np.trace(slopes[..., first : first + dim], axis1=0, axis2=-1) for first in (0, dim)
    )
    growth = (here.kdot * np.moveaxis(slopes[..., -1], 0, -1)).sum(axis=-1)
    return PhaseSpaceDivergence(flow, growth / here.D, weighted)


class Packet(NamedTuple):
    """What moves a wavepacket: energy ε − m·B, its gradient, and Ω; vectors (..., 3)."""

    energy: Floats
    velocity: Floats
    curvature: Floats


def packet_at(
    model: Model, band: int, k: Floats, B: Floats, smallest_gap: float = _SMALLEST_GAP
) -> Packet:
    """The packet at k (..., dim) in a field B (..., 3); an error at smaller relative gaps."""
    dim = model.dim
    bands = solve(model, k)
    step = _step(model, band, bands, smallest_gap)
    energy = bands.energies[..., band]
    velocity = bands.velocity[..., range(dim), band, band].real
    if dim == 1:
        return Packet(energy, vector(velocity), np.zeros((*k.shape[:-1], 3)))
    curvature = axial(dim, berry_curvature(model, k, band, progress=False))
    if B.any():

        def moment(k: Floats) -> Floats:
            return axial(dim, orbital_moment(model, k, band, progress=False))

        m, slopes = _differences(moment, k, step)
        energy = energy - (m * B).sum(axis=-1)
        velocity = velocity - np.moveaxis((slopes * B).sum(axis=-1), 0, -1)
    return Packet(energy, vector(velocity), curvature)


def move(dim: int, packet: Packet, E: Floats, B: Floats, k: Floats) -> EquationsOfMotion:
    """What fields E and B (..., 3) do with a packet."""
    _, v, omega = packet
    D = np.asarray(1 + (B * omega).sum(axis=-1))
    if not (D > 0).all():
        worst = np.unravel_index(D.argmin(), D.shape)
        raise ValueError(
            f"D = 1 + B·Ω = {D[worst]:.3g} at k={format_k(k[worst])}; expected a field so weak "
            "that |B·Ω| stays below 1: beyond, the equations no longer hold"
        )
    along = (v * omega).sum(axis=-1, keepdims=True)
    rdot = (v + np.cross(E, omega) + B * along) / D[..., None]
    kdot = -(E + np.cross(v, B) + omega * (E * B).sum(axis=-1, keepdims=True)) / D[..., None]
    return EquationsOfMotion(rdot[..., :dim], kdot[..., :dim], D[()])


def _step(model: Model, band: int, bands: Bands, smallest_gap: float = _SMALLEST_GAP) -> Floats:
    """Steps of differences at every k (...,), 1/length; an error where the band touches another."""
    lattice = model.lattice
    longest = 0.01 / (1.0 if lattice is None else np.linalg.norm(lattice.vectors, axis=1).max())
    energies, k = bands.energies, bands.k
    if model.n_orb == 1 or energies.size == 0:
        return np.full(k.shape[:-1], longest)
    others = [n for n in range(model.n_orb) if n != band]
    gaps = abs(energies[..., others] - energies[..., [band]])
    gap = gaps.min(axis=-1)
    worst = np.unravel_index(gap.argmin(), gap.shape)
    if gap[worst] <= smallest_gap * max(model.energy_scale, float(abs(energies).max())):
        raise DegenerateBandsError(
            f"band {band} touches band {others[gaps[worst].argmin()]} at k={format_k(k[worst])}: "
            f"gap {gap[worst]:.2g}; expected a band apart: degenerate bands have no single path",
            k[worst],
            float(gap[worst]),
        )
    fastest = abs(bands.velocity).max(axis=(-3, -2, -1))
    # gap/fastest without a division by zero
    return np.asarray(_STEP * gap / np.maximum(fastest, _STEP * gap / longest))


def _differences(
    function: Callable[[Floats], Floats], k: Floats, step: Floats
) -> tuple[Floats, Floats]:
    """A function of k (..., dim) -> (..., c) and its slopes (dim, ..., c); a step for each k."""
    dim = k.shape[-1]
    axes = np.eye(dim).reshape(dim, *[1] * (k.ndim - 1), dim)
    values = function(np.stack([k + n * step[..., None] * axes for n in _OFFSETS]))
    slopes = np.tensordot(_WEIGHTS, values, axes=1) / step[..., None]
    return values[len(_OFFSETS) // 2, 0], slopes


def one_band(model: Model, band: int) -> int:
    """The band as an int, or a ValueError."""
    number = np.asarray(band)
    if number.ndim or number.dtype.kind not in "iu" or not 0 <= number < model.n_orb:
        raise ValueError(
            f"band={band!r}; expected one band, 0 to {model.n_orb - 1}: a group has no single path"
        )
    return int(number)
