"""Whole runs: what is skipped, what is told, and that nbgrader's own commands agree."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import pytest

from coursekit.grading.clean import rebuild
from coursekit.grading.cli import main
from coursekit.grading.course import Course
from coursekit.grading.ledger import Received, save_ledger
from coursekit.grading.progress import Progress
from coursekit.grading.report import load_results
from coursekit.grading.runner import grade_set
from coursekit.grading.seed import secret_seed, student_seed

RIGHT = "def double(x):\n    return x + x\n"


def test_only_what_changed_is_graded_again(
    fresh_course: Course, fresh_hand_in: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    fresh_hand_in.notebook("ada")
    fresh_hand_in.notebook("bob", double="def double(x):\n    return x")
    fresh_hand_in.file("cem", b"{")
    first = grade_set(fresh_course, "chern")
    told = capsys.readouterr().err.splitlines()
    assert [line[:5] for line in told] == ["[1/3]", "[2/3]", "[3/3]"]
    assert "s left" in told[0]
    assert [(r.student, r.status, r.score) for r in first] == [
        ("ada", "graded", 5),
        ("bob", "graded", 2),
        ("cem", "unreadable", 0),
    ]
    assert first[0].by_hand
    again = grade_set(fresh_course, "chern")
    assert capsys.readouterr().err == ""
    assert again == first
    fresh_hand_in.notebook("bob", double=RIGHT)
    third = grade_set(fresh_course, "chern")
    assert [line.split()[1] for line in capsys.readouterr().err.splitlines()] == ["bob"]
    assert third[1].score == 5


def test_report_csv_and_exit_status(
    fresh_course: Course, fresh_hand_in: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    fresh_hand_in.notebook("ada")
    assert main(["grade", "chern", "--course", str(fresh_course.root)]) == 0
    assert "1 submissions: 1 graded" in capsys.readouterr().out
    entries = json.loads((fresh_course.root / "report.chern.json").read_text(encoding="utf-8"))
    assert [(e["student"], e["score"], e["max_score"]) for e in entries] == [("ada", 5.0, 9.0)]
    assert "ada" in (fresh_course.root / "report.chern.txt").read_text(encoding="utf-8")
    header, line = (fresh_course.root / "chern.csv").read_text(encoding="utf-8").splitlines()
    assert dict(zip(header.split(","), line.split(","), strict=True))["score"] == "5.0"


def test_refusals_name_the_remedy(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["grade", "chern", "--course", str(tmp_path)]) == 2
    assert "expected a course directory: name it with --course" in capsys.readouterr().err


def test_unknown_set_is_refused(fresh_course: Course, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["grade", "nosuch", "--course", str(fresh_course.root)]) == 2
    assert "run `coursekit source nosuch`" in capsys.readouterr().err


def test_nbgrader_command_gives_the_same_scores(fresh_course: Course, fresh_hand_in: Any) -> None:
    fresh_hand_in.notebook("ada")
    fresh_hand_in.notebook("bob", double="def double(x):\n    return x")
    for step in ("autograde", "generate_feedback"):
        nbgrader(fresh_course, step)
    with fresh_course.gradebook() as gradebook:
        scores = {s.student.id: s.score for s in gradebook.assignment_submissions("chern")}
    assert scores == {"ada": 5.0, "bob": 2.0}
    assert {r.student: r.score for r in grade_set(fresh_course, "chern", progress=False)} == scores
    assert (fresh_course.path("feedback", "chern", "bob") / "chern.html").is_file()


def test_late_work_and_extra_credit_count_as_with_nbgrader(
    fresh_course: Course, fresh_hand_in: Any
) -> None:
    with (fresh_course.root / "nbgrader_config.py").open("a", encoding="utf-8") as file:
        file.write("\nc.LateSubmissionPlugin.penalty_method = 'zero'\n")
    course = Course(fresh_course.root)
    with course.gradebook() as gradebook:
        gradebook.update_or_create_assignment("chern", duedate="2026-01-01 12:00:00 UTC")
    handed_in = {"ada": "2026-01-01T11:00:00+00:00", "bob": "2026-01-01T13:00:00+00:00"}
    ledger = {}
    for student, time in handed_in.items():
        fresh_hand_in.notebook(student)
        fresh_hand_in.file(student, f"{time[:10]} {time[11:19]} UTC".encode(), "timestamp.txt")
        ledger[student] = Received("a test", 1, time, False, "")
    save_ledger(course.root, "chern", ledger)
    nbgrader(course, "autograde", "--force")
    with course.gradebook() as gradebook:
        for student in handed_in:
            (notebook,) = gradebook.find_submission("chern", student).notebooks
            (grade,) = (g for g in notebook.grades if g.name == "double-test")
            grade.extra_credit = 1.5
        gradebook.db.commit()
    nbgrader(course, "autograde", "--force")
    theirs = penalties(course)
    grade_set(course, "chern", progress=False)
    assert penalties(course) == theirs == {"ada": (6.5, 0.0), "bob": (6.5, 6.5)}
    with (course.root / "chern.csv").open(encoding="utf-8", newline="") as table:
        assert {row["student_id"]: float(row["score"]) for row in csv.DictReader(table)} == {
            "ada": 6.5,
            "bob": 0.0,
        }


def nbgrader(course: Course, step: str, *options: str) -> None:
    """Run one of nbgrader's own commands."""
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    command = [sys.executable, "-m", "nbgrader", step, "chern", *options]
    subprocess.run(command, cwd=course.root, env=environment, check=True, capture_output=True)


def penalties(course: Course) -> dict[str, tuple[float, float]]:
    """Each student's score, and what is taken off it."""
    with course.gradebook() as gradebook:
        return {
            s.student.id: (s.score, s.late_submission_penalty)
            for s in gradebook.assignment_submissions("chern")
        }


def test_feedback_shows_the_report_and_fetches_nothing(
    fresh_course: Course, fresh_hand_in: Any
) -> None:
    wrong = "def anomalous_velocity(omega, E):\n    return np.asarray(E)"
    fresh_hand_in.notebook("ada", velocity=wrong)
    grade_set(fresh_course, "chern", progress=False)
    page = (fresh_course.path("feedback", "chern", "ada") / "chern.html").read_text("utf-8")
    assert "one electron" in page
    assert "expected:" in page
    assert "<math" in page
    assert "double(-1.5)" not in page  # a hidden test stays hidden
    for outside in ("http://", "https://", "<script", "@import", "url("):
        assert outside not in page.replace('xmlns="http://www.w3.org/1998/Math/MathML"', "")


def test_damaged_report_is_as_none(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    assert load_results(path) == {}
    path.write_text('[{"student": ', encoding="utf-8")
    assert load_results(path) == {}


def test_seed_is_private_and_stays(tmp_path: Path) -> None:
    seed = secret_seed(tmp_path)
    assert secret_seed(tmp_path) == seed
    assert (tmp_path / ".grading-seed").stat().st_mode & 0o777 == 0o600
    assert student_seed(seed, "ada") != student_seed(seed, "bob")
    (tmp_path / ".grading-seed").write_text("short", encoding="ascii")
    with pytest.raises(ValueError, match="delete it"):
        secret_seed(tmp_path)


def test_rebuild_keeps_answers_and_extra_cells(small_set: Callable[[], Any]) -> None:
    record, submitted = small_set(), small_set()
    submitted.cells[2].source = "mine = 1"
    submitted.cells[3].source = "100"
    submitted.cells[6].source = "a <b onclick=x>text</b>, $a<b$"
    submitted.cells.insert(3, nbformat.v4.new_code_cell("helper = 2", metadata={"tags": ["x"]}))
    submitted.cells.append(nbformat.v4.new_code_cell("x" * 200))
    rebuilt = rebuild(record, submitted, max_cell_size=150, max_extra_cells=10)
    sources = [cell.source for cell in rebuilt.cells]
    assert sources[2:4] == ["mine = 1", "helper = 2"]
    assert rebuilt.cells[3].metadata == {}
    assert sources[4] == record.cells[3].source
    assert sources[-2] == "a < b onclick=x>text< /b>, $a< b$"
    assert sources[-1] == "# This cell held 200 characters, more than 150: left out."
    assert len({cell.id for cell in rebuilt.cells}) == len(rebuilt.cells)
    nbformat.validate(rebuilt)


def test_rebuild_finds_cells_that_lost_their_metadata(small_set: Callable[[], Any]) -> None:
    record, submitted = small_set(), small_set()
    for one, other in zip(record.cells, submitted.cells, strict=True):
        other.id = one.id
        other.metadata.clear()
    submitted.cells[2].source = "mine = 1"
    rebuilt = rebuild(record, submitted, max_cell_size=1000, max_extra_cells=10)
    assert [c.metadata for c in rebuilt.cells] == [c.metadata for c in record.cells]
    assert rebuilt.cells[2].source == "mine = 1"


class Terminal:
    """Takes what is written, and claims to be a terminal."""

    def __init__(self) -> None:
        self.text = ""

    def isatty(self) -> bool:
        return True

    def write(self, text: str) -> int:
        self.text += text
        return len(text)

    def flush(self) -> None:
        pass


def test_progress_on_a_terminal_moves() -> None:
    terminal: Any = Terminal()
    with Progress(2, stream=terminal) as progress:
        progress.tell("ada 5 / 9")
        assert "[1/2] ada 5 / 9\n" in terminal.text
        assert "grading:  50%" in terminal.text
