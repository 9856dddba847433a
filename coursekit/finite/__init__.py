"""Systems with edges and in magnetic fields: flakes, ribbons, wavepackets, local markers."""

from coursekit.finite.field import with_flux

__all__ = ["with_flux"]
