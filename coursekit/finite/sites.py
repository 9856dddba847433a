"""Which sites a flake has, and the hops between them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from coursekit.tight_binding import TightBinding

__all__ = ["Shape", "hops", "sites_inside"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Complexes = NDArray[np.complex128]
Shape = Sequence[int] | Callable[[Floats], Any] | ArrayLike

# Cells from the origin within which a mask is looked for, and sites that a flake may have.
_FARTHEST = 256
_MOST_SITES = 100_000


def sites_inside(model: TightBinding, shape: Shape) -> tuple[Ints, Ints]:
    """Cells (n_sites, 2) and orbitals (n_sites,) of a flake, cell by cell.

    ``shape`` is (n₁, n₂) cells, a mask of positions, or the corners of a polygon.
    """
    if callable(shape):
        return _in_mask(model, shape)
    corners = np.asarray(shape)
    if corners.shape == (2,):
        if corners.dtype.kind not in "iu" or (corners < 1).any():
            raise ValueError(f"shape={shape!r}; expected (n1, n2) cells, at least one along each")
        box = _box(model, np.zeros(2, dtype=int), corners)
        _refuse_too_many(len(box[0]))
        return box
    if corners.ndim != 2 or corners.shape[1] != 2 or len(corners) < 3:
        raise ValueError(
            f"shape={shape!r}; expected (n1, n2) cells, a function of positions (n, 2) that tells "
            "which are inside, or the corners (n, 2) of a polygon"
        )
    corners = corners.astype(float)
    if not np.isfinite(corners).all():
        raise ValueError("the corners of the polygon hold NaN or inf; expected finite numbers")
    reduced = corners @ np.linalg.inv(model.lattice.vectors)
    # Orbitals may lie outside their own cell.
    first = np.floor(reduced.min(axis=0) - model.orbitals.max(axis=0)).astype(int)
    last = np.ceil(reduced.max(axis=0) - model.orbitals.min(axis=0)).astype(int)
    _refuse_too_many(int(np.prod(last - first + 1)) * model.n_orb)
    cells, orbitals = _box(model, first, last + 1)
    kept = _in_polygon(_positions(model, cells, orbitals), corners)
    return _some(cells[kept], orbitals[kept], f"the polygon {corners.tolist()}")


def hops(model: TightBinding, cells: Ints, orbitals: Ints) -> tuple[Ints, Ints, Complexes]:
    """Rows, columns and amplitudes ⟨i|H|j⟩ of the open flake, both directions of each bond."""
    corner = cells.min(axis=0)
    place = cells - corner
    size = place.max(axis=0) + 1
    number = np.full((*size, model.n_orb), -1)
    number[place[:, 0], place[:, 1], orbitals] = np.arange(len(cells))
    of_orbital = [np.flatnonzero(orbitals == a) for a in range(model.n_orb)]
    rows, columns, amplitudes = [], [], []
    for R, block in model.blocks.items():
        for a, b in np.argwhere(block):
            i = of_orbital[a]
            target = place[i] + R
            i = i[((target >= 0) & (target < size)).all(axis=1)]
            target = place[i] + R
            j = number[target[:, 0], target[:, 1], b]
            rows.append(i[j >= 0])
            columns.append(j[j >= 0])
            amplitudes.append(np.full(len(rows[-1]), block[a, b]))
    if not rows:
        return (*np.zeros((2, 0), dtype=int), np.zeros(0, dtype=complex))
    return np.concatenate(rows), np.concatenate(columns), np.concatenate(amplitudes)


def _in_mask(model: TightBinding, mask: Callable[[Floats], Any]) -> tuple[Ints, Ints]:
    """Boxes around the origin that double until nothing is added."""
    found: tuple[Ints, Ints] | None = None
    half = 8
    while half <= _FARTHEST:
        cells, orbitals = _box(model, np.full(2, -half), np.full(2, half + 1))
        r = _positions(model, cells, orbitals)
        inside = np.asarray(mask(r))
        if inside.shape != (len(r),) or inside.dtype.kind != "b":
            raise ValueError(
                f"the mask gave shape {inside.shape} and type {inside.dtype} for positions of "
                f"shape {r.shape}; expected one bool for each: mask=lambda r: r[:, 0]**2 < 9"
            )
        _refuse_too_many(int(inside.sum()))
        if found is not None and 0 < len(found[0]) == inside.sum():
            return found
        found = cells[inside], orbitals[inside]
        half *= 2
    return _some(
        np.zeros((0, 2), dtype=int), np.zeros(0, dtype=int), f"the mask, {_FARTHEST} cells around,"
    )


def _box(model: TightBinding, first: Ints, last: Ints) -> tuple[Ints, Ints]:
    axes = [np.arange(a, b) for a, b in zip(first, last, strict=True)]
    cells = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 2)
    return cells.repeat(model.n_orb, axis=0), np.tile(np.arange(model.n_orb), len(cells))


def _positions(model: TightBinding, cells: Ints, orbitals: Ints) -> Floats:
    return np.asarray((cells + model.orbitals[orbitals]) @ model.lattice.vectors)


def _in_polygon(points: Floats, corners: Floats) -> NDArray[np.bool_]:
    """Whether a ray along +x from a point leaves through an odd number of sides."""
    inside = np.zeros(len(points), dtype=bool)
    x, y = points.T
    for (x1, y1), (x2, y2) in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        if y1 != y2:
            beyond = x1 + (y - y1) * (x2 - x1) / (y2 - y1) > x
            inside ^= ((y1 > y) != (y2 > y)) & beyond
    return inside


def _some(cells: Ints, orbitals: Ints, name: str) -> tuple[Ints, Ints]:
    if len(cells) == 0:
        raise ValueError(f"{name} holds no site; expected some: cell (0, 0) is at the origin")
    return cells, orbitals


def _refuse_too_many(count: int) -> None:
    if count > _MOST_SITES:
        raise ValueError(
            f"the flake has {count} sites or more; expected at most {_MOST_SITES}: a bounded and "
            "smaller shape"
        )
