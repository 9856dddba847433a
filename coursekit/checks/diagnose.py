"""Usual mistakes that any numerical task can meet."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from coursekit.checks.form import Check, Diagnosis, Seen

__all__ = ["diagnose", "factor", "hard_coded", "nearly"]

Symptom = Callable[[Sequence[Seen]], bool]


def diagnose(
    check: Check,
    wrong_values: Sequence[Seen],
    right_values: Sequence[Seen],
    right_at_home: Callable[[], Sequence[NDArray[Any]]],
) -> str:
    """The hint of the first mistake that explains every value, or an empty string.

    Parameters
    ----------
    wrong_values, right_values : everything of the right shape that the answer returned
    right_at_home : gives the right answers of the self-check at home; called only when needed
    """
    if not wrong_values:
        return ""
    for diagnosis in (*check.diagnoses, *_GENERAL):
        if diagnosis.explains(wrong_values, right_values):
            return diagnosis.hint
    if hard_coded(wrong_values, right_at_home()):
        return (
            "These are the right numbers for the inputs of the self-check at home. Other inputs "
            "are drawn here, so the answer has to be computed from its arguments."
        )
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


def hard_coded(seen: Sequence[Seen], right_at_home: Sequence[NDArray[Any]]) -> bool:
    """Every wrong value is the right answer to some case of the self-check at home."""
    # Anybody can hit upon 0 or 1 by another mistake.
    telling = [value for value in right_at_home if (value != np.round(value)).any()]
    return all(
        any(
            value.shape == one.got.shape and abs(value - one.got).max(initial=0.0) <= one.allowed
            for value in telling
        )
        for one in seen
    )


def _constant(seen: Sequence[Seen]) -> bool:
    first = seen[0]
    alike = [one for one in seen if one.got.shape == first.got.shape]
    same = all(np.array_equal(one.got, first.got) for one in alike)
    differ = any(abs(one.expected - first.expected).max(initial=0.0) > one.allowed for one in alike)
    return len(alike) == len(seen) and same and differ


_GENERAL = (
    Diagnosis(
        "constant",
        "The answer is the same number whatever the input is. It has to be computed from the "
        "arguments.",
        symptom=_constant,
    ),
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
    Diagnosis("factor_two", "The answer is twice too large.", symptom=factor(2.0)),
    Diagnosis("half", "The answer is half of what it should be.", symptom=factor(0.5)),
    Diagnosis(
        "degrees", "The answer is in degrees; it should be in radians.", symptom=factor(180 / np.pi)
    ),
)
