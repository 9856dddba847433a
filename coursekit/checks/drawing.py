"""What a plot shows, as plain data.

Runs beside the answer that drew it, at home and in the sandbox, and so needs nothing but numpy.
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

__all__ = ["as_data"]


def as_data(value: Any) -> Any:
    """Lines and axis labels of a plot; any other value as it is.

    Parameters
    ----------
    value : of matplotlib an Axes, a Figure (its first Axes that shows something), a list of lines,
        or a tuple that holds one of them, such as ``plt.subplots()`` gives

    Returns
    -------
    ``{"lines": [(x, y), ...], "xlabel": ..., "ylabel": ...}``
    """
    # A plot can exist only where matplotlib is loaded, so looking there imports nothing.
    if "matplotlib.axes" not in sys.modules or "matplotlib.figure" not in sys.modules:
        return value
    axes = _axes_of(value)
    if axes is None:
        return value
    lines = [
        (line.get_xdata(orig=False), line.get_ydata(orig=False))
        for line in axes.get_lines()
        # Guides such as axhline span the frame, not the data.
        if line.get_transform() == axes.transData
    ]
    lines += [c.get_offsets().T for c in axes.collections if len(c.get_offsets()) > 1]
    curves = [_without_gaps(*line) for line in lines]
    return {
        "lines": [curve for curve in curves if len(curve[0]) > 1],
        "xlabel": axes.get_xlabel(),
        "ylabel": axes.get_ylabel(),
    }


def _axes_of(value: Any) -> Any:
    plots, figures = sys.modules["matplotlib.axes"], sys.modules["matplotlib.figure"]
    if isinstance(value, plots.Axes):
        return value
    if isinstance(value, figures.FigureBase):
        return next((axes for axes in value.axes if axes.has_data()), None)
    if isinstance(value, np.ndarray):
        value = value.ravel().tolist() if value.dtype == object else ()
    if not isinstance(value, list | tuple):
        return None
    for item in value:
        if isinstance(item, plots.Axes | sys.modules["matplotlib.lines"].Line2D):
            return item.axes
    return None


def _without_gaps(x: Any, y: Any) -> tuple[Any, Any]:
    """As floats; NaN and masked points, which break a line, are left out."""
    x, y = (np.ma.filled(np.ma.asarray(v, dtype=float), np.nan) for v in (x, y))
    shown = np.isfinite(x) & np.isfinite(y)
    return x[shown], y[shown]
