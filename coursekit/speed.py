"""How fast H(k) changes: bounds that hold between the points at which it is known."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from coursekit.bloch_model import Model
from coursekit.lattice import uniform_mesh
from coursekit.tight_binding import TightBinding
from coursekit.wannier90.model import WannierModel

__all__ = ["SpeedLimit", "speed_limit"]

Floats = NDArray[np.float64]

# Numbers held at a time in the largest temporary array.
_CHUNK = 1 << 19
# Where the second derivative adds more than this part of the global bound, that one will do.
_WORTHWHILE = 0.4


@dataclass(frozen=True)
class SpeedLimit:
    """Bounds on ‖∂H/∂k − c‖ along any direction, with c any multiples of the identity.

    Attributes
    ----------
    model : that they belong to
    anywhere : bound at all k
    acceleration : bound on ‖∂²H/∂k²‖ along any direction; inf where there is none to use
    """

    model: Model
    anywhere: float
    acceleration: float

    def within(self, k: Floats, radius: Floats | float) -> Floats | float:
        """Bound within a radius of each k (..., dim); (...), or the one that holds anywhere."""
        if np.max(radius) >= _WORTHWHILE * self.anywhere / self.acceleration:
            return self.anywhere
        slopes = _slopes(self.model, k) + self.acceleration * np.asarray(radius)
        return np.minimum(self.anywhere, slopes)


def speed_limit(model: Model, k: Floats | None = None) -> SpeedLimit:
    """Bounds from the hoppings of a :class:`TightBinding`, or from the model's velocity_bound.

    A model without one gets an estimate that is safe in practice: twice the largest slope at the
    given k (K, dim), or on a mesh of the zone.
    """
    if model.velocity_bound is not None:
        return SpeedLimit(model, model.velocity_bound, _acceleration(model))
    if k is None:
        assert model.lattice is not None
        n = {1: 256, 2: 32, 3: 10}[model.dim]
        k = uniform_mesh(model.lattice, n, shift=0.5).reshape(-1, model.dim)
    step = max(1, _CHUNK // (model.n_orb**2 * model.dim))
    parts = [_slopes(model, k[first : first + step]).max() for first in range(0, len(k), step)]
    return SpeedLimit(model, 2 * float(max(parts)), np.inf)


def _slopes(model: Model, k: Floats) -> Floats:
    """√Σ_a ‖∂H/∂k_a − c_a‖², (...), with c_a in the middle of the eigenvalues of ∂H/∂k_a."""
    dh = model.hamiltonian_gradient(k)
    if model.n_orb == 2:
        off, z = abs(dh[..., 1, 0]), (dh[..., 0, 0] - dh[..., 1, 1]).real / 2
        return np.asarray(np.sqrt((off**2 + z**2).sum(axis=-1)))
    slopes = np.linalg.eigvalsh(dh)
    return np.asarray(np.linalg.norm(slopes[..., -1] - slopes[..., 0], axis=-1) / 2)


def _acceleration(model: Model) -> float:
    """Largest row sum of |t| d², d how far a hopping leads."""
    if isinstance(model, WannierModel):
        model = model.tight_binding
    if not isinstance(model, TightBinding):
        return np.inf
    positions = model.orbitals @ model.lattice.vectors
    rows = np.zeros(model.n_orb)
    for R, block in model.blocks.items():
        leads = R @ model.lattice.vectors + positions - positions[:, None]
        rows += (abs(block) * (leads**2).sum(axis=-1)).sum(axis=1)
    return float(rows.max()) or np.inf
