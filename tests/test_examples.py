"""The examples in the docstrings of the library."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import pytest

import coursekit

MODULES = sorted(
    module.name
    for module in pkgutil.walk_packages(coursekit.__path__, "coursekit.")
    # Their examples would be homework, and need a course.
    if not module.name.startswith(("coursekit.grading", "coursekit.checks"))
)


@pytest.mark.parametrize("name", MODULES)
def test_examples(name):
    result = doctest.testmod(importlib.import_module(name))
    assert result.failed == 0


def test_there_are_examples():
    find = doctest.DocTestFinder(exclude_empty=True).find
    found = [test for name in MODULES for test in find(importlib.import_module(name))]
    assert sum(len(test.examples) for test in found) > 100
