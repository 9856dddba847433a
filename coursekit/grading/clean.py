"""The first thing done to a submission: keep the student's words, rebuild everything else.

The notebook of record is the released one.  Its cells, their order, metadata and points stand; the
submission contributes the sources of cells that students may edit, and cells of their own.
"""

from __future__ import annotations

import copy
import os
import re
import secrets
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import nbformat
import nbformat.v4
from nbgrader import utils
from nbgrader.api import Gradebook
from nbgrader.preprocessors import NbGraderPreprocessor
from traitlets import Integer

from coursekit.grading.coursedir import course_directory
from coursekit.grading.outputs import IMAGES, inert_text, safe_image
from coursekit.grading.receipts import RECEIPTS

__all__ = ["CleanSubmission", "rebuild"]

_MAX_ATTACHMENTS = 2 * 2**20


class CleanSubmission(NbGraderPreprocessor):  # type: ignore[misc]
    """First of ``Autograde.sanitize_preprocessors``."""

    max_cell_size = Integer(100_000, help="Characters in one cell.").tag(config=True)
    max_extra_cells = Integer(200, help="Cells that students may add.").tag(config=True)

    def preprocess(self, nb: Any, resources: Any) -> tuple[Any, Any]:
        """Replace the submission by the notebook of record with the student's answers in it."""
        coursedir = course_directory(self)
        about = resources["nbgrader"]
        drop_foreign_files(coursedir, about["assignment"], about["student"])
        record = notebook_of_record(coursedir, about["assignment"], about["notebook"])
        return rebuild(record, nb, self.max_cell_size, self.max_extra_cells), resources


def notebook_of_record(coursedir: Any, assignment: str, notebook: str) -> Any:
    """The released notebook; or, where there is none, the graded cells that the gradebook holds."""
    directory = coursedir.format_path(coursedir.release_directory, ".", assignment)
    path = Path(directory) / f"{notebook}.ipynb"
    if path.is_file():
        return nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]
    with Gradebook(coursedir.db_url, coursedir.course_id) as gradebook:
        stored = gradebook.find_notebook(notebook, assignment)
        points = {cell.name: cell.max_score for cell in stored.graded_cells}
        solutions = {cell.name for cell in stored.solution_cells}
        tasks = {cell.name for cell in stored.task_cells}
        cells = [_from_gradebook(c, points, solutions, tasks) for c in stored.source_cells]
    return nbformat.v4.new_notebook(cells=cells)  # type: ignore[no-untyped-call]


def rebuild(record: Any, submitted: Any, max_cell_size: int, max_extra_cells: int) -> Any:
    """The notebook of record, with the submission's answers and extra cells.

    Parameters
    ----------
    record, submitted : notebooks of format 4
    max_cell_size : characters; a longer cell is left out, and says so
    max_extra_cells : cells that the record does not have; the rest is left out

    Returns
    -------
    A new notebook. Extra cells stand behind the cell of the record that they followed.
    """
    matches = _match(record.cells, submitted.cells)
    answers: dict[int, Any] = {}
    anchored: dict[int, list[Any]] = {}
    anchor = -1
    extras = 0
    for position, cell in enumerate(submitted.cells):
        index = matches.get(position)
        if index is not None and index not in answers:
            answers[index] = cell
            anchor = index
        elif cell.get("source", "").strip() and (index is None or _is_free(record.cells[index])):
            # A second copy of an answer runs where it stands; one of a test has no place.
            extras += 1
            if extras <= max_extra_cells:
                anchored.setdefault(anchor, []).append(_extra(cell, max_cell_size))
    cells = anchored.get(-1, [])
    for index, original in enumerate(record.cells):
        cells.append(_answered(original, answers.get(index), max_cell_size))
        cells += anchored.get(index, [])
    metadata = {k: v for k, v in record.metadata.items() if k in ("kernelspec", "language_info")}
    notebook = nbformat.v4.new_notebook(metadata=metadata)  # type: ignore[no-untyped-call]
    notebook.cells = _with_unique_ids(cells)
    return notebook


def drop_foreign_files(coursedir: Any, assignment: str, student: str) -> None:
    """Remove what nbgrader copied out of the submission beside the notebook.

    A module of the student's has no place there, and a link may point anywhere: the feedback step
    would hand its target to the student.
    """
    target = Path(coursedir.format_path(coursedir.autograded_directory, student, assignment))
    source = Path(coursedir.format_path(coursedir.source_directory, ".", assignment))
    for directory, _, names in os.walk(target):
        for name in names:
            path = Path(directory) / name
            given = source / path.relative_to(target)
            # nbgrader returns feedback by the time and the secret that came with the submission.
            kept = path.suffix == ".ipynb" or (name in RECEIPTS and not path.is_symlink())
            if not kept and not given.is_file():
                path.unlink()


def _match(record: list[Any], submitted: list[Any]) -> dict[int, int]:
    """Position of a submitted cell -> index of the cell of the record that it is."""
    by_grade_id = {_grade_id(cell): i for i, cell in enumerate(record) if _grade_id(cell)}
    by_cell_id = {cell.get("id"): i for i, cell in enumerate(record) if cell.get("id")}
    by_text = {
        (cell.cell_type, cell.source): i for i, cell in enumerate(record) if not _grade_id(cell)
    }
    matches = {}
    for position, cell in enumerate(submitted):
        index = by_grade_id.get(_grade_id(cell))
        if index is None:
            index = by_cell_id.get(cell.get("id"))
        if index is None:
            index = by_text.get((cell.get("cell_type"), cell.get("source")))
        if index is not None:
            matches[position] = index
    return matches


def _answered(original: Any, submitted: Any, max_cell_size: int) -> Any:
    """A cell of the record, with the student's source where students may write."""
    cell = copy.deepcopy(original)
    if cell.cell_type == "code":
        cell.outputs, cell.execution_count = [], None
    if submitted is None or not _is_free(original):
        return cell
    cell.source = _limited(submitted.get("source", ""), cell.cell_type, max_cell_size)
    if cell.cell_type == "markdown":
        cell.source = inert_text(cell.source)
        attachments = _images_of(submitted.get("attachments"))
        if attachments:
            cell.attachments = attachments
    return cell


def _is_free(cell: Any) -> bool:
    """Whether students may write in a cell of the record."""
    return bool(utils.is_solution(cell) or (not _grade_id(cell) and cell.cell_type == "code"))


def _extra(cell: Any, max_cell_size: int) -> Any:
    source = _limited(cell.source, cell.cell_type, max_cell_size)
    if cell.cell_type == "code":
        return nbformat.v4.new_code_cell(source)  # type: ignore[no-untyped-call]
    return nbformat.v4.new_markdown_cell(inert_text(source))  # type: ignore[no-untyped-call]


def _limited(source: object, cell_type: str, max_cell_size: int) -> str:
    text = source if isinstance(source, str) else ""
    if len(text) <= max_cell_size:
        return text
    mark = "# " if cell_type == "code" else ""
    return f"{mark}This cell held {len(text):,} characters, more than {max_cell_size:,}: left out."


def _images_of(attachments: object) -> dict[str, dict[str, str]]:
    kept: dict[str, dict[str, str]] = {}
    size = 0
    for name, bundle in attachments.items() if isinstance(attachments, dict) else ():
        for mime, data in bundle.items() if isinstance(bundle, dict) else ():
            if mime not in IMAGES or not isinstance(data, str):
                continue
            size += len(data)
            if size <= _MAX_ATTACHMENTS and re.fullmatch(r"[\w .-]{1,100}", name):
                picture = safe_image(data)
                if picture:
                    kept[name] = {mime: picture}
    return kept


def _from_gradebook(
    stored: Any, points: dict[str, float], solutions: Iterable[str], tasks: Iterable[str]
) -> Any:
    about = {
        "grade": stored.name in points and stored.name not in tasks,
        "grade_id": stored.name,
        "solution": stored.name in solutions,
        "task": stored.name in tasks,
        "locked": bool(stored.locked),
        "cell_type": stored.cell_type,
        "checksum": stored.checksum,
        "schema_version": 3,
    }
    if stored.name in points:
        about["points"] = points[stored.name]
    new = nbformat.v4.new_code_cell if stored.cell_type == "code" else nbformat.v4.new_markdown_cell
    return new(stored.source, metadata={"nbgrader": about})  # type: ignore[no-untyped-call]


def _grade_id(cell: Any) -> str | None:
    about = cell.get("metadata", {}).get("nbgrader")
    name = about.get("grade_id") if isinstance(about, dict) else None
    return name if isinstance(name, str) else None


def _with_unique_ids(cells: list[Any]) -> list[Any]:
    seen: set[str] = set()
    for cell in cells:
        if cell.get("id") in seen or "id" not in cell:
            cell["id"] = secrets.token_hex(4)
        seen.add(cell["id"])
    return cells
