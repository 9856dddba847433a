"""Running a check: parts, points, kind messages, hints, and answers that misbehave."""

import numpy as np
import pytest

import coursekit as ck
from coursekit import checks
from coursekit.checks import (
    AnswerError,
    AnswerTimeout,
    Case,
    Check,
    CheckFailed,
    Diagnosis,
    Part,
    Tolerance,
    grade,
)


def scalars(rng):
    return [Case((x,), f"x = {x}") for x in rng.uniform(1, 2, 3).round(4).tolist()]


def arrays(rng):
    return [Case((rng.uniform(1, 2, 4),), "four numbers")]


SQUARE = Check(
    name="toy.square",
    title="Square",
    signature="square(x)",
    family="numbers between 1 and 2",
    reference=lambda x: np.asarray(x) ** 2,
    tolerance=Tolerance("one product", relative=1e-9),
    parts=(Part("number", 2, scalars), Part("array", 1, arrays)),
    diagnoses=(
        Diagnosis("cube", "This is the cube.", wrong=(lambda x: np.asarray(x) ** 3,)),
        Diagnosis("doubled", "Doubled.", wrong=(lambda x: 2 * x, lambda x: 2 * x + 1)),
    ),
)


@pytest.fixture(autouse=True)
def toy(monkeypatch):
    monkeypatch.setattr("coursekit.checks.run.get", lambda name: SQUARE)


def first_message(answer):
    return grade("toy.square", answer, 7).parts[0].message


def test_a_right_answer_gets_all_points():
    report = grade("toy.square", lambda x: x * x, 7)
    assert (report.points, report.max_points, report.diagnoses) == (3, 3, ())


def test_parts_are_earned_one_by_one():
    report = grade("toy.square", lambda x: x * x if np.ndim(x) == 0 else x, 7)
    assert [part.earned for part in report.parts] == [2, 0]
    assert report.parts[1].inputs == "four numbers"
    assert report.parts[1].got
    assert report.parts[1].expected


def inputs(seed):
    """What the check calls an answer with."""
    seen = []
    grade("toy.square", lambda x: seen.append(x) or x * x, seed)
    return seen


def test_every_case_of_a_part_counts():
    last = inputs(7)[2]
    report = grade("toy.square", lambda x: x * x + (np.ndim(x) == 0 and x == last), 7)
    assert report.parts[0].earned == 0
    assert report.parts[0].inputs == f"x = {last}"


def test_the_same_seed_draws_the_same_inputs_and_another_one_others():
    assert np.array_equal(np.hstack(inputs(1)), np.hstack(inputs(1)))
    assert np.array_equal(np.hstack(inputs("1")), np.hstack(inputs(1)))
    assert not np.array_equal(np.hstack(inputs(1)), np.hstack(inputs(2)))


def test_an_unwritten_answer_is_told_so_kindly():
    def square(x):
        raise NotImplementedError

    report = grade("toy.square", square, 7)
    assert report.points == 0
    assert all("Not written yet" in part.message for part in report.parts)
    assert report.diagnoses == ()


def test_an_exception_is_shown_with_its_line():
    def square(x):
        return [][x]

    message = first_message(square)
    assert "raised TypeError: list indices" in message
    assert "return [][x]" in message


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (None, "returned None"),
        ("4", "returned text"),
        (np.ones((2, 2)), r"shape (2, 2); expected a single number"),
        (float("nan"), "NaN"),
        (object(), "cannot be read"),
        (lambda: 4.0, "got a function"),
        (np.array([object()]), "cannot be read"),
        (10**400, "cannot be read"),
    ],
)
def test_values_that_are_no_answer(value, said):
    message = first_message(lambda x: value)
    assert said in message


@pytest.mark.parametrize("value", [4.0, None, "text", [1, 2]])
def test_a_value_instead_of_the_function(value):
    message = first_message(value)
    assert 'ck.check("toy.square", square)' in message


class _Agrees(np.ndarray):
    """Claims to be near whatever it is compared with."""

    def __array_ufunc__(self, *args, **kwargs):
        return np.zeros(())

    def __array_function__(self, *args, **kwargs):
        return True

    def __eq__(self, other):
        return True

    __hash__ = None


class _AgreesToo(float):
    def __sub__(self, other):
        return 0.0

    __rsub__ = __sub__

    def __eq__(self, other):
        return True

    __hash__ = None


def test_lying_types_are_taken_for_the_numbers_they_hold():
    for lie in (np.asarray(5.0).view(_Agrees), _AgreesToo(5.0)):
        report = grade("toy.square", lambda x, lie=lie: lie, 7)
        assert report.points == 0
        assert report.parts[0].got == "5"


def test_an_object_that_becomes_an_array_does_so_before_it_is_compared():
    class Lazy:
        def __array__(self, dtype=None, copy=None):
            return np.asarray(5.0)

    assert grade("toy.square", lambda x: Lazy(), 7).parts[0].got == "5"


def test_answers_cannot_reach_the_inputs_of_the_check():
    def square(x):
        result = np.array(x) ** 2
        if np.ndim(x):
            x[:] = 0.0
        return result

    assert grade("toy.square", square, 7).passed


def test_an_answer_that_changes_its_mind_loses():
    memory = set()

    def square(x):
        key = np.asarray(x).tobytes()
        if key in memory:
            return 0 * x
        memory.add(key)
        return x**2

    report = grade("toy.square", square, 7)
    assert report.points == 0
    assert "second time with the same input" in report.parts[0].message


def test_errors_from_elsewhere_are_passed_on():
    def square(x):
        raise AnswerError("`square` is not defined in your notebook")

    assert first_message(square) == "`square` is not defined in your notebook"

    def stub(x):
        raise AnswerError("NotImplementedError", kind="NotImplementedError")

    assert "Not written yet" in first_message(stub)


def test_after_a_timeout_the_answer_is_not_called_again():
    calls = []

    def square(x):
        calls.append(x)
        raise AnswerTimeout("The function did not return within 10 s.")

    report = grade("toy.square", square, 7)
    assert len(calls) == 1
    assert report.points == 0
    assert "did not return" in report.parts[0].message
    assert "ran out of time" in report.parts[1].message


@pytest.mark.parametrize(
    ("answer", "hint"),
    [
        (lambda x: x**3, "cube"),
        (lambda x: 2 * x, "Doubled"),
        (lambda x: 2 * x + 1, "Doubled"),
        (lambda x: -(x**2), "sign is wrong"),
        (lambda x: x**2 / (2 * np.pi), "2π is missing"),
        (lambda x: x**2 * 2 * np.pi, "2π too much"),
        (lambda x: -(x**2) / (2 * np.pi), "sign is wrong, and a factor 2π is missing"),
        (lambda x: 2 * x**2, "twice"),
        (lambda x: x**2 / 2, "half"),
        (lambda x: np.degrees(x**2), "degrees"),
        (lambda x: 2.25 if np.ndim(x) == 0 else x**2, "same number whatever"),
    ],
)
def test_usual_mistakes_are_named(answer, hint):
    (said,) = grade("toy.square", answer, 7).diagnoses
    assert hint in said


@pytest.mark.parametrize(
    "answer",
    [
        lambda x: x**2 + 0.01 * np.sin(30 * x),
        lambda x: x**3 if np.ndim(x) == 0 else -(x**2),  # two mistakes: neither explains both
        lambda x: x**3 if np.ndim(x) == 0 else x**2,  # a cube would be one of arrays, too
    ],
)
def test_no_hint_is_better_than_a_wrong_one(answer):
    assert grade("toy.square", answer, 7).diagnoses == ()


def test_numbers_copied_from_home_are_recognised():
    table = {x: x * x for x in inputs(checks.HOME_SEED) if np.ndim(x) == 0}

    def square(x):
        return x**2 if np.ndim(x) else table[min(table, key=lambda known: abs(known - x))]

    assert grade("toy.square", square, checks.HOME_SEED).passed
    (hint,) = grade("toy.square", square, 7).diagnoses
    assert "self-check at home" in hint


def test_unknown_tasks_are_answered_with_close_names(monkeypatch):
    monkeypatch.undo()
    with pytest.raises(ValueError, match=r"no task 'chern.plaquete'; expected one of chern.plaque"):
        ck.check("chern.plaquete", lambda: 0)
    with pytest.raises(ValueError, match="no task 'nonsense'"):
        ck.check("nonsense", lambda: 0)
    with pytest.raises(ValueError, match="no problem set 'nonsense'"):
        checks.names("nonsense")


def test_validate_button_sees_an_exception(monkeypatch):
    monkeypatch.setenv("NBGRADER_VALIDATING", "1")
    assert ck.check("toy.square", lambda x: x * x).passed
    with pytest.raises(CheckFailed, match="This is the cube"):
        ck.check("toy.square", lambda x: x**3)


def test_a_diagnosis_is_recognised_in_one_way():
    with pytest.raises(ValueError, match="both or none"):
        Diagnosis("none", "hint")
    with pytest.raises(ValueError, match="both or none"):
        Diagnosis("both", "hint", wrong=(abs,), symptom=lambda seen: True)
