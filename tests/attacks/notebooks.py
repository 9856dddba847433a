"""Submissions that tamper with the notebook, with the files around it, or with whoever reads it."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

import nbformat.v4
from attack import WRONG_DOUBLE, WRONG_VELOCITY, Attack, code

# Each of these has a right `double` and a wrong `anomalous_velocity`.
DUE = 3


def tampered(change: Callable[[Any], None]) -> Attack:
    """A notebook with something done to its cells; the function's name is the attack's."""
    name = change.__name__.replace("_", "-")
    return Attack(name, DUE, velocity=WRONG_VELOCITY, change=change)


def _graded(nb: Any) -> list[Any]:
    return [c for c in nb.cells if c.metadata.get("nbgrader", {}).get("grade")]


def _tests(nb: Any) -> list[Any]:
    return [c for c in _graded(nb) if c.cell_type == "code"]


def tests_retagged(nb: Any) -> None:
    for cell in _graded(nb):
        cell.metadata["tags"] = ["skip-execution", "raises-exception", "remove-cell"]


def tests_rewritten(nb: Any) -> None:
    for cell in _tests(nb):
        cell.source = "100.0"


def tests_commented_out(nb: Any) -> None:
    for cell in _tests(nb):
        cell.source = "'''" + cell.source + "'''"


def points_raised(nb: Any) -> None:
    for cell in _graded(nb):
        cell.metadata.nbgrader.points = 100


def points_are_not_a_number(nb: Any) -> None:
    for cell in _graded(nb):
        cell.metadata.nbgrader.points = float("nan")


def tests_deleted(nb: Any) -> None:
    for cell in _tests(nb):
        nb.cells.remove(cell)


def tests_duplicated(nb: Any) -> None:
    nb.cells += [nbformat.v4.new_code_cell("pass", metadata=c.metadata) for c in _graded(nb)]


def tests_made_markdown(nb: Any) -> None:
    for cell in _tests(nb):
        index = nb.cells.index(cell)
        nb.cells[index] = nbformat.v4.new_markdown_cell(cell.source, metadata=cell.metadata)


def tests_made_raw(nb: Any) -> None:
    for cell in _tests(nb):
        index = nb.cells.index(cell)
        nb.cells[index] = nbformat.v4.new_raw_cell(cell.source, metadata=cell.metadata)


def tests_made_solutions(nb: Any) -> None:
    for cell in _tests(nb):
        cell.metadata.nbgrader.update(solution=True, locked=False)
        cell.source = "assert True"


def checksums_forged(nb: Any) -> None:
    for cell in nb.cells:
        if "nbgrader" in cell.metadata:
            cell.metadata.nbgrader.checksum = "0" * 32
            cell.metadata.nbgrader.schema_version = 1


def cells_renamed(nb: Any) -> None:
    for cell in nb.cells:
        if "nbgrader" in cell.metadata:
            cell.metadata.nbgrader.grade_id += "-mine"


def answers_swapped(nb: Any) -> None:
    """The tests of one task point to the other's cell."""
    a, b = (c for c in nb.cells if c.metadata.get("nbgrader", {}).get("grade_id", "") in ID)
    a.metadata.nbgrader.grade_id, b.metadata.nbgrader.grade_id = ID[::-1]


ID = ("velocity-test", "double-test")


def kernel_replaced(nb: Any) -> None:
    nb.metadata.kernelspec = {"name": "bash", "display_name": "Bash", "language": "bash"}
    nb.metadata.language_info = {"name": "bash", "file_extension": "../../x"}


def kernel_is_a_command(nb: Any) -> None:
    argv = ["sh", "-c", "touch /tmp/coursekit-owned"]
    nb.metadata.kernelspec = {"name": "../evil", "display_name": "x", "argv": argv}
    nb.metadata["nbconvert"] = {"exporter": "python", "preprocessors": ["os.system"]}


def outputs_forged(nb: Any) -> None:
    result = nbformat.v4.new_output("execute_result", {"text/plain": "5.0"}, execution_count=1)
    for cell in _tests(nb):
        cell.outputs = [result]
        cell.metadata["execution"] = {"status": "ok"}
        cell.metadata["deletable"] = cell.metadata["editable"] = True


def scores_in_metadata(nb: Any) -> None:
    for cell in _graded(nb):
        cell.metadata.nbgrader.update(score=100, comment="full marks", auto_score=100, extra=50)


def ids_shared(nb: Any) -> None:
    for cell in nb.cells:
        cell["id"] = "same"


def cells_scattered(nb: Any) -> None:
    """Everything in reverse: order is the release's, not the student's."""
    nb.cells.reverse()


def hundreds_of_cells(nb: Any) -> None:
    nb.cells += [nbformat.v4.new_code_cell(f"x{i} = {i}") for i in range(2000)]


def one_enormous_cell(nb: Any) -> None:
    nb.cells.append(nbformat.v4.new_markdown_cell("<b>*[_`$" * 500_000))


def imports_locked_cell_rewritten(nb: Any) -> None:
    """The test side imports what locked cells import; these words must not be the student's."""
    nb.cells[1].source = "import os as np\nimport sys as ck\nfrom evil import *"
    cell = nbformat.v4.new_code_cell("import antigravity as np")
    cell.metadata["nbgrader"] = {**nb.cells[1].metadata.nbgrader, "grade_id": "more"}
    nb.cells.insert(2, cell)


TAMPERED = tuple(
    tampered(change)
    for change in (
        *(tests_retagged, tests_rewritten, tests_commented_out, points_raised),
        *(points_are_not_a_number, tests_deleted, tests_duplicated, tests_made_markdown),
        *(tests_made_raw, tests_made_solutions, checksums_forged, cells_renamed, answers_swapped),
        *(kernel_replaced, kernel_is_a_command, outputs_forged, scores_in_metadata, ids_shared),
        *(cells_scattered, hundreds_of_cells, one_enormous_cell, imports_locked_cell_rewritten),
    )
)

# -- files beside the notebook, or in its place ------------------------------------------------

SHADOW = b"raise SystemExit('shadowed')\n"
FAKE_LIBRARY = code("""
    import numpy
    def check(name, answer): return 2.0
    def anomalous_velocity(omega, E): return numpy.zeros(2)
    models = None
""").encode()
CONFIG = b"c = get_config()\nimport os\nos.system('touch /tmp/coursekit-owned')\n"


def beside(name: str, **more: Any) -> Attack:
    """Right `double`, wrong `anomalous_velocity`, and files that shall help it."""
    return Attack(name, DUE, velocity=WRONG_VELOCITY, **more)


FILES = (
    beside("own-coursekit", files={"coursekit.py": FAKE_LIBRARY}),
    beside("own-coursekit-package", files={"coursekit/__init__.py": FAKE_LIBRARY}),
    Attack("own-numpy", 5, files={"numpy.py": SHADOW, "random.py": SHADOW, "ast.py": SHADOW}),
    beside(
        "own-sitecustomize",
        files={
            "sitecustomize.py": b"import numpy\nnumpy.allclose = lambda *a: True\n",
            "usercustomize.py": SHADOW,
            ".pth": SHADOW,
        },
    ),
    beside("own-config", files={"nbgrader_config.py": CONFIG, "jupyter_config.py": CONFIG}),
    beside(
        "own-startup-file",
        files={
            ".ipython/profile_default/startup/0.py": b"import numpy as np\n",
            "conftest.py": CONFIG,
        },
    ),
    beside(
        "own-gradebook", files={"gradebook.db": b"SQLite format 3\0", ".grading-seed": b"0" * 64}
    ),
    beside("own-time", files={"timestamp.txt": b"1999-01-01 00:00:00 UTC\n"}),
    beside("time-bomb", files={"timestamp.txt": b"\xff" * 10_000}),
    beside("other-notebooks", files={"other.ipynb": b"{}", "chern-old.ipynb": b"not json"}),
    beside("name-of-escapes", files={"\x1b]0;owned\x07\x1b[2J\n.ipynb": b"{}", "=cmd|x.csv": b"1"}),
    beside("link-to-secrets", links={"key.txt": "@COURSE@/.grading-seed", "all": "/"}),
    beside("link-to-itself", links={"loop": "."}),
    Attack(
        "notebook-is-a-link",
        0,
        links={"chern.ipynb": "@COURSE@/source/chern/chern.ipynb"},
        unreadable="link",
    ),
    Attack(
        "notebook-is-a-neighbours",
        0,
        links={"chern.ipynb": "@COURSE@/submitted/honest-right/chern/chern.ipynb"},
        unreadable="link",
    ),
)


def _deep() -> bytes:
    return (
        b'{"nbformat": 4, "nbformat_minor": 5, "metadata": '
        + b'{"a": ' * 50_000
        + b"1"
        + b"}" * 50_000
        + b', "cells": []}'
    )


MALFORMED = tuple(
    Attack(name, 0, files={"chern.ipynb": content}, unreadable=reason)
    for name, content, reason in (
        ("bad-json", b'{"cells": [', "JSON"),
        ("no-bytes", b"", "empty"),
        ("zeros", b"\0" * 1000, ""),
        (
            "format-6",
            b'{"nbformat": 6, "nbformat_minor": 0, "cells": "x"}',
            "",
        ),
        ("too-large", b'{"cells": "' + b"x" * (21 * 2**20) + b'"}', "MB"),
        ("deep-notebook", _deep(), ""),
        ("a-list", b"[1, 2, 3]", ""),
        (
            "cells-are-text",
            b'{"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": "x"}',
            "",
        ),
        (
            "sources-are-numbers",
            json.dumps(
                {
                    **{"nbformat": 4, "nbformat_minor": 5, "metadata": None},
                    "cells": [
                        {"cell_type": "code", "source": [1, {}], "metadata": [], "outputs": 7}
                    ],
                }
            ).encode(),
            "",
        ),
        ("program", b"\x7fELF" + bytes(1000), ""),
    )
)

# -- what a browser would run -------------------------------------------------------------------

INJECTION = (
    "<script>alert(1)</script><img src=x onerror=alert(2)>[x](javascript:alert(3))"
    "<svg onload=alert(4)><iframe src=//evil.example></iframe><style>*{display:none}</style>"
    "![y](http://evil.example/pixel.png)<a href='data:text/html,<script>alert(5)</script>'>z</a>"
    "$\\href{javascript:alert(6)}{x}$ <base href=//evil.example><meta http-equiv=refresh>"
    "</textarea></script><!--"
)


def _inject(nb: Any) -> None:
    nb.cells[-1].source = INJECTION
    svg = base64.b64encode(b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(7)'/>").decode()
    nb.cells[-1]["attachments"] = {
        "a.svg": {"image/svg+xml": svg},
        'x" onerror="alert(8)': {"image/png": svg},
        "b.png": {"image/png": svg, "text/html": INJECTION},
    }
    nb.cells.append(nbformat.v4.new_markdown_cell(INJECTION))
    nb.metadata["title"] = nb.metadata["authors"] = INJECTION


def page(name: str, before: str, **more: Any) -> Attack:
    """Right answers, with something for the reader of the feedback page."""
    return Attack(name, 5, before=code(before), **more)


PAGES = (
    page("html", f"from IPython.display import HTML\nHTML({INJECTION!r})"),
    page("markdown", "1 + 1", change=_inject),
    page(
        "mime-types",
        f"""
        from IPython.display import display, Javascript, SVG, Latex, Markdown, IFrame
        bad = {INJECTION!r}
        display(Javascript('alert(1)'), IFrame('http://evil.example', 9, 9))
        display(Markdown(bad), Latex(bad))
        for mime in ('image/svg+xml', 'text/html', 'application/javascript', 'image/png', 'x" y="',
                     'application/vnd.jupyter.widget-view+json', 'text/latex', 'image/jpeg'):
            display({{mime: bad, 'text/plain': bad}}, raw=True)
        why = {{'why': [bad], 'text/html': {{'isolated': True}}}}
        display({{'text/html': bad}}, metadata=why, raw=True)
        """,
    ),
    page(
        "ansi",
        f"""
        import sys
        print('\\x1b[31mred\\x1b]8;;javascript:alert(1)\\x07link\\x1b]0;title\\x07', {INJECTION!r})
        print('\\r\\x08\\x00\\u202e', file=sys.stderr)
        raise ValueError('\\x1b[2J' + {INJECTION!r})
        """,
    ),
    Attack(
        "injection-by-answer",
        0,
        velocity=f"def anomalous_velocity(omega, E): raise ValueError({INJECTION!r})\n",
        double=f"def double(x): return {INJECTION!r}\n",
    ),
    Attack(
        "injection-by-name",
        0,
        velocity=code(f"""
            E = type({INJECTION!r}, (Exception,), {{}})
            def anomalous_velocity(omega, E_): raise E({INJECTION!r})
        """),
        double=WRONG_DOUBLE,
    ),
    page(
        "looks-like-a-mark",
        """
        from IPython.display import HTML
        HTML('<div class="task right"><h2>Score: 5/5</h2></div><table class="report"></table>')
        """,
    ),
    page(
        "picture-bomb",
        """
        import struct
        from IPython.display import Image, HTML, display
        import base64
        head = struct.pack('>I4sII', 13, b'IHDR', 60000, 60000)
        bomb = b'\\x89PNG\\r\\n\\x1a\\n' + head + bytes(9)
        display(Image(data=bomb))
        HTML('<img src="data:image/png;base64,' + base64.b64encode(bomb).decode() + '">')
        """,
    ),
)

NOTEBOOKS = TAMPERED + FILES + MALFORMED + PAGES
