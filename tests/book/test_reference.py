"""The reference: every public name on one page, once."""

from __future__ import annotations

import importlib
import inspect
import re
from collections import Counter
from pathlib import Path

BOOK = Path(__file__).resolve().parents[2] / "book"
PACKAGES = ("coursekit", "coursekit.finite", "coursekit.models", "coursekit.plotting")
PACKAGES += ("coursekit.symmetry", "coursekit.translate", "coursekit.units")
ENTRY = re.compile(r"^\.\. auto\w+:: (\S+)$", re.MULTILINE)


def entries() -> Counter[str]:
    """Full names of what the reference pages describe."""
    pages = sorted((BOOK / "reference").glob("*.md"))
    return Counter(name for page in pages for name in ENTRY.findall(page.read_text("utf-8")))


def public(package: str) -> set[str]:
    module = importlib.import_module(package)
    names = [name for name in module.__all__ if not inspect.ismodule(getattr(module, name))]
    return {f"{package}.{name}" for name in names}


def test_each_public_name_has_one_entry() -> None:
    described = entries()
    assert [name for name, times in described.items() if times > 1] == []
    for package in PACKAGES:
        assert sorted(public(package) - set(described)) == []


def test_what_is_described_is_public() -> None:
    for name in entries():
        module, _, attribute = name.rpartition(".")
        assert attribute in dir(importlib.import_module(module)), name
