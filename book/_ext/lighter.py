"""Less to load: rules of style sheets that no page uses, and a script that draws icons twice, go.

The theme ships the whole of Bootstrap and of Font Awesome, and the latter both as a font and as
1.5 MB of script.  The font is enough.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import tinycss2

_ICON_SCRIPT = re.compile(r"<(?:script|link)[^>]*fontawesome\.js[^>]*>(?:</script>)?\s*")
_WORD = re.compile(r"[A-Za-z_][\w-]*")
_NESTED = ("media", "supports", "layer", "container")


def used_words(site: Path) -> set[str]:
    """Every word in the pages' tags and in the scripts: a class of another name is in no page."""
    words: set[str] = set()
    for page in site.rglob("*.html"):
        for tag in re.findall(r"<[^>]+>", page.read_text("utf-8")):
            words.update(_WORD.findall(tag))
    for script in [*site.glob("_static/*.js"), *site.glob("_static/scripts/*.js")]:
        if script.name != "fontawesome.js":
            words.update(_WORD.findall(script.read_text("utf-8", "replace")))
    return words


def without_unused(sheet: str, words: set[str]) -> str:
    """A style sheet without the rules whose classes and ids are in no page."""
    return tinycss2.serialize(_kept(tinycss2.parse_stylesheet(sheet), words))


def _kept(rules: Iterable[Any], words: set[str]) -> list[Any]:
    kept = []
    for rule in rules:
        if rule.type == "comment" and not rule.value.startswith("!"):
            continue
        if rule.type == "qualified-rule" and not _may_apply(rule.prelude, words):
            continue
        if rule.type == "at-rule" and rule.lower_at_keyword in _NESTED and rule.content:
            rule.content = _kept(tinycss2.parse_rule_list(rule.content), words)
            if not any(inner.type != "whitespace" for inner in rule.content):
                continue
        kept.append(rule)
    return kept


def _may_apply(prelude: Iterable[Any], words: set[str]) -> bool:
    """Whether one of the selectors names only classes and ids that exist."""
    selectors: list[bool] = [True]
    before = ""
    for token in prelude:
        if token.type == "literal" and token.value == ",":
            selectors.append(True)
        is_name = (token.type == "ident" and before == ".") or token.type == "hash"
        if is_name and token.value not in words:
            selectors[-1] = False
        before = token.value if token.type == "literal" else ""
    return any(selectors)


def lighten(app: Any, exception: Exception | None) -> None:
    """Rewrite style sheets and pages when all of them are there."""
    if exception or app.builder.format != "html":
        return
    site = Path(app.outdir)
    words = used_words(site)
    for sheet in site.glob("_static/**/*.css"):
        sheet.write_text(without_unused(sheet.read_text("utf-8"), words), "utf-8")
    for page in site.rglob("*.html"):
        text = page.read_text("utf-8")
        page.write_text(_ICON_SCRIPT.sub("", text), "utf-8")
    (site / "_static/scripts/fontawesome.js").unlink(missing_ok=True)


def setup(app: Any) -> dict[str, Any]:
    """Sphinx calls this; others write their files at the default priority, 500."""
    app.connect("build-finished", lighten, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
