"""A magnetic field by Peierls phases, and what spectra in it say about the bulk formulas.

Nothing here knows of Berry curvature: states are counted, and the grand potential G(B) is summed
from energies.
"""

from __future__ import annotations

import numpy as np
import pytest

import coursekit as ck

TRIVIAL = ck.models.haldane(1, 1 / 3, np.pi / 4, 2)


def spectrum(model, p, q, points=4):
    """Energies (points², q n) that stand for the zone: magnetic bands repeat q times along b₂."""
    field = ck.finite.with_flux(model, p, q)
    reduced = (np.arange(points) + 0.5) / points
    k = np.stack(np.meshgrid(reduced, reduced / q, indexing="ij"), axis=-1).reshape(-1, 2)
    return np.linalg.eigvalsh(field.hamiltonian(field.lattice.to_cartesian(k)))


def field_of(model, q):
    """B of one flux quantum 2π in q cells."""
    return 2 * np.pi / (q * model.lattice.cell_volume)


def odd_slope(per_cell, model, q):
    """∂/∂B at B = 0 of a quantity per area, from ±1/q flux quanta per cell; error B²."""
    up, down = (per_cell(spectrum(model, p, q)) / q for p in (1, -1))
    return (up - down) / model.lattice.cell_volume / (2 * field_of(model, q))


def extrapolated(per_cell, model, q):
    """Two Richardson steps remove B² and B⁴."""
    a, b, c = (odd_slope(per_cell, model, n * q) for n in (1, 2, 4))
    first, second = (4 * b - a) / 3, (4 * c - b) / 3
    return (16 * second - first) / 15


@pytest.mark.parametrize(
    ("model", "chern", "mu"),
    [
        (ck.models.qwz(-1), 1, 0.0),
        (ck.models.qwz(1), -1, 0.0),
        (ck.models.qwz(-3), 0, 0.0),
        (ck.models.haldane(1, 1 / 3, np.pi / 2, 0.3), -1, 0.0),
        (ck.models.haldane(1, 1 / 3, -np.pi / 2, 0.3), 1, 0.0),
    ],
)
def test_states_below_the_gap(model, chern, mu):
    """A torus of 31 cells with one flux quantum: 31 + C states lie below the gap."""
    for p in (1, -1):
        below = (spectrum(model, p, 31, 2) < mu).sum(axis=-1)
        np.testing.assert_array_equal(below, 31 + chern * p)
    assert chern == ck.chern_number(model, 1)
    assert ck.streda(model, mu).dn_dB == pytest.approx(chern / (2 * np.pi), abs=1e-8)


@pytest.mark.parametrize(
    ("model", "mu", "kT"),
    [
        (TRIVIAL, -2.0, 0.2),  # a metal
        (ck.models.qwz(-1, 0.2), 1.3, 0.2),  # one without C3 or particle–hole symmetry
    ],
)
def test_response_of_a_metal(model, mu, kT):
    """M = −∂G/∂B and ∂n/∂B, from the energies alone.

    Landau levels are smeared where the cyclotron energy is below 2π² kT; then the B⁶ that is left
    is below 1e-6 of the whole.
    """

    def minus_grand_potential(energies):
        return kT * np.logaddexp(0, (mu - energies) / kT).sum(axis=-1).mean()

    def number(energies):
        return (1 / (1 + np.exp((energies - mu) / kT))).sum(axis=-1).mean()

    M = extrapolated(minus_grand_potential, model, 12)
    assert ck.orbital_magnetization(model, mu, kT) == pytest.approx(M, rel=3e-5)
    slope = extrapolated(number, model, 12)
    both = ck.streda(model, mu, kT)
    assert both.dn_dB == pytest.approx(slope, rel=2e-4)
    assert both.dM_dmu == pytest.approx(slope, rel=2e-4)
    # The Fermi surface has its say: −σ_xy alone is far off.
    assert abs(both.minus_sigma_xy - slope) > 0.1 * abs(slope)


def test_magnetization_of_a_trivial_insulator():
    """C = 0, T = 0, and M is not zero.

    Sharp occupations leave B⁶ terms of 2e-4 at 1/16 of a flux quantum per cell.
    """
    mu = -0.7
    M = extrapolated(lambda e: (mu - e[e < mu]).sum() / len(e), TRIVIAL, 16)
    assert ck.orbital_magnetization(TRIVIAL, mu) == pytest.approx(M, rel=5e-4)


def test_magnetic_supercell_without_field():
    """p = 0 only folds the zone: densities of everything stay."""
    model = ck.models.haldane(1, 0.3, 0.8, 0.6)
    folded = ck.finite.with_flux(model, 0, 3)
    assert (folded.n_orb, folded.lattice.cell_volume) == (6, 3 * model.lattice.cell_volume)
    for quantity in (ck.electron_density, ck.anomalous_hall, ck.orbital_magnetization):
        np.testing.assert_allclose(
            quantity(folded, [-0.4, 1.0], 0.3), quantity(model, [-0.4, 1.0], 0.3), atol=1e-8
        )
    k = np.array([0.3, 0.7])
    distance = ck.solve(folded, k).energies - ck.solve(model, k).energies[:, None]
    np.testing.assert_allclose(abs(distance).min(axis=1), 0, atol=1e-13)


@pytest.mark.parametrize(("p", "q"), [(1, 3), (-2, 5), (7, 4)])
def test_spectrum_in_a_field_repeats(p, q):
    """The spectrum has period 1/q along b₂: magnetic translations along a₁ shift k by p/q."""
    field = ck.finite.with_flux(ck.models.haldane(1, 0.3, 0.8, 0.6), p, q)
    b1, b2 = field.lattice.reciprocal
    k = np.array([0.4, -1.3])
    energies = ck.solve(field, np.stack([k, k + b2 / q, k + b1, k + b2])).energies
    np.testing.assert_allclose(energies[1:], energies[:1].repeat(3, axis=0), atol=1e-12)


def test_whole_flux_quanta_do_nothing_to_orbitals_at_the_origin():
    """Bonds of the square lattice enclose whole cells."""
    model = ck.models.qwz(-1, 0.1)
    np.testing.assert_allclose(spectrum(model, 5, 5), spectrum(model, 0, 5), atol=1e-12)


def test_left_handed_cell_sees_the_same_field():
    model = ck.models.haldane(1, 1 / 3, 0.7, 0.5)
    mirrored = ck.TightBinding.from_blocks(
        model.lattice.vectors[::-1],
        model.orbitals[:, ::-1],
        {R[::-1]: block for R, block in model.blocks.items()},
    )
    for p in (1, -1):
        ours, theirs = (np.sort(spectrum(m, p, 9).ravel()) for m in (model, mirrored))
        # Different magnetic cells, so that only averages over k compare.
        assert (ours**3).mean() == pytest.approx((theirs**3).mean(), rel=1e-9)
    assert abs((spectrum(model, 1, 9) ** 3).mean() - (spectrum(model, -1, 9) ** 3).mean()) > 1e-3


@pytest.mark.parametrize(
    ("p", "q"),
    [(1, 0), (1, -3), (0.5, 3), (1, 2.5), (1, (2, 0)), (1, (2, 2, 2)), (1, [[2]]), ([1], 2)],
)
def test_refuses_bad_flux(p, q):
    with pytest.raises(ValueError, match="expected whole numbers with q >= 1"):
        ck.finite.with_flux(TRIVIAL, p, q)


def test_refuses_other_models():
    for model in (ck.models.massive_dirac(1, 1), ck.TightBinding([[1.0]], [[0.0]], [])):
        with pytest.raises(ValueError, match="expected a TightBinding in 2D"):
            ck.finite.with_flux(model, 1, 3)


def test_torus_of_other_shapes():
    """One flux quantum through a torus of N cells puts N + C states below the gap, however long
    and wide it is."""
    for shape in (30, (6, 5), (5, 6), (1, 30), (2, 15)):
        for p in (1, -1):
            torus = ck.finite.with_flux(ck.models.qwz(-1), p, shape)
            below = np.linalg.eigvalsh(torus.hamiltonian(np.array([0.03, 0.1]))) < 0
            assert below.sum() == 30 + p


def test_magnetic_cells_of_one_field_agree():
    """Averages over the zone of powers of H know of no magnetic cell, also with long hops."""
    rng = np.random.default_rng(2)
    hops = [
        (i, j, R, complex(*rng.normal(size=2)))
        for i, j in ((0, 0), (0, 1), (1, 1))
        for R in ((1, 0), (2, -1), (0, 1), (-3, 2))
    ]
    model = ck.TightBinding([[0.3, 1.1], [1.2, 0.2]], [[0, 0.1], [0.4, 0.7]], hops)

    def mean_cube(p, shape):
        field = ck.finite.with_flux(model, p, shape)
        k = ck.uniform_mesh(field.lattice, 12, shift=0.3)
        return (np.linalg.eigvalsh(field.hamiltonian(k)) ** 3).mean()

    # Loops of three hops wind at most nine times around a zone: 12 points sum them exactly.
    one = mean_cube(1, 6)
    assert one == pytest.approx(mean_cube(1, (6, 1)), rel=1e-12)
    for shape in ((3, 2), (2, 3), (1, 6)):
        assert mean_cube(1, shape) == pytest.approx(one, rel=1e-9)
    assert mean_cube(2, (3, 4)) == pytest.approx(one, rel=1e-9)
    assert abs(mean_cube(-1, 6) - one) > 1e-2 * abs(one)


def test_spin_comes_along():
    """S_z commutes with a Kane–Mele Hamiltonian without Rashba coupling, in fields and ribbons."""
    model = ck.models.kane_mele(1, 0.2, 0.0, 0.1)
    for larger in (ck.finite.with_flux(model, 1, (2, 2)), ck.finite.Ribbon(model, 3).chain):
        h = larger.hamiltonian(np.full(larger.dim, 0.3))
        s_x, _, s_z = larger.spin
        np.testing.assert_allclose(s_z @ h, h @ s_z, atol=1e-13)
        assert abs(s_x @ h - h @ s_x).max() > 0.1
    assert ck.finite.with_flux(TRIVIAL, 1, 2).spin is None


def test_equilibrium_on_a_torus():
    """n(B) and G(B) against the bulk, from ±1/q flux quanta."""
    mu, kT = np.array([-2.0, -1.6]), 0.2
    (B, n, G), (minus_B, n_minus, G_minus) = (
        ck.finite.equilibrium(TRIVIAL, p, 36, mu, kT) for p in (1, -1)
    )
    assert B == -minus_B == pytest.approx(2 * np.pi / 36 / TRIVIAL.lattice.cell_volume)
    # The next term is B² ~ 4 % of a slope's own scale.
    M = -(G - G_minus) / (2 * B)
    np.testing.assert_allclose(M, ck.orbital_magnetization(TRIVIAL, mu, kT), rtol=1e-2)
    slope = (n - n_minus) / (2 * B)
    np.testing.assert_allclose(slope, ck.streda(TRIVIAL, mu, kT).dn_dB, rtol=4e-2)
    # n = −∂G/∂μ in the field, by differences.
    step = 1e-3
    up, down = (ck.finite.equilibrium(TRIVIAL, 1, 36, mu + d, kT) for d in (step, -step))
    slope = -(up.grand_potential - down.grand_potential) / (2 * step)
    np.testing.assert_allclose(slope, n, rtol=1e-5)


def test_equilibrium_without_field():
    """p = 0 is the model itself: points are spread over its whole zone."""
    B, n, G = ck.finite.equilibrium(TRIVIAL, 0, 5, mu=-2.0, kT=0.2, points=8)
    assert B == 0
    assert isinstance(n, float)
    assert isinstance(G, float)
    assert n == pytest.approx(ck.electron_density(TRIVIAL, -2.0, 0.2), rel=1e-9)


def test_insulator_in_a_field_follows_streda():
    """T = 0, μ in the gap: n = (1 + C p/q)/A exactly, at any field that leaves the gap open."""
    for p, q in ((1, 31), (-2, 31), (3, 40)):
        found = ck.finite.equilibrium(ck.models.qwz(-1), p, q, mu=0.1)
        assert found.density == pytest.approx(1 + p / q, abs=1e-12)


def test_flakes_and_tori_in_the_same_field():
    """−∂G/∂B of a torus, at a field that is not small, is the current around a flake's middle."""
    B_of = 2 * np.pi / TRIVIAL.lattice.cell_volume
    p, q, mu, kT = 4, 48, -2.0, 0.25
    up, down = (ck.finite.equilibrium(TRIVIAL, p + d, q, mu, kT) for d in (1, -1))
    M = -(up.grand_potential - down.grand_potential) / (up.B - down.B)
    wide_up, wide_down = (ck.finite.equilibrium(TRIVIAL, p + d, q, mu, kT) for d in (2, -2))
    wide = -(wide_up.grand_potential - wide_down.grand_potential) / (wide_up.B - wide_down.B)
    flake = ck.finite.Flake(TRIVIAL, (14, 14), B=B_of * p / q)
    # Central differences over 2h and 4h.
    assert flake.edge_current(mu, kT) == pytest.approx((4 * M - wide) / 3, rel=2e-3)
    assert abs(flake.edge_current(mu, kT) - ck.orbital_magnetization(TRIVIAL, mu, kT)) > 1e-3


def test_refuses_bad_equilibrium():
    with pytest.raises(ValueError, match="at least one wave vector"):
        ck.finite.equilibrium(TRIVIAL, 1, 5, 0.0, points=0)
    with pytest.raises(ValueError, match="at least 0"):
        ck.finite.equilibrium(TRIVIAL, 1, 5, 0.0, kT=-1)
