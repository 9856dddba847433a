"""Figures of bands, of the Brillouin zone and of crystals, in one style."""

from coursekit.plotting.bands import plot_bands
from coursekit.plotting.crystal import plot_lattice
from coursekit.plotting.style import COLORS, SIGNED, use_style
from coursekit.plotting.zone import plot_brillouin_zone, plot_zone

__all__ = [
    "COLORS",
    "SIGNED",
    "plot_bands",
    "plot_brillouin_zone",
    "plot_lattice",
    "plot_zone",
    "use_style",
]
