"""Responses beside the charge Hall effect: to temperature gradients, of spin, orbital and valley.

All are intrinsic: of the bands, without scattering.
"""

from coursekit.transport.dipole import berry_curvature_dipole
from coursekit.transport.flows import orbital_hall, spin_hall
from coursekit.transport.thermoelectric import (
    Thermomagnetic,
    anomalous_nernst,
    mott_nernst,
    thermomagnetic,
)
from coursekit.transport.valleys import valley_resolved

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
