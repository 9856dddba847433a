"""Answers that are plots or variables, on their way out of the sandbox."""

from __future__ import annotations

import numpy as np
import pytest

from coursekit.checks import AnswerError, Case, Check, Choice, Labels, Lines, Part, Tolerance
from coursekit.grading.session import StudentSession
from coursekit.grading.trusted import CellRunner

X = np.linspace(0.0, 3.0, 31)
PLOT = Check(
    name="toy.plot",
    title="A plot",
    signature="plot(a)",
    family="a between 1 and 2",
    reference=lambda a: (X, np.sin(a * X)),
    tolerance=Tolerance("straight lines between points", absolute=1e-2),
    parts=(
        Part("curve", 2, lambda rng: [Case((float(rng.uniform(1, 2)),), "a")]),
        Part("labels", 1, lambda rng: [Case((1.5,), "a")], reads=Labels()),
    ),
    reads=Lines(),
)
QUESTION = Check(
    name="toy.question",
    title="A question",
    signature="answer",
    family="one question",
    reference=lambda: "b",
    tolerance=Tolerance("a choice is right or wrong"),
    parts=(Part("the choice", 2),),
    reads=Choice("abcd"),
)


@pytest.fixture
def runner(session: StudentSession, monkeypatch: pytest.MonkeyPatch) -> CellRunner:
    checks = {check.name: check for check in (PLOT, QUESTION)}
    monkeypatch.setattr("coursekit.checks.run.get", checks.__getitem__)
    return CellRunner(session, "secret", [])


def points(runner: CellRunner, source: str, possible: float) -> float:
    outputs = runner.run(source, possible)
    (result,) = (out for out in outputs if out.output_type == "execute_result")
    return float(result.data["text/plain"])


PLOTTED = """
import numpy as np, matplotlib.pyplot as plt
def plot(a):
    x = np.linspace(0, 3, 200)
    fig, ax = plt.subplots()
    ax.plot(x, {curve})
    ax.axhline(0)
    ax.set(xlabel="k", ylabel="{label}")
    return {returned}
"""


@pytest.mark.parametrize(
    ("curve", "label", "returned", "due"),
    [
        ("np.sin(a * x)", "E", "ax", 3),
        ("np.sin(a * x)", "E", "fig, ax", 3),
        ("np.sin(a * x)", "", "fig", 2),
        ("np.cos(a * x)", "E", "ax", 0),
        ("np.sin(a * x)", "E", "None", 0),
    ],
)
def test_a_plot_is_judged_by_its_lines(
    session: StudentSession, runner: CellRunner, curve: str, label: str, returned: str, due: float
) -> None:
    session.run_cell(PLOTTED.format(curve=curve, label=label, returned=returned))
    assert points(runner, 'ck.check("toy.plot", plot)', 3) == due


def test_a_plot_that_cannot_be_read_ends_nothing(session: StudentSession) -> None:
    session.run_cell(
        "import matplotlib.pyplot as plt\nfrom matplotlib.axes import Axes\n"
        "class Odd(Axes):\n    def get_lines(self): raise RuntimeError('no')\n"
        "odd = Odd(plt.figure(), [0, 0, 1, 1])\ndef f(): return odd\nok = 1"
    )
    with pytest.raises(AnswerError, match="cannot be graded: no"):
        session.lookup("f")()
    with pytest.raises(AnswerError, match="`odd`: no"):
        session.lookup("odd")()
    assert session.lookup("ok") == 1


@pytest.mark.parametrize(
    ("source", "due"), [("answer = 'B'", 2), ("answer = 'c'", 0), ("answer = None", 0), ("", 0)]
)
def test_a_variable_is_judged_by_its_value(
    session: StudentSession, runner: CellRunner, source: str, due: float
) -> None:
    session.run_cell(source)
    assert points(runner, 'ck.check("toy.question", answer)', 2) == due
