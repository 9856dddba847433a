"""The one thing that is hidden from students: the seed of the inputs that they are graded on."""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import os
import secrets
from pathlib import Path

__all__ = ["SEED_FILE", "secret_seed", "student_seed"]

SEED_FILE = ".grading-seed"


def secret_seed(course: Path) -> str:
    """The course's seed; made, readable by its owner alone, when there is none."""
    path = course / SEED_FILE
    with contextlib.suppress(FileExistsError):
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(secrets.token_hex(32) + "\n")
    seed = path.read_text(encoding="ascii").strip()
    if len(seed) < 16:
        raise ValueError(
            f"{path} holds {len(seed)} characters; expected 16 or more: delete it, and a new one "
            "is made (marks that depend on the old seed are then to be made anew)"
        )
    return seed


def student_seed(seed: str, student: str) -> str:
    """One student's own seed, so that feedback tells nobody else what they will be asked."""
    return hmac.new(seed.encode(), student.encode(), hashlib.sha256).hexdigest()
