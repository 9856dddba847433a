"""Lattice models: Bloch sums, their gradient, and what is refused at the border."""

from __future__ import annotations

import numpy as np
import pytest

import coursekit as ck

SQUARE = np.eye(2)
HEXAGONAL = [[1.0, 0.0], [0.5, np.sqrt(3) / 2]]
# Two orbitals, one of them outside the home cell, bonds of several lengths.
ORBITALS = [[0.1, 0.2], [1.4, -0.7]]
BONDS = [
    (0, 1, (0, 0), 1 + 0.5j),
    (0, 0, (1, 0), 0.3j),
    (1, 1, (0, -1), -0.2),
    (0, 1, (3, -2), 0.1),
]
ONSITE = [0.4, -0.3]


def bloch_sum(k):
    """H(k) by the definition, bond by bond."""
    a, h = np.array(HEXAGONAL), np.diag(ONSITE).astype(complex)
    for i, j, R, t in BONDS:
        d = (np.array(R) + ORBITALS[j] - np.array(ORBITALS[i])) @ a
        h[i, j] += t * np.exp(1j * k @ d)
        h[j, i] += np.conj(t * np.exp(1j * k @ d))
    return h


def test_bloch_sum_by_definition():
    model = ck.TightBinding(HEXAGONAL, ORBITALS, BONDS, ONSITE)
    k = np.array([0.7, -1.9])
    np.testing.assert_allclose(model.hamiltonian(k), bloch_sum(k), atol=1e-14)
    assert (model.n_orb, model.dim) == (2, 2)
    assert repr(model) == "<TightBinding: 2D, 2 orbitals, 4 bonds per cell>"


def test_gradient_against_differences():
    model = ck.TightBinding(HEXAGONAL, ORBITALS, BONDS, ONSITE)
    k, h = np.array([0.7, -1.9]), 1e-5
    differences = [(bloch_sum(k + h * e) - bloch_sum(k - h * e)) / (2 * h) for e in np.eye(2)]
    # Second order: h² d³/6 ~ 1e-10 · 10, rounding 1e-16/h.
    np.testing.assert_allclose(model.hamiltonian_gradient(k), differences, atol=1e-8)


@pytest.mark.parametrize("leading", [(), (3,), (0,), (2, 3)])
def test_shapes(leading):
    model = ck.TightBinding(HEXAGONAL, ORBITALS, BONDS, ONSITE)
    k = np.ones((*leading, 2), dtype=int)
    assert model.hamiltonian(k).shape == (*leading, 2, 2)
    assert model.hamiltonian_gradient(k).shape == (*leading, 2, 2, 2)


def test_blocks_and_bonds_give_the_same_model():
    model = ck.TightBinding(HEXAGONAL, ORBITALS, BONDS, ONSITE)
    again = ck.TightBinding.from_blocks(model.lattice, ORBITALS, model.blocks)
    k = ck.uniform_mesh(model.lattice, 4, shift=0.3)
    np.testing.assert_allclose(again.hamiltonian(k), model.hamiltonian(k), atol=1e-15)
    with pytest.raises(TypeError):
        model.blocks[0, 0] = np.zeros((2, 2))
    with pytest.raises(ValueError, match="read-only"):
        model.blocks[0, 0][0, 0] = 1


def test_bounds_hold():
    model = ck.TightBinding(HEXAGONAL, ORBITALS, BONDS, ONSITE)
    k = ck.uniform_mesh(model.lattice, 24)
    assert abs(np.linalg.eigvalsh(model.hamiltonian(k))).max() <= model.energy_scale
    for angle in np.linspace(0, np.pi, 7):
        direction = np.array([np.cos(angle), np.sin(angle)])
        slope = np.einsum("a,...aij->...ij", direction, model.hamiltonian_gradient(k))
        assert np.linalg.norm(slope, 2, (-2, -1)).max() <= model.velocity_bound


def test_one_dimension_and_one_orbital():
    chain = ck.TightBinding([[1.0]], [[0.0]], [(0, 0, (1,), -1.0)])
    k = np.linspace(-np.pi, np.pi, 7)[:, None]
    np.testing.assert_allclose(chain.hamiltonian(k)[:, 0, 0], -2 * np.cos(k[:, 0]), atol=1e-15)


@pytest.mark.parametrize(
    ("bonds", "message"),
    [
        ([(0, 1, (0, 0), 1), (0, 1, (0, 0), 2)], "bond 0 -> 1, R=.* is named twice"),
        ([(0, 1, (1, 0), 1j), (1, 0, (-1, 0), -1j)], "beside its partner 0 -> 1.*each bond once"),
        ([(0, 1, (1, 0), 1j), (1, 0, (-1, 0), 1j)], "mismatched partner.*from_blocks"),
        ([(0, 0, (1, 0), 1), (0, 0, (-1, 0), 1)], "beside its partner"),
        ([(0, 2, (0, 0), 1)], "names orbital 2; expected 0 to 1"),
        ([(-1, 0, (0, 0), 1)], "names orbital -1; expected 0 to 1"),
        ([(0, 0, (0, 0), 1)], "from an orbital to itself; expected its energy in onsite="),
        ([(0, 1, (0,), 1)], "expected 2 whole numbers"),
        ([(0, 1, (0.5, 0), 1)], "expected 2 whole numbers"),
        ([(0, 1, (0, 0), np.nan)], "NaN or inf"),
        ([(0, 1, (0, 0), complex(0, np.inf))], "NaN or inf"),
        ([(0, 1, (0, 0))], r"expected \(i, j, R, t\)"),
        ([(0, 1, (0, 0), "t")], r"expected \(i, j, R, t\)"),
    ],
)
def test_refuses_bad_bonds(bonds, message):
    with pytest.raises(ValueError, match=message):
        ck.TightBinding(SQUARE, np.zeros((2, 2)), bonds)


@pytest.mark.parametrize(
    ("orbitals", "onsite", "message"),
    [
        ([0.0, 0.0], 0, r"orbitals have shape \(2,\); expected \(n_orb, 2\)"),
        ([[0.0, 0.0, 0.0]], 0, r"orbitals have shape \(1, 3\)"),
        (np.zeros((0, 2)), 0, r"orbitals have shape \(0, 2\)"),
        ([[0.0, np.nan]], 0, "orbitals hold NaN or inf"),
        ([[0.0, 0.0]], [1, 2], "onsite has shape"),
        ([[0.0, 0.0]], 1j, "complex, so H\\(k\\) is not Hermitian; expected real"),
        ([[0.0, 0.0]], [np.inf], "onsite holds NaN or inf"),
    ],
)
def test_refuses_bad_orbitals(orbitals, onsite, message):
    with pytest.raises(ValueError, match=message):
        ck.TightBinding(SQUARE, orbitals, [], onsite)


@pytest.mark.parametrize(
    ("blocks", "message"),
    [
        ({(1, 0): np.eye(2)}, r"block R=\(1, 0\) has no partner R=\(-1, 0\); expected H\(−R\)"),
        ({(1, 0): np.eye(2), (-1, 0): 2 * np.eye(2)}, "not Hermitian; expected"),
        ({(0, 0): [[0, 1], [0, 0]]}, "not Hermitian; expected"),
        ({(0, 0): 1j * np.eye(2)}, "not Hermitian; expected"),
        ({(0, 0): np.eye(3)}, r"shape \(3, 3\); expected \(2, 2\)"),
        ({(0, 0): [[0, np.nan], [np.nan, 0]]}, "NaN or inf"),
        ({(0, 0, 0): np.eye(2)}, "expected 2 whole numbers"),
    ],
)
def test_refuses_bad_blocks(blocks, message):
    with pytest.raises(ValueError, match=message):
        ck.TightBinding.from_blocks(SQUARE, np.zeros((2, 2)), blocks)


def test_hermiticity_is_relative_to_the_unit():
    """A mismatch of 1 % is one in any unit of energy, rounding is none."""
    good = np.array([[1, 0.1j], [-0.1j, 2]])
    bad = np.array([[1, 0.1j], [-0.11j, 2]])
    for unit in (1e-20, 1.0, 1e20):
        ck.TightBinding.from_blocks(SQUARE, np.zeros((2, 2)), {(0, 0): unit * good})
        with pytest.raises(ValueError, match="not Hermitian"):
            ck.TightBinding.from_blocks(SQUARE, np.zeros((2, 2)), {(0, 0): unit * bad})


@pytest.mark.parametrize(
    ("k", "message"),
    [
        ([0.0, 0.0, 0.0], r"expected real numbers of shape \(..., 2\): Cartesian components last"),
        (0.3, r"k has shape \(\)"),
        ([0.0, np.nan], "k holds NaN or inf"),
        ([0.0, 1j], "type complex128; expected real numbers"),
        (["a", "b"], "expected real numbers"),
    ],
)
def test_refuses_bad_k(k, message):
    model = ck.models.qwz(-1)
    for function in (
        model.hamiltonian,
        model.hamiltonian_gradient,
        lambda k: ck.solve(model, k),
        lambda k: ck.berry_curvature(model, k),
        lambda k: ck.orbital_moment(model, k),
    ):
        with pytest.raises(ValueError, match=message):
            function(k)


@pytest.mark.parametrize(
    ("spin", "message"),
    [
        ("up", "spin='up'; expected 'blocks', 'pairs', matrices or None"),
        ("blocks", "spin='blocks' with 3 orbitals; expected an even number"),
        (np.zeros((3, 2, 2)), r"spin has shape \(3, 2, 2\); expected \(3, 3, 3\)"),
        (np.triu(np.ones((3, 3, 3)), 1), "spin matrices are not Hermitian or not finite"),
        (np.full((3, 3, 3), np.nan), "spin matrices are not Hermitian or not finite"),
    ],
)
def test_refuses_what_is_no_spin(spin, message):
    with pytest.raises(ValueError, match=message):
        ck.TightBinding(np.eye(2), np.zeros((3, 2)), [(0, 0, (1, 0), 1.0)], spin=spin)
