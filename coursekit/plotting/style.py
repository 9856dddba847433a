"""The look of the figures.

It is opaque and light, so that a figure reads on any background; its line colours are told apart by
colour-blind readers too, and in grey.
"""

from __future__ import annotations

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from cycler import cycler
from matplotlib.colors import LinearSegmentedColormap, Normalize
from numpy.typing import NDArray

__all__ = ["COLORS", "LEVELS", "SIGNED", "project", "symmetric", "use_style"]

Floats = NDArray[np.float64]

# M. Okabe & K. Ito's set without its yellow, which is too pale for lines.
COLORS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#000000")

# Values of both signs on lines: grey in the middle, where the usual white would be lost.
SIGNED = LinearSegmentedColormap.from_list("signed", [COLORS[0], "#bdbdbd", COLORS[1]])

# Values of one sign on lines: without the pale end.
LEVELS = LinearSegmentedColormap.from_list(
    "levels", plt.get_cmap("viridis")(np.linspace(0.0, 0.85, 64))
)

# Matplotlib types the keys as literals; a plain dict of them needs Any.
_STYLE: dict[Any, Any] = {
    "axes.facecolor": "white",
    "axes.prop_cycle": cycler(color=COLORS),
    "axes.grid": True,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "figure.constrained_layout.use": True,
    "figure.dpi": 120,
    "figure.facecolor": "white",
    "figure.figsize": (5.6, 3.4),
    "font.size": 11,
    "grid.color": "#d9d9d9",
    "grid.linewidth": 0.6,
    "legend.frameon": False,
    "lines.linewidth": 1.8,
    "savefig.facecolor": "white",
    # The same figure gives the same file, build after build.
    "svg.hashsalt": "coursekit",
}


def use_style() -> None:
    """Draw every later figure in the style of the course."""
    plt.rcParams.update(_STYLE)


def symmetric(values: Floats) -> Normalize:
    """A scale with 0 in the middle. Rare peaks go beyond its ends, or all else would be grey."""
    size = abs(values)
    usual, largest = float(np.quantile(size, 0.98)), float(size.max())
    limit = (usual if largest > 2 * usual else largest) or largest or 1.0
    return Normalize(-limit, limit)


def project(points: Floats) -> tuple[Floats, Floats]:
    """Places on paper (..., 2) of points in 1D, 2D or 3D, and their nearness (...) to the eye."""
    points = np.asarray(points, dtype=float)
    if points.shape[-1] == 3:
        # z up, x towards the reader's left, y to the right, seen from above.
        azimuth, elevation = np.radians(28.0), np.radians(17.0)
        c, s = np.cos(azimuth), np.sin(azimuth)
        eye = np.array([c * np.cos(elevation), s * np.cos(elevation), np.sin(elevation)])
        right = np.array([-s, c, 0.0])
        return points @ np.stack([right, np.cross(eye, right)], axis=-1), points @ eye
    flat = np.zeros((*points.shape[:-1], 2))
    flat[..., : points.shape[-1]] = points
    return flat, np.zeros(points.shape[:-1])
