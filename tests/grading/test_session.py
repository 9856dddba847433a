"""Names that cross from a notebook to its tests, and kernels that are lost on the way."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import coursekit as ck
from coursekit.checks import AnswerError, AnswerTimeout
from coursekit.grading.kernel import Kernel
from coursekit.grading.sandbox import SandboxError
from coursekit.grading.session import StudentFunction, StudentSession, TimeLimits, Undefined
from coursekit.grading.trusted import CellRunner


def errors(outputs: list[Any]) -> list[str]:
    return [output.ename for output in outputs if output.output_type == "error"]


def credit(outputs: list[Any]) -> list[float]:
    return [
        float(output.data["text/plain"])
        for output in outputs
        if output.output_type == "execute_result"
    ]


def test_plain_data_crosses(session: StudentSession) -> None:
    session.run_cell(
        "import numpy as np, coursekit as ck\n"
        "v = {'a': (1, 2.5, 1j), 'b': np.eye(2)}\n"
        "m = ck.models.haldane(1.0, 0.1, 0.3, 0.2)\n"
        "def f(x, *, scale=1):\n    return x * scale"
    )
    value = session.lookup("v")
    assert value["a"] == (1, 2.5, 1j)
    assert type(value["b"]) is np.ndarray
    model = session.lookup("m")
    assert model.n_orb == ck.models.haldane(1.0, 0.1, 0.3, 0.2).n_orb
    function = session.lookup("f")
    assert isinstance(function, StudentFunction)
    assert np.array_equal(function(np.arange(3), scale=2.0), [0, 2, 4])


def test_what_goes_wrong_is_told(session: StudentSession) -> None:
    session.run_cell("def f(x):\n    y = 1\n    return y / x\nclass C: pass\nc = C()")
    with pytest.raises(AnswerError, match=r"ZeroDivisionError: division by zero\n\(line 3 in f"):
        session.lookup("f")(0)
    missing = session.lookup("g")
    assert isinstance(missing, Undefined)
    with pytest.raises(AnswerError, match="`g` is not defined in your notebook"):
        missing(1)
    with pytest.raises(AnswerError, match=r"`c`: got C; expected a number"):
        session.lookup("c")()


def test_hang_in_a_call_costs_the_next_nothing(session: StudentSession) -> None:
    session.run_cell("a = 1")
    session.run_cell("def hang():\n    while True: pass\ndef fine():\n    return a")
    with pytest.raises(AnswerTimeout, match="`hang` gave no answer within 2 s"):
        session.lookup("hang")()
    session.begin_test()
    assert session.lookup("fine")() == 1


def test_time_of_a_test_is_limited(session: StudentSession) -> None:
    session.run_cell("import time\ndef slow():\n    time.sleep(1.7)")
    slow = session.lookup("slow")
    # Each call is in time, the fourth is not: 6 s are left for all of them.
    for _ in range(3):
        slow()
    with pytest.raises(AnswerTimeout, match="gave no answer within 0"):
        slow()
    with pytest.raises(AnswerTimeout, match="was not called again"):
        slow()


def test_dead_kernel_comes_back_without_the_cell(session: StudentSession) -> None:
    session.run_cell("a = 1")
    assert errors(session.run_cell("import os; os._exit(3)")) == ["DeadKernelError"]
    assert session.lookup("a") == 1


def test_hanging_cell_is_interrupted(session: StudentSession) -> None:
    session.run_cell("a = 1")
    outputs = session.run_cell("b = 2\nprint('before')\nwhile True: pass")
    assert errors(outputs)[-1] == "CellTimeoutError"
    assert outputs[0].text == "before\n"
    assert (session.lookup("a"), session.lookup("b")) == (1, 2)


def test_outputs_are_kept_small_and_harmless(session: StudentSession) -> None:
    outputs = session.run_cell("print('x' * 200_000)")
    assert len(outputs[0].text) < 60_000
    outputs = session.run_cell(
        "from IPython.display import HTML, Javascript, SVG, display\n"
        "display(HTML('<b onclick=\"x()\">bold</b><script>x()</script>'), Javascript('x()'))\n"
        "display({'image/png': '\" onerror=\"x()', 'text/plain': 'p'}, raw=True)\n"
        "import matplotlib.pyplot as plt; plt.plot([1, 2]); plt.show()"
    )
    text = str(outputs)
    assert "onclick" not in text
    assert "<script" not in text
    assert "onerror" not in text
    assert "image/png" in outputs[-1].data


def test_test_cells_give_partial_credit(session: StudentSession) -> None:
    session.run_cell("def f(x):\n    return x\nv = float('nan')\nlie = 10.0")
    runner = CellRunner(session, "seed", ["import math\nfrom math import pi\nf = 3"])
    assert credit(runner.run("assert f(1) == 1\n0.5", 2)) == [0.5]
    # Points that the student chose are none.
    assert errors(runner.run("lie", 2)) == errors(runner.run("f(10.0)", 2)) == ["TypeError"]
    assert errors(runner.run("v + 1", 2)) == ["ValueError"]
    assert errors(runner.run("'text'", 2)) == ["TypeError"]
    assert credit(runner.run("f(1) == 2", 2)) == [0.0]
    assert credit(runner.run("f(1) == 1", 2)) == [2.0]
    assert errors(runner.run("assert f(pi) == math.e, 'wrong'", 2)) == ["AssertionError"]
    assert errors(runner.run("raise SystemExit", 2)) == ["SystemExit"]
    assert errors(runner.run("this is no Python", 2)) == ["SyntaxError"]


def test_warnings_of_a_test_cost_nothing(session: StudentSession) -> None:
    runner = CellRunner(session, "seed", [])
    outputs = runner.run("import sys\nprint('careful', file=sys.stderr)", 2)
    assert [output.name for output in outputs] == ["stdout"]


def test_check_uses_the_secret_seed(session: StudentSession) -> None:
    session.run_cell(
        "def anomalous_velocity(omega, E):\n    seen.append(omega)\n    return E\nseen = []"
    )
    inputs = []
    for seed in ("one", "two"):
        runner = CellRunner(session, seed, [])
        outputs = runner.run('ck.check("chern.velocity", anomalous_velocity)', 2)
        assert "chern.velocity" in outputs[0].data["text/html"]
        inputs.append(outputs[0].data["text/plain"])
    assert inputs[0] != inputs[1]
    own = 'import coursekit as ck\nck.check("chern.velocity", anomalous_velocity)'
    assert errors(CellRunner(session, "x", []).run(own, 2)) == ["TypeError"]


def test_failing_sandbox_is_not_held_against_the_student() -> None:
    def start() -> Kernel:
        raise SandboxError("no kernel")

    runner = CellRunner(StudentSession(start, TimeLimits()), "seed", [])
    with pytest.raises(SandboxError):
        runner.run("assert f(1) == 1", 2)
