"""Density, Hall conductivity and orbital magnetization in equilibrium.

Sums over bands run over pairs, ½ Σ_nl Ω_nl (gₙ − g_l): bands that touch inside the occupied or the
empty set then cancel exactly instead of giving a difference of large numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from coursekit.bloch_model import Model, check_model
from coursekit.integrand import Integrand, thermal
from coursekit.integrate import chemical, zone_integral
from coursekit.search import band_edges

__all__ = ["Streda", "anomalous_hall", "electron_density", "orbital_magnetization", "streda"]

Floats = NDArray[np.float64]
Mesh = str | int | Sequence[int]


def electron_density(
    model: Model,
    mu: ArrayLike,
    kT: ArrayLike = 0.0,
    *,
    mesh: Mesh = "auto",
    method: str = "auto",
    rtol: float = 1e-8,
) -> Floats | float:
    """Number of electrons per volume, n = ∫[dk] Σ f.

    Parameters
    ----------
    mu, kT : chemical potential and temperature, energy; arrays broadcast
    mesh : points along each reciprocal vector; "auto" refines until ``rtol`` is reached
    method : "uniform", "adaptive" (2D), or "auto": uniform where that converges, else adaptive
    rtol : tolerance, relative to the integral of the integrand's absolute value

    Returns
    -------
    shape of (mu, kT), length^−dim; a float for single mu and kT

    Raises
    ------
    ConvergenceError : ``rtol`` not reached, as for a 3D metal at T = 0; the message says how far
    ValueError : a continuum model, whose sea of electrons has no bottom; NaN; kT < 0
    """
    check_model(model)
    if model.lattice is None:
        raise ValueError(
            f"the electron density of {model!r} is infinite: its bands have no end; expected a "
            "lattice model"
        )
    return _plain(zone_integral(model, _DENSITY, mu, kT, mesh=mesh, method=method, rtol=rtol))


def anomalous_hall(
    model: Model,
    mu: ArrayLike,
    kT: ArrayLike = 0.0,
    *,
    mesh: Mesh = "auto",
    method: str = "auto",
    rtol: float = 1e-8,
) -> Floats | float:
    """Intrinsic anomalous Hall conductivity σ_xy = −(q²/ħ) ∫[dk] Σ f Ω_z, in j_x = σ_xy E_y.

    A filled band gives −(e²/h) C.

    Parameters
    ----------
    mu, kT : chemical potential and temperature, energy; arrays broadcast
    mesh, method, rtol : as for :func:`electron_density`

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
    """
    _require_plane(model)
    return _plain(zone_integral(model, _HALL, mu, kT, mesh=mesh, method=method, rtol=rtol))


def orbital_magnetization(
    model: Model,
    mu: ArrayLike,
    kT: ArrayLike = 0.0,
    *,
    mesh: Mesh = "auto",
    method: str = "auto",
    rtol: float = 1e-8,
) -> Floats | float:
    """Orbital magnetization M = ∫[dk] Σ { f m + (e/ħ) Ω kT ln(1 + e^{(μ−ε)/kT}) } of electrons.

    Parameters
    ----------
    mu, kT : chemical potential and temperature, energy; arrays broadcast
    mesh, method, rtol : as for :func:`electron_density`

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
    """
    _require_plane(model)
    return _plain(zone_integral(model, _MAGNETIZATION, mu, kT, mesh=mesh, method=method, rtol=rtol))


class Streda(NamedTuple):
    """Both sides of Středa's relation; natural units, shape of (mu, kT)."""

    dn_dB: Floats | float  # (∂n/∂B) at fixed μ, T: ∫[dk] Σ { f Ω + (−∂f/∂ε) m }
    dM_dmu: Floats | float  # slope of orbital_magnetization in μ, by differences
    minus_sigma_xy: Floats | float  # −anomalous_hall: what dn_dB is in a gap
    fermi_surface: Floats | float  # ∫[dk] Σ (−∂f/∂ε) m: what a metal has beside it


def streda(model: Model, mu: ArrayLike, kT: ArrayLike = 0.0, *, rtol: float = 1e-8) -> Streda:
    """Středa's relation: the response of the density to a field, and its partners.

    The Maxwell relation ∂n/∂B = ∂M/∂μ always holds. In a gap both are −σ_xy/e = (e/h) C; in a
    metal the moments at the Fermi surface come in beside σ_xy.

    Parameters
    ----------
    mu, kT : chemical potential and temperature, energy; arrays broadcast
    rtol : tolerance, as for :func:`electron_density`

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
    """
    check_model(model)
    if model.dim != 2:
        raise ValueError(f"the model has {model.dim} dimensions; expected 2, with B along z")
    mus, kTs, shape = chemical(mu, kT)
    mu, kT = (values.reshape(shape) for values in (mus, kTs))

    def integral(integrand: Integrand) -> Floats:
        return zone_integral(model, integrand, mu, kT, mesh="auto", method="auto", rtol=rtol)

    surface = integral(_FERMI_MOMENT)
    minus_sigma = -integral(_HALL)
    step = np.where(kT > 0, 0.1 * kT, _cold_step(model, mu))
    n = np.array([-3, -2, -1, 1, 2, 3]).reshape(-1, *(1,) * mu.ndim)
    weights = np.array([-1, 9, -45, 45, -9, 1]) / 60
    M = zone_integral(
        model, _MAGNETIZATION, mu + n * step, np.broadcast_to(kT, (6, *kT.shape)),
        mesh="auto", method="auto", rtol=min(rtol, 1e-9),
    )  # fmt: skip
    slope = np.tensordot(weights, M, axes=1) / step[..., None]
    return Streda(
        _plain(minus_sigma + surface), _plain(slope), _plain(minus_sigma), _plain(surface)
    )


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


def _density(energies: Floats, omega: Floats, mu: Floats, kT: Floats) -> Floats:
    return np.asarray(thermal(energies, mu, kT).occupation.sum(axis=-1, keepdims=True))


def _hall(energies: Floats, omega: Floats, mu: Floats, kT: Floats) -> Floats:
    f = thermal(energies, mu, kT).occupation
    return -_pair_sum(f[..., :, None] - f[..., None, :], omega)


def _hall_terms(energies: Floats, omega: Floats, mu: Floats, kT: Floats) -> Floats:
    f = thermal(energies, mu, kT).occupation
    return _pair_sum(f[..., :, None] + f[..., None, :], abs(omega))


def _magnetization(energies: Floats, omega: Floats, mu: Floats, kT: Floats) -> Floats:
    # Σ f m + Ω g = ½ Σ_nl Ω_nl {gₙ − g_l + ½ (εₙ − ε_l)(fₙ + f_l)}, since g′(ε) = −f: the brace is
    # an integral of f minus its trapezoid, of third order in εₙ − ε_l where f is smooth.
    state = thermal(energies, mu, kT)
    f, g = state.occupation, state.log_term
    gap = energies[..., :, None] - energies[..., None, :]
    trapezoid = gap * (f[..., :, None] + f[..., None, :]) / 2
    return _pair_sum(g[..., :, None] - g[..., None, :] + trapezoid, omega)


def _magnetization_terms(energies: Floats, omega: Floats, mu: Floats, kT: Floats) -> Floats:
    g = thermal(energies, mu, kT).log_term
    return _pair_sum(g[..., :, None] + g[..., None, :], abs(omega))


def _fermi_moment(energies: Floats, omega: Floats, mu: Floats, kT: Floats) -> Floats:
    slope = thermal(energies, mu, kT).slope
    return np.asarray((slope[..., None] * _moment(energies, omega)).sum(axis=-2))


def _moment(energies: Floats, omega: Floats) -> Floats:
    gap = energies[..., :, None] - energies[..., None, :]
    return np.asarray((omega * gap[..., None]).sum(axis=-2) / 2)


def _pair_sum(antisymmetric: Floats, omega: Floats) -> Floats:
    """½ Σ_nl of the product for each axial component, over the upper triangle alone."""
    n, m = np.triu_indices(antisymmetric.shape[-1], 1)
    return np.asarray(np.einsum("...p,...pc->...c", antisymmetric[..., n, m], omega[..., n, m, :]))


def _require_plane(model: Model) -> None:
    check_model(model)
    if model.dim not in (2, 3):
        raise ValueError(f"the model has {model.dim} dimension; expected 2 or 3")


def _plain(values: Floats) -> Floats | float:
    """Without the component axis where there is one component; a float where there is one value."""
    if values.shape[-1] == 1:
        values = values[..., 0]
    return float(values) if values.ndim == 0 else values


_DENSITY = Integrand(_density)
_HALL = Integrand(_hall, terms=_hall_terms)
_MAGNETIZATION = Integrand(_magnetization, terms=_magnetization_terms)
_FERMI_MOMENT = Integrand(_fermi_moment, fermi_line=_moment)
