"""Models made from models: more bonds, larger cells, open edges; models as text."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import coursekit as ck

HALDANE = ck.models.haldane(1, 0.2, 1.0, 0.3)


def random_model(dim, seed, spin=None):
    """Two orbitals anywhere, bonds as far as two cells, an oblique lattice of either handedness."""
    rng = np.random.default_rng(seed)
    lattice = rng.normal(size=(dim, dim)) + 2 * np.eye(dim)
    bonds = {}
    for _ in range(5):
        i, j = rng.integers(2, size=2)
        R = tuple(rng.integers(-2, 3, size=dim).tolist())
        if (i, j, R) != (j, i, tuple(-x for x in R)) and (j, i, tuple(-x for x in R)) not in bonds:
            bonds[i, j, R] = complex(*rng.normal(size=2))
    hoppings = [(*bond, t) for bond, t in bonds.items()]
    return ck.TightBinding(
        lattice, rng.normal(size=(2, dim)), hoppings, rng.normal(size=2), spin=spin
    )


# More bonds ------------------------------------------------------------------------------------


def test_bond_by_bond():
    bare = ck.TightBinding(HALDANE.lattice, HALDANE.orbitals, [])
    built = bare.add_onsite([0.3, -0.3])
    for R in [(0, 0), (-1, 0), (0, -1)]:
        built = built.add_hopping(0, 1, R, 1)
    for R in [(1, 0), (-1, 1), (0, -1)]:
        built = built.add_hopping(0, 0, R, 0.2 * np.exp(1j))
        built = built.add_hopping(1, 1, R, 0.2 * np.exp(-1j))
    k = ck.uniform_mesh(HALDANE.lattice, 3, shift=0.3)
    np.testing.assert_allclose(built.hamiltonian(k), HALDANE.hamiltonian(k), atol=1e-14)
    # The model that it grew from is as it was.
    np.testing.assert_allclose(bare.hamiltonian(k), 0)


def test_amplitudes_add_up():
    chain = ck.TightBinding([[1.0]], [[0.0]], [(0, 0, (1,), 0.5)], onsite=0.1)
    more = chain.add_hopping(0, 0, (1,), 0.25).add_hopping(0, 0, (-1,), 0.25j).add_onsite(0.2)
    assert more.blocks[1,][0, 0] == 0.75 - 0.25j
    assert more.blocks[-1,][0, 0] == 0.75 + 0.25j
    assert more.blocks[0,][0, 0] == pytest.approx(0.3)
    assert chain.blocks[1,][0, 0] == 0.5


def test_spin_stays():
    model = ck.models.altermagnet(1, 0.2)
    for new in (model.add_hopping(0, 3, (0, 0), 0.1), model.add_onsite(0.1)):
        np.testing.assert_array_equal(new.spin, model.spin)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((0, 2, (0, 0), 1), "names orbital 2; expected 0 to 1"),
        ((0, 0, (0, 0), 1), "from an orbital to itself"),
        ((0, 1, (0, 0, 0), 1), "expected 2 whole numbers"),
        ((0, 1, (0, 0), np.nan), "NaN or inf"),
    ],
)
def test_refuses_bad_bonds(arguments, message):
    with pytest.raises(ValueError, match=message):
        HALDANE.add_hopping(*arguments)


def test_refuses_bad_energies():
    with pytest.raises(ValueError, match=r"onsite has shape \(3,\)"):
        HALDANE.add_onsite([1, 2, 3])


# Larger cells ----------------------------------------------------------------------------------

MATRICES = [
    np.array(rows).reshape(2, 2)
    for rows in itertools.product((-2, 0, 1, 3), repeat=4)
    if abs(np.linalg.det(np.array(rows).reshape(2, 2))) > 0.5
]


def folded_energies(model, matrix, k):
    """Energies of the small cell at every k that the larger cell's zone folds onto ``k``."""
    small = np.linalg.inv(matrix @ model.lattice.vectors).T * 2 * np.pi
    n = round(abs(np.linalg.det(matrix)))
    # All integer combinations, one of each class modulo the old reciprocal lattice.
    steps = np.array(list(itertools.product(range(n), repeat=model.dim))) @ small
    reduced = np.round(steps @ model.lattice.vectors.T / (2 * np.pi) * n).astype(int) % n
    _, first = np.unique(reduced, axis=0, return_index=True)
    assert len(first) == n
    return np.sort(ck.solve(model, k + steps[first]).energies.ravel())


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from(MATRICES))
def test_bands_fold(seed, matrix):
    model = random_model(2, seed)
    large = model.supercell(matrix)
    assert large.n_orb == 2 * round(abs(np.linalg.det(matrix)))
    k = np.array([0.37, -1.21])
    np.testing.assert_allclose(
        ck.solve(large, k).energies, folded_energies(model, matrix, k), atol=1e-12
    )


@pytest.mark.parametrize(
    "multiples",
    [2, (1, 2, 1), [[0, 1, 1], [1, 0, 1], [1, 1, 0]], [[1, 1, -1], [1, -1, 1], [-1, 1, 1]]],
)
def test_bands_fold_in_3d(multiples):
    model = random_model(3, 5)
    matrix = np.array(multiples)
    matrix = matrix if matrix.ndim == 2 else np.diag(np.broadcast_to(matrix, 3))
    k = np.array([0.37, -1.21, 0.7])
    np.testing.assert_allclose(
        ck.solve(model.supercell(multiples), k).energies,
        folded_energies(model, matrix, k),
        atol=1e-12,
    )


@pytest.mark.parametrize("matrix", [[[2, -1], [1, 1]], [[1, 2], [3, 1]], [[-2, 0], [0, 3]]])
def test_orbitals_stay_where_they_are(matrix):
    """Each hopping of the larger cell, looked up between places in space."""
    model = random_model(2, 11)
    large = model.supercell(matrix)
    a = model.lattice.vectors
    places = large.orbitals @ large.lattice.vectors
    for R, block in large.blocks.items():
        for (m, here), (n, there) in itertools.product(enumerate(places), repeat=2):
            i, j = m % 2, n % 2
            d = there + np.array(R) @ large.lattice.vectors - here
            cell = (d - (model.orbitals[j] - model.orbitals[i]) @ a) @ np.linalg.inv(a)
            np.testing.assert_allclose(cell, np.round(cell), atol=1e-9)
            old = model.blocks.get(tuple(np.round(cell).astype(int).tolist()), np.zeros((2, 2)))
            assert block[m, n] == old[i, j]


def test_physics_does_not_depend_on_the_cell():
    """Left-handed too. The Berry phase of the positions is in the moment and in a metal's σ."""
    large = HALDANE.supercell([[1, 2], [1, 0]])
    assert np.linalg.det(large.lattice.vectors) < 0
    assert ck.chern_number(large, 2) == ck.chern_number(HALDANE, 1) == -1
    k = np.array([0.5, 1.1])
    shift = large.lattice.reciprocal[0]
    for quantity in (ck.berry_curvature, ck.orbital_moment):
        small = quantity(HALDANE, [k, k + shift], (0,)).sum()
        assert quantity(large, k, (0, 1)) == pytest.approx(small, rel=1e-9)
    for response in (ck.electron_density, ck.anomalous_hall, ck.orbital_magnetization):
        # Equal meshes, as dense in the smaller zone.
        small = response(HALDANE, -1.2, 0.2, mesh=48)
        assert response(large, -1.2, 0.2, mesh=48) == pytest.approx(small, abs=1e-7)


def test_spin_of_a_larger_cell():
    model = ck.models.kane_mele(1, 0.06, 0.05, 0.1)
    large = model.supercell((2, 1))
    np.testing.assert_allclose(large.spin, [np.kron(np.eye(2), s) for s in model.spin])
    assert ck.z2_invariant(large, 4) == 1
    assert HALDANE.supercell(2).spin is None


@pytest.mark.parametrize(
    "multiples",
    [0, 1.5, (2, 0), (1, 2, 3), [[1, 2], [2, 4]], [[1, 0.5], [0, 1]], "2", [[1, 1j], [0, 1]]],
)
def test_refuses_what_is_no_cell(multiples):
    with pytest.raises(ValueError, match="expected one whole number, 2 of them, or a 2 × 2 matrix"):
        HALDANE.supercell(multiples)


# Open edges ------------------------------------------------------------------------------------


@pytest.mark.parametrize("direction", [0, 1])
def test_ribbon_of_a_square_lattice(direction):
    """Standing waves across, −2 cos(πn/(N + 1)), and one wave along."""
    square = ck.TightBinding(
        [[1.5, 0], [0, 2.5]], [[0.2, 0.1]], [(0, 0, (1, 0), -1), (0, 0, (0, 1), -1)]
    )
    ribbon = square.cut(direction, 7)
    length = (2.5, 1.5)[direction]
    np.testing.assert_allclose(ribbon.lattice.vectors, [[length]])
    k = np.linspace(-2, 2, 5)[:, None]
    across = -2 * np.cos(np.pi * np.arange(1, 8) / 8)
    np.testing.assert_allclose(
        ck.solve(ribbon, k).energies, across - 2 * np.cos(length * k), atol=1e-13
    )


@pytest.mark.parametrize("direction", [0, 1, 2])
def test_slab_without_its_ends(direction):
    """The bonds of a slab are those of an oblique crystal, projected; none leads out of it."""
    model = random_model(3, 3)
    slab = model.cut(direction, 4)
    a = model.lattice.vectors
    # Orthonormal axes by another way: QR of what is left, first the next vector.
    kept = [n for n in range(3) if n != direction]
    e1 = a[(direction + 1) % 3] / np.linalg.norm(a[(direction + 1) % 3])
    normal = model.lattice.reciprocal[direction]
    e2 = np.cross(normal, e1) / np.linalg.norm(normal)
    axes = np.array([e1, e2])
    np.testing.assert_allclose(slab.lattice.vectors, a[kept] @ axes.T, atol=1e-12)
    k = np.array([0.6, -0.8])
    expected = np.zeros((8, 8), dtype=complex)
    for R, block in model.blocks.items():
        for layer in range(4):
            other = layer + R[direction]
            if 0 <= other < 4:
                for i, j in itertools.product(range(2), repeat=2):
                    d = (np.array(R) + model.orbitals[j] - model.orbitals[i]) @ a
                    phase = np.exp(1j * k @ (axes @ d))
                    expected[2 * layer + i, 2 * other + j] += block[i, j] * phase
    np.testing.assert_allclose(slab.hamiltonian(k), expected, atol=1e-13)


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_slab_keeps_its_orientation(order):
    """Layers of a Chern insulator, whatever the order of the lattice vectors."""
    vectors = np.eye(3)
    vectors[:2, :2] = HALDANE.lattice.vectors
    places = np.pad(HALDANE.orbitals, ((0, 0), (0, 1)))
    stack = ck.TightBinding.from_blocks(
        vectors[list(order)],
        places[:, order],
        {tuple(np.array([*R, 0])[list(order)].tolist()): h for R, h in HALDANE.blocks.items()},
    )
    assert ck.chern_number(stack.cut(order.index(2), 2), 2) == -2


def test_edge_states_of_a_chern_insulator():
    """As many cross the gap at each edge as the Chern number says, those of the two edges apart."""
    ribbon = ck.models.qwz(-1).cut(1, 24)
    k = np.linspace(-np.pi, np.pi, 201)[:, None]
    bands = ck.solve(ribbon, k)
    layer = np.arange(ribbon.n_orb) // 2
    for state in (23, 24):
        energy = bands.energies[:, state]
        depth = np.einsum("kon,o->kn", abs(bands.states) ** 2, layer)[:, state]
        inside = abs(energy) < 0.5
        assert inside.any()
        assert (np.minimum(depth, 23 - depth)[inside] < 3).all()
    assert np.ptp(ck.solve(ribbon, [0.0]).energies[23:25]) < 1e-6


def test_cut_twice_gives_a_rod():
    rod = ck.models.weyl(1.0).cut(0, 2).cut(0, 3)
    assert (rod.dim, rod.n_orb) == (1, 12)
    np.testing.assert_allclose(rod.lattice.vectors, [[1.0]])


def test_spin_of_a_ribbon():
    model = ck.models.kane_mele(1, 0.06)
    np.testing.assert_allclose(model.cut(0, 3).spin, [np.kron(np.eye(3), s) for s in model.spin])


@pytest.mark.parametrize(
    ("direction", "n_cells", "message"),
    [
        (2, 3, "direction=2; expected a lattice vector, 0 to 1"),
        (-1, 3, "direction=-1"),
        (0, 0, "n_cells=0; expected a whole number, 1 or more"),
        (0, 2.5, "n_cells=2.5"),
    ],
)
def test_refuses_bad_cuts(direction, n_cells, message):
    with pytest.raises(ValueError, match=message):
        HALDANE.cut(direction, n_cells)


def test_refuses_to_cut_a_chain():
    chain = ck.models.rice_mele(1.0, 0.3)
    with pytest.raises(ValueError, match="is a chain; expected 2D or 3D"):
        chain.cut(0, 5)
    # The way out that the message names: open ends are weak at d < 0.
    energies = np.linalg.eigvalsh(ck.models.rice_mele(1.0, -0.5).supercell(20).blocks[0,])
    assert (abs(energies) < 1e-6).sum() == 2


# As text ---------------------------------------------------------------------------------------


def test_text_of_a_model():
    model = ck.models.kane_mele(1, 0.06).add_onsite(0.25)
    assert repr(model) == "<TightBinding: 2D, 4 orbitals with spin, 18 bonds per cell>"
    lines = str(model).splitlines()
    assert lines[0] == repr(model)
    assert "a2       (0.5, 0.866)" in lines
    assert "3        (0.3333, 0.3333)  0.25" in lines
    assert "0  1  (-1, 0)  1            0.5774" in lines
    assert "0  0  (1, 0)   0.06i        1" in lines
    assert len(lines) == 4 + 6 + 2 + 18 + 1


def test_long_tables_are_cut_short():
    lines = str(ck.models.kagome(0.6).supercell(4)).splitlines()
    assert "… and 25 more" in lines
    assert "… and 73 more" in lines
    assert len(lines) < 60
    assert "0.9801+0.1987i" in str(ck.models.kagome(0.6))
