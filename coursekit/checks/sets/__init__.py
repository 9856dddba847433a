"""The problem sets: one module each, with its ``TITLE``, ``CHECKS`` and ``ALLOWED_MODULES``."""

from __future__ import annotations

import difflib
import importlib
import pkgutil
from typing import Any

from coursekit.checks.form import Check

__all__ = ["allowed_modules", "get", "names", "set_names"]


def set_names() -> tuple[str, ...]:
    """Every problem set."""
    return tuple(sorted(module.name for module in pkgutil.iter_modules(__path__)))


def names(set_name: str) -> tuple[str, ...]:
    """The tasks of a set in their order, as in ``"chern.plaquette"``.

    Raises
    ------
    ValueError : no set of this name
    """
    return tuple(check.name for check in _checks(set_name))


def get(name: str) -> Check:
    """The check of a task.

    Raises
    ------
    ValueError : no task of this name; the message lists names that are close
    """
    set_name = name.partition(".")[0]
    if set_name in set_names():
        for check in _checks(set_name):
            if check.name == name:
                return check
    known = [task for each in set_names() for task in names(each)]
    close = difflib.get_close_matches(name, known, n=3, cutoff=0.5) or known
    raise ValueError(f"there is no task {name!r}; expected one of {', '.join(close)}")


def allowed_modules(set_name: str) -> tuple[str, ...]:
    """Modules of coursekit that answers of this set may use while they are graded."""
    return tuple(_module(set_name).ALLOWED_MODULES)


def _checks(set_name: str) -> tuple[Check, ...]:
    return tuple(_module(set_name).CHECKS)


def _module(set_name: str) -> Any:
    if set_name not in set_names():
        raise ValueError(
            f"there is no problem set {set_name!r}; expected one of {', '.join(set_names())}"
        )
    return importlib.import_module(f"coursekit.checks.sets.{set_name}")
