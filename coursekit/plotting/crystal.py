"""Crystals: orbitals, cell and hoppings."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LinearSegmentedColormap, Normalize, to_hex
from numpy.typing import NDArray

from coursekit.plotting.style import COLORS, project
from coursekit.tight_binding import TightBinding

__all__ = ["plot_lattice"]

Floats = NDArray[np.float64]
Cell = tuple[int, ...]

# From 0 to π, dark enough at both ends for lines on white.
_PHASES = LinearSegmentedColormap.from_list(
    "phases", plt.get_cmap("plasma")(np.linspace(0.0, 0.78, 64))
)
_GREY = "#707070"
# Behind letters, so that lines do not cross them.
_BOX = {"boxstyle": "round,pad=0.12", "facecolor": "white", "edgecolor": "none", "alpha": 0.8}
# Phases below this, or this close to π, are those of real hoppings.
_REAL = 1e-6


@dataclass(frozen=True)
class _Bond:
    """A hopping matrix between two sites, drawn from the first to the second.

    Attributes
    ----------
    phase : that of ⟨first|H|second⟩, from 0 to π; None where the matrix is no number times one
    """

    first: int
    second: int
    R: Cell
    strength: float
    phase: float | None

    @property
    def turns(self) -> bool:
        """Whether the direction matters."""
        return self.phase is not None and _REAL < self.phase < np.pi - _REAL


def plot_lattice(model: TightBinding, ax: Axes | None = None) -> Axes:
    """The crystal of a model: cell, orbitals with their numbers, hoppings.

    A line is the wider the larger its t, and has the colour of its phase. An arrow from i to j
    means that the phase of ⟨i|H|j⟩ is between 0 and π; real hoppings need none. Where several
    orbitals share a site, what is drawn is the matrix between the sites: its largest singular
    value as the width, in grey if it is more than a number, such as a hopping that turns spins.
    Bonds and sites that repeat those of the home cell are pale; a bond that passes over other
    sites is bent around them.

    Parameters
    ----------
    model : in 1D, 2D or 3D; 3D as in :func:`plot_brillouin_zone`
    ax : where to draw; a new figure without it

    Raises
    ------
    ValueError : not a TightBinding

    Examples
    --------
    >>> import matplotlib; matplotlib.use("agg")
    >>> import coursekit as ck
    >>> ax = ck.plotting.plot_lattice(ck.models.haldane(1, 0.2, 1.0, 0.3))
    >>> [text.get_text() for text in ax.texts if text.get_text()]
    ['$a_1$', '$a_2$', '0', '1']
    """
    if not isinstance(model, TightBinding):
        raise ValueError(f"model={model!r}; expected a TightBinding: orbitals on a lattice")
    axes = (
        plt.subplots(figsize=(5.6, 2.0) if model.dim == 1 else (4.8, 4.2))[1] if ax is None else ax
    )
    vectors = model.lattice.vectors
    sites = _sites(model)
    places = np.array([model.orbitals[group[0]] for group in sites]) @ vectors
    bonds = _bonds(model, sites)
    around = (0, 1) if model.dim == 3 else (-1, 0, 1)
    cells = sorted(product(around, repeat=model.dim), key=any)
    shown = np.concatenate([places + np.array(cell) @ vectors for cell in cells])
    strongest = max((bond.strength for bond in bonds), default=1.0)
    _draw_cell(axes, vectors)
    for bond in bonds:
        ends = np.stack([places[bond.first], places[bond.second] + np.array(bond.R) @ vectors])
        line = _line(project(ends)[0], _passes_over(ends, shown))
        for cell in cells:
            there = tuple(x + y for x, y in zip(cell, bond.R, strict=True))
            if not any(cell) or there in cells:
                shift = project(np.array(cell) @ vectors)[0]
                _draw_bond(axes, line + shift, bond, bond.strength / strongest, any(cell))
    for cell in cells:
        _draw_sites(axes, project(places + np.array(cell) @ vectors)[0], sites, any(cell))
    if any(bond.phase is not None and bond.phase > _REAL for bond in bonds):
        scale = ScalarMappable(Normalize(0, np.pi), _PHASES)
        bar = axes.figure.colorbar(scale, ax=axes, label="phase of ⟨i|H|j⟩, i → j", shrink=0.8)
        bar.set_ticks([0, np.pi / 2, np.pi], labels=["0", "π/2", "π"])
    _show_home(axes, vectors, places, bonds)
    axes.axis("off")
    return axes


def _sites(model: TightBinding) -> list[list[int]]:
    """Groups of orbitals at one place."""
    places = model.orbitals @ model.lattice.vectors
    near = 1e-6 * np.linalg.norm(model.lattice.vectors, axis=1).max()
    groups: list[list[int]] = []
    for orbital, place in enumerate(places):
        for group in groups:
            if np.linalg.norm(places[group[0]] - place) < near:
                group.append(orbital)
                break
        else:
            groups.append([orbital])
    return groups


def _bonds(model: TightBinding, sites: list[list[int]]) -> list[_Bond]:
    """Every pair of sites once, in the direction in which the phase is positive."""
    found = []
    for R, block in model.blocks.items():
        minus_R = tuple(-x for x in R)
        for a, b in product(range(len(sites)), repeat=2):
            if a > b or (a == b and minus_R >= R):
                continue
            matrix = block[np.ix_(sites[a], sites[b])]
            strength = float(np.linalg.norm(matrix, 2))
            if strength == 0:
                continue
            phase = _common_phase(matrix, strength)
            if phase is not None and phase < -_REAL:
                found.append(_Bond(b, a, minus_R, strength, -phase))
            else:
                found.append(_Bond(a, b, R, strength, None if phase is None else abs(phase)))
    return found


def _common_phase(matrix: NDArray[np.complex128], strength: float) -> float | None:
    """The phase of t where the matrix is t times one, else None."""
    if matrix.shape[0] != matrix.shape[1]:
        return None
    t = matrix.trace() / len(matrix)
    if abs(matrix - t * np.eye(len(matrix))).max() > 1e-9 * strength:
        return None
    return float(np.angle(t))


def _passes_over(ends: Floats, sites: Floats) -> bool:
    """Whether a site is on the straight line between the ends, or the ends are one place."""
    along = ends[1] - ends[0]
    length = np.linalg.norm(along)
    offsets = sites - ends[0]
    fraction = offsets @ along / length**2
    distance = np.linalg.norm(offsets - fraction[:, None] * along, axis=1)
    return bool(((fraction > 0.01) & (fraction < 0.99) & (distance < 0.05 * length)).any())


def _line(ends: Floats, bent: bool) -> Floats:
    """(41, 2) points on paper, from end to end."""
    steps = np.linspace(0, 1, 41)[:, None]
    along = ends[1] - ends[0]
    sideways = np.array([-along[1], along[0]])
    return np.asarray(ends[0] + steps * along + bent * 0.7 * steps * (1 - steps) * sideways)


def _draw_cell(axes: Axes, vectors: Floats) -> None:
    """Outline of the home cell, and its vectors."""
    dim = len(vectors)
    look: dict[str, Any] = {"color": "#b0b0b0", "linewidth": 1.0, "linestyle": ":", "zorder": 0}
    paper = project(vectors)[0]
    if dim == 2:
        corners = np.array([[0, 0], [1, 0], [1, 1], [0, 1]]) @ paper
        axes.fill(*corners.T, color=COLORS[4], alpha=0.12, linewidth=0, zorder=0)
    for n, (a, vector) in enumerate(zip(paper, vectors, strict=True), start=1):
        others = np.delete(paper, n - 1, axis=0)
        for corner in product((0, 1), repeat=dim - 1):
            start = np.array(corner) @ others if dim > 1 else np.zeros(2)
            axes.plot(*np.stack([start, start + a]).T, **look)
        # Beside the middle of the edge, on the outer side.
        outer = -others.sum(axis=0) if dim > 1 else np.array([0.0, -1.0])
        away = 0.14 * np.linalg.norm(vector) * outer / np.linalg.norm(outer)
        x, y = a / 2 + away
        axes.text(x, y, f"$a_{n}$", color=_GREY, ha="center", va="center", bbox=_BOX, zorder=3)


def _show_home(axes: Axes, vectors: Floats, places: Floats, bonds: list[_Bond]) -> None:
    """Limits around the home cell and its bonds; what repeats them goes on beyond."""
    corners = np.array(list(product((0, 1), repeat=len(vectors)))) @ vectors
    ends = [places[bond.second] + np.array(bond.R) @ vectors for bond in bonds]
    shown = project(np.concatenate([corners, places, *(end[None] for end in ends)]))[0]
    low, high = shown.min(axis=0), shown.max(axis=0)
    margin = 0.22 * np.linalg.norm(vectors, axis=1).min()
    low, high = low - margin, high + margin
    axes.set(xlim=(low[0], high[0]), ylim=(low[1], high[1]), aspect="equal")


def _draw_bond(axes: Axes, line: Floats, bond: _Bond, strength: float, pale: bool) -> None:
    color = _GREY if bond.phase is None else to_hex(_PHASES(bond.phase / np.pi))
    width = 0.8 + 2.6 * strength
    alpha = 0.25 if pale else 1.0
    axes.plot(*line.T, color=color, linewidth=width, alpha=alpha, zorder=1 if pale else 2)
    if bond.turns:
        look: dict[str, Any] = {"arrowstyle": "-|>", "color": color, "alpha": alpha, "linewidth": 0}
        look |= {"mutation_scale": 9 + 3 * width, "shrinkA": 0, "shrinkB": 0}
        axes.annotate("", line[24], line[20], arrowprops=look, zorder=1 if pale else 2)


def _draw_sites(axes: Axes, places: Floats, sites: list[list[int]], pale: bool) -> None:
    for n, (place, orbitals) in enumerate(zip(places, sites, strict=True)):
        color = COLORS[n % len(COLORS)]
        label = ", ".join(map(str, orbitals)) if len(orbitals) < 4 else f"{orbitals[0]}, …"
        axes.plot(
            *place,
            "o",
            color=color,
            markersize=7 if pale else 11,
            markeredgecolor="white",
            alpha=0.35 if pale else 1.0,
            zorder=3 if pale else 4,
        )
        if not pale:
            axes.annotate(
                label, place, (6, 6), textcoords="offset points", fontsize=9, bbox=_BOX, zorder=5
            )
