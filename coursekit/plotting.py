"""Figures of bands and of the Brillouin zone, in one style.

The style is opaque and light, so that a figure reads on any background; its line colours are told
apart by colour-blind readers too, and in grey.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from cycler import cycler
from matplotlib.axes import Axes
from numpy.typing import ArrayLike, NDArray

from coursekit.bands import solve
from coursekit.bloch_model import Model
from coursekit.lattice import Lattice, k_path

__all__ = ["COLORS", "plot_bands", "plot_zone", "use_style"]

Floats = NDArray[np.float64]

# M. Okabe & K. Ito's set without its yellow, which is too pale for lines.
COLORS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#000000")

# Matplotlib types the keys as literals; a plain dict of them needs Any.
_STYLE: dict[Any, Any] = {
    "axes.prop_cycle": cycler(color=COLORS),
    "axes.grid": True,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "figure.constrained_layout.use": True,
    "figure.dpi": 120,
    "figure.figsize": (5.6, 3.4),
    "font.size": 11,
    "grid.color": "#d9d9d9",
    "grid.linewidth": 0.6,
    "legend.frameon": False,
    "lines.linewidth": 1.8,
    # The same figure gives the same file, build after build.
    "svg.hashsalt": "coursekit",
}


def use_style() -> None:
    """Draw every later figure in the style of the course."""
    plt.rcParams.update(_STYLE)


def plot_bands(
    model: Model,
    points: ArrayLike,
    labels: Sequence[str],
    ax: Axes | None = None,
) -> Axes:
    """Energies along straight lines in the zone.

    Parameters
    ----------
    points : (n_points, dim) Cartesian corners of the path, 1/length
    labels : the corners' names
    ax : where to draw; a new figure without it

    Raises
    ------
    ValueError : not one label for each corner
    """
    corners = np.asarray(points, dtype=float)
    if len(labels) != len(corners):
        raise ValueError(f"{len(labels)} labels for {len(corners)} points; expected one for each")
    steps = 100
    k, distance = k_path(corners, steps)
    axes = plt.subplots()[1] if ax is None else ax
    for band in solve(model, k).energies.T:
        axes.plot(distance, band)
    axes.set_xticks(distance[::steps], labels)
    axes.set_xlim(distance[0], distance[-1])
    axes.set_ylabel("energy")
    return axes


def plot_zone(
    model: Model,
    quantity: Callable[[Floats], Floats],
    label: str,
    ax: Axes | None = None,
) -> Axes:
    """Map of a quantity over one cell of the reciprocal lattice, with Γ in its middle.

    Parameters
    ----------
    model : 2D, with a lattice
    quantity : function of Cartesian k (..., 2) that gives (...)
    label : what the colours mean
    ax : where to draw; a new figure without it

    Raises
    ------
    ValueError : a model without a 2D lattice, or a quantity of the wrong shape
    """
    lattice: Lattice | None = model.lattice
    if lattice is None or lattice.dim != 2:
        raise ValueError(f"{model!r} has no 2D Brillouin zone; expected a 2D lattice model")
    n = 120
    edges = np.linspace(-0.5, 0.5, n + 1)
    middles = (edges[1:] + edges[:-1]) / 2
    values = np.asarray(quantity(_grid(lattice, middles)))
    if values.shape != (n, n):
        raise ValueError(f"quantity(k) has shape {values.shape}; expected {(n, n)}: one number a k")
    axes = plt.subplots(figsize=(4.6, 3.6))[1] if ax is None else ax
    corners = _grid(lattice, edges)
    both_signs = values.min() < 0 < values.max()
    limit = abs(values).max()
    picture = axes.pcolormesh(
        corners[..., 0],
        corners[..., 1],
        values,
        cmap="RdBu_r" if both_signs else "viridis",
        vmin=-limit if both_signs else None,
        vmax=limit if both_signs else None,
        rasterized=True,
    )
    axes.figure.colorbar(picture, ax=axes, label=label)
    axes.set(xlabel="$k_x$", ylabel="$k_y$", aspect="equal")
    axes.grid(False)
    return axes


def _grid(lattice: Lattice, reduced: Floats) -> Floats:
    return lattice.to_cartesian(np.stack(np.meshgrid(reduced, reduced, indexing="ij"), axis=-1))
