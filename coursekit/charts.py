"""Charts of the k space of a 2D model, in which lines of k are integrated along.

A chart serves several cases at once, each a pair of μ and kT.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from coursekit.bloch_model import Model
from coursekit.lattice import Lattice
from coursekit.search import BandEdge

__all__ = ["Chart", "lattice_chart", "plane_chart"]

Floats = NDArray[np.float64]
Indices = NDArray[np.intp]
# case, x, y, which broadcast -> k, (∂k/∂x, ∂k/∂y), weight of dx dy
Map = Callable[[Indices, Floats, Floats], tuple[Floats, tuple[Floats, Floats], Floats]]

_SAMPLES = 96
# One step beyond the end, as before the start: a pocket may sit astride the zone's edge.
_ALL_ROUND = 1 + 1 / _SAMPLES
_EVEN_PANELS = np.linspace(0, 1, 5)
# In reduced coordinates; even samples find what is larger.
_LARGEST_POCKET = 0.1
# Where symmetry puts no touch: a square root just beside a cut would hide from Gauss points.
_SOMEWHERE = 0.382
# y = 1 of polar coordinates lies at infinity.
_FARTHEST = 1 - 1e-15


class Pocket(NamedTuple):
    """States near μ at the edge of a band, too few for evenly spaced lines to find."""

    centre: Floats  # (2,) reduced
    radius: float  # reduced

    def around(self, axis: int) -> Floats:
        """Coordinates that resolve the pocket, and its image beyond the zone's edge."""
        near = self.radius * np.linspace(-2, 2, 9)
        centre = self.centre[axis]
        return np.concatenate([centre + near, centre - 1 + near, centre + 1 + near])


@dataclass(frozen=True)
class Chart:
    """Coordinates (x, y) in the unit square for k.

    Attributes
    ----------
    pockets : of each case, where lines and samples must be close to each other
    panels : edges along y, the start of a refinement
    last_sample : crossings are looked for from one step below 0 up to here
    map : to k
    """

    pockets: Sequence[Sequence[Pocket]]
    panels: Floats
    last_sample: float
    map: Map

    @cached_property
    def samples(self) -> Floats:
        """(cases, S), ascending y between which crossings are looked for; the last may repeat."""
        even = np.linspace(-1 / _SAMPLES, self.last_sample, _SAMPLES + 3)
        rows = [
            np.union1d(even, np.concatenate([even, *(p.around(1) for p in pockets)]))
            for pockets in self.pockets
        ]
        longest = max(map(len, rows))
        return np.array([np.pad(row, (0, longest - len(row)), mode="edge") for row in rows])

    def cuts(self, case: int) -> Floats:
        """x between which the lines' integrals vary slowly, or as √ at worst; ends not counted."""
        cuts = np.concatenate([[_SOMEWHERE], *(p.around(0) for p in self.pockets[case])])
        return cuts[(cuts > 0) & (cuts < 1)]

    def centres(self, case: int) -> Floats:
        """x of the pockets."""
        return np.array([pocket.centre[0] for pocket in self.pockets[case]])

    def transposed(self) -> Chart:
        """The same with x and y exchanged: lines that cross the others."""

        def to_k(
            case: Indices, x: Floats, y: Floats
        ) -> tuple[Floats, tuple[Floats, Floats], Floats]:
            k, along, weight = self.map(case, y, x)
            return k, along[::-1], weight

        pockets = [[Pocket(p.centre[::-1], p.radius) for p in ps] for ps in self.pockets]
        return replace(self, pockets=pockets, panels=_EVEN_PANELS, last_sample=_ALL_ROUND, map=to_k)


def lattice_chart(lattice: Lattice, edges: list[BandEdge], mus: Floats, kTs: Floats) -> Chart:
    """Reduced coordinates."""
    b = lattice.reciprocal
    weight = 1 / lattice.cell_volume  # d²k/(2π)² = dx dy / cell area

    def to_k(case: Indices, x: Floats, y: Floats) -> tuple[Floats, tuple[Floats, Floats], Floats]:
        k = x[..., None] * b[0] + y[..., None] * b[1]
        along = np.broadcast_to(b[0], k.shape), np.broadcast_to(b[1], k.shape)
        return k, along, np.full(k.shape[:-1], weight)

    pockets = []
    for mu, kT in zip(mus, kTs, strict=True):
        near = [Pocket(edge.reduced, edge.pocket(mu, kT)) for edge in edges]
        pockets.append([pocket for pocket in near if pocket.radius < _LARGEST_POCKET])
    return Chart(pockets, _EVEN_PANELS, _ALL_ROUND, to_k)


def plane_chart(model: Model, mus: Floats, kTs: Floats) -> Chart:
    """Polar coordinates: x is the angle, y = r/(r + κ) with κ the radius where things happen."""
    h0 = np.linalg.norm(model.hamiltonian(np.zeros(2)), 2)
    slope = np.linalg.norm(model.hamiltonian_gradient(np.zeros(2)), 2, (-2, -1)).max()
    energy = h0 + abs(mus) + kTs
    kappas = np.where(energy > 0, energy / slope, 1.0) if slope > 0 else np.ones(len(mus))

    def to_k(case: Indices, x: Floats, y: Floats) -> tuple[Floats, tuple[Floats, Floats], Floats]:
        kappa, y = kappas[case], np.minimum(y, _FARTHEST)
        angle = 2 * np.pi * x
        ray = np.stack([np.cos(angle), np.sin(angle)], axis=-1)
        turned = np.stack([-ray[..., 1], ray[..., 0]], axis=-1)
        radius, stretch = kappa * y / (1 - y), kappa / (1 - y) ** 2
        along = 2 * np.pi * radius[..., None] * turned, stretch[..., None] * ray
        # d²k/(2π)² = r dr dx / 2π
        return radius[..., None] * ray, along, radius * stretch / (2 * np.pi)

    panels = np.array([0, 1 / 64, 1 / 16, 1 / 4, 1 / 2, 3 / 4, 1])
    return Chart([[] for _ in mus], panels, 1 - 1e-6, to_k)
