"""The Brillouin zone of a lattice: its cell around Γ, and its points of high symmetry."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from coursekit.lattice import Lattice, check_lattice

__all__ = [
    "high_symmetry_points",
    "point_name",
    "reduced_where_cartesian_is_meant",
    "zone_faces",
]

Floats = NDArray[np.float64]

# Lengths and angles that differ by less than this are taken for equal.
_TOLERANCE = 1e-6


def high_symmetry_points(lattice: Lattice) -> dict[str, Floats]:
    """The points of the Brillouin zone that symmetry singles out, by name.

    Parameters
    ----------
    lattice : a chain, one of the five planar lattices, or in 3D a cubic (simple, face-centred or
        body-centred), simple tetragonal, simple orthorhombic or hexagonal one; in any cell and any
        direction

    Returns
    -------
    dict : name -> Cartesian k (dim,), 1/length. Of equivalent points the one with the largest kₓ,
        then k_y; in cubic and tetragonal lattices those of the usual paths.

        - 1D: Γ, X.
        - Square: Γ, X, M. Rectangular: Γ, X and Y across the two sides, S. Centred rectangular: Γ,
          Y, S, S′. Hexagonal: Γ, M, K, K′ = −K. Oblique: Γ and the middles X, Y, C of the three
          shortest pairs of reciprocal vectors.
        - Simple cubic: Γ, X, M, R. Face-centred: Γ, X, L, W, K, U. Body-centred: Γ, H, N, P.
        - Tetragonal: Γ, X, M, Z, R, A. Orthorhombic, X along the shortest edge of the cell and Z
          along the longest: Γ, X, Y, Z, S, T, U, R. Hexagonal in 3D: Γ, M, K, A, L, H.

    Raises
    ------
    ValueError : no lattice, another 3D lattice

    Notes
    -----
    W. Setyawan & S. Curtarolo, Comput. Mater. Sci. 49, 299 (2010);
    DOI 10.1016/j.commatsci.2010.05.010.

    Examples
    --------
    >>> import coursekit as ck
    >>> points = ck.high_symmetry_points(ck.models.haldane(1, 0.2, 1.0, 0.3).lattice)
    >>> points["K"].round(6)
    array([4.18879, 0.     ])
    """
    check_lattice(lattice)
    reciprocal = _shortest_basis(lattice.reciprocal)
    if lattice.dim == 1:
        return {"Γ": np.zeros(1), "X": _first(_both(reciprocal / 2))}
    points = _planar(*reciprocal) if lattice.dim == 2 else _spatial(lattice, reciprocal)
    return {"Γ": np.zeros(lattice.dim), **points}


def point_name(name: str) -> str:
    """The name with the letters that this module uses: Γ for G, ′ for an apostrophe."""
    return "Γ" if name == "G" else name.replace("'", "′")


def reduced_where_cartesian_is_meant(
    lattice: Lattice, corners: Floats, labels: Sequence[str]
) -> int | None:
    """The first corner that is what its label says if read as reduced, but far from it as it is.

    None where there is none, so too for labels that this module does not know.
    """
    try:
        points = high_symmetry_points(lattice)
    except ValueError:
        return None
    for n, (corner, label) in enumerate(zip(corners, labels, strict=True)):
        k = points.get(point_name(label))
        if k is None or corner.shape != k.shape:
            continue
        expected = _surroundings(lattice, k)
        size = expected.max()
        as_it_is = abs(_surroundings(lattice, corner) - expected).max()
        as_reduced = abs(_surroundings(lattice, lattice.to_cartesian(corner)) - expected).max()
        # Two figures of 1/3 are enough to know K.
        if as_it_is > 0.05 * size and as_reduced < 0.02 * size:
            return n
    return None


def zone_faces(lattice: Lattice) -> list[Floats]:
    """The Brillouin zone, which is the set of k nearer to Γ than to any other reciprocal vector.

    Returns
    -------
    list : of its faces. In 3D the polygons around it, each (n, 3); in 2D one polygon (n, 2), which
        is the zone itself; in 1D one segment (2, 1). Corners in order, Cartesian, 1/length.

    Raises
    ------
    ValueError : no lattice

    Examples
    --------
    >>> import coursekit as ck
    >>> (hexagon,) = ck.zone_faces(ck.Lattice([[1, 0], [0.5, 3**0.5 / 2]]))
    >>> len(hexagon)
    6
    """
    check_lattice(lattice)
    dim = lattice.dim
    basis = _shortest_basis(lattice.reciprocal)
    neighbours = _combinations(basis, 2)
    reach = np.linalg.norm(basis, axis=1).sum()
    if dim == 1:
        return [np.array([-basis[0] / 2, basis[0] / 2])]
    if dim == 2:
        square = reach * np.array([[-1.0, -1.0], [1.0, -1.0], [1.0, 1.0], [-1.0, 1.0]])
        return [_clipped(square, neighbours, reach)]
    faces = []
    for n, G in enumerate(neighbours):
        e1, e2 = np.linalg.svd(G[None])[2][1:]
        square = G / 2 + reach * np.array([-e1 - e2, e1 - e2, e1 + e2, -e1 + e2])
        face = _clipped(square, np.delete(neighbours, n, axis=0), reach)
        if len(face) > 2:
            faces.append(face)
    return faces


def _planar(u: Floats, v: Floats) -> dict[str, Floats]:
    """Points of the planar lattices, from the shortest basis of the reciprocal lattice."""
    angle, ratio = 2 * (u @ v) / (u @ u), np.sqrt((u @ u) / (v @ v))
    right_angle, equal = angle < _TOLERANCE, ratio > 1 - _TOLERANCE
    if right_angle:
        corner = _first(_both(np.array([u + v, u - v]) / 2))
        if equal:
            return {"X": _first(_both(np.array([u, v]) / 2)), "M": corner}
        # X is on the side that kₓ leads to.
        along, across = (u, v) if abs(u[0]) ** 2 * (v @ v) >= abs(v[0]) ** 2 * (u @ u) else (v, u)
        return {"X": _first(_both([along / 2])), "Y": _first(_both([across / 2])), "S": corner}
    slanted = angle > 1 - _TOLERANCE
    if slanted and equal:
        corners = np.array([u + v, 2 * u - v, 2 * v - u]) / 3
        K = _first(_both(corners))
        return {"M": _first(_both(np.array([u, v, u - v]) / 2)), "K": K, "K′": -K}
    if slanted or equal:
        # Mirror images of equal length, and the middle on the mirror axis.
        one, other, axis = (v, v - u, u) if slanted else (u, v, u - v)
        S = _first(_both(np.array([one, other]) / 2))
        rest = other if np.allclose(abs(S @ one), one @ one / 2) else one
        return {"Y": _first(_both([axis / 2])), "S": S, "S′": _first(_both([rest / 2]))}
    middles = [_first(_both([vector / 2])) for vector in (u, v, u - v)]
    return dict(zip("XYC", middles, strict=True))


# In units of half the reciprocal vectors along the axes of the box; of the conventional cell's, in
# cubic lattices.
_POINTS: dict[str, dict[str, tuple[float, float, float]]] = {
    "cubic": {"X": (0, 1, 0), "M": (1, 1, 0), "R": (1, 1, 1)},
    "face-centred": {
        "X": (0, 2, 0),
        "L": (1, 1, 1),
        "W": (1, 2, 0),
        "K": (1.5, 1.5, 0),
        "U": (0.5, 2, 0.5),
    },
    "body-centred": {"H": (0, 2, 0), "N": (1, 1, 0), "P": (1, 1, 1)},
    "tetragonal": {
        "X": (0, 1, 0),
        "M": (1, 1, 0),
        "Z": (0, 0, 1),
        "R": (0, 1, 1),
        "A": (1, 1, 1),
    },
    "orthorhombic": {
        "X": (1, 0, 0),
        "Y": (0, 1, 0),
        "Z": (0, 0, 1),
        "S": (1, 1, 0),
        "T": (0, 1, 1),
        "U": (1, 0, 1),
        "R": (1, 1, 1),
    },
}


def _spatial(lattice: Lattice, basis: Floats) -> dict[str, Floats]:
    """Points of the lattices in 3D, from the shortest basis of the reciprocal lattice."""
    lengths = np.linalg.norm(basis, axis=1)
    cosines = abs(basis @ basis.T) / np.outer(lengths, lengths)
    slanted = np.argwhere(np.triu(cosines, 1) > _TOLERANCE)
    if len(slanted) == 0:
        return _boxed(basis)
    if len(slanted) == 1:
        pair = basis[slanted[0]]
        across = np.delete(basis, slanted[0], axis=0)
        in_plane = _planar(*_shortest_basis(pair))
        if "K" in in_plane:
            M, K, A = in_plane["M"], in_plane["K"], _first(_both(across / 2))
            return {"M": M, "K": K, "A": A, "L": M + A, "H": K + A}
    return _centred_cubic(lattice)


def _boxed(basis: Floats) -> dict[str, Floats]:
    """Points of the lattices of three right angles."""
    # Of the direct lattice, a ≤ b ≤ c.
    basis = basis[np.argsort(-np.linalg.norm(basis, axis=1), kind="stable")]
    a, b, c = np.linalg.norm(basis, axis=1)
    equal = a / b - 1 < _TOLERANCE, b / c - 1 < _TOLERANCE
    if all(equal):
        kind, axes = "cubic", _axes_of_cube(_both(basis))
    elif any(equal):
        pair, single = (basis[:2], basis[2]) if equal[0] else (basis[1:], basis[0])
        kind = "tetragonal"
        axes = np.array([*_axes_of_cube(_both(pair))[:2], _first(_both([single]))])
    else:
        kind, axes = "orthorhombic", np.array([_first(_both([axis])) for axis in basis])
    return {name: np.array(point) @ axes / 2 for name, point in _POINTS[kind].items()}


def _centred_cubic(lattice: Lattice) -> dict[str, Floats]:
    """Points of the centred cubic lattices, from the six vectors along the edges of the cube."""
    vectors = _combinations(_shortest_basis(lattice.vectors), 2)
    lengths = np.linalg.norm(vectors, axis=1)
    ordered = np.sort(lengths)
    distinct = ordered[np.append(True, np.diff(ordered) > _TOLERANCE * ordered[0])]
    for length in distinct[:2]:
        shell = vectors[abs(lengths / length - 1) < _TOLERANCE]
        cosines = abs(shell @ shell.T) / length**2
        if len(shell) != 6 or (np.minimum(cosines, abs(1 - cosines)) > _TOLERANCE).any():
            continue
        kind = {2: "body-centred", 4: "face-centred"}[round(length**3 / lattice.cell_volume)]
        axes = _axes_of_cube(shell) * np.pi / length**2
        return {name: np.array(point) @ axes for name, point in _POINTS[kind].items()}
    raise ValueError(
        f"{lattice!r} is not cubic, hexagonal, or simple tetragonal or orthorhombic; expected one "
        "of these, or a lattice in 1D or 2D: give other points as Cartesian k, as with "
        "lattice.to_cartesian([0.5, 0, 0]), or corners of ck.zone_faces(lattice)"
    )


def _axes_of_cube(shell: Floats) -> Floats:
    """Three of equal vectors along ± two or three axes, after the Cartesian axes next to them."""
    length = np.linalg.norm(shell[0])
    e1 = _first(shell)
    e2 = _first(shell[abs(shell @ e1) < length**2 / 2][:, [1, 2, 0]])[[2, 0, 1]]
    return np.array([e1, e2, np.cross(e1, e2) / length])


def _shortest_basis(vectors: Floats) -> Floats:
    """A basis of the same lattice with the shortest vectors, in ascending order of length.

    In 2D with 0 ≤ 2u·v ≤ |u|².
    """
    basis = vectors.copy()
    if len(basis) == 1:
        return basis
    nearby = np.array(list(itertools.product((-1, 0, 1), repeat=len(basis) - 1)))
    shortened = True
    while shortened:
        shortened = False
        for n, vector in enumerate(basis):
            others = np.delete(basis, n, axis=0)
            nearest = np.round(vector @ np.linalg.pinv(others))
            trials = vector - (nearest + nearby) @ others
            lengths = np.linalg.norm(trials, axis=1)
            if lengths.min() < (1 - 1e-9) * np.linalg.norm(vector):
                basis[n] = trials[lengths.argmin()]
                shortened = True
    basis = basis[np.argsort(np.linalg.norm(basis, axis=1), kind="stable")]
    if len(basis) == 2 and basis[0] @ basis[1] < 0:
        basis[1] *= -1
    return basis


def _combinations(basis: Floats, reach: int) -> Floats:
    """All sums of the vectors but zero, with whole coefficients up to ``reach``."""
    steps = np.arange(-reach, reach + 1)
    coefficients = np.stack(np.meshgrid(*[steps] * len(basis), indexing="ij"), axis=-1)
    rows = coefficients.reshape(-1, len(basis))
    return np.asarray(rows[rows.any(axis=1)] @ basis)


def _both(vectors: ArrayLike) -> Floats:
    """The vectors and their opposites."""
    rows = np.asarray(vectors)
    return np.concatenate([rows, -rows])


def _first(vectors: Floats) -> Floats:
    """The vector with the largest first component; of several, with the largest second one."""
    keys = np.round(vectors / (_TOLERANCE * abs(vectors).max()))
    return np.asarray(vectors[np.lexsort(-keys.T[::-1])[0]])


def _clipped(polygon: Floats, neighbours: Floats, reach: float) -> Floats:
    """The part of a convex polygon that is nearer to Γ than to the neighbours, its corners once."""
    small = 1e-9 * reach
    for G in neighbours:
        length = np.linalg.norm(G)
        beyond = polygon @ G / length - length / 2
        if (beyond <= small).all():
            continue
        kept = []
        ends = zip(polygon, np.roll(polygon, -1, axis=0), strict=True)
        for (here, there), s, t in zip(ends, beyond, np.roll(beyond, -1), strict=True):
            if s <= small:
                kept.append(here)
            if min(s, t) < -small and max(s, t) > small:
                kept.append(here + (there - here) * s / (s - t))
        if not kept:
            return np.zeros((0, len(G)))
        polygon = np.array(kept)
    step = np.linalg.norm(polygon - np.roll(polygon, 1, axis=0), axis=1)
    return np.asarray(polygon[step > 1e3 * small])


def _surroundings(lattice: Lattice, k: Floats) -> Floats:
    """Distances from k to the nearest reciprocal vectors: equal for points of one kind."""
    basis = _shortest_basis(lattice.reciprocal)
    reduced = k @ np.linalg.inv(basis)
    folded = (reduced - np.round(reduced)) @ basis
    centres = np.concatenate([np.zeros((1, lattice.dim)), _combinations(basis, 2)])
    return np.asarray(np.sort(np.linalg.norm(centres - folded, axis=1))[: 2**lattice.dim])
