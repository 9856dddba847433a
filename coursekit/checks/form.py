"""The form of a check: what is asked, of which inputs, how exactly, for how many points."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Case", "Check", "Diagnosis", "Part", "Seen", "Tolerance"]


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


@dataclass(frozen=True, eq=False)
class Part:
    """A named share of the points, earned when every case of it is right.

    Attributes
    ----------
    cases : draws the calls of this part from its family of inputs
    """

    name: str
    points: int
    cases: Callable[[np.random.Generator], Sequence[Case]]


@dataclass(frozen=True, eq=False)
class Seen:
    """A value that an answer returned, of the right shape, beside the right one."""

    args: tuple[Any, ...]
    got: NDArray[Any]
    expected: NDArray[Any]
    allowed: float


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
    slack : multiplies the tolerance with which ``wrong`` must be met, where the student's own
        choices, such as a mesh, move the wrong value
    """

    name: str
    hint: str
    wrong: tuple[Callable[..., Any], ...] = ()
    symptom: Callable[[Sequence[Seen]], bool] | None = None
    slack: float = 1.0

    def __post_init__(self) -> None:
        if bool(self.wrong) == (self.symptom is not None):
            raise ValueError(
                f"diagnosis {self.name!r} sets both or none of wrong= and symptom=; expected one"
            )

    def explains(self, wrong_values: Sequence[Seen], right_values: Sequence[Seen]) -> bool:
        """Whether an answer that makes this mistake would have given exactly these values."""
        if self.symptom is not None:
            return self.symptom(wrong_values)
        return any(
            all(self._gives(mistake, seen, True) for seen in wrong_values)
            and all(self._gives(mistake, seen, False) for seen in right_values)
            for mistake in self.wrong
        )

    def _gives(self, mistake: Callable[..., Any], seen: Seen, wrong: bool) -> bool:
        try:
            value = np.asarray(mistake(*seen.args))
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
    signature : the function that students write, ``"name(argument, ...)"``
    family : the inputs, in words; students and graders draw from the same
    reference : gives the right answer
    tolerance : how near to it an answer must be
    parts : what earns points
    diagnoses : usual mistakes, the most specific first
    """

    name: str
    title: str
    signature: str
    family: str
    reference: Callable[..., Any]
    tolerance: Tolerance
    parts: tuple[Part, ...]
    diagnoses: tuple[Diagnosis, ...] = ()

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
        """Name of the function that students write."""
        return self.signature.partition("(")[0]
