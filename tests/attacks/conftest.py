"""A class of honest students and attackers, graded in one run, and what the world was like before."""

from __future__ import annotations

import os
import socket
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import nbformat
import pytest

# The attacks are plain modules, which stock.py imports, too.
sys.path.insert(0, str(Path(__file__).parent))

from cheats import CHEATS
from classroom import CHECKED, hand_in, source_notebook
from harms import HARMS
from honest import HONEST
from notebooks import NOTEBOOKS
from witness import fingerprints, listen

from coursekit.grading.course import Course
from coursekit.grading.overlay import PACKAGE
from coursekit.grading.report import Result
from coursekit.grading.runner import grade_set
from coursekit.grading.sandbox import SandboxError, find_bwrap

EXERCISES = Path(__file__).parents[2] / "exercises"
ATTACKS = (*HONEST, *CHEATS, *HARMS, *NOTEBOOKS)
# Short, so that what hangs does not hold up the tests.
SHORT_TIMES = """
c.SplitExecute.cell_timeout = 4
c.SplitExecute.call_timeout = 3
"""


@dataclass
class Aftermath:
    """What is left when the class has been graded."""

    course: Course
    results: dict[str, Result]
    seconds: float
    mark: str
    before: dict[str, str]
    calls: list[str] = field(default_factory=list)

    def page(self, student: str) -> str:
        folder = self.course.path("feedback", "chern", student)
        return (folder / "chern.html").read_text(encoding="utf-8")


@pytest.fixture(scope="session")
def aftermath(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Aftermath]:
    """The whole class, graded."""
    from nbgrader.converters import GenerateAssignment

    try:
        find_bwrap()
    except SandboxError as refusal:
        pytest.skip(str(refusal))
    root = tmp_path_factory.mktemp("course")
    config = (EXERCISES / "nbgrader_config.py").read_text(encoding="utf-8")
    (root / "nbgrader_config.py").write_text(config + SHORT_TIMES, encoding="utf-8")
    (root / "source" / "chern").mkdir(parents=True)
    nbformat.write(source_notebook(CHECKED), root / "source" / "chern" / "chern.ipynb")
    course = Course(root)
    course.convert(GenerateAssignment, "chern")
    mark = f"coursekit-orphan-{os.getpid()}"
    calls: list[str] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        listen(listener, calls)
        with socket.socket(socket.AF_UNIX) as hidden:
            hidden.bind(f"\0coursekit-{port}")
            hidden.listen()
            listen(hidden, calls)
            hand_in(root, ATTACKS, {"@PORT@": str(port), "@MARK@": mark})
            before = fingerprints(root) | fingerprints(PACKAGE)
            began = time.monotonic()
            results = {r.student: r for r in grade_set(course, "chern", progress=False)}
            seconds = time.monotonic() - began
            yield Aftermath(course, results, seconds, mark, before, calls)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "attack" in metafunc.fixturenames:
        metafunc.parametrize("attack", ATTACKS, ids=lambda attack: attack.name)
