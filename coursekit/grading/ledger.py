"""What `coursekit collect` took in, written down beside the submissions and not in them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from coursekit.grading.files import replace_file

__all__ = ["Received", "load_ledger", "save_ledger"]


@dataclass(frozen=True)
class Received:
    """One submission that was collected.

    Attributes
    ----------
    source : the file or folder that it came from
    order : the later of two attempts has the larger one
    time : when it came in, in UTC; empty where the source does not say
    late : whether the source calls it late
    digest : of what was collected
    """

    source: str
    order: int
    time: str
    late: bool
    digest: str


def load_ledger(course: Path, assignment: str) -> dict[str, Received]:
    """What was collected for an assignment, by student.

    Raises
    ------
    ValueError : the file is damaged; without it, late work could pass for early
    """
    path = _path(course, assignment)
    try:
        entries = json.loads(path.read_text(encoding="utf-8"))
        return {student: Received(**entry) for student, entry in entries.items()}
    except FileNotFoundError:
        return {}
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise ValueError(
            f"{path} cannot be read ({error}); expected what `coursekit collect` wrote there: "
            "restore it, or move it away and collect again"
        ) from None


def save_ledger(course: Path, assignment: str, ledger: Mapping[str, Received]) -> None:
    """Write the ledger; a reader sees the old one or the new one."""
    entries = {student: asdict(ledger[student]) for student in sorted(ledger)}
    text = json.dumps(entries, indent=1, ensure_ascii=False) + "\n"
    replace_file(_path(course, assignment), text.encode())


def _path(course: Path, assignment: str) -> Path:
    return course / f"received.{assignment}.json"
