"""What Part I claims is labelled, derived and tested on its page, and its tests can fail."""

from __future__ import annotations

import importlib
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from coursekit.checks import names, set_names

ROOT = Path(__file__).resolve().parents[2]
BOOK = ROOT / "book"
CLAIMS: list[dict[str, Any]] = tomllib.loads((BOOK / "claims.toml").read_text("utf-8"))["claim"]
CELL = re.compile(r"^```\{code-cell\}[^\n]*\n(.*?)^```\s*$", re.DOTALL | re.MULTILINE)
HEADER = re.compile(r"\A---\n(.*?)\n---\n", re.DOTALL)
# Functions whose values have a sign, with the pages that must notice when it is turned round.
SIGNED = {
    "coursekit.equations_of_motion": (
        "semiclassical-electron",
        "phase-space",
        "which-sign",
    ),
    "coursekit.trajectory": ("semiclassical-electron",),
    "coursekit.berry_phase": ("berry-curvature", "anomalous-velocity"),
    "coursekit.berry_curvature": ("berry-curvature", "anomalous-velocity", "symmetry"),
    "coursekit.chern_number": ("berry-curvature", "phase-space"),
    "coursekit.anomalous_velocity": ("anomalous-velocity",),
    "coursekit.orbital_moment": ("orbital-moment", "symmetry", "which-sign"),
    "coursekit.phase_space_divergence": ("phase-space",),
    "coursekit.orbital_magnetization": ("orbital-magnetization", "symmetry", "which-sign"),
    "coursekit.magnetization_parts": ("orbital-magnetization",),
    "coursekit.anomalous_hall": ("streda", "which-sign"),
    "coursekit.streda": ("streda",),
    "coursekit.anomalous_nernst": ("streda", "bound-currents"),
    "coursekit.mott_nernst": ("streda",),
    "coursekit.thermomagnetic": ("streda",),
    "coursekit.finite.stray_field": ("bound-currents",),
}


def page_of(claim: dict[str, Any]) -> str:
    return (BOOK / f"{claim['page']}.md").read_text("utf-8")


def test_there_are_ten_claims_in_the_order_of_the_chapters() -> None:
    yaml = pytest.importorskip("yaml", reason="the book's packages are not installed")
    parts = yaml.safe_load((BOOK / "_toc.yml").read_text("utf-8"))["parts"]
    (chapters,) = (part["chapters"] for part in parts if part["caption"] == "Principles")
    assert [claim["number"] for claim in CLAIMS] == list(range(1, 11))
    assert [claim["page"] for claim in CLAIMS] == [chapter["file"] for chapter in chapters]


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: str(claim["number"]))
def test_each_formula_is_labelled_once_and_tested(claim: dict[str, Any]) -> None:
    text = page_of(claim)
    tested = set(re.findall(r"tests:(eq-[\w-]+)", text))
    labelled = re.findall(r":label: (eq-[\w-]+)", text)
    assert sorted(labelled) == sorted(claim["equations"])
    assert tested == set(claim["equations"])


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: str(claim["number"]))
def test_a_cell_that_tests_asserts_and_prints(claim: dict[str, Any]) -> None:
    cells = [body for body in CELL.findall(page_of(claim)) if '"tests:' in body]
    assert cells
    for body in cells:
        assert re.search(r"assert_allclose|assert_array_equal|^ *assert ", body, re.MULTILINE), body
        assert "print(" in body, body


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: str(claim["number"]))
def test_a_chapter_has_its_parts(claim: dict[str, Any]) -> None:
    text = page_of(claim)
    headings = re.findall(r"^## (.*)$", text, re.MULTILINE)
    for wanted in ("By hand", "Do not take our word for it", "Where it fails", "Exercises"):
        assert wanted in headings
    assert headings[-2:] == ["Takeaways", "Further reading"]
    assert "{admonition} What you will be able to do" in text
    exercises = re.findall(r"^:::\{exercise\}.*\n:label: (\S+)", text, re.MULTILINE)
    solutions = re.findall(r"^:::\{solution(?:-start)?\} (\S+)\n:class: dropdown", text, re.M)
    assert 3 <= len(exercises) <= 6
    assert exercises == solutions
    assert len(re.findall(r"^:::\{quiz\}", text, re.MULTILINE)) == 1
    assert "{cite" in text.split("## Further reading")[1]


def test_labels_are_unique_and_code_is_public() -> None:
    labels = [label for claim in CLAIMS for label in claim["equations"]]
    assert len(labels) == len(set(labels))
    for code in {code for claim in CLAIMS for code in claim["equations"].values()}:
        module, _, name = code.rpartition(".")
        assert name in dir(importlib.import_module(module)), code


def test_tasks_exist() -> None:
    """Those of the checks, and those that a person reads."""
    known = {task for set_name in set_names() for task in names(set_name)}
    for text in (ROOT / "exercises/authored").rglob("*.md"):
        found = re.findall(r'"task": "([\w.]+)", "role": "manual"', text.read_text("utf-8"))
        known.update(found)
    for claim in CLAIMS:
        assert set(claim.get("tasks", ())) <= known


RUN = """
import sys, matplotlib
matplotlib.use("Agg")
import warnings
warnings.simplefilter("ignore")
import coursekit as ck

def turned(value):
    if isinstance(value, tuple):
        return type(value)(*map(turned, value))
    if hasattr(value, "__dataclass_fields__"):
        import dataclasses
        return dataclasses.replace(value, r=-value.r, k=-value.k)
    return -value

module, _, name = sys.argv[1].rpartition(".")
if name:
    import importlib
    owner = importlib.import_module(module)
    right = getattr(owner, name)
    setattr(owner, name, lambda *args, **more: turned(right(*args, **more)))
exec(compile(sys.stdin.read(), "page", "exec"), {})
"""


def run(page: str, mutated: str) -> subprocess.CompletedProcess[str]:
    """Run the cells of a page in a process of their own, with one function turned round."""
    text = (BOOK / "principles" / f"{page}.md").read_text("utf-8")
    cells = [HEADER.sub("", body) for body in CELL.findall(text)]
    code = re.sub(r"^[%!].*$", "", "\n".join(cells), flags=re.MULTILINE)
    return subprocess.run(
        [sys.executable, "-c", RUN, mutated], input=code, capture_output=True, text=True
    )


@pytest.mark.slow
@pytest.mark.parametrize("page", sorted({page for pages in SIGNED.values() for page in pages}))
def test_a_turned_sign_is_noticed(page: str) -> None:
    untouched = run(page, "")
    assert untouched.returncode == 0, untouched.stderr
    for function, pages in SIGNED.items():
        if page in pages:
            done = run(page, function)
            assert done.returncode != 0, f"{page} does not notice -{function}"
            assert "AssertionError" in done.stderr, done.stderr
