"""Pages as notebooks that any Jupyter shows: nothing of the book's own language is left."""

from __future__ import annotations

import json
import re
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).resolve().parents[2]
plain = pytest.importorskip("plain", reason="the book's packages are not installed").plain

PAGE = """\
# Title

:::{admonition} What you need
[](anomalous-velocity.md), [](../appendix/conventions.md).
:::

1. First, with {cite}`Berry1984,Streda1982`:

   ```{math}
   :label: eq-some
   a=b .
   ```

   by {py:func}`coursekit.solve`, see {eq}`eq-some` and {numref}`fig-x`.

:::{exercise} Think
:label: ex-think

Why?
:::

:::{solution} ex-think
:class: dropdown

Because.
:::

:::{quiz} Which one?
This, $x$
: Yes: it is.

That
: No: it is not.
:::
"""


def converted(source: str) -> str:
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell(source)])
    plain(notebook, ROOT / "book/principles/streda.md")
    nbformat.validate(notebook)
    return "\n".join(cell.source for cell in notebook.cells)


def test_each_element_becomes_what_jupyter_knows() -> None:
    text = converted(PAGE)
    for part in (
        "> **What you need**\n>\n> [The anomalous velocity](anomalous-velocity.ipynb), Conventions",
        "   $$\n   a=b .\n   \\tag{some}\n   $$",
        "by `coursekit.solve`, see (some) and the figure (x).",
        "**Exercise (think): Think**\n\nWhy?",
        "<details>\n<summary>Solution</summary>\n\nBecause.\n\n</details>",
        "**Question.** Which one?\n\n<details>\n<summary>This, $x$</summary>\n\nYes: it is.",
        "[Berry1984, Streda1982]",
        "- [Streda1982] Středa, ",
        "https://doi.org/10.1098/rspa.1984.0023",
    ):
        assert part in text


def test_code_of_other_languages_is_left_alone() -> None:
    fence = "```sh\nmake course\n```\n\n$$\nx\n$$"
    assert converted(fence) == fence


def test_pages_that_are_published_have_nothing_left(html: Path, name: str) -> None:
    path = html / "_sources" / f"{name}.ipynb"
    if not path.exists():
        return
    notebook = json.loads(path.read_text("utf-8"))
    nbformat.validate(nbformat.from_dict(notebook))
    for cell in notebook["cells"]:
        source = "".join(cell["source"])
        if cell["cell_type"] == "markdown":
            assert not re.search(r"\{[\w:-]+\}`|^ *(:{3,}|`{3,})\{", source, re.MULTILINE), source
        elif "hide-input" in cell["metadata"].get("tags", []):
            assert cell["metadata"]["jupyter"]["source_hidden"]
