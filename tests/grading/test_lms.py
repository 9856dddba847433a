"""Files for Canvas and Moodle: their form, who is in them, and that no cell runs anything."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import pytest

from coursekit.grading.cli import main
from coursekit.grading.course import Course
from coursekit.grading.grades import Grade, load_grades
from coursekit.grading.lms import canvas_sheet, inert, moodle_sheet
from coursekit.grading.roster import Person, folder_name, load_roster, name_key
from coursekit.grading.runner import grade_set

GRADES = [
    Grade("ada", 4.5, 9.0, frozenset({"why"}), {"velocity-test": (2.0, 2.0), "why": (2.5, 4.0)}),
    Grade("bob", 0.0, 9.0, frozenset(), {}),
    Grade("cem", 7.0, 9.0, frozenset(), {}),
]


def rows(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text)))


def test_canvas_form() -> None:
    roster = {
        "ada": Person("ada", "Berg, Ada", lms_id="12", username="ada", section="A"),
        "bob": Person("bob", "=HYPERLINK(1)", id_number="007"),
    }
    sheet = canvas_sheet("chern (99)", GRADES, roster)
    assert rows(sheet.text) == [
        ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", "chern (99)"],
        ["    Points Possible", "", "", "", "", "9"],
        ["Berg, Ada", "12", "", "ada", "A", "4.5"],
        ["'=HYPERLINK(1)", "", "007", "", "", "0"],
    ]
    assert sheet.left_out == ("cem: the roster has no lms_id, login or name",)
    assert sheet.waiting == 1


def test_canvas_reads_what_it_would() -> None:
    """The rules of Canvas' importer for the header, the points and the students."""
    roster = {g.student: Person(g.student, g.student.title(), lms_id=g.student) for g in GRADES}
    header, points, *students = rows(canvas_sheet("chern (99)", GRADES, roster).text)
    assert "Student" in header[0]
    assert "ID" in header[1]
    assert header[2:4] == ["SIS User ID", "SIS Login ID"]
    assert "Section" in header[4]
    assert "Points Possible" in points[0]
    assert {row[1]: float(row[5]) for row in students} == {g.student: g.score for g in GRADES}


def test_moodle_form() -> None:
    roster = {
        "ada": Person("ada", email="ada@example.org", username="ada"),
        "bob": Person("bob", email="bob@example.org"),
    }
    sheet = moodle_sheet("chern", GRADES, roster, {"ada": "well done", "bob": "@cmd\n=1+1"})
    # Not everybody has a login, and a line without one would grade the student above it.
    assert rows(sheet.text) == [
        ["Email address", "chern (Real)", "chern (Feedback)"],
        ["ada@example.org", "4.5", "well done"],
        ["bob@example.org", "0", "'@cmd =1+1"],
    ]
    assert sheet.left_out == ("cem: the roster has no email",)


def test_every_line_for_moodle_names_its_student() -> None:
    roster = {
        "ada": Person("ada", email="ada@example.org", username="ada"),
        "bob": Person("bob", username="bob"),
        "cem": Person("cem", username="cem"),
    }
    header, *lines = rows(moodle_sheet("chern", GRADES, roster, {}).text)
    assert header[0] == "Username"
    assert [line[0] for line in lines] == ["ada", "bob", "cem"]
    assert all(all(line[:-1]) for line in lines)


@pytest.mark.parametrize(
    "text", ["=1", "+1 a", "-1 a", "@a", " =1", "\t=1", "\r=1", "＝1", "|calc", "-2+3"]
)
def test_no_cell_is_a_formula(text: str) -> None:
    assert inert(text).startswith("'")


def test_numbers_and_words_stay() -> None:
    assert [inert(x) for x in ("-1.5", "0", "a=b", "")] == ["-1.5", "0", "a=b", ""]


class Desk:
    def __init__(self, root: Path) -> None:
        (root / "nbgrader_config.py").write_text("c = get_config()\n")
        self.path = root / "students.csv"
        self.course = Course(root)

    def read(self, text: str) -> dict[str, Person]:
        self.path.write_bytes(text.encode())
        return load_roster(self.course)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def test_own_roster(desk: Desk) -> None:
    roster = desk.read('\ufeffStudent;Name;Email\r\nada;"Berg, Ada";a@example.org\r\n;;\r\n')
    assert roster == {"ada": Person("ada", "Berg, Ada", "a@example.org")}


def test_canvas_export_as_roster(desk: Desk) -> None:
    roster = desk.read(
        "Student,ID,SIS User ID,SIS Login ID,Section,chern (99)\n"
        "    Points Possible,,,,,9\n"
        '"Berg, Ada",12,007,ada@example.org,A,\n'
        '"Okoro, Chidi",13,,,A,\n'
    )
    assert roster == {
        "ada@example.org": Person(
            "ada@example.org", "Berg, Ada", "", "ada@example.org", "007", "12", "A"
        ),
        "okoro-chidi": Person("okoro-chidi", "Okoro, Chidi", lms_id="13", section="A"),
    }


def test_moodle_participants_as_roster(desk: Desk) -> None:
    roster = desk.read("First name,Surname,Email address\nAda,Berg,a@example.org\n")
    assert roster == {"berg-ada": Person("berg-ada", "Berg, Ada", "a@example.org")}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "expected `student`"),
        ("a,b\n1,2\n", "expected `student`"),
        ("student\nada\nada\n", "line 3: 'ada' stands there twice"),
        ("student\n../x\n", "line 2: got the student"),
        ("student,email\nada,=cmd|x\n", "line 2: email is '=cmd|x'"),
    ],
)
def test_bad_rosters(desk: Desk, text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=r"students\.csv") as caught:
        desk.read(text)
    assert reason in str(caught.value)


def test_names() -> None:
    assert name_key("Novák, Jan") == name_key("jan NOVAK")
    assert folder_name("Ada  Berg/..") == "ada-berg"
    assert folder_name("???") == "nameless"


def test_export_of_a_graded_class(
    fresh_course: Course, fresh_hand_in: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    fresh_hand_in.notebook("ada")
    fresh_hand_in.notebook("bob", double="def double(x): return x")
    fresh_hand_in.file("cem", b"")
    grade_set(fresh_course, "chern", progress=False)
    with fresh_course.gradebook() as gradebook:
        gradebook.update_or_create_student("ada", email="ada@example.org", lms_user_id="12")
        gradebook.update_or_create_student("bob", email="bob@example.org")
        notebook = gradebook.find_submission_notebook("chern", "chern", "ada")
        notebook.late_submission_penalty = 0.5
        grade = gradebook.find_grade("why", "chern", "chern", "ada")
        grade.manual_score, grade.needs_manual_grade = 3, False
        gradebook.db.commit()
    # Marks given by hand count, and penalties; other than in the report of the run.
    assert [(g.student, g.score, len(g.waiting)) for g in load_grades(fresh_course, "chern")] == [
        ("ada", 7.5, 0),
        ("bob", 2.0, 1),
        ("cem", 0.0, 0),
    ]
    order = [*load_grades(fresh_course, "chern")[0].tasks]
    assert order == ["velocity-test", "double-test", "why"]
    arguments = ["export", "chern", "--course", str(fresh_course.root), "--lms"]
    assert main([*arguments, "moodle"]) == 1
    told = capsys.readouterr()
    assert "left out: cem: the roster has no email" in told.err
    assert "1 of the grades still wait" in told.err
    lines = rows((fresh_course.root / "chern.moodle.csv").read_text("utf-8"))
    assert lines[1] == ["ada@example.org", "7.5", "velocity 2/2, double 3/3, why 3/4"]
    assert main([*arguments, "canvas", "--column", "chern (99)"]) == 1
    assert rows((fresh_course.root / "chern.canvas.csv").read_text("utf-8"))[2][1] == "12"


def test_nothing_to_export(fresh_course: Course, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export", "chern", "--lms", "moodle", "--course", str(fresh_course.root)]) == 2
    assert "run `coursekit grade chern`" in capsys.readouterr().err
