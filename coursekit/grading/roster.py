"""Who takes the course, and what the learning management system calls them.

``students.csv`` in the course directory has a line for each student and these columns, of which
only the first is needed; names are compared without regard to case:

========= ==========================================================================
student   folder in ``submitted/``, the name in nbgrader's gradebook
name      ``Surname, First name``
email     address in the system; Moodle's ``Email address``
username  login; Canvas' ``SIS Login ID``, Moodle's ``Username``
id_number the institution's number; Canvas' ``SIS User ID``, Moodle's ``ID number``
lms_id    the system's own number; Canvas' ``ID``
section   Canvas' ``Section``
========= ==========================================================================

The file that Canvas exports from its gradebook, and Moodle's list of participants, may stand there
as they are: then the folder is the login, or the name where there is no login.  Without the file
the students of nbgrader's gradebook are taken.
"""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path

from coursekit.grading.course import Course

__all__ = ["ROSTER", "Person", "folder_name", "load_roster", "name_key"]

ROSTER = "students.csv"
_FOLDER = re.compile(r"[\w.@+-]+")
_KEYS = ("email", "username", "id_number", "lms_id")
_OTHERS_WORDS = {
    "email address": "email",
    "id number": "id_number",
    "sis login id": "username",
    "sis user id": "id_number",
    "first name": "first",
    "surname": "last",
    "last name": "last",
}
_CANVAS = {"student": "name", "id": "lms_id"}


@dataclass(frozen=True)
class Person:
    """A line of the roster; see the columns above."""

    student: str
    name: str = ""
    email: str = ""
    username: str = ""
    id_number: str = ""
    lms_id: str = ""
    section: str = ""


def load_roster(course: Course) -> dict[str, Person]:
    """Everybody who takes the course, by the name of the folder.

    Raises
    ------
    ValueError : a line of the file that names nobody, somebody twice, or that a spreadsheet would
        run as a formula; says which
    """
    path = course.root / ROSTER
    if path.is_file():
        return _from_file(path)
    with course.gradebook() as gradebook:
        return {
            s.id: Person(
                s.id,
                ", ".join(filter(None, (s.last_name, s.first_name))),
                s.email or "",
                lms_id=s.lms_user_id or "",
            )
            for s in gradebook.students
        }


def name_key(name: str) -> tuple[str, ...]:
    """A name to compare by: its words without accents, in alphabetical order."""
    plain = unicodedata.normalize("NFKD", name.casefold())
    letters = "".join(c for c in plain if not unicodedata.combining(c))
    return tuple(sorted(re.findall(r"\w+", letters.replace("_", " "))))


def folder_name(name: str) -> str:
    """A name as a folder may be called."""
    words = re.findall(r"[\w.@+-]+", unicodedata.normalize("NFC", name).casefold())
    return "-".join(words).strip(".-") or "nameless"


def _from_file(path: Path) -> dict[str, Person]:
    text = path.read_text(encoding="utf-8-sig")
    first = text.partition("\n")[0]
    delimiter = max(",;\t", key=first.count)
    rows = csv.reader(io.StringIO(text), delimiter=delimiter)
    columns = _columns([cell.strip().casefold() for cell in next(rows, [])])
    if not {"student", "username", "name", "last"} & set(columns):
        raise ValueError(
            f"{path} begins with the columns {first.strip()[:200]!r}; expected `student` among "
            f"them, and any of {', '.join(f.name for f in fields(Person)[1:])}"
        )
    roster: dict[str, Person] = {}
    for row in rows:
        entry = dict(zip(columns, (cell.strip() for cell in row), strict=False))
        if not any(entry.values()) or "Points Possible" in entry.get("name", ""):
            continue
        person = _person(entry)
        place = f"{path}, line {rows.line_num}"
        if not _FOLDER.fullmatch(person.student) or person.student.startswith("."):
            raise ValueError(
                f"{place}: got the student {person.student!r}; expected letters, digits and "
                ". _ @ + - alone, as in a folder's name"
            )
        if person.student in roster:
            raise ValueError(f"{place}: {person.student!r} stands there twice; expected it once")
        for key in _KEYS:
            if getattr(person, key)[:1] in ("=", "+", "-", "@"):
                raise ValueError(
                    f"{place}: {key} is {getattr(person, key)!r}, which a spreadsheet would run as "
                    "a formula; expected it to begin with a letter or digit"
                )
        roster[person.student] = person
    return roster


def _columns(header: list[str]) -> list[str]:
    canvas = {"student", "id", "section"} <= set(header)
    words = {**_OTHERS_WORDS, **(_CANVAS if canvas else {})}
    return [words.get(name, name) for name in header]


def _person(entry: Mapping[str, str]) -> Person:
    known = {f.name: entry[f.name] for f in fields(Person) if entry.get(f.name)}
    name = known.get("name") or ", ".join(filter(None, (entry.get("last"), entry.get("first"))))
    student = known.get("student") or known.get("username") or folder_name(name)
    return Person(**{**known, "student": student, "name": name})
