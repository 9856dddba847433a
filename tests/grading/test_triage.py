"""What comes in under the wrong name or in the wrong form is graded where its meaning is clear."""

from __future__ import annotations

import io
import json
import os
import zipfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import nbformat
import nbformat.v4
import pytest

from coursekit.grading.course import Course
from coursekit.grading.runner import grade_set
from coursekit.grading.triage import Submission, notes_of, triage

IDS = ("one-solution", "one-test", "two-solution")
EXPECTED = {"chern": IDS}


def make(source: str = "answer = 1", ids: tuple[str, ...] = IDS) -> bytes:
    cells = []
    for name in ids:
        cell = nbformat.v4.new_code_cell(source, id=name)
        cell.metadata["nbgrader"] = {"grade_id": name}
        cells.append(cell)
    return nbformat.writes(nbformat.v4.new_notebook(cells=cells)).encode()


def zipped(**members: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in members.items():
            archive.writestr(name.replace("__", "/").replace("_ipynb", ".ipynb"), content)
    return file.getvalue()


class Desk:
    """A directory of submissions."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.submitted = root / "submitted"

    def put(self, path: str, content: bytes) -> Path:
        target = self.submitted / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
        return target

    def look(self, expected: Any = None, **received: datetime) -> dict[str, Submission]:
        copies = self.root / "triage"
        found = triage(self.submitted, "chern", expected or EXPECTED, copies, received)
        return {one.student: one for one in found}


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def test_a_good_submission_is_copied_as_it_is(desk: Desk) -> None:
    given = desk.put("ada/chern/chern.ipynb", make())
    (one,) = desk.look().values()
    assert (one.problem, one.notes) == ("", ())
    (copy,) = one.notebooks
    assert copy == desk.root / "triage/ada/chern/chern.ipynb"
    assert copy.read_bytes() == given.read_bytes()
    before = copy.stat().st_mtime_ns
    desk.look()
    assert copy.stat().st_mtime_ns == before


@pytest.mark.parametrize(
    ("path", "content", "note"),
    [
        ("my homework.ipynb", make(), "my homework.ipynb was taken for chern.ipynb"),
        ("chern (1).ipynb", make(), "chern (1).ipynb was taken"),
        ("chern.ipynb.txt", make(), "chern.ipynb.txt was taken"),
        ("CHERN.IPYNB", make(), "CHERN.IPYNB was taken"),
        ("chern.ipynb.json", make(), "chern.ipynb.json was taken"),
        ("chern.json", make(), "chern.json was taken"),
        ("chern/chern.ipynb", make(), "chern/chern.ipynb was taken"),
        ("a/b/c/mine.ipynb", make(), "a/b/c/mine.ipynb was taken"),
        ("all.zip", zipped(home__chern_ipynb=make()), "all.zip/home/chern.ipynb was taken"),
        ("chern.ipynb", zipped(chern_ipynb=make()), ""),
        ("bare.ipynb", make(ids=()), "bare.ipynb was taken for chern.ipynb"),
        ("chern.ipynb", b"\xef\xbb\xbf" + make(), "byte-order mark"),
        ("mine.ipynb", make("x = 'é'").decode().encode("utf-16"), "mine.ipynb: read as UTF-16"),
    ],
)
def test_what_is_clear_is_graded_and_said(desk: Desk, path: str, content: bytes, note: str) -> None:
    original = desk.put(f"ada/chern/{path}", content)
    (one,) = desk.look().values()
    assert one.problem == ""
    assert note in "; ".join(one.notes)
    assert notes_of(desk.root, "chern", "ada") == one.notes
    nbformat.validate(nbformat.read(one.notebooks[0], as_version=4))
    assert original.read_bytes() == content


def test_the_one_with_the_tasks_is_meant(desk: Desk) -> None:
    desk.put("ada/chern/scratch.ipynb", make(ids=("foreign",)))
    desk.put("ada/chern/work.ipynb", make("mine = 1"))
    desk.put("ada/chern/copy of work.ipynb", make("mine = 1"))
    desk.put("ada/chern/settings.json", b'{"theme": "dark"}')
    (one,) = desk.look().values()
    assert "work.ipynb was taken" in one.notes[0]
    assert b"mine = 1" in one.notebooks[0].read_bytes()


def test_a_damaged_file_beside_a_whole_one(desk: Desk) -> None:
    desk.put("ada/chern/chern.ipynb", b"{")
    desk.put("ada/chern/chern-1.ipynb", make())
    (one,) = desk.look().values()
    assert one.notes[0].startswith(
        "chern-1.ipynb was taken for chern.ipynb, because chern.ipynb is"
    )


def test_the_folder_of_the_set_was_forgotten(desk: Desk) -> None:
    desk.put("ada/chern.ipynb", make())
    desk.put("bob/other.ipynb", make(ids=("another-set",)))
    desk.put("cem/readme.txt", b"")
    found = desk.look()
    assert list(found) == ["ada"]
    assert "it lies in ada/" in found["ada"].notes[0]


def test_what_is_not_clear_is_told(desk: Desk) -> None:
    desk.put("ada/chern/v1.ipynb", make("a = 1"))
    desk.put("ada/chern/v2.ipynb", make("a = 2"))
    desk.put("bob/chern/report.pdf", b"%PDF")
    desk.put("cem/chern/homework.ipynb", b"{}")
    desk.put("dina/chern", b"a file")
    desk.put("eva/chern/x.zip", b"PK\x03\x04 broken")
    desk.put("fay/chern/chern.ipynb", zipped(a_ipynb=make("1"), b_ipynb=make("2")))
    (desk.submitted / "gil").symlink_to(desk.submitted / "ada")
    desk.put("h x/chern/chern.ipynb", make())
    problems = {student: one.problem for student, one in desk.look().items()}
    assert "found v1.ipynb, v2.ipynb, which differ" in problems["ada"]
    assert "found no notebook" in problems["bob"]
    assert "found homework.ipynb, which has notebook format None" in problems["cem"]
    assert "is a file; expected a folder" in problems["dina"]
    assert "x.zip, which is a damaged zip archive" in problems["eva"]
    assert "a zip archive with 2 notebooks" in problems["fay"]
    assert "is a link" in problems["gil"]
    assert "rename it" in problems["h x"]
    assert all(problems.values())


def test_links_lead_nowhere(desk: Desk) -> None:
    secret = desk.put("ada/chern/chern.ipynb", make("secret = 1"))
    folder = desk.put("bob/chern/readme.txt", b"").parent
    (folder / "chern.ipynb").symlink_to(secret)
    (folder / "other.ipynb").symlink_to(secret)
    (folder / "all").symlink_to(secret.parent)
    found = desk.look()
    assert "not a link" in found["bob"].problem
    assert not (desk.root / "triage" / "bob" / "chern").exists()


def test_a_pipe_holds_nobody_up(desk: Desk) -> None:
    folder = desk.put("ada/chern/readme.txt", b"").parent
    os.mkfifo(folder / "chern.ipynb")
    assert "not a regular file" in desk.look()["ada"].problem


def test_one_of_two_notebooks_is_missing(desk: Desk) -> None:
    desk.put("ada/chern/a.ipynb", make(ids=("a1",)))
    desk.put("ada/chern/wrong.ipynb", make(ids=("c1",)))
    (one,) = desk.look({"a": ("a1",), "b": ("b1",)}).values()
    assert [path.name for path in one.notebooks] == ["a.ipynb"]
    assert "b.ipynb is missing; found a.ipynb" not in one.notes[0]
    assert one.notes[0] == "b.ipynb is missing; found wrong.ipynb: rename it; it scores nothing"


def test_two_notebooks_under_wrong_names(desk: Desk) -> None:
    desk.put("ada/chern/x.ipynb", make("first = 1", ids=("a1",)))
    desk.put("ada/chern/y.ipynb", make("second = 2", ids=("b1",)))
    (one,) = desk.look({"a": ("a1",), "b": ("b1",)}).values()
    assert [path.name for path in one.notebooks] == ["a.ipynb", "b.ipynb"]
    assert b"first" in one.notebooks[0].read_bytes()


def test_a_students_own_time_is_not_used(desk: Desk) -> None:
    desk.put("ada/chern/chern.ipynb", make())
    forged = desk.put("ada/chern/timestamp.txt", b"1999-01-01 00:00:00 UTC")
    for _ in range(2):
        (one,) = desk.look().values()
        assert "the student's own word" in one.notes[0]
        assert [p.name for p in one.notebooks[0].parent.iterdir()] == ["chern.ipynb"]
    # nbgrader's pages would believe it; its text is kept beside.
    assert not forged.exists()
    assert forged.with_name("timestamp.txt.unused").read_bytes().startswith(b"1999")


def test_the_collectors_time_is_used(desk: Desk) -> None:
    desk.put("ada/chern/chern.ipynb", make())
    (one,) = desk.look(ada=datetime(2026, 5, 4, 3, 2, 1, tzinfo=UTC)).values()
    stamp = one.notebooks[0].with_name("timestamp.txt")
    assert stamp.read_text("ascii") == "2026-05-04 03:02:01.000000 UTC\n"
    assert one.notes == ()


def test_a_copy_holds_nothing_else(desk: Desk) -> None:
    desk.put("ada/chern/chern.ipynb", make())
    copy = desk.root / "triage/ada/chern"
    (copy / "left").mkdir(parents=True)
    (copy / "coursekit.py").write_text("raise SystemExit")
    (copy / "link").symlink_to("/etc")
    desk.look()
    assert [path.name for path in copy.iterdir()] == ["chern.ipynb"]


def test_strange_files_are_one_students_trouble(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.put("ada/chern/chern.ipynb", make())
    desk.put("bob/chern/chern.ipynb", make("boom"))

    def fail(raw: bytes) -> Any:
        if b"boom" in raw:
            raise ZeroDivisionError("reader")
        return read(raw)

    from coursekit.grading import triage as module

    read = module.read_notebook
    monkeypatch.setattr(module, "read_notebook", fail)
    found = desk.look()
    assert found["ada"].problem == ""
    assert "ZeroDivisionError" in found["bob"].problem


def test_mended_submissions_earn_what_they_deserve(
    fresh_course: Course, fresh_hand_in: Any
) -> None:
    for name in ("latin", "named", "cut"):
        fresh_hand_in.notebook(name)
        path = fresh_hand_in.folder(name) / "chern.ipynb"
        text = path.read_text("utf-8")
        if name == "latin":
            path.write_bytes(text.replace("return 2 * x", "return 2 * x  # é").encode("latin-1"))
        elif name == "named":
            path.rename(path.with_name("my work.ipynb"))
        else:
            tree = json.loads(text)
            path.write_text(json.dumps(tree)[: json.dumps(tree).index("double-test")])
    results = {r.student: r for r in grade_set(fresh_course, "chern", progress=False)}
    assert {name: (r.status, r.score) for name, r in results.items()} == {
        "latin": ("graded", 5.0),
        "named": ("graded", 5.0),
        "cut": ("graded", 5.0),
    }
    assert "read as latin-1" in results["latin"].message
    assert "it breaks off" in results["cut"].line
