"""Out of natural units, ħ = e = k_B = 1, into those of the laboratory.

``energy`` and ``length`` are the model's own units, in eV and Å; without them a model has its
energies in eV and its lengths in Å.  Every conversion is a factor, so the way back is a division:
a field of five tesla is ``5 / tesla(1.0)``.
"""

from __future__ import annotations

import functools
import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = [
    "ampere",
    "ampere_per_kelvin",
    "ampere_per_kelvin_metre",
    "ampere_per_metre",
    "bohr_magnetons",
    "bohr_magnetons_per_cell",
    "conductance_quanta",
    "femtoseconds",
    "kelvin",
    "metre_per_second",
    "siemens",
    "siemens_per_cm",
    "square_angstrom",
    "states_per_flux_quantum",
    "states_per_tesla_square_metre",
    "tesla",
    "thermal_energy",
    "volt_per_metre",
]

Floats = NDArray[np.float64]


class _SI(NamedTuple):
    e: float  # C
    hbar: float  # J s
    k_B: float  # J/K
    m_e: float  # kg


@functools.cache
def _si() -> _SI:
    from scipy import constants

    return _SI(constants.e, constants.hbar, constants.k, constants.m_e)


# Transport ---------------------------------------------------------------------------------------


def conductance_quanta(sigma: ArrayLike) -> Floats | float:
    """Hall conductivity of a 2D model, e²/ħ → e²/h: a filled band has −C.

    Examples
    --------
    >>> import coursekit as ck
    >>> sigma = ck.anomalous_hall(ck.models.qwz(-1.0), mu=0.0)
    >>> print(round(ck.units.conductance_quanta(sigma), 6))
    -1.0
    """
    return _times(sigma, 2 * math.pi)


def siemens(sigma: ArrayLike) -> Floats | float:
    """Hall conductivity of a 2D model, e²/ħ → S."""
    return _times(sigma, _si().e ** 2 / _si().hbar)


def siemens_per_cm(sigma: ArrayLike, *, length: float = 1.0) -> Floats | float:
    """Hall conductivity of a 3D model, e²/(ħ length) → S/cm.

    The same factor takes a spin Hall conductivity to (ħ/e) S/cm.

    Examples
    --------
    >>> import coursekit as ck
    >>> layer = 1 / (2 * 3.1415926536)  # e²/h for each layer, 3 Å from one to the next
    >>> print(round(ck.units.siemens_per_cm(layer, length=3.0), 1))
    1291.3
    """
    return _times(sigma, _si().e ** 2 / _si().hbar / _metre(length) / 100)


def ampere_per_kelvin(alpha: ArrayLike) -> Floats | float:
    """Nernst conductivity α of a 2D model, e k_B/ħ → A/K."""
    return _times(alpha, _si().e * _si().k_B / _si().hbar)


def ampere_per_kelvin_metre(alpha: ArrayLike, *, length: float = 1.0) -> Floats | float:
    """Nernst conductivity α of a 3D model, e k_B/(ħ length) → A/(K m)."""
    return _times(alpha, _si().e * _si().k_B / _si().hbar / _metre(length))


# Curvature, moments, magnetization ---------------------------------------------------------------


def square_angstrom(curvature: ArrayLike, *, length: float = 1.0) -> Floats | float:
    """Berry curvature, length² → Å²."""
    return _times(curvature, _positive("length", length) ** 2)


def bohr_magnetons(
    moment: ArrayLike, *, energy: float = 1.0, length: float = 1.0
) -> Floats | float:
    """Orbital moment, (e/ħ) energy × length² → μ_B.

    Examples
    --------
    >>> import coursekit as ck
    >>> moment = ck.orbital_moment(ck.models.massive_dirac(v=3.5, delta=0.8), [0.0, 0.0], 0)
    >>> print(round(ck.units.bohr_magnetons(moment), 3))  # mₑv²/Δħ², inverse effective mass
    -2.01
    """
    # (e/ħ) E l² over μ_B = eħ/2mₑ.
    return _times(moment, 2 * _si().m_e * _joule(energy) * (_metre(length) / _si().hbar) ** 2)


def bohr_magnetons_per_cell(
    magnetization: ArrayLike, cell_volume: float, *, energy: float = 1.0, length: float = 1.0
) -> Floats | float:
    """Magnetization times the cell, μ_B; of a 2D or a 3D model.

    Parameters
    ----------
    magnetization : (e/ħ) energy in 2D, (e/ħ) energy/length in 3D
    cell_volume : of the model's lattice, ``model.lattice.cell_volume``, length^dim
    """
    moment = _times(magnetization, _positive("cell_volume", cell_volume))
    return bohr_magnetons(moment, energy=energy, length=length)


def ampere(magnetization: ArrayLike, *, energy: float = 1.0) -> Floats | float:
    """Magnetization of a 2D model, (e/ħ) energy → A, the current along its edge."""
    return _times(magnetization, _si().e / _si().hbar * _joule(energy))


def ampere_per_metre(
    magnetization: ArrayLike, *, energy: float = 1.0, length: float = 1.0
) -> Floats | float:
    """Magnetization of a 3D model, (e/ħ) energy/length → A/m."""
    return _times(magnetization, _si().e / _si().hbar * _joule(energy) / _metre(length))


# Fields and densities ----------------------------------------------------------------------------


def tesla(B: ArrayLike, *, length: float = 1.0) -> Floats | float:
    """Magnetic field, ħ/(e length²) → T.

    Examples
    --------
    >>> import coursekit as ck
    >>> print(f"{5 / ck.units.tesla(1.0, length=2.46):.3e}")  # five tesla, for a model of graphene
    4.597e-04
    """
    return _times(B, _si().hbar / _si().e / _metre(length) ** 2)


def volt_per_metre(E: ArrayLike, *, energy: float = 1.0, length: float = 1.0) -> Floats | float:
    """Electric field, energy/(e length) → V/m."""
    return _times(E, _joule(energy) / _si().e / _metre(length))


def states_per_flux_quantum(dn_dB: ArrayLike) -> Floats | float:
    """∂n/∂B of a 2D model, e/ħ → electrons for each flux quantum h/e: C in a gap."""
    return _times(dn_dB, 2 * math.pi)


def states_per_tesla_square_metre(dn_dB: ArrayLike) -> Floats | float:
    """∂n/∂B of a 2D model, e/ħ → 1/(T m²)."""
    return _times(dn_dB, _si().e / _si().hbar)


# Temperature, time, velocity ---------------------------------------------------------------------


def kelvin(kT: ArrayLike, *, energy: float = 1.0) -> Floats | float:
    """Temperature, from k_BT in units of energy → K.

    Examples
    --------
    >>> import coursekit as ck
    >>> print(round(ck.units.kelvin(0.025), 1))
    290.1
    """
    return _times(kT, _joule(energy) / _si().k_B)


def thermal_energy(temperature: ArrayLike, *, energy: float = 1.0) -> Floats | float:
    """k_BT in units of energy, as ``kT=`` takes it, from a temperature in K."""
    return _times(temperature, _si().k_B / _joule(energy))


def femtoseconds(time: ArrayLike, *, energy: float = 1.0) -> Floats | float:
    """Time, ħ/energy → fs."""
    return _times(time, 1e15 * _si().hbar / _joule(energy))


def metre_per_second(
    velocity: ArrayLike, *, energy: float = 1.0, length: float = 1.0
) -> Floats | float:
    """Velocity, energy × length/ħ → m/s."""
    return _times(velocity, _joule(energy) * _metre(length) / _si().hbar)


def _times(values: ArrayLike, factor: float) -> Floats | float:
    product: Floats | float = np.asarray(values, dtype=float) * factor
    return product


def _joule(energy: float) -> float:
    return _positive("energy", energy) * _si().e


def _metre(length: float) -> float:
    return _positive("length", length) * 1e-10


def _positive(name: str, value: float) -> float:
    if not (math.isfinite(value) and value > 0):
        what = {"energy": "the model's unit in eV", "length": "the model's unit in Å"}
        raise ValueError(
            f"{name}={value!r}; expected a positive number, "
            f"{what.get(name, 'model.lattice.cell_volume')}"
        )
    return float(value)
