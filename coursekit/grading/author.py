"""Problem sets are written as MyST text; this makes nbgrader's source notebooks of them.

A cell says what it is with two words of metadata:

``role: solution``, ``task: chern.plaquette``
    code, holds ``def`` with the signature of the check, or ``name = None`` where that asks for a
    variable, and a region between ``### BEGIN SOLUTION`` and ``### END SOLUTION`` that students do
    not get
``role: test``, ``task: chern.plaquette``
    code, the one line ``ck.check("chern.plaquette", plaquette_chern)``; its points are the check's
``role: manual``, ``task: chern.explain``, ``points: 4``
    text that a person marks; model answer and rubric in a solution region
no metadata
    statement or given code, locked
"""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jupytext
import nbformat

from coursekit.checks import Check, get, names

__all__ = ["BEGIN", "END", "AuthorError", "build_source", "released", "unmarked", "write_notebook"]

BEGIN, END = "### BEGIN SOLUTION", "### END SOLUTION"
# What nbgrader puts in the place of a solution.
STUBS = {"code": "# YOUR CODE HERE\nraise NotImplementedError()", "markdown": "YOUR ANSWER HERE"}
ROLES = {"solution": "code", "test": "code", "manual": "markdown"}
_KEYS = {"role", "task", "points"}
# A shorter line, such as `return 0`, may well stand in a statement too.
_TELLING = 24


class AuthorError(ValueError):
    """A problem set that is not written as it should be; names the file and the cell."""


@dataclass(frozen=True)
class _Cell:
    """A cell of the text, with the place to name in messages."""

    place: str
    kind: str
    source: str
    role: str
    task: str
    points: int | None

    @property
    def grade_id(self) -> str:
        """The name that nbgrader knows the cell by."""
        return f"{self.task.partition('.')[2]}-{self.role}"


def build_source(course_dir: Path, set_name: str) -> Path:
    """Make ``source/<set>/<set>.ipynb`` of ``authored/<set>/<set>.md``.

    Parameters
    ----------
    course_dir : nbgrader's course directory

    Returns
    -------
    Path : the notebook; the same text always gives the same bytes

    Raises
    ------
    AuthorError : a task without its check or the other way round, a signature that students would
        not get, solution text outside its region, other files beside the notebook
    """
    text = course_dir / "authored" / set_name / f"{set_name}.md"
    if not text.is_file():
        raise AuthorError(f"{text} does not exist; expected the text of the set {set_name!r}")
    authored = jupytext.read(text, fmt="md:myst")
    cells = [_read(text, n, cell) for n, cell in enumerate(authored.cells, start=1)]
    _check_set(text, set_name, cells)
    make: Any = nbformat.v4.new_notebook
    notebook = make(
        cells=[_notebook_cell(n, cell) for n, cell in enumerate(cells, start=1)],
        metadata={
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
        },
    )
    nbformat.validate(notebook)
    return _save(course_dir / "source" / set_name, set_name, notebook)


def released(source: str, kind: str) -> str:
    """The source of a ``kind`` ("code" or "markdown") cell as nbgrader's release shows it."""
    lines: list[str] = []
    inside = False
    for line in source.split("\n"):
        if line.strip() == BEGIN:
            inside = True
            indent = line[: len(line) - len(line.lstrip())]
            lines += [indent + stub for stub in STUBS[kind].split("\n")]
        elif line.strip() == END:
            inside = False
        elif not inside:
            lines.append(line)
    return "\n".join(lines)


def unmarked(source: str) -> str:
    """The source of a cell with its solution, and without the lines that mark it."""
    return "\n".join(line for line in source.split("\n") if line.strip() not in (BEGIN, END))


def _read(text: Path, number: int, cell: Any) -> _Cell:
    first_line = cell.source.strip().partition("\n")[0]
    place = f"{text}, cell {number} ({first_line[:60]!r})"
    # jupytext's own keys describe the text, not the task.
    extra = {key for key in cell.metadata if key not in _KEYS}
    if extra:
        raise AuthorError(
            f"{place}: metadata {sorted(extra)}; expected only {', '.join(sorted(_KEYS))}"
        )
    role, task = cell.metadata.get("role", ""), cell.metadata.get("task", "")
    points = cell.metadata.get("points")
    if bool(role) != bool(task) or (role and ROLES.get(role) != cell.cell_type):
        raise AuthorError(
            f"{place}: role {role!r} and task {task!r} on a {cell.cell_type} cell; expected both "
            "or none, role solution or test on code and manual on text"
        )
    if (role == "manual") != (type(points) is int and points > 0):
        raise AuthorError(
            f"{place}: points {points!r}; expected a positive whole number on a manual task and "
            "none elsewhere: the points of a test are those of its check"
        )
    return _Cell(place, cell.cell_type, cell.source, role, task, points)


def _check_set(text: Path, set_name: str, cells: Sequence[_Cell]) -> None:
    for cell in cells:
        _check_regions(cell)
        if cell.task and not cell.task.startswith(f"{set_name}."):
            raise AuthorError(f"{cell.place}: task {cell.task!r}; expected one of set {set_name!r}")
        same = [other for other in cells if other.role and other.grade_id == cell.grade_id]
        if cell.role and len(same) > 1:
            raise AuthorError(
                f"{same[1].place}: task {cell.task!r} has two {cell.role} cells; expected one"
            )
    known = names(set_name)
    for role in ("solution", "test"):
        written = [cell.task for cell in cells if cell.role == role]
        if written != list(known):
            raise AuthorError(
                f"{text}: {role} cells of {', '.join(written) or 'no task'}; expected one of each "
                f"check in its order: {', '.join(known)}"
            )
    for number, cell in enumerate(cells):
        if cell.role == "solution":
            _check_signature(cell, get(cell.task))
            _check_points_in_words(cells[number - 1], get(cell.task).points)
        elif cell.role == "test":
            _check_test(cell, get(cell.task))
        elif cell.role == "manual":
            assert cell.points is not None
            _check_points_in_words(cells[number - 1], cell.points)
    _check_leaks(cells)


def _check_regions(cell: _Cell) -> None:
    markers = [line.strip() for line in cell.source.split("\n") if "SOLUTION" in line]
    expected = [BEGIN, END] if cell.role in ("solution", "manual") else []
    if markers != expected:
        raise AuthorError(
            f"{cell.place}: lines {markers} mark the solution; expected {expected}, written "
            "exactly so"
        )


def _check_signature(cell: _Cell, check: Check) -> None:
    wanted = f"{check.function} = None" if check.is_variable else f"def {check.signature}:"
    try:
        tree = ast.parse(released(cell.source, "code"))
    except SyntaxError as error:
        raise AuthorError(f"{cell.place}: the released cell is not Python: {error}") from None
    found = [
        f"def {node.name}({ast.unparse(node.args)}):"
        if isinstance(node, ast.FunctionDef)
        else ast.unparse(node)
        for node in tree.body
        if isinstance(node, ast.FunctionDef | ast.Assign)
    ]
    if wanted not in found:
        raise AuthorError(
            f"{cell.place}: students get {found or 'nothing of that name'}; expected {wanted!r} "
            f"above {BEGIN!r}"
        )


def _check_test(cell: _Cell, check: Check) -> None:
    wanted = f'ck.check("{check.name}", {check.function})'
    if cell.source.strip() != wanted:
        raise AuthorError(f"{cell.place}: the test is not the one line {wanted}; expected it alone")


def _check_points_in_words(statement: _Cell, points: int) -> None:
    said = re.findall(r"\*(\d+) points?\b", statement.source)
    if said != [str(points)]:
        raise AuthorError(
            f"{statement.place}: the statement before the task says {said or 'no'} points; "
            f"expected '*{points} points' once, as the check gives"
        )


def _check_leaks(cells: Sequence[_Cell]) -> None:
    given = "\n".join(released(cell.source, cell.kind) for cell in cells)
    for cell in cells:
        hidden = cell.source.partition(BEGIN)[2].partition(END)[0]
        for line in hidden.split("\n"):
            if len(line.strip()) >= _TELLING and line.strip() in given:
                raise AuthorError(
                    f"{cell.place}: the line {line.strip()!r} of the solution stands in a cell "
                    "that students get, too; expected it only between the markers"
                )


def _notebook_cell(number: int, cell: _Cell) -> Any:
    name = cell.grade_id if cell.role else f"given-{number:02d}"
    nbgrader: dict[str, Any] = {
        "grade": cell.role in ("test", "manual"),
        "grade_id": name,
        "locked": cell.role not in ("solution", "manual"),
        "schema_version": 3,
        "solution": cell.role in ("solution", "manual"),
        "task": False,
    }
    if nbgrader["grade"]:
        nbgrader["points"] = get(cell.task).points if cell.role == "test" else cell.points
    make: Any = nbformat.v4.new_code_cell if cell.kind == "code" else nbformat.v4.new_markdown_cell
    return make(source=cell.source, id=name, metadata={"nbgrader": nbgrader})


def _save(folder: Path, set_name: str, notebook: Any) -> Path:
    path = folder / f"{set_name}.ipynb"
    others = sorted(
        str(p) for p in folder.rglob("*") if p != path and ".ipynb_checkpoints" not in p.parts
    )
    if others:
        # nbgrader copies everything in here to students.
        raise AuthorError(
            f"{', '.join(others)} would be released to students; expected only {path.name} there: "
            "move the rest away"
        )
    write_notebook(path, notebook)
    return path


def write_notebook(path: Path, notebook: Any) -> None:
    """Write a notebook; an unchanged file keeps its time, so that nothing after it is remade."""
    as_text: Any = nbformat.writes
    content = as_text(notebook) + "\n"
    if not path.is_file() or path.read_text(encoding="utf-8") != content:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
