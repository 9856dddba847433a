"""Grades as the files that Canvas and Moodle import."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from coursekit.grading.course import Course
from coursekit.grading.files import replace_file
from coursekit.grading.grades import Grade, load_grades
from coursekit.grading.report import Result, load_results
from coursekit.grading.roster import Person, load_roster

__all__ = ["SYSTEMS", "Sheet", "canvas_sheet", "export", "inert", "moodle_sheet"]

SYSTEMS = ("canvas", "moodle")
_NUMBER = re.compile(r"-?\d+(\.\d+)?")
_CANVAS_COLUMNS = ("Student", "ID", "SIS User ID", "SIS Login ID", "Section")
_MOODLE_KEYS: tuple[tuple[str, Literal["email", "id_number", "username"]], ...] = (
    ("Email address", "email"),
    ("ID number", "id_number"),
    ("Username", "username"),
)


@dataclass(frozen=True)
class Sheet:
    """A file for import.

    Attributes
    ----------
    text : the file
    count : students in it
    left_out : students that are not in it, each with the reason
    waiting : students in it whose score may still grow, because a person has to read something
    """

    text: str
    count: int
    left_out: tuple[str, ...]
    waiting: int

    @property
    def notes(self) -> list[str]:
        """What to say of it, a line each."""
        lines = [f"left out: {line}" for line in self.left_out]
        if self.waiting:
            lines.append(f"{self.waiting} of the grades still wait for marks by hand")
        return lines


def export(course: Course, assignment: str, system: str, column: str) -> tuple[Path, Sheet]:
    """Write the file for a system, as ``<assignment>.<system>.csv`` in the course directory.

    Parameters
    ----------
    system : one of ``SYSTEMS``
    column : heading of the grade

    Raises
    ------
    ValueError : nobody has been graded, or the roster cannot be read
    """
    grades, roster = load_grades(course, assignment), load_roster(course)
    if not grades:
        raise ValueError(
            f"the gradebook has no submission of {assignment!r}; expected grades: run "
            f"`coursekit grade {assignment}`"
        )
    if system == "canvas":
        sheet = canvas_sheet(column, grades, roster)
    else:
        results = load_results(course.root / f"report.{assignment}.json")
        feedback = {grade.student: _in_words(grade, results.get(grade.student)) for grade in grades}
        sheet = moodle_sheet(column, grades, roster, feedback)
    path = course.root / f"{assignment}.{system}.csv"
    replace_file(path, sheet.text.encode())
    return path, sheet


def canvas_sheet(column: str, grades: Sequence[Grade], roster: Mapping[str, Person]) -> Sheet:
    """A file for Canvas' gradebook: one assignment, everybody whom Canvas can find.

    Canvas finds students by ID, else by SIS User ID, SIS Login ID, or name, and refuses a file
    without the five columns that its own export begins with.

    Parameters
    ----------
    column : heading of the assignment in Canvas' own export, as in ``chern (1234)``; a heading that
        Canvas does not know makes a new assignment
    """
    left_out, rows = [], []
    maximum = max((grade.max_score for grade in grades), default=0.0)
    for grade in grades:
        person = roster.get(grade.student, Person(grade.student))
        ids = (person.lms_id, person.id_number, person.username)
        if any(ids) or person.name:
            name = person.name or person.student
            rows.append((name, *ids, person.section, _number(grade.score)))
        else:
            left_out.append(f"{grade.student}: the roster has no lms_id, login or name")
    head = [
        (*_CANVAS_COLUMNS, column),
        # Four spaces, as Canvas writes it.
        ("    Points Possible", "", "", "", "", _number(maximum)),
    ]
    waiting = sum(bool(grade.waiting) for grade in grades)
    return Sheet(_csv([*head, *rows]), len(rows), tuple(left_out), waiting)


def moodle_sheet(
    column: str,
    grades: Sequence[Grade],
    roster: Mapping[str, Person],
    feedback: Mapping[str, str],
) -> Sheet:
    """A file for Moodle's grade import: what identifies a student, the grade, the feedback.

    Moodle stops at the first student whom it does not know, and gives the grade of a line without
    an identity to the student of the line above.  So an identifying column is in the file only if
    everybody in the file has one.

    Parameters
    ----------
    column : heading of the grade
    feedback : student -> a few words
    """
    people = {g.student: roster.get(g.student, Person(g.student)) for g in grades}
    counts = {key: sum(bool(getattr(p, key)) for p in people.values()) for _, key in _MOODLE_KEYS}
    # The first of the fullest columns; others join it where they are as full.
    best = max(counts, key=lambda key: counts[key])
    kept = [grade for grade in grades if getattr(people[grade.student], best)]
    keys = [
        (title, key)
        for title, key in _MOODLE_KEYS
        if kept and all(getattr(people[grade.student], key) for grade in kept)
    ]
    rows = [
        (
            *(getattr(people[grade.student], key) for _, key in keys),
            _number(grade.score),
            feedback.get(grade.student, ""),
        )
        for grade in kept
    ]
    left_out = [f"{g.student}: the roster has no {best}" for g in grades if g not in kept]
    head = (*(title for title, _ in keys), f"{column} (Real)", f"{column} (Feedback)")
    waiting = sum(bool(grade.waiting) for grade in kept)
    return Sheet(_csv([head, *rows]), len(rows), tuple(left_out), waiting)


def inert(cell: str) -> str:
    """A cell that no spreadsheet takes for a formula; numbers stay as they are."""
    if _NUMBER.fullmatch(cell):
        return cell
    # Wide forms of the signs count, too, in some.
    return f"'{cell}" if cell.lstrip()[:1] in tuple("=+-@|%＝＋－＠") else cell


def _in_words(grade: Grade, result: Result | None) -> str:
    """Points of each task; and what had to be mended, or why it could not be read."""
    points = [
        f"{name.rpartition('-')[0] or name} {_number(score)}/{_number(possible)}"
        for name, (score, possible) in grade.tasks.items()
    ]
    return ". ".join(filter(None, [", ".join(points), result.message if result else ""]))


def _csv(rows: Sequence[Sequence[str]]) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    for row in rows:
        # A line break within a cell would begin what some programs read as another one.
        writer.writerow([inert(" ".join(cell.splitlines())) for cell in row])
    return out.getvalue()


def _number(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".")
