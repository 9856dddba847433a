"""Every task of every set: what it gives to the solution, the stub, and answers right and wrong."""

import runpy
from pathlib import Path

import pytest

from coursekit.checks import HOME_SEED, get, grade, names, set_names

ANSWERS = Path(__file__).parents[2] / "exercises" / "answers"
TASKS = [task for set_name in set_names() for task in names(set_name)]
SEEDS = [HOME_SEED, "a secret seed", 20260101]


def answers(kind):
    return [
        pytest.param(f"{path.parts[-3]}.{path.parts[-2]}", path, id="-".join(path.parts[-3:]))
        for path in sorted((ANSWERS / kind).rglob("*.py"))
    ]


def function(task, path):
    return runpy.run_path(str(path))[get(task).function]


@pytest.mark.parametrize("task", TASKS)
def test_the_authors_solution_gets_full_marks(task, build):
    check = get(task)
    solution = build(check.set_name).namespace()[check.function]
    for seed in SEEDS:
        report = grade(task, solution, seed)
        assert report.passed, str(report)
        assert report.points == report.max_points == check.points


@pytest.mark.parametrize("task", TASKS)
def test_the_released_stub_gets_nothing_and_a_kind_word(task, build):
    check = get(task)
    report = grade(task, build(check.set_name).namespace(release=True)[check.function], HOME_SEED)
    assert report.points == 0
    assert all("Not written yet" in part.message for part in report.parts)


@pytest.mark.parametrize(("task", "path"), answers("right"))
def test_right_answers_in_other_styles_get_full_marks(task, path):
    for seed in SEEDS:
        report = grade(task, function(task, path), seed)
        assert report.passed, str(report)


@pytest.mark.parametrize(("task", "path"), answers("wrong"))
def test_wrong_answers_get_their_diagnosis(task, path):
    (hint,) = (d.hint for d in get(task).diagnoses if d.name == path.stem)
    for seed in SEEDS:
        report = grade(task, function(task, path), seed)
        assert report.points < report.max_points
        assert report.diagnoses == (hint,), str(report)


@pytest.mark.parametrize("task", TASKS)
def test_every_diagnosis_has_an_answer_that_provokes_it(task):
    folder = ANSWERS / "wrong" / task.replace(".", "/")
    assert {path.stem for path in folder.glob("*.py")} == {d.name for d in get(task).diagnoses}


@pytest.mark.parametrize("task", TASKS)
def test_every_task_has_two_other_styles_and_two_mistakes(task):
    assert len(list((ANSWERS / "right" / task.replace(".", "/")).glob("*.py"))) >= 2
    assert len(get(task).diagnoses) >= 2


@pytest.mark.parametrize("task", TASKS)
def test_an_answer_that_returns_one_number_for_all_gets_nothing(task):
    for value in (0.0, 1.0, -1.0):
        for seed in SEEDS:
            assert grade(task, lambda *args, value=value: value, seed).points == 0


@pytest.mark.parametrize("task", TASKS)
def test_a_check_says_what_it_draws_and_why_it_tolerates(task):
    check = get(task)
    assert check.title
    assert check.family
    assert check.tolerance.reason
    assert all(part.points > 0 for part in check.parts)
    assert len({part.name for part in check.parts}) == len(check.parts)
