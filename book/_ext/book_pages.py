"""What each page carries: its executed notebook to download, and no address of a CDN."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


def add_notebook(
    app: Any, pagename: str, templatename: str, context: dict[str, Any], doctree: Any
) -> None:
    """Put what myst-nb executed to where the theme's button expects it."""
    executed = Path(app.outdir).parent / "jupyter_execute" / f"{pagename}.ipynb"
    if doctree is None or not executed.exists():
        return
    target = Path(app.outdir) / "_sources" / f"{pagename}.ipynb"
    target.parent.mkdir(parents=True, exist_ok=True)
    notebook = json.loads(executed.read_text(encoding="utf-8"))
    for cell in notebook["cells"]:
        if "outputs" in cell:
            cell["outputs"] = _merged(cell["outputs"])
    target.write_text(json.dumps(notebook, ensure_ascii=False, indent=1), encoding="utf-8")
    context["ipynb_source"] = f"{pagename}.ipynb"


def _merged(outputs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """One stream of each name: myst-nb adds all text to the first and leaves the others there."""
    streams = {"stdout": 0, "stderr": 0}
    kept = []
    for output in outputs:
        name = output.get("name") if output["output_type"] == "stream" else None
        if name is not None:
            streams[name] += 1
        if name is None or streams[name] == 1:
            kept.append(output)
    return kept


def drop_thebe(
    app: Any, pagename: str, templatename: str, context: dict[str, Any], doctree: Any
) -> None:
    """Leave sphinx-thebe's scripts out: it declares its CDN twice, even where it is turned off."""
    context["script_files"] = [
        script
        for script in context["script_files"]
        if "thebe" not in f"{script.filename} {script.attributes.get('body')}"
    ]


def setup(app: Any) -> dict[str, Any]:
    """Sphinx calls this; the theme reads ``ipynb_source`` at the default priority, 500."""
    app.connect("html-page-context", add_notebook, priority=400)
    app.connect("html-page-context", drop_thebe, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
