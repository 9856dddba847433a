"""What zone integrals sum up: functions of the bands, their curvature, μ and kT."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Integrand", "Thermal", "thermal"]

Floats = NDArray[np.float64]

# Terms that cancel leave rounding: what is below this fraction of them is measured against them.
# With the default rtol that asks for 1e-12 of them, and 1e-14 inside the adaptive method.
_CANCELLED = 1e-4


@dataclass(frozen=True)
class Integrand:
    """What is integrated.

    Attributes
    ----------
    volume : energies (..., n), Ω_nl (..., n, n, c), μ, kT -> (..., c); shapes broadcast
    terms : as ``volume``, a bound on the terms that it adds up, which sets the size of rounding
    fermi_line : energies, Ω_nl -> (..., n, c), for a ``volume`` that is a sum over bands of
        −∂f/∂ε times this, of which T = 0 leaves an integral along the Fermi line
    """

    volume: Callable[[Floats, Floats, Floats, Floats], Floats]
    terms: Callable[[Floats, Floats, Floats, Floats], Floats] | None = None
    fermi_line: Callable[[Floats, Floats], Floats] | None = None

    def size(self, values: Floats, energies: Floats, omega: Floats, mu: Floats, kT: Floats) -> Any:
        """Largest component of what the tolerance is relative to, (...)."""
        size = abs(values)
        if self.terms is not None:
            size = np.maximum(size, _CANCELLED * self.terms(energies, omega, mu, kT))
        return size.max(axis=-1)


@dataclass(frozen=True)
class Thermal:
    """Fermi functions of states at given energies, each (..., n)."""

    occupation: Floats  # f
    log_term: Floats  # kT ln(1 + e^{(μ−ε)/kT}), which is (μ − ε)θ(μ − ε) at T = 0
    slope: Floats  # −∂f/∂ε, zero at T = 0, where it is no function


def thermal(energies: Floats, mu: Floats, kT: Floats) -> Thermal:
    """Fermi functions without overflow, for any kT ≥ 0; μ and kT broadcast beside the band axis."""
    x = np.asarray(mu)[..., None] - energies
    t = np.asarray(kT)[..., None]
    with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
        # Half occupation at ε = μ for T = 0 as for T > 0.
        decay = np.where(x == 0, 1.0, np.exp(-abs(x) / t))
        slope = np.where(t > 0, decay / (1 + decay) ** 2 / t, 0.0)
    occupation = np.where(x > 0, 1.0, decay) / (1 + decay)
    return Thermal(occupation, np.maximum(x, 0) + t * np.log1p(decay), slope)
