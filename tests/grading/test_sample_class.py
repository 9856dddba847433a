"""The sample class, from text to feedback: each score as declared, each mistake named."""

from __future__ import annotations

import re
import shutil
from html import unescape
from pathlib import Path

import pytest

from coursekit.checks import get
from coursekit.grading.cli import main
from coursekit.grading.course import Course
from coursekit.grading.report import Result, load_results
from coursekit.grading.sample import SampleStudent, sample_class

EXERCISES = Path(__file__).parents[2] / "exercises"
SET = "chern"
CLASS = sample_class(EXERCISES, SET)


@pytest.fixture(scope="module")
def course(bubblewrap: str, tmp_path_factory: pytest.TempPathFactory) -> Course:
    root = tmp_path_factory.mktemp("class") / "exercises"
    root.mkdir()
    for name in ("authored", "answers", "sample"):
        shutil.copytree(EXERCISES / name, root / name)
    config = (EXERCISES / "nbgrader_config.py").read_text(encoding="utf-8")
    # Far above what any honest answer takes, and short enough to wait for one endless loop.
    config += "\nc.SplitExecute.call_timeout = 8\n"
    (root / "nbgrader_config.py").write_text(config, encoding="utf-8")
    for command in ("source", "sample", "grade"):
        assert main([command, SET, "--course", str(root)]) == 0
    return Course(root)


@pytest.fixture(scope="module")
def results(course: Course) -> dict[str, Result]:
    return dict(load_results(course.root / f"report.{SET}.json"))


def test_all_twelve_are_graded(results: dict[str, Result]) -> None:
    assert {name: r.status for name, r in results.items()} == {s.name: "graded" for s in CLASS}
    assert len(results) == 12


@pytest.mark.parametrize("student", CLASS, ids=lambda s: s.name)
def test_score_is_the_declared_one(results: dict[str, Result], student: SampleStudent) -> None:
    assert results[student.name].score == student.score


@pytest.mark.parametrize("student", [s for s in CLASS if s.hints], ids=lambda s: s.name)
def test_feedback_names_the_mistake(
    course: Course, results: dict[str, Result], student: SampleStudent
) -> None:
    path = course.path("feedback", SET, student.name) / f"{SET}.html"
    text = unescape(re.sub(r"<[^>]*>", "", path.read_text(encoding="utf-8")))
    for task, mistake in student.hints.items():
        (hint,) = (d.hint for d in get(f"{SET}.{task}").diagnoses if d.name == mistake)
        assert hint in text


def test_second_release_changes_nothing(
    course: Course, results: dict[str, Result], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["source", SET, "--course", str(course.root)]) == 0
    assert "unchanged since it was released" in capsys.readouterr().out
    released = (course.root / "release" / SET / f"{SET}.ipynb").read_text(encoding="utf-8")
    assert "BEGIN SOLUTION" not in released
    assert [p.name for p in (course.root / "release" / SET).iterdir()] == [f"{SET}.ipynb"]
