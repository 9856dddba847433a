"""The field of currents: loops, wires, Ampère's law, and what is seen above the edge of a flake."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.constants import elementary_charge, hbar, mu_0

import coursekit as ck


def polygon(n, radius=1.0):
    """Segments of a regular polygon, anticlockwise."""
    angle = 2 * np.pi * np.arange(n) / n
    corners = radius * np.stack([np.cos(angle), np.sin(angle)], axis=-1)
    return corners, np.roll(corners, -1, axis=0)


def test_axis_of_a_loop():
    """2π I R²/(R² + z²)^{3/2}; a polygon of n sides is off by 1/n²."""
    z = np.array([0.0, 0.3, 2.0, -5.0])
    points = np.stack([0 * z, 0 * z, z], axis=-1)
    B = ck.finite.stray_field(*polygon(2000, 1.5), np.full(2000, 0.7), points)
    expected = 2 * np.pi * 0.7 * 1.5**2 / (1.5**2 + z**2) ** 1.5
    np.testing.assert_allclose(B[:, 2], expected, rtol=1e-5)
    np.testing.assert_allclose(B[:, :2], 0, atol=1e-12)


def test_far_field_of_a_dipole():
    """(3 (m·r̂) r̂ − m)/r³ with m = I × area along +z; the quadrupole of a square vanishes."""
    start, end = polygon(4, 0.2)
    m = np.array([0, 0, 2 * 0.2**2]) * 1.3
    r = np.array([[30.0, 5.0, -10.0], [3.0, -20.0, 50.0], [10.0, 20.0, 0.0]])
    distance = np.linalg.norm(r, axis=1, keepdims=True)
    expected = (3 * (r @ m)[:, None] * r / distance**2 - m) / distance**3
    found = ck.finite.stray_field(start, end, np.full(4, 1.3), r)
    np.testing.assert_allclose(found, expected, atol=1e-4 * abs(expected).max())


def test_long_wire():
    """2I/ρ around a current along +x, anticlockwise, also very close to it."""
    for distance in (1e-6, 1e-3, 0.1):
        B = ck.finite.stray_field(
            [[-1e4, 0]], [[1e4, 0]], [0.5], [[3.0, distance, 0], [0, 0, distance]]
        )
        np.testing.assert_allclose(B[:, 0], 0, atol=1e-9)
        np.testing.assert_allclose(B * distance, [[0, 0, 1.0], [0, -1.0, 0]], rtol=1e-9)


@given(seed=st.integers(0, 2**32 - 1), share=st.floats(0.05, 0.95))
@settings(max_examples=30, deadline=None)
def test_segments_can_be_cut(seed, share):
    rng = np.random.default_rng(seed)
    a, b = rng.normal(size=(2, 1, 3))
    point = rng.normal(size=3)
    cut = a + share * (b - a)
    whole = ck.finite.stray_field(a, b, [1.0], point)
    parts = ck.finite.stray_field(np.concatenate([a, cut]), np.concatenate([cut, b]), [1, 1], point)
    np.testing.assert_allclose(parts, whole, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(ck.finite.stray_field(b, a, [-1.0], point), whole, rtol=1e-9)


def test_against_the_integral():
    """∫ I dl × r/r³ by quadrature."""
    a, b, r = np.array([0.2, -1.0, 0.5]), np.array([1.0, 0.7, -0.4]), np.array([0.3, 0.4, 0.9])
    t, w = np.polynomial.legendre.leggauss(60)
    away = r - (a + (t[:, None] + 1) / 2 * (b - a))
    element = np.cross((b - a) / 2, away) / np.linalg.norm(away, axis=1, keepdims=True) ** 3
    np.testing.assert_allclose(ck.finite.stray_field([a], [b], [1.0], r), w @ element, rtol=1e-10)


def test_amperes_law_for_a_flake():
    """∮B·dl around half a flake is 4π times the current through.

    The loop stands upright, from the middle to the outside, and cuts the plane.
    """
    model = ck.models.haldane(1, 1 / 3, np.pi / 4, 0.3)
    flake = ck.finite.Flake(model, (8, 8))
    bonds = flake.bond_currents(-0.3, 0.1)
    inside, outside = np.array([5.71, 3.07]), np.array([20.0, 3.07])
    corners = np.array(
        [[*inside, 2.0], [*inside, -2.0], [*outside, -2.0], [*outside, 2.0], [*inside, 2.0]]
    )
    t, w = np.polynomial.legendre.leggauss(400)
    circulation = 0.0
    for a, b in pairwise(corners):
        points = a + (t[:, None] + 1) / 2 * (b - a)
        B = ck.finite.stray_field(bonds.start, bonds.end, bonds.current, points)
        circulation += w @ (B @ (b - a)) / 2
    (x1, y1), (x2, y2) = bonds.start.T, bonds.end.T
    level = inside[1]
    upward = np.where((y1 < level) & (y2 > level), 1, 0) - np.where(
        (y2 < level) & (y1 > level), 1, 0
    )
    at = x1 + (level - y1) * (x2 - x1) / np.where(y1 == y2, 1, y2 - y1)
    through = (bonds.current * upward)[at > inside[0]].sum()
    assert abs(through) > 1e-3
    # Down, out, up and back is anticlockwise for who looks along +y: the right hand points to −y.
    assert circulation == pytest.approx(-4 * np.pi * through, rel=1e-5)


def test_above_an_edge():
    """A half plane with magnetization M: B_z = −2M x/(x² + h²), Bₓ = 2M h/(x² + h²)."""
    M, h = 0.3, 0.8
    x = np.array([-2.0, -0.1, 0.0, 0.5, 3.0])
    points = np.stack([x, 0 * x, 0 * x + h], axis=-1)
    # The sheet x < 0 as a loop whose other sides are far away.
    far = 1e6
    corners = np.array([[0, -far], [0, far], [-far, far], [-far, -far]])
    B = ck.finite.stray_field(corners, np.roll(corners, -1, axis=0), np.full(4, M), points)
    np.testing.assert_allclose(B[:, 2], -2 * M * x / (x**2 + h**2), atol=1e-5)
    np.testing.assert_allclose(B[:, 0], 2 * M * h / (x**2 + h**2), atol=1e-5)


def test_a_squid_sees_the_magnetization_of_a_flake():
    """Above the flake at a height of a few cells: the field of a sheet with the bulk M."""
    model = ck.models.qwz(-1, 0.2)
    mu, kT = -0.3, 0.1
    flake = ck.finite.Flake(model, (20, 20))
    bonds = flake.bond_currents(mu, kT)
    points = np.array([[9.5, 9.5, 4.0], [18.0, 9.5, 4.0], [22.0, 9.5, 4.0], [9.5, 9.5, 15.0]])
    B = ck.finite.stray_field(bonds.start, bonds.end, bonds.current, points)
    M = ck.orbital_magnetization(model, mu, kT)
    # The edge current runs on the outermost sites.
    corners = np.array([[0, 0], [19, 0], [19, 19], [0, 19]])
    sheet = ck.finite.stray_field(corners, np.roll(corners, -1, axis=0), np.full(4, M), points)
    np.testing.assert_allclose(B[:, 2], sheet[:, 2], rtol=2e-2)
    # Far away the moment alone counts.
    height = 2000.0
    B = ck.finite.stray_field(bonds.start, bonds.end, bonds.current, [9.5, 9.5, height])
    expected = 2 * flake.magnetization(mu, kT) * flake.area / height**3
    assert B[2] == pytest.approx(expected, rel=1e-3)


def test_unit():
    """The unit that the documentation names, in tesla."""
    unit = mu_0 / (4 * np.pi) * elementary_charge * elementary_charge / hbar / 1e-10
    assert unit == pytest.approx(0.24341, abs=1e-5)


def test_shapes_and_nothing():
    start, end = polygon(3)
    points = np.random.default_rng(0).normal(size=(2, 4, 3))
    assert ck.finite.stray_field(start, end, np.ones(3), points).shape == (2, 4, 3)
    assert ck.finite.stray_field(start, end, np.ones(3), points[0, 0]).shape == (3,)
    assert not ck.finite.stray_field(start, end, np.zeros(3), points).any()
    # A hop between two orbitals at one place, even where it is looked at.
    assert not ck.finite.stray_field([[0, 0]], [[0, 0]], [1.0], [0, 0, 0]).any()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([[0, 0]], [[1, 0]], [1.0], [0.5, 0, 0]), "is on a segment"),
        (([[0, 0]], [[1, 0]], [1.0], [[0, 0, 5], [1.0, 0, 0]]), "is on a segment"),
        (([[0, 0]], [[1, 0]], [1.0, 2.0], [0, 0, 1]), "one row and one current"),
        (([[0, 0]], [[1, 0], [2, 0]], [1.0], [0, 0, 1]), "one row and one current"),
        (([0, 0], [[1, 0]], [1.0], [0, 0, 1]), r"start has shape \(2,\)"),
        (([[0, 0]], [[1, 0]], [1.0], [0, 1]), "the height z last"),
        (([[0, 0]], [[1, 0]], [np.nan], [0, 0, 1]), "current holds"),
        (([[0, 0]], [[1, 0]], [1.0], [0, 0, 1j]), "points holds"),
    ],
)
def test_refusals(arguments, message):
    with pytest.raises(ValueError, match=message):
        ck.finite.stray_field(*arguments)
