"""What a graded answer is: inputs, reference, tolerance, points, and the mistakes to name.

Nothing here is hidden from students.  A grader runs the same check with another seed.
"""

from coursekit.checks.form import Case, Check, Diagnosis, Law, Part, Tolerance
from coursekit.checks.readings import Choice, Labels, Lines, Numbers
from coursekit.checks.report import PartResult, Report
from coursekit.checks.run import (
    HOME_SEED,
    AnswerError,
    AnswerTimeout,
    CheckFailed,
    check,
    grade,
)
from coursekit.checks.sets import allowed_modules, get, names, set_names

__all__ = [
    "HOME_SEED",
    "AnswerError",
    "AnswerTimeout",
    "Case",
    "Check",
    "CheckFailed",
    "Choice",
    "Diagnosis",
    "Labels",
    "Law",
    "Lines",
    "Numbers",
    "Part",
    "PartResult",
    "Report",
    "Tolerance",
    "allowed_modules",
    "check",
    "get",
    "grade",
    "names",
    "set_names",
]
