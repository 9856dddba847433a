"""A book with an address: links to services, sitemap, cards; and notebooks that run there."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BOOK = ROOT / "book"
PAGE = "principles/streda"
ADDRESS = "https://example.org/course"


@pytest.fixture(scope="module")
def published(html: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The book built a second time, from the results that there are, for an address."""
    root = tmp_path_factory.mktemp("published")
    shutil.copytree(BOOK, root / "book", ignore=shutil.ignore_patterns("html"))
    (root / "coursekit").symlink_to(ROOT / "coursekit")
    environment = {
        **os.environ,
        "BOOK_URL": ADDRESS,
        "BOOK_REPOSITORY": "owner/course",
        "BOOK_HUB": "https://hub.example.org",
    }
    command = [sys.executable, str(root / "book/build.py")]
    run = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout[-4000:] + run.stderr[-4000:]
    assert "Executed notebook" not in run.stdout
    return root / "book/_build/html"


@pytest.mark.slow
def test_pages_link_to_where_they_run(published: Path) -> None:
    text = (published / f"{PAGE}.html").read_text("utf-8")
    for address in (
        f"https://mybinder.org/v2/gh/owner/course/notebooks?labpath={PAGE.replace('/', '%2F')}",
        f"https://colab.research.google.com/github/owner/course/blob/notebooks/{PAGE}.ipynb",
        "https://hub.example.org/hub/user-redirect/git-pull?repo=https%3A%2F%2Fgithub.com%2Fowner",
        f"https://github.com/owner/course/edit/main/book/{PAGE}.md",
        "https://github.com/owner/course/issues/new",
    ):
        assert address in text.replace("&amp;", "&")
    # A page without code has nothing to run.
    assert "mybinder" not in (published / "appendix/credits.html").read_text("utf-8")


@pytest.mark.slow
def test_pages_tell_strangers_what_they_are(published: Path) -> None:
    text = (published / f"{PAGE}.html").read_text("utf-8")
    assert f'<link rel="canonical" href="{ADDRESS}/{PAGE}.html"' in text
    assert f'og:url" content="{ADDRESS}/{PAGE}.html"' in text
    (card,) = (published / "_images/social_previews").glob("*principles_streda_*.png")
    assert card.stat().st_size > 5000
    sitemap = (published / "sitemap.xml").read_text("utf-8")
    pages = {p.relative_to(published).as_posix() for p in published.rglob("*/*.html")}
    listed = {page for page in pages if f"<loc>{ADDRESS}/{page}</loc>" in sitemap}
    assert {f"{PAGE}.html", "reference/models.html"} <= listed


def test_a_book_at_home_knows_no_address(html: Path) -> None:
    text = (html / f"{PAGE}.html").read_text("utf-8")
    assert "mybinder" not in text
    assert not (html / "sitemap.xml").exists()


@pytest.mark.slow
def test_notebooks_to_launch_run_without_the_book(html: Path, tmp_path: Path) -> None:
    environment = {**os.environ, "BOOK_REPOSITORY": "owner/course", "PYTHONPATH": str(ROOT)}
    command = [sys.executable, str(BOOK / "notebooks.py"), str(tmp_path)]
    subprocess.run(command, env=environment, check=True, capture_output=True)
    assert "owner/course@main" in (tmp_path / "requirements.txt").read_text("utf-8")
    page = tmp_path / "principles/symmetry.ipynb"
    cells = json.loads(page.read_text("utf-8"))["cells"]
    assert not any(cell.get("outputs") for cell in cells)
    assert "pip install" in "".join(cells[1]["source"])
    execute = [sys.executable, "-m", "nbconvert", "--to", "notebook", "--execute", str(page)]
    done = subprocess.run(execute, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
