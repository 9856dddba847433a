"""What graded notebooks say: the answers, and what was found wrong with them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from coursekit.grading.course import Course
from coursekit.grading.recover import read_notebook

__all__ = ["OTHER_CELLS", "Work", "load_work", "task_titles"]

OTHER_CELLS = "cells of their own"
# As the text of a check's report has it; lines of students' own stand further right.
_PART = re.compile(r"^  [✓✗] (.+?) +(\d+)/(\d+)$", re.MULTILINE)


@dataclass(frozen=True)
class Work:
    """One student's graded notebooks.

    Attributes
    ----------
    answers : grade_id of a cell that students write, or ``OTHER_CELLS`` -> its code
    why : grade_id of a test -> what was wrong, in words
    parts : grade_id of a test -> name, points earned and points possible of each part
    seconds : grade_id of a test -> how long its checks took
    """

    answers: Mapping[str, str]
    why: Mapping[str, tuple[str, ...]]
    parts: Mapping[str, tuple[tuple[str, int, int], ...]]
    seconds: Mapping[str, float]


def load_work(course: Course, assignment: str, student: str) -> Work:
    """A student's graded notebooks; empty where there are none."""
    answers: dict[str, str] = {}
    why: dict[str, tuple[str, ...]] = {}
    parts: dict[str, tuple[tuple[str, int, int], ...]] = {}
    seconds: dict[str, float] = {}
    for cell in _cells(course.path("autograded", assignment, student)):
        about = cell.get("metadata", {}).get("nbgrader", {})
        name = about.get("grade_id", OTHER_CELLS)
        if cell.get("cell_type") != "code":
            continue
        if about.get("solution") or not about:
            text = "".join(cell.get("source", ""))
            answers[name] = "\n\n".join(filter(None, (answers.get(name, ""), text)))
        elif about.get("grade"):
            outputs = cell.get("outputs", [])
            said = [tuple(o.get("metadata", {}).get("why", ())) for o in outputs]
            errors = [f"{o['ename']}: {o['evalue']}" for o in outputs if "ename" in o]
            texts = ["".join(o.get("data", {}).get("text/plain", "")) for o in outputs]
            found = [match for text in texts for match in _PART.findall(text)]
            why[name] = (*(reason for reasons in said for reason in reasons), *errors)
            took = [o.get("metadata", {}).get("seconds", 0.0) for o in outputs]
            seconds[name] = max(took, default=0.0)
            parts[name] = tuple((part, int(got), int(full)) for part, got, full in found)
    return Work(answers, why, parts, seconds)


def task_titles(course: Course, assignment: str) -> dict[str, str]:
    """grade_id of a cell -> the heading it stands under."""
    titles: dict[str, str] = {}
    for path in sorted(course.path("release", assignment).glob("*.ipynb")):
        heading = ""
        for cell in read_notebook(path.read_bytes()).notebook.cells:
            about = cell.metadata.get("nbgrader", {})
            found = re.match(r"#+\s+(.+)", cell.source.lstrip())
            if cell.cell_type == "markdown" and about.get("locked") and found:
                heading = found[1].strip()
            if "grade_id" in about:
                titles[about["grade_id"]] = heading or about["grade_id"]
    return titles


def _cells(folder: Path) -> Iterator[Any]:
    for path in sorted(folder.glob("*.ipynb")):
        # Our own writing; a file that was half written when a run was killed is as none.
        try:
            yield from json.loads(path.read_text(encoding="utf-8")).get("cells", [])
        except ValueError:
            continue
