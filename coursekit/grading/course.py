"""A course directory: nbgrader's own objects, set up with the course's own configuration."""

from __future__ import annotations

import functools
import logging
import os
import re
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nbgrader.api import Gradebook
from nbgrader.coursedir import CourseDirectory
from sqlalchemy.exc import SAWarning
from traitlets.config.loader import Config, PyFileConfigLoader

from coursekit.grading.triage import COPIES

__all__ = ["Course"]

CONFIG_FILE = "nbgrader_config.py"


@dataclass(frozen=True)
class Course:
    """A directory with ``nbgrader_config.py`` in it.

    Parameters
    ----------
    db : address of the gradebook's database, as SQLAlchemy writes it; without one, what the
        configuration says, which is a file beside it when it says nothing

    Raises
    ------
    FileNotFoundError : there is no such file
    """

    root: Path
    db: str = ""

    def __post_init__(self) -> None:
        if not (self.root / CONFIG_FILE).is_file():
            raise FileNotFoundError(
                f"{self.root} holds no {CONFIG_FILE}; expected a course directory: name it with "
                "--course"
            )

    @functools.cached_property
    def config(self) -> Config:
        """What nbgrader_config.py sets; commands of nbgrader given in the directory read it too."""
        config: Config = PyFileConfigLoader(CONFIG_FILE, path=str(self.root)).load_config()
        return config

    @functools.cached_property
    def log(self) -> logging.Logger:
        """nbgrader's messages, of which a file is the right reader."""
        log = logging.getLogger(f"coursekit.grading.{self.root}")
        log.propagate = False
        log.setLevel(logging.INFO)
        if not log.handlers:
            handler = logging.FileHandler(self.root / "report.log", delay=True, encoding="utf-8")
            handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
            log.addHandler(handler)
        return log

    def coursedir(self, assignment: str, student: str = ".") -> Any:
        """nbgrader's CourseDirectory, set to one assignment and student."""
        coursedir = CourseDirectory(config=self.config)
        coursedir.root = str(self.root)
        if self.db:
            # Unnamed, SQLAlchemy takes the older of PostgreSQL's drivers.
            coursedir.db_url = re.sub("^postgres(ql)?:", "postgresql+psycopg:", self.db)
        coursedir.assignment_id, coursedir.student_id = assignment, student
        return coursedir

    def convert(self, step: Any, assignment: str, student: str = ".") -> None:
        """Run one of nbgrader's converters, over what an earlier run left."""
        coursedir = self.coursedir(assignment, student)
        coursedir.submitted_directory = COPIES
        converter = step(coursedir=coursedir, config=self.config, log=self.log)
        converter.force = True
        with _own_tools():
            converter.start()

    @contextmanager
    def gradebook(self) -> Iterator[Any]:
        """The gradebook, open."""
        coursedir = self.coursedir(".")
        with _own_tools():
            try:
                gradebook = Gradebook(coursedir.db_url, coursedir.course_id)
            except ModuleNotFoundError as error:
                raise ValueError(
                    f"{coursedir.db_url.partition(':')[0]} needs a driver ({error}); expected one "
                    "to be installed: for PostgreSQL, pip install 'coursekit[postgres]'"
                ) from None
            with gradebook:
                yield gradebook

    def path(self, step: str, assignment: str, student: str = ".") -> Path:
        """``release/.``, ``submitted/<student>`` and so on, as the configuration names them."""
        coursedir = self.coursedir(assignment)
        directory = getattr(coursedir, f"{step}_directory")
        return Path(coursedir.format_path(directory, student, assignment)).resolve()


@contextmanager
def _own_tools() -> Iterator[None]:
    """PATH with this Python's programs first: nbgrader starts alembic to make a gradebook."""
    before = os.environ.get("PATH", os.defpath)
    os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{before}"
    try:
        with warnings.catch_warnings():
            # nbgrader makes entries in an order that SQLAlchemy remarks upon at length.
            warnings.simplefilter("ignore", SAWarning)
            yield
    finally:
        os.environ["PATH"] = before
