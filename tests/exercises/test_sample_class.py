"""The sample class through the whole grader: release, sandbox, scores, feedback."""

import html
import re

import pytest

from coursekit.checks import get

pytest.importorskip("nbgrader")

from coursekit.grading.release import release_set
from coursekit.grading.runner import grade_set
from coursekit.grading.sample import sample_class, write_sample_class

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("default")]

SET = "chern"


@pytest.fixture(scope="module")
def course(new_course):
    # The endless loop of one student need not hold up the tests.
    return new_course("class", "\nc.SplitExecute.call_timeout = 8\n")


@pytest.fixture(scope="module")
def results(course):
    release_set(course, SET)
    write_sample_class(course.root, SET)
    return {result.student: result for result in grade_set(course, SET)}


@pytest.fixture(scope="module")
def students(course):
    return {student.name: student for student in sample_class(course.root, SET)}


def feedback(course, student):
    page = course.root / "feedback" / student / SET / f"{SET}.html"
    text = html.unescape(re.sub(r"<[^>]+>", " ", page.read_text(encoding="utf-8")))
    return re.sub(r"\s+", " ", text)


def test_nobody_is_lost(results, students):
    assert set(results) == set(students)
    assert {result.status for result in results.values()} == {"graded"}


def test_everyone_gets_what_the_code_deserves(results, students):
    assert {name: result.score for name, result in results.items()} == {
        name: student.score for name, student in students.items()
    }


def test_written_answers_wait_for_a_person(results, students):
    assert {name for name, result in results.items() if result.by_hand} == {
        name for name, student in students.items() if student.text
    }


def test_feedback_names_the_mistake(course, results, students):
    for name, student in students.items():
        for task, mistake in student.hints.items():
            (hint,) = (d.hint for d in get(f"{SET}.{task}").diagnoses if d.name == mistake)
            assert hint in feedback(course, name)


@pytest.mark.parametrize(
    ("student", "said"),
    [
        ("gita", "Right for every input of the self-check at home"),
        ("hana", "`plaquette_chern` is not defined in your notebook"),
        ("ivo", "`hall_conductivity` gave no answer within 8 s"),
        ("koa", "Not written yet"),
    ],
)
def test_feedback_says_what_went_wrong_in_running(course, results, student, said):
    assert said in feedback(course, student)


def test_grading_again_leaves_everything_as_it_is(course, results):
    page = course.root / "feedback" / "ada" / SET / f"{SET}.html"
    before = page.stat().st_mtime_ns
    again = {result.student: result.score for result in grade_set(course, SET)}
    assert again == {name: result.score for name, result in results.items()}
    assert page.stat().st_mtime_ns == before
