"""Answers that know nothing of the task: constants, the input itself, dice; none earns a point."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from coursekit import checks

CONSTANTS = (0, 1, -1, 0.5, 2 * np.pi, 1e-12, 1e308, np.nan, np.inf, 1j, True, "", None)
CONTAINERS = ([], {}, (), np.zeros(0), np.zeros((0, 2)), [[]], [0, "x"], np.zeros(1, dtype="M8[s]"))
TASKS = [
    task
    for set_name in checks.set_names()
    for task in checks.names(set_name)
    if not checks.get(task).is_variable
]


def guesses(shape_of: Callable[..., tuple[int, ...]]) -> Iterator[tuple[str, Any]]:
    """Named answers; some know the shape that is asked for, which a student does."""
    for value in (*CONSTANTS, *CONTAINERS):
        yield f"always {value!r}", lambda *args, value=value: value
    for value in (0, 1, -1, np.nan, np.inf):
        yield f"full of {value}", lambda *args, value=value: np.full(shape_of(*args), value)
    for index in range(6):
        yield f"argument {index}", lambda *args, index=index: args[index]
    yield "all arguments", lambda *args: args
    rng = np.random.default_rng(5)
    yield "dice", lambda *args: rng.integers(-1, 2, shape_of(*args))
    yield "noise", lambda *args: rng.normal(size=shape_of(*args))


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("task", TASKS)
def test_guesses_earn_nothing(task: str) -> None:
    check = checks.get(task)
    shapes: dict[str, tuple[int, ...]] = {}

    def shape_of(*args: Any) -> tuple[int, ...]:
        # A reference can take long, and each guess meets the same inputs.
        key = repr([getattr(a, "tobytes", lambda a=a: a)() for a in args])
        if key not in shapes:
            shapes[key] = np.shape(check.reference(*args))
        return shapes[key]

    earned = {}
    for name, guess in guesses(shape_of):
        report = checks.grade(task, guess, "guessing")
        if report.points:
            earned[name] = [part.name for part in report.parts if part.earned]
    assert earned == {}
