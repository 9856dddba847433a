"""Parallel transport along closed paths: Berry phases, Wilson loops, Wannier centres.

Links are first cut until the states cannot turn far within one, then halved; the error is a series
in the square of their length, which Romberg's scheme sums.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from coursekit.band_groups import (
    band_gaps,
    energy_scale,
    occupied_bands,
    turning_rate,
)
from coursekit.bloch_model import Model, check_k, check_model
from coursekit.errors import ConvergenceError, DegenerateBandsError, format_k
from coursekit.links import closing_phases, loop_product, unitary, wannier_connection
from coursekit.speed import speed_limit

__all__ = ["berry_phase", "wannier_centers", "wilson_loop"]

Floats = NDArray[np.float64]
Complexes = NDArray[np.complex128]

# A gap below this fraction of the energy scale cannot be told from none.
_SMALLEST_GAP = 1e-12
# Radians; rounding adds up to a hundredth of this on the longest paths.
_TOLERANCE = 1e-10
_LARGEST_TURN = 1.0
_FEWEST_LINKS = 16
_MOST_LINKS = 1 << 17
# Matrix elements of states held at a time.
_CHUNK = 1 << 20
_SAME_POINT = 1e-9


def berry_phase(model: Model, path: ArrayLike, bands: int | Sequence[int]) -> float:
    """Berry phase ∮A·dk of a group of bands around a closed polygon.

    Around a small loop that turns counter-clockwise it is +Ω times the area.

    Parameters
    ----------
    path : (N, dim) Cartesian corners, 1/length; the last one is the first again, or the first plus
        a reciprocal vector G, where u(k + G) is u(k) with the phases e^{−iG·r} of the orbitals
    bands : the number of lowest bands, or the indices of a group in a tuple

    Returns
    -------
    float : in (−π, π], the phase modulo 2π, to 1e-9

    Raises
    ------
    DegenerateBandsError : the group touches the rest on the path; carries k and gap
    ConvergenceError : more than 10⁵ links would be needed
    ValueError : a path that is open or too short, bands that do not exist

    Notes
    -----
    The position matrix of a :class:`WannierModel` is part of A.
    M. V. Berry, Proc. R. Soc. A 392, 45 (1984), DOI 10.1098/rspa.1984.0023; across the zone
    J. Zak, PRL 62, 2747 (1989), DOI 10.1103/PhysRevLett.62.2747.

    Examples
    --------
    A square of area 0.04 around a Dirac point, where Ω is nearly 1/2:

    >>> import coursekit as ck
    >>> square = [[0.1, 0.1], [-0.1, 0.1], [-0.1, -0.1], [0.1, -0.1], [0.1, 0.1]]
    >>> round(ck.berry_phase(ck.models.massive_dirac(v=1.0, delta=1.0), square, 1), 6)
    0.019802
    """
    group, loop = _checked(model, path, bands)
    return float(_principal(np.angle(_transport(loop, group, abelian=True)[0, 0, 0])))


def wilson_loop(model: Model, path: ArrayLike, bands: int | Sequence[int]) -> Complexes:
    """Wilson loop P exp(i∮A·dk) of a group of bands around a closed polygon.

    Parameters
    ----------
    path, bands : as for :func:`berry_phase`

    Returns
    -------
    (n, n) unitary in the basis of the group's states at the first point, as ``solve`` gives them;
    e^{i berry_phase} is its determinant, its eigenvalues do not depend on any gauge

    Raises
    ------
    as for :func:`berry_phase`

    Notes
    -----
    F. Wilczek & A. Zee, PRL 52, 2111 (1984); DOI 10.1103/PhysRevLett.52.2111.

    Examples
    --------
    >>> import numpy as np, coursekit as ck
    >>> model = ck.models.haldane(1, 0.2, 1.0, 0.3)
    >>> W = ck.wilson_loop(model, np.outer([0, 1], model.lattice.reciprocal[0]), 2)
    >>> np.allclose(np.sort(np.angle(np.linalg.eigvals(W))), [0, 2 * np.pi / 3])
    True
    """
    group, loop = _checked(model, path, bands)
    return np.asarray(_transport(loop, group)[0])


def wannier_centers(
    model: Model,
    occupied: int | Sequence[int],
    direction: int = 0,
    others: ArrayLike | None = None,
) -> Floats:
    """Centres of hybrid Wannier functions, localised along one lattice vector.

    Parameters
    ----------
    occupied : the number of lowest bands, or the indices of a group in a tuple
    direction : which lattice vector
    others : reduced k along the other reciprocal vectors: (...) in 2D, (..., 2) in 3D with the
        directions in ascending order; None in 1D

    Returns
    -------
    (..., n) ascending in [0, 1), in units of the lattice vector; modulo 1, to 1e-10

    Raises
    ------
    DegenerateBandsError : the group touches the rest on one of the lines; carries k and gap
    ConvergenceError : more than 10⁵ links would be needed
    ValueError : no lattice, a direction or bands that do not exist, ``others`` of a wrong shape

    Notes
    -----
    Eigenvalues e^{2πix} of the Wilson loop along b of the direction. In 2D, as ``others`` goes from
    0 to 1, Σx grows by −C for direction 0 and by +C for direction 1 where (a₁, a₂) is right-handed.
    R. D. King-Smith & D. Vanderbilt, PRB 47, 1651 (1993), DOI 10.1103/PhysRevB.47.1651.

    Examples
    --------
    >>> import coursekit as ck
    >>> ck.wannier_centers(ck.models.qwz(-1.0), 1, others=[0.0, 0.25, 0.5]).round(6)
    array([[0.5     ],
           [0.089341],
           [0.      ]])
    """
    check_model(model)
    if model.lattice is None:
        raise ValueError(f"{model!r} has no lattice; expected one: Wannier functions need a zone")
    group = occupied_bands(occupied, model.n_orb)
    dim = model.dim
    if direction not in range(dim):
        raise ValueError(f"direction={direction!r}; expected a lattice vector, 0 to {dim - 1}")
    rest = _other_coordinates(others, dim)
    flat = rest.reshape(math.prod(rest.shape[:-1]), dim - 1)
    starts = model.lattice.to_cartesian(np.insert(flat, direction, 0.0, axis=1))
    ends = starts + model.lattice.reciprocal[direction]
    corners = np.stack([starts, ends], axis=1)
    phases = closing_phases(model, np.eye(dim)[direction], starts[:1], ends[:1])
    lines = max(1, _CHUNK // (1024 * model.n_orb**2))
    parts = [np.empty((0, len(group)))]
    for first in range(0, len(corners), lines):
        loop = _Loops(model, corners[first : first + lines], phases)
        turns = np.angle(np.linalg.eigvals(_transport(loop, group))) / (2 * np.pi)
        # A centre at 0 shall not come out as 1 − 10⁻¹⁶.
        centers = np.where(abs(turns) < _TOLERANCE / 10, abs(turns), turns % 1)
        parts.append(np.sort(centers, axis=-1))
    return np.concatenate(parts).reshape(*rest.shape[:-1], len(group))


@dataclass(frozen=True)
class _Loops:
    """Closed polygons (lines, N, dim), and u(end) = ``phases`` (n_orb,) times u(start)."""

    model: Model
    corners: Floats
    phases: Complexes

    def at(self, s: Floats) -> Floats:
        """Points (lines, len(s), dim); whole numbers s are the corners."""
        n = np.minimum(s.astype(int), self.corners.shape[1] - 2)
        t = (s - n)[:, None]
        return np.asarray(self.corners[:, n] * (1 - t) + self.corners[:, n + 1] * t)

    def some(self, lines: NDArray[np.bool_]) -> _Loops:
        return _Loops(self.model, self.corners[lines], self.phases)


def _checked(model: Model, path: ArrayLike, bands: int | Sequence[int]) -> tuple[list[int], _Loops]:
    check_model(model)
    group = occupied_bands(bands, model.n_orb, "bands")
    corners = check_k(path, model.dim)
    if corners.ndim != 2 or len(corners) < 2:
        raise ValueError(
            f"path has shape {corners.shape}; expected (N, {model.dim}) with at least two points"
        )
    step = corners[-1] - corners[0]
    size = float(np.ptp(corners, axis=0).max())
    if size == 0:
        raise ValueError("all points of the path are the same; expected a path")
    turns = np.zeros(model.dim)
    if abs(step).max() > _SAME_POINT * size:
        turns = _reciprocal_turns(model, step)
    phases = closing_phases(model, turns, corners[:1], corners[-1:])
    return group, _Loops(model, corners[None], phases)


def _reciprocal_turns(model: Model, step: Floats) -> Floats:
    """The step in whole numbers of reciprocal vectors, or a ValueError."""
    turns = np.full(model.dim, np.nan)
    if model.lattice is not None:
        turns = model.lattice.vectors @ step / (2 * np.pi)
    if not (abs(turns - np.rint(turns)) < 1e-6).all():
        zone = "" if model.lattice is None else f", {turns.tolist()} reciprocal vectors"
        raise ValueError(
            f"the path is open: it ends {step.tolist()} from its start{zone}; expected the first "
            "point again at the end, or that point plus a reciprocal vector"
        )
    return np.asarray(np.rint(turns))


def _transport(loops: _Loops, group: list[int], abelian: bool = False) -> Complexes:
    """P exp(i∮A·dk) of each loop, (lines, n, n); the determinant, (lines, 1, 1), if abelian."""
    n = 1 if abelian else len(group)
    result = np.empty((len(loops.corners), n, n), dtype=complex)
    s = _certified_cuts(loops, group)
    u = _states(loops.model, loops.at(s[:-1]), group)
    active = np.ones(len(result), dtype=bool)
    connection = wannier_connection(loops.model)

    def product() -> Complexes:
        if connection is None:
            return loop_product(u, loops.phases, abelian)
        k, next_k = loops.at(s[:-1]), loops.at(s[1:])
        return loop_product(u, loops.phases, abelian, connection((k + next_k) / 2, next_k - k))

    table = [product()]
    while True:
        middles = (s[1:] + s[:-1]) / 2
        between = _states(loops.model, loops.at(middles), group)
        s = np.sort(np.concatenate([s, middles]))
        u = np.stack([u, between], axis=2).reshape(len(u), -1, *u.shape[2:])
        row = [product()]
        for order, coarse in enumerate(table, start=1):
            row.append(row[-1] + (row[-1] - coarse) / (4**order - 1))
        # The last step of the table is close to the error of the row before.
        error = abs(row[-1] - table[-1]).max(axis=(1, 2))
        done = error < _TOLERANCE
        result[np.flatnonzero(active)[done]] = row[-1][done]
        active[active] = ~done
        if done.all():
            return unitary(result)
        loops, u, table = loops.some(~done), u[~done], [entry[~done] for entry in row]
        if len(s) > _MOST_LINKS:
            raise ConvergenceError(
                f"the loop from k={format_k(loops.corners[0, 0])} still changes by "
                f"{error.max():.2g} with {len(s) - 1} links; expected {_TOLERANCE:.0e}; take a "
                "shorter path, away from small gaps"
            )


def _certified_cuts(loops: _Loops, group: list[int]) -> Floats:
    """Parameters s of points between which the states of no loop can turn far."""
    model = loops.model
    n_segments = loops.corners.shape[1] - 1
    per_segment = -(-_FEWEST_LINKS // n_segments)
    s: Floats = np.arange(n_segments * per_segment + 1) / per_segment
    if len(group) == model.n_orb:
        return s
    speed = speed_limit(model, loops.at(s).reshape(-1, model.dim))
    rank = min(len(group), model.n_orb - len(group))
    lengths = np.linalg.norm(np.diff(loops.corners, axis=1), axis=2)
    pieces = np.stack([s[:-1], s[1:]], axis=1)
    cuts = [s]
    while len(pieces):
        middles = pieces.mean(axis=1)
        k = loops.at(middles)
        gaps = band_gaps(model, group, k)
        _require_gap(model, group, k, gaps)
        reach = lengths[:, middles.astype(int)] * (pieces[:, 1] - pieces[:, 0])
        bound = speed.within(k, reach / 2)
        turns = turning_rate(gaps - bound * reach, bound, rank) * reach
        long = (turns > _LARGEST_TURN).any(axis=0) & (reach.max(axis=0) > 0)
        if len(pieces) > _MOST_LINKS:
            raise ConvergenceError(
                f"the gap along the path from k={format_k(loops.corners[0, 0])} is too small for "
                f"{_MOST_LINKS} links: {gaps.min():.2g}; expected a larger one, or a shorter path"
            )
        cuts.append(middles[long])
        pieces = np.concatenate(
            [
                np.stack([pieces[long, 0], middles[long]], axis=1),
                np.stack([middles[long], pieces[long, 1]], axis=1),
            ]
        )
    merged: Floats = np.unique(np.concatenate(cuts))
    return merged


def _require_gap(model: Model, group: list[int], k: Floats, gaps: Floats) -> None:
    worst = np.unravel_index(gaps.argmin(), gaps.shape)
    if gaps[worst] > _SMALLEST_GAP * energy_scale(model):
        return
    raise DegenerateBandsError(
        f"bands={tuple(group)} touch the rest at k={format_k(k[worst])} on the path: gap "
        f"{gaps[worst]:.2g}; expected bands apart; take them all into the group, or another path",
        k[worst],
        float(gaps[worst]),
    )


def _states(model: Model, k: Floats, group: list[int]) -> Complexes:
    return np.asarray(np.linalg.eigh(model.hamiltonian(k))[1][..., group])


def _principal(phase: float) -> float:
    """In (−π, π]; a phase of π has no sign, so rounding shall not give it one."""
    return phase if phase > -np.pi + 10 * _TOLERANCE else phase + 2 * np.pi


def _other_coordinates(others: ArrayLike | None, dim: int) -> Floats:
    """Reduced coordinates (..., dim − 1), or a ValueError."""
    expected = {
        1: "None",
        2: "reduced coordinates (...) along the other direction, as others=[0, 0.25, 0.5]",
        3: "pairs (..., 2) of reduced coordinates along the other directions",
    }[dim]
    if (others is None) != (dim == 1):
        raise ValueError(f"others={others!r} of a {dim}D model; expected {expected}")
    if others is None:
        return np.zeros((0,))
    values = np.asarray(others)
    if values.dtype.kind not in "iuf" or not np.isfinite(values).all():
        raise ValueError(f"others={others!r}; expected finite real numbers")
    values = values.astype(float)
    if dim == 2:
        return values[..., None]
    if values.ndim == 0 or values.shape[-1] != 2:
        raise ValueError(f"others has shape {values.shape}; expected {expected}")
    return values
