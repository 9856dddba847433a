"""The one who writes: the gradebook, the graded notebooks and the feedback pages.

Everything about a student is written by one process through one connection, so any number of
workers may mark.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import nbformat
from nbgrader.api import BaseCell, Comment, Grade, SubmittedAssignment
from nbgrader.converters import Autograde, GenerateFeedback
from nbgrader.preprocessors import AssignLatePenalties, GetGrades
from nbgrader.utils import find_all_files

from coursekit.grading.course import Course
from coursekit.grading.feedback import unreadable_page
from coursekit.grading.files import replace_file
from coursekit.grading.marking import Marks, Outcome, classes
from coursekit.grading.report import Result
from coursekit.grading.triage import COPIES, Submission

__all__ = ["Writer", "open_writer"]


@contextmanager
def open_writer(course: Course, assignment: str) -> Iterator[Writer]:
    """A writer with the gradebook open."""
    with course.gradebook() as gradebook:
        yield Writer(course, assignment, gradebook)


class Writer:
    """Writes what became of each student of one set."""

    def __init__(self, course: Course, assignment: str, gradebook: Any) -> None:
        self._course = course
        self._assignment = assignment
        self._gradebook = gradebook
        coursedir = course.coursedir(assignment)
        parts: dict[str, Any] = {"coursedir": coursedir, "config": course.config, "log": course.log}
        self._autograde, self._feedback = Autograde(**parts), GenerateFeedback(**parts)
        self._exporter = self._feedback.exporter_class(
            parent=self._feedback, config=self._feedback.config
        )
        for step in classes(self._feedback.preprocessors):
            if not issubclass(step, GetGrades):  # the grades are at hand
                self._exporter.register_preprocessor(step)
        source = course.path("source", assignment)
        self._given = {
            str(Path(path).relative_to(source)): Path(path)
            for path in find_all_files(str(source), [*coursedir.ignore, "*.ipynb"])
            if str(Path(path).relative_to(source))
            not in self._autograde.exclude_overwriting.get(assignment, [])
        }
        self.max_score = float(gradebook.find_assignment(assignment).max_score)

    def scores(self) -> dict[str, tuple[float, bool]]:
        """Of each student in the gradebook: points, and whether something waits for a person."""
        entry = SubmittedAssignment
        query = self._gradebook.db.query(entry.student_id, entry.score, entry.needs_manual_grade)
        assignment = self._gradebook.find_assignment(self._assignment)
        rows = query.filter(entry.assignment_id == assignment.id)
        return {student: (float(score), bool(waits)) for student, score, waits in rows}

    def graded(self, submission: Submission, outcome: Outcome) -> Result:
        """Write everything about a student whose notebooks were marked."""
        student = submission.student
        folder = self._course.path("autograded", self._assignment, student)
        copies = self._course.root / COPIES / student / self._assignment
        wanted = {f"{name}.ipynb": text.encode() for name, text in outcome.notebooks.items()}
        wanted |= {name: path.read_bytes() for name, path in self._given.items()}
        timestamp = copies / "timestamp.txt"
        if timestamp.is_file():
            wanted[timestamp.name] = timestamp.read_bytes()
        _fill(folder, wanted, self._autograde.permissions)
        entry = self._enter(student, copies, outcome.marks)
        pages = {
            f"{notebook.name}.html": self._page(student, notebook, outcome.notebooks[notebook.name])
            for notebook in entry.notebooks
            if notebook.name in outcome.notebooks
        }
        others = {name: raw for name, raw in wanted.items() if not name.endswith(".ipynb")}
        self._write_pages(student, {**pages, **others})
        result = Result(
            student,
            "graded",
            float(entry.score),
            float(entry.max_score),
            bool(entry.needs_manual_grade),
            "; ".join(submission.notes),
        )
        self._forget()
        return result

    def unreadable(self, submission: Submission) -> Result:
        """Record a submission that cannot be graded, with no points, and say why on its page."""
        student = submission.student
        entry = self._enter(student, None, {})
        pages = {
            f"{notebook.name}.html": unreadable_page(
                notebook.name, student, self.max_score, submission.problem
            ).encode()
            for notebook in entry.notebooks
        }
        # An earlier attempt, which no longer counts.
        shutil.rmtree(self._course.path("autograded", self._assignment, student), True)
        self._write_pages(student, pages)
        self._forget()
        return Result(student, "unreadable", 0.0, self.max_score, False, submission.problem)

    def undo(self) -> None:
        """Leave the gradebook as it was before a student whose entry could not be finished."""
        self._gradebook.db.rollback()
        self._forget()

    def is_complete(self, result: Result, notebooks: Mapping[str, object]) -> bool:
        """Whether the files that belong to a result are all there."""
        pages = self._course.path("feedback", self._assignment, result.student)
        graded = self._course.path("autograded", self._assignment, result.student)
        return all((pages / f"{name}.html").is_file() for name in notebooks) and (
            result.status != "graded" or any(graded.glob("*.ipynb"))
        )

    # -- the gradebook -----------------------------------------------------------------------

    def _enter(self, student: str, copies: Path | None, marks: Mapping[str, Marks]) -> Any:
        """Enter marks; what people entered stays. A notebook without marks scores nothing."""
        gradebook = self._gradebook
        gradebook.update_or_create_student(student)
        time = copies and self._autograde.coursedir.get_existing_timestamp(str(copies))
        stated = {"timestamp": time} if time else {}
        entry = gradebook.update_or_create_submission(self._assignment, student, **stated)
        for notebook in entry.notebooks:
            found = marks.get(notebook.name)
            for grade, name in self._of_cells(Grade, notebook):
                if found is None:
                    grade.auto_score, grade.needs_manual_grade = 0, False
                elif name in found.scores:  # a task for a person to mark is not
                    grade.auto_score = found.scores[name]
                    marked_by_hand = grade.manual_score is not None
                    grade.needs_manual_grade = marked_by_hand or grade.auto_score is None
            for comment, name in self._of_cells(Comment, notebook):
                if found is not None and name in found.comments:
                    comment.auto_comment = found.comments[name]
        gradebook.db.flush()
        if marks:
            self._assign_penalties(student, entry)
        gradebook.db.commit()
        return entry

    def _of_cells(self, kind: Any, notebook: Any) -> list[tuple[Any, str]]:
        """A notebook's grades or comments, each with its cell's grade_id."""
        query = self._gradebook.db.query(kind, BaseCell.name)
        rows = query.join(BaseCell, BaseCell.id == kind.cell_id)
        return [(one, name) for one, name in rows.filter(kind.notebook_id == notebook.id)]

    def _assign_penalties(self, student: str, entry: Any) -> None:
        """As nbgrader's AssignLatePenalties does."""
        steps = classes(self._autograde.autograde_preprocessors)
        penalties = [step for step in steps if issubclass(step, AssignLatePenalties)]
        if not penalties:
            return
        step = penalties[0](parent=self._autograde)
        step.init_plugin()
        for notebook in entry.notebooks:
            notebook.late_submission_penalty = None
            if entry.total_seconds_late > 0:
                penalty = step.plugin_inst.late_submission_penalty(
                    student, notebook.score, entry.total_seconds_late
                )
                if penalty is not None:
                    checked = step._check_late_penalty(notebook, penalty)
                    notebook.late_submission_penalty = checked

    def _forget(self) -> None:
        # Entries of a thousand students need not be kept in memory.
        self._gradebook.db.remove()

    # -- files -------------------------------------------------------------------------------

    def _page(self, student: str, notebook: Any, text: str) -> bytes:
        """The feedback page of a graded notebook, with what the gradebook says by now."""
        read: Any = nbformat.reads
        nb = read(text, as_version=4)
        grades = {name: grade for grade, name in self._of_cells(Grade, notebook)}
        comments = {name: comment for comment, name in self._of_cells(Comment, notebook)}
        for cell in nb.cells:
            about = cell.metadata.get("nbgrader", {})
            if about.get("grade_id") in comments:
                about["comment"] = comments[about["grade_id"]].comment
            if about.get("grade_id") in grades:
                about["score"] = grades[about["grade_id"]].score
                about["points"] = grades[about["grade_id"]].max_score
        penalty = notebook.late_submission_penalty or 0
        about = {"assignment": self._assignment, "student": student, "notebook": notebook.name}
        about |= {"score": notebook.score - penalty, "max_score": notebook.max_score}
        resources = {"unique_key": notebook.name, "nbgrader": {**about, "late_penalty": penalty}}
        page, _ = self._exporter.from_notebook_node(nb, resources)
        return bytes(page.encode())

    def _write_pages(self, student: str, wanted: Mapping[str, bytes]) -> None:
        folder = self._course.path("feedback", self._assignment, student)
        _fill(folder, wanted, self._feedback.permissions, remove=False)


def _fill(folder: Path, wanted: Mapping[str, bytes], permissions: int, remove: bool = True) -> None:
    """Make a folder hold these files; each is the old one or the new one, whatever happens."""
    for name, content in wanted.items():
        replace_file(folder / name, content)
        (folder / name).chmod(int(str(permissions), 8))
    for path in folder.rglob("*") if remove else ():
        if path.is_file() and str(path.relative_to(folder)) not in wanted:
            path.unlink()
