"""Markdown, formulas and code as HTML that runs nothing and asks no other host for anything."""

from __future__ import annotations

import functools
import re
import unicodedata
from collections.abc import Mapping
from html import escape
from typing import Any
from xml.etree import ElementTree

import latex2mathml.converter
from markdown_it import MarkdownIt
from mdit_py_plugins.amsmath import amsmath_plugin
from mdit_py_plugins.dollarmath import dollarmath_plugin
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer

__all__ = ["code_html", "markdown_html", "mathml", "plain_text"]

_NAMESPACE = "{http://www.w3.org/1998/Math/MathML}"
_ELEMENTS = {"math", "mrow", "mi", "mn", "mo", "ms", "mtext", "mspace", "mfrac", "msqrt", "mroot"}
_ELEMENTS |= {"msub", "msup", "msubsup", "mover", "munder", "munderover", "mtable", "mtr", "mtd"}
_ELEMENTS |= {"mpadded", "mphantom", "mstyle", "menclose", "mmultiscripts", "none", "mprescripts"}
_ATTRIBUTES = {"display", "displaystyle", "mathvariant", "stretchy", "fence", "form", "separator"}
_ATTRIBUTES |= {"lspace", "rspace", "accent", "accentunder", "linethickness", "columnalign"}
_ATTRIBUTES |= {"rowspacing", "columnspacing", "columnlines", "rowlines", "minsize", "maxsize"}
_ATTRIBUTES |= {"largeop", "movablelimits", "width", "height", "depth", "notation", "symmetric"}
_LONGEST_FORMULA = 5_000
_ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|[\x00-\x08\x0b-\x1f]")


def mathml(tex: str, display: bool = False) -> str:
    """A formula as MathML, which browsers typeset themselves; the TeX where that fails."""
    mode = "block" if display else "inline"
    try:
        if len(tex) > _LONGEST_FORMULA:
            raise ValueError("too long")
        tree = ElementTree.fromstring(latex2mathml.converter.convert(tex, display=mode))
        # The converter passes text and links on as they are, so only what we know may stay.
        for element in tree.iter():
            if element.tag.removeprefix(_NAMESPACE) not in _ELEMENTS:
                raise ValueError(f"unexpected element {element.tag}")
            element.tag = element.tag.removeprefix(_NAMESPACE)
            element.text = _styled(element.text, element.get("mathvariant"))
            for name in set(element.attrib) - _ATTRIBUTES:
                del element.attrib[name]
    except Exception:
        # Students' TeX may be anything, and its converter raises what it likes.
        return f'<code class="tex">{escape(tex)}</code>'
    return ElementTree.tostring(tree, encoding="unicode")


def _styled(text: str | None, variant: str | None) -> str | None:
    """Bold letters as characters of their own: browsers no longer heed the attribute."""
    if variant not in ("bold", "bold-italic") or text is None or len(text) != 1:
        return text
    name = unicodedata.name(text, "").replace("LETTER ", "")
    name = name.removeprefix("LATIN ").removeprefix("GREEK ")
    try:
        return unicodedata.lookup(f"MATHEMATICAL {variant.upper().replace('-', ' ')} {name}")
    except KeyError:
        return text  # no letter, or one without a bold form


def markdown_html(text: str, images: Mapping[str, Mapping[str, str]] | None = None) -> str:
    """Markdown as HTML; tags in it become text, images come from ``images`` alone.

    Parameters
    ----------
    images : the cell's attachments, name -> {mime type: base64}
    """
    rendered: str = _parser().render(text, {"images": images or {}})
    return rendered


def code_html(source: str) -> str:
    """Python with its syntax coloured by the classes of the feedback page's style."""
    html: str = highlight(source, PythonLexer(), HtmlFormatter(nowrap=True))
    return html


def plain_text(text: str) -> str:
    """Text without the colour codes of terminals and other control characters."""
    return _ANSI.sub("", text)


@functools.cache
def _parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": False, "linkify": False}).enable("table")

    def formula(content: str, options: Mapping[str, Any]) -> str:
        return mathml(content.strip(), bool(options.get("display_mode")))

    parser.use(dollarmath_plugin, renderer=formula, allow_digits=True, double_inline=True)
    parser.use(amsmath_plugin, renderer=lambda content: mathml(content.strip(), True))
    parser.add_render_rule("image", _image)
    return parser


def _image(renderer: Any, tokens: Any, index: int, options: Any, env: Any) -> str:
    """An attached image; a picture elsewhere is named, not fetched."""
    token = tokens[index]
    source = str(token.attrs.get("src", ""))
    name = source.removeprefix("attachment:")
    for mime, data in env.get("images", {}).get(name, {}).items():
        return (
            f'<img src="data:{escape(mime)};base64,{escape(data)}" alt="{escape(token.content)}">'
        )
    return f"[image: {escape(token.content or source)}]"
