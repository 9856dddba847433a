"""What zone integrals sum up: Σₙ w(εₙ; μ, kT) Xₙ(k), with weights w and quantities X of bands."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from coursekit.accumulate import Sample, separated
from coursekit.bloch_model import Model
from coursekit.fourier import Block
from coursekit.kubo import Keep
from coursekit.thermal import Weight

__all__ = ["Integrand", "at_points"]

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Integrand:
    """What is integrated.

    Attributes
    ----------
    weights : functions of the energy, μ and kT
    quantity : model, block of k, pairs of bands to keep or None for all -> what the weights
        multiply, with the energies
    kind : "scalar", "axial" for the components of an axial vector that time reversal turns around,
        as Ω, m and M are, or "other": what symmetry can reduce the zone for
    """

    weights: tuple[Weight, ...]
    quantity: Callable[[Model, Block, Keep | None], Sample]
    kind: str = "other"

    @property
    def on_surface(self) -> bool:
        """Whether T = 0 leaves an integral over the Fermi surface alone."""
        return any(weight.on_surface for weight in self.weights)


def at_points(
    model: Model, integrand: Integrand, k: Floats, mu: float, kT: float
) -> tuple[Floats, Floats]:
    """The integrand at k (K, dim), (c, K), and the size of what it adds up there."""
    # A pair that is filled or empty as a whole would leave the rounding of two large terms.
    keep = separated(np.array([mu]), np.array([kT]))
    sample = integrand.quantity(model, Block(k, np.zeros((1, model.dim))), keep)
    total = size = np.zeros(())
    for weight, values in zip(integrand.weights, sample.values, strict=True):
        w = weight(sample.energies, np.array(mu), np.array(kT))[:, None]
        total = total + (w * values).sum(axis=0)
        size = size + (w * abs(values)).sum(axis=0)
    return total, size
