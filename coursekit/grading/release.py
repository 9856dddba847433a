"""From the text of a problem set to what students fetch."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from nbgrader.converters import GenerateAssignment
from nbgrader.exchange import ExchangeFactory

from coursekit.grading.author import build_source
from coursekit.grading.course import CONFIG_FILE, Course

__all__ = ["Released", "release_set"]


@dataclass(frozen=True)
class Released:
    """Where a released set is.

    Attributes
    ----------
    notebook : the students' version
    exchange : the directory that students fetch from
    changed : whether anything had to be made
    """

    notebook: Path
    exchange: Path
    changed: bool


def release_set(course: Course, set_name: str) -> Released:
    """Make source and release of a set, and put the release into the exchange.

    Nothing is touched when the text is the one that was released last.
    """
    source = build_source(course.root, set_name)
    notebook = course.path("release", set_name) / source.name
    factory = ExchangeFactory(config=course.config)
    exchange = factory.ReleaseAssignment(
        coursedir=course.coursedir(set_name), config=course.config, log=course.log
    )
    exchange.force = True
    outbound = Path(exchange.root) / course.coursedir(set_name).course_id / "outbound" / set_name
    # Beside the set's directory: nbgrader hands out whatever lies in it.
    stamp = source.parent.parent / f".{set_name}.released"
    digest = _digest(source, course.root / CONFIG_FILE)
    made = notebook.is_file() and (outbound / source.name).is_file() and stamp.is_file()
    if made and stamp.read_text(encoding="ascii") == digest and _is_known(course, set_name):
        return Released(notebook, outbound, changed=False)
    course.convert(GenerateAssignment, set_name)
    exchange.start()
    stamp.write_text(digest, encoding="ascii")
    return Released(notebook, outbound, changed=True)


def _digest(*files: Path) -> str:
    return hashlib.sha256(b"\0".join(path.read_bytes() for path in files)).hexdigest()


def _is_known(course: Course, set_name: str) -> bool:
    with course.gradebook() as gradebook:
        return any(a.name == set_name and a.notebooks for a in gradebook.assignments)
