"""Where the course is, as seen from inside nbgrader's machinery."""

from __future__ import annotations

from pathlib import Path
from typing import Any

__all__ = ["course_directory", "course_root"]


def course_directory(configurable: Any) -> Any:
    """nbgrader's CourseDirectory, found by going up from a preprocessor to its converter.

    Raises
    ------
    RuntimeError : the preprocessor belongs to no converter of nbgrader's
    """
    parent = configurable
    while parent is not None:
        if getattr(parent, "coursedir", None) is not None:
            return parent.coursedir
        parent = getattr(parent, "parent", None)
    raise RuntimeError(
        f"{type(configurable).__name__} stands alone; expected it inside nbgrader's autograde or "
        "feedback step, which know the course directory"
    )


def course_root(configurable: Any) -> Path:
    """The directory with nbgrader_config.py, gradebook.db and the students' submissions."""
    return Path(course_directory(configurable).root).resolve()
