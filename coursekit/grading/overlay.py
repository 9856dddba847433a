"""The ``coursekit`` that a student's code sees while it is graded: what its set allows, no more."""

from __future__ import annotations

import functools
import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path

import coursekit
from coursekit import checks

__all__ = ["GUARD", "PACKAGE", "allowed_modules", "masked_package"]

PACKAGE = Path(coursekit.__file__).resolve().parent
GUARD = "coursekit_guard.py"

# Every module that a set leaves out, and everything in these two, is replaced.
_NEVER_SHOWN = ("checks", "grading")

_STUB = '''"""Withheld while {set_name!r} is graded."""


def __getattr__(name: str) -> object:
    if name.startswith("__"):
        raise AttributeError(name)
    raise ImportError(
        "coursekit.{module} is withheld while {set_name!r} is graded: "
        "the task asks for your own " + name
    )
'''

_CHECKS = '''"""Self-checks wait while {set_name!r} is graded: the marks are given outside."""


def check(name: str, answer: object = None, seed: object = None) -> str:
    return f"{{name}}: graded outside this notebook"
'''


def allowed_modules(set_name: str) -> tuple[str, ...]:
    """Modules of coursekit that stay when a set is graded; all, for a set without checks."""
    if set_name in checks.set_names():
        return checks.allowed_modules(set_name)
    return tuple(name for name in _module_names() if name not in _NEVER_SHOWN)


def masked_package(set_name: str, allowed: Iterable[str]) -> Path:
    """A directory that holds the masked package, to be put on PYTHONPATH in the sandbox.

    It is made once for each set and removed when the process ends.
    """
    return _build(set_name, tuple(sorted(allowed)))


@functools.lru_cache
def _build(set_name: str, allowed: tuple[str, ...]) -> Path:
    unknown = sorted(set(allowed) - set(_module_names()))
    if unknown:
        raise ValueError(
            f"set {set_name!r} allows {unknown}; expected modules of coursekit: "
            f"{', '.join(_module_names())}"
        )
    root = Path(_temporary_directory().name) / set_name
    package = root / "coursekit"
    package.mkdir(parents=True)
    for path in sorted(PACKAGE.glob("__init__.py*")):
        shutil.copyfile(path, package / path.name)
    for name in _module_names():
        if name in allowed and name not in _NEVER_SHOWN:
            _copy_module(name, package)
        else:
            stub = _STUB.format(set_name=set_name, module=name)
            (package / f"{name}.py").write_text(stub, encoding="utf-8")
    (package / "checks.py").unlink(missing_ok=True)
    (package / "checks").mkdir()
    text = _CHECKS.format(set_name=set_name)
    (package / "checks" / "__init__.py").write_text(text, encoding="utf-8")
    # What the agent needs.
    for name in ("drawing.py", "wire.py"):
        shutil.copyfile(PACKAGE / "checks" / name, package / "checks" / name)
    for name, target in (("agent.py", "coursekit_agent.py"), ("guard.py", GUARD)):
        shutil.copyfile(Path(__file__).with_name(name), root / target)
    # The sandbox reads this as another user.
    for path in (root, *root.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
    return root


@functools.cache
def _temporary_directory() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="coursekit-masked-")


@functools.cache
def _module_names() -> tuple[str, ...]:
    modules = {path.stem for path in PACKAGE.glob("*.py")} - {"__init__", "__main__"}
    packages = {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    return tuple(sorted(modules | packages))


def _copy_module(name: str, package: Path) -> None:
    source = PACKAGE / f"{name}.py"
    if source.exists():
        shutil.copyfile(source, package / source.name)
    else:
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(PACKAGE / name, package / name, ignore=ignored)
