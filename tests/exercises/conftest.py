"""The authored problem sets, built where nothing else is touched."""

import contextlib
import shutil
from dataclasses import dataclass
from pathlib import Path

import nbformat
import pytest

from coursekit.grading.author import BEGIN, END, build_source, released

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
            source = released(cell.source, "code") if release else _unmarked(cell.source)
            # The stub of a variable stops its cell, as it does in a notebook.
            with contextlib.suppress(NotImplementedError):
                exec(compile(source, cell.metadata.nbgrader.grade_id, "exec"), names)
        return names


def _unmarked(source):
    return "\n".join(line for line in source.split("\n") if line.strip() not in (BEGIN, END))


@pytest.fixture(scope="session")
def build(tmp_path_factory):
    """Builds a set by its name, once."""
    done = {}

    def make(set_name):
        if set_name not in done:
            course = tmp_path_factory.mktemp(set_name)
            for folder in ("authored", "answers", "sample"):
                shutil.copytree(EXERCISES / folder, course / folder)
            path = build_source(course, set_name)
            done[set_name] = Built(course, nbformat.read(path, as_version=4))
        return done[set_name]

    return make
