"""Property tests draw the same examples in each run, and may take their time on a busy machine."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile(
    "physics", derandomize=True, deadline=None, max_examples=20, database=None
)
settings.load_profile("physics")
