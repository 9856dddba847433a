"""Rotations and mirrors that leave a Bravais lattice as it is."""

from __future__ import annotations

from itertools import product

import numpy as np
from numpy.typing import NDArray

from coursekit.lattice import Lattice

__all__ = ["lattice_group"]

Floats = NDArray[np.float64]

# Lattice vectors are typed with six digits or more; √3/2 as 0.866025.
_TOLERANCE = 1e-5


def lattice_group(lattice: Lattice) -> Floats:
    """All operations of space that leave the lattice as it is, (n, 3, 3), Cartesian.

    Operations of a plane come with and without the mirror across it. Those of a chain come with
    the mirrors and rotations of the box around it, which stand for all that turn it about itself.
    """
    dim = lattice.dim
    inside = _within(lattice)
    outside = [np.diag(signs) for signs in product([1.0, -1.0], repeat=3 - dim)]
    group = np.zeros((len(inside), len(outside), 3, 3))
    group[:, :, :dim, :dim] = inside[:, None]
    group[:, :, dim:, dim:] = np.array(outside)
    return group.reshape(-1, 3, 3)


def _within(lattice: Lattice) -> Floats:
    """(n, dim, dim): the operations in the space of the lattice."""
    a = _short_vectors(lattice.vectors)
    lengths = np.linalg.norm(a, axis=1)
    # A vector no longer than the longest of a has |nⱼ| = |v·bⱼ|/2π ≤ |v||bⱼ|/2π.
    duals = np.linalg.norm(np.linalg.inv(a), axis=0)
    reach = np.floor(lengths.max() * duals * (1 + _TOLERANCE)).astype(int)
    steps = np.array(list(product(*(range(-n, n + 1) for n in reach))))
    vectors = steps @ a
    norms = np.linalg.norm(vectors, axis=1)
    shells = [vectors[abs(norms - length) < _TOLERANCE * length] for length in lengths]
    images = np.array(list(product(*shells)))
    # R is orthogonal where all lengths and angles stay.
    gram = images @ images.swapaxes(1, 2)
    same = abs(gram - a @ a.T).max(axis=(1, 2)) < _TOLERANCE * lengths.max() ** 2
    R = (np.linalg.inv(a) @ images[same]).swapaxes(1, 2)
    left, _, right = np.linalg.svd(R)
    R = left @ right
    R[abs(R) < 1e-14] = 0.0
    return np.asarray(R)


def _short_vectors(vectors: Floats) -> Floats:
    """Primitive vectors without a part that a multiple of another would take away."""
    a = vectors.copy()
    changed = True
    while changed:
        changed = False
        for i, j in product(range(len(a)), repeat=2):
            times = np.rint(a[i] @ a[j] / (a[j] @ a[j]) * (1 - _TOLERANCE))
            if i != j and times:
                a[i] -= times * a[j]
                changed = True
    return a
