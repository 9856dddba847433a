"""What zone integrals sum up: Σₙ w(εₙ; μ, kT) Xₙ(k), with weights w and quantities X of bands."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

import numpy as np
from numpy.typing import NDArray

from coursekit.accumulate import Sample, separated_at
from coursekit.bloch_model import Model
from coursekit.fourier import Block
from coursekit.kubo import Geometry, Keep, band_geometry
from coursekit.thermal import Weight

__all__ = ["Integrand", "at_points", "geometric"]

Floats = NDArray[np.float64]

# Tolerances are not relative to less than this, in the model's own units.  With the default rtol
# that asks for 1e-12 of them.
_SMALLEST = 1e-4


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
    unit : powers of velocity and energy that the quantity is made of, as (2, −2) for Ω, from which
        the model's own scales tell what is nothing but rounding
    of_geometry : energies, Ω and m of bands -> the quantity, where it follows from these
    """

    weights: tuple[Weight, ...]
    quantity: Callable[[Model, Block, Keep | None], Sample] = field(repr=False)
    kind: str = "other"
    unit: tuple[int, int] = (0, 0)
    of_geometry: Callable[[Geometry], Sample] | None = field(default=None, repr=False)

    def smallest(self, model: Model) -> float:
        """Values below this are rounding, whatever they are relative to each other."""
        if not model.energy_scale or not model.velocity_bound:
            return 0.0
        of_velocity, of_energy = self.unit
        return float(_SMALLEST * model.velocity_bound**of_velocity * model.energy_scale**of_energy)

    @property
    def on_surface(self) -> bool:
        """Whether T = 0 leaves an integral over the Fermi surface alone."""
        return any(weight.on_surface for weight in self.weights)


def geometric(
    weights: tuple[Weight, ...],
    of_geometry: Callable[[Geometry], Sample],
    kind: str = "axial",
    unit: tuple[int, int] = (0, 0),
) -> Integrand:
    """An integrand that follows from the energies, Ω and m of bands."""
    return Integrand(weights, partial(_at_block, of_geometry), kind, unit, of_geometry)


def _at_block(
    of_geometry: Callable[[Geometry], Sample], model: Model, block: Block, keep: Keep | None
) -> Sample:
    return of_geometry(band_geometry(model, block, keep))


def at_points(
    model: Model, integrand: Integrand, k: Floats, mu: Floats | float, kT: Floats | float
) -> tuple[Floats, Floats]:
    """The integrand at k (K, dim), (c, K), and the size of what it adds up there.

    ``mu`` and ``kT`` are single ones, or one for each k.
    """
    mu, kT = np.asarray(mu), np.asarray(kT)
    # A pair that is filled or empty as a whole would leave the rounding of two large terms.
    keep = separated_at(mu, kT)
    sample = integrand.quantity(model, Block(k, np.zeros((1, model.dim))), keep)
    total = size = np.zeros(())
    for weight, values in zip(integrand.weights, sample.values, strict=True):
        w = weight(sample.energies, mu, kT)[:, None]
        total = total + (w * values).sum(axis=0)
        size = size + (w * abs(values)).sum(axis=0)
    return total, size
