"""Systems with edges and in magnetic fields: flakes, ribbons, wavepackets, local markers."""

from coursekit.finite.currents import BondCurrents
from coursekit.finite.extrapolation import Extrapolation, extrapolate
from coursekit.finite.field import with_flux
from coursekit.finite.flake import Flake
from coursekit.finite.packet import KDistribution, Wavepacket, wavepacket
from coursekit.finite.torus import Equilibrium, equilibrium

__all__ = [
    "BondCurrents",
    "Equilibrium",
    "Extrapolation",
    "Flake",
    "KDistribution",
    "Wavepacket",
    "equilibrium",
    "extrapolate",
    "wavepacket",
    "with_flux",
]
