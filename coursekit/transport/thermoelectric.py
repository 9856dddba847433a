"""Currents and magnetization that a temperature gives: Nernst, Mott, ∂M/∂T."""

from __future__ import annotations

from typing import NamedTuple, Unpack

import numpy as np
from numpy.typing import ArrayLike, NDArray

from coursekit.accumulate import Sample
from coursekit.bloch_model import Model
from coursekit.integrand import geometric
from coursekit.integrate import Options, chemical, plain, zone_values
from coursekit.kubo import Geometry
from coursekit.response import require_plane
from coursekit.thermal import ENTROPY, HEAT, SURFACE

__all__ = ["Thermomagnetic", "anomalous_nernst", "mott_nernst", "thermomagnetic"]

Floats = NDArray[np.float64]


def _curvature(bands: Geometry) -> Sample:
    return Sample(bands.energies, (bands.curvature,))


def _moment(bands: Geometry) -> Sample:
    return Sample(bands.energies, (bands.moment,))


NERNST = geometric((ENTROPY,), _curvature, unit=(2, -2))
MOTT = geometric((SURFACE,), _curvature, unit=(2, -3))
HEATED_MOMENT = geometric((HEAT,), _moment, unit=(2, -2))


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
    return plain(values.reshape(*shape, at_surface.shape[-1]))


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
