"""Pages as notebooks for any Jupyter: MyST that only the book understands becomes Markdown."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat.v4
from pybtex.database import parse_file
from pybtex.richtext import Text

_OPEN = re.compile(r"^(?P<indent> *)(?P<fence>`{3,}|:{3,})\{(?P<name>[\w:-]+)\} *(?P<title>.*)$")
_OPTION = re.compile(r"^ *:([\w-]+): *(.*)$")
_LINK = re.compile(r"\[\]\((?!https?:)([^)#]+)\.md\)")


def plain(notebook: Any, page: Path) -> Any:
    """The notebook of a page without directives and roles, its solutions and set-up cells folded.

    Parameters
    ----------
    notebook : changed in place
    page : the page's source, beside which its links are looked up
    """
    cited: list[str] = []
    cells = []
    for cell in notebook.cells:
        cells.append(cell)
        if cell.cell_type != "code":
            cell.source = _roles(_directives(cell.source), page, cited)
            continue
        if "hide-input" in cell.metadata.get("tags", []):
            cell.metadata["jupyter"] = {"source_hidden": True}
        caption = cell.metadata.get("mystnb", {}).get("figure", {}).get("caption")
        if caption:
            text = _roles(" ".join(caption.split()), page, cited)
            cells.append(_markdown(f"*Figure.* {text}", cell.id + "-caption"))
    if cited:
        book = next(folder for folder in page.parents if (folder / "references.bib").is_file())
        works = _works(book / "references.bib")
        lines = [f"- [{key}] {works[key]}" for key in sorted(set(cited))]
        cells.append(_markdown("\n".join(["**References**", "", *lines]), "references"))
    notebook.cells = cells
    return notebook


def _markdown(text: str, name: str) -> Any:
    make: Any = nbformat.v4.new_markdown_cell
    return make(text, id=name[-64:])


def _directives(text: str) -> str:
    lines, out = text.split("\n"), []
    while lines:
        line = lines.pop(0)
        opened = _OPEN.match(line)
        if opened is None:
            out.append(line)
            continue
        end = opened["indent"] + opened["fence"]
        body = []
        while lines and lines[0].rstrip() != end:
            body.append(lines.pop(0).removeprefix(opened["indent"]))
        del lines[:1]
        options = {}
        while body and (option := _OPTION.match(body[0])):
            options[option[1]] = option[2]
            body.pop(0)
        write = _WRITERS.get(opened["name"], _as_it_is)
        written = write(opened["title"].strip(), options, _directives("\n".join(body)).strip("\n"))
        out += [opened["indent"] + new if new else "" for new in written.split("\n")]
    return "\n".join(out)


def _as_it_is(title: str, options: dict[str, str], body: str) -> str:
    return body


def _math(title: str, options: dict[str, str], body: str) -> str:
    return f"$$\n{body}\n\\tag{{{_short(options.get('label', ''))}}}\n$$"


def _box(title: str, options: dict[str, str], body: str) -> str:
    return "\n".join([f"> **{title}**", ">", *(f"> {line}".rstrip() for line in body.split("\n"))])


def _warning(title: str, options: dict[str, str], body: str) -> str:
    return _box("Warning", options, body)


def _exercise(title: str, options: dict[str, str], body: str) -> str:
    return f"**Exercise ({_short(options.get('label', ''))}): {title}**\n\n{body}"


def _folded(summary: str, body: str) -> str:
    return f"<details>\n<summary>{summary}</summary>\n\n{body}\n\n</details>"


def _solution(title: str, options: dict[str, str], body: str) -> str:
    return _folded("Solution", body)


def _solution_start(title: str, options: dict[str, str], body: str) -> str:
    return "**Solution**"


def _quiz(title: str, options: dict[str, str], body: str) -> str:
    answers = [answer.partition("\n: ") for answer in re.split(r"\n\s*\n", body)]
    folded = [_folded(answer, comment) for answer, _, comment in answers]
    return "\n\n".join([f"**Question.** {title}", *folded])


_WRITERS: dict[str, Callable[[str, dict[str, str], str], str]] = {
    "math": _math,
    "admonition": _box,
    "warning": _warning,
    "exercise": _exercise,
    "solution": _solution,
    "solution-start": _solution_start,
    "quiz": _quiz,
}


def _short(label: str) -> str:
    """A label without the word that tells its kind."""
    return re.sub(r"^(eq|ex|fig)-", "", label)


def _roles(text: str, page: Path, cited: list[str]) -> str:
    def role(match: re.Match[str]) -> str:
        name, body = match.groups()
        if name in ("cite", "cite:t"):
            keys = [key.strip() for key in body.split(",")]
            cited.extend(keys)
            return f"[{', '.join(keys)}]"
        if name == "eq":
            return f"({_short(body)})"
        if name == "numref":
            return f"the figure ({_short(body)})"
        if name == "ref":
            return f"exercise ({_short(body)})"
        return f"`{body}`" if name.startswith("py:") else body

    def link(match: re.Match[str]) -> str:
        source = (page.parent / f"{match[1]}.md").read_text("utf-8")
        heading = re.search(r"^# (.*)$", source, re.MULTILINE)
        title = heading[1] if heading else match[1]
        # Pages without code are no notebooks.
        return f"[{title}]({match[1]}.ipynb)" if "file_format: mystnb" in source else title

    return _LINK.sub(link, re.sub(r"\{([\w:]+)\}`([^`]+)`", role, text))


@functools.cache
def _works(bibliography: Path) -> dict[str, str]:
    """Key -> authors, journal and DOI."""
    works = {}
    for key, entry in parse_file(str(bibliography)).entries.items():
        fields = {name: str(Text.from_latex(value)) for name, value in entry.fields.items()}
        names = [str(Text.from_latex(p.last_names[0])) for p in entry.persons["author"]]
        who = " and ".join(names) if len(names) < 3 else f"{names[0]} and others"
        where = fields.get("journal") or fields["title"]
        place = " ".join(filter(None, [where, fields.get("volume"), fields.get("pages")]))
        works[key] = f"{who}, {place} ({fields['year']}), https://doi.org/{fields['doi']}"
    return works
