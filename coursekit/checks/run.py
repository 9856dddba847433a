"""Run a check: the same code at home and in grading, with another seed."""

from __future__ import annotations

import functools
import hashlib
import os
import traceback
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from coursekit.checks.compare import Mismatch, as_numbers, compare, show
from coursekit.checks.diagnose import diagnose
from coursekit.checks.form import Case, Check, Part, Seen
from coursekit.checks.report import PartResult, Report
from coursekit.checks.sets import get
from coursekit.checks.wire import WireError, plain

__all__ = ["HOME_SEED", "AnswerError", "AnswerTimeout", "CheckFailed", "check", "grade"]

HOME_SEED = "home"

_NOT_WRITTEN = "Not written yet: replace the line `raise NotImplementedError()` by your solution."


class AnswerError(Exception):
    """The answer raised an exception, or there is no answer to call.

    Parameters
    ----------
    message : what happened, for the student to read
    kind : name of the exception's class, where there was one
    """

    def __init__(self, message: str, kind: str = "") -> None:
        super().__init__(message)
        self.kind = kind


class AnswerTimeout(Exception):
    """The answer did not return in time; it will not be called again."""


class CheckFailed(AssertionError):
    """A check that was run while nbgrader validates the notebook did not pass."""


def check(name: str, answer: object, seed: str | int = HOME_SEED) -> Report:
    """Check an answer of yours, with the code that will grade it.

    Parameters
    ----------
    name : of the task, as in ``"chern.plaquette"``
    answer : the function itself, not what it returns
    seed : another one draws other inputs of the same family

    Returns
    -------
    Report : points of each part, the first input that failed, and a hint

    Raises
    ------
    ValueError : no task of this name
    CheckFailed : nbgrader is validating the notebook, and something is wrong
    """
    report = grade(name, answer, seed)
    # nbgrader's Validate button sees only exceptions.
    if "NBGRADER_VALIDATING" in os.environ and not report.passed:
        raise CheckFailed(str(report))
    return report


def grade(name: str, answer: object, seed: str | int) -> Report:
    """The report of one answer on the inputs that ``seed`` draws.

    Parameters
    ----------
    answer : a function, or anything callable that raises :class:`AnswerError` and
        :class:`AnswerTimeout` for what its function did elsewhere
    """
    task = get(name)
    run = _Run(task, answer, seed)
    parts = tuple(run.part(part) for part in task.parts)
    hint = diagnose(task, run.wrong_values, run.right_values, lambda: _right_at_home(task))
    return Report(name, parts, (hint,) if hint else ())


class _Run:
    def __init__(self, task: Check, answer: object, seed: str | int) -> None:
        self.task = task
        self.answer = answer
        self.seed = seed
        self.wrong_values: list[Seen] = []
        self.right_values: list[Seen] = []
        self.out_of_time = False

    def part(self, part: Part) -> PartResult:
        """The part's first failure; every case is run, because hints are drawn from all values."""
        drawn = _draw(self.task, part, str(self.seed))
        failures: list[PartResult] = []
        for case, expected in drawn:
            failure = self.case(part, case, expected)
            if failure is not None:
                failures.append(failure)
                if not failure.got:
                    break  # no value came back, and the next call would fail alike
        if not failures:
            failures += self.again(part, *drawn[0])
        return failures[0] if failures else PartResult(part.name, part.points, part.points)

    def case(self, part: Part, case: Case, expected: NDArray[Any]) -> PartResult | None:
        """None where the answer is right."""
        allowed = self.task.tolerance.allowed(expected)
        got: Any = None
        try:
            got = self.call(case)
            numbers = as_numbers(got, expected, allowed)
        except AnswerTimeout as late:
            self.out_of_time = True
            return _failure(part, case, str(late))
        except AnswerError as error:
            message = _NOT_WRITTEN if error.kind == "NotImplementedError" else str(error)
            return _failure(part, case, message)
        except Mismatch as mismatch:
            return _failure(part, case, f"The function {mismatch}.", show(got))
        difference = compare(numbers, expected, allowed)
        seen = Seen(case.args, numbers, expected, allowed)
        if not difference:
            self.right_values.append(seen)
            return None
        self.wrong_values.append(seen)
        message = f"{difference} ({self.task.tolerance.reason})."
        return _failure(part, case, message, show(numbers), show(expected))

    def again(self, part: Part, case: Case, expected: NDArray[Any]) -> list[PartResult]:
        """A second call with the first input: an answer depends on its arguments alone."""
        failure = self.case(part, case, expected)
        if failure is None:
            return []
        message = (
            f"Called a second time with the same input, the function failed. {failure.message}"
        )
        return [_failure(part, case, message, failure.got, failure.expected)]

    def call(self, case: Case) -> Any:
        """One call, on copies of the arguments, of whatever the answer is."""
        if self.out_of_time:
            raise AnswerTimeout("Not run: the function ran out of time in a part above.")
        if not callable(self.answer):
            raise AnswerError(
                f"Got {show_type(self.answer)}; expected the function itself: write "
                f'ck.check("{self.task.name}", {self.task.function})'
            )
        try:
            value = self.answer(*plain(case.args))
            return plain(value)
        except (AnswerError, AnswerTimeout):
            raise
        except WireError as error:
            raise AnswerError(
                f"The function returned a value that cannot be read: {error}."
            ) from None
        except Exception as error:
            text = (
                f"The function raised {type(error).__name__}: {error}{_where(error, self.answer)}"
            )
            raise AnswerError(text, kind=type(error).__name__) from None


def show_type(value: object) -> str:
    """``a float`` or ``an int``: the class of a value in a sentence."""
    name = type(value).__name__
    return f"an {name}" if name[0] in "aeio" else f"a {name}"


def _failure(part: Part, case: Case, message: str, got: str = "", expected: str = "") -> PartResult:
    return PartResult(part.name, part.points, 0, message, got, expected, case.text)


# One seed serves many answers, and a reference can cost as much as a student's call.  Answers get
# copies, so what is kept here stays as it was drawn.
@functools.lru_cache(maxsize=128)
def _draw(task: Check, part: Part, seed: str) -> tuple[tuple[Case, NDArray[Any]], ...]:
    """The cases of a part, each with the right answer."""
    digest = hashlib.sha256("\0".join((seed, task.name, part.name)).encode()).digest()
    rng = np.random.default_rng(int.from_bytes(digest[:16], "big"))
    return tuple((case, np.asarray(task.reference(*case.args))) for case in part.cases(rng))


def _right_at_home(task: Check) -> list[NDArray[Any]]:
    return [expected for part in task.parts for _, expected in _draw(task, part, HOME_SEED)]


def _where(error: Exception, answer: Callable[..., Any]) -> str:
    """The last line of the student's own code that the exception passed through."""
    code = getattr(answer, "__code__", None)
    own = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if code is not None and frame.filename == code.co_filename
    ]
    if not own:
        return ""
    return f"\n(line {own[-1].lineno} of your cell: {own[-1].line})"
