"""The command ``coursekit``: release a problem set, grade what students handed in."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from coursekit.grading.course import Course

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; its exit status: 0 done, 1 some submissions failed, 2 refused."""
    options = _parser().parse_args(arguments)
    # Imported late, so that --help does not wait for nbgrader.
    from nbgrader.converters.base import NbGraderException
    from sqlalchemy.exc import ArgumentError, SQLAlchemyError

    from coursekit.grading.course import Course
    from coursekit.grading.sandbox import SandboxError

    try:
        course = Course(options.course.resolve(), options.db)
        if options.command == "source":
            return _source(course, options.set)
        if options.command == "sample":
            return _sample(course, options.set)
        if options.command == "report":
            return _report(course, options.set)
        if options.command == "collect":
            return _collect(course, options.set, options.downloads)
        if options.command == "export":
            return _export(course, options.set, options.lms, options.column)
        return _grade(course, options)
    except (FileNotFoundError, SandboxError, ValueError) as error:
        print(f"coursekit: {error}", file=sys.stderr)
        return 2
    except ArgumentError:
        print(
            f"coursekit: --db {options.db!r} is no address of a database; expected an address such "
            "as postgresql://user@host/name or sqlite:////path/gradebook.db",
            file=sys.stderr,
        )
        return 2
    except SQLAlchemyError as error:
        print(f"coursekit: the gradebook's database: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\ncoursekit: ended; what is done is kept, and a new run goes on", file=sys.stderr)
        return 130
    except NbGraderException as error:
        print(f"coursekit: {error}; see {course.root / 'report.log'}", file=sys.stderr)
        return 2


def _source(course: Course, set_name: str) -> int:
    from coursekit.grading.release import release_set

    released = release_set(course, set_name)
    print(f"{set_name}: {'released' if released.changed else 'unchanged since it was released'}")
    print(f"  students' notebook  {released.notebook}")
    print(f"  exchange            {released.exchange}")
    return 0


def _sample(course: Course, set_name: str) -> int:
    from coursekit.grading.sample import write_sample_class

    paths = write_sample_class(course.root, set_name)
    print(f"{set_name}: {len(paths)} sample submissions in {course.root / 'submitted'}")
    return 0


def _grade(course: Course, options: argparse.Namespace) -> int:
    from coursekit.grading.report import table
    from coursekit.grading.runner import grade_set

    set_name = options.set
    results = grade_set(
        course,
        set_name,
        regrade=options.regrade,
        workers=options.workers,
        scheduler=options.scheduler,
    )
    text = table(results)
    (course.root / f"report.{set_name}.txt").write_text(text + "\n", encoding="utf-8")
    print(text)
    print(f"grades    {course.root / set_name}.csv")
    print(f"report    {course.root / 'report'}.{set_name}.txt and .json")
    print(f"feedback  {course.path('feedback', set_name, '*')}")
    if results:
        _report(course, set_name)
    return 1 if any(result.status == "failed" for result in results) else 0


def _report(course: Course, set_name: str) -> int:
    from coursekit.grading.class_report import write_class_report

    print(f"class     {write_class_report(course, set_name)}")
    return 0


def _collect(course: Course, set_name: str, downloads: Path | None) -> int:
    from coursekit.grading.collect import collect
    from coursekit.grading.exchange import inbound

    done = collect(course, set_name, downloads or inbound(course))
    for student, line in done.lines.items():
        print(f"{student:<16} {line}")
    for line in done.unknown:
        print(f"not collected: {line}", file=sys.stderr)
    print(f"{len(done.lines)} students; {len(done.unknown)} files not collected")
    return 1 if done.unknown else 0


def _export(course: Course, set_name: str, lms: str, column: str | None) -> int:
    from coursekit.grading.lms import export

    path, sheet = export(course, set_name, lms, column or set_name)
    for line in sheet.notes:
        print(line, file=sys.stderr)
    print(f"{lms}: {sheet.count} students in {path}")
    return 1 if sheet.left_out else 0


def _count(text: str) -> int:
    """A number of workers."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"got {number}; expected 1 or more")
    return number


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="coursekit", description=__doc__)
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("set", help="name of the problem set, as in: chern")
    common.add_argument(
        "--course",
        type=Path,
        default=Path("exercises"),
        metavar="DIR",
        help="directory with nbgrader_config.py (default: exercises)",
    )
    common.add_argument(
        "--db",
        default="",
        metavar="URL",
        help="gradebook, as in postgresql://user@host/name (default: as configured)",
    )
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser(
        "source", parents=[common], help="make source and release of a set, and publish it"
    )
    commands.add_parser(
        "sample", parents=[common], help="hand in a set for a class of invented students"
    )
    grade = commands.add_parser(
        "grade", parents=[common], help="grade every submission of a set in exercises/submitted"
    )
    grade.add_argument(
        "--regrade", action="store_true", help="grade what is unchanged since last time, too"
    )
    where = grade.add_mutually_exclusive_group()
    where.add_argument(
        "--workers",
        type=_count,
        metavar="N",
        help="processes at a time (default: one for each processor)",
    )
    where.add_argument(
        "--scheduler",
        metavar="ADDRESS",
        help="grade on the workers of this dask.distributed scheduler",
    )
    commands.add_parser(
        "report", parents=[common], help="write the instructor's report on the class"
    )
    collect = commands.add_parser(
        "collect", parents=[common], help="take in what students handed in"
    )
    collect.add_argument(
        "downloads",
        type=Path,
        nargs="?",
        help="download from Canvas or Moodle, or a folder of them (default: the exchange)",
    )
    export = commands.add_parser(
        "export", parents=[common], help="write grades as Canvas or Moodle import them"
    )
    export.add_argument("--lms", choices=("canvas", "moodle"), required=True)
    export.add_argument(
        "--column",
        metavar="NAME",
        help="heading of the grade there; Canvas' own is like 'chern (1234)' (default: the set)",
    )
    return parser
