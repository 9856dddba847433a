"""What several contenders build their models from."""

from __future__ import annotations

import numpy as np

HEXAGONAL = [[1.0, 0.0], [0.5, 3**0.5 / 2]]


def haldane_hoppings(t1, t2, phi, delta):
    """Orbitals, on-site energies and hoppings (i, j, R, t) of coursekit.models.haldane."""
    hop = t2 * np.exp(1j * phi)
    turns = [(1, 0), (-1, 1), (0, -1)]
    hoppings = [(0, 1, R, t1) for R in [(0, 0), (-1, 0), (0, -1)]]
    hoppings += [(0, 0, R, hop) for R in turns] + [(1, 1, R, hop.conjugate()) for R in turns]
    return [[0.0, 0.0], [1 / 3, 1 / 3]], [delta, -delta], hoppings


def qwz_hoppings(m):
    """The same for coursekit.models.qwz."""
    x = [(0, 0, 0.5), (1, 1, -0.5), (0, 1, 1 / 2j), (1, 0, 1 / 2j)]
    y = [(0, 0, 0.5), (1, 1, -0.5), (0, 1, -0.5), (1, 0, 0.5)]
    hoppings = [(i, j, R, t) for R, bonds in (((1, 0), x), ((0, 1), y)) for i, j, t in bonds]
    return [[0.0, 0.0], [0.0, 0.0]], [m, -m], hoppings


def weyl_hoppings(k0):
    """The same for coursekit.models.weyl with m = 1."""
    x = [(0, 0, 0.5), (1, 1, -0.5), (0, 1, 1 / 2j), (1, 0, 1 / 2j)]
    y = [(0, 0, 0.5), (1, 1, -0.5), (0, 1, -0.5), (1, 0, 0.5)]
    z = [(0, 0, 0.5), (1, 1, -0.5)]
    steps = ((1, 0, 0), x), ((0, 1, 0), y), ((0, 0, 1), z)
    hoppings = [(i, j, R, t) for R, bonds in steps for i, j, t in bonds]
    mass = -(np.cos(k0) + 2)
    return [[0.0] * 3, [0.0] * 3], [mass, -mass], hoppings


def random_hoppings(n, filled):
    """A model without any symmetry, with a gap of about one above the lowest ``filled`` bands."""
    rng = np.random.default_rng(20)
    orbitals = rng.uniform(size=(n, 2))
    onsite = np.where(np.arange(n) < filled, -3.0, 3.0) + rng.normal(scale=0.3, size=n)
    hoppings = []
    for R in [(1, 0), (0, 1), (1, 1), (1, -1)]:
        t = 0.1 * (rng.normal(size=(n, n)) + 1j * rng.normal(size=(n, n)))
        hoppings += [(i, j, R, complex(t[i, j])) for i in range(n) for j in range(n)]
    return orbitals, onsite, hoppings
