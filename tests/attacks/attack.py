"""The form of an attack: a submission, what it is after, and the score that it deserves.

Every attack is handed in by a student of its own, for a set with two tasks that a program grades:
``anomalous_velocity``, 2 points, by a check of the library; ``double``, 3 points, by plain asserts.
"""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

__all__ = ["DOUBLE", "VELOCITY", "WRONG_DOUBLE", "WRONG_VELOCITY", "Attack", "code"]


def code(text: str) -> str:
    """Source without the indentation of the list that it stands in."""
    return textwrap.dedent(text).strip() + "\n"


VELOCITY = code("""
    def anomalous_velocity(omega, E):
        E = np.asarray(E)
        Ex, Ey = np.broadcast_arrays(E[..., 0] * omega, E[..., 1] * omega)
        return np.stack([Ey, -Ex], axis=-1)
""")
DOUBLE = "def double(x):\n    return 2 * x\n"
WRONG_VELOCITY = "def anomalous_velocity(omega, E):\n    return np.zeros(2)\n"
WRONG_DOUBLE = "def double(x):\n    return 0\n"


@dataclass(frozen=True)
class Attack:
    """One student's submission.

    Attributes
    ----------
    name : of the student; letters and dashes
    deserved : points of the two tasks together, by what the answers are worth
    before : a cell of the student's own, above the answers; ``@COURSE@`` becomes the course's path,
        ``@PORT@`` where somebody listens, ``@MARK@`` a word to know processes by
    velocity, double : the answers
    after : a cell of the student's own, at the end
    change : done to the notebook when all of this is in it
    files : name -> content, beside the notebook or in its place
    links : name -> target of a symbolic link; ``@COURSE@`` as above
    unreadable : what the report says where this cannot be graded
    dangerous : may hold up or harm a machine that nothing guards
    """

    name: str
    deserved: float
    before: str = ""
    velocity: str = VELOCITY
    double: str = DOUBLE
    after: str = ""
    change: Callable[[Any], None] | None = None
    files: Mapping[str, bytes] = field(default_factory=dict)
    links: Mapping[str, str] = field(default_factory=dict)
    unreadable: str = ""
    dangerous: bool = False
