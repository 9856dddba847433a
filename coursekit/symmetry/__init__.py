"""Symmetries of models, and what they forbid."""

from coursekit.symmetry.operation import (
    Symmetry,
    chiral,
    identity,
    inversion,
    mirror,
    particle_hole,
    rotation,
    time_reversal,
    transform_axial,
    transform_k,
)
from coursekit.symmetry.search import find_symmetries, holds, represent, residual

__all__ = [
    "Symmetry",
    "chiral",
    "find_symmetries",
    "holds",
    "identity",
    "inversion",
    "mirror",
    "particle_hole",
    "represent",
    "residual",
    "rotation",
    "time_reversal",
    "transform_axial",
    "transform_k",
]
