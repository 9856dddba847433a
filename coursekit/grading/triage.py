"""Look at submissions before anything opens them: one clear line for each that cannot be graded."""

from __future__ import annotations

import json
import os
import re
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import nbformat

__all__ = ["Submission", "triage"]

MAX_SIZE = 20 * 2**20
_STUDENT = re.compile(r"[\w.@+-]+")


@dataclass(frozen=True)
class Submission:
    """What one student handed in.

    Attributes
    ----------
    notebooks : those of the assignment that are there
    problem : why it cannot be graded; empty where it can
    """

    student: str
    notebooks: tuple[Path, ...] = ()
    problem: str = ""


def triage(directory: Path, assignment: str, expected: Sequence[str]) -> list[Submission]:
    """Every submission of an assignment, sorted by student.

    Parameters
    ----------
    directory : holds ``<student>/<assignment>/<notebook>.ipynb``
    expected : names of the assignment's notebooks, without the ending
    """
    submissions = []
    for entry in sorted(directory.iterdir()) if directory.is_dir() else ():
        folder = entry / assignment
        if entry.name.startswith(".") or not (folder.is_dir() or folder.is_symlink()):
            continue
        problem = _folder_problem(entry, folder) or _notebooks_problem(folder, expected)
        notebooks = tuple(folder / f"{name}.ipynb" for name in expected)
        submissions.append(Submission(entry.name, () if problem else notebooks, problem))
    return submissions


def _folder_problem(entry: Path, folder: Path) -> str:
    if not _STUDENT.fullmatch(entry.name):
        return (
            f"got the folder name {entry.name!r}; expected letters, digits and . _ @ + - alone: "
            "rename it"
        )
    if entry.is_symlink() or folder.is_symlink():
        return "the folder is a link; expected the submission itself"
    return ""


def _notebooks_problem(folder: Path, expected: Sequence[str]) -> str:
    for name in expected:
        path = folder / f"{name}.ipynb"
        if not os.path.lexists(path):
            others = sorted(p.name for p in folder.glob("*.ipynb"))
            found = f"found {', '.join(others[:3])}: rename it" if others else "found no notebook"
            return f"{path.name} is missing; {found}"
        problem = _notebook_problem(path)
        if problem:
            return f"{path.name} {problem}"
    return ""


def _notebook_problem(path: Path) -> str:
    status = path.lstat()
    if not stat.S_ISREG(status.st_mode):
        return "is not a regular file; expected the notebook itself, not a link"
    if status.st_size > MAX_SIZE:
        return (
            f"has {status.st_size / 2**20:.0f} MB; expected at most {MAX_SIZE // 2**20}: clear its "
            "outputs and hand it in again"
        )
    try:
        text = path.read_bytes().decode("utf-8")
    except UnicodeDecodeError as error:
        return f"is not UTF-8 text (byte {error.start}); expected a notebook saved by Jupyter"
    try:
        tree = json.loads(text)
    except (ValueError, RecursionError) as error:
        return f"is not JSON ({error}); expected a notebook saved by Jupyter"
    version = tree.get("nbformat") if isinstance(tree, dict) else None
    if version not in (3, 4):
        return f"has notebook format {version!r}; expected 4: save it with a current Jupyter"
    try:
        notebook = nbformat.reads(text, as_version=4)  # type: ignore[no-untyped-call]
        nbformat.validate(notebook)
    except Exception as error:
        # The file is a stranger's; whatever its reader trips over, it is not a notebook.
        first = (str(error).strip() or type(error).__name__).splitlines()[0]
        return f"is not a valid notebook ({first[:200]}); expected one saved by Jupyter"
    return ""
