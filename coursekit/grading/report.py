"""The report of a grading run: a line for each student, for people and for programs."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

__all__ = ["Result", "load_results", "save_results", "table"]


@dataclass(frozen=True)
class Result:
    """What became of one submission.

    Attributes
    ----------
    status : "graded", "unreadable" (scored 0, see the message) or "failed" (not scored)
    by_hand : whether something in it waits for a person
    fingerprint : of everything that the score depends on
    """

    student: str
    status: str
    score: float
    max_score: float
    by_hand: bool = False
    message: str = ""
    fingerprint: str = ""
    seconds: float = 0.0

    @property
    def line(self) -> str:
        """The result in one line."""
        if self.status != "graded":
            return f"{self.student:<16} {self.status}: {self.message}"
        hand = "  + by hand" if self.by_hand else ""
        note = f"  ({self.message})" if self.message else ""
        return f"{self.student:<16} {self.score:5.1f} / {self.max_score:g}{hand}{note}"


def table(results: Sequence[Result]) -> str:
    """All lines, and how many there are of each kind."""
    lines = [result.line for result in results]
    counts = {s: sum(r.status == s for r in results) for s in ("graded", "unreadable", "failed")}
    summary = ", ".join(f"{n} {status}" for status, n in counts.items() if n)
    return "\n".join([*lines, f"{len(results)} submissions: {summary or 'none'}"])


def save_results(path: Path, results: Sequence[Result]) -> None:
    """Write the report as JSON; a reader sees the old one or the new one, never half."""
    text = json.dumps([asdict(result) for result in results], indent=1)
    temporary = path.with_name(f"{path.name}.new")
    temporary.write_text(text + "\n", encoding="utf-8")
    os.replace(temporary, path)


def load_results(path: Path) -> Mapping[str, Result]:
    """Results of an earlier run by student; none where there is no readable report."""
    try:
        entries = json.loads(path.read_text(encoding="utf-8"))
        return {entry["student"]: Result(**entry) for entry in entries}
    except (OSError, ValueError, TypeError, KeyError):
        return {}
