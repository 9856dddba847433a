"""Meshes on which a link product cannot be the wrong integer.

A product of overlaps around plaquettes always gives an integer, but on too coarse a mesh it is the
wrong one.  Let P(k) be the projector on a group, and let κ bound ‖(1−P) ∂P P‖ (Frobenius) along
every direction in a cell with edges of lengths s₁, s₂ and area a.  With the turns τ = κ s < π/2:

1. |Ω| ≤ 2κ², so the true flux through the cell is at most 2κ² a.
2. Along an edge let u(s) be parallel-transported.  M = ⟨u(0)|u(s)⟩ has singular values cos θᵢ with
   Σθᵢ² ≤ τ², and |d ln det M/ds| = |Tr M⁻¹⟨(1−P)u(0)|u′⟩| ≤ κ ‖tan θ‖ ≤ κ tan κs.  So the phase of
   a link is off that of the exact transport by at most −ln cos τ.
3. Hence the true flux is F + Σ(link errors) + 2πn, F in (−π, π] the link flux.  n = 0 where

       2κ² a − 2 ln(cos τ₁ cos τ₂) < π.

Errors of a link enter its two plaquettes with opposite signs: where n = 0 in all cells, the sum of
F over a closed surface is that of the true flux, exactly.

A side that is cut by corners of smaller cells has an error no larger than that of one link.

For bands with a gap g at the centre, κ = √r L/(g − 2Lρ) in a cell of radius ρ: energies move at
most as fast as L ≥ ‖∂H‖, ⟨l|∂u⟩ = ⟨l|∂H|u⟩/(ε_u − ε_l), and r, the smaller number of states on
either side of the gap, bounds the rank.  L is a sum over hoppings, or ‖∂H‖ at the centre plus ρ
times such a sum for ‖∂²H‖.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from coursekit.errors import GapClosedError
from coursekit.lattice import Lattice
from coursekit.search import lowest_points

__all__ = [
    "CLOSED",
    "Bundle",
    "Cells",
    "certified_cells",
    "flux_quanta",
    "is_certified",
    "plaquette_fluxes",
]

Floats = NDArray[np.float64]
Complexes = NDArray[np.complex128]
Integers = NDArray[np.int64]

# Below this fraction of its scale a gap cannot be told from rounding.
CLOSED = 1e-10
# A little less than π, for rounding.
_MOST_FLUX = 3.1
# Cells along the longest reciprocal vector to begin with.
_FIRST_CELLS = 16
# Around a point where bands cross, the number of cells that are left stays the same from one
# halving to the next; it grows on a line of such points and where bands touch as parabolas.
_MANY_CELLS = 2_000
_MOST_CELLS = 200_000
_POINTS = 1 << 14


@dataclass(frozen=True)
class Bundle:
    """A group of states at each k.

    Attributes
    ----------
    measure : k (..., dim) Cartesian and a radius -> gap (...) and the bound κ (...) within that
        radius, inf where there is none
    frames : k (..., dim) -> (..., n_orb, n) states as columns; one state need not be normalised
    scale : what a gap is compared with
    closed : k (dim,) and gap -> the error that says so
    """

    measure: Callable[[Floats, Floats | float], tuple[Floats, Floats]]
    frames: Callable[[Floats], Complexes]
    scale: float
    closed: Callable[[Floats, float], GapClosedError]


@dataclass(frozen=True)
class Cells:
    """Rectangles that fill the zone in reduced coordinates, of sizes that may differ."""

    low: Integers  # (n, 2) lower corners, in units of 1/counts
    high: Integers  # (n, 2) upper corners
    counts: Integers  # (2,)


def is_certified(kappa: Floats, sides: Floats, area: Floats | float) -> NDArray[np.bool_]:
    """Whether cells with edges of lengths ``sides`` (..., 2) can hide no flux quantum."""
    turns = np.minimum(kappa[..., None] * sides, np.pi / 2)
    # cos(π/2) is not quite 0 in floating point, but its logarithm is far beyond the limit.
    errors = -2 * np.log(np.cos(turns)).sum(axis=-1)
    return np.asarray(2 * np.minimum(kappa * np.sqrt(area), 1e150) ** 2 + errors < _MOST_FLUX)


def certified_cells(bundle: Bundle, lattice: Lattice) -> Cells:
    """The largest cells, by halving, that are certified; or a GapClosedError."""
    b = lattice.reciprocal
    lengths = np.linalg.norm(b, axis=1)
    counts = np.maximum(2, np.ceil(_FIRST_CELLS * lengths / lengths.max())).astype(int)
    cells = np.stack([axis.ravel() for axis in np.indices(counts)], axis=1)
    quarters = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
    levels = []
    many = _MANY_CELLS
    while len(cells):
        edges = b / counts[:, None]
        radius = max(np.linalg.norm(edges[0] + edges[1]), np.linalg.norm(edges[0] - edges[1])) / 2
        centres = (cells + 0.5) / counts
        gaps, kappa = _in_chunks(bundle, lattice.to_cartesian(centres), float(radius))
        lowest = int(gaps.argmin())
        if gaps[lowest] <= CLOSED * bundle.scale:
            raise bundle.closed(lattice.to_cartesian(centres[lowest]), float(gaps[lowest]))
        fine = is_certified(kappa, lengths / counts, float(abs(np.linalg.det(edges))))
        levels.append(cells[fine])
        coarse = cells[~fine]
        if len(coarse) > many:
            _refuse_closed_gap(bundle, lattice, centres[lowest], 0.5 / counts)
            many *= 4
        if len(coarse) > _MOST_CELLS:
            # Gaps this small over so much of the zone are a line of touching points in practice.
            raise bundle.closed(lattice.to_cartesian(centres[lowest]), float(gaps[lowest]))
        counts = 2 * counts
        cells = (2 * coarse[:, None, :] + quarters).reshape(-1, 2)
    sizes = [2 ** (len(levels) - n) for n in range(len(levels))]
    low = np.concatenate([size * level for size, level in zip(sizes, levels, strict=True)])
    sides = np.repeat(sizes, [len(level) for level in levels])
    return Cells(low, low + sides[:, None], counts)


def flux_quanta(bundle: Bundle, lattice: Lattice, cells: Cells) -> int:
    """Total flux of the cells in units of 2π.

    A side of a cell is the sum of the links between all corners of other cells on it.  Opposite
    edges of the zone get the same corners and so carry equal link phases, since u(k + G) is u(k)
    times a constant unitary matrix: the sum is an integer in whatever gauge the states come.
    """
    (xs, (x0, x1)), (ys, (y0, y1)) = (
        _ranks(cells.low[:, axis], cells.high[:, axis]) for axis in range(2)
    )
    n_x, n_y = len(xs), len(ys)
    corners = [x0 * n_y + y0, x1 * n_y + y0, x0 * n_y + y1, x1 * n_y + y1]
    left, right, below, above = x0 == 0, x1 == n_x - 1, y0 == 0, y1 == n_y - 1
    twins = [
        *((n_x - 1) * n_y + y for y in (y0[left], y1[left])),
        y0[right],
        y1[right],
        *(x * n_y + n_y - 1 for x in (x0[below], x1[below])),
        *(x * n_y for x in (x0[above], x1[above])),
    ]
    names = np.unique(np.concatenate([*corners, *twins]))
    on_x, on_y = names // n_y, names % n_y
    k = lattice.to_cartesian(np.stack([xs[on_x], ys[on_y]], axis=1) / cells.counts)
    u = np.concatenate([bundle.frames(k[n : n + _POINTS]) for n in range(0, len(k), _POINTS)])
    # Phases summed along lines of constant x, then of constant y; what the sums take up from one
    # line to the next falls out of their differences.
    along_y = _summed_links(u)
    by_line = np.argsort(on_y * n_x + on_x)
    along_x = np.empty(len(names))
    along_x[by_line] = _summed_links(u[by_line])
    low_left, low_right, high_left, high_right = (np.searchsorted(names, c) for c in corners)
    around = (along_x[low_right] - along_x[low_left]) + (along_y[high_right] - along_y[low_right])
    around -= (along_x[high_right] - along_x[high_left]) + (along_y[high_left] - along_y[low_left])
    # A link is ⟨u|u′⟩ ≈ e^{−iA·dk}.
    flux = float(((np.pi - around) % (2 * np.pi) - np.pi).sum())
    # The mesh runs along b₁ and b₂, which turn clockwise for a left-handed lattice.
    orientation = np.sign(np.linalg.det(lattice.vectors))
    return round(float(orientation) * flux / (2 * np.pi))


def plaquette_fluxes(u: Complexes) -> Floats:
    """Flux through each plaquette of a mesh of frames (I, J, n_orb, n), in (−π, π]."""
    along_x = _link(u[:-1], u[1:])
    along_y = _link(u[:, :-1], u[:, 1:])
    around = along_x[:, :-1] * along_y[1:] * along_x[:, 1:].conj() * along_y[:-1].conj()
    # A link is ⟨u|u′⟩ ≈ e^{−iA·dk}.
    return np.asarray(-np.angle(around))


def _link(a: Complexes, b: Complexes) -> Complexes:
    """det ⟨a|b⟩ of neighbouring frames."""
    if a.shape[-1] == 1:
        return np.asarray((a.conj() * b).sum(axis=(-2, -1)))
    return np.asarray(np.linalg.det(a.conj().swapaxes(-1, -2) @ b))


def _in_chunks(bundle: Bundle, k: Floats, radius: float) -> tuple[Floats, Floats]:
    parts = [bundle.measure(k[n : n + _POINTS], radius) for n in range(0, len(k), _POINTS)]
    return np.concatenate([gap for gap, _ in parts]), np.concatenate([kappa for _, kappa in parts])


def _refuse_closed_gap(bundle: Bundle, lattice: Lattice, start: Floats, step: Floats) -> None:
    """Follow the gap downhill from ``start``; raise if it closes."""

    def squared(at: Floats) -> Floats:
        return np.asarray(bundle.measure(lattice.to_cartesian(at), 0.0)[0] ** 2)

    (point,), (value,) = lowest_points(squared, start[None], step)
    gap = float(np.sqrt(value))
    if gap <= CLOSED * bundle.scale:
        raise bundle.closed(lattice.to_cartesian(point), gap)


def _ranks(low: Integers, high: Integers) -> tuple[Integers, tuple[Integers, Integers]]:
    """The distinct coordinates, and where each of the given ones stands among them."""
    values, ranks = np.unique(np.concatenate([low, high]), return_inverse=True)
    return values, (ranks[: len(low)], ranks[len(low) :])


def _summed_links(u: Complexes) -> Floats:
    """Phases of the links from each of a row of frames to the next, summed from the first on."""
    return np.concatenate([[0.0], np.angle(_link(u[:-1], u[1:])).cumsum()])
