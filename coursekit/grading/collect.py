"""Take in what students handed in through Canvas, Moodle or nbgrader's exchange.

Whose work a file is, is read from the part of its path that the system wrote, which comes before
everything that a student can choose:

======== ===================================================================================
Moodle   ``Ada Berg_12345_assignsubmission_file_/work.ipynb``
Canvas   ``bergada_LATE_1234_5678_work-1.ipynb``: name, user, upload, the student's own name
exchange ``ada+chern+2026-05-04 03:02:01 UTC+k3Jx/chern.ipynb``
======== ===================================================================================

When work came in is known of the exchange alone (see :mod:`coursekit.grading.exchange`).  Canvas
and Moodle count late days themselves; no time is taken from their downloads.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path, PurePosixPath

from coursekit.grading.course import Course
from coursekit.grading.exchange import TIMESTAMP, arrival, believed, foreign
from coursekit.grading.files import MAX_SIZE, Unreadable, files_below, members, read_file
from coursekit.grading.ledger import Received, load_ledger, save_ledger
from coursekit.grading.lms_names import Author, author
from coursekit.grading.roster import ROSTER, Person, folder_name, load_roster, name_key

__all__ = ["Collected", "collect"]

_MOST_FILES = 100_000
# Of one student: what a notebook, its figures and data may come to.
_TOGETHER = 5 * MAX_SIZE


@dataclass(frozen=True)
class Collected:
    """What became of the files that were looked at.

    Attributes
    ----------
    lines : student -> what happened
    unknown : files of which nobody knows whose they are, each with the reason
    """

    lines: Mapping[str, str]
    unknown: tuple[str, ...]


@dataclass(frozen=True)
class _File:
    """One file of a student, put down where nobody looks."""

    author: Author
    content: Path
    order: int
    source: str


def collect(course: Course, assignment: str, source: Path) -> Collected:
    """Fill ``submitted/`` from a download or from the exchange.

    The latest attempt wins. What was handed in by another way, or later, is never overwritten, and
    what is replaced is kept beside, as ``submitted/<student>/.<assignment>.<n>``.

    Parameters
    ----------
    source : a zip archive, a folder of archives or of what was in them, or the exchange's inbound

    Raises
    ------
    FileNotFoundError : there is no such file or folder
    ValueError : the roster or the ledger is damaged
    """
    if not source.exists():
        raise FileNotFoundError(f"{source} does not exist; expected a download or a folder of them")
    roster = load_roster(course)
    ledger = load_ledger(course.root, assignment)
    names = {path.stem for path in course.path("release", assignment).glob("*.ipynb")}
    lines: dict[str, str] = {}
    with tempfile.TemporaryDirectory(prefix=".collect-", dir=course.root) as scratch:
        files, unknown = _gather(course, assignment, source, Path(scratch))
        for student, theirs in sorted(_by_student(files, roster, assignment).items()):
            chosen = _latest(theirs, names)
            try:
                lines[student] = _store(course, assignment, student, chosen, ledger)
            except OSError as error:
                lines[student] = f"could not be stored ({error.strerror})"
            if roster and student not in roster:
                lines[student] += f"; is not in the roster, see {ROSTER}"
    save_ledger(course.root, assignment, ledger)
    return Collected(lines, tuple(unknown))


def _gather(
    course: Course, assignment: str, source: Path, scratch: Path
) -> tuple[list[_File], list[str]]:
    files: list[_File] = []
    unknown: list[str] = []
    sizes: dict[tuple[str, ...], int] = {}

    def take(path: str, order: int, label: str, content: bytes) -> None:
        who = author(path, assignment)
        if who is None:
            unknown.append(f"{label}: its name does not tell whose it is")
            return
        key = (who.name, who.number, who.attempt)
        sizes[key] = sizes.get(key, 0) + len(content)
        if sizes[key] > _TOGETHER:
            raise Unreadable(f"is beyond the {_TOGETHER // 2**20} MB that one student may hand in")
        target = scratch / str(len(files))
        target.write_bytes(content)
        files.append(_File(who, target, who.upload or order, label))

    for path in [source] if source.is_file() else files_below(source, _MOST_FILES):
        relative = path.name if path == source else str(path.relative_to(source))
        try:
            if path.suffix.lower() == ".zip" and author(relative, assignment) is None:
                with path.open("rb") as archive:
                    for member in members(archive, _MOST_FILES):
                        label = f"{relative}/{member.name}"
                        try:
                            take(member.name, _nanoseconds(member.time), label, member.read())
                        except Unreadable as problem:
                            unknown.append(f"{label} {problem}")
                continue
            owner = author(relative, assignment)
            if owner and owner.system == "exchange" and (why := foreign(course, path, owner)):
                unknown.append(f"{relative}: {why}")
                continue
            take(relative, _order(path, source, owner), relative, read_file(path))
        except Unreadable as problem:
            unknown.append(f"{relative} {problem}")
    return files, unknown


def _order(path: Path, source: Path, owner: Author | None) -> int:
    if owner is not None and owner.system == "exchange":
        return arrival(path, source)
    return path.lstat().st_mtime_ns


def _nanoseconds(time: tuple[int, ...]) -> int:
    try:
        return int(datetime(*time[:6]).timestamp()) * 10**9  # type: ignore[arg-type]
    except (ValueError, OverflowError):
        return 0


def _by_student(
    files: list[_File], roster: Mapping[str, Person], assignment: str
) -> dict[str, list[_File]]:
    by_lms_id = {p.lms_id: p.student for p in roster.values() if p.lms_id}
    by_name: dict[tuple[str, ...], list[str]] = {}
    for person in roster.values():
        for key in {name_key(person.name), _run_together(person.name)}:
            by_name.setdefault(key, []).append(person.student)
    found: dict[str, list[_File]] = {}
    nameless: dict[str, dict[str, list[_File]]] = {}
    for file in files:
        who = file.author
        known = by_lms_id.get(who.number) if who.system == "canvas" else None
        alike = by_name.get(name_key(who.name), [])
        if who.system == "exchange":
            known = who.name
        elif known is None and len(alike) == 1:
            known = alike[0]
        if known is not None:
            found.setdefault(known, []).append(file)
        else:
            people = nameless.setdefault(folder_name(who.name), {})
            people.setdefault(who.number, []).append(file)
    for name, people in nameless.items():
        for number, theirs in people.items():
            # Two of one name are two people.
            student = name if len(people) == 1 and name not in found else f"{name}-{number}"
            found.setdefault(student, []).extend(theirs)
    return found


def _run_together(name: str) -> tuple[str, ...]:
    """``Berg, Ada`` as Canvas writes it in names of files: ``bergada``."""
    return name_key(re.sub(r"[\W_]", "", name))


def _latest(files: list[_File], names: set[str]) -> dict[str, _File]:
    """Path within the submission -> file, of the latest attempt."""
    if files[-1].author.system == "exchange":
        attempts: dict[str, list[_File]] = {}
        for file in files:
            attempts.setdefault(file.author.attempt, []).append(file)
        files = max(attempts.values(), key=lambda theirs: max(f.order for f in theirs))
    chosen: dict[str, _File] = {}
    for file in sorted(files, key=lambda f: f.order):
        chosen[_own_name(file.author, names)] = file
    return chosen


def _own_name(who: Author, names: set[str]) -> str:
    """The student's own name of a file, without the number that Canvas puts behind it."""
    if who.system == "canvas":
        plain = re.sub(r"-\d+(?=\.ipynb$)", "", who.file)
        if plain.removesuffix(".ipynb") in names:
            return plain
    return who.file


def _store(
    course: Course,
    assignment: str,
    student: str,
    chosen: Mapping[str, _File],
    ledger: dict[str, Received],
) -> str:
    """Put a student's files in their place; says what was done."""
    last = max(chosen.values(), key=lambda file: file.order)
    digest = hashlib.sha256()
    for name, file in sorted(chosen.items()):
        digest.update(f"{name}\0".encode() + hashlib.sha256(file.content.read_bytes()).digest())
    system = last.author.system
    time = ""
    if system == "exchange":
        time = believed(last.author.time, last.order).isoformat()
    entry = Received(
        f"{system}: {last.source}", last.order, time, last.author.late, digest.hexdigest()
    )
    late = ", late as Canvas says" if entry.late else ""
    target = course.path("submitted", assignment, student)
    old = ledger.get(student)
    if os.path.lexists(target):
        if old is None:
            return "kept what was handed in by another way: move it away to collect this"
        if old.digest == entry.digest:
            return f"unchanged{late}"
        if old.source.partition(":")[0] != system:
            return f"kept what came from {old.source}: move it away to collect this"
        if old.order >= entry.order:
            return f"kept what came later, from {old.source}"
    target.parent.mkdir(parents=True, exist_ok=True)
    fresh = Path(tempfile.mkdtemp(prefix=f".{assignment}.new-", dir=target.parent))
    fresh.chmod(0o755)
    for name, path in _safe_paths(fresh, chosen):
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(chosen[name].content, path)
    if time:
        stamp = f"{datetime.fromisoformat(time):%Y-%m-%d %H:%M:%S.%f %Z}"
        (fresh / TIMESTAMP).write_text(stamp, encoding="ascii")
    word = "collected"
    if os.path.lexists(target):
        word = "replaced by a later attempt"
        os.replace(target, _unused(target))
    os.replace(fresh, target)
    ledger[student] = entry
    return f"{word}, from {last.source}{late}"


def _safe_paths(fresh: Path, chosen: Mapping[str, _File]) -> Iterator[tuple[str, Path]]:
    """Where each file goes: inside the folder, whatever its name says, and no time of its own."""
    for name in chosen:
        parts = [re.sub(r"[\x00-\x1f/\\:]", "-", part)[:120] for part in PurePosixPath(name).parts]
        parts = [part for part in parts if part.strip(". -")]
        if parts and parts != [TIMESTAMP] and not any(p.startswith(".") for p in parts):
            path = fresh.joinpath(*parts)
            if not os.path.lexists(path) and not any(p.is_file() for p in path.parents):
                yield name, path


def _unused(target: Path) -> Path:
    number = 1
    while os.path.lexists(target.with_name(f".{target.name}.{number}")):
        number += 1
    return target.with_name(f".{target.name}.{number}")
