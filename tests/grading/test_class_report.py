"""The report on a class: what stands in it, that it is safe, and that it is quick."""

from __future__ import annotations

import json
import re
import time
from html import unescape
from pathlib import Path
from typing import Any

import nbformat
import nbformat.v4
import pytest

from coursekit.grading import class_report
from coursekit.grading.class_report import write_class_report
from coursekit.grading.cli import main
from coursekit.grading.course import Course
from coursekit.grading.grades import Grade
from coursekit.grading.report import Result, save_results
from coursekit.grading.work import load_work

WRONG = "def anomalous_velocity(omega, E):\n    return np.asarray(E)"


def words(path: Path) -> str:
    text = re.sub(r"<style>.*?</style>", "", path.read_text("utf-8"), flags=re.DOTALL)
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", text)).split())


def test_report_after_grading(
    fresh_course: Course, fresh_hand_in: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    fresh_hand_in.notebook("ada")
    fresh_hand_in.notebook("bob", velocity=WRONG, double="def double(x):\n    return x")
    fresh_hand_in.file("cem", b"{")
    fresh_hand_in.notebook("dina", velocity=WRONG)
    old = fresh_hand_in.folder("dina") / "chern.ipynb"
    old.rename(old.with_name("mine.ipynb"))
    assert main(["grade", "chern", "--course", str(fresh_course.root)]) == 0
    path = fresh_course.root / "report.chern.html"
    assert f"class     {path}" in capsys.readouterr().out
    text = words(path)
    assert "3 graded, 1 could not be read; 3 wait for marks by hand" in text
    assert "mean 2.67 , median 3 of 9 points" in text
    assert "cem scored 0: chern.ipynb is not JSON" in text
    assert "dina mine.ipynb was taken for chern.ipynb" in text
    assert "1 all points, 0 some, 2 none; half took less than" in text
    assert "one electron 1 of 3" in text
    assert "2 ×" in text
    assert "for example bob" in text
    html = path.read_text("utf-8")
    assert 'href="feedback/ada/chern/chern.html"' in html
    for outside in ("http://", "https://", "<script", "@import", "url("):
        assert outside not in html
    work = load_work(fresh_course, "chern", "bob")
    assert work.answers["double"] == "def double(x):\n    return x"
    assert work.parts["velocity-test"][0][1:] == (0, 1)
    assert work.why["double-test"][0].startswith("AssertionError")


def test_nothing_to_report(fresh_course: Course, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", "chern", "--course", str(fresh_course.root)]) == 2
    assert "run `coursekit grade chern`" in capsys.readouterr().err


def notebook(source: str, why: list[str], text: str) -> str:
    answer = nbformat.v4.new_code_cell(source, id="a")
    answer.metadata["nbgrader"] = {"grade_id": "hall-solution", "solution": True, "grade": False}
    shown = {"text/plain": text}
    about = {"why": why, "seconds": 0.5}
    output = nbformat.v4.new_output("display_data", data=shown, metadata=about)
    test = nbformat.v4.new_code_cell("check", id="t", outputs=[output])
    test.metadata["nbgrader"] = {"grade_id": "hall-test", "grade": True, "solution": False}
    return nbformat.writes(nbformat.v4.new_notebook(cells=[answer, test]))


@pytest.fixture
def large_class(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Course:
    """Three hundred students whose grades are made up; one is an attacker, and two are friends."""
    (tmp_path / "nbgrader_config.py").write_text("c = get_config()\n")
    course = Course(tmp_path)
    grades, results = [], []
    for n in range(300):
        name = f"s{n:03}"
        lines = [f"a{k} = f.{'abcdefgh'[(n * k) % 8]}(x[{k}], y{n}) + {n}" for k in range(60)]
        answer = "\n".join(lines)
        score = n % 7
        why = [] if score == 6 else [f"got {n}.5, expected {n}"]
        text = f"chern.hall: {score} of 6\n  ✓ one   {min(score, 3)}/3\n  ✗ two  {score // 2}/3\n"
        if n == 7:
            answer = why[0] = text = "</pre><script>alert(1)</script><img src=x onerror=alert(2)>"
        folder = tmp_path / "autograded" / name / "chern"
        folder.mkdir(parents=True)
        (folder / "chern.ipynb").write_text(notebook(answer, why, text), encoding="utf-8")
        grades.append(Grade(name, score, 6.0, frozenset(), {"hall-test": (score, 6.0)}))
        results.append(Result(name, "graded", score, 6.0, seconds=n / 10))
    results.append(Result("<b>eve</b>", "unreadable", 0, 6.0, message="<script>alert(3)</script>"))
    save_results(tmp_path / "report.chern.json", results)
    monkeypatch.setattr(class_report, "load_grades", lambda *_: grades)
    return course


def test_large_class_quickly_and_safely(large_class: Course) -> None:
    began = time.perf_counter()
    path = write_class_report(large_class, "chern")
    assert time.perf_counter() - began < 30
    text, html = words(path), path.read_text("utf-8")
    assert "300 graded, 1 could not be read" in text
    assert "257 ×" in text  # they differ in numbers alone
    assert "s299 29.9 s" in text
    assert "half took less than 0.5 s, the slowest 0.5 s" in text
    assert "<script" not in html
    assert "<img" not in html
    assert "onerror" not in re.sub(r"&lt;.*?&gt;", "", html)


def test_half_written_notebooks_are_as_none(large_class: Course) -> None:
    path = large_class.root / "autograded" / "s001" / "chern" / "chern.ipynb"
    path.write_text(path.read_text("utf-8")[:200], encoding="utf-8")
    assert load_work(large_class, "chern", "s001").answers == {}
    write_class_report(large_class, "chern")


def test_marks_of_students_in_texts_count_for_nothing(tmp_path: Path) -> None:
    """What an answer prints stands further right than the lines that are read."""
    (tmp_path / "nbgrader_config.py").write_text("c = get_config()\n")
    folder = tmp_path / "autograded" / "ada" / "chern"
    folder.mkdir(parents=True)
    text = "chern.hall: 0 of 3\n  ✗ one  0/3\n      got: x\n        ✓ one  3/3"
    (folder / "chern.ipynb").write_text(notebook("", [], text), encoding="utf-8")
    work = load_work(Course(tmp_path), "chern", "ada")
    assert work.parts == {"hall-test": (("one", 0, 3),)}
    assert json.loads((folder / "chern.ipynb").read_text("utf-8"))["nbformat"] == 4
