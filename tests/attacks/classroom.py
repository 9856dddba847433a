"""A course of one small set, and attackers who hand in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import nbformat
import nbformat.v4
from attack import DOUBLE, VELOCITY, Attack

__all__ = ["CHECKED", "PLAIN", "hand_in", "source_notebook"]

# The test of the first task: as this course writes it, and as one without checks would.
CHECKED = 'ck.check("chern.velocity", anomalous_velocity)'
PLAIN = """\
rng = np.random.default_rng(1)
for shape in ((), (), (4,), (2, 3)):
    omega, E = rng.normal(size=shape), rng.normal(size=(*shape, 2))
    assert np.allclose(anomalous_velocity(omega, E), ck.anomalous_velocity(omega, E))
"""
DOUBLE_TEST = """\
assert double(3) == 6
assert np.allclose(double(np.arange(3)), [0, 2, 4])
### BEGIN HIDDEN TESTS
assert double(-1.5) == -3
### END HIDDEN TESTS
"""


def source_notebook(velocity_test: str) -> Any:
    """The set as its author writes it."""

    def solution(text: str) -> str:
        first, _, rest = text.partition("\n")
        return f"{first}\n    ### BEGIN SOLUTION\n{rest}    ### END SOLUTION"

    test = {"grade": True, "locked": True}
    return nbformat.v4.new_notebook(
        cells=[
            _cell("markdown", "# A small set", "title", locked=True),
            _cell("code", "import numpy as np\nimport coursekit as ck", "imports", locked=True),
            _cell("code", solution(VELOCITY), "velocity", solution=True),
            _cell("code", velocity_test, "velocity-test", points=2, **test),
            _cell("code", solution(DOUBLE), "double", solution=True),
            _cell("code", DOUBLE_TEST, "double-test", points=3, **test),
            _cell("markdown", "YOUR ANSWER", "why", grade=True, solution=True, points=4),
        ],
        metadata={
            "kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}
        },
    )


def _cell(kind: str, source: str, grade_id: str, **about: Any) -> Any:
    make = nbformat.v4.new_code_cell if kind == "code" else nbformat.v4.new_markdown_cell
    flags = {"grade": False, "solution": False, "locked": False, "task": False}
    about = {**flags, "schema_version": 3, "grade_id": grade_id, **about}
    return make(source, metadata={"nbgrader": about})


def hand_in(course: Path, attacks: Iterable[Attack], words: Mapping[str, str]) -> None:
    """Put submissions into ``submitted/``.

    Parameters
    ----------
    words : what ``@PORT@`` and ``@MARK@`` in them become; and ``@COURSE@``, where the course will
        be found elsewhere
    """
    words = {"@COURSE@": str(course), **words}
    released = course / "release" / "chern" / "chern.ipynb"
    for attack in attacks:
        folder = course / "submitted" / attack.name / "chern"
        folder.mkdir(parents=True)
        notebook = nbformat.read(released, as_version=4)
        if "chern.ipynb" not in {*attack.files, *attack.links}:
            _fill(notebook, attack, words)
            # As it is: an attack on the format is not to be refused by its own writer.
            text = nbformat.v4.writes(notebook)
            (folder / "chern.ipynb").write_text(text, encoding="utf-8")
        for name, content in attack.files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(content)
        for name, target in attack.links.items():
            (folder / name).symlink_to(target.replace("@COURSE@", words["@COURSE@"]))


def _fill(notebook: Any, attack: Attack, words: Mapping[str, str]) -> None:
    answers = {
        "velocity": attack.velocity,
        "double": attack.double,
        "why": "Because it is odd under time reversal: $a<b$.",
    }
    for cell in notebook.cells:
        cell.source = answers.get(cell.metadata.nbgrader.grade_id, cell.source)
    if attack.before:
        notebook.cells.insert(2, nbformat.v4.new_code_cell(attack.before))
    if attack.after:
        notebook.cells.append(nbformat.v4.new_code_cell(attack.after))
    for cell in notebook.cells:
        for word, meaning in words.items():
            cell.source = cell.source.replace(word, meaning)
    if attack.change is not None:
        attack.change(notebook)
