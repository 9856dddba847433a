"""The pages in a real Chromium, wide and narrow, light and dark, with the network cut."""

from __future__ import annotations

import io
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe

pytestmark = pytest.mark.slow

SCREENS = {"desktop": (1280, 900), "phone": (390, 844)}
# Width and colours do not act on each other: two of the four show what there is to see.
LOOKS = [("desktop", "light"), ("phone", "dark")]
WCAG = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"], "resultTypes": ["violations"]}


@contextmanager
def opened(
    chromium: Any, address: str, screen: str = "desktop", colours: str = "light"
) -> Iterator[tuple[Any, list[str]]]:
    """A page, and the addresses on other hosts that it asked for, none of which it gets."""
    width, height = SCREENS[screen]
    host = address.split("/")[2]
    foreign: list[str] = []
    context = chromium.new_context(
        viewport={"width": width, "height": height}, color_scheme=colours
    )

    def guard(route: Any) -> None:
        url = route.request.url
        if url.startswith(("data:", "blob:")) or url.split("/")[2] == host:
            route.continue_()
        else:
            foreign.append(url)
            route.abort()

    context.route("**/*", guard)
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(address, wait_until="load")
    page.evaluate("() => window.MathJax?.startup?.promise")
    page.wait_for_load_state("networkidle")
    try:
        yield page, foreign
        assert errors == []
    finally:
        context.close()


@pytest.mark.parametrize(("screen", "colours"), LOOKS)
def test_page_looks_right(chromium: Any, site: str, name: str, screen: str, colours: str) -> None:
    with opened(chromium, f"{site}/{name}.html", screen, colours) as (page, foreign):
        assert foreign == [], "requests to other hosts"
        theme = page.evaluate("() => document.documentElement.dataset.theme")
        assert theme == colours

        overflow = page.evaluate(
            "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )
        assert overflow <= 0, f"the page is {overflow} pixels wider than the screen"

        sources = page.locator("article .math").count()
        assert page.locator("article mjx-container").count() >= sources
        assert page.locator("mjx-merror, [data-mjx-error]").count() == 0

        loaded = page.evaluate(
            "() => [...document.querySelectorAll('article img')].map(i => i.naturalWidth)"
        )
        assert all(width > 0 for width in loaded), "a picture did not load"

        violations = Axe().run(page, options=WCAG).response["violations"]
        assert [_told(violation) for violation in violations] == []

        png = page.screenshot(full_page=True, animations="disabled")
        _keep(png, f"{name.replace('/', '-')}-{screen}-{colours}.png")
        pixels = _pixels(png)
        background = np.median(pixels, axis=(0, 1))
        assert (background.mean() > 200) == (colours == "light")
        # Text and figures cover a few per cent of any page that shows something.
        drawn = (abs(pixels - background).max(axis=-1) > 60).mean()
        assert 0.01 < drawn < 0.6


@pytest.mark.parametrize("colours", ["light", "dark"])
def test_figures_sink_into_the_page(chromium: Any, site: str, colours: str) -> None:
    address = f"{site}/principles/anomalous-velocity.html"
    with opened(chromium, address, "desktop", colours) as (page, _):
        figure = page.locator(".cell_output img").first
        figure.scroll_into_view_if_needed()
        picture = _pixels(figure.screenshot())
        page_colour = page.evaluate("() => getComputedStyle(document.body).backgroundColor")
        rgb = [float(x) for x in page_colour[4:-1].split(",")[:3]]
        assert abs(picture[2:8, 2:8].mean(axis=(0, 1)) - rgb).max() < 12
        # Axis labels stand out by at least the 4.5 : 1 of readable text.
        ratios = _contrast(picture.reshape(-1, 3), np.array(rgb))
        assert np.percentile(ratios, 99.9) > 4.5


def test_the_first_page_is_light_and_soon_there(chromium: Any, site: str) -> None:
    with opened(chromium, f"{site}/index.html") as (page, _):
        entries = page.evaluate(
            "() => performance.getEntriesByType('resource').map(e => [e.name, e.encodedBodySize])"
        )
        own = page.evaluate("() => performance.getEntriesByType('navigation')[0].encodedBodySize")
        weight = own + sum(size for name, size in entries if not name.split("?")[0].endswith(".js"))
        assert weight < 500_000
        paint = page.evaluate(
            "() => performance.getEntriesByName('first-contentful-paint')[0].startTime"
        )
        # A machine that does other things at the same time is no reason to fail.
        assert paint < 5000


def test_a_symbol_and_a_formula_are_one_click_from_their_meaning(chromium: Any, site: str) -> None:
    with opened(chromium, f"{site}/principles/streda.html") as (page, _):
        links = page.locator(".equation-links a").evaluate_all("all => all.map(a => a.href)")
        assert any("_modules/coursekit" in link for link in links)
        assert any("#test-eq-streda" in link for link in links)
        beside = page.locator(".page-symbols a, .symbols a").first
        beside.click()
        page.wait_for_load_state("load")
        anchor = page.evaluate("() => location.hash.slice(1)")
        assert page.locator(f"[id='{anchor}']").count() == 1


def test_the_formulary_is_one_page_on_paper(chromium: Any, site: str) -> None:
    with opened(chromium, f"{site}/appendix/formulary.html") as (page, _):
        edge = {"top": "10mm", "bottom": "10mm", "left": "12mm", "right": "12mm"}
        for paper in ("A4", "Letter"):
            pdf = page.pdf(format=paper, margin=edge)
            assert len(re.findall(rb"/Type\s*/Page\b", pdf)) == 1


def test_search_finds_a_word(chromium: Any, site: str) -> None:
    with opened(chromium, f"{site}/search.html?q=wavepacket") as (page, foreign):
        page.wait_for_selector("#search-results li")
        titles = page.locator("#search-results li a").all_inner_texts()
        assert any("anomalous velocity" in title for title in titles)
        assert foreign == []


def test_solutions_are_folded_and_open(chromium: Any, site: str) -> None:
    address = f"{site}/principles/anomalous-velocity.html"
    with opened(chromium, address) as (page, _):
        solution = page.locator(".solution.dropdown").first
        text = solution.locator("p").nth(1)
        assert not text.is_visible()
        solution.locator("button, summary").first.click()
        text.wait_for(state="visible")


def test_colours_can_be_switched(chromium: Any, site: str) -> None:
    with opened(chromium, f"{site}/index.html") as (page, _):
        page.locator("button.theme-switch-button").first.click()
        modes = {page.evaluate("() => document.documentElement.dataset.mode")}
        page.locator("button.theme-switch-button").first.click()
        modes.add(page.evaluate("() => document.documentElement.dataset.mode"))
        assert "dark" in modes


def _told(violation: dict[str, Any]) -> str:
    nodes = violation["nodes"]
    return f"{violation['id']}: {violation['help']}, {len(nodes)} times: {nodes[0]['html'][:300]}"


def _pixels(png: bytes) -> np.ndarray:
    from matplotlib.image import imread

    return np.asarray(imread(io.BytesIO(png), format="png")[..., :3] * 255.0)


def _luminance(rgb: np.ndarray) -> np.ndarray:
    c = rgb / 255
    linear = np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)
    return linear @ [0.2126, 0.7152, 0.0722]


def _contrast(colours: np.ndarray, background: np.ndarray) -> np.ndarray:
    """WCAG contrast ratio of each colour against the background."""
    a, b = _luminance(colours), _luminance(background)
    return (np.maximum(a, b) + 0.05) / (np.minimum(a, b) + 0.05)


def _keep(png: bytes, name: str) -> None:
    """Keep screenshots for looking at, where BOOK_SCREENSHOTS names a directory."""
    directory = os.environ.get("BOOK_SCREENSHOTS")
    if directory:
        Path(directory).mkdir(parents=True, exist_ok=True)
        (Path(directory) / name).write_bytes(png)
