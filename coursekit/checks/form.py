"""The form of a check: what is asked, of which inputs, how exactly, for how many points."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from coursekit.checks.readings import Numbers, Reading

__all__ = ["Case", "Check", "Diagnosis", "Law", "Part", "Seen", "Tolerance"]


@dataclass(frozen=True)
class Tolerance:
    """How far an answer may be from the reference.

    Attributes
    ----------
    reason : why no less and no more; shown to the student
    absolute : in the units of the answer
    relative : fraction of the largest number of the reference's answer
    """

    reason: str
    absolute: float = 0.0
    relative: float = 0.0

    def allowed(self, expected: NDArray[Any]) -> float:
        """The largest difference that passes beside ``expected``."""
        return self.absolute + self.relative * float(abs(expected).max(initial=0.0))


@dataclass(frozen=True, eq=False)
class Case:
    """One call: the arguments, and the same in words that a student can type in."""

    args: tuple[Any, ...]
    text: str


def _itself(value: NDArray[Any]) -> NDArray[Any]:
    return value


@dataclass(frozen=True, eq=False)
class Law:
    """What ties an answer's values at two inputs together, whatever the values are.

    Attributes
    ----------
    claim : the law in words, as in "a phase on each state leaves the flux as it is"
    change : ``change(rng, *args)`` gives the other arguments
    relation : makes the value that is due there of the value at ``args``; the same, if not given
    """

    claim: str
    change: Callable[..., tuple[Any, ...]]
    relation: Callable[[NDArray[Any]], NDArray[Any]] = _itself


def _once(rng: np.random.Generator) -> Sequence[Case]:
    """The one case of an answer that is a variable."""
    return [Case((), "")]


@dataclass(frozen=True, eq=False)
class Part:
    """A named share of the points, earned when every case of it is right.

    Attributes
    ----------
    cases : draws the calls of this part from its family of inputs; not given where the answer is
        a variable
    law : compares answers with each other instead of with the reference
    reads : how this part reads the answer, where not as its check does
    """

    name: str
    points: int
    cases: Callable[[np.random.Generator], Sequence[Case]] = _once
    law: Law | None = None
    reads: Reading | None = None

    @property
    def minor(self) -> bool:
        """Whether a wrong answer can be right here, so that this counts beside other parts only."""
        return self.law is not None or (self.reads is not None and self.reads.minor)


@dataclass(frozen=True, eq=False)
class Seen:
    """A value that an answer returned, of the right shape, beside the right one."""

    args: tuple[Any, ...]
    got: NDArray[Any]
    expected: NDArray[Any]
    allowed: float
    reads: Reading = field(default_factory=Numbers)


@dataclass(frozen=True, eq=False)
class Diagnosis:
    """A usual mistake, recognised by the values it gives.

    Exactly one of ``wrong`` and ``symptom`` is set.

    Attributes
    ----------
    name : names the file in ``exercises/answers/wrong/<set>/<task>/`` that makes this mistake
    hint : what to tell the student, one or two sentences
    wrong : the reference with the mistake built in, called like the reference; more than one
        where the mistake has variants
    symptom : says of the wrong values whether this mistake explains them
    of_all : the symptom is shown the right values, too
    slack : multiplies the tolerance with which ``wrong`` must be met, where the student's own
        choices, such as a mesh, move the wrong value
    """

    name: str
    hint: str
    wrong: tuple[Callable[..., Any], ...] = ()
    symptom: Callable[[Sequence[Seen]], bool] | None = None
    slack: float = 1.0
    of_all: bool = False

    def __post_init__(self) -> None:
        if bool(self.wrong) == (self.symptom is not None):
            raise ValueError(
                f"diagnosis {self.name!r} sets both or none of wrong= and symptom=; expected one"
            )

    def explains(self, wrong_values: Sequence[Seen], right_values: Sequence[Seen]) -> bool:
        """Whether an answer that makes this mistake would have given exactly these values."""
        if self.symptom is not None:
            return self.symptom([*wrong_values, *right_values] if self.of_all else wrong_values)
        return any(
            all(self._gives(mistake, seen, True) for seen in wrong_values)
            and all(self._gives(mistake, seen, False) for seen in right_values)
            for mistake in self.wrong
        )

    def _gives(self, mistake: Callable[..., Any], seen: Seen, wrong: bool) -> bool:
        try:
            value = seen.reads.expected(mistake(*seen.args))
        except (ValueError, ArithmeticError, np.linalg.LinAlgError):
            return False  # the mistake does not get as far as a number here
        if value.shape != seen.expected.shape:
            return False
        same = abs(value - seen.got).max(initial=0.0) <= self.slack * seen.allowed
        apart = abs(value - seen.expected).max(initial=0.0) > seen.allowed
        return bool(same and (apart or not wrong))


@dataclass(frozen=True, eq=False)
class Check:
    """One graded task.

    Attributes
    ----------
    name : ``"<set>.<task>"``
    title : heading of the task
    signature : what students write: a function, ``"name(argument, ...)"``, or a variable, its name
    family : the inputs, in words; students and graders draw from the same
    reference : gives the right answer; called without arguments where that is a variable
    tolerance : how near to it an answer must be
    parts : what earns points
    diagnoses : usual mistakes, the most specific first
    reads : how the answer is read
    """

    name: str
    title: str
    signature: str
    family: str
    reference: Callable[..., Any]
    tolerance: Tolerance
    parts: tuple[Part, ...]
    diagnoses: tuple[Diagnosis, ...] = ()
    reads: Reading = field(default_factory=Numbers)

    @property
    def points(self) -> int:
        """Points of all parts."""
        return sum(part.points for part in self.parts)

    @property
    def set_name(self) -> str:
        """The problem set that this task belongs to."""
        return self.name.partition(".")[0]

    @property
    def function(self) -> str:
        """Name of the function or variable that students write."""
        return self.signature.partition("(")[0]

    @property
    def is_variable(self) -> bool:
        """Whether students write a variable and not a function."""
        return "(" not in self.signature
