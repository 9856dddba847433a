"""Closed forms as one writes them down: H = d·σ at every k of a mesh, one array after the other.

This is what a careful person types into a notebook, for one model each, with d and its derivatives
worked out by hand.  :mod:`floor` is the same with everything done to save time.
"""

from __future__ import annotations

import numpy as np

HEXAGONAL = np.array([[1.0, 0.0], [0.5, np.sqrt(3) / 2]])
# Reduced vectors to the three neighbours, and of the three turns between second neighbours.
BONDS = np.array([[1, 1], [-2, 1], [1, -2]]) / 3
TURNS = np.array([[1, 0], [-1, 1], [0, -1]])


def haldane(n, t1, t2, phi, delta):
    """ε₀, d, ∂ₓd, ∂_yd on the Γ-centred n × n mesh."""
    # A phase e^{ik·r} is the product of those along the two axes.
    axis = np.arange(n) / n

    def wave(m1, m2):
        return np.exp(2j * np.pi * m1 * axis)[:, None] * np.exp(2j * np.pi * m2 * axis)

    # d_x − i d_y = ⟨A|H|B⟩, and its derivatives.
    bond, slopes = np.zeros((n, n), complex), np.zeros((2, n, n), complex)
    for reduced, vector in zip(BONDS, BONDS @ HEXAGONAL, strict=True):
        phase = t1 * wave(*reduced)
        bond += phase
        for slope, along in zip(slopes, vector, strict=True):
            slope += 1j * along * phase
    middle, dz, dz_slopes = np.zeros((n, n)), np.full((n, n), delta), np.zeros((2, n, n))
    for reduced, vector in zip(TURNS, TURNS @ HEXAGONAL, strict=True):
        phase = 2 * t2 * wave(*reduced)
        middle += np.cos(phi) * phase.real
        dz -= np.sin(phi) * phase.imag
        for slope, along in zip(dz_slopes, vector, strict=True):
            slope -= np.sin(phi) * along * phase.real
    dx, dy = ((slope.real, -slope.imag, z) for slope, z in zip(slopes, dz_slopes, strict=True))
    return middle, (bond.real, -bond.imag, dz), dx, dy


def lower(d, dx, dy):
    """½ d·(∂ₓd × ∂_yd)/|d|³ and |d|."""
    (x, y, z), (x1, y1, z1), (x2, y2, z2) = d, dx, dy
    length = np.sqrt(x * x + y * y + z * z)
    cross = x * (y1 * z2 - z1 * y2) + y * (z1 * x2 - x1 * z2) + z * (x1 * y2 - y1 * x2)
    return 0.5 * cross / (length * length * length), length


def haldane_curvature(n, t1, t2, phi, delta):
    """Ω of both bands on the Γ-centred n × n mesh, (n, n, 2)."""
    _, *vectors = haldane(n, t1, t2, phi, delta)
    omega, _ = lower(*vectors)
    return np.stack([omega, -omega], axis=-1)


def haldane_response(n, mus, t1, t2, phi, delta):
    """σ_xy and M at T = 0 for ascending μ, from one n × n mesh; two arrays."""
    middle, *vectors = haldane(n, t1, t2, phi, delta)
    omega, length = lower(*vectors)
    energy = np.concatenate([(middle - length).ravel(), (middle + length).ravel()])
    flux = np.concatenate([omega.ravel(), -omega.ravel()])
    # m = −|d| Ω_lower in both bands; Σ f m + Ω (μ − ε) from sums over the states below μ.
    moment = np.concatenate(2 * [(-omega * length).ravel()])
    order = np.argsort(energy)
    below = np.searchsorted(energy[order], mus)
    sums = np.stack([flux, moment - energy * flux])[:, order].cumsum(axis=1)
    hall, rest = np.where(below, sums[:, below - 1], 0.0)
    area = n * n * np.linalg.det(HEXAGONAL)
    return -hall / area, (rest + mus * hall) / area


def weyl_curvature(n, k0, m=1.0):
    """Ω of both bands of coursekit.models.weyl on the Γ-centred n³ mesh, (n, n, n, 2, 3)."""
    k = np.stack(np.meshgrid(*3 * (2 * np.pi * np.arange(n) / n,), indexing="ij"))
    (sx, sy, sz), (cx, cy, cz) = np.sin(k), np.cos(k)
    d = sx, sy, cz - np.cos(k0) - m * (2 - cx - cy)
    zero = np.zeros_like(sx)
    slopes = (cx, zero, -m * sx), (zero, cy, -m * sy), (zero, zero, -sz)
    omega = np.stack([lower(d, slopes[i - 2], slopes[i - 1])[0] for i in range(3)], axis=-1)
    return np.stack([omega, -omega], axis=-2)
