"""Points of the Brillouin zone where bands touch."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from coursekit.band_groups import band_gaps, energy_scale, occupied_bands
from coursekit.bloch_model import Model, check_model
from coursekit.errors import GapClosedError, format_k
from coursekit.lattice import Lattice
from coursekit.search import lowest_points
from coursekit.speed import speed_limit

__all__ = ["Nodes", "find_nodes"]

Floats = NDArray[np.float64]

# Cells along the longest reciprocal vector where the search begins, and where it ends.
_FIRST_CELLS = 8
_LAST_CELLS = 128
_MOST_CELLS = 100_000
_MOST_WALKS = 2_000
_POINTS = 1 << 14
# Nodes at reduced k closer than this are one.
_SAME = 1e-4
# Reduced distances at which a line of nodes is told from a point, and nodes for which that is done.
_ALONG = (0.02, 0.01, 0.005)
_MOST_ASKED = 32


class Nodes(NamedTuple):
    """Points where a group of bands touches the rest."""

    k: Floats  # (n, dim) Cartesian, reduced coordinates in [0, 1), 1/length
    gap: Floats  # (n,) what is left of the gap there, energy


def find_nodes(model: Model, bands: int | Sequence[int], *, rtol: float = 1e-9) -> Nodes:
    """All points of the Brillouin zone where a group of bands touches the rest.

    Cells of the zone are left out where the gap at their middle is too large to close within them,
    and halved otherwise; from the lowest of those that are left the gap is followed to its minimum.

    Parameters
    ----------
    model : a lattice model in 1D, 2D or 3D
    bands : the number of lowest bands, or the indices of a group in a tuple
    rtol : a gap below this fraction of the energy scale counts as closed

    Returns
    -------
    Nodes : k (n, dim) and gap (n,), in ascending order of the reduced coordinates; none where the
        group is apart from the rest. Nodes closer than 10⁻⁴ of the zone are not told apart.

    Raises
    ------
    GapClosedError : the bands touch on a line or a surface; carries a k on it
    ValueError : no lattice, bands that do not exist, all bands

    Examples
    --------
    >>> import coursekit as ck
    >>> graphene = ck.models.haldane(1, 0, 0, 0)
    >>> nodes = ck.find_nodes(graphene, 1)
    >>> print((nodes.k @ graphene.lattice.vectors.T / (2 * 3.141592653589793)).round(4))
    [[0.3333 0.6667]
     [0.6667 0.3333]]
    """
    check_model(model)
    if model.lattice is None:
        raise ValueError(f"{model!r} has no lattice; expected one: the search is in its zone")
    group = occupied_bands(bands, model.n_orb, "bands")
    if len(group) == model.n_orb:
        raise ValueError(f"bands={bands!r} are all there are; expected some to touch")
    lattice = model.lattice
    closed = rtol * energy_scale(model)

    def squared(reduced: Floats) -> Floats:
        return np.asarray(band_gaps(model, group, lattice.to_cartesian(reduced)) ** 2)

    cells, half = _cells_in_question(model, lattice, group, closed)
    found, value = lowest_points(squared, cells, 2 * half)
    touching = np.sqrt(value) <= closed
    nodes, gaps = _distinct(found[touching] % 1, np.sqrt(value[touching]))
    _refuse_line(model, lattice, group, nodes, closed)
    return Nodes(lattice.to_cartesian(nodes), gaps)


def _cells_in_question(
    model: Model, lattice: Lattice, group: list[int], closed: float
) -> tuple[Floats, Floats]:
    """Middles (n, dim) of the cells where the gap is lower than around them, and half their size.

    Where the bound on the velocities is loose, the last cells are larger than elsewhere.
    """
    speed = speed_limit(model)
    b = lattice.reciprocal
    lengths = np.linalg.norm(b, axis=1)
    counts = np.maximum(2, np.ceil(_FIRST_CELLS * lengths / lengths.max())).astype(int)
    index = np.stack([axis.ravel() for axis in np.indices(counts)], axis=1)
    corners = np.array(list(product((0, 1), repeat=lattice.dim)))
    while True:
        middles = lattice.to_cartesian((index + 0.5) / counts)
        radius = float(np.linalg.norm((corners - 0.5) / counts @ b, axis=1).max())
        gaps, near = np.empty(len(middles)), np.empty(len(middles), dtype=bool)
        for n in range(0, len(middles), _POINTS):
            k = middles[n : n + _POINTS]
            gaps[n : n + _POINTS] = band_gaps(model, group, k)
            reached = 2 * radius * speed.within(k, radius)
            near[n : n + _POINTS] = gaps[n : n + _POINTS] <= reached
        if (gaps <= closed).sum() > max(1, len(gaps) // 2):
            raise _touching_line(middles[0], float(gaps[0]))
        index, gaps = index[near], gaps[near]
        if counts.max() >= _LAST_CELLS or len(index) * len(corners) > _MOST_CELLS:
            lowest = _lower_than_around(index, gaps, counts)
            return (index[lowest] + 0.5) / counts, 0.5 / counts
        counts = 2 * counts
        index = (2 * index[:, None, :] + corners).reshape(-1, lattice.dim)


def _lower_than_around(
    index: NDArray[np.intp], gaps: Floats, counts: NDArray[np.intp]
) -> NDArray[np.intp]:
    """Which cells have no neighbour with a smaller gap; at most so many, the lowest."""
    names = np.ravel_multi_index(tuple(index.T), tuple(counts))
    order = np.argsort(names)
    lowest = np.ones(len(index), dtype=bool)
    for offset in product((-1, 0, 1), repeat=len(counts)):
        neighbours = np.ravel_multi_index(tuple(((index + offset) % counts).T), tuple(counts))
        where = order[np.minimum(np.searchsorted(names[order], neighbours), len(order) - 1)]
        lowest &= (names[where] != neighbours) | (gaps <= gaps[where])
    chosen = np.flatnonzero(lowest)
    return chosen[np.argsort(gaps[chosen])][:_MOST_WALKS]


def _distinct(points: Floats, gaps: Floats) -> tuple[Floats, Floats]:
    """Reduced points without repetitions, each the lowest of its kind, in ascending order."""
    kept = np.empty((0, points.shape[1]))
    of_kept = []
    for n in np.argsort(gaps):
        if not (_apart(kept, points[n]) < _SAME).any():
            kept = np.concatenate([kept, points[n : n + 1]])
            of_kept.append(gaps[n])
    # A point at 0 shall not come out as 1 − 10⁻¹⁶.
    kept = np.where(kept > 1 - _SAME**2, 0.0, kept)
    order = np.lexsort(kept.round(6).T[::-1])
    return kept[order], np.array(of_kept)[order]


def _apart(points: Floats, other: Floats) -> Floats:
    """Reduced distances across the periodic zone."""
    difference = points - other
    return np.asarray(np.linalg.norm(difference - np.rint(difference), axis=-1))


def _refuse_line(
    model: Model, lattice: Lattice, group: list[int], nodes: Floats, closed: float
) -> None:
    """Raise where the gap stays closed along a line through a node.

    At several distances the gap is followed downhill from its lowest value around the node. On a
    line it closes near each of the places, around a single node only in the node itself.
    """
    directions = np.array(
        [d for d in product((-1, -0.5, 0, 0.5, 1), repeat=nodes.shape[1]) if any(d)]
    )
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)

    def squared(reduced: Floats) -> Floats:
        return np.asarray(band_gaps(model, group, lattice.to_cartesian(reduced)) ** 2)

    for node in nodes[:_MOST_ASKED]:
        around = node + np.array(_ALONG)[:, None, None] * directions
        starts = around[np.arange(len(_ALONG)), squared(around).argmin(axis=1)]
        ends = [
            lowest_points(squared, start[None], np.full(len(node), distance / 8))
            for start, distance in zip(starts, _ALONG, strict=True)
        ]
        still_closed = [
            np.sqrt(value[0]) <= closed and _apart(end, node)[0] > distance / 2
            for (end, value), distance in zip(ends, _ALONG, strict=True)
        ]
        if nodes.shape[1] > 1 and all(still_closed):
            raise _touching_line(lattice.to_cartesian(node), float(np.sqrt(squared(node))))


def _touching_line(k: Floats, gap: float) -> GapClosedError:
    return GapClosedError(
        f"the group touches the rest along a line or a surface through k={format_k(k)}; expected "
        "isolated points; look at the energies around it, or break the symmetry that protects it",
        k,
        gap,
    )
