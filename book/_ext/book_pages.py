"""What each page carries: its executed notebook to download, no address of a CDN, valid roles."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nbformat
from jupyter_cache import get_cache
from plain import plain


def add_notebook(
    app: Any, pagename: str, templatename: str, context: dict[str, Any], doctree: Any
) -> None:
    """Put the executed notebook to where the theme's button expects it.

    The notebook that myst-nb leaves has no outputs where they came from its cache, and some twice
    where they did not; the cache has them as they were.
    """
    build = Path(app.outdir).parent
    executed = build / "jupyter_execute" / f"{pagename}.ipynb"
    if doctree is None or not executed.exists():
        return
    notebook = nbformat.read(executed, as_version=4)
    _, notebook = get_cache(build / ".jupyter_cache").merge_match_into_notebook(notebook)
    target = Path(app.outdir) / "_sources" / f"{pagename}.ipynb"
    target.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(plain(notebook, Path(app.env.doc2path(pagename))), target)
    context["ipynb_source"] = f"{pagename}.ipynb"


def drop_thebe(
    app: Any, pagename: str, templatename: str, context: dict[str, Any], doctree: Any
) -> None:
    """Leave sphinx-thebe's scripts out: it declares its CDN twice, even where it is turned off."""
    context["script_files"] = [
        script
        for script in context["script_files"]
        if "thebe" not in f"{script.filename} {script.attributes.get('body')}"
    ]


def modern_roles(
    app: Any, pagename: str, templatename: str, context: dict[str, Any], doctree: Any
) -> None:
    """Docutils gives entries of a bibliography a role that ARIA has given up."""
    if "body" in context:
        context["body"] = context["body"].replace('role="doc-biblioentry"', 'role="listitem"')


def setup(app: Any) -> dict[str, Any]:
    """Sphinx calls this; the theme reads ``ipynb_source`` at the default priority, 500."""
    app.connect("html-page-context", add_notebook, priority=400)
    app.connect("html-page-context", drop_thebe, priority=900)
    app.connect("html-page-context", modern_roles)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
