"""Downloads and the exchange: the right student, the latest attempt, nothing overwritten."""

from __future__ import annotations

import os
import pwd
import zipfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from coursekit.grading.cli import main
from coursekit.grading.collect import Collected, collect
from coursekit.grading.course import Course
from coursekit.grading.exchange import inbound, received_times
from coursekit.grading.files import MAX_SIZE
from coursekit.grading.ledger import load_ledger
from coursekit.grading.lms_names import NAMED_REGEXP, author

ROSTER = """\
student,name,email,lms_id
aberg,"Berg, Ada",ada@example.org,1234
bnovak,"Novák, Jan",jan@example.org,1235
cnovak,"Novák, Jan",jan2@example.org,1236
"""
CONFIG = """
c = get_config()
c.CourseDirectory.course_id = "berry"
c.Exchange.root = "exchange"
"""


class Downloads:
    """A course, and a folder with what came from elsewhere."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.folder = root / "downloads"
        self.folder.mkdir()
        (root / "release" / "chern").mkdir(parents=True)
        (root / "release" / "chern" / "chern.ipynb").write_text("{}")
        exchange = str(root / "exchange")
        config = CONFIG.replace('"exchange"', repr(exchange))
        (root / "nbgrader_config.py").write_text(config)
        (root / "students.csv").write_text(ROSTER, encoding="utf-8")
        self.course = Course(root)

    def zip(self, name: str, files: dict[str, bytes], day: int = 1) -> Path:
        path = self.folder / name
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for member, content in files.items():
                entry = zipfile.ZipInfo(member, (2026, 5, day, 12, 0, 0))
                entry.compress_type = zipfile.ZIP_DEFLATED
                archive.writestr(entry, content)
        return path

    def file(self, name: str, content: bytes) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return path

    def collect(self, source: Path | None = None) -> Collected:
        return collect(self.course, "chern", source or self.folder)

    def submitted(self) -> dict[str, bytes]:
        top = self.root / "submitted"
        files = sorted(p for p in top.rglob("*") if p.is_file())
        return {str(p.relative_to(top)): p.read_bytes() for p in files}


@pytest.fixture
def desk(tmp_path: Path) -> Downloads:
    return Downloads(tmp_path)


@pytest.mark.parametrize(
    ("path", "system", "name", "number", "file"),
    [
        ("Ada Berg_12_assignsubmission_file_/x.ipynb", "moodle", "Ada Berg", "12", "x.ipynb"),
        ("Ada Berg_12_assignsubmission_file/a/x.ipynb", "moodle", "Ada Berg", "12", "a/x.ipynb"),
        ("week 3/Ada Berg_12_assignsubmission_file_x_1.ipynb", "moodle", "Ada Berg", "12", None),
        ("bergada_1234_5678_chern-1.ipynb", "canvas", "bergada", "1234", "chern-1.ipynb"),
        ("bergada_LATE_1234_5678_a_b.ipynb", "canvas", "bergada", "1234", "a_b.ipynb"),
        ("bergada_late_1234_5678_x.zip", "canvas", "bergada", "1234", "x.zip"),
        ("ada+chern+2026-05-04 03:02:01.1 UTC+k3/x.ipynb", "exchange", "ada", "", "x.ipynb"),
        ("ada+b+chern+2026-05-04 03:02:01.1 UTC/x.ipynb", "exchange", "ada+b", "", "x.ipynb"),
        # What a student chose may look like a part of the system's.
        (
            "Ada_1_assignsubmission_file_/Bob_2_assignsubmission_file_/x.ipynb",
            *("moodle", "Ada", "1", "Bob_2_assignsubmission_file_/x.ipynb"),
        ),
        ("Ada_1_assignsubmission_file_/bob_2_3_x.ipynb", "moodle", "Ada", "1", "bob_2_3_x.ipynb"),
    ],
)
def test_whose_a_file_is(path: str, system: str, name: str, number: str, file: str | None) -> None:
    found = author(path, "chern")
    assert found is not None
    assert (found.system, found.name, found.number) == (system, name, number)
    assert file is None or found.file == file


@pytest.mark.parametrize(
    "path",
    [
        "chern.ipynb",
        "Ada Berg_12_onlinetext_/onlinetext.html",
        "ada+other+2026-05-04 03:02:01 UTC+k3/chern.ipynb",
        # A student who calls himself bob_777 is not user 777.
        "bob_777_1234_5678_chern.ipynb",
    ],
)
def test_nobody_can_be_told(path: str) -> None:
    assert author(path, "chern") is None


def test_canvas(desk: Downloads) -> None:
    desk.zip(
        "submissions.zip",
        {
            "bergada_1234_100_chern.ipynb": b"first",
            "bergada_LATE_1234_300_chern-2.ipynb": b"third",
            "bergada_1234_200_chern-1.ipynb": b"second",
            "novakjan_1236_150_work.ipynb": b"his",
            "unknownperson_9_9_chern.ipynb": b"?",
            "notes.txt": b"",
        },
    )
    done = desk.collect()
    assert desk.submitted() == {
        "aberg/chern/chern.ipynb": b"third",
        "cnovak/chern/work.ipynb": b"his",
        "unknownperson/chern/chern.ipynb": b"?",
    }
    assert "late as Canvas says" in done.lines["aberg"]
    assert "not in the roster" in done.lines["unknownperson"]
    assert done.unknown == ("submissions.zip/notes.txt: its name does not tell whose it is",)
    assert received_times(desk.course, "chern") == {}
    assert "unchanged" in desk.collect().lines["aberg"]


def test_moodle_and_two_of_one_name(desk: Downloads) -> None:
    desk.zip(
        "m.zip",
        {
            "Ada Berg_11_assignsubmission_file_/work.ipynb": b"hers",
            "Ada Berg_11_assignsubmission_file_/timestamp.txt": b"1999-01-01 00:00:00 UTC",
            "Ada Berg_11_assignsubmission_file_/img/a.png": b"png",
            "Jan Novák_12_assignsubmission_file_/chern.ipynb": b"one",
            "Jan Novák_13_assignsubmission_file_/chern.ipynb": b"other",
        },
    )
    desk.collect()
    assert desk.submitted() == {
        "aberg/chern/img/a.png": b"png",
        "aberg/chern/work.ipynb": b"hers",
        "jan-novák-12/chern/chern.ipynb": b"one",
        "jan-novák-13/chern/chern.ipynb": b"other",
    }


def test_later_attempts_win_and_nothing_is_lost(desk: Downloads) -> None:
    member = "Ada Berg_11_assignsubmission_file_/chern.ipynb"
    early, late = desk.zip("1.zip", {member: b"early"}, 1), desk.zip("2.zip", {member: b"late"}, 9)
    desk.collect(early)
    assert "replaced by a later attempt" in desk.collect(late).lines["aberg"]
    assert "kept what came later" in desk.collect(early).lines["aberg"]
    assert desk.submitted() == {
        "aberg/.chern.1/chern.ipynb": b"early",
        "aberg/chern/chern.ipynb": b"late",
    }
    assert (
        "kept what came from moodle"
        in desk.collect(desk.zip("3.zip", {"bergada_1234_1_chern.ipynb": b"x"})).lines["aberg"]
    )


def test_what_was_handed_in_otherwise_is_kept(desk: Downloads) -> None:
    own = desk.root / "submitted/aberg/chern/chern.ipynb"
    own.parent.mkdir(parents=True)
    own.write_bytes(b"by mail")
    desk.zip("1.zip", {"bergada_1234_1_chern.ipynb": b"x"})
    assert "kept what was handed in by another way" in desk.collect().lines["aberg"]
    assert own.read_bytes() == b"by mail"


def test_unpacked_folders_and_students_own_archives(desk: Downloads) -> None:
    desk.file("week/Ada Berg_11_assignsubmission_file_/all.zip", b"PK\x03\x04 hers")
    desk.file("bergada_1234_5_work.zip", b"PK\x03\x04 hers again")
    (desk.folder / "Jan Novák_12_assignsubmission_file_x.ipynb").symlink_to("/etc/passwd")
    done = desk.collect()
    assert set(done.lines) == {"aberg"}
    assert set(desk.submitted()) == {"aberg/chern/all.zip", "aberg/chern/work.zip"}


def test_hostile_archives(desk: Downloads) -> None:
    desk.zip(
        "m.zip",
        {
            "Ada Berg_11_assignsubmission_file_/../../../evil.ipynb": b"slip",
            "../Ada Berg_11_assignsubmission_file_/evil.ipynb": b"slip",
            "Eve_9_assignsubmission_file_/bomb.ipynb": bytes(MAX_SIZE + 1),
            **{f"Mallory_8_assignsubmission_file_/{n}": bytes(MAX_SIZE) for n in range(6)},
            "Jan Novák_12_assignsubmission_file_/chern.ipynb": b"good",
            "Bob_7_assignsubmission_file_/.ssh/keys": b"",
            "Bob_7_assignsubmission_file_/a\nb\x1b[31m.ipynb": b"c",
        },
    )
    (desk.folder / "broken.zip").write_bytes(b"PK\x03\x04 broken")
    done = desk.collect()
    found = desk.submitted()
    assert found["jan-novák/chern/chern.ipynb"] == b"good"
    assert found["bob/chern/a-b-[31m.ipynb"] == b"c"
    assert not any("evil" in name or "bomb" in name or ".ssh" in name for name in found)
    assert sum("mallory" in name for name in found) == 5
    said = "\n".join(done.unknown)
    assert said.count("leads outside") == 2
    for reason in ("more than 20 MB", "100 MB that one student", "broken.zip is a damaged zip"):
        assert reason in said
    assert [p.name for p in desk.root.iterdir() if p.name.startswith(".")] == []


def account() -> str:
    return pwd.getpwuid(os.getuid()).pw_name


def hand_in(desk: Downloads, name: str, when: datetime, content: bytes = b"work") -> Path:
    stamp = f"{when:%Y-%m-%d %H:%M:%S.%f %Z}"
    folder = inbound(desk.course) / f"{name}+chern+{stamp}+k3Jx"
    folder.mkdir(parents=True)
    (folder / "chern.ipynb").write_bytes(content)
    (folder / "timestamp.txt").write_text(stamp)
    return folder


def test_exchange_with_an_honest_time(desk: Downloads) -> None:
    now = datetime.now(UTC)
    folder = hand_in(desk, account(), now)
    desk.collect(inbound(desk.course))
    copy = desk.root / "submitted" / account() / "chern"
    # To the letter: nbgrader finds a student's feedback by it.
    assert (copy / "timestamp.txt").read_text() == (folder / "timestamp.txt").read_text()
    assert received_times(desk.course, "chern") == {account(): now}


def test_exchange_with_a_forged_time(desk: Downloads) -> None:
    now = datetime.now(UTC)
    hand_in(desk, account(), now - timedelta(days=3))
    desk.collect(inbound(desk.course))
    (time,) = received_times(desk.course, "chern").values()
    assert abs(time - now) < timedelta(minutes=1)


def test_the_last_attempt_in_the_exchange(desk: Downloads) -> None:
    hand_in(desk, account(), datetime.now(UTC), b"early")
    hand_in(desk, account(), datetime.now(UTC), b"late")
    desk.collect(inbound(desk.course))
    assert desk.submitted()[f"{account()}/chern/chern.ipynb"] == b"late"


def test_exchange_under_another_name(desk: Downloads) -> None:
    hand_in(desk, "bob", datetime.now(UTC))
    done = desk.collect(inbound(desk.course))
    assert done.lines == {}
    assert "bears the name of bob and belongs to" in done.unknown[0]
    desk.course.config.ExchangeCollect.check_owner = False
    assert "collected" in desk.collect(inbound(desk.course)).lines["bob"]


def test_times_of_nbgraders_own_collecting(desk: Downloads) -> None:
    now = datetime.now(UTC)
    for name, time in ((account(), now), ("bob", now)):
        folder = desk.root / "submitted" / name / "chern"
        folder.mkdir(parents=True)
        (folder / "timestamp.txt").write_text(f"{time:%Y-%m-%d %H:%M:%S.%f %Z}")
    hand_in(desk, account(), now)
    # bob's stands nowhere in the exchange.
    assert received_times(desk.course, "chern") == {account(): now}


def test_damaged_ledger_is_no_empty_one(desk: Downloads) -> None:
    (desk.root / "received.chern.json").write_text("{")
    with pytest.raises(ValueError, match="restore it, or move it away"):
        load_ledger(desk.root, "chern")


def test_command(desk: Downloads, capsys: pytest.CaptureFixture[str]) -> None:
    desk.zip("1.zip", {"bergada_1234_1_chern.ipynb": b"x"})
    arguments = ["collect", "chern", str(desk.folder), "--course", str(desk.root)]
    assert main(arguments) == 0
    assert "aberg            collected, from 1.zip/bergada" in capsys.readouterr().out
    assert main([*arguments[:2], "/nowhere", *arguments[3:]]) == 2
    assert "expected a download" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("path", "student", "file"),
    [
        ("/x/Ada Berg_12_assignsubmission_file_/chern.ipynb", "Ada Berg", "chern"),
        ("/x/Ada Berg_12_assignsubmission_file_chern.ipynb", "Ada Berg", "chern"),
        ("/x/bergada_LATE_1234_5678_chern-1.ipynb", "bergada", "chern"),
        ("/x/bergada_1234_5678_chern.ipynb", "bergada", "chern"),
    ],
)
def test_regexp_for_zip_collect(path: str, student: str, file: str) -> None:
    import re

    found = re.match(NAMED_REGEXP, path)
    assert found is not None
    assert (found["student_id"], found["file_id"]) == (student, file)
