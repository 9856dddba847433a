"""What must hold for any model: gauge, origin, units, cells, symmetry.

Models are drawn at random with hypothesis, the same ones in each run.
"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import coursekit as ck

CELLS = [(0, 0), (1, 0), (0, 1), (1, -1)]
seeds = st.integers(0, 10**6)
sizes = st.integers(2, 4)
wave_numbers = st.floats(-5, 5, allow_subnormal=False)
wave_vectors = st.tuples(wave_numbers, wave_numbers).map(np.array)
whole = st.integers(-3, 3)


def random_model(seed, n_orb, real=False):
    """An oblique lattice, orbitals anywhere, hoppings without symmetry, bands some way apart."""
    rng = np.random.default_rng(seed)
    blocks = {}
    for R in CELLS:
        t = rng.normal(size=(n_orb, n_orb)) + 1j * (not real) * rng.normal(size=(n_orb, n_orb))
        t = t if any(R) else t + t.conj().T + np.diag(3.0 * np.arange(n_orb))
        blocks[R] = t
        blocks[-R[0], -R[1]] = t.conj().T
    lattice = [[1.0, 0.1], [rng.uniform(-0.5, 0.5), 1.2]]
    return ck.TightBinding.from_blocks(lattice, rng.uniform(-2, 2, (n_orb, 2)), blocks)


def apart(model, k):
    """Skip the rare point where neighbouring bands nearly touch and digits are lost."""
    assume(np.diff(ck.solve(model, k).energies).min() > 0.05)


def geometry(model, k, bands=None):
    return np.array([ck.berry_curvature(model, k, bands), ck.orbital_moment(model, k, bands)])


def close(actual, expected):
    """Equal to rounding, which is up to 1e-15 · (8/0.05)² of the largest terms."""
    np.testing.assert_allclose(actual, expected, rtol=1e-7, atol=1e-8 * (1 + abs(expected).max()))


@given(seeds, sizes, wave_vectors)
def test_hermitian_and_gradient(seed, n_orb, k):
    model = random_model(seed, n_orb)
    h, dh = model.hamiltonian(k), model.hamiltonian_gradient(k)
    np.testing.assert_allclose(h, h.conj().T, atol=1e-13)
    np.testing.assert_allclose(dh, dh.conj().swapaxes(-1, -2), atol=1e-12)
    step = 1e-4 * np.eye(2)
    difference = (model.hamiltonian(k + step) - model.hamiltonian(k - step)) / 2e-4
    # h²/6 times a third derivative, at most 1e3 with displacements of 6.
    np.testing.assert_allclose(dh, difference, atol=1e-5)


@given(seeds, sizes, wave_vectors, whole, whole)
def test_reciprocal_vectors_change_nothing(seed, n_orb, k, n1, n2):
    model = random_model(seed, n_orb)
    apart(model, k)
    there = k + n1 * model.lattice.reciprocal[0] + n2 * model.lattice.reciprocal[1]
    np.testing.assert_allclose(ck.solve(model, there).energies, ck.solve(model, k).energies)
    close(geometry(model, there), geometry(model, k))


@given(seeds, sizes, wave_vectors, st.tuples(wave_numbers, wave_numbers))
def test_origin_changes_nothing(seed, n_orb, k, shift):
    model = random_model(seed, n_orb)
    apart(model, k)
    moved = ck.TightBinding.from_blocks(model.lattice, model.orbitals + shift, model.blocks)
    close(geometry(moved, k), geometry(model, k))


@given(seeds, sizes, wave_vectors, whole, whole)
def test_home_cell_of_an_orbital_changes_nothing(seed, n_orb, k, n1, n2):
    """Name the last orbital by its image in another cell."""
    model = random_model(seed, n_orb)
    apart(model, k)
    cell = np.zeros((n_orb, 2), dtype=int)
    cell[-1] = n1, n2
    blocks = {}
    for R, block in model.blocks.items():
        for i in range(n_orb):
            for j in range(n_orb):
                target = tuple(int(x) for x in np.array(R) - cell[j] + cell[i])
                blocks.setdefault(target, np.zeros((n_orb, n_orb), dtype=complex))
                blocks[target][i, j] += block[i, j]
    moved = ck.TightBinding.from_blocks(model.lattice, model.orbitals + cell, blocks)
    np.testing.assert_allclose(moved.hamiltonian(k), model.hamiltonian(k), atol=1e-11)
    close(geometry(moved, k), geometry(model, k))


@given(seeds, wave_vectors)
def test_rotation_of_orbitals_at_one_place(seed, k):
    """U(n) among orbitals that share a position: another basis, the same physics."""
    model = random_model(seed, 3)
    rng = np.random.default_rng(seed)
    u = np.linalg.qr(rng.normal(size=(3, 3)) + 1j * rng.normal(size=(3, 3)))[0]
    together = np.tile(model.orbitals[:1], (3, 1))
    plain = ck.TightBinding.from_blocks(model.lattice, together, model.blocks)
    apart(plain, k)
    turned = ck.TightBinding.from_blocks(
        model.lattice, together, {R: u.conj().T @ b @ u for R, b in model.blocks.items()}
    )
    close(geometry(turned, k), geometry(plain, k))


@given(seeds, wave_vectors)
def test_trace_over_a_degenerate_group(seed, k):
    """Two copies of a model, mixed by a random U(2): each pair's trace is twice one band's."""
    model = random_model(seed, 2)
    apart(model, k)
    rng = np.random.default_rng(seed)
    u = np.linalg.qr(rng.normal(size=(2, 2)) + 1j * rng.normal(size=(2, 2)))[0]
    mixed = np.kron(u, np.eye(2))
    twice = ck.TightBinding.from_blocks(
        model.lattice,
        np.tile(model.orbitals, (2, 1)),
        {
            R: mixed.conj().T @ np.kron(np.eye(2), b) @ mixed
            for R, b in model.blocks.items()
        },
    )  # fmt: skip
    one = geometry(model, k)
    close(geometry(twice, k, (0, 1)), 2 * one[:, 0])
    close(geometry(twice, k, (2, 3)), 2 * one[:, 1])
    with pytest.raises(ck.DegenerateBandsError):
        ck.berry_curvature(twice, k)


@given(seeds, sizes, wave_vectors)
def test_groups_add_up(seed, n_orb, k):
    model = random_model(seed, n_orb)
    apart(model, k)
    omega, m = geometry(model, k)
    assert omega.sum() == pytest.approx(0, abs=1e-9 * (1 + abs(omega).max()))
    # Ω is additive over bands; the moment of a group leaves out what its bands give each other.
    assert ck.berry_curvature(model, k, (0, 1)) == pytest.approx(
        omega[:2].sum(), abs=1e-8 * (1 + abs(omega).max())
    )
    if n_orb == 2:
        assert m[0] == pytest.approx(m[1])
        assert ck.orbital_moment(model, k, 0) == pytest.approx(m[0])


@given(seeds, sizes, wave_vectors, st.sampled_from([1e-9, 1e-3, 27.2, 1e9]), st.floats(-5, 5))
def test_unit_and_zero_of_energy(seed, n_orb, k, unit, zero):
    model = random_model(seed, n_orb)
    apart(model, k)
    blocks = {R: unit * b for R, b in model.blocks.items()}
    blocks[0, 0] = blocks[0, 0] + unit * zero * np.eye(n_orb)
    other = ck.TightBinding.from_blocks(model.lattice, model.orbitals, blocks)
    omega, m = geometry(model, k)
    close(ck.berry_curvature(other, k), omega)
    close(ck.orbital_moment(other, k) / unit, m)
    expected = [f(model, 0.3, 0.5, mesh=12) for f in (ck.anomalous_hall, ck.orbital_magnetization)]
    mu, kT = (0.3 + zero) * unit, 0.5 * unit
    assert ck.anomalous_hall(other, mu, kT, mesh=12) == pytest.approx(expected[0], abs=1e-9)
    moment = ck.orbital_magnetization(other, mu, kT, mesh=12) / unit
    assert moment == pytest.approx(expected[1], abs=1e-9)


@given(seeds, sizes, wave_vectors, st.sampled_from([1e-10, 0.529, 1e10]))
def test_unit_of_length(seed, n_orb, k, unit):
    model = random_model(seed, n_orb)
    apart(model, k)
    other = ck.TightBinding.from_blocks(unit * model.lattice.vectors, model.orbitals, model.blocks)
    close(geometry(other, k / unit) / unit**2, geometry(model, k))


@given(seeds, sizes, wave_vectors)
def test_time_reversal_and_inversion(seed, n_orb, k):
    """Complex conjugation: Ω(k) → −Ω(−k), m likewise. Inversion: Ω(k) → Ω(−k)."""
    model = random_model(seed, n_orb)
    apart(model, k)
    here = geometry(model, k)
    reversed_time = ck.TightBinding.from_blocks(
        model.lattice, model.orbitals, {R: b.conj() for R, b in model.blocks.items()}
    )
    close(geometry(reversed_time, -k), -here)
    inverted = ck.TightBinding.from_blocks(
        model.lattice, -model.orbitals, {(-R[0], -R[1]): b for R, b in model.blocks.items()}
    )
    close(geometry(inverted, -k), here)
    # Real hoppings: time reversal is a symmetry.
    real = random_model(seed, n_orb, real=True)
    apart(real, k)
    close(geometry(real, -k), -geometry(real, k))


@given(seeds, wave_vectors)
def test_other_cells(seed, k):
    """Another basis of the same lattice, of either handedness, is the same crystal."""
    model = random_model(seed, 2)
    apart(model, k)
    expected = geometry(model, k)
    for change in ([[1, 1], [0, 1]], [[0, 1], [1, 0]], [[1, 0], [2, -1]]):
        s = np.array(change)
        back = np.rint(np.linalg.inv(s)).astype(int)
        other = ck.TightBinding.from_blocks(
            s @ model.lattice.vectors,
            model.orbitals @ back,
            {tuple(int(x) for x in np.array(R) @ back): b for R, b in model.blocks.items()},
        )
        np.testing.assert_allclose(other.hamiltonian(k), model.hamiltonian(k), atol=1e-11)
        close(geometry(other, k), expected)


@pytest.mark.parametrize("change", [[[1, 1], [0, 1]], [[0, 1], [1, 0]], [[1, 0], [2, -1]]])
def test_other_cells_have_the_same_integrals(change):
    s = np.array(change)
    back = np.rint(np.linalg.inv(s)).astype(int)
    for phi in (1.0, -1.0):
        model = ck.models.haldane(1, 0.2, phi, 0.3)
        other = ck.TightBinding.from_blocks(
            s @ model.lattice.vectors,
            model.orbitals @ back,
            {tuple(int(x) for x in np.array(R) @ back): b for R, b in model.blocks.items()},
        )
        assert ck.chern_number(other, 1) == ck.chern_number(model, 1) != 0
        for quantity in (ck.electron_density, ck.anomalous_hall, ck.orbital_magnetization):
            expected = quantity(model, [-2.0, 0.1], 0.3)
            np.testing.assert_allclose(quantity(other, [-2.0, 0.1], 0.3), expected, atol=1e-8)


@given(st.floats(-3, 3), st.floats(-1, 1), st.floats(-2, 2))
@settings(max_examples=5)
def test_maxwell_relation(phi, delta, mu):
    """∂M/∂μ by differences is ∂n/∂B by its formula, whatever the model."""
    result = ck.streda(ck.models.haldane(1, 0.2, phi, delta), mu, 0.4)
    np.testing.assert_allclose(result.dM_dmu, result.dn_dB, rtol=1e-6, atol=1e-7)


@given(seeds, sizes)
def test_filling_all_bands_gives_nothing(seed, n_orb):
    model = random_model(seed, n_orb)
    top = 1e3
    n = ck.electron_density(model, top, 0.1)
    assert n * model.lattice.cell_volume == pytest.approx(n_orb)
    assert ck.anomalous_hall(model, top, 0.1) == pytest.approx(0, abs=1e-8)
    assert ck.orbital_magnetization(model, top, 0.1) == pytest.approx(0, abs=1e-5)


@given(
    st.lists(st.sampled_from([1, 3]), max_size=2).map(tuple),
    st.lists(st.sampled_from([1, 3]), max_size=2).map(tuple),
)
def test_mu_and_temperature_broadcast(mu_shape, kT_shape):
    model = ck.models.qwz(-1, 0.2)
    mu, kT = np.full(mu_shape, 0.3), np.full(kT_shape, 0.5)
    expected = np.broadcast_shapes(mu_shape, kT_shape)
    assert np.shape(ck.electron_density(model, mu, kT, mesh=8)) == expected
