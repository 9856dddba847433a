"""Linear interpolation in simplices: volumes, slopes, order of convergence."""

from __future__ import annotations

from itertools import pairwise
from math import factorial

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import coursekit as ck
from coursekit.linear import corner_weights, filled_below, simplices

dims = st.integers(1, 3)
seeds = st.integers(0, 10**6)


def barycentric(dim, n):
    """Centres of gravity of n^dim equal parts of a simplex, (parts, dim + 1).

    The simplex 0 ≤ x_d ≤ … ≤ x₁ ≤ 1 is folded from a cube by sorting.
    """
    axis = (np.arange(n) + 0.5) / n
    x = np.stack(np.meshgrid(*(axis,) * dim, indexing="ij"), axis=-1).reshape(-1, dim)
    x = -np.sort(-x, axis=1)
    edges = np.concatenate([np.ones((len(x), 1)), x, np.zeros((len(x), 1))], axis=1)
    return -np.diff(edges, axis=1)


def exact_fraction(mu, energies):
    """Share of a simplex below μ: Σ_{e<μ} (μ − e)^d / Π(e′ − e), a divided difference."""
    d = len(energies) - 1
    return sum(
        (mu - e) ** d / np.prod(np.delete(energies, i) - e)
        for i, e in enumerate(energies)
        if e < mu
    )


@given(seeds, dims)
@settings(max_examples=60)
def test_filled_fraction(seed, dim):
    rng = np.random.default_rng(seed)
    energies = np.sort(rng.uniform(-1, 1, dim + 1))
    assume(np.diff(energies).min() > 0.02)
    for mu in rng.uniform(energies[0], energies[-1], 5):
        weights = corner_weights(np.array([mu]), energies[:, None])[:, 0]
        # Cancellation among (μ − e)^d / 0.02^d.
        assert weights.sum() == pytest.approx(exact_fraction(mu, energies), abs=1e-9)
        # Moments: each weight is the average of one barycentric coordinate, so that the energies
        # themselves average to ∫_{ε<μ} ε = μ g(μ) − ∫g, g the fraction, here by Gauss points.
        x, w = np.polynomial.legendre.leggauss(8)
        inner = np.unique(np.clip(energies, None, mu))
        area = sum(
            (b - a) / 2 * sum(wi * exact_fraction((a + b) / 2 + (b - a) / 2 * xi, energies)
                              for xi, wi in zip(x, w, strict=True))
            for a, b in pairwise(inner)
        )  # fmt: skip
        expected = mu * exact_fraction(mu, energies) - area
        assert weights @ energies == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_weights_by_subdivision(dim):
    """Each weight: the average of its coordinate where the interpolated energy is below μ."""
    rng = np.random.default_rng(dim)
    n = {1: 20000, 2: 700, 3: 90}[dim]
    lam = barycentric(dim, n)
    for _ in range(4):
        energies = np.sort(rng.uniform(-1, 1, dim + 1))
        for place in range(dim):  # μ between each pair of neighbours
            mu = rng.uniform(*energies[place : place + 2])
            expected = (lam * (lam @ energies < mu)[:, None]).mean(axis=0)
            weights = corner_weights(np.array([mu]), energies[:, None])[:, 0]
            # A layer of parts along the cut is in doubt: half by chance, 1/n of all at most.
            np.testing.assert_allclose(weights, expected, rtol=0, atol=1 / n)


@given(seeds, dims)
@settings(max_examples=40)
def test_slope_is_the_derivative(seed, dim):
    rng = np.random.default_rng(seed)
    energies = rng.uniform(-1, 1, (dim + 1, 30))
    values = rng.normal(size=(dim + 1, 2, 30))
    corners = np.unique(energies)
    levels = np.linspace(-1.1, 1.1, 45)
    levels = levels[abs(levels[:, None] - corners).min(axis=1) > 1e-3]
    zero = np.zeros(30, dtype=int)
    h = 1e-4
    up, down = (filled_below(energies, values, levels + s * h, False, zero, 1) for s in (1, -1))
    slope = filled_below(energies, values, levels, True, zero, 1)
    # Piecewise cubic: h² times third derivatives, 6 d!/Π(e′ − e), of which few are above 1e4.
    np.testing.assert_allclose(slope, (up - down) / (2 * h), rtol=2e-3, atol=2e-3)


@given(seeds, dims, st.booleans())
@settings(max_examples=40)
def test_many_levels_equal_one_by_one(seed, dim, slope):
    """Also levels at corners, repeated corners, several cells, levels above and below all."""
    rng = np.random.default_rng(seed)
    energies = rng.integers(-4, 5, (dim + 1, 25)) / 4 + rng.choice([0, 0.1], (dim + 1, 25))
    values = rng.normal(size=(dim + 1, 3, 25))
    cell = rng.integers(0, 4, 25)
    levels = np.unique(np.concatenate([np.linspace(-2, 2, 17), rng.uniform(-1, 1, 8)]))
    together = filled_below(energies, values, levels, slope, cell, 4)
    assert together.shape == (4, len(levels), 3)
    assert np.isfinite(together).all()
    for n, level in enumerate(levels):
        alone = filled_below(energies, values, np.array([level]), slope, cell, 4)
        np.testing.assert_allclose(together[:, n], alone[:, 0], rtol=0, atol=1e-12)
    # Cells add up to one.
    one = filled_below(energies, values, levels, slope, np.zeros(25, dtype=int), 1)
    np.testing.assert_allclose(together.sum(axis=0), one[0], rtol=0, atol=1e-12)
    # Each simplex by itself, from its sorted corners.
    expected = np.zeros((len(levels), 3))
    if not slope:
        for s in range(25):
            order = np.argsort(energies[:, s], kind="stable")
            e, x = energies[order, s], values[order, :, s]
            for n, level in enumerate(levels):
                if level >= e[-1]:
                    expected[n] += x.mean(axis=0)
                elif level > e[0]:
                    expected[n] += corner_weights(np.array([level]), e[:, None])[:, 0] @ x
        np.testing.assert_allclose(one[0], expected, rtol=0, atol=1e-12)


@given(seeds, dims)
@settings(max_examples=30)
def test_degenerate_corners(seed, dim):
    """Equal corners are the limit of nearly equal ones; flat simplices are full or empty."""
    rng = np.random.default_rng(seed)
    energies = rng.integers(-2, 3, (dim + 1, 20)).astype(float)
    values = rng.normal(size=(dim + 1, 1, 20))
    levels = np.array([-2.5, -1.3, -0.5, 0.2, 1.9, 2.5])
    zero = np.zeros(20, dtype=int)
    exact = filled_below(energies, values, levels, False, zero, 1)
    near = filled_below(
        energies + 1e-7 * rng.normal(size=energies.shape), values, levels, False, zero, 1
    )
    np.testing.assert_allclose(exact, near, rtol=0, atol=1e-5)
    flat = filled_below(np.zeros((dim + 1, 1)), np.ones((dim + 1, 1, 1)),
                        np.array([-0.1, 0.0, 0.1]), False, zero[:1], 1)  # fmt: skip
    np.testing.assert_allclose(flat[0, :, 0], [0, flat[0, 1, 0], 1])
    assert flat[0, 1, 0] in (0.0, 1.0)


@given(seeds, dims, st.sampled_from([1e-9, 1e9]), st.floats(-1, 1))
@settings(max_examples=30)
def test_unit_and_zero_of_energy(seed, dim, unit, zero):
    rng = np.random.default_rng(seed)
    energies = rng.uniform(-1, 1, (dim + 1, 20))
    values = rng.normal(size=(dim + 1, 2, 20))
    levels = np.linspace(-0.9, 0.9, 7)
    cell = np.zeros(20, dtype=int)
    for slope in (False, True):
        expected = filled_below(energies, values, levels, slope, cell, 1)
        scaled = filled_below(
            (energies + zero) * unit, values, (levels + zero) * unit, slope, cell, 1
        )
        if slope:
            scaled = scaled * unit
        # Differences of energies lose some digits where corners are close to each other.
        np.testing.assert_allclose(
            scaled, expected, rtol=1e-6, atol=1e-7 * (1 + abs(expected).max())
        )


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_simplices_fill_the_cell(dim):
    corners = simplices(dim)
    assert corners.shape == (factorial(dim), dim + 1, dim)
    volumes = [abs(np.linalg.det(s[1:] - s[0])) / factorial(dim) for s in corners]
    np.testing.assert_allclose(volumes, 1 / factorial(dim))
    # A generic point lies inside exactly one.
    for x in np.random.default_rng(0).uniform(0, 1, (50, dim)):
        inside = 0
        for s in corners:
            lam = np.linalg.solve((s[1:] - s[0]).T, x - s[0])
            inside += bool((lam >= 0).all() and lam.sum() <= 1)
        assert inside == 1


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_order_of_convergence(dim):
    """∫ θ(μ − ε) X over a torus, ε and X smooth: errors of second order, slopes of first."""

    def integral(n, slope):
        axes = np.meshgrid(*(np.arange(n) + 0.3,) * dim, indexing="ij")
        k = [2 * np.pi * a / n for a in axes]
        e = -sum(np.cos(q + 0.2 * i) for i, q in enumerate(k))
        x = 1 + 0.5 * np.cos(k[0]) + 0.3 * np.sin(2 * k[-1])
        total, cell = 0.0, np.zeros(n**dim, dtype=int)
        for simplex in simplices(dim):
            at, xs = (
                np.array([np.roll(q, tuple(-s), axis=tuple(range(dim))).ravel() for s in simplex])
                for q in (e, x)
            )
            total += filled_below(at, xs[:, None], np.array([0.37]), slope, cell, 1)[0, 0, 0]
        return total / (n**dim * factorial(dim))

    sizes, finest = {1: ((48, 96, 192), 4000), 2: ((48, 96), 768), 3: ((16, 32), 72)}[dim]
    for slope in (False, True):
        exact = integral(finest, slope)
        for n in sizes:
            # ∂²ε and ∂²X are of order 1; the places of the edge in its cells make both erratic.
            allowed = 1 / n if slope else 0.4 / n**2
            assert abs(integral(n, slope) - exact) < allowed


def test_bands_that_nearly_touch_at_a_corner():
    """A gap of 0.003 just below μ: large and opposite curvatures, in triangles that μ cuts."""
    model = ck.models.kagome(0.005)
    exact = 0.00458348020  # by lines of k that are cut at the Fermi edge, in half a minute
    for mesh in (30, 60):
        # The mesh is coarser than the gap, so that half of σ_xy is lost; without care it is 10⁴.
        linear = ck.anomalous_hall(model, 1.1, mesh=mesh, method="linear")
        assert linear == pytest.approx(exact, rel=0.5)
    fine = ck.anomalous_hall(model, 1.1, mesh=240, method="linear")
    assert fine == pytest.approx(exact, rel=0.02)
