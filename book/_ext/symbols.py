"""Symbols: a table of all, and beside each page its own, one click from their definition."""

from __future__ import annotations

import html
import re
import tomllib
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.util.docutils import SphinxDirective


def read_symbols(app: Any) -> None:
    """Keep the symbols of ``symbols.toml``."""
    path = Path(app.srcdir) / "symbols.toml"
    app.env.symbols = tomllib.loads(path.read_text(encoding="utf-8"))["symbol"]


class SymbolIndex(SphinxDirective):
    """A table of all symbols."""

    def run(self) -> list[nodes.Node]:
        """Write it as MyST, whose references are resolved like any other's."""
        self.env.note_dependency(str(Path(self.env.srcdir) / "symbols.toml"))
        rows = [
            f"| ${symbol['tex'].replace('|', chr(92) + 'vert ')}$ | {symbol['means']} | "
            f"{symbol['unit']} | {{eq}}`{symbol['defined']}` |"
            for symbol in self.env.symbols
        ]
        head = ["| symbol | meaning | natural unit | defined by |", "|---|---|---|---|"]
        box = nodes.container()
        self.state.nested_parse([*head, *rows], self.content_offset, box)
        return box.children


def beside_the_page(
    app: Any, pagename: str, templatename: str, context: dict[str, Any], doctree: Any
) -> None:
    """Hand the page's symbols to the template of the sidebar."""
    context["page_symbols"] = []
    if doctree is None:
        return
    math = [
        node.astext() for kind in (nodes.math, nodes.math_block) for node in doctree.findall(kind)
    ]
    equations = app.env.get_domain("math").equations
    for symbol in app.env.symbols:
        pattern = re.compile("|".join(symbol["find"]))
        if symbol["defined"] in equations and any(pattern.search(tex) for tex in math):
            page = equations[symbol["defined"]][0]
            link = app.builder.get_relative_uri(pagename, page)
            context["page_symbols"].append(
                {
                    "tex": html.escape(symbol["tex"]),
                    "means": html.escape(symbol["means"]),
                    "link": f"{link}#equation-{symbol['defined']}",
                }
            )


def setup(app: Any) -> dict[str, Any]:
    """Sphinx calls this."""
    app.add_directive("symbol-index", SymbolIndex)
    app.connect("builder-inited", read_symbols)
    app.connect("html-page-context", beside_the_page)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
