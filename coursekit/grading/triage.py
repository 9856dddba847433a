"""Look at submissions before anything opens them, and copy what can be graded.

Grading works on the copies: a file of the right name, in the right format, and nothing beside it.
What people handed in stays as it is.
"""

from __future__ import annotations

import io
import json
import os
import re
import shutil
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import Any

import nbformat

from coursekit.grading.files import (
    Unreadable,
    files_below,
    is_zip,
    read_file,
    replace_file,
    unzip,
)
from coursekit.grading.recover import Reading, read_notebook

__all__ = ["COPIES", "Submission", "notes_of", "triage"]

# The directory of copies in a course directory; nbgrader takes it for `submitted`.
COPIES = "triage"

_STUDENT = re.compile(r"[\w.@+-]+")
_NOTEBOOK = re.compile(r"\.ipynb(\.(txt|json))?$|\.json$", re.IGNORECASE)
_TIMESTAMP = "timestamp.txt"


@dataclass(frozen=True)
class Submission:
    """What one student handed in.

    Attributes
    ----------
    notebooks : copies of those of the assignment, to be graded
    problem : why it cannot be graded; empty where it can
    notes : what had to be mended, one sentence each
    """

    student: str
    notebooks: tuple[Path, ...] = ()
    problem: str = ""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Found:
    """A file that may be a notebook of the assignment."""

    name: str
    raw: bytes = field(repr=False)
    reading: Reading | None = None
    problem: str = ""


def triage(
    submitted: Path,
    assignment: str,
    expected: Mapping[str, Collection[str]],
    copies: Path,
    received: Mapping[str, datetime],
) -> list[Submission]:
    """Every submission of an assignment, sorted by student, each with a copy to be graded.

    Parameters
    ----------
    submitted : holds ``<student>/<assignment>/<notebook>.ipynb``
    expected : names of the assignment's notebooks, without the ending -> grade_ids of their cells
    copies : where ``<student>/<assignment>/`` is made for each student
    received : student -> when the submission came in, from whoever took it in; a time that stands
        in the submission is the student's own word
    """
    found = []
    for entry in sorted(submitted.iterdir()) if submitted.is_dir() else ():
        if entry.name.startswith("."):
            continue
        try:
            folder = _folder(entry, assignment, expected)
            if folder is not None:
                found.append(_submission(entry, folder, assignment, expected, copies, received))
        except Exception as error:
            # One student's files must not hold up the others', whatever they are.
            what = f"{type(error).__name__}: {error}"[:200]
            found.append(Submission(entry.name, problem=f"could not be looked at ({what})"))
    return found


def notes_of(course: Path, assignment: str, student: str) -> tuple[str, ...]:
    """What triage had to mend in a student's submission."""
    try:
        notes = json.loads(_notes_file(course / COPIES, student, assignment).read_text("utf-8"))
    except (OSError, ValueError):
        return ()
    return tuple(notes)


def _folder(entry: Path, assignment: str, expected: Mapping[str, Collection[str]]) -> Path | None:
    """Where a student's submission is; None where there is none."""
    folder = entry / assignment
    if os.path.lexists(folder):
        return folder
    if entry.is_symlink() or not entry.is_dir():
        return None
    # The folder of the assignment was forgotten; other sets may have their folders here.
    for path in sorted(entry.glob("*.ipynb*")):
        one = _read(path.name, path)
        wanted = expected.get(path.name.partition(".")[0], ())
        if one.reading and wanted and 2 * len(one.reading.grade_ids & {*wanted}) >= len(wanted):
            return entry
    return None


def _submission(
    entry: Path,
    folder: Path,
    assignment: str,
    expected: Mapping[str, Collection[str]],
    copies: Path,
    received: Mapping[str, datetime],
) -> Submission:
    student = entry.name
    problem = _folder_problem(entry, folder)
    if problem:
        return Submission(student, problem=problem)
    chosen, notes, problems = _choose(folder, expected)
    if folder == entry:
        notes.insert(0, f"it lies in {student}/, and belongs into {student}/{assignment}/")
    if problems and chosen:
        notes += [f"{problem}; it scores nothing" for problem in problems]
    elif problems:
        return Submission(student, problem="; ".join(problems))
    if _set_aside(folder / _TIMESTAMP, student in received):
        notes.append(f"the time in its {_TIMESTAMP} is the student's own word and was not used")
    copy = copies / student / assignment
    _write(copy, chosen, received.get(student))
    said = json.dumps(notes, ensure_ascii=False, indent=1) + "\n"
    replace_file(_notes_file(copies, student, assignment), said.encode())
    paths = tuple(copy / f"{name}.ipynb" for name in chosen)
    return Submission(student, paths, notes=tuple(notes))


def _folder_problem(entry: Path, folder: Path) -> str:
    if not _STUDENT.fullmatch(entry.name):
        return (
            f"got the folder name {entry.name!r}; expected letters, digits and . _ @ + - alone: "
            "rename it"
        )
    if entry.is_symlink() or folder.is_symlink():
        return "the folder is a link; expected the submission itself"
    if not folder.is_dir():
        return f"{folder.name} is a file; expected a folder with the notebook in it"
    return ""


def _choose(
    folder: Path, expected: Mapping[str, Collection[str]]
) -> tuple[dict[str, _Found], list[str], list[str]]:
    """The file for each expected notebook; what is to be said of them; what is missing and why."""
    chosen: dict[str, _Found] = {}
    notes: list[str] = []
    problems: list[str] = []
    for name in expected:
        path = folder / f"{name}.ipynb"
        if os.path.lexists(path):
            one = _read(path.name, path)
            if one.reading:
                chosen[name] = one
            else:
                problems.append(f"{path.name} {one.problem}")
    missing = [name for name in expected if name not in chosen]
    if missing:
        exact = {f"{name}.ipynb" for name in expected}
        others = [one for one in _candidates(folder) if one.name not in exact]
        for name in missing:
            alone = len(expected) == 1 and not os.path.lexists(folder / f"{name}.ipynb")
            best, problem = _best(name, expected[name], others, alone)
            if best is not None:
                chosen[name] = best
                because = [p for p in problems if p.startswith(f"{name}.ipynb ")]
                problems = [p for p in problems if p not in because]
                reason = f", because {because[0]}" if because else ""
                notes.append(f"{best.name} was taken for {name}.ipynb{reason}")
            elif not any(p.startswith(f"{name}.ipynb ") for p in problems):
                problems.append(f"{name}.ipynb is missing; {problem}")
    for one in chosen.values():
        if one.reading:
            notes += [f"{one.name}: {note}" for note in one.reading.notes]
    return {name: chosen[name] for name in expected if name in chosen}, notes, problems


def _best(
    name: str, wanted: Collection[str], others: list[_Found], alone: bool
) -> tuple[_Found | None, str]:
    """The one file that must be meant; or None, and what was found instead."""
    readable = [one for one in others if one.reading]
    likely = [one for one in readable if one.reading and one.reading.grade_ids & {*wanted}]
    different = {one.raw: one for one in likely or (readable if alone else [])}
    if len(different) == 1:
        return next(iter(different.values())), ""
    if different:
        names = ", ".join(sorted(one.name for one in different.values())[:4])
        return None, f"found {names}, which differ: leave the one that is meant"
    if readable:
        return None, f"found {', '.join(one.name for one in readable[:3])}: rename it"
    if others:
        return None, f"found {others[0].name}, which {others[0].problem}"
    return None, "found no notebook"


def _candidates(folder: Path) -> Iterator[_Found]:
    """Everything in a folder, and in archives in it, that may be a notebook."""
    for path in files_below(folder):
        name = str(path.relative_to(folder))
        if path.suffix.lower() == ".zip":
            try:
                yield from _in_archive(name, read_file(path))
            except Unreadable as problem:
                yield _Found(name, b"", problem=str(problem))
        elif _NOTEBOOK.search(path.name):
            one = _read(name, path)
            # A program's own .json is no attempt at a notebook.
            if one.reading or path.suffix.lower() != ".json":
                yield one


def _in_archive(archive: str, raw: bytes) -> Iterator[_Found]:
    for name, content in unzip(io.BytesIO(raw)):
        if _NOTEBOOK.search(PurePosixPath(name).name):
            yield _interpreted(f"{archive}/{name}", content)


def _read(name: str, path: Path) -> _Found:
    try:
        raw = read_file(path)
        if not is_zip(raw):
            return _interpreted(name, raw)
        inside = [one for one in _in_archive(name, raw) if one.reading]
    except Unreadable as problem:
        return _Found(name, b"", problem=str(problem))
    if len(inside) == 1:
        return inside[0]
    return _Found(
        name,
        b"",
        problem=f"is a zip archive with {len(inside)} notebooks in it; expected one notebook",
    )


def _interpreted(name: str, raw: bytes) -> _Found:
    try:
        return _Found(name, raw, read_notebook(raw))
    except Unreadable as problem:
        return _Found(name, raw, problem=str(problem))


def _set_aside(path: Path, trusted: bool) -> bool:
    """Rename a time that nobody vouches for: nbgrader's pages would believe it, or choke on it."""
    aside = path.with_name(f"{path.name}.unused")
    if not trusted and os.path.lexists(path):
        os.replace(path, aside)
    return not trusted and os.path.lexists(aside)


def _write(copy: Path, chosen: Mapping[str, _Found], time: datetime | None) -> None:
    """Make the copy hold exactly these notebooks, and the time where one is known."""
    wanted: dict[str, bytes] = {}
    for name, one in chosen.items():
        assert one.reading is not None
        as_text: Any = nbformat.writes
        mended = one.reading.notes
        content = as_text(one.reading.notebook).encode() + b"\n" if mended else one.raw
        wanted[f"{name}.ipynb"] = content
    if time is not None:
        wanted[_TIMESTAMP] = f"{time:%Y-%m-%d %H:%M:%S.%f %Z}\n".encode()
    for path in copy.iterdir() if copy.is_dir() else ():
        if path.name not in wanted:
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
    for name, content in wanted.items():
        replace_file(copy / name, content)


def _notes_file(copies: Path, student: str, assignment: str) -> Path:
    return copies / student / f"{assignment}.notes.json"
