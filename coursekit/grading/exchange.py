"""nbgrader's exchange, and when work came in.

Students write into the exchange themselves: names and contents there are their own word.  What they
cannot set is the file system's own time of the last change.  A time that they state counts where
that confirms it; then nbgrader's commands, which look for it, go on working.
"""

from __future__ import annotations

import pwd
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from nbgrader.utils import parse_utc

from coursekit.grading.course import Course
from coursekit.grading.files import Unreadable, files_below, read_file
from coursekit.grading.ledger import load_ledger
from coursekit.grading.lms_names import Author, author

__all__ = ["TIMESTAMP", "arrival", "believed", "foreign", "inbound", "received_times"]

TIMESTAMP = "timestamp.txt"
# Seconds that a submission may take from stating its time to being copied.
_COPYING = 120.0
_SKEW = 5.0


def inbound(course: Course) -> Path:
    """Where the exchange keeps what students submitted."""
    exchange = course.config.Exchange.get("root", "/srv/nbgrader/exchange")
    return Path(str(exchange), str(course.config.CourseDirectory.get("course_id", "")), "inbound")


def arrival(path: Path, source: Path) -> int:
    """When a file in the exchange, or a folder on the way to it, last changed: ns since 1970."""
    return max(p.lstat().st_ctime_ns for p in (path, *path.parents) if source in p.parents)


def believed(stated: str, arrived: int) -> datetime:
    """The stated time where the file system confirms it, else the file system's."""
    known = datetime.fromtimestamp(arrived / 1e9, UTC)
    try:
        time: datetime = parse_utc(stated).replace(tzinfo=UTC)
    except (ValueError, OverflowError, AttributeError):
        return known
    return time if -_SKEW <= (known - time).total_seconds() <= _COPYING else known


def foreign(course: Course, path: Path, owner: Author) -> str:
    """Why a file is not of the one whose name it bears; empty where it is."""
    if not course.config.ExchangeCollect.get("check_owner", True):
        return ""
    try:
        account = pwd.getpwuid(path.lstat().st_uid).pw_name
    except KeyError:
        account = "an unknown account"
    if account == owner.name:
        return ""
    return (
        f"bears the name of {owner.name} and belongs to {account}; expected the same: where "
        "students share an account, set c.ExchangeCollect.check_owner = False"
    )


def received_times(course: Course, assignment: str) -> dict[str, datetime]:
    """Students whose time of submission is known, with that time.

    It comes from `coursekit collect`, or, where nbgrader collected, stands in the submission and is
    confirmed by the exchange.
    """
    times = {
        student: datetime.fromisoformat(entry.time)
        for student, entry in load_ledger(course.root, assignment).items()
        if entry.time
    }
    source = inbound(course)
    attempts: dict[Author, int] = {}
    for path in files_below(source, 100_000):
        owner = author(str(path.relative_to(source)), assignment)
        if owner and owner.system == "exchange":
            # The youngest file counts: the others may have been there before the deadline.
            attempt = replace(owner, file="")
            attempts[attempt] = max(attempts.get(attempt, 0), arrival(path, source))
    confirmed: dict[str, set[datetime]] = {}
    for owner, arrived in attempts.items():
        confirmed.setdefault(owner.name, set()).add(believed(owner.time, arrived))
    for student, known in confirmed.items():
        stated = _stated(course.path("submitted", assignment, student) / TIMESTAMP)
        if student not in times and stated in known:
            times[student] = stated
    return times


def _stated(path: Path) -> datetime | None:
    try:
        text = read_file(path, 100).decode("ascii").strip()
        time: datetime = parse_utc(text).replace(tzinfo=UTC)
    except (Unreadable, ValueError, OverflowError, AttributeError):
        return None
    return time
