"""Grade all submissions of a set in one process."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

from nbgrader.converters import Autograde, GenerateFeedback
from nbgrader.plugins import CsvExportPlugin

from coursekit.grading.course import CONFIG_FILE, Course
from coursekit.grading.exchange import received_times
from coursekit.grading.feedback import unreadable_page
from coursekit.grading.overlay import PACKAGE
from coursekit.grading.pool import shared_pool
from coursekit.grading.progress import Progress
from coursekit.grading.receipts import write_receipts
from coursekit.grading.report import Result, load_results, save_results
from coursekit.grading.sandbox import find_bwrap
from coursekit.grading.seed import secret_seed
from coursekit.grading.triage import COPIES, Submission, triage

__all__ = ["grade_set"]


def grade_set(
    course: Course, assignment: str, *, regrade: bool = False, progress: bool = True
) -> list[Result]:
    """Grade every submission, write feedback pages, the CSV of grades, and the report.

    What is unchanged since it was last graded keeps its result.

    Parameters
    ----------
    regrade : grade what is unchanged, too
    progress : tell on stderr how far it has come

    Returns
    -------
    One result for each submission, in the order of the students' names

    Raises
    ------
    SandboxError : students' code cannot be run safely here; nothing was graded
    ValueError : the gradebook does not know the assignment
    """
    find_bwrap()
    submissions = triage(
        course.path("submitted", assignment, ".").parent,
        assignment,
        _notebooks(course, assignment),
        course.root / COPIES,
        received_times(course, assignment),
    )
    report = course.root / f"report.{assignment}.json"
    earlier = {} if regrade else load_results(report)
    common = _common_fingerprint(course, assignment)
    prints = {s.student: _fingerprint(common, s) for s in submissions}
    kept = {s.student for s in submissions if _is_current(course, assignment, s, prints, earlier)}
    results = {s.student: earlier[s.student] for s in submissions if s.student in kept}
    todo = [s for s in submissions if s.student not in kept]
    display = Progress(len(todo)) if progress else None
    try:
        for position, submission in enumerate(todo):
            if display:
                display.start(submission.student)
            # The next kernel warms up meanwhile; behind the last one it would be for nobody.
            shared_pool.ahead = any(not s.problem for s in todo[position + 1 :])
            began = time.monotonic()
            result = _grade_one(course, assignment, submission)
            result = replace(
                result,
                fingerprint=prints[submission.student],
                seconds=round(time.monotonic() - began, 2),
            )
            results[submission.student] = result
            # Saved after each student: a run that is killed goes on where it was.
            save_results(report, [*results.values()])
            if display:
                display.finish(f"{result.line}  {result.seconds:.1f} s")
    finally:
        shared_pool.close()
    ordered = [results[s.student] for s in submissions]
    save_results(report, ordered)
    write_receipts(course, assignment)
    _export(course, assignment)
    return ordered


def _grade_one(course: Course, assignment: str, submission: Submission) -> Result:
    if submission.problem:
        return _score_zero(course, assignment, submission)
    try:
        course.convert(Autograde, assignment, submission.student)
        course.convert(GenerateFeedback, assignment, submission.student)
    except Exception as error:
        # One student's trouble must not become another's; the log has the whole of it.
        course.log.exception("%s could not be graded", submission.student)
        message = f"{type(error).__name__}: {error}; see report.log"
        return Result(
            submission.student, "failed", 0.0, _max_score(course, assignment), False, message
        )
    with course.gradebook() as gradebook:
        graded = gradebook.find_submission(assignment, submission.student)
        return Result(
            submission.student,
            "graded",
            float(graded.score),
            float(graded.max_score),
            bool(graded.needs_manual_grade),
            "; ".join(submission.notes),
        )


def _score_zero(course: Course, assignment: str, submission: Submission) -> Result:
    """Record an unreadable submission with no points and say why on its feedback page."""
    student = submission.student
    with course.gradebook() as gradebook:
        gradebook.update_or_create_student(student)
        entry = gradebook.update_or_create_submission(assignment, student)
        for notebook in entry.notebooks:
            for grade in notebook.grades:
                grade.auto_score, grade.needs_manual_grade = 0, False
        gradebook.db.commit()
        max_score = float(entry.max_score)
        names = [notebook.name for notebook in entry.notebooks]
    page_directory = course.path("feedback", assignment, student)
    page_directory.mkdir(parents=True, exist_ok=True)
    for name in names:
        page = unreadable_page(name, student, max_score, submission.problem)
        (page_directory / f"{name}.html").write_text(page, encoding="utf-8")
    return Result(student, "unreadable", 0.0, max_score, False, submission.problem)


def _notebooks(course: Course, assignment: str) -> dict[str, list[str]]:
    """Names of an assignment's notebooks, each with the names of its cells."""
    with course.gradebook() as gradebook:
        known = [a for a in gradebook.assignments if a.name == assignment]
        notebooks = {
            notebook.name: [cell.name for cell in notebook.source_cells]
            for a in known
            for notebook in a.notebooks
        }
    if not notebooks:
        raise ValueError(
            f"the gradebook knows no assignment {assignment!r}; expected one that was released: "
            f"run `coursekit source {assignment}`"
        )
    return notebooks


def _max_score(course: Course, assignment: str) -> float:
    with course.gradebook() as gradebook:
        return float(gradebook.find_assignment(assignment).max_score)


def _is_current(
    course: Course,
    assignment: str,
    submission: Submission,
    prints: dict[str, str],
    earlier: Mapping[str, Result],
) -> bool:
    old = earlier.get(submission.student)
    if old is None or old.status == "failed" or old.fingerprint != prints[submission.student]:
        return False
    pages = course.path("feedback", assignment, submission.student)
    if not any(pages.glob("*.html")):
        return False
    with course.gradebook() as gradebook:
        students = {s.student.id for s in gradebook.assignment_submissions(assignment)}
    return submission.student in students


def _common_fingerprint(course: Course, assignment: str) -> str:
    """Of what every score depends on: the code that grades, the set, the seed, the libraries."""
    release = course.path("release", assignment)
    files = [
        *sorted(p for p in PACKAGE.rglob("*") if p.is_file() and "__pycache__" not in p.parts),
        *sorted(p for p in release.rglob("*") if p.is_file()),
        course.root / CONFIG_FILE,
    ]
    libraries = [version(name) for name in ("numpy", "scipy", "nbgrader", "ipykernel")]
    return _digest(files, [secret_seed(course.root), *libraries])


def _fingerprint(common: str, submission: Submission) -> str:
    said = (submission.problem, *submission.notes)
    return _digest(submission.notebooks, [common, submission.student, *said])


def _digest(files: Sequence[Path], texts: Sequence[str]) -> str:
    digest = hashlib.sha256()
    for text in texts:
        digest.update(text.encode() + b"\0")
    for path in files:
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def _export(course: Course, assignment: str) -> None:
    exporter = CsvExportPlugin(log=course.log)
    exporter.to = str(course.root / f"{assignment}.csv")
    exporter.assignment = [assignment]
    with course.gradebook() as gradebook:
        exporter.export(gradebook)
