"""What answers may use while they are graded: enough to import, and nothing that is asked for."""

import ast
from pathlib import Path

import pytest

import coursekit
from coursekit.checks import allowed_modules, get, names, set_names

PACKAGE = Path(coursekit.__file__).parent


def files(module):
    path = PACKAGE / f"{module}.py"
    return [path] if path.is_file() else sorted((PACKAGE / module).glob("*.py"))


def imported(module):
    """Modules of coursekit that a module imports, wherever in its code."""
    found = set()
    for path in files(module):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("coursekit."):
                found.add(node.module.split(".")[1])
    return found


@pytest.mark.parametrize("set_name", set_names())
def test_allowed_modules_import_no_withheld_one(set_name):
    allowed = set(allowed_modules(set_name))
    for module in sorted(allowed):
        assert files(module), module
        assert imported(module) <= allowed, f"{module} cannot be imported while it is graded"


@pytest.mark.parametrize("set_name", set_names())
def test_references_are_withheld(set_name):
    allowed = {f"coursekit.{module}" for module in allowed_modules(set_name)}
    for task in names(set_name):
        module = get(task).reference.__module__
        assert not any(module == a or module.startswith(f"{a}.") for a in allowed), task
