"""Responses beside the charge Hall effect: to temperature gradients, of spin, orbital and valley.

All are intrinsic: of the bands, without scattering.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from itertools import product
from typing import NamedTuple, Unpack

import numpy as np
from numpy.typing import ArrayLike, NDArray

from coursekit.accumulate import Sample
from coursekit.bloch_model import Model, check_k, check_model
from coursekit.fourier import Block
from coursekit.integrand import Integrand
from coursekit.integrate import Options, chemical, plain, zone_values
from coursekit.kubo import Currents, Keep, band_geometry, band_pairs, between_bands, smallest_gap
from coursekit.response import require_plane
from coursekit.thermal import ENTROPY, FERMI, HEAT, SURFACE

__all__ = [
    "Thermomagnetic",
    "anomalous_nernst",
    "berry_curvature_dipole",
    "mott_nernst",
    "orbital_hall",
    "spin_hall",
    "thermomagnetic",
    "valley_resolved",
]

Floats = NDArray[np.float64]
Complexes = NDArray[np.complex128]


def _curvature(model: Model, block: Block, keep: Keep | None) -> Sample:
    energies, curvature, _ = band_geometry(model, block, keep)
    return Sample(energies, (curvature,))


def _moment(model: Model, block: Block, keep: Keep | None) -> Sample:
    energies, _, moment = band_geometry(model, block, keep)
    return Sample(energies, (moment,))


def _dipole(model: Model, block: Block, keep: Keep | None) -> Sample:
    """v_a Ω_b of every band, (n, dim c, K)."""
    energies, omega, external, velocity = band_pairs(model, block)
    curvature = omega.sum(axis=2)
    if external is not None:
        curvature = curvature + external
    slope = np.einsum("kann->kna", velocity).real
    # Bands that touch share their slopes: by itself none of them has any.
    gap = abs(energies[:, :, None] - energies[:, None, :])
    group = gap <= smallest_gap(model, float(abs(energies).max(initial=0.0)))
    slope = group @ slope / group.sum(axis=-1, keepdims=True)
    products = slope[..., :, None] * curvature[..., None, :]
    return Sample(energies.T, (np.moveaxis(products.reshape(*energies.shape, -1), 0, -1),))


NERNST = Integrand((ENTROPY,), _curvature, kind="axial", unit=(2, -2))
MOTT = Integrand((SURFACE,), _curvature, kind="axial", unit=(2, -3))
HEATED_MOMENT = Integrand((HEAT,), _moment, kind="axial", unit=(2, -2))
DIPOLE = Integrand((SURFACE,), _dipole, unit=(3, -3))


def anomalous_nernst(
    model: Model, mu: ArrayLike, kT: ArrayLike, **options: Unpack[Options]
) -> Floats | float:
    """Intrinsic anomalous Nernst conductivity α_xy, j_x = α_xy (−∂_yT).

    α_xy = +(e k_B/ħ) ∫[dk] Σ Ω_z s with s = −f ln f − (1 − f) ln(1 − f), the entropy of each state.
    It is what is left of the local current when the magnetization current is taken away, which no
    contact can collect.

    Parameters
    ----------
    mu, kT : chemical potential and temperature, energy; arrays broadcast
    **options : mesh, method, rtol, …; see :class:`coursekit.integrate.Options`

    Returns
    -------
    shape of (mu, kT), e k_B/ħ; in 3D with a last axis (α_yz, α_zx, α_xy), e k_B/(ħ length). Zero at
    T = 0.

    Raises
    ------
    ConvergenceError : ``rtol`` not reached
    ValueError : a 1D model, NaN, kT < 0

    Notes
    -----
    D. Xiao, Y. Yao, Z. Fang & Q. Niu, PRL 97, 026603 (2006), Eq. (9);
    DOI 10.1103/PhysRevLett.97.026603. The same as (1/qT) ∫dε (ε − μ)(−∂f/∂ε) σ_xy(ε) with q = −e.

    Examples
    --------
    >>> import coursekit as ck
    >>> round(ck.anomalous_nernst(ck.models.massive_dirac(1.0, 0.5), mu=0.7, kT=0.01), 6)
    -0.002679
    """
    require_plane(model)
    return plain(zone_values(model, NERNST, mu, kT, options))


def mott_nernst(
    model: Model, mu: ArrayLike, kT: ArrayLike, **options: Unpack[Options]
) -> Floats | float:
    """Mott's form of α_xy at low temperature, (π²/3)(k_B²T/q) ∂σ_xy/∂μ with σ_xy at T = 0, q = −e.

    Parameters
    ----------
    mu, kT : chemical potential and temperature, energy; arrays broadcast
    **options : see :class:`coursekit.integrate.Options`; a mesh needs method="linear"

    Returns
    -------
    as :func:`anomalous_nernst`, to which it tends for kT far below the scale on which σ_xy(μ) bends

    Raises
    ------
    ConvergenceError : ``rtol`` not reached
    ValueError : a 1D model, NaN, kT < 0

    Notes
    -----
    D. Xiao, Y. Yao, Z. Fang & Q. Niu, PRL 97, 026603 (2006); DOI 10.1103/PhysRevLett.97.026603.

    Examples
    --------
    >>> import coursekit as ck
    >>> round(ck.mott_nernst(ck.models.massive_dirac(1.0, 0.5), mu=0.7, kT=0.01), 6)
    -0.002671
    """
    require_plane(model)
    mus, kTs, shape = chemical(mu, kT)
    # ∂σ/∂μ = −∫[dk] Σ δ(μ − ε) Ω
    at_surface = zone_values(model, MOTT, mus, 0.0, options)
    values = np.pi**2 / 3 * kTs[:, None] * at_surface
    return plain(values.reshape(*shape, -1))


class Thermomagnetic(NamedTuple):
    """∂M/∂T and its two parts; natural units, shape of (mu, kT)."""

    dM_dT: Floats | float  # (∂M/∂T) at fixed μ and B, which is (∂s/∂B) at fixed μ and T
    nernst: Floats | float  # α_xy: the part that contacts see
    moment: Floats | float  # ∫[dk] Σ m ∂f/∂T: the moments of thermally excited states


def thermomagnetic(
    model: Model, mu: ArrayLike, kT: ArrayLike, **options: Unpack[Options]
) -> Thermomagnetic:
    """Orbital magnetization's slope in temperature, ∂M/∂T = α_xy + ∫[dk] Σ m ∂f/∂T.

    Parameters
    ----------
    mu, kT : chemical potential and temperature, energy; arrays broadcast
    **options : mesh, method, rtol, …; see :class:`coursekit.integrate.Options`

    Returns
    -------
    Thermomagnetic : dM_dT, nernst, moment, each as :func:`anomalous_nernst`

    Raises
    ------
    ConvergenceError : ``rtol`` not reached
    ValueError : a 1D model, NaN, kT < 0

    Notes
    -----
    D. Xiao, Y. Yao, Z. Fang & Q. Niu, PRL 97, 026603 (2006); DOI 10.1103/PhysRevLett.97.026603.

    Examples
    --------
    >>> import coursekit as ck
    >>> parts = ck.thermomagnetic(ck.models.qwz(-1.0, 0.2), mu=0.3, kT=0.2)
    >>> abs(parts.dM_dT - parts.nernst - parts.moment) < 1e-15
    True
    """
    require_plane(model)
    nernst = zone_values(model, NERNST, mu, kT, options)
    moment = zone_values(model, HEATED_MOMENT, mu, kT, options)
    return Thermomagnetic(plain(nernst + moment), plain(nernst), plain(moment))


def berry_curvature_dipole(
    model: Model, mu: ArrayLike, kT: ArrayLike = 0.0, **options: Unpack[Options]
) -> Floats:
    """Berry-curvature dipole D_ab = ∫[dk] Σ f ∂_aΩ_b = ∫[dk] Σ (−∂f/∂ε) v_a Ω_b.

    It makes a Hall current of second order in E in crystals without inversion, also where time
    reversal forbids σ_xy.

    Parameters
    ----------
    mu, kT : chemical potential and temperature, energy; arrays broadcast
    **options : mesh, method, rtol, …; see :class:`coursekit.integrate.Options`

    Returns
    -------
    2D: shape of (mu, kT) and (2,), D_az, length; 3D: (3, 3), without unit

    Raises
    ------
    ConvergenceError : ``rtol`` not reached
    ValueError : a 1D model, NaN, kT < 0

    Notes
    -----
    I. Sodemann & L. Fu, PRL 115, 216806 (2015), Eq. (7); DOI 10.1103/PhysRevLett.115.216806.

    Examples
    --------
    >>> import numpy as np, coursekit as ck
    >>> tilted = ck.TightBinding(np.eye(2), [[0, 0], [0.5, 0.3]], [
    ...     (0, 1, (0, 0), 1.0), (0, 1, (-1, 0), 0.6), (0, 1, (0, -1), 0.4), (0, 0, (1, 0), 0.2),
    ... ], onsite=[0.3, -0.3])
    >>> D = ck.berry_curvature_dipole(tilted, mu=0.8, kT=0.05)
    >>> D.shape, bool(abs(D).max() > 1e-3)
    ((2,), True)
    """
    require_plane(model)
    values = zone_values(model, DIPOLE, mu, kT, options)
    return values if model.dim == 2 else values.reshape(*values.shape[:-1], 3, 3)


def spin_hall(
    model: Model,
    mu: ArrayLike,
    kT: ArrayLike = 0.0,
    spin: str = "z",
    **options: Unpack[Options],
) -> Floats:
    """Intrinsic spin Hall conductivity σˢ_ab, in jˢ_a = σˢ_ab E_b, of the current ½{S/ħ, v}.

    σˢ_ab = −q ∫[dk] Σ f Ωˢ_ab, with the spin current in the place of the first velocity in Ω. Where
    S is conserved, a band of Chern number C and spin s gives σˢ_xy = (e/2π) s C.

    Parameters
    ----------
    mu, kT : chemical potential and temperature, energy; arrays broadcast
    spin : "x", "y" or "z", the component that flows
    **options : mesh, method, rtol, …; see :class:`coursekit.integrate.Options`

    Returns
    -------
    shape of (mu, kT) and (dim, dim), e; in 3D e/length

    Raises
    ------
    ConvergenceError : ``rtol`` not reached
    ValueError : a model without spin or in 1D, NaN, kT < 0

    Notes
    -----
    J. Sinova et al., RMP 87, 1213 (2015); DOI 10.1103/RevModPhys.87.1213. Where spin is not
    conserved, ½{S, v} is a convention: no continuity equation belongs to it.

    Examples
    --------
    >>> import numpy as np, coursekit as ck
    >>> up = ck.models.qwz(-1.0)  # C = +1, and its time-reversed partner
    >>> zero = np.zeros((2, 2))
    >>> both = ck.TightBinding.from_blocks(np.eye(2), np.zeros((4, 2)), {
    ...     R: np.block([[t, zero], [zero, t.conj()]]) for R, t in up.blocks.items()
    ... }, spin="blocks")
    >>> sigma = ck.spin_hall(both, mu=0.0)
    >>> np.round(2 * np.pi * sigma, 6) + 0.0
    array([[ 0.,  1.],
           [-1.,  0.]])
    """
    require_plane(model)
    if model.spin is None:
        raise ValueError(
            f"{model!r} has no spin; expected one: pass spin='blocks' or 'pairs' when it is made"
        )
    if spin not in ("x", "y", "z"):
        raise ValueError(f"spin={spin!r}; expected 'x', 'y' or 'z'")
    operator = model.spin["xyz".index(spin)]
    return _flow_of_orbitals(model, operator, mu, kT, options)


def orbital_hall(
    model: Model,
    mu: ArrayLike,
    kT: ArrayLike = 0.0,
    operator: ArrayLike | None = None,
    **options: Unpack[Options],
) -> Floats:
    """Intrinsic orbital Hall conductivity σᴸ_ab, in jᴸ_a = σᴸ_ab E_b, of the current ½{L, v}.

    Parameters
    ----------
    mu, kT : chemical potential and temperature, energy; arrays broadcast
    operator : (n_orb, n_orb) what flows, of the orbitals of each cell, such as L_z/ħ of atomic
        orbitals at one place. Without it the orbital moment m_z of Bloch states,
        ⟨n|m|l⟩ = −(e/4)⟨n|r × v − v × r|l⟩, whose diagonal is :func:`coursekit.orbital_moment`.
    **options : mesh, method, rtol, …; see :class:`coursekit.integrate.Options`

    Returns
    -------
    shape of (mu, kT) and (dim, dim): the operator's unit times e, over length^(dim − 2)

    Raises
    ------
    ConvergenceError : ``rtol`` not reached
    ValueError : a 1D model, an operator that is not Hermitian, NaN, kT < 0

    Notes
    -----
    S. Bhowal & G. Vignale, PRB 103, 195309 (2021); DOI 10.1103/PhysRevB.103.195309.

    Examples
    --------
    >>> import numpy as np, coursekit as ck
    >>> graphene = ck.models.haldane(1.0, 0.0, 0.0, 0.5)  # no Hall effect: both valleys cancel
    >>> flow = ck.orbital_hall(graphene, mu=0.0)
    >>> np.round(flow, 4) + 0.0
    array([[ 0.    , -0.0341],
           [ 0.0341,  0.    ]])
    """
    require_plane(model)
    if operator is None:
        return _flow(model, Integrand((FERMI,), _flow_of_moment, unit=(4, -3)), mu, kT, options)
    matrix = np.array(operator, dtype=complex)
    if matrix.shape != (model.n_orb, model.n_orb) or not np.allclose(matrix, matrix.conj().T):
        raise ValueError(
            f"operator has shape {matrix.shape}; expected a Hermitian matrix "
            f"{(model.n_orb, model.n_orb)}"
        )
    return _flow_of_orbitals(model, matrix, mu, kT, options)


def valley_resolved(
    model: Model,
    integrand: Integrand,
    valleys: ArrayLike,
    mu: ArrayLike,
    kT: ArrayLike = 0.0,
    **options: Unpack[Options],
) -> Floats:
    """A zone integral shared out among valleys, each k counting for the valley next to it.

    Parameters
    ----------
    integrand : what is integrated, as ``ck.response.HALL`` or ``ck.response.MAGNETIZATION``
    valleys : (n_valleys, dim) Cartesian k, 1/length
    mu, kT : chemical potential and temperature, energy; arrays broadcast
    **options : see :class:`coursekit.integrate.Options`; the border between valleys is sharp, so
        that a mesh of 300 or more is wanted instead of "auto" where the integrand does not vanish
        there

    Returns
    -------
    (n_valleys, shape of (mu, kT), components); one component loses its axis

    Raises
    ------
    ConvergenceError : ``rtol`` not reached
    ValueError : a continuum model, which is one valley by itself; wrong shapes

    Notes
    -----
    D. Xiao, W. Yao & Q. Niu, PRL 99, 236809 (2007); DOI 10.1103/PhysRevLett.99.236809.

    Examples
    --------
    >>> import numpy as np, coursekit as ck
    >>> model = ck.models.haldane(1.0, 0.0, 0.0, 0.1)
    >>> K = model.lattice.to_cartesian([[1 / 3, 2 / 3], [2 / 3, 1 / 3]])
    >>> sigma = ck.valley_resolved(model, ck.response.HALL, K, mu=0.0, mesh=300)
    >>> np.round(2 * np.pi * sigma, 2)  # nearly half a quantum, opposite
    array([-0.46,  0.46])
    """
    check_model(model)
    if model.lattice is None:
        raise ValueError(
            f"{model!r} has no zone to share out; expected a lattice model: a continuum model is "
            "one valley by itself"
        )
    centres = check_k(valleys, model.dim)
    if centres.ndim != 2:
        raise ValueError(f"valleys have shape {centres.shape}; expected (n_valleys, {model.dim})")
    shares = []
    for n in range(len(centres)):
        quantity = partial(_near_valley, integrand=integrand, valleys=centres, which=n)
        share = Integrand(integrand.weights, quantity, unit=integrand.unit)
        shares.append(plain(zone_values(model, share, mu, kT, options)))
    return np.array(shares)


def _near_valley(
    model: Model,
    block: Block,
    keep: Keep | None,
    *,
    integrand: Integrand,
    valleys: Floats,
    which: int,
) -> Sample:
    assert model.lattice is not None
    sample = integrand.quantity(model, block, keep)
    lattice = model.lattice
    # Nearest images among those near the difference folded to ±½: k is no further from one than
    # half the reciprocal vectors together, and −nᵢ is how far that is along each of them.
    reduced = (block.points[None] - valleys[:, None]) @ lattice.vectors.T / (2 * np.pi)
    folded = reduced - np.rint(reduced)
    farthest = np.linalg.norm(lattice.reciprocal, axis=1).sum() / 2
    reach = 0.5 + np.linalg.norm(lattice.vectors, axis=1) * farthest / (2 * np.pi)
    images = [np.arange(-int(n), int(n) + 1.0) for n in reach]
    distance = np.full(reduced.shape[:-1], np.inf)
    for image in product(*images):
        away = np.linalg.norm(lattice.to_cartesian(folded + image), axis=-1)
        distance = np.minimum(distance, away)
    mine = (distance.argmin(axis=0) == which) * 1.0
    return Sample(sample.energies, tuple(values * mine for values in sample.values))


def _flow(
    model: Model, integrand: Integrand, mu: ArrayLike, kT: ArrayLike, options: Options
) -> Floats:
    values = zone_values(model, integrand, mu, kT, options)
    return values.reshape(*values.shape[:-1], model.dim, model.dim)


def _flow_of_orbitals(
    model: Model, operator: Complexes, mu: ArrayLike, kT: ArrayLike, options: Options
) -> Floats:
    # Of size 1, so that tolerances know what rounding is.
    size = float(abs(operator).max()) or 1.0
    quantity = partial(_flow_of_operator, operator=operator / size)
    return size * _flow(model, Integrand((FERMI,), quantity, unit=(2, -2)), mu, kT, options)


def _flow_of_operator(
    model: Model, block: Block, keep: Keep | None, *, operator: Complexes
) -> Sample:
    """Ωˢ_ab of the current ½{S, v_a} and v_b, (n, dim², K)."""

    def currents(
        energies: Floats, u: Complexes, velocity: Complexes, weight: Floats
    ) -> Sequence[tuple[Complexes, Complexes]]:
        return _with_velocity(between_bands(operator[None, None], u, u), velocity)

    return _summed(model, block, keep, currents)


def _flow_of_moment(model: Model, block: Block, keep: Keep | None) -> Sample:
    def currents(
        energies: Floats, u: Complexes, velocity: Complexes, weight: Floats
    ) -> Sequence[tuple[Complexes, Complexes]]:
        # Between bands r = i v/(ε_l − εₙ), and m = −¼ (r × v − v × r) along z.
        gap = energies[:, None, :] - energies[:, :, None]
        x, y = (1j * velocity[:, a] * gap * weight for a in (0, 1))
        vx, vy = velocity[:, 0], velocity[:, 1]
        moment = -(x @ vy + vy @ x - y @ vx - vx @ y) / 4
        return _with_velocity(moment[:, None], velocity)

    return _summed(model, block, keep, currents)


def _with_velocity(operator: Complexes, velocity: Complexes) -> list[tuple[Complexes, Complexes]]:
    """Pairs (½{O, v_a}, v_b) for every a, b."""
    dim = velocity.shape[1]
    flows = (operator @ velocity + velocity @ operator) / 2
    return [(flows[:, a], velocity[:, b]) for a in range(dim) for b in range(dim)]


def _summed(model: Model, block: Block, keep: Keep | None, currents: Currents) -> Sample:
    energies, omega, _, _ = band_pairs(model, block, currents)
    if keep is not None:
        omega *= np.moveaxis(keep(energies.T), -1, 0)[..., None]
    return Sample(energies.T, (np.moveaxis(omega.sum(axis=2), 0, -1),))
