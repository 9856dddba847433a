"""Errors that carry the place where the physics went wrong."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

__all__ = ["ConvergenceError", "DegenerateBandsError", "GapClosedError"]


class ConvergenceError(ValueError):
    """An integral did not reach its tolerance; the message says how far it came."""


class _BandError(ValueError):
    """A gap that is too small at one k: ``.k`` (dim,) Cartesian and ``.gap`` in energy units."""

    def __init__(self, message: str, k: ArrayLike, gap: float) -> None:
        super().__init__(message)
        self.k = np.asarray(k, dtype=float)
        self.gap = float(gap)


class DegenerateBandsError(_BandError):
    """A band, or a group of bands, touches the rest, so its geometry is not defined there."""


class GapClosedError(_BandError):
    """The occupied bands touch the empty ones, so no integer belongs to them."""


def format_k(k: ArrayLike) -> str:
    """``(0.5, -1.25)``: a wave vector as it appears in messages."""
    return "(" + ", ".join(f"{x:.6g}" for x in np.asarray(k, dtype=float)) + ")"
