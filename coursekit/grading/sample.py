"""A sample class: submissions that look like students', each with the score that it deserves.

The class of a set is declared in ``sample/<set>/class.toml``, next to code that only this class
hands in.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nbformat

from coursekit.grading.author import unmarked, write_notebook

__all__ = ["SampleStudent", "sample_class", "solutions", "write_sample_class"]

STUB = "stub"


@dataclass(frozen=True)
class SampleStudent:
    """One invented student.

    Attributes
    ----------
    name : directory of the submission
    what : what this student did, in words
    score, reason : points of the auto-graded tasks, and why these
    answers : task without its set -> file under the course directory, or "stub"; other tasks are
        solved as the authors do
    hints : task -> name of the diagnosis that the report must give
    text : the written answer
    scratch : sources of cells that the student added at the end
    delete : grade_ids of cells that are gone
    empty : the notebook has no cell at all
    """

    name: str
    what: str
    score: int
    reason: str
    answers: Mapping[str, str] = field(default_factory=dict)
    hints: Mapping[str, str] = field(default_factory=dict)
    text: str = ""
    scratch: tuple[str, ...] = ()
    delete: tuple[str, ...] = ()
    empty: bool = False


def sample_class(course_dir: Path, set_name: str) -> tuple[SampleStudent, ...]:
    """The declared class of a set.

    Raises
    ------
    ValueError : a key that means nothing, or one that is missing; names the file and the student
    """
    path = course_dir / "sample" / set_name / "class.toml"
    students = []
    for name, declared in tomllib.loads(path.read_text(encoding="utf-8")).items():
        lists = {key: tuple(declared[key]) for key in ("scratch", "delete") if key in declared}
        try:
            students.append(SampleStudent(name, **{**declared, **lists}))
        except TypeError as error:
            raise ValueError(f"{path}, [{name}]: {error}; expected the keys it names") from None
    return tuple(students)


def write_sample_class(course_dir: Path, set_name: str) -> list[Path]:
    """Fill ``submitted/<student>/<set>/`` from the released notebook.

    Returns
    -------
    list of Path : the notebooks; the same class and release always give the same bytes

    Raises
    ------
    ValueError : the set is not released yet, or the class names a task or a cell that is not in it
    """
    release = course_dir / "release" / set_name / f"{set_name}.ipynb"
    if not release.is_file():
        raise ValueError(f"{release} does not exist; expected a released set: release it first")
    right = solutions(course_dir, set_name)
    written = []
    for student in sample_class(course_dir, set_name):
        notebook = _submission(course_dir, _read(release), right, student)
        path = course_dir / "submitted" / student.name / set_name / f"{set_name}.ipynb"
        write_notebook(path, notebook)
        written.append(path)
    return written


def solutions(course_dir: Path, set_name: str) -> dict[str, str]:
    """The authors' answers to a set whose source was built, by grade_id."""
    source = _read(course_dir / "source" / set_name / f"{set_name}.ipynb")
    return {
        cell.metadata.nbgrader.grade_id: unmarked(cell.source)
        for cell in source.cells
        if cell.metadata.nbgrader.solution
    }


def _submission(
    course_dir: Path, notebook: Any, solutions: Mapping[str, str], student: SampleStudent
) -> Any:
    cells = {cell.metadata.nbgrader.grade_id: cell for cell in notebook.cells}
    unknown = [task for task in student.answers if f"{task}-solution" not in cells]
    unknown += [name for name in student.delete if name not in cells]
    if unknown:
        raise ValueError(
            f"sample student {student.name!r} names {', '.join(unknown)}; expected tasks and cells "
            f"of the release: {', '.join(cells)}"
        )
    for name, cell in cells.items():
        task, _, role = name.rpartition("-")
        if role == "manual" and student.text:
            cell.source = student.text.strip()
        elif role == "solution":
            answer = student.answers.get(task)
            if answer is None:
                cell.source = solutions[name]
            elif answer != STUB:
                cell.source = (course_dir / answer).read_text(encoding="utf-8").strip()
    kept = [cell for name, cell in cells.items() if name not in student.delete]
    make: Any = nbformat.v4.new_code_cell
    added = [make(text, id=f"scratch-{n}") for n, text in enumerate(student.scratch, start=1)]
    notebook.cells = [] if student.empty else kept + added
    return notebook


def _read(path: Path) -> Any:
    read: Any = nbformat.read
    return read(path, as_version=4)
