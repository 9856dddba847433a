"""The pages as files: code executed, links that lead somewhere, nothing from another host."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urldefrag, urlsplit

ROOT = Path(__file__).resolve().parents[2]
BOOK = ROOT / "book"


class _Page(HTMLParser):
    """Links, ids, images and loaded resources of one page."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.links: list[str] = []
        self.ids: set[str] = set()
        self.images: list[dict[str, str | None]] = []
        self.loaded: list[str] = []
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        self.ids |= {value for key in ("id", "name") if (value := values.get(key))}
        if tag == "a" and values.get("href"):
            self.links.append(str(values["href"]))
        if tag == "img":
            self.images.append(values)
        if tag in ("script", "img", "iframe", "source") and values.get("src"):
            self.loaded.append(str(values["src"]))
        if tag == "link" and values.get("href") and values.get("rel") != "canonical":
            self.loaded.append(str(values["href"]))


def test_every_internal_link_leads_somewhere(html: Path, name: str) -> None:
    path = html / f"{name}.html"
    for link in _Page(path).links:
        address, anchor = urldefrag(link)
        if urlsplit(address).scheme:
            continue
        target = (path.parent / unquote(address)).resolve() if address else path
        assert target.exists(), f"{name}: {link}"
        if anchor and target.suffix == ".html":
            assert anchor in _Page(target).ids, f"{name}: no anchor {link}"


def test_nothing_is_loaded_from_another_host(html: Path, name: str) -> None:
    foreign = [address for address in _Page(html / f"{name}.html").loaded if "//" in address]
    assert foreign == []


def test_every_picture_says_what_it_shows(html: Path, name: str) -> None:
    for image in _Page(html / f"{name}.html").images:
        alt = image.get("alt") or ""
        assert len(alt) > 20, f"{name}: {image}"
        assert "/" not in alt, f"{name}: a file name is no description: {alt}"


def test_pages_are_not_heavy(html: Path, name: str) -> None:
    page = html / f"{name}.html"
    pictures = {(page.parent / str(image["src"])).resolve() for image in _Page(page).images}
    weight = page.stat().st_size + sum(picture.stat().st_size for picture in pictures)
    assert weight < 1_500_000


def test_every_code_cell_ran_and_none_failed(html: Path, name: str) -> None:
    written = (BOOK / f"{name}.md").read_text().count("```{code-cell}")
    notebook = html / "_sources" / f"{name}.ipynb"
    if not written:
        assert not notebook.exists()
        return
    cells = [c for c in json.loads(notebook.read_text())["cells"] if c["cell_type"] == "code"]
    assert len(cells) == written
    for cell in cells:
        assert cell["execution_count"], f"{name}: did not run: {cell['source']}"
        assert all(output["output_type"] != "error" for output in cell["outputs"])


def test_code_cells_are_short(name: str) -> None:
    text = (BOOK / f"{name}.md").read_text()
    for body in re.findall(r"```\{code-cell\}[^\n]*\n(.*?)```", text, re.DOTALL):
        code = re.sub(r"\A(---\n.*?\n---\n|(:[^\n]*\n)+)", "", body, flags=re.DOTALL)
        lines = code.strip().splitlines()
        assert len(lines) <= 18, f"{name}: a long cell\n{code}"
        # What fits beside both sidebars of a laptop's screen.
        assert max(map(len, lines)) <= 80, f"{name}: a line too wide to be read\n{code}"


def test_every_reference_has_its_own_doi() -> None:
    keys = set(re.findall(r"^@\w+\{(\w+),", (BOOK / "references.bib").read_text(), re.MULTILINE))
    dois = re.findall(r"doi = \{(.+?)\}", (BOOK / "references.bib").read_text())
    assert len(dois) == len(keys) == len(set(dois))


def test_cited_works_are_in_the_bibliography(name: str) -> None:
    keys = set(re.findall(r"^@\w+\{(\w+),", (BOOK / "references.bib").read_text(), re.MULTILINE))
    text = (BOOK / f"{name}.md").read_text()
    for group in re.findall(r"\{cite(?::t)?\}`([^`]+)`", text):
        assert {key.strip() for key in group.split(",")} <= keys


def test_a_second_build_does_nothing(html: Path) -> None:
    before = (html / "index.html").stat().st_mtime
    started = time.monotonic()
    run = subprocess.run(
        [sys.executable, str(BOOK / "build.py")], capture_output=True, text=True, check=True
    )
    assert "up to date" in run.stdout
    assert (html / "index.html").stat().st_mtime == before
    assert time.monotonic() - started < 5
