"""Style sheets lose what no page uses, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

lighter = pytest.importorskip("lighter", reason="the book's packages are not installed")

WORDS = {"used", "main", "dark"}


@pytest.mark.parametrize(
    "rule",
    [
        ".used{color:red}",
        "p>a:hover{color:red}",
        ".used .used,.unused{color:red}",
        "#main{color:red}",
        "[data-theme=dark] .used{color:#fff}",
        'a[href^=".unused"]{color:red}',
        "@media print{.used{color:red}}",
        "@font-face{font-family:x;src:url(x.woff)}",
        "@keyframes unused{from{color:red}}",
        "/*! licence */",
    ],
)
def test_kept(rule: str) -> None:
    assert lighter.without_unused(rule, WORDS) == rule


@pytest.mark.parametrize(
    "rule",
    [
        ".unused{color:red}",
        ".used.unused{color:red}",
        ".used .unused,#other{color:red}",
        "@media print{.unused{color:red}}",
        "/* remark */",
    ],
)
def test_dropped(rule: str) -> None:
    assert lighter.without_unused(rule, WORDS) == ""


def test_words_come_from_tags_and_scripts(tmp_path: Path) -> None:
    (tmp_path / "_static/scripts").mkdir(parents=True)
    (tmp_path / "_static/scripts/a.js").write_text("x.classList.add('added')", "utf-8")
    (tmp_path / "_static/scripts/fontawesome.js").write_text("'icon'", "utf-8")
    (tmp_path / "index.html").write_text("<p class='in-page'>only-text</p>", "utf-8")
    words = lighter.used_words(tmp_path)
    assert {"added", "in-page"} <= words
    assert not {"icon", "only-text"} & words
