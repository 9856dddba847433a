"""Lattices, meshes and paths."""

from __future__ import annotations

import numpy as np
import pytest

import coursekit as ck


@pytest.mark.parametrize(
    "vectors",
    [
        [[2.0]],
        [[1, 0], [0.5, np.sqrt(3) / 2]],
        [[0, 1], [1, 0]],  # left-handed
        [[1e-10, 0], [0.3e-10, 1e-10]],  # metres
        [[0, 1, 1], [1, 0, 1], [1, 1, 0]],
    ],
)
def test_reciprocal_vectors(vectors):
    lattice = ck.Lattice(vectors)
    a, b = lattice.vectors, lattice.reciprocal
    np.testing.assert_allclose(a @ b.T, 2 * np.pi * np.eye(lattice.dim), atol=1e-14)
    volume = abs(np.linalg.det(np.array(vectors, dtype=float)))
    assert lattice.cell_volume == pytest.approx(volume, rel=1e-14)
    assert isinstance(lattice.cell_volume, float)
    np.testing.assert_allclose(lattice.to_cartesian(np.eye(lattice.dim)), b)


def test_hexagonal_cell():
    lattice = ck.Lattice([[1, 0], [0.5, np.sqrt(3) / 2]])
    assert lattice.cell_volume == pytest.approx(np.sqrt(3) / 2)
    assert repr(lattice).startswith("Lattice([[1.0, 0.0]")
    with pytest.raises(ValueError, match="read-only"):
        lattice.vectors[0, 0] = 2


@pytest.mark.parametrize(
    ("vectors", "message"),
    [
        ([[1, 0, 0], [0, 1, 0]], r"shape \(2, 3\); expected \(dim, dim\)"),
        (np.eye(4), r"shape \(4, 4\); expected \(dim, dim\) with dim 1, 2 or 3"),
        ([[1, 0], [np.nan, 1]], "NaN or inf"),
        ([[1j, 0], [0, 1]], "expected real numbers: one vector in each row"),
        ([[1, 0], [0]], "expected real numbers: one vector in each row"),
        ("square", "lattice vectors 'square'; expected real numbers"),
        ([[1, 2], [2, 4]], "linearly dependent"),
        ([[0, 0], [0, 1]], "linearly dependent"),
    ],
)
def test_refuses_what_is_no_lattice(vectors, message):
    with pytest.raises(ValueError, match=message):
        ck.Lattice(vectors)


def test_uniform_mesh():
    lattice = ck.Lattice([[1, 0], [0.5, np.sqrt(3) / 2]])
    k = ck.uniform_mesh(lattice, (3, 4))
    assert k.shape == (3, 4, 2)
    np.testing.assert_allclose(k[0, 0], 0)
    reduced = k @ lattice.vectors.T / (2 * np.pi)
    np.testing.assert_allclose(reduced[2, 3], [2 / 3, 3 / 4])
    shifted = ck.uniform_mesh(lattice, 3, shift=0.5) @ lattice.vectors.T / (2 * np.pi)
    np.testing.assert_allclose(shifted[0, 2], [1 / 6, 5 / 6])
    assert ck.uniform_mesh(ck.Lattice(np.eye(3)), np.int64(2)).shape == (2, 2, 2, 3)


@pytest.mark.parametrize("shape", [0, -3, 2.5, (4,), (4, 4, 4), (4, 0), "auto"])
def test_refuses_what_is_no_mesh(shape):
    with pytest.raises(ValueError, match="expected one positive integer or 2 of them"):
        ck.uniform_mesh(ck.Lattice(np.eye(2)), shape)


def test_path():
    k, distance = ck.k_path([[0, 0], [3, 4], [3, 0]], n=10)
    assert k.shape == (21, 2)
    np.testing.assert_allclose(k[[0, 10, 20]], [[0, 0], [3, 4], [3, 0]])
    np.testing.assert_allclose(distance[[0, 10, 20]], [0, 5, 9])
    with pytest.raises(ValueError, match="at least two corners"):
        ck.k_path([[0, 0]])
    for n in (0, 2.5, True, "10"):
        with pytest.raises(ValueError, match=r"n=.*; expected a positive integer"):
            ck.k_path([[0, 0], [1, 0]], n=n)
    for points in (["Γ", "K"], "ΓK", [[0, 1j], [1, 0]], [[0, 0], [1]], None):
        with pytest.raises(ValueError, match=r"expected real numbers.*high_symmetry_points"):
            ck.k_path(points)
    with pytest.raises(ValueError, match="points hold NaN or inf"):
        ck.k_path([[0, np.nan], [1, 0]])


@pytest.mark.parametrize("function", [ck.high_symmetry_points, ck.zone_faces, ck.uniform_mesh])
def test_model_in_place_of_its_lattice(function):
    more = (4,) if function is ck.uniform_mesh else ()
    for wrong in (ck.models.qwz(-1.0), np.eye(2), None):
        with pytest.raises(ValueError, match=r"; expected a Lattice, as of .* or model\.lattice"):
            function(wrong, *more)
