"""What all tests share: the way in which property tests draw examples, and one browser."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import settings

# The same examples in each run, and as much time for each as a busy machine needs.
settings.register_profile(
    "physics", derandomize=True, deadline=None, max_examples=20, database=None
)
settings.load_profile("physics")


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    """The system's Chromium; one for all tests, since a process can drive no second one."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    found = shutil.which("chromium") or shutil.which("chromium-browser")
    if found is None:
        pytest.skip("no Chromium on this machine; install the package `chromium`")
    quiet = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=found, args=quiet)
        yield browser
        browser.close()
