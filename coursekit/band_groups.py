"""Groups of bands: which bands, how far from the rest, how fast their states can turn."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from coursekit.bloch_model import Model
from coursekit.geometry import band_indices

__all__ = [
    "band_gaps",
    "energy_scale",
    "generic_points",
    "occupied_bands",
    "turning_rate",
]

Floats = NDArray[np.float64]


def occupied_bands(
    occupied: int | Sequence[int], n_bands: int, name: str = "occupied"
) -> list[int]:
    """Sorted indices of a number of lowest bands, or of a group; or a ValueError."""
    if np.ndim(occupied):
        return sorted(band_indices(occupied, n_bands, name))
    count = np.asarray(occupied)
    if count.dtype.kind not in "iu" or not 1 <= count <= n_bands:
        raise ValueError(
            f"{name}={occupied!r}; expected the number of lowest bands, 1 to {n_bands}, or "
            f"their indices in a tuple, as in {name}=(1,)"
        )
    return list(range(int(count)))


def band_gaps(model: Model, bands: list[int], k: Floats) -> Floats:
    """Smallest distance in energy between the group and the rest at each k, (...)."""
    h = model.hamiltonian(k)
    if model.n_orb == 2:
        off, z = abs(h[..., 1, 0]), (h[..., 0, 0] - h[..., 1, 1]).real / 2
        return np.asarray(2 * np.hypot(off, z))
    energies = np.linalg.eigvalsh(h)
    # Only neighbours in energy can be closest.
    steps = np.diff(energies, axis=-1)
    edges = [n for n in range(model.n_orb - 1) if (n in bands) != (n + 1 in bands)]
    return np.asarray(steps[..., edges].min(axis=-1))


def turning_rate(smallest_gap: Floats, bound: Floats | float, rank: int) -> Floats:
    """√r L/g, a bound on ‖(1−P) ∂P P‖; inf where there is no gap."""
    gapped = smallest_gap > 0
    rate = np.sqrt(rank) * bound / np.where(gapped, smallest_gap, 1.0)
    return np.asarray(np.where(gapped, rate, np.inf))


def energy_scale(model: Model) -> float:
    """A bound on the energies, or energies off all symmetries: what gaps are compared with."""
    if model.energy_scale:
        return model.energy_scale
    return float(abs(np.linalg.eigvalsh(model.hamiltonian(generic_points(model)))).max())


def generic_points(model: Model) -> Floats:
    """Two Cartesian k (2, dim) off all symmetries."""
    scale = np.eye(model.dim) if model.lattice is None else model.lattice.reciprocal
    reduced = np.array([[0.137, 0.291, 0.413], [0.519, 0.742, 0.871]])
    return np.asarray(reduced[:, : model.dim] @ scale)
