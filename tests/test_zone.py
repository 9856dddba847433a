"""The Brillouin zone and its points of high symmetry, in any cell and any direction."""

from __future__ import annotations

import itertools
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial import ConvexHull, Voronoi

import coursekit as ck

PLANAR = {
    "square": [[1, 0], [0, 1]],
    "rectangular": [[1, 0], [0, 1.7]],
    "hexagonal": [[1, 0], [0.5, np.sqrt(3) / 2]],
    "flat rhombus": [[0.5, 0.8], [0.5, -0.8]],
    "steep rhombus": [[0.5, 0.3], [0.5, -0.3]],
    "oblique": [[1, 0], [0.3, 1.2]],
}
CUBIC = {
    "simple": np.eye(3),
    "face-centred": [[0, 1, 1], [1, 0, 1], [1, 1, 0]],
    "body-centred": [[-1, 1, 1], [1, -1, 1], [1, 1, -1]],
}
h = np.sqrt(3) / 2
BOXES = {
    "flat tetragonal": np.diag([1, 1, 0.8]),
    "tall tetragonal": np.diag([1, 1, 1.3]),
    "orthorhombic": np.diag([0.7, 1, 1.3]),
    "tall hexagonal": [[0.5, -h, 0], [0.5, h, 0], [0, 0, 1.6]],
    "flat hexagonal": [[0.5, -h, 0], [0.5, h, 0], [0, 0, 0.5]],
}
# In how many zones a point is: those of the reciprocal vectors that it is nearest to.
ZONES = {
    "square": {"X": 2, "M": 4},
    "rectangular": {"X": 2, "Y": 2, "S": 4},
    "hexagonal": {"M": 2, "K": 3, "K′": 3},
    "flat rhombus": {"Y": 2, "S": 2, "S′": 2},
    "steep rhombus": {"Y": 2, "S": 2, "S′": 2},
    "oblique": {"X": 2, "Y": 2, "C": 2},
    "simple": {"X": 2, "M": 4, "R": 8},
    "face-centred": {"X": 2, "L": 2, "W": 4, "K": 3, "U": 3},
    "body-centred": {"H": 6, "N": 2, "P": 4},
}
ZONES["flat tetragonal"] = {"X": 2, "M": 4, "Z": 2, "R": 4, "A": 8}
ZONES["orthorhombic"] = {"X": 2, "Y": 2, "Z": 2, "S": 4, "T": 4, "U": 4, "R": 8}
ZONES["flat hexagonal"] = {"M": 2, "K": 3, "A": 2, "L": 4, "H": 6}
ZONES["tall tetragonal"] = ZONES["flat tetragonal"]
ZONES["tall hexagonal"] = ZONES["flat hexagonal"]
ALL = {**PLANAR, **CUBIC, **BOXES}
# Tables of Setyawan & Curtarolo 2010, in their reciprocal vectors.
PRINTED = {
    "simple": {"X": "0 1/2 0", "M": "1/2 1/2 0", "R": "1/2 1/2 1/2"},
    "face-centred": {
        "X": "1/2 0 1/2",
        "L": "1/2 1/2 1/2",
        "W": "1/2 1/4 3/4",
        "K": "3/8 3/8 3/4",
        "U": "5/8 1/4 5/8",
    },
    "body-centred": {"H": "1/2 -1/2 1/2", "N": "0 0 1/2", "P": "1/4 1/4 1/4"},
    "tall tetragonal": {
        "A": "1/2 1/2 1/2",
        "M": "1/2 1/2 0",
        "R": "0 1/2 1/2",
        "X": "0 1/2 0",
        "Z": "0 0 1/2",
    },
    "orthorhombic": {
        "R": "1/2 1/2 1/2",
        "S": "1/2 1/2 0",
        "T": "0 1/2 1/2",
        "U": "1/2 0 1/2",
        "X": "1/2 0 0",
        "Y": "0 1/2 0",
        "Z": "0 0 1/2",
    },
    "tall hexagonal": {
        "A": "0 0 1/2",
        "H": "1/3 1/3 1/2",
        "K": "1/3 1/3 0",
        "L": "1/2 0 1/2",
        "M": "1/2 0 0",
    },
}


def reciprocal_vectors(lattice, reach=3):
    steps = np.array(list(itertools.product(range(-reach, reach + 1), repeat=lattice.dim)))
    return steps @ lattice.reciprocal


def orthogonal(rng, dim):
    """A rotation or a rotation with a mirror."""
    return np.linalg.qr(rng.normal(size=(dim, dim)))[0]


@pytest.mark.parametrize("name", ALL)
def test_points_are_equally_far_from_several_centres(name):
    lattice = ck.Lattice(ALL[name])
    points = ck.high_symmetry_points(lattice)
    np.testing.assert_array_equal(points.pop("Γ"), 0)
    counts = {}
    for label, k in points.items():
        far = np.linalg.norm(reciprocal_vectors(lattice) - k, axis=1)
        # In the first zone: no centre is nearer than Γ.
        assert far.min() == pytest.approx(np.linalg.norm(k))
        counts[label] = int((far < far.min() * (1 + 1e-9)).sum())
    assert counts == ZONES[name]


def test_points_of_the_course():
    points = ck.high_symmetry_points(ck.Lattice([[1, 0], [0.5, h]]))
    np.testing.assert_allclose(points["K"], [4 * np.pi / 3, 0], atol=1e-12)
    np.testing.assert_allclose(points["K′"], [-4 * np.pi / 3, 0], atol=1e-12)
    np.testing.assert_allclose(points["M"], [np.pi, np.pi / np.sqrt(3)], atol=1e-12)
    points = ck.high_symmetry_points(ck.Lattice(np.eye(2)))
    np.testing.assert_allclose(points["X"], [np.pi, 0], atol=1e-12)
    np.testing.assert_allclose(points["M"], [np.pi, np.pi], atol=1e-12)
    points = ck.high_symmetry_points(ck.Lattice([[1, 0], [0, 0.4]]))
    np.testing.assert_allclose(points["X"], [np.pi, 0], atol=1e-12)
    np.testing.assert_allclose(points["Y"], [0, np.pi / 0.4], atol=1e-12)
    np.testing.assert_allclose(ck.high_symmetry_points(ck.Lattice([[-2.0]]))["X"], [np.pi / 2])
    fcc = ck.high_symmetry_points(ck.Lattice(CUBIC["face-centred"]))
    np.testing.assert_allclose(fcc["W"], [np.pi / 2, np.pi, 0], atol=1e-12)


@pytest.mark.parametrize("name", PRINTED)
def test_printed_coordinates(name):
    lattice = ck.Lattice(ALL[name])
    points = ck.high_symmetry_points(lattice)
    assert points.keys() == {"Γ", *PRINTED[name]}
    for label, text in PRINTED[name].items():
        k = lattice.to_cartesian([float(Fraction(number)) for number in text.split()])
        if "hexagonal" in name:
            k = abs(k)  # M and L of the neighbouring face, as in 2D
        np.testing.assert_allclose(points[label], k, atol=1e-12, err_msg=label)


def test_paths_along_the_faces():
    """K–M and H–L are half an edge of the hexagon, in any direction."""
    rng = np.random.default_rng(3)
    for _ in range(20):
        turn = orthogonal(rng, 3)
        points = ck.high_symmetry_points(ck.Lattice(np.array(BOXES["flat hexagonal"]) @ turn))
        for one, other in ("KM", "HL"):
            assert np.linalg.norm(points[one] - points[other]) == pytest.approx(2 * np.pi / 3)
        for one, other, length in (("Γ", "A", 2), ("K", "H", 2), ("M", "L", 2)):
            assert np.linalg.norm(points[one] - points[other]) == pytest.approx(np.pi * length)


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(sorted(ALL)), st.integers(0, 10**6), st.sampled_from([1e-10, 1.0, 5e3]))
def test_any_cell_and_direction(name, seed, unit):
    """Another basis changes nothing; a turned lattice has points at the same distances."""
    rng = np.random.default_rng(seed)
    vectors = np.array(ALL[name], dtype=float)
    points = ck.high_symmetry_points(ck.Lattice(vectors))
    other = vectors.copy()
    for _ in range(6):
        i, j = rng.permutation(len(other))[:2]
        other[i] += rng.integers(-2, 3) * other[j]
    other = rng.permutation(other) * rng.choice([-1, 1])
    again = ck.high_symmetry_points(ck.Lattice(unit * other))
    assert again.keys() == points.keys()
    for label, k in points.items():
        np.testing.assert_allclose(unit * again[label], k, atol=1e-6)
    turned = ck.high_symmetry_points(ck.Lattice(other @ orthogonal(rng, len(other))))
    for label in points:
        # X and Y of a rectangle are named after the axes that they are next to.
        options = ("X", "Y") if name == "rectangular" and label in "XY" else (label,)
        distances = [np.linalg.norm(points[option]) for option in options]
        assert min(abs(np.linalg.norm(turned[label]) - d) for d in distances) < 1e-6


def test_path_through_neighbours():
    """Γ, K and M are the corners of one twelfth of the hexagon, however it is turned."""
    hexagon = np.array(PLANAR["hexagonal"])
    for angle in np.linspace(0, np.pi, 14):
        c, s = np.cos(angle), np.sin(angle)
        points = ck.high_symmetry_points(ck.Lattice(hexagon @ [[c, s], [-s, c]]))
        assert np.linalg.norm(points["K"] - points["M"]) == pytest.approx(2 * np.pi / 3)


def test_refuses_other_lattices():
    others = {
        "body-centred tetragonal": [[-1, 1, 1.3], [1, -1, 1.3], [1, 1, -1.3]],
        "rhombohedral": [[1, 0.2, 0.2], [0.2, 1, 0.2], [0.2, 0.2, 1]],
        "centred orthorhombic": [[0.5, 0.8, 0], [0.5, -0.8, 0], [0, 0, 1]],
        "monoclinic": [[1, 0, 0], [0, 1.2, 0], [0.2, 0, 1.1]],
        "triclinic": [[1, 0, 0], [0.2, 1, 0], [0.1, 0.3, 1.1]],
    }
    for vectors in others.values():
        with pytest.raises(ValueError, match=r"is not cubic, hexagonal.*lattice.to_cartesian"):
            ck.high_symmetry_points(ck.Lattice(vectors))


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from([2, 3]))
def test_zone_of_any_lattice(seed, dim):
    """Against the Voronoi cell of another program; the volume is that of the reciprocal cell."""
    rng = np.random.default_rng(seed)
    # Not so skew that the zone has faces of more than two reciprocal vectors along each.
    lattice = ck.Lattice(rng.uniform(-0.4, 0.4, size=(dim, dim)) + np.eye(dim))
    faces = ck.zone_faces(lattice)
    corners = np.concatenate(faces)
    volume = (2 * np.pi) ** dim / lattice.cell_volume
    assert ConvexHull(corners).volume == pytest.approx(volume, rel=1e-9)
    centres = reciprocal_vectors(lattice, 2)
    diagram = Voronoi(centres)
    region = diagram.regions[diagram.point_region[len(centres) // 2]]
    expected = diagram.vertices[region]
    nearest = np.linalg.norm(corners[:, None] - expected, axis=-1)
    scale = np.linalg.norm(corners, axis=1).max()
    assert nearest.min(axis=0).max() < 1e-6 * scale
    assert nearest.min(axis=1).max() < 1e-6 * scale


def test_faces_of_the_cubic_zones():
    sizes = {name: sorted(map(len, ck.zone_faces(ck.Lattice(CUBIC[name])))) for name in CUBIC}
    assert sizes == {
        "simple": [4] * 6,
        "face-centred": [4] * 6 + [6] * 8,
        "body-centred": [4] * 12,
    }
    (segment,) = ck.zone_faces(ck.Lattice([[2.0]]))
    np.testing.assert_allclose(segment, [[-np.pi / 2], [np.pi / 2]])
