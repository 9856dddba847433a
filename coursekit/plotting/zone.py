"""The Brillouin zone, and maps over it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from coursekit.bloch_model import Model
from coursekit.lattice import Lattice
from coursekit.plotting.style import COLORS, project
from coursekit.zone import high_symmetry_points, zone_faces

__all__ = ["plot_brillouin_zone", "plot_zone"]

Floats = NDArray[np.float64]

_NEAR: dict[str, Any] = {"color": "#404040", "linestyle": "-", "zorder": 3, "linewidth": 1.3}
_FAR: dict[str, Any] = {"color": "#a8a8a8", "linestyle": "--", "zorder": 1, "linewidth": 0.9}
# Behind letters, so that edges do not cross them.
_BOX = {"boxstyle": "round,pad=0.06", "facecolor": "white", "edgecolor": "none", "alpha": 0.75}
_ARROW = {"arrowstyle": "-|>", "color": "#808080", "linewidth": 1.0, "shrinkA": 0, "shrinkB": 0}


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


def plot_brillouin_zone(lattice: Lattice | Model, ax: Axes | None = None) -> Axes:
    """The Brillouin zone around Γ, its points of high symmetry and the reciprocal vectors.

    Parameters
    ----------
    lattice : in 1D, 2D or 3D, or a model that has one. In 3D the zone is seen from a little
        above, z up, with Cartesian axes in place of the reciprocal vectors; its far edges are
        dashed. Where :func:`coursekit.high_symmetry_points` knows no names, Γ alone is named.
    ax : where to draw; a new figure without it

    Raises
    ------
    ValueError : a model without a lattice

    Examples
    --------
    >>> import matplotlib; matplotlib.use("agg")
    >>> import coursekit as ck
    >>> ax = ck.plotting.plot_brillouin_zone(ck.models.kagome(0.6))
    >>> sorted(text.get_text() for text in ax.texts if text.get_text())
    ['$b_1$', '$b_2$', 'K', 'K′', 'M', 'Γ']
    """
    cell = lattice if isinstance(lattice, Lattice) else lattice.lattice
    if cell is None:
        raise ValueError(f"{lattice!r} has no lattice, so no Brillouin zone; expected one")
    axes = plt.subplots(figsize=(4.2, 4.2))[1] if ax is None else ax
    faces = zone_faces(cell)
    for face in faces:
        # A face of a zone around Γ looks the way that its middle lies.
        far = cell.dim == 3 and project(face.mean(axis=0))[1] < 0
        outline = project(np.concatenate([face, face[:1]]))[0]
        axes.plot(*outline.T, **(_FAR if far else _NEAR))
        if not far and cell.dim > 1:
            axes.fill(*outline.T, color=COLORS[4], alpha=0.14, linewidth=0, zorder=2)
    reach = max(np.linalg.norm(face, axis=1).max() for face in faces)
    arrows = 1.35 * reach * np.eye(3) if cell.dim == 3 else cell.reciprocal
    names = ["$k_x$", "$k_y$", "$k_z$"] if cell.dim == 3 else ["$b_1$", "$b_2$"]
    for end, name in zip(arrows, names, strict=False):
        x, y = project(end)[0]
        axes.annotate("", (x, y), (0, 0), arrowprops=_ARROW, zorder=4)
        # Text and arrows do not count where the limits are found; this does, and is not seen.
        axes.plot(1.12 * x, 1.12 * y, alpha=0)
        axes.text(1.09 * x, 1.09 * y, name, color="#606060", ha="center", va="center", bbox=_BOX)
    try:
        points = high_symmetry_points(cell)
    except ValueError:
        points = {"Γ": np.zeros(cell.dim)}
    for name, k in points.items():
        place = project(k)[0]
        axes.plot(*place, "o", color=COLORS[1], markersize=5, zorder=5)
        # Outwards and a little to the left of that, off the edges and off arrows through the point.
        away = place / np.linalg.norm(place) if place.any() else np.array([-1.3, -0.4])
        x, y = place + 0.14 * reach * np.array([[0.8, -0.6], [0.6, 0.8]]) @ away
        axes.text(x, y, name, ha="center", va="center", bbox=_BOX, zorder=6)
    axes.set(aspect="equal")
    axes.margins(0.08)
    axes.axis("off")
    return axes
