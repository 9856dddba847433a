"""Symmetries of models, and what they forbid."""

from coursekit.symmetry.factories import (
    chiral,
    identity,
    inversion,
    mirror,
    particle_hole,
    rotation,
    time_reversal,
)
from coursekit.symmetry.groups import MagneticPointGroup, point_group
from coursekit.symmetry.operation import Symmetry, transform_axial, transform_k
from coursekit.symmetry.rules import SelectionRules, forbids
from coursekit.symmetry.search import find_symmetries, holds, represent, residual
from coursekit.symmetry.tensors import KINDS, TensorKind, allowed_matrix_form, allowed_tensor

__all__ = [
    "KINDS",
    "MagneticPointGroup",
    "SelectionRules",
    "Symmetry",
    "TensorKind",
    "allowed_matrix_form",
    "allowed_tensor",
    "chiral",
    "find_symmetries",
    "forbids",
    "holds",
    "identity",
    "inversion",
    "mirror",
    "particle_hole",
    "point_group",
    "represent",
    "residual",
    "rotation",
    "time_reversal",
    "transform_axial",
    "transform_k",
]
