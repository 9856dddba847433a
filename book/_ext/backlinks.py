"""Entries of the reference list the pages that use them; short names in docstrings find theirs."""

from __future__ import annotations

import re
from typing import Any

from docutils import nodes
from sphinx import addnodes

REFERENCE = "reference/"
_LISTS = {"Parameters", "Attributes", "Returns", "Raises"}
_USE = re.compile(r"\bck\.([a-z_]+(?:\.\w+)*|[A-Z]\w+)")


def collect(app: Any, doctree: nodes.document) -> None:
    """Note which public names a page links to, or calls in its cells."""
    page = app.env.docname
    if page.startswith(REFERENCE):
        return
    used = {
        node["reftarget"].lstrip("~")
        for node in doctree.findall(addnodes.pending_xref)
        if node.get("refdomain") == "py"
    }
    for block in doctree.findall(nodes.literal_block):
        used |= {f"coursekit.{name}" for name in _USE.findall(block.astext())}
    _uses(app.env)[page] = used


def _uses(env: Any) -> dict[str, set[str]]:
    if not hasattr(env, "coursekit_uses"):
        env.coursekit_uses = {}
    return env.coursekit_uses


def forget(app: Any, env: Any, docname: str) -> None:
    """A page is read again, or is gone."""
    _uses(env).pop(docname, None)


def merge(app: Any, env: Any, docnames: Any, other: Any) -> None:
    """Take over what another process has read."""
    _uses(env).update({page: _uses(other)[page] for page in docnames if page in _uses(other)})


def list_pages(app: Any, doctree: nodes.document, docname: str) -> None:
    """Put "In the book: ..." at the end of each entry that some page uses."""
    if not docname.startswith(REFERENCE):
        return
    for entry in doctree.findall(addnodes.desc):
        names = entry[0].get("ids", [])
        pages = [page for page, used in _uses(app.env).items() if used & set(names)]
        if not pages:
            continue
        line = nodes.paragraph("", "In the book: ", classes=["used-in"])
        for page in sorted(pages):
            target = app.builder.get_relative_uri(docname, page)
            title = app.env.titles[page].astext()
            line += [nodes.reference("", title, refuri=target), nodes.Text(", ")]
        line.pop()
        entry[-1].append(line)


def as_rst(app: Any, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    """Make reStructuredText of a docstring that is written for people.

    |t| is a modulus and not a substitution, "D. Xiao" begins no list, what follows a parameter's
    colon is a sentence and not a type, and what is returned may be said over several lines.
    """
    out: list[str] = []
    section = ""
    for line, below in zip(lines, [*lines[1:], ""], strict=True):
        if re.fullmatch("-{4,}", below):
            section = line
        if not line.startswith(">>>"):
            line = re.sub(r"^([A-Z])\. ", r"\1\\. ", line.replace("|", r"\|"))
        name, colon, text = line.partition(" : ")
        listed = (
            section in _LISTS and line and not line.startswith((" ", "---")) and line != section
        )
        if listed and colon:
            out += [name, f"    {text}"]
        elif listed and out[-1] and not out[-1].startswith((" ", "---")):
            out[-1] += " " + line
        else:
            out.append(line)
    lines[:] = out


def find_by_last_name(app: Any, env: Any, node: Any, contnode: Any) -> Any:
    """Resolve `Flake` in a docstring of coursekit.finite, and leave plain types alone."""
    if node.get("refdomain") != "py":
        return None
    target = node["reftarget"]
    domain = env.get_domain("py")
    found = [
        (name, entry)
        for name, entry in domain.objects.items()
        if name == target or name.endswith(f".{target}")
    ]
    if len({entry.docname + entry.node_id for _, entry in found}) == 1:
        entry = found[0][1]
        uri = app.builder.get_relative_uri(env.docname or node["refdoc"], entry.docname)
        return nodes.reference("", "", contnode, refuri=f"{uri}#{entry.node_id}", internal=True)
    # Exceptions of Python, and modules, have no page here.
    return contnode if node["reftype"] in ("exc", "mod") else None


def setup(app: Any) -> dict[str, Any]:
    """Sphinx calls this."""
    app.connect("doctree-read", collect)
    app.connect("env-purge-doc", forget)
    app.connect("env-merge-info", merge)
    app.connect("doctree-resolved", list_pages)
    # Before numpydoc, at 500, takes the lines apart.
    app.connect("autodoc-process-docstring", as_rst, priority=400)
    app.connect("missing-reference", find_by_last_name)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
