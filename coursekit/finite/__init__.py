"""Systems with edges and in magnetic fields: flakes, ribbons, wavepackets, local markers."""

from coursekit.finite.field import with_flux
from coursekit.finite.packet import KDistribution, Wavepacket, wavepacket

__all__ = ["KDistribution", "Wavepacket", "wavepacket", "with_flux"]
