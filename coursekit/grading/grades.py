"""What the gradebook says of an assignment, hand-given points and late penalties included."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from nbgrader import api

from coursekit.grading.course import Course
from coursekit.grading.recover import read_notebook

__all__ = ["Grade", "load_grades", "released_cells"]


@dataclass(frozen=True)
class Grade:
    """One student's grade as it stands.

    Attributes
    ----------
    score : with the late penalty taken off, not below 0
    waiting : grade_ids of what waits for a person's marks, so that the score may still grow
    tasks : grade_id -> points earned and points possible, in the order of the cells
    """

    student: str
    score: float
    max_score: float
    waiting: frozenset[str]
    tasks: Mapping[str, tuple[float, float]]


def released_cells(course: Course, assignment: str) -> dict[str, str]:
    """grade_id -> source of the cells that students get, in their order."""
    cells: dict[str, str] = {}
    for path in sorted(course.path("release", assignment).glob("*.ipynb")):
        for cell in read_notebook(path.read_bytes()).notebook.cells:
            name = cell.metadata.get("nbgrader", {}).get("grade_id")
            if name:
                cells[name] = cell.source
    return cells


def load_grades(course: Course, assignment: str) -> list[Grade]:
    """Grades of everyone who handed in, sorted by student."""
    with course.gradebook() as gradebook:
        db = gradebook.db
        submissions = (
            db.query(api.Student.id, api.SubmittedNotebook.id)
            .select_from(api.SubmittedNotebook)
            .join(api.SubmittedAssignment)
            .join(api.Assignment)
            .join(api.Student)
            .filter(api.Assignment.name == assignment)
        )
        owner = {notebook: student for student, notebook in submissions}
        penalties = dict.fromkeys(owner.values(), 0.0)
        penalty_of = api.SubmittedNotebook.late_submission_penalty
        for notebook, penalty in db.query(api.SubmittedNotebook.id, penalty_of):
            if notebook in owner:
                penalties[owner[notebook]] += penalty or 0
        points: dict[str, tuple[str, float]] = {}
        for kind in (api.GradeCell, api.TaskCell):
            for cell, name, possible in db.query(kind.id, kind.name, kind.max_score):
                points[cell] = (name, float(possible or 0))
        tasks: dict[str, dict[str, tuple[float, float]]] = {s: {} for s in penalties}
        waiting: dict[str, set[str]] = {s: set() for s in penalties}
        columns = (
            api.Grade.notebook_id,
            api.Grade.cell_id,
            api.Grade.score,
            api.Grade.needs_manual_grade,
        )
        for notebook, cell, score, by_hand in db.query(*columns):
            if notebook in owner and cell in points:
                name, possible = points[cell]
                tasks[owner[notebook]][name] = (float(score or 0), possible)
                if by_hand:
                    waiting[owner[notebook]].add(name)
    order = {name: number for number, name in enumerate(released_cells(course, assignment))}
    grades = []
    for student in sorted(tasks):
        earned = sum(score for score, _ in tasks[student].values())
        possible = sum(points for _, points in tasks[student].values())
        score = max(0.0, earned - penalties[student])
        names = sorted(tasks[student], key=lambda name: order.get(name, len(order)))
        ordered = {name: tasks[student][name] for name in names}
        grades.append(Grade(student, score, possible, frozenset(waiting[student]), ordered))
    return grades
