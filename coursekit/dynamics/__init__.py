"""Semiclassical motion of a Bloch electron."""

from coursekit.dynamics.fields import anomalous_velocity, phase_space_density
from coursekit.dynamics.motion import (
    EquationsOfMotion,
    PhaseSpaceDivergence,
    equations_of_motion,
    phase_space_divergence,
)
from coursekit.dynamics.path import Trajectory, trajectory

__all__ = [
    "EquationsOfMotion",
    "PhaseSpaceDivergence",
    "Trajectory",
    "anomalous_velocity",
    "equations_of_motion",
    "phase_space_density",
    "phase_space_divergence",
    "trajectory",
]
