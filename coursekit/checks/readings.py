"""How an answer is read: as numbers, as a choice among options, or off a plot.

Each reading turns plain data, which may be anything, into an array that stands beside the array of
the right answer; diagnoses look at these arrays, whatever the answer was.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from coursekit.checks.compare import Mismatch, as_numbers, compare, show

__all__ = ["Choice", "Labels", "Lines", "Numbers", "Reading"]

# A fan of lines would come near to anything.
_SPARE_LINES = 10
_KNOWN = "the Axes that you drew in, or x and y"


class Reading(Protocol):
    """What a kind of answer needs for being compared.

    ``minor``: says little about the answer's values, so that it earns only beside a part that does.
    """

    minor: ClassVar[bool]

    def expected(self, reference: Any) -> NDArray[Any]:
        """What the reference returned, as an array."""

    def read(self, value: Any, reference: Any, allowed: float) -> NDArray[Any]:
        """An array like the expected one; Mismatch, in a student's words, where that fails."""

    def difference(self, got: NDArray[Any], expected: NDArray[Any], allowed: float) -> str:
        """What is wrong, in words; nothing where it is right."""

    def show(self, array: NDArray[Any]) -> str:
        """The array in a few characters."""


@dataclass(frozen=True)
class Numbers:
    """A number or an array of numbers, returned or assigned to a variable."""

    minor: ClassVar[bool] = False

    def expected(self, reference: Any) -> NDArray[Any]:
        """The reference's numbers."""
        return np.asarray(reference)

    def read(self, value: Any, reference: Any, allowed: float) -> NDArray[Any]:
        """The answer's numbers, of the same shape."""
        return as_numbers(value, np.asarray(reference), allowed)

    def difference(self, got: NDArray[Any], expected: NDArray[Any], allowed: float) -> str:
        """By how much, and where."""
        return compare(got, expected, allowed)

    def show(self, array: NDArray[Any]) -> str:
        """The numbers."""
        return show(array)


@dataclass(frozen=True)
class Choice:
    """Letters of the options chosen: ``"b"``, or ``"ac"`` where more than one is right.

    Capitals, commas, spaces and lists of letters are read alike.

    Attributes
    ----------
    options : all letters, as in ``"abcd"``
    """

    options: str
    minor: ClassVar[bool] = False

    def expected(self, reference: Any) -> NDArray[Any]:
        """1 for each option that is right, else 0."""
        return np.array([float(option in reference) for option in self.options])

    def read(self, value: Any, reference: Any, allowed: float) -> NDArray[Any]:
        """1 for each option that was chosen, else 0."""
        wanted = f"letters out of {', '.join(self.options)}, as in {self.options[0]!r}"
        listed = isinstance(value, list | tuple) and all(isinstance(x, str) for x in value)
        if not isinstance(value, str) and not listed:
            raise Mismatch(f"is {show(value)}; expected {wanted}")
        letters = [c for c in "".join(value).lower() if c not in " ,;.()[]"]
        unknown = sorted(set(letters) - set(self.options))
        if unknown or not letters:
            raise Mismatch(f"is {show(value)}; expected {wanted}")
        if len(set(letters)) > 1 and len(reference) == 1:
            raise Mismatch(f"names {len(set(letters))} options; expected one")
        return np.array([float(option in letters) for option in self.options])

    def difference(self, got: NDArray[Any], expected: NDArray[Any], allowed: float) -> str:
        """Whether too much was chosen or too little; not what."""
        if (got > expected).any():
            return "not the right choice" if expected.sum() == 1 else "not all of these are right"
        return "right as far as it goes: one more option is right" if (got < expected).any() else ""

    def show(self, array: NDArray[Any]) -> str:
        """The letters."""
        return "".join(o for o, chosen in zip(self.options, array, strict=True) if chosen)


@dataclass(frozen=True)
class Lines:
    """The curves of a plot, in any order and at any x that cover the range.

    The reference returns ``(x, y)`` with y of shape ``(n_x,)`` or ``(n_lines, n_x)``; the answer
    the Axes or the Figure, its lines, or such a pair.  Between its points an answer's curve is
    straight.
    """

    minor: ClassVar[bool] = False

    def expected(self, reference: Any) -> NDArray[Any]:
        """(n_lines, n_x) heights."""
        return np.atleast_2d(np.asarray(reference[1], dtype=float))

    def read(self, value: Any, reference: Any, allowed: float) -> NDArray[Any]:
        """The heights of the lines that fit best, at the x of the reference."""
        from scipy.optimize import linear_sum_assignment

        x, y = np.asarray(reference[0], dtype=float), self.expected(reference)
        curves = _curves(value)
        if not len(y) <= len(curves) <= 2 * len(y) + _SPARE_LINES:
            raise Mismatch(f"shows {_plural(len(curves))}; expected {_plural(len(y))}")
        slack = 1e-6 * float(np.ptp(x))
        covering = [c for c in curves if c[0][0] <= x[0] + slack and c[0][-1] >= x[-1] - slack]
        if len(covering) < len(y):
            # Guides are short; a curve is what has most points.
            longest = max(curves, key=lambda curve: len(curve[0]))[0]
            raise Mismatch(
                f"has x from {longest[0]:.4g} to {longest[-1]:.4g}; expected curves that run from "
                f"{x[0]:.4g} to {x[-1]:.4g}"
            )
        heights = np.stack([np.interp(x, *curve) for curve in covering])
        rows, columns = linear_sum_assignment(abs(y[:, None] - heights).max(axis=-1))
        return np.asarray(heights[columns[np.argsort(rows)]])

    def difference(self, got: NDArray[Any], expected: NDArray[Any], allowed: float) -> str:
        """By how much, and which line."""
        said = compare(got, expected, allowed)
        return said.replace("at index", "at line, point", 1)

    def show(self, array: NDArray[Any]) -> str:
        """The heights."""
        return show(array[0] if len(array) == 1 else array)


@dataclass(frozen=True)
class Labels:
    """Whether both axes of a plot say what they show."""

    minor: ClassVar[bool] = True

    def expected(self, reference: Any) -> NDArray[Any]:
        """A label on each axis."""
        return np.ones(2)

    def read(self, value: Any, reference: Any, allowed: float) -> NDArray[Any]:
        """1 for an axis with a label, else 0."""
        if not isinstance(value, dict) or "lines" not in value:
            raise Mismatch("returned no plot; expected the Axes, on which labels can be seen")
        labels = [value.get(key) for key in ("xlabel", "ylabel")]
        return np.array([float(isinstance(x, str) and bool(x.strip())) for x in labels])

    def difference(self, got: NDArray[Any], expected: NDArray[Any], allowed: float) -> str:
        """Which axis has none."""
        bare = [name for name, there in zip("xy", got, strict=True) if not there]
        return f"no label on the {' and the '.join(bare)} axis" if bare else ""

    def show(self, array: NDArray[Any]) -> str:
        """Which axes have one."""
        named = [name for name, there in zip("xy", array, strict=True) if there]
        return f"labels on: {', '.join(named) or 'no axis'}"


Curve = tuple[NDArray[np.float64], NDArray[np.float64]]


def _curves(value: Any) -> list[Curve]:
    """Every curve in plain data, sorted along x."""
    if isinstance(value, dict):
        value = value.get("lines")
    if not isinstance(value, list | tuple | np.ndarray) or not len(value):
        raise Mismatch(f"shows no line; expected {_KNOWN}: return what `plt.gca()` gives")
    pairs = list(value)
    if len(pairs) == 2 and not all(isinstance(p, list | tuple) and len(p) == 2 for p in pairs):
        pairs = [(pairs[0], row) for row in _rows(*pairs)]
    curves = []
    for pair in pairs:
        if not isinstance(pair, list | tuple | np.ndarray) or len(pair) != 2:
            raise Mismatch(f"is {show(value)}; expected {_KNOWN}")
        x, y = _floats(pair[0]), _floats(pair[1])
        if x.ndim != 1 or x.shape != y.shape or len(x) < 2:
            raise Mismatch(f"has x of shape {x.shape} and y of shape {y.shape}; expected {_KNOWN}")
        order = np.argsort(x, kind="stable")
        curves.append((x[order], y[order]))
    return curves


def _rows(x: Any, y: Any) -> list[NDArray[np.float64]]:
    """The curves of y, which may stand in rows, or in columns as matplotlib has them."""
    heights = _floats(y)
    if heights.ndim == 2 and heights.shape[-1] != len(_floats(x).reshape(-1)):
        heights = heights.T
    return list(np.atleast_2d(heights))


def _floats(value: Any) -> NDArray[np.float64]:
    try:
        array = np.asarray(value)
    except ValueError:
        raise Mismatch("has rows of different lengths") from None
    if array.dtype.kind not in "iuf":
        raise Mismatch(f"holds {show(value)}; expected real numbers")
    if not np.isfinite(array).all():
        raise Mismatch("holds NaN or an infinite number")
    return array.astype(float)


def _plural(count: int) -> str:
    return "one line" if count == 1 else f"{count} lines"
