"""A bar that moves on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from typing import Any, TextIO

from tqdm import tqdm

__all__ = ["Progress"]


class Progress:
    """Tells how far a number of submissions has come, and when all will be done.

    Parameters
    ----------
    shown : False to tell nothing
    """

    def __init__(self, total: int, shown: bool = True, stream: TextIO | None = None) -> None:
        self._total = total
        self._shown = shown
        self._stream = stream or sys.stderr
        self._done = 0
        self._began = time.monotonic()
        self._bar: Any = None
        if shown and total and self._stream.isatty():
            self._bar = tqdm(
                total=total,
                file=self._stream,
                desc="grading",
                unit=" submissions",
                dynamic_ncols=True,
                mininterval=0,
                leave=False,
            )

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.close()

    def tell(self, line: str) -> None:
        """A submission is done; the line stays."""
        self._done += 1
        if not self._shown:
            return
        width = len(str(self._total))
        head = f"[{self._done:>{width}}/{self._total}] {line}"
        if self._bar is None:
            self._stream.write(f"{head}{self._left()}\n")
            self._stream.flush()
        else:
            self._bar.write(head, file=self._stream)
            self._bar.update()

    def _left(self) -> str:
        if self._done >= self._total:
            return ""
        each = (time.monotonic() - self._began) / self._done
        return f"  ({each * (self._total - self._done):.0f} s left)"
