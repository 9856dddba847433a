"""Energies along paths."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from numpy.typing import ArrayLike, NDArray

from coursekit.bands import Bands, solve
from coursekit.bloch_model import Model
from coursekit.lattice import k_path
from coursekit.plotting.style import LEVELS, SIGNED, symmetric
from coursekit.zone import high_symmetry_points, point_name, reduced_where_cartesian_is_meant

__all__ = ["plot_bands"]

Floats = NDArray[np.float64]
_STEPS = 100


def plot_bands(
    model: Model,
    points: ArrayLike | Sequence[str],
    labels: Sequence[str] | None = None,
    ax: Axes | None = None,
    *,
    quantity: ArrayLike | Callable[[Floats], Floats] | None = None,
    label: str = "",
    mu: float | None = None,
) -> Axes:
    """Energies along straight lines in the zone.

    Parameters
    ----------
    points : (n_points, dim) Cartesian corners of the path, 1/length; or their names, such as
        ["Γ", "K", "M", "Γ"], of :func:`coursekit.high_symmetry_points`; G stands for Γ too
    labels : the corners' names; not needed where ``points`` are names
    ax : where to draw; a new figure without it
    quantity : what the bands are coloured by: a function of Cartesian k (..., dim) that gives one
        number for each band (..., n_bands), such as the Berry curvature; or a Hermitian matrix
        (n_orb, n_orb), whose expectation value is taken. The scale of values of both signs has 0
        in its middle, and where there are sharp peaks, such as those of Ω, its ends are below them.
    label : what the colours mean
    mu : chemical potential, energy; it is drawn, and energies are measured from it

    Raises
    ------
    ValueError : not one label for each corner; names of no point; a corner whose label says that
        it was given in reduced coordinates; a quantity of the wrong shape

    Examples
    --------
    >>> import matplotlib; matplotlib.use("agg")
    >>> import coursekit as ck
    >>> model = ck.models.haldane(1, 0.2, 1.0, 0.3)
    >>> ax = ck.plotting.plot_bands(
    ...     model, ["Γ", "K", "M", "K′", "Γ"],
    ...     quantity=lambda k: ck.berry_curvature(model, k), label="Ω",
    ... )
    >>> [tick.get_text() for tick in ax.get_xticklabels()]
    ['Γ', 'K', 'M', 'K′', 'Γ']
    """
    corners, labels = _corners(model, points, labels)
    k, distance = k_path(corners, _STEPS)
    bands = solve(model, k)
    energies = bands.energies - (0.0 if mu is None else mu)
    axes = plt.subplots()[1] if ax is None else ax
    if quantity is None:
        for band in energies.T:
            axes.plot(distance, band)
    else:
        _coloured(axes, distance, energies, _values(quantity, bands), label)
    axes.set_xticks(distance[::_STEPS], labels)
    axes.set_xlim(distance[0], distance[-1])
    axes.set_ylabel("energy" if mu is None else "energy − μ")
    if mu is not None:
        axes.axhline(0, color="black", linewidth=0.9, linestyle="--")
    return axes


def _corners(
    model: Model, points: ArrayLike | Sequence[str], labels: Sequence[str] | None
) -> tuple[Floats, Sequence[str]]:
    """The corners, Cartesian, and their names."""
    given = list(np.asarray(points)) if not isinstance(points, str) else list(points)
    if all(isinstance(point, str) for point in given):
        if model.lattice is None:
            raise ValueError(f"{model!r} has no lattice to name points of; expected Cartesian k")
        known = high_symmetry_points(model.lattice)
        names = [point_name(point) for point in given]
        unknown = [name for name in names if name not in known]
        if unknown:
            raise ValueError(f"points {unknown} are not of this lattice; expected {list(known)}")
        return np.array([known[name] for name in names]), names if labels is None else labels
    corners = np.asarray(points, dtype=float)
    n_labels = 0 if labels is None else len(labels)
    if labels is None or n_labels != len(corners):
        raise ValueError(f"{n_labels} labels for {len(corners)} points; expected one for each")
    if model.lattice is not None:
        wrong = reduced_where_cartesian_is_meant(model.lattice, corners, labels)
        if wrong is not None:
            raise ValueError(
                f"the corner {labels[wrong]} is at k={corners[wrong].tolist()}, which is "
                f"{labels[wrong]} in units of the reciprocal vectors; expected Cartesian k: pass "
                "model.lattice.to_cartesian(points), or the names alone"
            )
    return corners, labels


def _values(quantity: ArrayLike | Callable[[Floats], Floats], bands: Bands) -> Floats:
    """(K, n_bands)"""
    if callable(quantity):
        values = np.asarray(quantity(bands.k))
    else:
        matrix, n = np.asarray(quantity), bands.states.shape[-2]
        if matrix.shape != (n, n):
            raise ValueError(f"quantity has shape {matrix.shape}; expected {(n, n)}, or a function")
        u = bands.states
        values = np.einsum("kon,op,kpn->kn", u.conj(), matrix, u).real
    if values.shape != bands.energies.shape:
        raise ValueError(
            f"quantity(k) has shape {values.shape}; expected {bands.energies.shape}: one number "
            "for each k and band"
        )
    return values


def _coloured(axes: Axes, distance: Floats, energies: Floats, values: Floats, label: str) -> None:
    points = np.stack([np.broadcast_to(distance[:, None], energies.shape), energies], axis=-1)
    segments = np.stack([points[:-1], points[1:]], axis=-2).reshape(-1, 2, 2)
    both_signs = values.min() < 0 < values.max()
    means = ((values[:-1] + values[1:]) / 2).ravel()
    # The largest on top, where bands lie upon each other.
    order = np.argsort(abs(means))
    lines = LineCollection(
        list(segments[order]),
        array=means[order],
        cmap=SIGNED if both_signs else LEVELS,
        norm=symmetric(values) if both_signs else None,
        linewidths=2.6,
        capstyle="round",
    )
    axes.add_collection(lines)
    axes.autoscale_view()
    clipped = both_signs and abs(values).max() > lines.norm.vmax
    axes.figure.colorbar(lines, ax=axes, label=label, extend="both" if clipped else "neither")
