"""What nbgrader needs beside each feedback page to hand it back through the exchange."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime

from coursekit.grading.course import Course
from coursekit.grading.files import Unreadable, read_file

__all__ = ["RECEIPTS", "write_receipts"]

RECEIPTS = ("timestamp.txt", "submission_secret.txt")
_MAX_SIZE = 1000


def write_receipts(course: Course, assignment: str) -> None:
    """Put both files beside the feedback of every student, so that release_feedback finds them.

    They come from the submission.  Where that has none, because it came by another way, a secret is
    made up: nobody can fetch that page, and everyone else's is released all the same.
    """
    for folder in course.path("feedback", assignment, ".").parent.glob(f"*/{assignment}"):
        submitted = course.path("submitted", assignment, folder.parent.name)
        substitutes = (f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S.%f} UTC", secrets.token_hex(64))
        for name, substitute in zip(RECEIPTS, substitutes, strict=True):
            try:
                content = read_file(submitted / name, _MAX_SIZE)
            except Unreadable:
                content = substitute.encode()
                if (folder / name).is_file():
                    continue
            (folder / name).write_bytes(content)
