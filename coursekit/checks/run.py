"""Run a check: the same code at home and in grading, with another seed."""

from __future__ import annotations

import functools
import hashlib
import os
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from coursekit.checks.compare import Mismatch, show
from coursekit.checks.diagnose import diagnose
from coursekit.checks.drawing import as_data
from coursekit.checks.form import Case, Check, Part, Seen
from coursekit.checks.readings import Numbers, Reading
from coursekit.checks.report import PartResult, Report
from coursekit.checks.sets import get
from coursekit.checks.wire import WireError, plain

__all__ = ["HOME_SEED", "AnswerError", "AnswerTimeout", "CheckFailed", "check", "grade"]

HOME_SEED = "home"
# Calls for each part, while they take no longer than this in all, in seconds.
_CALLS, _QUICK = 12, 0.1

_NOT_WRITTEN = "Not written yet: replace the line `raise NotImplementedError()` by your solution."
_NOT_SET = (
    "Not written yet: `{name}` is still None. Replace the line `raise NotImplementedError()` by "
    "code that sets it; if you did, see whether that cell stops at an error."
)
_MINOR = "This holds, but earns its points only beside another part that is right."


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
    answer : the function itself, not what it returns; or the variable, where the task asks for one
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
        :class:`AnswerTimeout` for what its function did elsewhere; or a variable's value
    """
    task = get(name)
    run = _Run(task, answer, seed)
    parts = _without_windfalls(task, [run.part(part) for part in task.parts])
    failed = [part for part, result in zip(task.parts, parts, strict=True) if not result.passed]
    hint = diagnose(
        task,
        run.wrong_values,
        run.right_values,
        run.misshapen,
        lambda: not run.out_of_time and run.right_at_home(failed),
    )
    return Report(name, parts, (hint,) if hint else ())


def _without_windfalls(task: Check, results: Sequence[PartResult]) -> tuple[PartResult, ...]:
    """Zero obeys every law, and an empty plot can have labels."""
    major = [result for part, result in zip(task.parts, results, strict=True) if not part.minor]
    if not major or any(result.earned for result in major):
        return tuple(results)
    return tuple(r if not r.earned else replace(r, earned=0, message=_MINOR) for r in results)


class _Run:
    def __init__(self, task: Check, answer: object, seed: str | int) -> None:
        self.task = task
        self.answer = answer
        self.seed = str(seed)
        self.wrong_values: list[Seen] = []
        self.right_values: list[Seen] = []
        self.misshapen: list[Seen] = []
        self.out_of_time = False

    def part(self, part: Part) -> PartResult:
        """The part's first failure; every case is run, because hints are drawn from all values."""
        drawn = _draw(self.task, part, self.seed)
        failures: list[PartResult] = []
        for pair in drawn:
            failure = self.pair(part, *pair)
            if failure is not None:
                failures.append(failure)
                if not failure.got:
                    break  # no value came back, and the next call would fail alike
        if not failures and not self.task.is_variable:
            failures += self.again(part, drawn)
        return failures[0] if failures else PartResult(part.name, part.points, part.points)

    def pair(self, part: Part, case: Drawn, other: Drawn | None) -> PartResult | None:
        """None where the answer is right, or where both answers obey the law."""
        if other is None:
            return self.case(part, *case)
        assert part.law is not None
        values = []
        for drawn in (case, other):
            failure, seen = self.value(part, *drawn)
            if seen is None:
                return failure
            values.append(seen)
        due = part.law.relation(values[0].got)
        # Each of the two may be off by the tolerance.
        allowed = values[0].allowed + values[1].allowed
        difference = self.reads(part).difference(values[1].got, due, allowed)
        if not difference:
            return None
        shown = [self.reads(part).show(value) for value in (values[1].got, due)]
        return _failure(part, other[0], f"{part.law.claim}: {difference}.", *shown)

    def case(self, part: Part, case: Case, reference: Any) -> PartResult | None:
        """None where the answer is right."""
        failure, _ = self.value(part, case, reference)
        return failure

    def value(
        self, part: Part, case: Case, reference: Any
    ) -> tuple[PartResult | None, Seen | None]:
        """What is wrong with the answer to a case, and its value where that can be compared."""
        reads = self.reads(part)
        expected = reads.expected(reference)
        allowed = self.task.tolerance.allowed(expected)
        got: Any = None
        try:
            got = self.call(case)
            numbers = reads.read(got, reference, allowed)
        except AnswerTimeout as late:
            self.out_of_time = True
            return _failure(part, case, str(late)), None
        except AnswerError as error:
            message = _NOT_WRITTEN if error.kind == "NotImplementedError" else str(error)
            return _failure(part, case, message), None
        except Mismatch as mismatch:
            self.keep_misshapen(case, got, expected, allowed, reads)
            subject = f"`{self.task.function}`" if self.task.is_variable else "The function"
            return _failure(part, case, f"{subject} {mismatch}.", show(got)), None
        difference = reads.difference(numbers, expected, allowed)
        seen = Seen(case.args, numbers, expected, allowed, reads)
        # A minor reading says nothing of the values that hints are drawn from.
        if not reads.minor:
            (self.wrong_values if difference else self.right_values).append(seen)
        if not difference:
            return None, seen
        message = f"{difference} ({self.task.tolerance.reason})."
        return _failure(part, case, message, reads.show(numbers), reads.show(expected)), seen

    def reads(self, part: Part) -> Reading:
        """How a part reads the answer."""
        return part.reads or self.task.reads

    def keep_misshapen(
        self, case: Case, got: Any, expected: NDArray[Any], allowed: float, reads: Reading
    ) -> None:
        """Remember numbers of a wrong shape, about which there may be something to say."""
        try:
            array = np.asarray(got)
        except ValueError:
            return
        if isinstance(reads, Numbers) and array.dtype.kind in "iufc":
            self.misshapen.append(Seen(case.args, array, expected, allowed))

    def right_at_home(self, failed: Sequence[Part]) -> bool:
        """Whether parts that failed are right for the inputs of the self-check at home."""
        if self.seed == HOME_SEED:
            return False
        # What is seen at home is no part of this run's report.
        home = _Run(self.task, self.answer, HOME_SEED)
        return all(
            home.pair(part, *pair) is None
            for part in failed
            for pair in _draw(self.task, part, HOME_SEED)
        )

    def again(self, part: Part, drawn: Sequence[tuple[Drawn, Drawn | None]]) -> list[PartResult]:
        """More calls with the same inputs: an answer depends on its arguments alone.

        One at least; where numbers come quickly, as many as leave no luck to throwing dice.
        """
        began = time.monotonic()
        calls = _CALLS if isinstance(self.reads(part), Numbers) else 0
        for number in range(max(1, calls - len(drawn))):
            case, other = drawn[number % len(drawn)]
            failure = self.pair(part, case, other)
            if failure is not None:
                text = "Called a second time with the same input, the function failed. "
                text += failure.message
                return [_failure(part, case[0], text, failure.got, failure.expected)]
            if time.monotonic() - began > _QUICK:
                break
        return []

    def call(self, case: Case) -> Any:
        """One call, on copies of the arguments, of whatever the answer is."""
        if self.out_of_time:
            raise AnswerTimeout("Not run: the function ran out of time in a part above.")
        if self.task.is_variable:
            return self.variable()
        if not callable(self.answer):
            raise AnswerError(
                f"Got {show_type(self.answer)}; expected the function itself: write "
                f'ck.check("{self.task.name}", {self.task.function})'
            )
        try:
            value = self.answer(*plain(case.args))
            return plain(as_data(value))
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

    def variable(self) -> Any:
        """The value of an answer that is a variable."""
        name = self.task.function
        try:
            value = plain(as_data(self.answer))
        except WireError as error:
            raise AnswerError(f"`{name}` cannot be read: {error}.") from None
        if value is None:
            raise AnswerError(_NOT_SET.format(name=name))
        return value


def show_type(value: object) -> str:
    """``a float`` or ``an int``: the class of a value in a sentence."""
    name = type(value).__name__
    return f"an {name}" if name[0] in "aeio" else f"a {name}"


def _failure(part: Part, case: Case, message: str, got: str = "", expected: str = "") -> PartResult:
    return PartResult(part.name, part.points, 0, message, got, expected, case.text)


# A case, and what the reference returns for it.
Drawn = tuple[Case, Any]


# One seed serves many answers, and a reference can cost as much as a student's call.  Answers get
# copies, so what is kept here stays as it was drawn.
@functools.lru_cache(maxsize=128)
def _draw(task: Check, part: Part, seed: str) -> tuple[tuple[Drawn, Drawn | None], ...]:
    """The cases of a part; where it has a law, each with the case that the law makes of it."""
    digest = hashlib.sha256("\0".join((seed, task.name, part.name)).encode()).digest()
    rng = np.random.default_rng(int.from_bytes(digest[:16], "big"))
    pairs: list[tuple[Drawn, Drawn | None]] = []
    for case in part.cases(rng):
        other = None
        if part.law is not None:
            args = part.law.change(rng, *case.args)
            other = (Case(args, f"{case.text}; changed by the law"), task.reference(*args))
        pairs.append(((case, task.reference(*case.args)), other))
    return tuple(pairs)


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
