"""What is done so far: written down at once, so that a run that is killed goes on where it was."""

from __future__ import annotations

import fcntl
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from coursekit.grading.report import Result, load_results, save_results

__all__ = ["Journal"]


class Journal:
    """The report of a set while it is being made.

    The report itself is written at the end; until then a line for each student stands in a file
    beside it.  A student about whom something is being changed counts as not graded.

    Parameters
    ----------
    report : path of the report

    Raises
    ------
    ValueError : another run is at work on the same set
    """

    def __init__(self, report: Path) -> None:
        self._report = report
        self._path = report.with_suffix(".journal")
        self._file = self._path.open("ab")
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self._file.close()
            raise ValueError(
                f"{report.name} is being made by another run; expected one at a time: wait for it, "
                "or end it"
            ) from None
        # A run that was killed may have left half a line.
        self._file.write(b"\n")

    def __enter__(self) -> Journal:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def results(self) -> dict[str, Result]:
        """By student, what is complete."""
        found = dict(load_results(self._report))
        for line in self._path.read_bytes().splitlines():
            try:
                entry: dict[str, Any] = json.loads(line)
                result = Result(**entry) if len(entry) > 1 else None
                found.pop(entry["student"], None)
            except (ValueError, TypeError, KeyError):
                continue
            if result is not None:
                found[result.student] = result
        return found

    def begin(self, student: str) -> None:
        """What is kept about a student is about to change."""
        self._write({"student": student})

    def finish(self, result: Result) -> None:
        """Everything about a student is in its place."""
        self._write(asdict(result))

    def complete(self, results: Sequence[Result]) -> None:
        """The report, with the results of all."""
        save_results(self._report, results)
        self._path.unlink()

    def _write(self, entry: dict[str, Any]) -> None:
        self._file.write(json.dumps(entry).encode() + b"\n")
        self._file.flush()
