"""Usual mistakes that any numerical task can meet, and the choice of the hint to give."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from coursekit.checks.form import Check, Diagnosis, Seen
from coursekit.checks.readings import Choice

__all__ = [
    "CONSTANT",
    "DEGREES",
    "TRUNCATED",
    "TWICE",
    "diagnose",
    "factor",
    "nearly",
    "options",
    "shape_hint",
]

Symptom = Callable[[Sequence[Seen]], bool]

_HOME = (
    "Right for every input of the self-check at home, and wrong for others of the same family. If "
    "these are numbers that were noted down: the answer has to be computed from its arguments. If "
    "not, it may be right by a narrow margin, or for a special case: try other inputs with "
    'ck.check("{name}", {function}, seed=1).'
)


def diagnose(
    check: Check,
    wrong_values: Sequence[Seen],
    right_values: Sequence[Seen],
    misshapen: Sequence[Seen],
    right_at_home: Callable[[], bool],
) -> str:
    """The hint of the first mistake that explains every value, or an empty string.

    Parameters
    ----------
    wrong_values, right_values : everything of the right shape that the answer returned
    misshapen : what it returned in other shapes
    right_at_home : says whether the self-check at home finds nothing wrong where this one does
    """
    if not wrong_values:
        return shape_hint(misshapen)
    # A mistake in the method shows at home, too.
    if right_at_home():
        return _HOME.format(name=check.name, function=check.function)
    for diagnosis in (*check.diagnoses, *_GENERAL):
        if diagnosis.explains(wrong_values, right_values):
            return diagnosis.hint
    return ""


def factor(number: float) -> Symptom:
    """Every wrong value is the right one times ``number``."""

    def symptom(seen: Sequence[Seen]) -> bool:
        return all(
            abs(one.got - number * one.expected).max(initial=0.0)
            <= max(1.0, abs(number)) * one.allowed
            for one in seen
        )

    return symptom


def nearly(absolute: float = 0.0, relative: float = 0.0) -> Symptom:
    """Every wrong value lies near the right one."""

    def symptom(seen: Sequence[Seen]) -> bool:
        return all(
            abs(one.got - one.expected).max(initial=0.0)
            <= absolute + relative * abs(one.expected).max(initial=0.0)
            for one in seen
        )

    return symptom


def options(choice: Choice, **hints: str) -> tuple[Diagnosis, ...]:
    """A diagnosis for each wrong option of a choice, as in ``options(ABCD, a="...", c="...")``."""
    return tuple(
        Diagnosis(letter, hint, symptom=_chose(choice.options.index(letter)))
        for letter, hint in hints.items()
    )


def _chose(index: int) -> Symptom:
    return lambda seen: all(one.got[index] > one.expected[index] for one in seen)


def shape_hint(misshapen: Sequence[Seen]) -> str:
    """What is right about answers of a wrong shape, or an empty string."""
    if not misshapen:
        return ""
    if all(_same(one.got.T, one) for one in misshapen):
        return "The numbers are right, with the axes in the opposite order: transpose the array."
    for axis in (-1, 0):
        for index in range(min(_length(one, axis) for one in misshapen)):
            if all(_same(one.got.take(index, axis), one) for one in misshapen):
                if all(_length(one, axis) == 1 for one in misshapen):
                    return (
                        "The numbers are right, but wrapped in an array of one: return its entry."
                    )
                place = "last" if axis else "first"
                return (
                    f"More is returned than asked for. Entry {index} along the {place} axis is "
                    "right: return that alone."
                )
    return ""


def _length(one: Seen, axis: int) -> int:
    return int(one.got.shape[axis]) if one.got.ndim == one.expected.ndim + 1 else 0


def _same(value: NDArray[Any], one: Seen) -> bool:
    alike = value.shape == one.expected.shape
    return alike and bool(abs(value - one.expected).max(initial=0.0) <= one.allowed)


def _constant(seen: Sequence[Seen]) -> bool:
    wrong = [one for one in seen if not _same(one.got, one)]
    first = wrong[0]
    alike = [one for one in seen if one.got.shape == first.got.shape]
    same = all(np.array_equal(one.got, first.got) for one in alike)
    differ = any(abs(one.expected - first.expected).max(initial=0.0) > one.allowed for one in alike)
    return same and differ and all(one.got.shape == first.got.shape for one in wrong)


def _truncated(seen: Sequence[Seen]) -> bool:
    """Cut off or rounded to integers, which not all of them are by themselves."""
    return any(
        all(np.array_equal(one.got, cut(one.expected)) for one in seen)
        for cut in (np.trunc, np.floor, np.round)
    )


CONSTANT = Diagnosis(
    "constant",
    "The answer is the same number whatever the input is. It has to be computed from the "
    "arguments.",
    symptom=_constant,
    of_all=True,
)
DEGREES = Diagnosis(
    "degrees", "The answer is in degrees; it should be in radians.", symptom=factor(180 / np.pi)
)
TRUNCATED = Diagnosis(
    "truncated",
    "The answer is right but for its decimals: somewhere it became an integer, by int(), //, "
    "round() or an array of integers.",
    symptom=_truncated,
)
TWICE = Diagnosis("factor_two", "The answer is twice too large.", symptom=factor(2.0))
_GENERAL = (
    CONSTANT,
    Diagnosis("sign", "The size is right and the sign is wrong.", symptom=factor(-1.0)),
    Diagnosis("two_pi", "A factor 2π is missing.", symptom=factor(1 / (2 * math.pi))),
    Diagnosis("extra_two_pi", "There is a factor 2π too much.", symptom=factor(2 * math.pi)),
    Diagnosis(
        "sign_and_two_pi",
        "The sign is wrong, and a factor 2π is missing.",
        symptom=factor(-1 / (2 * math.pi)),
    ),
    Diagnosis(
        "sign_and_extra_two_pi",
        "The sign is wrong, and there is a factor 2π too much.",
        symptom=factor(-2 * math.pi),
    ),
    TWICE,
    Diagnosis("half", "The answer is half of what it should be.", symptom=factor(0.5)),
    DEGREES,
    TRUNCATED,
)
