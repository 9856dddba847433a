"""Density, Hall conductivity and orbital magnetization in equilibrium."""

from __future__ import annotations

from typing import NamedTuple, Unpack

import numpy as np
from numpy.typing import ArrayLike, NDArray

from coursekit.accumulate import Sample
from coursekit.bloch_model import Model, check_model
from coursekit.fourier import Block
from coursekit.integrand import Integrand, geometric
from coursekit.integrate import Options, chemical, plain, zone_values
from coursekit.kubo import Geometry, Keep, band_energies, band_geometry
from coursekit.search import band_edges
from coursekit.thermal import FERMI, GRAND, SURFACE

__all__ = [
    "DENSITY",
    "FERMI_MOMENT",
    "HALL",
    "MAGNETIZATION",
    "MAGNETIZATION_PARTS",
    "MagnetizationParts",
    "Streda",
    "anomalous_hall",
    "electron_density",
    "magnetization_parts",
    "orbital_magnetization",
    "streda",
]

Floats = NDArray[np.float64]


def _states(model: Model, block: Block, keep: Keep | None) -> Sample:
    energies = band_energies(model, block)
    return Sample(energies, (np.ones((len(energies), 1, energies.shape[1])),))


def _curvature(bands: Geometry) -> Sample:
    return Sample(bands.energies, (-bands.curvature,))


def _moment_and_curvature(bands: Geometry) -> Sample:
    return Sample(bands.energies, (bands.moment, bands.curvature))


def _both_parts(model: Model, block: Block, keep: Keep | None) -> Sample:
    energies, curvature, moment = band_geometry(model, block, None)
    nothing = np.zeros_like(moment)
    return Sample(
        energies,
        (np.concatenate([moment, nothing], axis=1), np.concatenate([nothing, curvature], axis=1)),
    )


def _moment(bands: Geometry) -> Sample:
    return Sample(bands.energies, (bands.moment,))


# What :func:`coursekit.zone_integral` integrates: n, σ, M, M in two parts, ∫[dk] Σ (−∂f/∂ε) m.
DENSITY = Integrand((FERMI,), _states, kind="scalar")
HALL = geometric((FERMI,), _curvature, unit=(2, -2))
MAGNETIZATION = geometric((FERMI, GRAND), _moment_and_curvature, unit=(2, -1))
MAGNETIZATION_PARTS = Integrand((FERMI, GRAND), _both_parts, unit=(2, -1))
FERMI_MOMENT = geometric((SURFACE,), _moment, unit=(2, -2))


def electron_density(
    model: Model, mu: ArrayLike, kT: ArrayLike = 0.0, **options: Unpack[Options]
) -> Floats | float:
    """Number of electrons per volume, n = ∫[dk] Σ f.

    Parameters
    ----------
    mu, kT : chemical potential and temperature, energy; arrays broadcast
    **options : mesh, method, rtol, …; see :class:`coursekit.integrate.Options`

    Returns
    -------
    shape of (mu, kT), length^−dim; a float for single mu and kT

    Raises
    ------
    ConvergenceError : ``rtol`` not reached; the message says how far
    ValueError : a continuum model, whose sea of electrons has no bottom; NaN; kT < 0

    Examples
    --------
    >>> import coursekit as ck
    >>> round(ck.electron_density(ck.models.qwz(-1.0), mu=0.0), 12)
    1.0
    """
    check_model(model)
    if model.lattice is None:
        raise ValueError(
            f"the electron density of {model!r} is infinite: its bands have no end; expected a "
            "lattice model"
        )
    return plain(zone_values(model, DENSITY, mu, kT, options))


def anomalous_hall(
    model: Model, mu: ArrayLike, kT: ArrayLike = 0.0, **options: Unpack[Options]
) -> Floats | float:
    """Intrinsic anomalous Hall conductivity σ_xy = −(q²/ħ) ∫[dk] Σ f Ω_z, in j_x = σ_xy E_y.

    A filled band gives −(e²/h) C.

    Parameters
    ----------
    mu, kT : chemical potential and temperature, energy; arrays broadcast
    **options : mesh, method, rtol, …; see :class:`coursekit.integrate.Options`

    Returns
    -------
    shape of (mu, kT), e²/ħ (2π times it is in e²/h); in 3D with a last axis (σ_yz, σ_zx, σ_xy),
    e²/(ħ length)

    Raises
    ------
    ConvergenceError : ``rtol`` not reached
    ValueError : a 1D model, NaN, kT < 0

    Notes
    -----
    N. Nagaosa et al., RMP 82, 1539 (2010); DOI 10.1103/RevModPhys.82.1539.

    Examples
    --------
    >>> import numpy as np, coursekit as ck
    >>> sigma = ck.anomalous_hall(ck.models.qwz(-1.0), mu=0.0)  # C = +1
    >>> round(2 * np.pi * sigma, 6)
    -1.0
    """
    require_plane(model)
    return plain(zone_values(model, HALL, mu, kT, options))


def orbital_magnetization(
    model: Model, mu: ArrayLike, kT: ArrayLike = 0.0, **options: Unpack[Options]
) -> Floats | float:
    """Orbital magnetization M = ∫[dk] Σ { f m + (e/ħ) Ω kT ln(1 + e^{(μ−ε)/kT}) } of electrons.

    Parameters
    ----------
    mu, kT : chemical potential and temperature, energy; arrays broadcast
    **options : mesh, method, rtol, …; see :class:`coursekit.integrate.Options`

    Returns
    -------
    shape of (mu, kT), along +z, (e/ħ) energy; in 3D with a last axis (x, y, z), (e/ħ) energy/length

    Raises
    ------
    ConvergenceError : ``rtol`` not reached
    ValueError : a 1D model, NaN, kT < 0

    Notes
    -----
    J. Shi, G. Vignale, D. Xiao & Q. Niu, PRL 99, 197202 (2007), DOI 10.1103/PhysRevLett.99.197202;
    at T = 0 D. Ceresoli, T. Thonhauser, D. Vanderbilt & R. Resta, PRB 74, 024408 (2006),
    DOI 10.1103/PhysRevB.74.024408. Texts with +(q/ħ) Ω mean Ω = −curl A, or a positive carrier.

    Examples
    --------
    >>> import numpy as np, coursekit as ck
    >>> trivial = ck.models.haldane(1.0, 1 / 3, np.pi / 4, 2.0)  # C = 0, and yet:
    >>> round(ck.orbital_magnetization(trivial, mu=0.0), 9)
    0.005116473
    """
    require_plane(model)
    return plain(zone_values(model, MAGNETIZATION, mu, kT, options))


class MagnetizationParts(NamedTuple):
    """The two terms of M in the gauge of the bands; natural units, shape of (mu, kT)."""

    moment: Floats | float  # ∫[dk] Σ f m
    center_of_mass: Floats | float  # ∫[dk] Σ Ω kT ln(1 + e^{(μ−ε)/kT})


def magnetization_parts(
    model: Model, mu: ArrayLike, kT: ArrayLike = 0.0, **options: Unpack[Options]
) -> MagnetizationParts:
    """The two terms of the orbital magnetization, moments of wavepackets and their centres' motion.

    Their sum is a property of the crystal.  Each by itself is not: bands that touch or cross may be
    mixed by any unitary rotation of the occupied states, which moves a part of M from one term to
    the other.

    Parameters
    ----------
    mu, kT : chemical potential and temperature, energy; arrays broadcast
    **options : mesh, method, rtol, …; see :class:`coursekit.integrate.Options`

    Returns
    -------
    MagnetizationParts : moment, center_of_mass, each of the shape of :func:`orbital_magnetization`

    Raises
    ------
    ConvergenceError : ``rtol`` not reached, as where bands touch
    ValueError : a 1D model, NaN, kT < 0

    Notes
    -----
    D. Xiao, J. Shi & Q. Niu, PRL 95, 137204 (2005), DOI 10.1103/PhysRevLett.95.137204; the
    split for many bands: D. Ceresoli et al., PRB 74, 024408 (2006), DOI 10.1103/PhysRevB.74.024408.

    Examples
    --------
    >>> import coursekit as ck
    >>> moment, center = ck.magnetization_parts(ck.models.qwz(-1.0), mu=0.0)
    >>> round(moment, 6), abs(moment + center) < 1e-9
    (-0.152443, True)
    """
    require_plane(model)
    both = zone_values(model, MAGNETIZATION_PARTS, mu, kT, options)
    moment, center = np.split(both, 2, axis=-1)
    return MagnetizationParts(plain(moment), plain(center))


class Streda(NamedTuple):
    """Both sides of Středa's relation; natural units, shape of (mu, kT)."""

    dn_dB: Floats | float  # (∂n/∂B) at fixed μ, T: ∫[dk] Σ { f Ω + (−∂f/∂ε) m }
    dM_dmu: Floats | float  # slope of orbital_magnetization in μ, by differences
    minus_sigma_xy: Floats | float  # −anomalous_hall: what dn_dB is in a gap
    fermi_surface: Floats | float  # ∫[dk] Σ (−∂f/∂ε) m: what a metal has beside it


def streda(
    model: Model,
    mu: ArrayLike,
    kT: ArrayLike = 0.0,
    *,
    rtol: float = 1e-8,
    progress: bool = True,
) -> Streda:
    """Středa's relation: the response of the density to a field, and its partners.

    The Maxwell relation ∂n/∂B = ∂M/∂μ always holds. In a gap both are −σ_xy/e = (e/h) C; in a
    metal the moments at the Fermi surface come in beside σ_xy.

    Parameters
    ----------
    mu, kT : chemical potential and temperature, energy; arrays broadcast
    rtol, progress : see :class:`coursekit.integrate.Options`

    Returns
    -------
    Streda : dn_dB, dM_dmu, minus_sigma_xy, fermi_surface, each of the shape of (mu, kT), e/ħ;
        ``dM_dmu`` is a sixth-order difference of M(μ), so it shares no derivative with ``dn_dB``

    Raises
    ------
    ConvergenceError : ``rtol`` not reached
    ValueError : not 2D, NaN, kT < 0

    Notes
    -----
    P. Středa, J. Phys. C 15, L717 (1982), DOI 10.1088/0022-3719/15/22/005; the moment term:
    D. Xiao, J. Shi & Q. Niu, PRL 95, 137204 (2005), DOI 10.1103/PhysRevLett.95.137204.

    Examples
    --------
    >>> import numpy as np, coursekit as ck
    >>> insulator = ck.streda(ck.models.qwz(-1.0), mu=0.0)  # C = +1
    >>> round(2 * np.pi * insulator.dn_dB, 6), round(2 * np.pi * insulator.dM_dmu, 6)
    (1.0, 1.0)
    >>> metal = ck.streda(ck.models.massive_dirac(1.0, 0.5), mu=0.7)
    >>> metal.dn_dB == metal.minus_sigma_xy + metal.fermi_surface
    True
    """
    check_model(model)
    if model.dim != 2:
        raise ValueError(f"the model has {model.dim} dimensions; expected 2, with B along z")
    mus, kTs, shape = chemical(mu, kT)
    mu, kT = (values.reshape(shape) for values in (mus, kTs))

    common = Options(rtol=rtol, progress=progress)
    surface = zone_values(model, FERMI_MOMENT, mu, kT, common)
    minus_sigma = -zone_values(model, HALL, mu, kT, common)
    step = np.where(kT > 0, 0.1 * kT, _cold_step(model, mu))
    n = np.array([-3, -2, -1, 1, 2, 3]).reshape(-1, *(1,) * mu.ndim)
    weights = np.array([-1, 9, -45, 45, -9, 1]) / 60
    # Differences over a thousandth of the width of the bands lose three digits.
    fine = Options(rtol=min(rtol, max(1e-9, 1e-3 * rtol)), progress=progress)
    at = np.broadcast_to(kT, (6, *kT.shape))
    M = zone_values(model, MAGNETIZATION, mu + n * step, at, fine)
    slope = np.tensordot(weights, M, axes=1) / step[..., None]
    return Streda(plain(minus_sigma + surface), plain(slope), plain(minus_sigma), plain(surface))


def _cold_step(model: Model, mu: Floats) -> Floats:
    """Step in μ for differences of M(μ) at T = 0 that reach over no kink, which is at a band edge.

    Far from edges it is a thousandth of the width of the spectrum.
    """
    if model.lattice is None:
        edges = np.linalg.eigvalsh(model.hamiltonian(np.zeros(2)))
    else:
        edges = np.array([edge.energy for edge in band_edges(model, model.lattice)])
    width = float(np.ptp(edges)) or 1.0
    distance = abs(mu[..., None] - edges).min(axis=-1)
    # Six points at up to three steps; exactly at an edge the slope is not defined anyway.
    return np.where(distance > 0, np.minimum(1e-3 * width, 0.3 * distance), 1e-3 * width)


def require_plane(model: Model) -> None:
    """Raise a ValueError for what is no model, or one in 1D."""
    check_model(model)
    if model.dim not in (2, 3):
        raise ValueError(f"the model has {model.dim} dimension; expected 2 or 3")
