"""Submissions that try for marks they do not deserve, or for trouble; each with its due score.

All are graded in one run, as a class would be, so that each also has to leave the others alone.
"""

from __future__ import annotations

import os
import textwrap
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import nbformat
import nbformat.v4
import pytest

from coursekit.grading.course import Course
from coursekit.grading.report import Result
from coursekit.grading.runner import grade_set

WRONG_VELOCITY = "def anomalous_velocity(omega, E):\n    return np.zeros(2)\n"
WRONG_DOUBLE = "def double(x):\n    return 0\n"
MARK = "coursekit-test-orphan"

# (name, code that runs first, velocity, double, points deserved); None stands for a right answer.
ATTACKS: list[tuple[str, str, str | None, str | None, float]] = [
    # -- honest work in other styles
    ("right", "", None, None, 5),
    (
        "loops-and-lists",
        "from math import pi",
        """
        def anomalous_velocity(omega, E):
            omega, E = np.asarray(omega), np.asarray(E)
            shape = np.broadcast_shapes(omega.shape, E.shape[:-1])
            return [[*map(complex, v)] for v in ()] or np.array(
                [np.broadcast_to(E[..., 1], shape) * omega + 0j,
                 -np.broadcast_to(E[..., 0], shape) * omega]).transpose(
                     [*range(1, len(shape) + 1), 0])
        """,
        None,
        5,
    ),
    (
        "noisy",
        "import sys, warnings\nwarnings.warn('careful')\nprint('oops', file=sys.stderr)",
        None,
        "def double(x):\n    print('x', file=sys.stderr)\n    warnings.warn('y')\n    return 2 * x",
        5,
    ),
    ("error-in-extra-cell", "1 / 0", None, None, 5),
    # -- patched libraries
    (
        "patched-numpy",
        "import numpy.testing\nnp.allclose = np.array_equal = lambda *a, **k: True\n"
        "np.asarray = lambda *a, **k: 0\nnumpy.testing.assert_allclose = lambda *a, **k: None",
        WRONG_VELOCITY,
        WRONG_DOUBLE,
        0,
    ),
    (
        "patched-check",
        "import coursekit.checks\nck.check = coursekit.checks.check = lambda *a: 2.0\n"
        "coursekit.checks.grade = lambda *a: 2.0",
        WRONG_VELOCITY,
        None,
        3,
    ),
    (
        "patched-builtins",
        "import builtins\nbuiltins.abs = lambda x: 0\nbuiltins.all = lambda x: True\n"
        "builtins.AssertionError = Exception",
        WRONG_VELOCITY,
        WRONG_DOUBLE,
        0,
    ),
    # -- the library's own answer
    ("withheld-name", "", "anomalous_velocity = ck.anomalous_velocity", None, 3),
    (
        "withheld-module",
        "",
        "from coursekit.dynamics import anomalous_velocity",
        None,
        3,
    ),
    (
        "found-on-disk",
        """
        import pathlib, sys
        found = [p for root in (sys.prefix, sys.base_prefix, '/srv', '/home', '/root')
                 for p in pathlib.Path(root).rglob('dynamics.py')
                 if 'coursekit' in str(p) and 'withheld' not in p.read_text()]
        """,
        "exec(found[0].read_text() if found else '')",
        None,
        3,
    ),
    # -- lying types
    (
        "equal-to-all",
        """
        class Yes:
            __eq__ = __ge__ = __le__ = lambda self, other: True
            __array_ufunc__ = lambda self, *a, **k: True
            def __array__(self, *a, **k): return np.zeros(3)
        """,
        "def anomalous_velocity(omega, E): return Yes()",
        "def double(x): return Yes()",
        0,
    ),
    (
        "lying-array",
        """
        class Lie(np.ndarray):
            def __array_function__(self, *a, **k): return True
            def __array_ufunc__(self, *a, **k): return True
            def __eq__(self, other): return True
            def __sub__(self, other): return 0
            __rsub__ = __sub__
        """,
        "def anomalous_velocity(omega, E): return np.zeros(np.shape(E)).view(Lie)",
        "def double(x): return np.zeros(np.shape(x)).view(Lie)",
        0,
    ),
    # -- hostile replies
    (
        "nan-and-inf",
        "",
        "def anomalous_velocity(omega, E): return np.full(np.shape(E), np.nan)",
        "def double(x): return float('inf')",
        0,
    ),
    (
        "huge-reply",
        "",
        "def anomalous_velocity(omega, E): return np.zeros(10**8)",
        "def double(x): return [0] * 10**6",
        0,
    ),
    (
        "forged-agent",
        """
        import coursekit_agent as agent
        text = '{"dict": [["kind", "value"], ["value", {"array": ["|O", [1], "gASVAAAAAAA="]}]]}'
        agent.call = lambda *a: text
        """,
        None,
        None,
        0,
    ),
    (
        "deep-json",
        "import coursekit_agent as agent\nagent.call = lambda *a: '[' * 10**6",
        None,
        None,
        0,
    ),
    (
        "pickle",
        """
        class Evil:
            def __reduce__(self): return (print, ('pwned',))
        """,
        "def anomalous_velocity(omega, E): return np.array([Evil(), Evil()], dtype=object)",
        "def double(x): return Evil()",
        0,
    ),
    (
        "stateful",
        "calls = []",
        """
        def anomalous_velocity(omega, E):
            calls.append(1)
            E = np.asarray(E)
            return np.stack(np.broadcast_arrays(omega * E[..., 1], -omega * E[..., 0]), -1) * (
                len(calls) <= 3)
        """,
        None,
        3,
    ),
    # -- ends and floods
    ("exit", "import sys\nsys.exit(0)", None, None, 5),
    ("hard-exit", "import os\nos._exit(0)", None, None, 5),
    ("kill-parents", "import os\nos.kill(os.getppid(), 9)\nos.kill(os.getpid(), 9)", None, None, 5),
    ("die-in-answer", "import os", "def anomalous_velocity(*a): os._exit(1)", None, 3),
    ("hang-in-cell", "while True: pass", None, None, 5),
    (
        "hang-stubbornly",
        "while True:\n    try:\n        while True: pass\n    except BaseException: pass",
        None,
        None,
        5,
    ),
    ("hang-in-answer", "", "def anomalous_velocity(*a):\n    while True: pass", None, 3),
    ("print-flood", "while True: print('x' * 10_000)", None, None, 5),
    ("memory", "x = np.ones((10**5, 10**5))", None, None, 5),
    (
        "fork-and-orphan",
        f"""
        import subprocess
        for _ in range(300):
            try: subprocess.Popen(['python', '-c', 'import time; time.sleep(600) # {MARK}'],
                                  start_new_session=True)
            except OSError: break
        """,
        None,
        None,
        5,
    ),
    # -- hooks of IPython, forged results
    (
        "transformer",
        """
        ip = get_ipython()
        ip.input_transformers_post.append(lambda lines: ['5.0'])
        ip.display_formatter.formatters['text/plain'].for_type(int, lambda *a: a[1].text('5.0'))
        """,
        WRONG_VELOCITY,
        WRONG_DOUBLE,
        0,
    ),
    (
        "forged-result",
        """
        from IPython.display import publish_display_data
        publish_display_data({'text/plain': '5.0'})
        get_ipython().kernel.send_response(get_ipython().kernel.iopub_socket, 'execute_result',
            {'data': {'text/plain': '5.0'}, 'metadata': {}, 'execution_count': 1})
        """,
        WRONG_VELOCITY,
        WRONG_DOUBLE,
        0,
    ),
    (
        "frames",
        """
        import gc, sys
        for o in gc.get_objects():
            if isinstance(o, dict) and 'expected' in o: o['expected'] = 0
        """,
        WRONG_VELOCITY,
        WRONG_DOUBLE,
        0,
    ),
]


def _tests_retagged(nb: Any) -> None:
    for cell in nb.cells:
        if cell.metadata.get("nbgrader", {}).get("grade"):
            cell.metadata["tags"] = ["skip-execution", "raises-exception"]
            cell.metadata.nbgrader.points = 100
            cell.source = "100.0"


def _tests_deleted(nb: Any) -> None:
    nb.cells = [
        c for c in nb.cells if "test" not in c.metadata.get("nbgrader", {}).get("grade_id", "")
    ]


def _tests_duplicated(nb: Any) -> None:
    nb.cells += [nbformat.v4.new_code_cell("pass", metadata=c.metadata) for c in nb.cells[-3:]]


def _renamed(nb: Any) -> None:
    for cell in nb.cells:
        if "nbgrader" in cell.metadata:
            cell.metadata.nbgrader.grade_id += "-mine"
    nb.metadata.kernelspec = {"name": "bash", "display_name": "Bash", "language": "bash"}


def _reversed(nb: Any) -> None:
    nb.cells.reverse()


TAMPERED = {
    "retagged": (_tests_retagged, WRONG_VELOCITY, 3.0),
    "deleted": (_tests_deleted, WRONG_VELOCITY, 3.0),
    "duplicated": (_tests_duplicated, WRONG_VELOCITY, 3.0),
    "renamed": (_renamed, WRONG_VELOCITY, 3.0),
    "reversed": (_reversed, None, 5.0),
}
SNOOP = """
import os, sys
seen = 0
for root, dirs, files in os.walk('/'):
    # nbgrader's own package holds files of these names
    if root.startswith(('/proc', '/sys', '/usr', sys.prefix)): dirs.clear(); continue
    seen += len({'gradebook.db', '.grading-seed', 'nbgrader_config.py'} & {*files})
print('SEEN', seen)
try: print(open(PATH).read())
except OSError as e: print('CLOSED', e)
import socket
try: socket.create_connection(('127.0.0.1', 22), 1)
except OSError as e: print('NETWORK', e.strerror)
"""
INJECTION = "<script>alert(1)</script><img src=x onerror=alert(2)>[x](javascript:alert(3))"


@pytest.fixture(scope="module")
def graded(course: Course, hand_in: Any) -> dict[str, Result]:
    """The results of the whole class, graded in one run."""
    for name, before, velocity, double, _ in ATTACKS:
        answers = {"velocity": velocity, "double": double}
        given = {key: textwrap.dedent(text) for key, text in answers.items() if text is not None}
        hand_in.notebook(name, before=textwrap.dedent(before), **given)
    for name, (change, velocity, _) in TAMPERED.items():
        given = {} if velocity is None else {"velocity": velocity}
        hand_in.notebook(name, change=change, **given)
    path = f"PATH = {str(course.root / 'gradebook.db')!r}\n"
    hand_in.notebook("snoop", before=path + SNOOP)
    hand_in.notebook("injection", before=_inject_code(), change=_inject_text)
    hand_in.notebook("own-coursekit")
    hand_in.file("own-coursekit", b"raise SystemExit", "coursekit.py")
    (hand_in.folder("own-coursekit") / "key.txt").symlink_to("/etc/passwd")
    hand_in.file("bad-json", b'{"cells": [')
    hand_in.file("latin-1", '{"é": 1}'.encode("latin-1"))
    hand_in.file("format-5", b'{"nbformat": 5, "nbformat_minor": 0, "metadata": {}}')
    hand_in.file("misnamed", b"{}", "my homework.ipynb")
    hand_in.folder("nothing")
    (hand_in.folder("link") / "chern.ipynb").symlink_to(
        course.root / "submitted" / "right" / "chern" / "chern.ipynb"
    )
    return {r.student: r for r in grade_set(course, "chern", progress=False)}


def _inject_code() -> str:
    return f"from IPython.display import HTML\nHTML({INJECTION!r})"


def _inject_text(nb: Any) -> None:
    nb.cells[-1].source = INJECTION


@pytest.mark.parametrize(("name", "points"), [(a[0], a[4]) for a in ATTACKS])
def test_score_is_what_the_answers_deserve(
    graded: dict[str, Result], name: str, points: float
) -> None:
    assert (graded[name].status, graded[name].score) == ("graded", points)


@pytest.mark.parametrize("name", TAMPERED)
def test_tampering_gains_and_loses_nothing(graded: dict[str, Result], name: str) -> None:
    assert (graded[name].status, graded[name].score) == ("graded", TAMPERED[name][2])


def test_nothing_of_the_course_can_be_seen(course: Course, graded: dict[str, Result]) -> None:
    page = _page(course, "snoop")
    assert graded["snoop"].score == 5
    assert "SEEN 0" in page
    assert "CLOSED [Errno 2]" in page
    assert "NETWORK" in page


def test_pages_run_nothing(course: Course, graded: dict[str, Result]) -> None:
    seen = _Tags()
    seen.feed(_page(course, "injection"))
    assert not {"script", "iframe", "object", "svg", "link"} & set(seen.tags)
    assert seen.handlers == []
    assert seen.remote == []
    sources = [
        c.source for c in _autograded(course, "injection").cells if c.cell_type == "markdown"
    ]
    assert "< script" in sources[-1]
    assert "<script" not in "".join(sources)


class _Tags(HTMLParser):
    """Tags of a page, their event handlers, and the addresses that they lead to."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.handlers: list[str] = []
        self.remote: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.handlers += [name for name, _ in attrs if name.startswith("on")]
        addresses = [value or "" for name, value in attrs if name in ("src", "href", "data")]
        self.remote += [a for a in addresses if not a.startswith(("data:image/", "#task-"))]


def test_extra_files_go_nowhere(course: Course, graded: dict[str, Result]) -> None:
    assert graded["own-coursekit"].score == 5
    for step in ("autograded", "feedback"):
        names = {p.name for p in course.path(step, "chern", "own-coursekit").iterdir()}
        assert not names & {"coursekit.py", "key.txt"}


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("bad-json", "is not JSON"),
        ("latin-1", "no list of cells"),
        ("format-5", "notebook format 5"),
        ("misnamed", "found my homework.ipynb, which has notebook format None"),
        ("nothing", "found no notebook"),
        ("link", "not a link"),
    ],
)
def test_unreadable_is_scored_zero_and_told_why(
    course: Course, graded: dict[str, Result], name: str, reason: str
) -> None:
    assert (graded[name].status, graded[name].score) == ("unreadable", 0)
    assert reason in graded[name].message
    assert reason in _page(course, name)


def test_nobody_is_lost(course: Course, graded: dict[str, Result]) -> None:
    assert set(graded) == {p.name for p in (course.root / "submitted").iterdir()}
    lines = (course.root / "chern.csv").read_text(encoding="utf-8").splitlines()
    assert len(lines) == len(graded) + 1


def test_no_process_outlives_grading(graded: dict[str, Result]) -> None:
    left = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                command = (entry / "cmdline").read_bytes().decode("utf-8", "replace")
            except OSError:
                continue
            if MARK in command or "/in/connection.json" in command:
                left.append(command)
    assert left == []


def _page(course: Course, student: str) -> str:
    return (course.path("feedback", "chern", student) / "chern.html").read_text(encoding="utf-8")


def _autograded(course: Course, student: str) -> Any:
    return nbformat.read(course.path("autograded", "chern", student) / "chern.ipynb", as_version=4)
