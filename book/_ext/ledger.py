"""Below each equation of the ledger: a link to the code that computes it, and one to its test.

The ledger is ``claims.toml``.  A cell tests an equation when it has the tag ``tests:<label>``.
"""

from __future__ import annotations

import importlib
import inspect
import tomllib
from pathlib import Path
from typing import Any

from docutils import nodes

TEST_TAG = "tests:"


class EquationLinks(nodes.General, nodes.Element):
    """A line of links, in HTML only."""


def read_ledger(app: Any) -> None:
    """Keep {label: full name of a function} of all claims."""
    path = Path(app.srcdir) / "claims.toml"
    claims = tomllib.loads(path.read_text(encoding="utf-8"))["claim"]
    app.env.ledger = {label: code for claim in claims for label, code in claim["equations"].items()}


def add_links(app: Any, doctree: nodes.document) -> None:
    """Give cells that test equations an id, and equations their line of links."""
    tested: dict[str, str] = {}
    for cell in doctree.findall(nodes.container):
        if cell.get("nb_element") != "cell_code":
            continue
        for tag in cell.get("cell_metadata", {}).get("tags", []):
            if tag.startswith(TEST_TAG):
                label = tag.removeprefix(TEST_TAG)
                cell["ids"].append(f"test-{label}")
                tested.setdefault(label, f"test-{label}")
    for equation in list(doctree.findall(nodes.math_block)):
        code = app.env.ledger.get(equation.get("label"))
        if code:
            line = EquationLinks("", code=code, test=tested.get(equation["label"], ""))
            equation.parent.insert(equation.parent.index(equation) + 1, line)


def source_page(name: str) -> str:
    """Where sphinx.ext.viewcode puts the code of a public name."""
    module, _, attribute = name.rpartition(".")
    found = inspect.unwrap(getattr(importlib.import_module(module), attribute))
    return f"_modules/{found.__module__.replace('.', '/')}.html#{found.__qualname__}"


def _open(translator: Any, node: Any) -> None:
    up = "../" * translator.builder.current_docname.count("/")
    code = node["code"]
    parts = [f'<a href="{up}{source_page(code)}">code: <code>{code.partition(".")[2]}</code></a>']
    if node["test"]:
        parts.append(f'<a href="#{node["test"]}">test</a>')
    translator.body.append(f'<p class="equation-links">{" · ".join(parts)}</p>\n')


def _close(translator: Any, node: Any) -> None:
    pass


def _skip(translator: Any, node: Any) -> None:
    raise nodes.SkipNode


def setup(app: Any) -> dict[str, Any]:
    """Sphinx calls this."""
    app.add_node(EquationLinks, html=(_open, _close), latex=(_skip, _close))
    app.connect("builder-inited", read_ledger)
    app.connect("doctree-read", add_links)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
