"""Answers that are not numbers: choices, plots, variables; and values that are none of these."""

import matplotlib

matplotlib.use("agg")

import matplotlib.pyplot as plt
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from coursekit.checks import Case, Check, Choice, Labels, Lines, Numbers, Part, Tolerance, grade
from coursekit.checks.compare import Mismatch
from coursekit.checks.diagnose import options
from coursekit.checks.drawing import as_data

ABCD = Choice("abcd")
X = np.linspace(0, 3, 31)
TWO = (X, np.stack([np.sin(X), np.cos(X)]))


@pytest.fixture(autouse=True)
def close():
    yield
    plt.close("all")


@pytest.fixture
def use(monkeypatch):
    """Makes a check known by its name."""

    def use(check):
        monkeypatch.setattr("coursekit.checks.run.get", lambda name: check)
        return check

    return use


# -- choices


@pytest.mark.parametrize("value", ["b", "B", " b ", "(b)", ["b"], ("B",), "b."])
def test_a_choice_may_be_written_in_any_way(value):
    got = ABCD.read(value, "b", 0.0)
    assert ABCD.difference(got, ABCD.expected("b"), 0.0) == ""


@pytest.mark.parametrize("value", ["ac", "ca", "A, C", ["a", "c"], "a c"])
def test_several_options_in_any_order(value):
    got = ABCD.read(value, "ac", 0.0)
    assert ABCD.difference(got, ABCD.expected("ac"), 0.0) == ""
    assert ABCD.show(got) == "ac"


@pytest.mark.parametrize("value", [None, 2, 1.0, "", "e", "both", {"a": 1}, [1], [["a"]], True])
def test_what_is_no_option_is_told_the_options(value):
    with pytest.raises(Mismatch, match="expected letters out of a, b, c, d"):
        ABCD.read(value, "b", 0.0)


def test_all_options_at_once_are_no_answer():
    with pytest.raises(Mismatch, match="names 4 options; expected one"):
        ABCD.read("abcd", "b", 0.0)
    too_much = ABCD.read("abcd", "ac", 0.0)
    assert "not all" in ABCD.difference(too_much, ABCD.expected("ac"), 0.0)
    half = ABCD.read("a", "ac", 0.0)
    assert "one more" in ABCD.difference(half, ABCD.expected("ac"), 0.0)


def question(reads=ABCD, reference="b"):
    return Check(
        name="toy.question",
        title="A question",
        signature="answer",
        family="one question",
        reference=lambda: reference,
        tolerance=Tolerance("a choice is right or wrong"),
        parts=(Part("the choice", 2),),
        diagnoses=options(ABCD, a="That is the energy.", c="That is odd."),
        reads=reads,
    )


@pytest.mark.parametrize(
    ("answer", "points", "hints"),
    [
        ("b", 2, ()),
        ("a", 0, ("That is the energy.",)),
        ("C", 0, ("That is odd.",)),
        ("d", 0, ()),
        (None, 0, ()),
        (lambda: "b", 0, ()),
    ],
)
def test_each_option_has_its_own_hint(use, answer, points, hints):
    use(question())
    report = grade("toy.question", answer, 7)
    assert (report.points, report.diagnoses) == (points, hints)
    assert "expected: b" not in str(report) or answer in ("a", "C", "d")


def test_the_two_places_where_a_variable_can_be_missing(use):
    use(question())
    assert "`answer` is still None" in str(grade("toy.question", None, 7))
    assert "got a function" in str(grade("toy.question", lambda: "b", 7))


# -- variables


@pytest.mark.parametrize(
    ("answer", "points"),
    [
        ([1, 4, 9], 3),
        (np.array([1 + 0j, 4, 9]), 3),
        ((1.0, 4.0, 9.0), 3),
        ([1, 4, 8], 0),
        ([1, 4], 0),
        ("149", 0),
    ],
)
def test_an_array_may_be_asked_for(use, answer, points):
    use(
        Check(
            name="toy.squares",
            title="Squares",
            signature="squares",
            family="no input",
            reference=lambda: np.array([1, 4, 9]),
            tolerance=Tolerance("integers", absolute=1e-9),
            parts=(Part("the values", 3),),
        )
    )
    assert grade("toy.squares", answer, "home").points == points
    assert grade("toy.squares", answer, "secret").points == points


# -- plots


def plotted(*curves, labels=("k", "E"), draw="plot", **extra):
    figure, axes = plt.subplots()
    for x, y in curves:
        getattr(axes, draw)(x, y)
    axes.set(xlabel=labels[0], ylabel=labels[1])
    return figure, axes


def right_plots():
    sin, cos = (X, np.sin(X)), (X, np.cos(X))
    fine = np.linspace(-1, 4, 3001)
    yield "axes", plotted(sin, cos)[1]
    yield "figure", plotted(sin, cos)[0]
    yield "pair", plotted(sin, cos)
    yield "other order", plotted(cos, sin)[1]
    yield "backwards", plotted((X[::-1], np.sin(X)[::-1]), cos)[1]
    yield "finer and longer", plotted((fine, np.sin(fine)), (fine, np.cos(fine)))[1]
    yield "points", plotted(sin, cos, draw="scatter")[1]
    guided = plotted(sin, cos)[1]
    guided.axhline(0.0)
    guided.axvline(1.0)
    guided.plot([0.5, 0.5], [-1, 1], "k--")
    yield "guides", guided
    gapped = plotted((fine, np.where(fine % 1 < 1e-3, np.nan, np.sin(fine))), cos)[1]
    yield "gaps", gapped
    yield "lines", plt.subplots()[1].plot(X, np.stack([np.sin(X), np.cos(X)], axis=1))
    yield "arrays", (X, TWO[1])
    yield "columns", (X, TWO[1].T)
    yield "lists", [(X.tolist(), np.sin(X).tolist()), (X.tolist(), np.cos(X).tolist())]
    panels = plt.subplots(1, 2)[1]
    panels[0].plot(X, TWO[1].T)
    yield "panels", panels


@pytest.mark.parametrize("name", [name for name, _ in right_plots()])
def test_a_right_plot_is_right_however_it_is_drawn(name):
    answer = dict(right_plots())[name]
    got = Lines().read(as_data(answer), TWO, 1e-4)
    assert Lines().difference(got, Lines().expected(TWO), 1e-4) == ""


@pytest.mark.parametrize(
    ("curves", "said"),
    [
        ([(X, np.sin(X))], "shows one line; expected 2 lines"),
        ([(X, np.sin(X))] * 40, "shows 40 lines"),
        ([(X / 2, np.sin(X)), (X / 2, np.cos(X))], "x from 0 to 1.5; expected curves that run"),
        ([], "shows no line"),
        ([(X, np.sin(X)), (X, np.cos(X) + 0.1)], "off by 0.1 at line, point 1, "),
        ([(X, np.sin(X)), (X, np.sin(X))], "off by"),
    ],
)
def test_a_wrong_plot_is_told_what_is_wrong(curves, said):
    reads = Lines()
    try:
        got = reads.read(as_data(plotted(*curves)[1]), TWO, 1e-4)
        message = reads.difference(got, reads.expected(TWO), 1e-4)
    except Mismatch as mismatch:
        message = str(mismatch)
    assert said in message


def plot_check():
    return Check(
        name="toy.plot",
        title="A plot",
        signature="plot(a)",
        family="a between 1 and 2",
        reference=lambda a: (X, np.sin(a * X)),
        tolerance=Tolerance("straight lines between points", absolute=1e-2),
        parts=(
            Part("curve", 2, _slopes),
            Part("labels", 1, _slopes, reads=Labels()),
        ),
        reads=Lines(),
    )


def _slopes(rng):
    return [Case((a,), f"a = {a}") for a in rng.uniform(1, 2, 2).round(3)]


def test_labels_earn_only_beside_the_curve(use):
    use(plot_check())

    def draw(function, labels):
        return lambda a: plotted((X, function(a * X)), labels=labels)[1]

    assert grade("toy.plot", draw(np.sin, ("k", "E")), 7).points == 3
    bare = grade("toy.plot", draw(np.sin, ("k", " ")), 7)
    assert bare.points == 2
    assert "no label on the y axis" in str(bare)
    wrong = grade("toy.plot", draw(np.cos, ("k", "E")), 7)
    assert wrong.points == 0
    assert "earns its points only beside another part" in str(wrong)
    flipped = grade("toy.plot", draw(lambda x: -np.sin(x), ("k", "E")), 7)
    assert "sign is wrong" in flipped.diagnoses[0]
    arrays = grade("toy.plot", lambda a: (X, np.sin(a * X)), 7)
    assert arrays.points == 2
    assert "returned no plot" in str(arrays)


def test_guides_are_no_curves():
    _, axes = plotted((X / 3, np.sin(X)))
    axes.axhline(0.5)
    axes.axvline(0.5)
    assert len(as_data(axes)["lines"]) == 1


def test_other_values_are_left_alone():
    for value in (1.0, "x", [1, 2], (), np.eye(2), {"a": 1}, None):
        assert as_data(value) is value


plain_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.complex_numbers() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.tuples(inner, inner)
        | st.dictionaries(st.sampled_from(["lines", "xlabel", "ylabel", "x"]), inner, max_size=3)
    ),
    max_leaves=10,
)


@given(plain_values)
def test_no_value_whatever_trips_a_reading(value):
    cases = [(Numbers(), np.eye(2)), (ABCD, "b"), (Lines(), TWO), (Labels(), TWO)]
    for reads, reference in cases:
        try:
            got = reads.read(value, reference, 1e-6)
        except Mismatch:
            continue
        assert got.shape == reads.expected(reference).shape
        reads.difference(got, reads.expected(reference), 1e-6)
        reads.show(got)
