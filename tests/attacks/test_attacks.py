"""Submissions that try for marks they do not deserve, or for trouble; each with its due score.

All are graded in one run, as a class would be, so that each also has to leave the others alone.
"""

from __future__ import annotations

import csv
import os
import unicodedata
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import nbformat
import pytest
from witness import fingerprints

pytestmark = pytest.mark.slow

# What grading makes in a course directory.
_MADE = ("autograded/", "feedback/", "triage/", "gradebook.db", "report.", "chern.csv")
_MADE += (".grading-seed",)
_BESIDE_NOTEBOOKS = {"chern.ipynb", "chern.html", "timestamp.txt", "submission_secret.txt"}


def test_score_is_what_the_answers_deserve(aftermath: Any, attack: Any) -> None:
    result = aftermath.results[attack.name]
    replaced = "chern.ipynb" in {*attack.files, *attack.links}
    expected = ("unreadable", 0) if replaced else ("graded", attack.deserved)
    assert (result.status, result.score) == expected, result.message
    assert attack.unreadable in result.message


def test_nobody_is_lost(aftermath: Any) -> None:
    handed_in = {p.name for p in (aftermath.course.root / "submitted").iterdir()}
    assert set(aftermath.results) == handed_in
    for student in handed_in:
        assert aftermath.page(student)


def test_gradebook_and_export_say_what_the_report_says(aftermath: Any) -> None:
    with aftermath.course.gradebook() as gradebook:
        for submission in gradebook.assignment_submissions("chern"):
            result = aftermath.results[submission.student.id]
            assert submission.score == result.score
            for notebook in submission.notebooks:
                assert all(g.manual_score is None for g in notebook.grades)
                assert all(not g.extra_credit for g in notebook.grades)
    with (aftermath.course.root / "chern.csv").open(encoding="utf-8", newline="") as file:
        exported = {row["student_id"]: float(row["score"]) for row in csv.DictReader(file)}
    assert exported == {name: r.score for name, r in aftermath.results.items()}


def test_nothing_but_what_grading_makes_has_changed(aftermath: Any) -> None:
    from coursekit.grading.overlay import PACKAGE

    root = aftermath.course.root
    after = fingerprints(root) | fingerprints(PACKAGE)
    # A time that a student wrote is set aside under another name.
    after = {p.removesuffix(".unused"): content for p, content in after.items()}
    changed = {path for path in after if aftermath.before.get(path) != after[path]}
    gone = set(aftermath.before) - set(after)
    made = [p for p in changed if p.removeprefix(f"{root}/").startswith(_MADE)]
    assert changed - set(made) == set()
    assert gone == set()
    assert not Path("/tmp/coursekit-owned").exists()


def test_nobody_called(aftermath: Any) -> None:
    assert aftermath.calls == []


def test_no_process_outlives_grading(aftermath: Any) -> None:
    left = []
    parents = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                command = (entry / "cmdline").read_bytes().decode("utf-8", "replace")
                stat = (entry / "stat").read_text(encoding="utf-8", errors="replace")
            except OSError:
                continue
            parents[int(entry.name)] = int(stat.rpartition(")")[2].split()[1]), command
            if aftermath.mark in command:
                left.append(command)
    mine = [command for parent, command in parents.values() if parent == os.getpid()]
    assert left == []
    assert [command for command in mine if "bwrap" in command] == []


def test_the_batch_ends_in_time(aftermath: Any) -> None:
    # By the clocks of the configuration: a cell that hangs, its grace, and calls of two tests.
    assert max(r.seconds for r in aftermath.results.values()) < 60
    assert aftermath.seconds < 5 * len(aftermath.results)


@pytest.mark.parametrize(
    ("student", "words", "absent"),
    [
        ("look-around", ["SEEN 0", "CLOSED [Errno 2]"], ["TOKEN", "SECRET"]),
        ("call-home", ["NETWORK [Errno 97]"], []),
        ("call-home-by-other-ways", ["CLOSED [Errno 97]", "CLOSED [Errno 111]"], ["REACHED"]),
        ("break-out", [], ["DONE"]),
        ("memory-that-no-process-holds", ["KEPT 0"], []),
        ("honest-plots-and-processes", ["[1, 2]", "child", "thread", "data:image/png"], []),
    ],
)
def test_what_code_inside_saw(
    aftermath: Any, student: str, words: list[str], absent: list[str]
) -> None:
    outputs = "".join(
        output.get("text", "")
        + str(output.get("data", {}).get("text/plain", ""))
        + "".join(f"data:{mime}" for mime in output.get("data", {}))
        for cell in _autograded(aftermath, student).cells
        if cell.cell_type == "code"
        for output in cell.outputs
    )
    for word in words:
        assert word in outputs
    for word in absent:
        assert word not in outputs


# -- pages ---------------------------------------------------------------------------------------


def test_pages_run_nothing_and_fetch_nothing(aftermath: Any) -> None:
    for student in aftermath.results:
        seen = _Tags()
        seen.feed(aftermath.page(student))
        bad = {"script", "iframe", "object", "embed", "svg", "link", "base", "form", "video"}
        assert not bad & set(seen.tags), student
        assert seen.handlers == [], student
        assert seen.remote == [], student


def test_notebooks_that_formgrader_shows_are_inert(aftermath: Any) -> None:
    for student in ("html", "markdown", "mime-types", "ansi", "injection-by-answer"):
        cells = _autograded(aftermath, student).cells
        text = "".join(c.source for c in cells if c.cell_type == "markdown")
        assert "<script" not in text
        assert "\\href" not in text
        for cell in cells:
            assert set(cell.get("attachments", {})) == set()
            for output in cell.get("outputs", []):
                data = output.get("data", {})
                assert set(data) <= {"text/plain", "text/html", "text/latex", "image/png"}
                assert "\\href" not in str(data.get("text/latex", ""))
                seen = _Tags()
                seen.feed(str(data.get("text/html", "")))
                assert not {"script", "svg"} & set(seen.tags), student
                assert seen.handlers == [], student
                assert "\\href" not in "".join(seen.texts), student


def test_pictures_that_explode_are_left_out(aftermath: Any) -> None:
    for student in ("picture-bomb", "many-pictures"):
        pictures = [
            output
            for cell in _autograded(aftermath, student).cells
            if cell.cell_type == "code"
            for output in cell.outputs
            if "image/png" in str(output.get("data"))
        ]
        assert pictures == []


def test_a_page_cannot_borrow_the_looks_of_a_mark(aftermath: Any) -> None:
    sheet = _autograded(aftermath, "looks-like-a-mark")
    html = "".join(
        output.get("data", {}).get("text/html", "")
        for cell in sheet.cells
        if cell.cell_type == "code" and "Score: 5/5" in cell.source
        for output in cell.outputs
    )
    assert "Score: 5/5" in html
    assert "class" not in html


def test_text_of_strangers_reaches_no_terminal(aftermath: Any) -> None:
    for result in aftermath.results.values():
        assert not [c for c in result.line if unicodedata.category(c) == "Cc"], result.student


def test_extra_files_go_nowhere(aftermath: Any) -> None:
    for student in aftermath.results:
        for step in ("autograded", "feedback"):
            folder = aftermath.course.path(step, "chern", student)
            names = {p.name for p in folder.iterdir()} if folder.is_dir() else set()
            assert names <= _BESIDE_NOTEBOOKS, student


def test_what_is_too_much_is_cut(aftermath: Any) -> None:
    for student in aftermath.results:
        folder = aftermath.course.path("autograded", "chern", student)
        sizes = [p.stat().st_size for p in folder.rglob("*") if p.is_file()]
        assert sum(sizes) < 12 * 2**20, student


class _Tags(HTMLParser):
    """Tags of a page, their event handlers, the addresses that they lead to, and its text."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.handlers: list[str] = []
        self.remote: list[str] = []
        self.texts: list[str] = []

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.handlers += [name for name, _ in attrs if name.startswith("on")]
        addresses = [value or "" for name, value in attrs if name in ("src", "href", "data")]
        self.remote += [a for a in addresses if not a.startswith(("data:image/", "#task-"))]


def _autograded(aftermath: Any, student: str) -> Any:
    folder = aftermath.course.path("autograded", "chern", student)
    return nbformat.read(folder / "chern.ipynb", as_version=4)
