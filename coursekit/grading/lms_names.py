"""Whose a file is, from the path that Canvas, Moodle or nbgrader's exchange gave it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from nbgrader.plugins import FileNameCollectorPlugin

from coursekit.grading.roster import folder_name

__all__ = ["NAMED_REGEXP", "Author", "LmsNames", "author"]

_WHO = r"(?P<name>[^_/]+)_(?P<number>\d+)_assignsubmission_file"
_MOODLE_FOLDER = re.compile(rf"{_WHO}_?")
_MOODLE_FILE = re.compile(rf"{_WHO}_(?P<file>.+)")
_CANVAS = re.compile(
    r"(?P<name>.+?)_(?P<late>late_)?(?P<number>\d+)_(?P<upload>\d+)_(?P<file>.+)", re.IGNORECASE
)
_EXCHANGE = re.compile(
    r"(?P<name>.+)\+(?P<set>[^+]+)\+(?P<time>\d{4}-\d\d-\d\d \d\d:\d\d:\d\d[^+]*)(\+[^+]*)?"
)

# The same for nbgrader's own `zip_collect`, which matches from the start of the whole path.
NAMED_REGEXP = (
    r".*?/(?P<student_id>[^/_]+)_(?:late_|LATE_)?\d+_"
    r"(?:assignsubmission_file_?/(?:[^/]+/)*|assignsubmission_file_|\d+_)"
    r"(?P<file_id>[^/]+?)(?:-\d+)?\.ipynb$"
)


@dataclass(frozen=True)
class Author:
    """Whose a file is.

    Attributes
    ----------
    system : "canvas", "moodle" or "exchange"
    name : as the system wrote it
    number : of the user, in the system
    file : path within the submission, as the student chose it
    upload : number of the upload, larger for later ones; 0 where there is none
    late : whether the system calls it late
    attempt : what tells one attempt from another
    time : when it was handed in, as the student's computer said
    """

    system: str
    name: str
    file: str
    number: str = ""
    upload: int = 0
    late: bool = False
    attempt: str = ""
    time: str = ""


def author(path: str, assignment: str) -> Author | None:
    """Whose a file is; None where its path does not tell.

    The first part of the path that has a system's form counts: what comes after it is the student's
    own choice, and may look like somebody else's.
    """
    parts = path.split("/")
    for index, part in enumerate(parts):
        rest = "/".join(parts[index + 1 :])
        if rest and (found := _MOODLE_FOLDER.fullmatch(part)):
            return Author("moodle", found["name"], rest, found["number"])
        if rest and (found := _EXCHANGE.fullmatch(part)):
            if found["set"] != assignment:
                return None
            return Author("exchange", found["name"], rest, attempt=part, time=found["time"])
        if not rest and (found := _MOODLE_FILE.fullmatch(part)):
            return Author("moodle", found["name"], found["file"], found["number"])
        if not rest and (found := _CANVAS.fullmatch(part)):
            # Somebody may call himself bob_777; then who it is can be read in two ways.
            if re.match(r"\d+_", found["file"]):
                return None
            upload, late = int(found["upload"]), bool(found["late"])
            return Author("canvas", found["name"], found["file"], found["number"], upload, late)
    return None


class LmsNames(FileNameCollectorPlugin):  # type: ignore[misc]
    """For ``ZipCollectApp.collector_plugin``: names of students that are names of folders."""

    def collect(self, submitted_file: str) -> dict[str, str] | None:
        """nbgrader's answer for a file, with the student's name as `coursekit collect` has it."""
        found: dict[str, str] | None = super().collect(submitted_file)
        if found is not None:
            found["student_id"] = folder_name(found["student_id"])
        return found
