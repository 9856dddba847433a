"""Markdown and formulas of feedback pages: typeset without another host, and harmless."""

from __future__ import annotations

import pytest

from coursekit.grading.markup import code_html, markdown_html, mathml, plain_text


def test_formulas_become_mathml() -> None:
    html = markdown_html("Text $\\sigma_{xy}$ and\n\n$$\\frac{e^2}{h}$$\n")
    assert html.count("<math") == 2
    assert 'display="block"' in html
    assert "$" not in html


def test_bold_letters_are_bold() -> None:
    assert "𝐀" in mathml(r"\mathbf A")
    assert "𝜴" in mathml(r"\boldsymbol\Omega")
    assert "+" in mathml(r"\mathbf{+}")


@pytest.mark.parametrize(
    "tex", [r"\text{<script>x</script>}", r"\frac{", r"\text{<b onclick=x>y</b>}", "x" * 6000]
)
def test_what_cannot_be_typeset_is_shown_as_text(tex: str) -> None:
    html = mathml(tex)
    assert html.startswith('<code class="tex">')
    assert "<script" not in html
    assert "<b " not in html


def test_links_in_formulas_lead_nowhere() -> None:
    assert "href" not in mathml(r"\href{javascript:alert(1)}{x}")


def test_markdown_runs_nothing() -> None:
    html = markdown_html("<script>x</script> [a](javascript:x) ![b](http://example.org/c.png)")
    assert "<script" not in html
    assert "href" not in html
    assert "<img" not in html
    assert "[image: b]" in html


def test_attached_images_are_shown() -> None:
    html = markdown_html("![plot](attachment:p.png)", {"p.png": {"image/png": "AAAA"}})
    assert '<img src="data:image/png;base64,AAAA" alt="plot">' in html


def test_code_and_terminal_text() -> None:
    assert "&lt;" in code_html("a < b")
    assert plain_text("\x1b[31mred\x1b[0m\x00") == "red"
