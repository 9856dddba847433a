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

For bands with a gap g at the centre, κ = √r L/(g − 2Lρ) in a cell of radius ρ: energies move at
most as fast as L ≥ ‖∂H‖, ⟨l|∂u⟩ = ⟨l|∂H|u⟩/(ε_u − ε_l), and r, the smaller number of states on
either side of the gap, bounds the rank.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from coursekit.errors import GapClosedError
from coursekit.lattice import Lattice
from coursekit.search import lowest_points

__all__ = ["Bundle", "Mesh", "certified_mesh", "flux_quanta", "is_certified"]

Floats = NDArray[np.float64]
Complexes = NDArray[np.complex128]

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
class Mesh:
    """Cuts of the zone, reduced, from 0 to 1 along both reciprocal vectors."""

    x: Floats
    y: Floats


def is_certified(kappa: Floats, sides: Floats, area: Floats | float) -> NDArray[np.bool_]:
    """Whether cells with edges of lengths ``sides`` (..., 2) can hide no flux quantum."""
    turns = np.minimum(kappa[..., None] * sides, np.pi / 2)
    # cos(π/2) is not quite 0 in floating point, but its logarithm is far beyond the limit.
    errors = -2 * np.log(np.cos(turns)).sum(axis=-1)
    return np.asarray(2 * np.minimum(kappa, 1e150) ** 2 * area + errors < _MOST_FLUX)


def certified_mesh(bundle: Bundle, lattice: Lattice) -> Mesh:
    """The coarsest mesh by halving, in each place, that is certified; or a GapClosedError."""
    b = lattice.reciprocal
    lengths = np.linalg.norm(b, axis=1)
    counts = np.maximum(2, np.ceil(_FIRST_CELLS * lengths / lengths.max())).astype(int)
    cuts = [np.arange(n + 1) / n for n in counts]
    half = 0.5 / counts
    centres = _product([cut[:-1] + h for cut, h in zip(cuts, half, strict=True)])
    many = _MANY_CELLS
    while len(centres):
        sides = 2 * half * lengths
        area = float(abs(np.linalg.det(2 * half[:, None] * b)))
        diagonals = half * np.array([[1, 1], [1, -1]]) @ b
        gaps, kappa = _in_chunks(
            bundle, lattice.to_cartesian(centres), float(np.linalg.norm(diagonals, axis=1).max())
        )
        lowest = int(gaps.argmin())
        if gaps[lowest] <= CLOSED * bundle.scale:
            raise bundle.closed(lattice.to_cartesian(centres[lowest]), float(gaps[lowest]))
        coarse = centres[~is_certified(kappa, sides, area)]
        if len(coarse) > many:
            _refuse_closed_gap(bundle, lattice, centres[lowest], half)
            many *= 4
        if len(coarse) > _MOST_CELLS:
            # Gaps this small over so much of the zone are a line of touching points in practice.
            raise bundle.closed(lattice.to_cartesian(centres[lowest]), float(gaps[lowest]))
        cuts = [np.union1d(cut, coarse[:, n]) for n, cut in enumerate(cuts)]
        half = half / 2
        quarters = half * np.array([[1, 1], [1, -1], [-1, 1], [-1, -1]])
        centres = (coarse[:, None, :] + quarters).reshape(-1, 2)
    return Mesh(*cuts)


def flux_quanta(bundle: Bundle, lattice: Lattice, mesh: Mesh) -> int:
    """Total flux of the mesh's plaquettes in units of 2π.

    Opposite edges of the zone carry equal link phases, since u(k + G) is u(k) times a constant
    unitary matrix, so the sum is an integer in whatever gauge the states come.
    """
    flux = 0.0
    for rows in _slabs(len(mesh.x), len(mesh.y)):
        k = lattice.to_cartesian(_product([mesh.x[rows], mesh.y]))
        u = bundle.frames(k.reshape(-1, len(mesh.y), 2))
        flux += float(plaquette_fluxes(u).sum())
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


def _refuse_closed_gap(bundle: Bundle, lattice: Lattice, start: Floats, half: Floats) -> None:
    """Follow the gap downhill from ``start``; raise if it closes."""

    def squared(at: Floats) -> Floats:
        return np.asarray(bundle.measure(lattice.to_cartesian(at), 0.0)[0] ** 2)

    (point,), (value,) = lowest_points(squared, start[None], half)
    gap = float(np.sqrt(value))
    if gap <= CLOSED * bundle.scale:
        raise bundle.closed(lattice.to_cartesian(point), gap)


def _product(axes: list[Floats]) -> Floats:
    return np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, len(axes))


def _slabs(n_rows: int, n_columns: int) -> Iterator[slice]:
    """Row ranges that overlap by one row and hold a bounded number of mesh points."""
    step = max(1, _POINTS // n_columns)
    for first in range(0, n_rows - 1, step):
        yield slice(first, min(first + step, n_rows - 1) + 1)
