"""The authored problem sets, built where nothing else is touched."""

import contextlib
import shutil
from dataclasses import dataclass
from pathlib import Path

import nbformat
import pytest

from coursekit.grading.author import build_source, released, unmarked
from coursekit.grading.course import Course
from coursekit.grading.sandbox import SandboxError, find_bwrap

EXERCISES = Path(__file__).parents[2] / "exercises"


@dataclass(frozen=True)
class Built:
    """A set as nbgrader's source notebook."""

    course: Path
    notebook: object

    def cells(self, role):
        """Cells whose grade_id ends in ``role``."""
        return [
            cell
            for cell in self.notebook.cells
            if cell.metadata.nbgrader.grade_id.endswith(f"-{role}")
        ]

    def namespace(self, release=False):
        """What the notebook defines, with the solutions in place or as released."""
        names = {}
        for cell in self.notebook.cells:
            if cell.cell_type != "code" or cell.metadata.nbgrader.grade:
                continue
            source = released(cell.source, "code") if release else unmarked(cell.source)
            # The stub of a variable stops its cell, as it does in a notebook.
            with contextlib.suppress(NotImplementedError):
                exec(compile(source, cell.metadata.nbgrader.grade_id, "exec"), names)
        return names


def copied(root):
    """The authored sets, in a directory of their own."""
    for folder in ("authored", "answers", "sample"):
        shutil.copytree(EXERCISES / folder, root / folder)
    return root


@pytest.fixture(scope="session")
def new_course(tmp_path_factory):
    """Makes a course of the authored sets to grade in, with more lines of configuration."""
    try:
        find_bwrap()
    except SandboxError as refusal:
        pytest.skip(str(refusal))

    def make(name, more=""):
        root = copied(tmp_path_factory.mktemp(name))
        config = (EXERCISES / "nbgrader_config.py").read_text(encoding="utf-8")
        (root / "nbgrader_config.py").write_text(config + more, encoding="utf-8")
        return Course(root)

    return make


@pytest.fixture(scope="session")
def build(tmp_path_factory):
    """Builds a set by its name, once."""
    done = {}

    def make(set_name):
        if set_name not in done:
            course = copied(tmp_path_factory.mktemp(set_name))
            path = build_source(course, set_name)
            done[set_name] = Built(course, nbformat.read(path, as_version=4))
        return done[set_name]

    return make
