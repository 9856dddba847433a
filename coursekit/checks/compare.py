"""Is a returned value the right one?  It arrives as plain data, so it cannot answer for itself."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Mismatch", "as_numbers", "compare", "show"]


class Mismatch(Exception):
    """A value that cannot be compared, with the reason in a student's words."""


def as_numbers(value: object, expected: NDArray[Any], allowed: float) -> NDArray[Any]:
    """The value as an array of numbers with the shape and kind of ``expected``.

    Lists count as arrays, integers as floats, and complex numbers as real ones where the imaginary
    part is within tolerance of zero.

    Raises
    ------
    Mismatch : None, text, truth values, rows of different lengths, another shape, NaN or inf
    """
    wanted = _describe_shape(expected.shape)
    if value is None:
        raise Mismatch(f"returned None; expected {wanted}: does the function end with `return`?")
    if isinstance(value, str | dict):
        kind = "text" if isinstance(value, str) else "a dict"
        raise Mismatch(f"returned {kind}; expected {wanted}")
    try:
        array = np.asarray(value)
    except ValueError:
        raise Mismatch(f"returned rows of different lengths; expected {wanted}") from None
    if array.dtype.kind == "b":
        raise Mismatch(f"returned True or False; expected {wanted}")
    if array.dtype.kind not in "iufc":
        raise Mismatch(f"returned something other than numbers in a list; expected {wanted}")
    if array.shape != expected.shape:
        raise Mismatch(f"returned {_describe_shape(array.shape)}; expected {wanted}")
    # Differences of small or unsigned integers would wrap around.
    array = array.astype(complex if array.dtype.kind == "c" else float)
    if not np.isfinite(array).all():
        kind = "NaN" if np.isnan(array).any() else "an infinite number"
        raise Mismatch(f"returned {kind}; look for a division by zero or an overflow")
    if array.dtype.kind == "c" and expected.dtype.kind != "c":
        if abs(array.imag).max(initial=0.0) > allowed:
            raise Mismatch(f"returned complex numbers; expected {wanted}, real")
        array = array.real
    return array


def compare(got: NDArray[Any], expected: NDArray[Any], allowed: float) -> str:
    """The difference in words, or an empty string where it is within what is allowed."""
    difference = abs(got - expected)
    largest = float(difference.max(initial=0.0))
    if largest <= allowed:
        return ""
    where = ""
    if got.ndim:
        index = np.unravel_index(difference.argmax(), difference.shape)
        where = " at index " + ", ".join(str(int(i)) for i in index)
    return f"off by {largest:.2g}{where}; allowed {allowed:.2g}"


def show(value: object) -> str:
    """A plain value in a few characters."""
    if isinstance(value, np.ndarray) and value.ndim == 0:
        value = value.item()
    if isinstance(value, complex):
        return f"{value:.8g}"
    if isinstance(value, float):
        return f"{value:.8g}"
    if isinstance(value, np.ndarray):
        text = np.array2string(value, precision=6, threshold=12, edgeitems=2, separator=", ")
        text = " ".join(text.split())
        return text if value.size <= 12 else f"{text}, shape {value.shape}"
    text = repr(value)
    return text if len(text) <= 160 else text[:157] + "..."


def _describe_shape(shape: tuple[int, ...]) -> str:
    return f"an array of shape {shape}" if shape else "a single number"
