"""The models of the course, each with its formula and source."""

from coursekit.models.two_band import haldane, massive_dirac, qwz

__all__ = ["haldane", "massive_dirac", "qwz"]
