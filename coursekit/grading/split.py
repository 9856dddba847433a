"""The split executor: a student's cells in the sandbox, test cells outside it."""

from __future__ import annotations

import functools
from typing import Any

from nbgrader import utils
from nbgrader.preprocessors import NbGraderPreprocessor
from traitlets import Float

from coursekit.grading.coursedir import course_root
from coursekit.grading.overlay import allowed_modules, masked_package
from coursekit.grading.pool import shared_pool
from coursekit.grading.sandbox import Sandbox
from coursekit.grading.seed import secret_seed, student_seed
from coursekit.grading.session import StudentSession, TimeLimits
from coursekit.grading.trusted import CellRunner

__all__ = ["SplitExecute", "is_test"]


class SplitExecute(NbGraderPreprocessor):  # type: ignore[misc]
    """Takes the place of nbgrader's ``Execute`` in ``Autograde.autograde_preprocessors``."""

    cell_timeout = Float(30.0, help="Seconds for one cell of a student.").tag(config=True)
    call_timeout = Float(20.0, help="Seconds for one call of an answer.").tag(config=True)
    test_timeout = Float(60.0, help="Seconds for all calls of one test cell.").tag(config=True)
    notebook_timeout = Float(600.0, help="Seconds for a student's code as a whole.").tag(
        config=True
    )

    def preprocess(self, nb: Any, resources: Any) -> tuple[Any, Any]:
        """Run the notebook; its outputs are what nbgrader reads the scores from."""
        course = course_root(self)
        about = resources["nbgrader"]
        set_name, student = about["assignment"], about["student"]
        sandbox = Sandbox(masked_package(set_name, allowed_modules(set_name)), hidden=(course,))
        session = StudentSession(functools.partial(shared_pool.take, sandbox), self._limits())
        locked = [c.source for c in nb.cells if c.cell_type == "code" and utils.is_locked(c)]
        # A worker is told this student's seed, and cannot see the one that it is made from.
        seed = about.get("seed") or student_seed(secret_seed(course), student)
        runner = CellRunner(session, seed, locked)
        try:
            for cell in nb.cells:
                if cell.cell_type != "code":
                    continue
                if is_test(cell):
                    points = float(cell.metadata.nbgrader["points"])
                    cell.outputs = runner.run(cell.source, points)
                elif cell.source.strip():
                    cell.outputs = session.run_cell(cell.source)
        finally:
            session.close()
        _number(nb)
        return nb, resources

    def _limits(self) -> TimeLimits:
        return TimeLimits(
            cell=self.cell_timeout,
            call=self.call_timeout,
            test=self.test_timeout,
            notebook=self.notebook_timeout,
        )


def is_test(cell: Any) -> bool:
    """Whether a cell is a test: code that earns points and that no student can edit."""
    return bool(cell.cell_type == "code" and utils.is_grade(cell) and not utils.is_solution(cell))


def _number(nb: Any) -> None:
    # As if a kernel had counted: readers of feedback refer to cells by these numbers.
    count = 0
    for cell in nb.cells:
        if cell.cell_type == "code":
            count += 1
            cell.execution_count = count
            for output in cell.outputs:
                if output.output_type == "execute_result":
                    output.execution_count = count
