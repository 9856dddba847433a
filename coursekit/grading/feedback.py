"""Feedback pages: what was asked, what was answered, what it earned and why."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, select_autoescape
from markupsafe import Markup
from nbconvert.exporters import Exporter
from nbgrader import utils
from pygments.formatters import HtmlFormatter

from coursekit.grading.coursedir import course_root
from coursekit.grading.markup import code_html, markdown_html, plain_text
from coursekit.grading.outputs import safe_html
from coursekit.grading.split import is_test
from coursekit.grading.triage import notes_of

__all__ = ["FeedbackExporter", "page_style", "page_template", "unreadable_page"]

_IMAGES = ("image/png", "image/jpeg")


@dataclass(frozen=True)
class Task:
    """One graded cell in the summary at the top of the page."""

    title: str
    score: float
    points: float
    waiting: bool
    why: tuple[str, ...] = ()

    @property
    def state(self) -> str:
        """Class of its mark: right, part, wrong, or wait."""
        if self.waiting:
            return "wait"
        if self.score >= self.points:
            return "right"
        return "part" if self.score > 0 else "wrong"


class FeedbackExporter(Exporter):
    """For ``GenerateFeedback.exporter_class``: an autograded notebook as one HTML file."""

    file_extension = ".html"
    output_mimetype = "text/html"

    # Exporters return text; the base class, which returns a notebook, is the exception.
    def from_notebook_node(self, nb: Any, resources: Any = None, **kw: Any) -> Any:
        """The page, and the resources as nbconvert wants them back."""
        nb, resources = super().from_notebook_node(nb, resources, **kw)
        about = resources["nbgrader"]
        cells = [_cell(cell, heading) for cell, heading in _under_headings(nb)]
        page = page_template("feedback.html").render(
            title=_title(nb) or about["notebook"],
            student=about["student"],
            score=about["score"],
            max_score=about["max_score"],
            late_penalty=about["late_penalty"],
            notes=notes_of(course_root(self), about["assignment"], about["student"]),
            tasks=[cell["task"] for cell in cells if cell["task"]],
            cells=cells,
            **page_style(),
        )
        return page, resources


def unreadable_page(title: str, student: str, max_score: float, reason: str) -> str:
    """The page of a submission that could not be graded."""
    page: str = page_template("unreadable.html").render(
        title=title, student=student, max_score=max_score, reason=reason, **page_style()
    )
    return page


def _title(nb: Any) -> str:
    """The notebook's first heading."""
    for cell in nb.cells:
        first = cell.source.lstrip().partition("\n")[0]
        if cell.cell_type == "markdown" and first.startswith("# "):
            return str(first[2:].strip())
    return ""


def _below_title(cell: Any) -> str:
    """A text cell without the title, which stands at the top of the page already."""
    source = str(cell.source)
    if utils.is_locked(cell) and source.lstrip().startswith("# "):
        return source.lstrip().partition("\n")[2]
    return source


def _under_headings(nb: Any) -> Iterator[tuple[Any, str]]:
    """Every cell with the heading that it stands under."""
    heading = ""
    for cell in nb.cells:
        if cell.cell_type == "markdown" and utils.is_locked(cell):
            found = re.match(r"#+\s+(.+)", cell.source.lstrip())
            heading = found[1].strip() if found else heading
        yield cell, heading


def _task(cell: Any, heading: str) -> Task:
    about = cell.metadata.nbgrader
    score, points = float(about.get("score") or 0), float(about.get("points") or 0)
    by_hand = utils.is_task(cell) or utils.is_solution(cell)
    waiting = by_hand and about.get("score") in (None, 0.0) and not about.get("comment")
    outputs = cell.outputs if is_test(cell) else []
    why = [reason for output in outputs for reason in output.get("metadata", {}).get("why", [])]
    title = heading or about["grade_id"]
    return Task(title, score, points, waiting and points > 0, tuple(why))


def _cell(cell: Any, heading: str) -> dict[str, Any]:
    graded = utils.is_grade(cell) or utils.is_task(cell)
    about = cell.metadata.get("nbgrader", {})
    shown: dict[str, Any] = {
        "kind": cell.cell_type,
        "task": _task(cell, heading) if graded else None,
        "yours": utils.is_solution(cell) or not about,
        "test": is_test(cell),
        "comment": about.get("comment"),
        "number": cell.get("execution_count"),
    }
    if cell.cell_type == "code":
        shown["source"] = Markup(code_html(cell.source))
        shown["outputs"] = [_output(output, shown["test"]) for output in cell.outputs]
    else:
        shown["html"] = Markup(markdown_html(_below_title(cell), cell.get("attachments")))
    return shown


def _output(output: Any, from_test: bool) -> dict[str, Any]:
    if output.output_type == "stream":
        return {"kind": output.name, "text": plain_text(output.text)}
    if output.output_type == "error":
        return {"kind": "error", "text": plain_text("\n".join(output.traceback))}
    data = output.data
    if output.output_type == "execute_result" and from_test:
        return {"kind": "credit"}  # the points stand in the head of the cell
    for mime in _IMAGES:
        if mime in data:
            return {"kind": "image", "mime": mime, "data": data[mime].strip()}
    if "text/html" in data:
        # A test cell's table is the grader's own, whose style a sanitiser would take away.
        html = data["text/html"] if from_test else safe_html(data["text/html"])
        return {"kind": "report" if from_test else "html", "html": Markup(html)}
    return {"kind": "text", "text": plain_text(data.get("text/plain", ""))}


@functools.cache
def page_template(name: str) -> Any:
    """A template of ours, with everything in it escaped that is not marked as HTML."""
    environment = Environment(
        loader=PackageLoader("coursekit.grading"),
        autoescape=select_autoescape(),
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["points"] = lambda x: f"{x:.2f}".rstrip("0").rstrip(".")
    return environment.get_template(name)


@functools.cache
def page_style(*more: str) -> dict[str, Markup]:
    """The style of all pages, and that of files named in addition, as ``style``."""
    folder = Path(__file__).parent / "templates"
    names = ("feedback.css", *more)
    style = "\n".join((folder / name).read_text(encoding="utf-8") for name in names)
    light = HtmlFormatter(style="friendly").get_style_defs(".code")
    dark = HtmlFormatter(style="github-dark").get_style_defs(".code")
    return {
        "style": Markup(f"{light}\n@media (prefers-color-scheme: dark) {{\n{dark}\n}}\n{style}")
    }
