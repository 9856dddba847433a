"""The least that NumPy can do: closed forms written by hand for one model each, one thread.

Each function returns what the library returns for the same question, so that answers can be
compared.  What is measured is how close a library for any model comes to code for one.

H = ε₀ + d·σ has Ω_lower = ½ d·(∂ₓd × ∂_yd)/|d|³, and every component of d and of its derivatives is
a short sum of products of a function of the last reduced coordinate and one of the others: a
product of two thin matrices, in blocks of lines whose arrays stay in the cache.
"""

from __future__ import annotations

import itertools

import numpy as np

HEXAGONAL = np.array([[1.0, 0.0], [0.5, np.sqrt(3) / 2]])
# Points of a block: two dozen arrays of them stay in a core's second-level cache.
BLOCK = 1 << 13


class Separable:
    """Trigonometric sums Re Σ c e^{2πi k·m} on a mesh, as products of thin matrices.

    Parameters
    ----------
    series : for each function a list of (m, c), m one number for each dimension
    sizes : the Γ-centred mesh of reduced k = index/size
    """

    def __init__(self, series, sizes):
        *rest, along = (np.arange(n) / n for n in sizes)
        lines = sorted({abs(m[-1]) for terms in series for m, _ in terms})
        angle = 2 * np.pi * np.outer(lines, along)
        rows = np.concatenate([np.cos(angle), np.sin(angle)])
        columns = np.zeros((len(series), int(np.prod(sizes[:-1])), len(rows)))
        for function, terms in zip(columns, series, strict=True):
            for m, c in terms:
                amplitude = np.array([c])
                for k, turns in zip(rest, m[:-1], strict=True):
                    amplitude = np.multiply.outer(amplitude, np.exp(2j * np.pi * turns * k))
                # Re C e^{iα} = Re C cos α − Im C sin α, where −α is folded onto α.
                place = lines.index(abs(m[-1]))
                function[:, place] += amplitude.real.ravel()
                function[:, len(lines) + place] -= np.copysign(1, m[-1]) * amplitude.imag.ravel()
        used = rows.any(axis=1) & columns.any(axis=(0, 1))
        self.along = rows[used]
        self.across = np.ascontiguousarray(columns[:, :, used])

    def lines(self, part):
        """(functions, points on the lines ``part``)."""
        left = self.across[:, part]
        return (left.reshape(-1, left.shape[-1]) @ self.along).reshape(len(left), -1)


def slopes(terms, axes=(0, 1)):
    """The series differentiated along reduced axes; the angles are 2π k, hence no 2π."""
    return [[(m, 1j * m[axis] * c) for m, c in terms] for axis in axes]


def haldane_waves(sizes, t1, t2, phi, delta):
    """Two :class:`Separable` of coursekit.models.haldane, of its bonds and of its turns.

    The first holds d_x, d_y and their derivatives, the second ε₀, d_z and the derivatives of d_z.
    """
    third = 1 / 3
    bonds = [(third, third), (third - 1, third), (third, third - 1)]
    turns = [(1, 0), (-1, 1), (0, -1)]
    # ⟨A|H|B⟩ = d_x − i d_y;  diagonal: ±δ + 2t₂ cos(k·R ± φ) on A and B.
    dx = [(m, t1) for m in bonds]
    dy = [(m, 1j * t1) for m in bonds]
    dz = [(m, 2j * t2 * np.sin(phi)) for m in turns] + [((0, 0), delta)]
    middle = [(m, 2 * t2 * np.cos(phi)) for m in turns]
    first = Separable([dx, dy, *slopes(dx), *slopes(dy)], sizes)
    return first, Separable([middle, dz, *slopes(dz)], sizes)


def triple(d, d1, d2):
    """d·(∂₁d × ∂₂d)."""
    (x, y, z), (x1, y1, z1), (x2, y2, z2) = d, d1, d2
    out = y1 * z2
    out -= z1 * y2
    out *= x
    part = z1 * x2
    part -= x1 * z2
    part *= y
    out += part
    np.multiply(x1, y2, out=part)
    part -= y1 * x2
    part *= z
    out += part
    return out


def square(x, y, z):
    out = x * x
    out += y * y
    out += z * z
    return out


def pieces(lines, length):
    step = max(1, BLOCK // length)
    return [slice(first, min(first + step, lines)) for first in range(0, lines, step)]


def haldane_curvature(n, t1, t2, phi, delta):
    """Ω of both bands on the Γ-centred n × n mesh, (n, n, 2)."""
    bonds, turns = haldane_waves((n, n), t1, t2, phi, delta)
    # From the angles 2π k_reduced to Cartesian k: |∂(angles)/∂k| is the area of the cell.
    weight = 0.5 * np.linalg.det(HEXAGONAL)
    out = np.empty((n * n, 2))
    for part in pieces(n, n):
        x, y, x1, x2, y1, y2 = bonds.lines(part)
        _, z, z1, z2 = turns.lines(part)
        omega = triple((x, y, z), (x1, y1, z1), (x2, y2, z2))
        size = square(x, y, z)
        size *= np.sqrt(size)
        omega /= size
        omega *= weight
        here = out[part.start * n : part.stop * n]
        here[:, 0] = omega
        np.negative(omega, out=here[:, 1])
    return out.reshape(n, n, 2)


def haldane_response(n, mus, t1, t2, phi, delta):
    """σ_xy and M at T = 0 for ascending, evenly spaced μ, from one n × n mesh; two arrays."""
    bonds, turns = haldane_waves((n, n), t1, t2, phi, delta)
    weight = 0.5 * np.linalg.det(HEXAGONAL)
    first, step, n_mu = mus[0], mus[1] - mus[0], len(mus)
    hall, moment, ahead = np.zeros((3, n_mu + 1))
    for part in pieces(n, n):
        x, y, x1, x2, y1, y2 = bonds.lines(part)
        e, z, z1, z2 = turns.lines(part)
        omega = triple((x, y, z), (x1, y1, z1), (x2, y2, z2))
        size = square(x, y, z)
        length = np.sqrt(size)
        size *= length
        omega /= size
        omega *= weight
        # m = −|d| Ω_lower in both bands.
        m = omega * length
        np.negative(m, out=m)
        for sign, energy in ((1, e - length), (-1, e + length)):
            # The first level above each state; from there on Σ f m + Ω (μ − ε) counts.
            at = np.clip(np.ceil((energy - first) * (1 / step)), 0, n_mu).astype(np.intp)
            flux = omega if sign > 0 else -omega
            hall += np.bincount(at, flux, n_mu + 1)
            moment += np.bincount(at, m, n_mu + 1)
            energy *= flux
            ahead += np.bincount(at, energy, n_mu + 1)
    area = n * n * np.linalg.det(HEXAGONAL)
    filled = hall.cumsum()[:-1]
    magnetization = moment.cumsum()[:-1] + mus * filled - ahead.cumsum()[:-1]
    return -filled / area, magnetization / area


def weyl_curvature(n, k0, m=1.0):
    """Ω of both bands of coursekit.models.weyl on the Γ-centred n³ mesh, (n, n, n, 2, 3)."""
    x, y, z = np.eye(3, dtype=int)
    zero = (0, 0, 0)
    dx = [(tuple(x), -1j)]  # sin = Re(−i e^{iα})
    dy = [(tuple(y), -1j)]
    dz = [(tuple(x), m), (tuple(y), m), (tuple(z), 1.0), (zero, -np.cos(k0) - 2 * m)]
    vector = (dx, dy, dz)
    series = [*vector, *itertools.chain(*(slopes(terms, (0, 1, 2)) for terms in vector))]
    waves = Separable(series, (n, n, n))
    out = np.empty((n**3, 2, 3))
    for part in pieces(n * n, n):
        values = waves.lines(part)
        d, gradient = values[:3], values[3:].reshape(3, 3, -1).swapaxes(0, 1)
        weight = square(*d)
        weight *= np.sqrt(weight)
        np.divide(0.5, weight, out=weight)
        here = out[part.start * n : part.stop * n]
        for axis in range(3):
            omega = triple(d, gradient[axis - 2], gradient[axis - 1])
            omega *= weight
            here[:, 0, axis] = omega
            np.negative(omega, out=here[:, 1, axis])
    return out.reshape(n, n, n, 2, 3)
