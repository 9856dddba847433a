"""The built book, served on this machine, and a real Chromium that sees nothing else."""

from __future__ import annotations

import functools
import http.server
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]

# The book's own extensions are plain modules.
sys.path.insert(0, str(ROOT / "book/_ext"))


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test that asks for ``name`` once for each page of the table of contents."""
    if "name" in metafunc.fixturenames:
        yaml = pytest.importorskip("yaml", reason="the book's packages are not installed")
        toc = yaml.safe_load((ROOT / "book/_toc.yml").read_text())
        chapters = [chapter["file"] for part in toc["parts"] for chapter in part["chapters"]]
        metafunc.parametrize("name", [toc["root"], *chapters])


@pytest.fixture(scope="session")
def html() -> Path:
    """The directory of built pages; builds what is not up to date, which fails on any warning."""
    pytest.importorskip("jupyter_book", reason="the book's packages are not installed")
    run = subprocess.run(
        [sys.executable, str(ROOT / "book/build.py")], capture_output=True, text=True
    )
    assert run.returncode == 0, run.stdout[-8000:] + run.stderr[-8000:]
    return ROOT / "book/_build/html"


@pytest.fixture(scope="session")
def site(html: Path) -> Iterator[str]:
    """Address of the pages on this machine."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *args: Any) -> None:
            pass

    handler = functools.partial(Quiet, directory=str(html))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()
