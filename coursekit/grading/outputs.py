"""Outputs of a student's cells, made harmless and kept small.

They are shown to instructors and students in a browser, so nothing that a browser would run
survives: no script, no SVG, no attribute that could break out of its quotes, no picture that is
small as a file and huge on a screen.
"""

from __future__ import annotations

import base64
import binascii
import re
import struct
from typing import Any

import bleach
import nbformat.v4

from coursekit.grading.kernel import Message

__all__ = [
    "OutputCollector",
    "error_output",
    "inert_tex",
    "inert_text",
    "output",
    "safe_html",
    "safe_image",
]

MAX_STREAM = 50_000  # characters of print in one cell
MAX_BUNDLE = 2 * 2**20  # characters of one figure or table
MAX_CELL = 4 * 2**20
MAX_OUTPUTS = 100
MAX_PIXELS = 40_000_000  # of one picture: a browser makes four bytes of each

IMAGES = ("image/png", "image/jpeg")
_TEXT_TAGS = {"abbr", "b", "br", "code", "del", "em", "i", "ins", "kbd", "mark", "q", "s", "samp"}
_TEXT_TAGS |= {"small", "span", "strong", "sub", "sup", "tt", "u", "var", "a", "img"}
_BLOCK_TAGS = {"blockquote", "details", "div", "hr", "p", "pre", "summary"}
_BLOCK_TAGS |= {"h1", "h2", "h3", "h4", "h5", "h6", "dd", "dl", "dt", "li", "ol", "ul"}
_TABLE_TAGS = {"caption", "col", "colgroup", "table", "tbody", "td", "tfoot", "th", "thead", "tr"}
_TAGS = _TEXT_TAGS | _BLOCK_TAGS | _TABLE_TAGS
_ATTRIBUTES = {
    "*": ["title", "lang", "dir"],
    "a": ["href"],
    "img": ["src", "alt", "width", "height"],
    "td": ["colspan", "rowspan", "align"],
    "th": ["colspan", "rowspan", "align", "scope"],
    "ol": ["start"],
}
_LINKS = ("http://", "https://", "mailto:", "#")
_FRAME_MARKERS = frozenset({*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC})  # of JPEG, with its size
# What MathJax makes more of than a formula: links, styles, scripts that it loads.
_TEX_COMMANDS = re.compile(r"\\(?=(?:href|url|style|class|cssId|require|unicode|html\w*|data)\b)")
_TAG_START = re.compile(r"<(?=[A-Za-z/!?])(?!https?://|mailto:)")


def safe_html(text: str) -> str:
    """HTML without anything that runs, or that fetches from elsewhere."""
    clean: str = bleach.clean(
        text,
        tags=_TAGS,
        attributes=_is_allowed,
        protocols={"http", "https", "mailto", "data"},
        strip=True,
    )
    return inert_tex(clean)


def _is_allowed(tag: str, name: str, value: str) -> bool:
    if (tag, name) == ("img", "src"):
        head, _, data = value.partition(";base64,")
        mime = head.removeprefix("data:")
        return head.startswith("data:") and mime in IMAGES and bool(safe_image(data))
    if (tag, name) == ("a", "href"):
        return value.lower().startswith(_LINKS)
    if (tag, name) == ("table", "class"):
        return value == "dataframe"  # other classes would borrow the page's own looks
    return name in _ATTRIBUTES.get(tag, ()) or name in _ATTRIBUTES["*"]


def safe_image(data: str) -> str:
    """A PNG or JPEG picture in base64, written anew; empty where it is none, or is too large."""
    try:
        raw = base64.b64decode(data)
        width, height = _size(raw)
    except (ValueError, binascii.Error, struct.error, IndexError):
        return ""
    if not 0 < width * height <= MAX_PIXELS:
        return ""
    return base64.b64encode(raw).decode("ascii")


def _size(raw: bytes) -> tuple[int, int]:
    """Width and height as a picture's header claims them, which is what a browser believes."""
    if raw.startswith(b"\x89PNG\r\n\x1a\n"):
        width, height = struct.unpack(">II", raw[16:24])
        return int(width), int(height)
    if not raw.startswith(b"\xff\xd8"):
        raise ValueError("neither PNG nor JPEG")
    at = 2
    while raw[at] == 0xFF:
        marker = raw[at + 1]
        if marker in _FRAME_MARKERS:
            height, width = struct.unpack(">HH", raw[at + 5 : at + 9])
            return int(width), int(height)
        at += 2 + int(struct.unpack(">H", raw[at + 2 : at + 4])[0])
    raise ValueError("a JPEG without a size")


def inert_text(text: str) -> str:
    """Markdown in which no HTML tag and no TeX command that reaches beyond a formula can start.

    A ``<`` before a space opens no tag anywhere, and TeX does not care about the space.
    """
    return inert_tex(_TAG_START.sub("< ", text))


def inert_tex(text: str) -> str:
    """Text whose TeX can link to nothing and style nothing, wherever a page would typeset it."""
    return _TEX_COMMANDS.sub(r"\\ ", text)


def output(kind: str, **fields: object) -> Any:
    """An output of a cell, as notebooks hold it."""
    return nbformat.v4.new_output(kind, **fields)  # type: ignore[no-untyped-call]


def error_output(name: str, message: str, traceback: list[str] | None = None) -> Any:
    """An error as a notebook shows it."""
    lines = traceback if traceback is not None else [f"{name}: {message}"]
    return output("error", ename=name, evalue=message, traceback=lines)


class OutputCollector:
    """Takes the messages of one cell and makes its outputs of them."""

    def __init__(self) -> None:
        self.outputs: list[Any] = []
        self._size = 0
        self._streamed = 0
        self._cut = False

    def take(self, message: Message) -> None:
        """One message, of which nothing can be relied on but that its content is a dict."""
        kind, content = message["msg_type"], message["content"]
        if self._cut:
            return
        if len(self.outputs) >= MAX_OUTPUTS or self._size > MAX_CELL:
            self._cut = True
            note = "... the rest of the output was cut ...\n"
            self.outputs.append(output("stream", name="stdout", text=note))
        elif kind == "stream":
            self._stream(str(content.get("text", "")), content.get("name") == "stderr")
        elif kind in ("display_data", "execute_result"):
            self._display(content.get("data"))
        elif kind == "error":
            self._error(content)
        elif kind == "clear_output":
            self.outputs.clear()

    def _stream(self, text: str, is_stderr: bool) -> None:
        name = "stderr" if is_stderr else "stdout"
        room = MAX_STREAM - self._streamed
        if room <= 0:
            return
        self._streamed += len(text)
        if len(text) > room:
            text = text[:room] + "\n... the rest of what was printed was cut ...\n"
        last = self.outputs[-1] if self.outputs else None
        if last is not None and last.output_type == "stream" and last.name == name:
            last.text += text
        else:
            self.outputs.append(output("stream", name=name, text=text))

    def _display(self, data: object) -> None:
        if not isinstance(data, dict):
            return
        bundle: dict[str, str] = {}
        for mime in ("text/plain", "text/html", "text/latex", *IMAGES):
            value = data.get(mime)
            if isinstance(value, str) and len(value) <= MAX_BUNDLE:
                bundle.update(_harmless(mime, value))
        if bundle:
            self._size += sum(map(len, bundle.values()))
            # An execute_result would be read as a mark where a grader looks for one.
            self.outputs.append(output("display_data", data=bundle))

    def _error(self, content: Message) -> None:
        lines = content.get("traceback")
        trace = [str(x)[:5_000] for x in lines[:60]] if isinstance(lines, list) else []
        name, value = (str(content.get(key, ""))[:1_000] for key in ("ename", "evalue"))
        self._size += sum(map(len, trace))
        self.outputs.append(error_output(name, value, trace or None))


def _harmless(mime: str, value: str) -> dict[str, str]:
    if mime == "text/html":
        return {mime: safe_html(value)}
    if mime == "text/latex":
        return {mime: inert_text(value)}
    if mime in IMAGES:
        picture = safe_image(value)
        return {mime: picture} if picture else {}
    return {mime: value}
