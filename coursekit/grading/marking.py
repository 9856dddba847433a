"""What a worker does for one student: from the notebook that was handed in to points.

Everything that it needs comes with the job, and everything that it finds goes back as a result.  It
sees neither the gradebook nor the course's secret seed, so it can run on another machine.
"""

from __future__ import annotations

import functools
import hashlib
import logging
import os
import pickle
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nbformat
from nbgrader import utils
from nbgrader.converters import Autograde
from nbgrader.coursedir import CourseDirectory
from nbgrader.preprocessors import (
    AssignLatePenalties,
    OverwriteCells,
    OverwriteKernelspec,
    SaveAutoGrades,
)
from traitlets.config.loader import Config
from traitlets.utils.importstring import import_item

from coursekit.grading.clean import CleanSubmission, notebook_of_record, rebuild
from coursekit.grading.course import Course
from coursekit.grading.overlay import PACKAGE
from coursekit.grading.split import SplitExecute

__all__ = [
    "Job",
    "Marker",
    "Marks",
    "Outcome",
    "Setting",
    "classes",
    "library_digest",
    "make_setting",
]

# These read the gradebook, and what they do depends on no student: it is done once, to the record.
_OF_RECORD = (OverwriteKernelspec, OverwriteCells)
# What they write is written by the one process that may.
_OF_WRITER = (SaveAutoGrades, AssignLatePenalties)
_NO_RESPONSE = "No response."


@dataclass(frozen=True)
class Setting:
    """What all students of a set have in common.

    Attributes
    ----------
    root : of the course, which no sandbox shows
    config : what nbgrader_config.py sets
    records : name of each notebook -> the released one, as the gradebook knows it
    library : digest of this library's code, which must be the same wherever jobs are done
    """

    assignment: str
    root: Path
    config: Config
    records: Mapping[str, str]
    library: str


@dataclass(frozen=True)
class Job:
    """One student's notebooks, and the seed of the inputs that they are graded on."""

    student: str
    seed: str
    notebooks: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True)
class Marks:
    """What the gradebook is to be told of one notebook, by grade_id.

    Attributes
    ----------
    scores : None where a person has to look
    comments : on cells that students write
    """

    scores: Mapping[str, float | None]
    comments: Mapping[str, str | None]


@dataclass(frozen=True)
class Outcome:
    """What became of a job.

    Attributes
    ----------
    notebooks : the graded notebooks
    problem : why there are none, which is no fault of the student's; empty where all went well
    log : lines for whoever looks into it
    """

    student: str
    notebooks: Mapping[str, str] = field(default_factory=dict, repr=False)
    marks: Mapping[str, Marks] = field(default_factory=dict)
    problem: str = ""
    log: tuple[str, ...] = ()
    seconds: float = 0.0


def make_setting(course: Course, assignment: str, names: Iterable[str]) -> Setting:
    """What workers need to know of a set.

    Parameters
    ----------
    names : of its notebooks

    Raises
    ------
    ValueError : with this configuration, code would be run without the sandbox, or workers cannot
        be told of it
    """
    coursedir = course.coursedir(assignment)
    steps = Autograde(coursedir=coursedir, config=course.config, log=course.log)
    if not any(issubclass(step, SplitExecute) for step in classes(steps.autograde_preprocessors)):
        raise ValueError(
            "Autograde.autograde_preprocessors holds no SplitExecute; expected it in the place of "
            "nbgrader's Execute, which runs students' code without a sandbox"
        )
    records = {}
    for name in names:
        record = notebook_of_record(coursedir, assignment, name)
        resources = _resources(assignment, ".", name, coursedir.db_url)
        for step in classes(steps.sanitize_preprocessors):
            if issubclass(step, _OF_RECORD):
                record, resources = step(parent=steps)(record, resources)
        records[name] = nbformat.writes(record)  # type: ignore[no-untyped-call]
    setting = Setting(assignment, course.root, course.config, records, library_digest())
    try:
        pickle.dumps(setting)
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        raise ValueError(
            f"nbgrader_config.py sets something that other processes cannot be told ({error}); "
            "expected classes of modules that can be imported"
        ) from None
    return setting


def classes(steps: Iterable[Any]) -> list[Any]:
    """Preprocessors as a configuration lists them: classes, or where to import them from."""
    return [import_item(step) if isinstance(step, str) else step for step in steps]


@functools.cache
def library_digest() -> str:
    """Of this library's code."""
    digest = hashlib.sha256()
    for path in sorted(PACKAGE.rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


class Marker:
    """Does the jobs of one set, one after the other."""

    def __init__(self, setting: Setting) -> None:
        self._setting = setting
        coursedir = CourseDirectory(config=setting.config)
        coursedir.root = str(setting.root)
        self._lines = _Lines()
        log = logging.Logger("coursekit.grading.marking", logging.WARNING)
        log.addHandler(self._lines)
        self._steps = Autograde(coursedir=coursedir, config=setting.config, log=log)

    def do(self, job: Job) -> Outcome:
        """Grade one student's notebooks; whatever goes wrong is in the outcome."""
        self._lines.kept.clear()
        # As nbgrader has it, for test cells that look.
        os.environ["NBGRADER_EXECUTION"] = "autograde"
        notebooks: dict[str, str] = {}
        marks: dict[str, Marks] = {}
        problem = ""
        try:
            for name, text in job.notebooks.items():
                notebooks[name], marks[name] = self._mark(job, name, text)
        except Exception as error:
            # One student's trouble must not become another's.
            self._steps.log.exception("%s could not be graded", job.student)
            problem = f"{type(error).__name__}: {error}"
            notebooks, marks = {}, {}
        return Outcome(job.student, notebooks, marks, problem, tuple(self._lines.kept))

    def _mark(self, job: Job, name: str, text: str) -> tuple[str, Marks]:
        steps, setting = self._steps, self._setting
        read: Any = nbformat.reads
        nb = read(text, as_version=4)
        resources = _resources(setting.assignment, job.student, name, "")
        resources["nbgrader"]["seed"] = job.seed
        for step in classes(steps.sanitize_preprocessors):
            if issubclass(step, CleanSubmission):
                limits = step(parent=steps)
                record = read(setting.records[name], as_version=4)
                nb = rebuild(record, nb, limits.max_cell_size, limits.max_extra_cells)
            elif not issubclass(step, _OF_RECORD):
                nb, resources = step(parent=steps)(nb, resources)
        marks = Marks({}, {})
        for step in classes(steps.autograde_preprocessors):
            if issubclass(step, SaveAutoGrades):
                marks = _marks(nb)
            elif not issubclass(step, _OF_WRITER):
                nb, resources = step(parent=steps)(nb, resources)
        return nbformat.writes(nb), marks  # type: ignore[no-untyped-call]


def _marks(nb: Any) -> Marks:
    """What nbgrader's SaveAutoGrades would write."""
    scores: dict[str, float | None] = {}
    comments: dict[str, str | None] = {}
    for cell in nb.cells:
        about = cell.metadata.get("nbgrader", {})
        if utils.is_grade(cell):
            scores[about["grade_id"]], _ = utils.determine_grade(cell)
        if utils.is_solution(cell) or utils.is_task(cell):
            unchanged = about.get("checksum") == utils.compute_checksum(cell)
            empty = unchanged and not utils.is_task(cell)
            comments[about["grade_id"]] = _NO_RESPONSE if empty else None
    return Marks(scores, comments)


def _resources(assignment: str, student: str, notebook: str, db_url: str) -> dict[str, Any]:
    about = {"assignment": assignment, "student": student, "notebook": notebook, "db_url": db_url}
    return {"unique_key": notebook, "output_files_dir": f"{notebook}_files", "nbgrader": about}


class _Lines(logging.Handler):
    """Keeps what was logged, within reason."""

    def __init__(self) -> None:
        super().__init__()
        self.kept: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if len(self.kept) < 100:
            self.kept.append(f"{record.levelname} {self.format(record)[:10_000]}")
