"""Every task of every set: what it gives to the solution, the stub, and answers right and wrong."""

import functools
import re
import runpy
import warnings
from pathlib import Path

import numpy as np
import pytest

from coursekit.checks import HOME_SEED, get, grade, names, set_names
from coursekit.checks.run import _draw
from coursekit.checks.wire import encode

ANSWERS = Path(__file__).parents[2] / "exercises" / "answers"
TASKS = [task for set_name in set_names() for task in names(set_name)]
FUNCTIONS = [task for task in TASKS if not get(task).is_variable]
NO_INPUT = "whatever the input is|for every model|always 0"
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
    stub = build(check.set_name).namespace(release=True)[check.function]
    assert check.is_variable == (stub is None)
    report = grade(task, stub, HOME_SEED)
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


@pytest.mark.parametrize("task", FUNCTIONS)
def test_an_answer_that_returns_one_number_for_all_gets_nothing(task):
    for value in (0.0, 1.0, -1.0):
        for seed in SEEDS:
            report = grade(task, lambda *args, value=value: value, seed)
            assert report.points == 0
            # No word of sign, 2π, or reduced k: it does not depend on anything.
            assert all(re.search(NO_INPUT, hint) for hint in report.diagnoses), str(report)


class Table:
    """Knows the answers of the self-check at home, and for other inputs some of them."""

    def __init__(self, task, otherwise):
        check = get(task)
        pairs = [
            drawn
            for part in check.parts
            for pair in _draw(check, part, HOME_SEED)
            for drawn in pair
        ]
        self.known = {encode(c.args): value for c, value in filter(None, pairs)}
        self.inputs = [c.args for c, _ in filter(None, pairs)]
        self.otherwise = otherwise
        self.calls = 0

    def __call__(self, *args):
        key = encode(args)
        if key in self.known:
            return self.known[key]
        self.calls += 1
        return self.otherwise(self, args)

    def first(self, args):
        return next(iter(self.known.values()))

    def in_turn(self, args):
        return [*self.known.values()][self.calls % len(self.known)]

    def nearest(self, args):
        return min(zip(self.inputs, self.known.values(), strict=True), key=distance(args))[1]


def distance(args):
    def far(pair):
        one, other = (numbers(x) for x in (args, pair[0]))
        return np.abs(one - other).sum() if one.shape == other.shape else np.inf

    return far


def numbers(value):
    """Everything in an input, in a row."""
    if hasattr(value, "blocks"):
        value = [value.lattice.vectors, value.orbitals, *value.blocks.values()]
    if isinstance(value, list | tuple):
        return np.concatenate([numbers(item) for item in value])
    return np.ravel(np.asarray(value, dtype=complex))


@pytest.mark.parametrize("otherwise", [Table.first, Table.in_turn, Table.nearest])
@pytest.mark.parametrize("task", FUNCTIONS)
def test_a_table_of_the_answers_at_home_earns_nothing_elsewhere(task, otherwise):
    assert grade(task, Table(task, otherwise), HOME_SEED).passed
    for seed in SEEDS[1:]:
        report = grade(task, Table(task, otherwise), seed)
        assert report.points == 0, str(report)
        (hint,) = report.diagnoses
        assert "self-check at home" in hint
        assert "seed=1" in hint


@pytest.mark.parametrize("task", FUNCTIONS)
def test_what_an_answer_does_beside_its_work_costs_nothing(task, build, capsys):
    check = get(task)
    solution = build(check.set_name).namespace()[check.function]

    @functools.wraps(solution)
    def noisy(*args):
        print("computing ...")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            warnings.warn("careful", stacklevel=1)
        value = solution(*args)
        if not isinstance(value, int | float | complex | np.ndarray):
            return value
        # Complex with zero imaginary part, as nested lists.
        return (np.asarray(value) + 0j).tolist()

    assert grade(task, noisy, "another seed").passed


@pytest.mark.parametrize("task", TASKS)
def test_a_check_says_what_it_draws_and_why_it_tolerates(task):
    check = get(task)
    assert check.title
    assert check.family
    assert check.tolerance.reason
    assert all(part.points > 0 for part in check.parts)
    assert len({part.name for part in check.parts}) == len(check.parts)
