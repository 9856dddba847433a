"""Grade all submissions of a set: workers mark, this process writes."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Generator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

from nbgrader.plugins import CsvExportPlugin

from coursekit.grading.course import CONFIG_FILE, Course
from coursekit.grading.crew import Crew
from coursekit.grading.exchange import received_times
from coursekit.grading.journal import Journal
from coursekit.grading.marking import Job, Outcome, library_digest, make_setting
from coursekit.grading.progress import Progress
from coursekit.grading.receipts import write_receipts
from coursekit.grading.report import Result
from coursekit.grading.sandbox import find_bwrap
from coursekit.grading.seed import secret_seed, student_seed
from coursekit.grading.split import SplitExecute
from coursekit.grading.triage import COPIES, Submission, triage
from coursekit.grading.writer import Writer, open_writer

__all__ = ["grade_set"]

_MARGIN = 300.0  # seconds for what surrounds a student's code


def grade_set(
    course: Course,
    assignment: str,
    *,
    regrade: bool = False,
    progress: bool = True,
    workers: int | None = None,
    scheduler: str | None = None,
) -> list[Result]:
    """Grade every submission, write feedback pages, the CSV of grades, and the report.

    What is unchanged since it was last graded keeps its result.  A run that was ended, in whatever
    way, goes on where it was when it is started again.

    Parameters
    ----------
    regrade : grade what is unchanged, too
    progress : tell on stderr how far it has come
    workers : processes that mark; as many as there are processors without it
    scheduler : address of a scheduler of dask.distributed, whose workers mark instead

    Returns
    -------
    One result for each submission, in the order of the students' names

    Raises
    ------
    SandboxError : students' code cannot be run safely here; nothing was graded
    ValueError : the gradebook does not know the assignment; or another run is at work on it
    """
    if scheduler is None:
        find_bwrap()
    notebooks = _notebooks(course, assignment)
    with (
        Journal(course.root / f"report.{assignment}.json") as journal,
        open_writer(course, assignment) as writer,
    ):
        submissions = triage(
            course.path("submitted", assignment, ".").parent,
            assignment,
            notebooks,
            course.root / COPIES,
            received_times(course, assignment),
        )
        common = _common_fingerprint(course, assignment)
        prints = {s.student: _fingerprint(common, s) for s in submissions}
        results = {} if regrade else _kept(journal, writer, prints, notebooks)
        todo = {s.student: s for s in submissions if s.student not in results}
        display = Progress(len(todo), progress)
        with (
            closing(_outcomes(course, assignment, notebooks, todo, workers, scheduler)) as outcomes,
            display,
        ):
            for outcome in outcomes:
                student = outcome.student
                journal.begin(student)
                result = replace(
                    _written(course, writer, todo[student], outcome),
                    fingerprint=prints[student],
                    seconds=outcome.seconds,
                )
                journal.finish(result)
                results[student] = result
                display.tell(f"{result.line}  {result.seconds:.1f} s")
        ordered = [results[s.student] for s in submissions]
        write_receipts(course, assignment)
        _export(course, assignment)
        journal.complete(ordered)
    return ordered


def _outcomes(
    course: Course,
    assignment: str,
    notebooks: Mapping[str, object],
    todo: Mapping[str, Submission],
    workers: int | None,
    scheduler: str | None,
) -> Generator[Outcome, None, None]:
    """What becomes of each submission, as it comes."""
    yield from (Outcome(student) for student, submission in todo.items() if submission.problem)
    students = [student for student, submission in todo.items() if not submission.problem]
    if not students:
        return
    setting = make_setting(course, assignment, notebooks)
    seed = secret_seed(course.root)

    def make_job(student: str) -> Job:
        texts = {path.stem: path.read_text("utf-8") for path in todo[student].notebooks}
        return Job(student, student_seed(seed, student), texts)

    patience = SplitExecute(config=course.config).notebook_timeout * len(notebooks) + _MARGIN
    if scheduler is None:
        count = workers or len(os.sched_getaffinity(0))
        crew = Crew(setting, course.root / "report.log", count, patience)
        yield from crew.outcomes(students, make_job)
    else:
        from coursekit.grading.cluster import outcomes_on

        yield from outcomes_on(scheduler, setting, students, make_job, patience)


def _written(course: Course, writer: Writer, submission: Submission, outcome: Outcome) -> Result:
    """The result, when all that belongs to it is in its place."""
    for line in outcome.log:
        course.log.warning("%s: %s", submission.student, line)
    problem = outcome.problem
    if not problem:
        try:
            if submission.problem:
                return writer.unreadable(submission)
            return writer.graded(submission, outcome)
        except Exception as error:
            # A full disk, say: the next student may be luckier, and a later run will be.
            course.log.exception("%s could not be written down", submission.student)
            writer.undo()
            problem = f"{type(error).__name__}: {error}"
    message = f"{problem}; see report.log"
    return Result(submission.student, "failed", 0.0, writer.max_score, False, message)


def _kept(
    journal: Journal, writer: Writer, prints: Mapping[str, str], notebooks: Mapping[str, object]
) -> dict[str, Result]:
    """Results that stand, with the scores that the gradebook has by now."""
    kept = {}
    scores = writer.scores()
    for student, result in journal.results().items():
        if (
            result.status != "failed"
            and result.fingerprint == prints.get(student)
            and student in scores
            and writer.is_complete(result, notebooks)
        ):
            score, by_hand = scores[student]
            kept[student] = replace(result, score=score, by_hand=by_hand)
    return kept


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


def _common_fingerprint(course: Course, assignment: str) -> str:
    """Of what every score depends on: the code that grades, the set, the seed, the libraries."""
    release = course.path("release", assignment)
    files = [*sorted(p for p in release.rglob("*") if p.is_file()), course.root / CONFIG_FILE]
    versions = [version(name) for name in ("numpy", "scipy", "nbgrader", "ipython")]
    return _digest(files, [library_digest(), secret_seed(course.root), *versions])


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
