"""nbgrader's formgrader over a graded set, in a real Chromium that reaches no other host."""

from __future__ import annotations

import os
import re
import secrets
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from coursekit.grading.cli import main
from coursekit.grading.course import Course

pytestmark = pytest.mark.slow

EXERCISES = Path(__file__).parents[2] / "exercises"
SET = "chern"
STUDENTS = ("ada", "chidi")
SCORES = {"ada": 20.0, "chidi": 10.0}


@pytest.fixture(scope="module")
def graded(bubblewrap: str, tmp_path_factory: pytest.TempPathFactory) -> Course:
    """Two of the sample class, graded but for what a person reads."""
    root = tmp_path_factory.mktemp("formgrader")
    for name in ("authored", "answers", "sample"):
        shutil.copytree(EXERCISES / name, root / name)
    shutil.copyfile(EXERCISES / "nbgrader_config.py", root / "nbgrader_config.py")
    for command in ("source", "sample"):
        assert main([command, SET, "--course", str(root)]) == 0
    for folder in (root / "submitted").iterdir():
        if folder.name not in STUDENTS:
            shutil.rmtree(folder)
    assert main(["grade", SET, "--course", str(root)]) == 0
    return Course(root)


def scores(course: Course) -> dict[str, float]:
    with course.gradebook() as gradebook:
        return {s.student.id: s.score for s in gradebook.assignment_submissions(SET)}


@dataclass(frozen=True)
class Server:
    """A Jupyter server on this machine."""

    address: str
    token: str


@pytest.fixture(scope="module")
def server(graded: Course, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    token = secrets.token_hex(16)
    own = tmp_path_factory.mktemp("jupyter")
    environment = {
        **os.environ,
        **{"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"},
        # Nothing of whoever runs the tests.
        **{"JUPYTER_CONFIG_DIR": str(own / "config"), "JUPYTER_DATA_DIR": str(own / "data")},
        **{"JUPYTER_RUNTIME_DIR": str(own / "runtime"), "IPYTHONDIR": str(own / "ipython")},
    }
    options = [f"--ServerApp.port={port}", "--ServerApp.ip=127.0.0.1", "--ServerApp.port_retries=0"]
    options += [f"--IdentityProvider.token={token}", "--ServerApp.open_browser=False"]
    options += [f"--ServerApp.root_dir={graded.root}", "--allow-root"]
    log = (own / "log").open("wb")
    process = subprocess.Popen(
        [sys.executable, "-m", "jupyter_server", *options],
        **{"cwd": graded.root, "env": environment, "stdout": log, "stderr": log},
    )
    address = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + 60
        while not answers(f"{address}/api/status?token={token}"):
            assert process.poll() is None, (own / "log").read_text(encoding="utf-8")
            assert time.monotonic() < deadline, (own / "log").read_text(encoding="utf-8")
            time.sleep(0.2)
        yield Server(address, token)
    finally:
        process.terminate()
        process.wait(20)
        log.close()


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as reply:
            return bool(reply.status == 200)
    except OSError:
        return False


@pytest.fixture(scope="module")
def page(server: Server, chromium: Any) -> Iterator[Any]:
    """A browser window of the instructor, logged in by the token."""
    context = chromium.new_context(viewport={"width": 1280, "height": 900})
    context.route(
        "**/*",
        lambda route: (
            route.continue_()
            if route.request.url.startswith((server.address, "data:", "blob:"))
            else route.abort()
        ),
    )
    window = context.new_page()
    window.set_default_timeout(15_000)
    window.goto(f"{server.address}/formgrader?token={server.token}")
    yield window
    context.close()


def screenshot(page: Any, name: str) -> None:
    """Keep a picture where COURSEKIT_SCREENSHOTS says, for a person to look at."""
    folder = os.environ.get("COURSEKIT_SCREENSHOTS")
    if folder:
        page.screenshot(path=f"{folder}/{name}.png")


def cells(page: Any, name: str) -> list[str]:
    """The texts of the table's row that a name stands in front of."""
    cell = page.locator("td", has_text=re.compile(rf"^\s*{name}\s*$"))
    found = page.locator("table tr", has=cell).first
    found.wait_for()
    return [text.strip() for text in found.locator("td").all_inner_texts()]


def test_assignments_are_listed_with_their_submissions(page: Any) -> None:
    line = cells(page, SET)
    screenshot(page, "assignments")
    assert line[0] == SET
    assert (line[2], line[8]) == ("released", str(len(STUDENTS)))


def test_a_person_grades_the_written_task(page: Any, server: Server, graded: Course) -> None:
    assert scores(graded) == SCORES
    page.goto(f"{server.address}/formgrader/gradebook/{SET}/{SET}")
    page.locator("table tbody tr a").first.wait_for()
    screenshot(page, "submissions")
    with graded.gradebook() as gradebook:
        submission = gradebook.find_submission_notebook(SET, SET, "ada").id
    page.goto(f"{server.address}/formgrader/submissions/{submission}/?index=0")
    box = page.locator("input.score[id]").last
    box.wait_for()
    text = page.inner_text("body")
    assert "one can watch a wavepacket" in text
    assert "chern.hall: 6 of 6 points" in text
    # What a student writes runs nowhere: neither in the grader's browser.
    assert page.locator("script", has_text="plaquette_chern").count() == 0
    box.scroll_into_view_if_needed()
    with page.expect_response(lambda reply: "/formgrader/api/grade/" in reply.url) as saved:
        box.fill("3")
        box.press("Tab")
    assert saved.value.ok
    screenshot(page, "graded")
    assert scores(graded) == {**SCORES, "ada": 23.0}


def test_the_gradebook_shows_the_new_score(page: Any, server: Server) -> None:
    page.goto(f"{server.address}/formgrader/manage_students/ada")
    line = cells(page, SET)
    screenshot(page, "student")
    assert line[1].replace(" ", "") == "23/24"
