"""A line that moves on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from typing import TextIO

__all__ = ["Progress"]


class Progress:
    """Tells how far a number of steps has come, and when it will be done."""

    def __init__(self, total: int, stream: TextIO | None = None) -> None:
        self._total = total
        self._stream = stream or sys.stderr
        self._moving = self._stream.isatty()
        self._done = 0
        self._began = time.monotonic()

    def start(self, what: str) -> None:
        """A step begins."""
        if self._moving:
            self._stream.write(f"\r\x1b[K[{self._done + 1}/{self._total}] {what} ...{self._left()}")
            self._stream.flush()

    def finish(self, text: str) -> None:
        """A step has ended; the text stays."""
        self._done += 1
        width = len(str(self._total))
        start = "\r\x1b[K" if self._moving else ""
        left = "" if self._moving else self._left()
        self._stream.write(f"{start}[{self._done:>{width}}/{self._total}] {text}{left}\n")
        self._stream.flush()

    def _left(self) -> str:
        if not self._done or self._done >= self._total:
            return ""
        each = (time.monotonic() - self._began) / self._done
        return f"  ({each * (self._total - self._done):.0f} s left)"
