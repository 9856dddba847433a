"""Minima of functions of k."""

from __future__ import annotations

import numpy as np
import pytest

import coursekit as ck
from coursekit.search import band_edges, lowest_points


def valley(points):
    """A parabola a hundred times as steep across as along, turned by half a radian."""
    c, s = np.cos(0.5), np.sin(0.5)
    x, y = np.moveaxis(points - 0.3, -1, 0)
    return (c * x + s * y) ** 2 + 1e4 * (c * y - s * x) ** 2


@pytest.mark.parametrize(
    ("function", "where"),
    [
        (valley, 1e-12),
        (lambda p: ((p - 0.3) ** 2 @ [1, 10]) ** 2, 1e-6),  # flat at the minimum
        (lambda p: 2 - np.cos(p - 0.3).sum(axis=-1), 1e-7),  # rounding of 2 is in the way
    ],
)
def test_minima(function, where):
    starts = np.random.default_rng(0).uniform(-0.5, 1.0, (20, 2))
    points, values = lowest_points(function, starts, np.full(2, 0.1))
    np.testing.assert_allclose(points, 0.3, atol=where)
    np.testing.assert_array_equal(values, function(points))
    assert (values <= function(starts)).all()


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_any_dimension(dim):
    center = np.array([0.1, -0.2, 0.3])[:dim]
    starts = np.zeros((3, dim))
    points, values = lowest_points(lambda p: ((p - center) ** 2).sum(-1), starts, np.full(dim, 0.1))
    np.testing.assert_allclose(points, np.broadcast_to(center, (3, dim)), atol=1e-12)
    assert values.max() < 1e-24


def test_walks_off_a_maximum_and_a_plane():
    wave = lambda p: np.cos(p[..., 0]) + np.cos(p[..., 1])  # noqa: E731
    points, values = lowest_points(wave, np.array([[0.0, 0.1]]), np.full(2, 0.3))
    np.testing.assert_allclose(np.cos(points), -1, atol=1e-12)
    flat, values = lowest_points(lambda p: np.ones(p.shape[:-1]), np.zeros((1, 2)), np.full(2, 0.1))
    assert values == 1
    assert np.isfinite(flat).all()


def test_edges_of_bands():
    """Against a fine mesh; the Haldane model's edges are at K points, Γ and beside."""
    model = ck.models.haldane(1, 0.2, 0.8, 0.3)
    e = ck.solve(model, ck.uniform_mesh(model.lattice, 300)).energies
    edges = band_edges(model, model.lattice)
    energies = np.array([edge.energy for edge in edges]).reshape(2, 2)
    # A mesh step of 0.024 and masses of about one: 1e-4.
    np.testing.assert_allclose(
        energies, [[e[..., n].min(), e[..., n].max()] for n in (0, 1)], atol=3e-4
    )
    for n, edge in enumerate(edges):
        at = ck.solve(model, model.lattice.to_cartesian(edge.reduced)).energies[n // 2]
        assert at == pytest.approx(edge.energy, abs=1e-12)
        assert edge.width == pytest.approx(np.ptp(energies[n // 2]), rel=0.01)
