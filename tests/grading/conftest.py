"""A course of one small set: a checked task, one with plain asserts, and one marked by hand."""

from __future__ import annotations

import functools
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import nbformat
import nbformat.v4
import pytest

from coursekit.grading.course import Course
from coursekit.grading.kernel import Kernel
from coursekit.grading.overlay import allowed_modules, masked_package
from coursekit.grading.sandbox import Sandbox, SandboxError, find_bwrap
from coursekit.grading.session import StudentSession, TimeLimits

EXERCISES = Path(__file__).parents[2] / "exercises"
# Short, so that what hangs does not hold up the tests.
SHORT_TIMES = """
c.SplitExecute.cell_timeout = 4
c.SplitExecute.call_timeout = 3
"""
VELOCITY = """\
def anomalous_velocity(omega, E):
    E = np.asarray(E)
    Ex, Ey = np.broadcast_arrays(E[..., 0] * omega, E[..., 1] * omega)
    return np.stack([Ey, -Ex], axis=-1)
"""
DOUBLE = "def double(x):\n    return 2 * x\n"
ANSWER = "Because it is odd under time reversal: $a<b$."


@pytest.fixture(scope="session")
def bubblewrap() -> str:
    """The sandbox program; without one the test is skipped, and the reason named."""
    try:
        return find_bwrap()
    except SandboxError as refusal:
        pytest.skip(str(refusal))


@pytest.fixture
def sandbox(bubblewrap: str, tmp_path: Path) -> Sandbox:
    return Sandbox(masked_package("chern", allowed_modules("chern")), hidden=(tmp_path,))


@pytest.fixture
def session(sandbox: Sandbox) -> Iterator[StudentSession]:
    limits = TimeLimits(cell=4.0, call=2.0, test=6.0, notebook=120.0)
    student = StudentSession(functools.partial(Kernel, sandbox), limits)
    yield student
    student.close()


def cell(kind: str, source: str, grade_id: str = "", **about: Any) -> Any:
    make = nbformat.v4.new_code_cell if kind == "code" else nbformat.v4.new_markdown_cell
    new = make(source)
    if grade_id:
        flags = {"grade": False, "solution": False, "locked": False, "task": False}
        new.metadata["nbgrader"] = {**flags, "schema_version": 3, "grade_id": grade_id, **about}
    return new


def source_notebook() -> Any:
    def solution(text: str) -> str:
        first, _, rest = text.partition("\n")
        return f"{first}\n    ### BEGIN SOLUTION\n{rest}    ### END SOLUTION"

    return nbformat.v4.new_notebook(
        cells=[
            cell("markdown", "# A small set", "title", locked=True),
            cell("code", "import numpy as np\nimport coursekit as ck", "imports", locked=True),
            cell("code", solution(VELOCITY), "velocity", solution=True),
            cell(
                "code",
                'ck.check("chern.velocity", anomalous_velocity)',
                "velocity-test",
                **{"grade": True, "locked": True, "points": 2},
            ),
            cell("code", solution(DOUBLE), "double", solution=True),
            cell(
                "code",
                "assert double(3) == 6\nassert np.allclose(double(np.arange(3)), [0, 2, 4])\n"
                "### BEGIN HIDDEN TESTS\nassert double(-1.5) == -3\n### END HIDDEN TESTS",
                "double-test",
                **{"grade": True, "locked": True, "points": 3},
            ),
            cell("markdown", "YOUR ANSWER", "why", grade=True, solution=True, points=4),
        ],
        metadata={
            "kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}
        },
    )


@pytest.fixture(scope="module")
def course(bubblewrap: str, tmp_path_factory: pytest.TempPathFactory) -> Course:
    """A course whose set has been released; nobody has handed in yet."""
    from nbgrader.converters import GenerateAssignment

    root = tmp_path_factory.mktemp("course")
    config = (EXERCISES / "nbgrader_config.py").read_text(encoding="utf-8")
    (root / "nbgrader_config.py").write_text(config + SHORT_TIMES, encoding="utf-8")
    (root / "source" / "chern").mkdir(parents=True)
    nbformat.write(source_notebook(), root / "source" / "chern" / "chern.ipynb")
    made = Course(root)
    made.convert(GenerateAssignment, "chern")
    return made


Change = Callable[[Any], None]


class HandIn:
    """Puts notebooks into ``submitted/``."""

    def __init__(self, course: Course) -> None:
        self.course = course

    def folder(self, student: str) -> Path:
        folder = self.course.root / "submitted" / student / "chern"
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def file(self, student: str, content: bytes, name: str = "chern.ipynb") -> None:
        (self.folder(student) / name).write_bytes(content)

    def notebook(
        self,
        student: str,
        velocity: str = VELOCITY,
        double: str = DOUBLE,
        before: str = "",
        change: Change | None = None,
    ) -> None:
        """The released notebook with these answers and, above them, a cell of the student's."""
        released = self.course.root / "release" / "chern" / "chern.ipynb"
        notebook = nbformat.read(released, as_version=4)
        answers = {"velocity": velocity, "double": double, "why": ANSWER}
        for each in notebook.cells:
            each.source = answers.get(each.metadata.nbgrader.grade_id, each.source)
        if before:
            notebook.cells.insert(2, nbformat.v4.new_code_cell(before))
        if change is not None:
            change(notebook)
        nbformat.write(notebook, self.folder(student) / "chern.ipynb")


@pytest.fixture(scope="module")
def hand_in(course: Course) -> HandIn:
    return HandIn(course)


@pytest.fixture
def fresh_course(course: Course, tmp_path: Path) -> Course:
    """A copy that a test may change as it likes."""
    skip = shutil.ignore_patterns("submitted", "autograded", "feedback", "report.*")
    root = tmp_path / "fresh"
    shutil.copytree(course.root, root, ignore=skip)
    return Course(root)


@pytest.fixture
def fresh_hand_in(fresh_course: Course) -> HandIn:
    return HandIn(fresh_course)


@pytest.fixture
def small_set() -> Callable[[], Any]:
    """Makes the set's source notebook."""
    return source_notebook
