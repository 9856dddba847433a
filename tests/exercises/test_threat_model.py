"""The page for instructors names tests, files and commands that there are."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "book" / "appendix" / "threat-model.md").read_text(encoding="utf-8")


def test_every_test_that_it_names_exists():
    named = set(re.findall(r"\btest_\w+", PAGE))
    existing = {path.stem for path in (ROOT / "tests").rglob("test_*.py")}
    assert len(named) > 10
    assert named <= existing


def test_every_defence_names_a_test():
    table = PAGE.partition("## What is defended")[2].partition("\n## ")[0]
    rows = [line for line in table.splitlines() if line.startswith("|")][2:]
    assert len(rows) > 10
    assert all("`test_" in row.split("|")[-2] for row in rows)


def test_limits_are_those_of_the_code():
    pytest.importorskip("nbgrader")
    from coursekit.grading.sandbox import Limits
    from coursekit.grading.split import SplitExecute

    limits = SplitExecute()
    assert (limits.call_timeout, limits.cell_timeout, limits.notebook_timeout) == (20, 30, 600)
    assert "after 20 seconds in each task and 30 in each cell, and after ten minutes" in PAGE
    assert Limits().memory == 4 * 2**30
    assert "ended at 4 GB" in PAGE


def test_every_command_that_it_names_exists(capsys):
    pytest.importorskip("nbgrader")
    from nbgrader.apps.nbgraderapp import NbGraderApp

    from coursekit.grading.cli import main

    with pytest.raises(SystemExit):
        main(["--help"])
    ours = capsys.readouterr().out
    for word in set(re.findall(r"`coursekit\s+(\w+)", PAGE)):
        assert word in ours
    for word in set(re.findall(r"`nbgrader\s+(\w+)", PAGE)):
        assert word in NbGraderApp.subcommands
