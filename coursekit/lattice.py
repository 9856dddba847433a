"""Bravais lattices, their Brillouin zones, and sets of wave vectors in them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["Lattice", "check_lattice", "k_path", "mesh_shape", "uniform_mesh"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Lattice:
    """A Bravais lattice.

    Parameters
    ----------
    vectors : (dim, dim) rows are the primitive vectors aᵢ, Cartesian, length. Any handedness.

    Raises
    ------
    ValueError : not a square matrix of finite numbers, or rows that are linearly dependent

    Examples
    --------
    >>> import coursekit as ck
    >>> square = ck.Lattice([[2.0, 0.0], [0.0, 2.0]])
    >>> square.cell_volume
    4.0
    >>> square.to_cartesian([0.5, 0.0]).round(6)
    array([1.570796, 0.      ])
    """

    vectors: Floats

    def __init__(self, vectors: ArrayLike) -> None:
        a = _real(vectors, "lattice vectors", "one vector in each row")
        if a.ndim != 2 or a.shape[0] != a.shape[1] or not 1 <= a.shape[0] <= 3:
            raise ValueError(
                f"lattice vectors have shape {a.shape}; expected (dim, dim) with dim 1, 2 or 3: "
                "one primitive vector in each row"
            )
        lengths = np.linalg.norm(a, axis=1)
        # Relative to the vectors' own lengths, so that any unit of length will do.
        if abs(np.linalg.det(a)) <= 1e-10 * lengths.prod():
            raise ValueError(
                f"lattice vectors {a.tolist()} are linearly dependent; expected a cell of "
                "non-zero volume"
            )
        a.flags.writeable = False
        object.__setattr__(self, "vectors", a)

    @property
    def dim(self) -> int:
        """Number of dimensions."""
        return len(self.vectors)

    @property
    def cell_volume(self) -> float:
        """Volume of the cell (area in 2D, length in 1D), positive."""
        return float(abs(np.linalg.det(self.vectors)))

    @property
    def reciprocal(self) -> Floats:
        """(dim, dim) rows are the reciprocal vectors bᵢ with aᵢ·bⱼ = 2π δᵢⱼ, 1/length."""
        return np.asarray(2 * np.pi * np.linalg.inv(self.vectors).T)

    def to_cartesian(self, reduced_k: ArrayLike) -> Floats:
        """Cartesian k (..., dim) of a k given in units of the reciprocal vectors."""
        return np.asarray(np.asarray(reduced_k, dtype=float) @ self.reciprocal)

    def __repr__(self) -> str:
        return f"Lattice({self.vectors.tolist()})"


def check_lattice(lattice: object) -> None:
    """Raise a ValueError for what is no lattice."""
    if not isinstance(lattice, Lattice):
        raise ValueError(
            f"lattice={lattice!r}; expected a Lattice, as of ck.Lattice(vectors) or model.lattice"
        )


def _real(values: ArrayLike, name: str, remedy: str) -> Floats:
    """A new array of finite numbers, or a ValueError."""
    try:
        array = np.array(values)
    except ValueError:
        array = np.array(None)  # rows of different lengths
    if array.dtype.kind not in "iuf":
        raise ValueError(f"{name} {values!r}; expected real numbers: {remedy}")
    if not np.isfinite(array).all():
        raise ValueError(f"{name} hold NaN or inf; expected finite numbers")
    return array.astype(float)


def uniform_mesh(lattice: Lattice, shape: int | Sequence[int], shift: float = 0.0) -> Floats:
    """Wave vectors of a uniform mesh over one Brillouin zone.

    Parameters
    ----------
    shape : points along each reciprocal vector; one number means the same along all
    shift : displacement in units of the mesh step; 0 puts a point at Γ

    Returns
    -------
    (N₁, …, N_dim, dim) Cartesian k, 1/length

    Raises
    ------
    ValueError : no lattice; a shape that is not dim positive integers

    Examples
    --------
    >>> import numpy as np, coursekit as ck
    >>> ck.uniform_mesh(ck.Lattice([[1.0]]), 4).ravel() / np.pi
    array([0. , 0.5, 1. , 1.5])
    """
    check_lattice(lattice)
    sizes = mesh_shape(shape, lattice.dim)
    axes = [(np.arange(n) + shift) / n for n in sizes]
    return lattice.to_cartesian(np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1))


def mesh_shape(shape: int | Sequence[int], dim: int) -> tuple[int, ...]:
    """The mesh as ``dim`` positive integers, or a ValueError."""
    sizes = np.broadcast_to(np.asarray(shape), (dim,)) if np.ndim(shape) == 0 else np.array(shape)
    if sizes.shape != (dim,) or sizes.dtype.kind not in "iu" or (sizes < 1).any():
        raise ValueError(
            f"mesh={shape!r}; expected one positive integer or {dim} of them, as in mesh=200"
        )
    return tuple(int(n) for n in sizes)


def k_path(points: ArrayLike, n: int = 50) -> tuple[Floats, Floats]:
    """Wave vectors along straight segments between given points.

    Parameters
    ----------
    points : (n_points, dim) Cartesian corners of the path, 1/length
    n : wave vectors on each segment, its end not counted

    Returns
    -------
    k : ((n_points − 1) n + 1, dim)
    distance : the same number of path lengths from the first point, 1/length

    Raises
    ------
    ValueError : corners that are not two or more finite k, n that is no positive integer

    Examples
    --------
    >>> import coursekit as ck
    >>> corners = ck.high_symmetry_points(ck.Lattice([[1.0, 0.0], [0.0, 1.0]]))
    >>> k, distance = ck.k_path([corners[name] for name in "ΓXM"], n=2)
    >>> distance.round(3)
    array([0.   , 1.571, 3.142, 4.712, 6.283])
    """
    corners = _real(points, "points", "Cartesian k, as of ck.high_symmetry_points(lattice)")
    if corners.ndim != 2 or len(corners) < 2:
        raise ValueError(
            f"points have shape {corners.shape}; expected at least two corners (n_points, dim)"
        )
    if isinstance(n, bool) or not isinstance(n, int | np.integer) or n < 1:
        raise ValueError(f"n={n!r}; expected a positive integer, the steps on each segment")
    steps = np.arange(n)[:, None] / n
    segments = [a + (b - a) * steps for a, b in pairwise(corners)]
    k = np.concatenate([*segments, corners[-1:]])
    distance = np.concatenate([[0.0], np.linalg.norm(np.diff(k, axis=0), axis=1).cumsum()])
    return k, distance
