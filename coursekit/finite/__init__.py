"""Systems with edges and in magnetic fields: flakes, ribbons, wavepackets, local markers."""

from coursekit.finite.currents import BondCurrents
from coursekit.finite.extrapolation import Extrapolation, extrapolate
from coursekit.finite.field import with_flux
from coursekit.finite.flake import Flake
from coursekit.finite.hofstadter import (
    Butterfly,
    GapLabels,
    StredaLabels,
    butterfly,
    gap_labels,
    streda_labels,
)
from coursekit.finite.packet import KDistribution, Wavepacket, wavepacket
from coursekit.finite.ribbon import EdgeModes, Ribbon, RibbonBands
from coursekit.finite.stray import stray_field
from coursekit.finite.torus import Equilibrium, equilibrium

__all__ = [
    "BondCurrents",
    "Butterfly",
    "EdgeModes",
    "Equilibrium",
    "Extrapolation",
    "Flake",
    "GapLabels",
    "KDistribution",
    "Ribbon",
    "RibbonBands",
    "StredaLabels",
    "Wavepacket",
    "butterfly",
    "equilibrium",
    "extrapolate",
    "gap_labels",
    "stray_field",
    "streda_labels",
    "wavepacket",
    "with_flux",
]
