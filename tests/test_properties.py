"""What must hold for any model: gauge, origin, units, cells, symmetry.

Models are drawn at random with hypothesis, the same ones in each run.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

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


def geometry(model, k, bands):
    """Ω, m and g of one group of bands, (6,)."""
    values = (
        f(model, k, bands) for f in (ck.berry_curvature, ck.orbital_moment, ck.quantum_metric)
    )
    return np.concatenate([np.ravel(value) for value in values])


def close(actual, expected):
    """Equal to rounding, which is up to 1e-15 · (8/0.05)² of the largest terms."""
    np.testing.assert_allclose(actual, expected, rtol=1e-7, atol=1e-8 * (1 + abs(expected).max()))


class Change(NamedTuple):
    """A model made from another one, and what becomes of its properties."""

    model: ck.TightBinding
    k: Callable[[np.ndarray], np.ndarray] = np.asarray
    axial: float = 1  # of Ω, m, σ, M and C
    length: float = 1
    energy: float = 1
    zero: float = 0  # of energies, before their unit
    copies: int = 1


def with_blocks(model, change, orbitals=None):
    blocks = {R: change(R, block) for R, block in model.blocks.items()}
    orbitals = model.orbitals if orbitals is None else orbitals
    return ck.TightBinding.from_blocks(model.lattice, orbitals, blocks)


def reciprocal_vector(model, rng):
    return Change(model, lambda k: k + rng.integers(-3, 4, 2) @ model.lattice.reciprocal)


def origin(model, rng):
    return Change(with_blocks(model, lambda R, b: b, model.orbitals + rng.uniform(-5, 5, 2)))


def home_cell(model, rng):
    """Each orbital named by its image in another cell."""
    cell = rng.integers(-3, 4, (model.n_orb, 2))
    blocks = {}
    for R, block in model.blocks.items():
        for i, j in np.ndindex(block.shape):
            target = tuple(int(x) for x in np.array(R) - cell[j] + cell[i])
            blocks.setdefault(target, np.zeros(block.shape, dtype=complex))[i, j] += block[i, j]
    return Change(ck.TightBinding.from_blocks(model.lattice, model.orbitals + cell, blocks))


def other_cell(s):
    """Rows of whole numbers: new lattice vectors of the same crystal."""
    s = np.array(s)
    back = np.rint(np.linalg.inv(s)).astype(int)

    def change(model, rng):
        blocks = {tuple(int(x) for x in np.array(R) @ back): b for R, b in model.blocks.items()}
        return Change(
            ck.TightBinding.from_blocks(s @ model.lattice.vectors, model.orbitals @ back, blocks)
        )

    return change


def unitary(rng, n):
    return np.linalg.qr(rng.normal(size=(n, n)) + 1j * rng.normal(size=(n, n)))[0]


def gauge(model, rng):
    """A phase of each orbital."""
    u = np.diag(np.exp(1j * rng.uniform(0, 6, model.n_orb)))
    return Change(with_blocks(model, lambda R, b: u.conj().T @ b @ u))


def mixed_copies(model, rng):
    """Twice the model, the two mixed by a U(2): degenerate groups."""
    u = np.kron(unitary(rng, 2), np.eye(model.n_orb))
    twice = with_blocks(
        model,
        lambda R, b: u.conj().T @ np.kron(np.eye(2), b) @ u,
        np.tile(model.orbitals, (2, 1)),
    )
    return Change(twice, copies=2)


def time_reversed(model, rng):
    return Change(with_blocks(model, lambda R, b: b.conj()), np.negative, axial=-1)


def inverted(model, rng):
    blocks = {(-R[0], -R[1]): b for R, b in model.blocks.items()}
    image = ck.TightBinding.from_blocks(model.lattice, -model.orbitals, blocks)
    return Change(image, np.negative)


def mirrored(model, rng):
    """x → −x: also the basis of the lattice changes its handedness."""
    flip = np.diag([-1.0, 1.0])
    image = ck.TightBinding.from_blocks(model.lattice.vectors @ flip, model.orbitals, model.blocks)
    return Change(image, lambda k: k @ flip, axial=-1)


def unit_of_energy(unit):
    return lambda model, rng: Change(with_blocks(model, lambda R, b: unit * b), energy=unit)


def zero_of_energy(model, rng):
    zero = rng.uniform(-5, 5)
    one = np.eye(model.n_orb)
    return Change(with_blocks(model, lambda R, b: b + (not any(R)) * zero * one), zero=zero)


def unit_of_length(unit):
    def change(model, rng):
        vectors = unit * model.lattice.vectors
        image = ck.TightBinding.from_blocks(vectors, model.orbitals, model.blocks)
        return Change(image, lambda k: k / unit, length=unit)

    return change


CHANGES = {
    "reciprocal vector": reciprocal_vector,
    "origin": origin,
    "home cell": home_cell,
    "skewed cell": other_cell([[1, 1], [0, 1]]),
    "left-handed cell": other_cell([[0, 1], [1, 0]]),
    "skewed left-handed cell": other_cell([[1, 0], [2, -1]]),
    "gauge": gauge,
    "mixed copies": mixed_copies,
    "time reversal": time_reversed,
    "inversion": inverted,
    "mirror": mirrored,
    "energy × 1e-9": unit_of_energy(1e-9),
    "energy × 27.2": unit_of_energy(27.2),
    "energy × 1e9": unit_of_energy(1e9),
    "zero of energy": zero_of_energy,
    "length × 1e-10": unit_of_length(1e-10),
    "length × 1e9": unit_of_length(1e9),
}


@pytest.mark.parametrize("name", CHANGES)
@given(seeds, sizes, wave_vectors)
@settings(max_examples=12)
def test_geometry(name, seed, n_orb, k):
    """Energies, Ω, m and g of every band, and of two together."""
    model = random_model(seed, n_orb)
    apart(model, k)
    change = CHANGES[name](model, np.random.default_rng(seed))
    there = change.k(k)
    energies = np.repeat(change.energy * (ck.solve(model, k).energies + change.zero), change.copies)
    np.testing.assert_allclose(
        ck.solve(change.model, there).energies, energies, rtol=0, atol=1e-12 * abs(energies).max()
    )
    # Ω, m, and g_xx, g_xy, g_yx, g_yy.
    off = -1 if name == "mirror" else 1
    factors = np.array([change.axial, change.axial * change.energy, 1, off, off, 1])
    for group in [(n,) for n in range(n_orb)] + [(0, 1)] * (n_orb > 2):
        image = tuple(change.copies * n + c for n in group for c in range(change.copies))
        actual = geometry(change.model, there, image) / (factors * change.length**2)
        close(actual, change.copies * geometry(model, k, group))


@pytest.mark.parametrize("name", CHANGES)
@given(seeds, sizes)
@settings(max_examples=8)
def test_responses(name, seed, n_orb):
    """n, σ and M of a metal."""
    model = random_model(seed, n_orb)
    change = CHANGES[name](model, np.random.default_rng(seed))
    quantities = ck.electron_density, ck.anomalous_hall, ck.orbital_magnetization
    mu, kT = np.array([-1.0, 0.3, 2.0]), 0.5
    expected = np.array([quantity(model, mu, kT, mesh=12) for quantity in quantities])
    there = change.energy * (mu + change.zero), change.energy * kT
    found = np.array([quantity(change.model, *there, mesh=12) for quantity in quantities])
    factors = np.array([1 / change.length**2, change.axial, change.axial * change.energy])
    close(found / factors[:, None], change.copies * expected)


@pytest.mark.parametrize("name", CHANGES)
def test_chern_numbers(name):
    """Of the lowest band; not all of them are zero."""
    numbers = []
    for seed in (2, 8, 9):
        model = random_model(seed, 2 + seed % 2)
        change = CHANGES[name](model, np.random.default_rng(seed))
        numbers.append(ck.chern_number(model, 1))
        expected = change.copies * change.axial * numbers[-1]
        assert ck.chern_number(change.model, change.copies) == expected
    assert len(set(numbers)) > 1


@given(seeds, wave_vectors)
def test_rotation_of_orbitals_at_one_place(seed, k):
    """U(n) among orbitals that share a position: another basis, the same physics."""
    model = random_model(seed, 3)
    together = with_blocks(model, lambda R, b: b, np.tile(model.orbitals[:1], (3, 1)))
    apart(together, k)
    u = unitary(np.random.default_rng(seed), 3)
    turned = with_blocks(together, lambda R, b: u.conj().T @ b @ u)
    for n in range(3):
        close(geometry(turned, k, (n,)), geometry(together, k, (n,)))


@given(seeds, wave_vectors)
def test_one_band_of_a_degenerate_pair(seed, k):
    twice = mixed_copies(random_model(seed, 2), np.random.default_rng(seed)).model
    for quantity in (ck.berry_curvature, ck.orbital_moment, ck.quantum_metric):
        with pytest.raises(ck.DegenerateBandsError):
            quantity(twice, k, (0,))


@given(seeds, sizes, wave_vectors)
def test_real_hoppings(seed, n_orb, k):
    """Time reversal is a symmetry: Ω and m are odd in k, the metric is even."""
    real = random_model(seed, n_orb, real=True)
    apart(real, k)
    for n in range(n_orb):
        there = geometry(real, -k, (n,)) * [-1, -1, 1, 1, 1, 1]
        close(there, geometry(real, k, (n,)))


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


@given(seeds, sizes, wave_vectors)
def test_groups_add_up(seed, n_orb, k):
    model = random_model(seed, n_orb)
    apart(model, k)
    omega, m = ck.berry_curvature(model, k), ck.orbital_moment(model, k)
    assert omega.sum() == pytest.approx(0, abs=1e-9 * (1 + abs(omega).max()))
    # Ω is additive over bands; the moment of a group leaves out what its bands give each other.
    assert ck.berry_curvature(model, k, (0, 1)) == pytest.approx(
        omega[:2].sum(), abs=1e-8 * (1 + abs(omega).max())
    )
    if n_orb == 2:
        assert m[0] == pytest.approx(m[1])
        assert ck.orbital_moment(model, k, 0) == pytest.approx(m[0])


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
