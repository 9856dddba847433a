"""Right answers in any style get full marks: every task of every set, through the whole grader.

The author's solutions are rewritten as students write: under other names, as classes, with prints
and plots, with lists for arrays.  Each style is one student of a class.
"""

import textwrap
from collections.abc import Callable
from dataclasses import dataclass

import nbformat
import nbformat.v4
import pytest

from coursekit.checks import get, names, set_names

pytest.importorskip("nbgrader")

from coursekit.grading.author import write_notebook
from coursekit.grading.release import release_set
from coursekit.grading.runner import grade_set
from coursekit.grading.sample import solutions

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("default")]


@dataclass(frozen=True)
class Style:
    """How a student writes.

    Attributes
    ----------
    before, after : cells of the student's own, at the beginning and at the end
    wrap : source that follows each function, in its cell; ``NAME`` is the function's name
    change : done to the source of each answer, with the function's name
    """

    before: str = ""
    after: str = ""
    wrap: str = ""
    change: Callable[[str, str], str] = lambda source, name: source


def decorated(body, setup="", before=""):
    """A decorator by hand; its body knows ``function``, ``args`` and what ``setup`` defines."""
    lines = [
        "def again(function):",
        textwrap.indent(setup, " " * 4),
        "    def NAME(*args):",
        textwrap.indent(textwrap.dedent(body), " " * 8),
        "    return NAME",
        "NAME = again(NAME)",
    ]
    return Style(before=before, wrap="\n".join(lines))


def returning(expression, setup="", before=""):
    """Something else for the ``value`` that the function returned."""
    return decorated(f"value = function(*args)\nreturn {expression}", setup, before)


def renamed(source, name):
    return source.replace(f"def {name}(", "def my_solution(") + f"\n{name} = my_solution\n"


def in_a_class(source, name):
    body = textwrap.indent(source.replace(f"def {name}(", "def __call__(self, "), "    ")
    return f"class Solver:\n{body}\n{name} = Solver()\n"


NUMERIC = "isinstance(value, (int, float, complex, np.generic, np.ndarray))"
STYLES = {
    "as-the-author": Style(),
    "other-names": Style(change=renamed),
    "a-class": Style(change=in_a_class),
    "timed-cells": Style(change=lambda source, name: "%%time\n" + source),
    "magics": Style(
        change=lambda source, name: "%matplotlib inline\n" + source + "\n!echo hello\n"
    ),
    "typed": Style(
        before="from __future__ import annotations",
        change=lambda source, name: source.replace("):\n", ") -> object:\n", 1),
    ),
    "more-arguments": Style(
        change=lambda source, name: source.replace("):\n", ", verbose=False, *, extra=None):\n", 1)
    ),
    "lists": returning(f"np.asarray(value).tolist() if {NUMERIC} else value"),
    "tuples": returning(
        f"tuple_of(np.asarray(value).tolist()) if {NUMERIC} else value",
        "def tuple_of(v): return tuple(map(tuple_of, v)) if isinstance(v, list) else v",
    ),
    "complex-numbers": returning(f"value + 0j if {NUMERIC} else value"),
    "arrays-of-no-dimension": returning(f"np.array(value) if {NUMERIC} else value"),
    "objects": returning(f"np.array(value, dtype=object) if {NUMERIC} else value"),
    "long-doubles": returning(f"np.asarray(value, dtype=np.longdouble) if {NUMERIC} else value"),
    "masked-arrays": returning(f"np.ma.masked_invalid(value) if {NUMERIC} else value"),
    "fortran-order": returning(f"np.array(value, order='F')[()] if {NUMERIC} else value"),
    "big-endian": returning(
        f"np.asarray(value).astype(swapped(value)) if {NUMERIC} else value",
        "def swapped(value): return np.asarray(value).dtype.newbyteorder('>')",
    ),
    "a-subclass": returning(
        f"np.asarray(value).view(Vector) if {NUMERIC} else value",
        before="import numpy as np\nclass Vector(np.ndarray): pass",
    ),
    "floats-for-integers": returning("float(value) if isinstance(value, int) else value"),
    "decimals": returning(
        "Fraction(value) if isinstance(value, float) else value", "from fractions import Fraction"
    ),
    "spoils-its-input": decorated(
        """
        value = function(*args)
        for x in args:
            for y in x if isinstance(x, list) else [x]:
                if isinstance(y, np.ndarray) and y.ndim: y[...] = 0
        return value
        """
    ),
    "prints-and-warns": decorated(
        """
        print("now at", args); print("careful", file=sys.stderr)
        warnings.warn("not sure"); logging.error("hm")
        return function(*args)
        """,
        before="import logging, sys, warnings\nwarnings.warn('at home too')",
    ),
    "plots": decorated(
        """
        plt.figure(); plt.plot([1, 2, 3]); plt.show()
        return function(*args)
        """,
        before="import matplotlib.pyplot as plt",
    ),
    "warnings-are-errors-elsewhere": Style(before="import numpy as np\nnp.seterr(all='warn')"),
    "remembers": decorated(
        """
        key = pickle.dumps(args)
        if key not in seen: seen[key] = function(*args)
        return seen[key]
        """,
        setup="seen = {}",
        before="import pickle",
    ),
    "stars": Style(before="from numpy import *\nfrom coursekit import *\nimport numpy, coursekit"),
    "untidy": Style(
        before="x = y = E = mu = 5\nlist = sum = None\ndel list, sum\ndef test(): pass\n",
        after="E = 'a letter'\n1 / 0\n",
    ),
    "writes-files": Style(
        before="import numpy as np\nnp.savetxt('notes.txt', [1, 2])",
        wrap="open('log.txt', 'a').write('NAME')",
    ),
    "partial": Style(wrap="import functools\nNAME = functools.partial(NAME)"),
    "vectorized-by-hand": Style(
        wrap="""
        class Callable:
            def __init__(self, function): self.function = function
            def __call__(self, *args, **more): return self.function(*args, **more)
            def __getattr__(self, name): return getattr(self.function, name)
        NAME = Callable(NAME)
        """
    ),
}


@pytest.fixture(scope="module")
def graded(new_course):
    """(set, style) -> result."""
    course = new_course("styles")
    found = {}
    for set_name in set_names():
        release_set(course, set_name)
        for name, style in STYLES.items():
            hand_in(course, set_name, name, style)
        found |= {(set_name, r.student): r for r in grade_set(course, set_name, progress=False)}
    return found


def hand_in(course, set_name, student, style):
    released = course.root / "release" / set_name / f"{set_name}.ipynb"
    notebook = nbformat.read(released, as_version=nbformat.NO_CONVERT)
    answers = solutions(course.root, set_name)
    for cell in notebook.cells:
        grade_id = cell.metadata.nbgrader.grade_id
        if grade_id in answers and cell.cell_type == "code":
            cell.source = rewritten(answers[grade_id], grade_id, set_name, style)
    for index, text in ((0, style.before), (len(notebook.cells) + 1, style.after)):
        if text:
            notebook.cells.insert(index, nbformat.v4.new_code_cell(text))
    write_notebook(course.root / "submitted" / student / set_name / f"{set_name}.ipynb", notebook)


def rewritten(text, grade_id, set_name, style):
    name = get(f"{set_name}.{grade_id.removesuffix('-solution')}").function
    if f"def {name}(" not in text:
        return text  # a variable has one style
    # Whoever changes what a function returns does not change it for the functions of later tasks.
    for other in {get(task).function for task in names(set_name)} - {name}:
        text = text.replace(f"{other}(", f"plain_{other}(")
    wrap = textwrap.dedent(style.wrap).replace("NAME", name)
    return f"{style.change(text, name)}\nplain_{name} = {name}\n{wrap}"


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("set_name", set_names())
def test_full_marks_in_any_style(graded, set_name, style):
    result = graded[set_name, style]
    due = sum(get(task).points for task in names(set_name))
    assert (result.status, result.score) == ("graded", due), result
