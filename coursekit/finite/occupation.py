"""Weights of the states of a finite system in equilibrium."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from coursekit.integrate import chemical
from coursekit.thermal import Weight

__all__ = ["plain", "state_weights"]

Floats = NDArray[np.float64]


def state_weights(weight: Weight, energies: Floats, mu: ArrayLike, kT: ArrayLike) -> Floats:
    """Weights of states at ``energies`` (n,): (..., n) for mu and kT of shape ``...``."""
    mus, kTs, shape = chemical(mu, kT)
    return weight(energies, mus[:, None], kTs[:, None]).reshape(*shape, len(energies))


def plain(values: Floats) -> Floats | float:
    """A float where there is one value without axes."""
    return values if values.ndim else float(values)
