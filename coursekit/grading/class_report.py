"""The instructor's report on a class, as one HTML file."""

from __future__ import annotations

import math
import os
import re
import statistics
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from markupsafe import Markup

from coursekit.grading.author import END
from coursekit.grading.course import Course
from coursekit.grading.feedback import page_style, page_template
from coursekit.grading.files import replace_file
from coursekit.grading.grades import Grade, load_grades, released_cells
from coursekit.grading.ledger import load_ledger
from coursekit.grading.overlay import PACKAGE
from coursekit.grading.recover import read_notebook
from coursekit.grading.report import Result, load_results
from coursekit.grading.similarity import (
    MOST_PAIRS,
    Alike,
    fingerprint,
    like_others,
    like_reference,
)
from coursekit.grading.work import Work, load_work, task_titles

__all__ = ["write_class_report"]

_MOST_DIAGNOSES = 15
_MOST_SLOW = 10
_MOST_BINS = 25
_MOST_LINES = 400
_AUTHORS = "the authors' solution"


@dataclass(frozen=True)
class _Task:
    """How a class did in one task."""

    title: str
    points: float
    mean: float
    right: int
    part: int
    wrong: int
    waiting: int
    parts: tuple[tuple[str, int, int], ...]
    usual: float
    slowest: float

    @property
    def total(self) -> int:
        return self.right + self.part + self.wrong + self.waiting


@dataclass(frozen=True)
class _Diagnosis:
    """One thing that was wrong with many answers."""

    task: str
    text: str
    count: int
    example: str


@dataclass(frozen=True)
class _Pair:
    """Two texts that look alike, side by side: text, and whether it is shared, by line."""

    one: str
    other: str
    share: float
    left: tuple[tuple[str, bool], ...]
    right: tuple[tuple[str, bool], ...]


def write_class_report(course: Course, assignment: str) -> Path:
    """Write ``report.<assignment>.html`` in the course directory.

    Raises
    ------
    ValueError : nobody has been graded
    """
    grades = load_grades(course, assignment)
    results = load_results(course.root / f"report.{assignment}.json")
    if not grades and not results:
        raise ValueError(
            f"nobody has been graded in {assignment!r}; expected a report of a run: run "
            f"`coursekit grade {assignment}`"
        )
    read = [g for g in grades if g.student not in results or _is_graded(results[g.student])]
    works = {grade.student: load_work(course, assignment, grade.student) for grade in read}
    titles = task_titles(course, assignment)
    scores = [grade.score for grade in read]
    page: str = page_template("class_report.html").render(
        title=f"{assignment}: report on the class",
        assignment=assignment,
        counts=Counter(result.status for result in results.values()),
        waiting=sum(bool(grade.waiting) for grade in read),
        mean=statistics.fmean(scores) if scores else 0.0,
        median=statistics.median(scores) if scores else 0.0,
        max_score=max((grade.max_score for grade in grades), default=0.0),
        histogram=_histogram(scores, max((g.max_score for g in read), default=0.0)),
        tasks=_tasks(read, works, titles),
        diagnoses=_diagnoses(works, titles),
        unreadable=[r for r in results.values() if not _is_graded(r)],
        mended=[r for r in results.values() if _is_graded(r) and r.message],
        late=[s for s, entry in load_ledger(course.root, assignment).items() if entry.late],
        slowest=sorted(results.values(), key=lambda r: -r.seconds)[:_MOST_SLOW],
        pairs=_pairs(course, assignment, works, titles),
        pages={student: _page(course, assignment, student) for student in results},
        **page_style("class_report.css"),
    )
    path = course.root / f"report.{assignment}.html"
    replace_file(path, page.encode())
    return path


def _is_graded(result: Result) -> bool:
    return result.status == "graded"


def _page(course: Course, assignment: str, student: str) -> str:
    """Address of a student's feedback, from the report's own place; empty where there is none."""
    pages = sorted(course.path("feedback", assignment, student).glob("*.html"))
    return os.path.relpath(pages[0], course.root.resolve()) if pages else ""


def _tasks(
    grades: Sequence[Grade], works: Mapping[str, Work], titles: Mapping[str, str]
) -> list[_Task]:
    tasks = []
    names = list(dict.fromkeys(name for grade in grades for name in grade.tasks))
    for name in names:
        earned = [grade.tasks[name] for grade in grades if name in grade.tasks]
        points = max(full for _, full in earned)
        done = [g.tasks[name] for g in grades if name in g.tasks and name not in g.waiting]
        right = sum(score >= full for score, full in done)
        part = sum(0 < score < full for score, full in done)
        named: dict[str, list[bool]] = defaultdict(list)
        for work in works.values():
            for label, got, full in work.parts.get(name, ()):
                named[label].append(got >= full)
        parts = tuple((label, sum(passed), len(passed)) for label, passed in named.items())
        mean = statistics.fmean(score for score, _ in earned)
        waiting = sum(name in grade.waiting for grade in grades)
        wrong = len(earned) - right - part - waiting
        title = titles.get(name, name)
        took = [work.seconds.get(name, 0.0) for work in works.values()] or [0.0]
        times = (statistics.median(took), max(took))
        tasks.append(_Task(title, points, mean, right, part, wrong, waiting, parts, *times))
    return tasks


def _diagnoses(works: Mapping[str, Work], titles: Mapping[str, str]) -> list[_Diagnosis]:
    """What was wrong most often; texts that differ in their numbers alone are the same."""
    found: dict[tuple[str, str], list[tuple[str, str]]] = defaultdict(list)
    for student, work in works.items():
        for name, reasons in work.why.items():
            for text in dict.fromkeys(reasons):
                kind = re.sub(r"[-+]?\d[\d.,e+-]*", "#", text.partition("\n")[0])
                found[name, kind].append((student, text))
    most = sorted(found.items(), key=lambda item: -len(item[1]))[:_MOST_DIAGNOSES]
    return [
        _Diagnosis(titles.get(name, name), seen[0][1], len(seen), seen[0][0])
        for (name, _), seen in most
    ]


def _histogram(scores: Sequence[float], max_score: float) -> Markup:
    """Bars in SVG: how many have how many points."""
    width, height, foot = 360, 150, 22
    bins = min(_MOST_BINS, max(1, math.floor(max_score))) + 1
    step = max_score / (bins - 1) if max_score else 1.0
    counts = Counter(min(bins - 1, math.floor(score / step + 1e-9)) for score in scores)
    highest = max(counts.values(), default=1)
    bar = width / bins
    shapes = []
    for index in range(bins):
        count = counts[index]
        size = (height - 20) * count / highest
        low, left = index * step, index * bar
        title = f"{count} with {low:g}" + (f" to {low + step:g}" if step > 1 else "") + " points"
        if count:
            shapes.append(
                f'<rect x="{left + 1:.1f}" y="{height - size:.1f}" width="{bar - 2:.1f}" '
                f'height="{size:.1f}"><title>{title}</title></rect>'
                f'<text x="{left + bar / 2:.1f}" y="{height - size - 4:.1f}">{count}</text>'
            )
        if index % math.ceil(bins / 7) == 0:
            shapes.append(f'<text x="{left + bar / 2:.1f}" y="{height + 15}">{low:g}</text>')
    return Markup(
        f'<svg viewBox="0 0 {width} {height + foot}" role="img" aria-label="scores">'
        f'<line x1="0" y1="{height}" x2="{width}" y2="{height}"/>{"".join(shapes)}</svg>'
    )


def _pairs(
    course: Course, assignment: str, works: Mapping[str, Work], titles: Mapping[str, str]
) -> list[_Pair]:
    """Answers that look like another student's, like the library's, or like the authors'."""
    given = fingerprint("\n\n".join(released_cells(course, assignment).values()))
    whole = {student: "\n\n".join(work.answers.values()) for student, work in works.items()}
    found = like_others({s: fingerprint(text) for s, text in whole.items()}, given)
    pairs = [
        _Pair(
            a.one,
            a.other,
            a.share,
            _marked(whole[a.one], a.lines),
            _marked(whole[a.other], a.other_lines),
        )
        for a in found
    ]
    references = _references(course, assignment)
    prints = {title: fingerprint(text) for title, text in references.items()}
    # By cells: one that was copied is a small part of the whole.
    copied: dict[tuple[str, str], list[Alike]] = defaultdict(list)
    for student, work in works.items():
        cells = {name: fingerprint(text) for name, text in work.answers.items()}
        for alike in like_reference(cells, prints, given):
            copied[student, alike.other].append(alike)
    for (student, title), cells_alike in copied.items():
        left: list[tuple[str, bool]] = []
        right: list[tuple[str, bool]] = []
        for alike in cells_alike:
            heading = (f"## {titles.get(alike.one, alike.one)}", False)
            left += [heading, *_marked(works[student].answers[alike.one], alike.lines)]
            right += [heading, *_marked(references[title], alike.other_lines)]
        share = max(alike.share for alike in cells_alike)
        pairs.append(_Pair(student, title, share, tuple(left), tuple(right)))
    others = sorted(pairs[len(found) :], key=lambda pair: (-pair.share, pair.one))
    return pairs[: len(found)] + others[:MOST_PAIRS]


def _references(course: Course, assignment: str) -> dict[str, str]:
    """The library's modules and the solutions: what a student might have copied."""
    texts = {
        f"coursekit/{path.relative_to(PACKAGE)}": path.read_text(encoding="utf-8")
        for path in sorted(PACKAGE.rglob("*.py"))
        if path.relative_to(PACKAGE).parts[0] not in ("grading", "checks")
    }
    source = course.path("source", assignment)
    for path in sorted(source.glob("*.ipynb")):
        text = path.read_text(encoding="utf-8")
        if END in text:
            texts[_AUTHORS] = "\n\n".join(_solutions(text))
    return texts


def _solutions(text: str) -> list[str]:
    cells = read_notebook(text.encode()).notebook.cells
    return [cell.source for cell in cells if cell.cell_type == "code" and END in cell.source]


def _marked(text: str, lines: frozenset[int]) -> tuple[tuple[str, bool], ...]:
    """The lines of a text from before the first shared one to behind the last."""
    numbered = list(enumerate(text.split("\n"), start=1))
    first, last = min(lines, default=1) - 3, max(lines, default=1) + 3
    near = [(line, number in lines) for number, line in numbered if first <= number <= last]
    return tuple(near[:_MOST_LINES])
