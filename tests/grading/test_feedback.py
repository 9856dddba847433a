"""Feedback pages in a real browser: nothing runs, nothing is fetched, nothing sticks out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nbformat
import nbformat.v4
import pytest

from coursekit.grading.class_report import write_class_report
from coursekit.grading.course import Course
from coursekit.grading.feedback import unreadable_page
from coursekit.grading.runner import grade_set

PLOT = """
import matplotlib.pyplot as plt
plt.plot([0, 1], [1, 0])
plt.show()
"""
LOUD = """
from IPython.display import HTML, SVG, Javascript, display
attack = "<script>document.title = 'run'</script>"
attack += "<img src='http://192.0.2.1/x.png' onerror='document.title=1'>"
attack += "<iframe src='http://192.0.2.1/'></iframe><link rel=stylesheet href='http://192.0.2.1/a'>"
attack += "<div style='position:fixed;width:9999px;background:url(http://192.0.2.1/b)'>over</div>"
display(HTML(attack + "<table><tr>" + "<td>a wide cell</td>" * 60 + "</tr></table>"))
display(Javascript("document.title = 'run'"))
display(SVG("<svg xmlns='http://www.w3.org/2000/svg' onload='document.title=1'></svg>"))
print("x" * 3000)
print(attack)
1 / 0
"""
TEXT = """
# My thoughts <script>document.title = 'run'</script>

<img src=x onerror="document.title=1"> ![far](http://192.0.2.1/c.png) [here](javascript:alert(1))

$$\\sigma_{xy} = \\frac{q^2}{\\hbar}\\int\\frac{d^2k}{(2\\pi)^2}\\sum_n f_n\\Omega_n""" + (
    " + \\begin{pmatrix}a&b\\\\c&d\\end{pmatrix}" * 12
    + "$$ and $\\href{javascript:alert(1)}{\\Omega}$\n\n| a | b |\n|---|---|\n| "
    + ("y" * 400 + " | 2 |\n\nhttps://example.org/" + "z" * 300)
)
WRONG = "def anomalous_velocity(omega, E):\n    return 2 * np.asarray(E)"
SIZES = [(390, "dark"), (390, "light"), (1100, "light")]


def _hostile(notebook: Any) -> None:
    make = nbformat.v4.new_code_cell
    notebook.cells.insert(3, make(PLOT))
    notebook.cells += [make(LOUD), nbformat.v4.new_markdown_cell(TEXT)]


@pytest.fixture(scope="module")
def pages(course: Course, hand_in: Any, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The pages of a run with one hostile notebook, by what they are."""
    hand_in.notebook("mallory", velocity=WRONG, change=_hostile)
    (hand_in.folder("mallory") / "chern.ipynb").rename(hand_in.folder("mallory") / "<b>.ipynb")
    hand_in.notebook("ada")
    grade_set(course, "chern", progress=False)
    unreadable = tmp_path_factory.mktemp("page") / "unreadable.html"
    reason = "<script>document.title = 'run'</script>" + "w" * 500
    unreadable.write_text(unreadable_page("chern", "eve", 9, reason), encoding="utf-8")
    return {
        "feedback": course.path("feedback", "chern", "mallory") / "chern.html",
        "unreadable": unreadable,
        "class": write_class_report(course, "chern"),
    }


@pytest.mark.slow
@pytest.mark.parametrize(("width", "scheme"), SIZES)
@pytest.mark.parametrize("kind", ["feedback", "unreadable", "class"])
def test_page_in_a_browser(
    chromium: Any, pages: dict[str, Path], kind: str, width: int, scheme: str
) -> None:
    context = chromium.new_context(
        viewport={"width": width, "height": 800}, color_scheme=scheme, offline=True
    )
    page = context.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("dialog", lambda dialog: asked.append(dialog.message))
    page.goto(pages[kind].as_uri())
    title = page.title()
    for summary in page.query_selector_all("summary"):
        summary.click()
    assert [url for url in asked if not url.startswith("data:image/")] == [pages[kind].as_uri()]
    assert title not in ("run", "1")
    assert "chern" in title.lower() or "A small set" in title
    # What is wider than the page scrolls by itself.
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    wide = page.evaluate(
        "[...document.querySelectorAll('main > *')].filter("
        "e => e.getBoundingClientRect().right > innerWidth + 1).length"
    )
    assert wide == 0
    light = page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert light == (scheme == "light")
    context.close()


@pytest.mark.slow
def test_feedback_tells_and_shows(chromium: Any, pages: dict[str, Path]) -> None:
    page = chromium.new_page(viewport={"width": 390, "height": 800})
    page.goto(pages["feedback"].as_uri())
    # First the score, what had to be mended, and the tasks with what went wrong in each.
    top = page.inner_text("main")[:600]
    for said in ("3 of 9 points", "<b>.ipynb was taken for chern.ipynb", "velocity"):
        assert said in top
    assert page.inner_text("nav tr.wrong").strip()
    report = page.inner_text(".report")
    for label in ("input:", "got:", "expected:"):
        assert label in report
    figure = page.query_selector("img")
    assert page.evaluate("e => e.complete && e.naturalWidth > 100", figure)
    assert page.evaluate("document.querySelectorAll('math').length") >= 1
    heights = page.evaluate(
        "[...document.querySelectorAll('math')].map(e => e.getBoundingClientRect().height)"
    )
    assert min(heights) > 5
    headings = page.evaluate("[...document.querySelectorAll('h1')].map(e => e.innerText)")
    assert headings[0] == "A small set"
    assert headings.count("A small set") == 1
    page.close()
