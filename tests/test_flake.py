"""Open flakes: magnetization from currents, energies and local markers, against the bulk."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import expm

import coursekit as ck
from coursekit.finite.currents import circulation_weights

TRIVIAL = ck.models.haldane(1, 1 / 3, np.pi / 4, 2)
CHERN = ck.models.haldane(1, 1 / 3, np.pi / 4, 0.3)
QWZ = ck.models.qwz(-1, 0.2)


def random_model(seed, n_orb=2, spin=None):
    """Hops of any kind, also between orbitals at one place, on an oblique left-handed lattice."""
    rng = np.random.default_rng(seed)
    vectors = np.array([[0.3, 1.1], [1.2, 0.2]])
    positions = rng.uniform(-0.3, 1.2, (n_orb, 2))
    positions[-1] = positions[0]
    translations = [(1, 0), (0, 1), (1, 1), (-1, 2)]
    hops = [
        (i, j, R, complex(*rng.normal(size=2)))
        for i in range(n_orb)
        for j in range(n_orb)
        for R in translations
    ]
    hops += [(i, j, (0, 0), complex(*rng.normal(size=2))) for i in range(n_orb) for j in range(i)]
    return ck.TightBinding(vectors, positions, hops, rng.normal(size=n_orb), spin=spin)


# Against a second program ----------------------------------------------------------------------


def dense_flake(model, size):
    """H (N, N) and positions (N, 2) of size² cells, from the blocks."""
    n = model.n_orb
    h = np.zeros((size, size, n, size, size, n), dtype=complex)
    cells = np.arange(size)
    for (r1, r2), block in model.blocks.items():
        for a in cells[(cells + r1 >= 0) & (cells + r1 < size)]:
            for b in cells[(cells + r2 >= 0) & (cells + r2 < size)]:
                h[a, b, :, a + r1, b + r2, :] = block
    cell = np.stack(np.meshgrid(cells, cells, indexing="ij"), axis=-1)[:, :, None, :]
    positions = (cell + model.orbitals).reshape(-1, 2) @ model.lattice.vectors
    return h.reshape(len(positions), -1), positions


def fermi(energies, mu, kT):
    return 1.0 * (energies < mu) if kT == 0 else 1 / (1 + np.exp((energies - mu) / kT))


@pytest.mark.parametrize("model", [CHERN, QWZ, random_model(0), random_model(1, 3)])
def test_against_dense_matrices(model):
    """Im Tr ρ x H y per area, ρᵢᵢ, and G, with ρ a full matrix; several μ and kT at once."""
    flake = ck.finite.Flake(model, (5, 5))
    h, r = dense_flake(model, 5)
    np.testing.assert_array_equal(flake.hamiltonian.toarray(), h)
    np.testing.assert_allclose(flake.positions, r, atol=1e-14)
    energies, states = np.linalg.eigh(h)
    x, y = r.T
    mu, kT = np.array([[-0.31], [0.2], [1.0]]), np.array([0.0, 0.1])
    M, density, G = (
        getattr(flake, name)(mu, kT) for name in ("magnetization", "density", "grand_potential")
    )
    assert (M.shape, density.shape, G.shape) == ((3, 2), (3, 2, flake.n_sites), (3, 2))
    area = 25 * model.lattice.cell_volume
    assert flake.area == pytest.approx(area, rel=1e-14)
    for a, m in enumerate(mu[:, 0]):
        for b, t in enumerate(kT):
            f = fermi(energies, m, t)
            rho = (states * f) @ states.conj().T
            expected = (rho.T * (x[:, None] * h * y)).sum().imag / area
            assert M[a, b] == pytest.approx(expected, abs=1e-12)
            np.testing.assert_allclose(density[a, b], rho.diagonal().real, atol=1e-12)
            sea = np.maximum(m - energies, 0) if t == 0 else t * np.logaddexp(0, (m - energies) / t)
            assert G[a, b] == pytest.approx(-sea.sum(), rel=1e-12)
    single = flake.magnetization(0.2, 0.1)
    assert isinstance(single, float)
    assert single == pytest.approx(M[1, 1], abs=1e-14)
    assert isinstance(flake.grand_potential(0.2), float)
    assert isinstance(flake.edge_current(0.2), float)


def test_velocity_is_the_commutator():
    flake = ck.finite.Flake(random_model(2), (4, 3), B=0.3)
    h = flake.hamiltonian.toarray()
    for v, r in zip(flake.velocity, flake.positions.T, strict=True):
        np.testing.assert_allclose(v.toarray(), 1j * (h * r - r[:, None] * h), atol=1e-13)


def test_states_wait_until_they_are_needed():
    flake = ck.finite.Flake(QWZ, (120, 120))
    assert flake.hamiltonian.nnz == 14400 * 2 + 4 * (14400 - 120) * 4
    with pytest.raises(ValueError, match="28800 sites; expected at most 5000"):
        flake.density(0.0)


# Magnetization three ways ----------------------------------------------------------------------

SIZES = [12, 15, 18, 21]


# Values of an independent program, from bulk formulas and from its own flakes.
@pytest.mark.parametrize(
    ("model", "mu", "kT", "expected", "tolerance", "local"),
    [
        # Insulator: what is left beyond 1/L² decays as e^{−L/ξ}.
        (TRIVIAL, 0.0, 0.0, 0.005116473034, 5e-9, True),
        # A metal, smooth on the scale of the level spacing.
        (TRIVIAL, -2.0, 0.2, 0.024952490749, 5e-10, False),
        # Chiral edge states at μ; ħv/πkT is 3 cells.
        (CHERN, -0.9, 0.1, 0.071550139848, 1e-6, False),
        (CHERN, -0.3, 0.1, -0.023668797817, 1e-6, False),
        # At half the temperature the discrete levels of the edge show.
        (CHERN, -0.3, 0.05, -0.023756480407, 4e-4, True),
        (QWZ, 0.3, 0.05, 0.013174616893, 2e-4, True),
        (QWZ, -0.3, 0.05, -0.082273249030, 2e-4, True),
    ],
)
def test_magnetization_of_the_bulk(model, mu, kT, expected, tolerance, local, flakes):
    pieces = [flakes(model, size) for size in SIZES]
    found = ck.finite.extrapolate(SIZES, [piece.magnetization(mu, kT) for piece in pieces])
    assert found.bulk == pytest.approx(expected, abs=tolerance)
    # Edges have their say, and it goes as 1/L.
    assert abs(found.edge) > 1e-3
    # The current around the middle needs no extrapolation: e^{−L/ξ}, e^{−πLkT/ħv} are left.
    assert pieces[-1].edge_current(mu, kT) == pytest.approx(expected, abs=1e-6)
    if local:
        cold = pieces[-1].local_magnetization(mu).reshape(21, 21)
        # The temperature matters in the fifth digit.
        assert cold[10, 10] == pytest.approx(expected, abs=3e-4 if kT else 2e-7)
        assert cold[10, 10] == pytest.approx(ck.orbital_magnetization(model, mu), abs=3e-7)


@pytest.fixture(scope="module")
def flakes():
    """Flakes that share their diagonalisation."""
    kept = {}

    def flake(model, size):
        return kept.setdefault((id(model), size), ck.finite.Flake(model, (size, size)))

    return flake


@pytest.mark.parametrize("shape", [(4, 5), lambda r: (r**2).sum(axis=1) < 9])
@pytest.mark.parametrize("model", [random_model(3), random_model(4, 4, spin="pairs"), CHERN])
def test_magnetization_is_the_slope_of_the_grand_potential(model, shape):
    """−∂G/∂B /A at fields that are not zero; differences of step h leave h⁴."""
    B, step, mu, kT = 0.4, 2e-3, [-0.5, 0.8], 0.3
    G = {
        n: ck.finite.Flake(model, shape, B=B + n * step).grand_potential(mu, kT)
        for n in (-2, -1, 1, 2)
    }
    slope = (8 * (G[1] - G[-1]) - (G[2] - G[-2])) / (12 * step)
    flake = ck.finite.Flake(model, shape, B=B)
    np.testing.assert_allclose(
        flake.magnetization(mu, kT), -slope / flake.area, atol=1e-6 * abs(slope / flake.area).max()
    )


def test_field_in_another_gauge():
    """A = B x ŷ instead of the symmetric gauge: the same energies, so the same flux."""
    model = random_model(5)
    h, r = dense_flake(model, 4)
    x, y = r.T
    landau = h * np.exp(0.7j * (x[:, None] + x) / 2 * (y - y[:, None]))
    flake = ck.finite.Flake(model, (4, 4), B=0.7)
    np.testing.assert_allclose(flake.energies, np.linalg.eigvalsh(landau), atol=1e-12)
    turned = ck.finite.Flake(model, (4, 4), B=-0.7).energies
    assert abs(flake.energies - turned).max() > 0.05


# Currents --------------------------------------------------------------------------------------


@given(seed=st.integers(0, 2**32 - 1), n_orb=st.integers(1, 3), B=st.floats(-1, 1))
@settings(max_examples=25, deadline=None)
def test_currents_circulate(seed, n_orb, B):
    """Nothing flows out of any site, and ½ Σ I rᵢ × rⱼ is the magnetization."""
    flake = ck.finite.Flake(random_model(seed, n_orb), (4, 3), B=B)
    mu, kT = [-0.5, 1.0], 0.2
    currents = flake.bond_currents(mu, kT)
    scale = abs(currents.current).max() + 1
    assert abs(currents.outflow(flake.n_sites)).max() < 1e-12 * scale
    np.testing.assert_allclose(
        currents.moment() / flake.area, flake.magnetization(mu, kT), atol=1e-11 * scale
    )
    # The current around r₀, summed over the plane, is the moment again.
    vectors = flake.model.lattice.vectors
    around = sum(
        currents.current @ circulation_weights(currents.start, currents.end, vectors, (a, b))
        for a in range(-3, 8)
        for b in range(-3, 8)
    )
    np.testing.assert_allclose(
        around * flake.model.lattice.cell_volume, currents.moment(), atol=1e-11 * scale
    )


def test_current_is_the_slope_against_a_phase():
    """Charge current from i to j is −∂G/∂∫A·dl on the bond; electrons get t e^{+i∫A·dl}."""
    flake = ck.finite.Flake(random_model(6), (3, 3))
    mu, kT, step = 0.3, 0.2, 1e-4
    currents = flake.bond_currents(mu, kT)
    h = flake.hamiltonian.toarray()
    for bond in (0, 7, 40):
        i, j = currents.bonds[bond]

        def G(theta, i=i, j=j):
            turned = h.copy()
            turned[i, j] *= np.exp(1j * theta)
            turned[j, i] *= np.exp(-1j * theta)
            e = np.linalg.eigvalsh(turned)
            return -kT * np.logaddexp(0, (mu - e) / kT).sum()

        slope = (G(step) - G(-step)) / (2 * step)
        assert currents.current[bond] == pytest.approx(-slope, abs=1e-7)


def test_share_of_a_bond_in_the_current_around_a_cell():
    """Against counting crossings of rays from many points of the cell; the left-handed basis."""
    rng = np.random.default_rng(0)
    vectors = np.array([[0.3, 1.1], [1.2, 0.2]])
    start, end = rng.uniform(-2, 2, (2, 30, 2))
    end[0] = start[0] + 0.7 * vectors[0]  # along the ray
    end[1] = start[1] + 0.7 * vectors[1]  # across it
    end[2] = start[2]
    corner = np.array([-0.3, -0.4])
    n = 200
    u, w = np.meshgrid((np.arange(n) + 0.5) / n, (np.arange(n) + 0.5) / n)
    (u1, w1), (u2, w2) = ((r @ np.linalg.inv(vectors) - corner).T for r in (start, end))
    counted = np.zeros(30)
    for b in range(30):
        sign = np.where((w1[b] < w) & (w < w2[b]), 1, 0) - np.where((w2[b] < w) & (w < w1[b]), 1, 0)
        rise = w2[b] - w1[b] or 1.0
        right = u1[b] + (w - w1[b]) / rise * (u2[b] - u1[b]) > u
        counted[b] = (sign * right).mean()
    share = circulation_weights(start, end, vectors, corner)
    # A line through 200² squares; left-handed, so that climbing is clockwise.
    np.testing.assert_allclose(share, -counted, atol=2 / n)
    assert share[0] == share[2] == 0


def test_edge_electrons_of_a_chern_insulator_run_clockwise():
    """A packet of gap states at the upper edge, moved by Schrödinger's equation: C = +1 goes +x."""
    for m, way in ((-1, 1), (1, -1)):
        flake = ck.finite.Flake(ck.models.qwz(m), (15, 15))
        spot = np.exp(-(((flake.positions - [7, 14]) / 1.5) ** 2).sum(axis=1))
        gap = flake.states[:, abs(flake.energies) < 0.6]
        psi = gap @ (gap.conj().T @ spot)
        psi /= np.linalg.norm(psi)
        moved = expm(-4j * flake.hamiltonian.toarray()) @ psi
        (x0, y0), (x1, y1) = (abs(p) ** 2 @ flake.positions for p in (psi, moved))
        # Edge states have velocities of 1 or somewhat less.
        assert way * (x1 - x0) > 2.5
        assert min(y0, y1) > 12
        # Clockwise electrons make a moment up.
        assert way * flake.magnetization(0.3) > way * flake.magnetization(0.0)


# Markers ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "mu", "chern"),
    [
        (ck.models.qwz(-1), 0.05, 1),
        (ck.models.qwz(1), 0.05, -1),
        (ck.models.qwz(-3), 0.0, 0),
        (CHERN, -0.3, -1),
        (TRIVIAL, 0.0, 0),
        (ck.models.kane_mele(1, 0.2, 0.05, 0.1), 0.0, 0),
    ],
)
def test_chern_marker(model, mu, chern):
    flake = ck.finite.Flake(model, (14, 14))
    marker = flake.chern_marker(mu)
    assert marker.shape == (196,)
    # e^{−L/ξ} from the edge.
    assert marker.reshape(14, 14)[6:8, 6:8].mean() == pytest.approx(chern, abs=4e-3)
    assert chern == ck.chern_number(model, model.n_orb // 2)
    assert abs(marker.sum()) < 1e-9


def test_chern_marker_of_a_landau_level():
    """A third of a flux quantum per square: t = 1 in the first gap and −1 in the second."""
    square = ck.TightBinding(np.eye(2), [[0, 0]], [(0, 0, R, -1.0) for R in ((1, 0), (0, 1))])
    flake = ck.finite.Flake(square, (20, 20), B=2 * np.pi / 3)
    for mu, t in ((-1.2, 1), (1.2, -1)):
        marker = flake.chern_marker(mu).reshape(20, 20)
        assert marker[6:14, 6:14].mean() == pytest.approx(t, abs=3e-2)


@pytest.mark.parametrize("model", [QWZ, random_model(7)])
def test_local_magnetization_sums_up(model):
    flake = ck.finite.Flake(model, (6, 5))
    mu = (flake.energies[29] + flake.energies[30]) / 2
    local = flake.local_magnetization(mu)
    assert local.mean() == pytest.approx(flake.magnetization(mu), rel=1e-9, abs=1e-12)


def test_local_magnetization_follows_mu_with_the_chern_number():
    flake = ck.finite.Flake(CHERN, (16, 16))
    low, high = (flake.local_magnetization(mu).reshape(16, 16)[8, 8] for mu in (-0.5, -0.1))
    assert (high - low) / 0.4 == pytest.approx(-1 / (2 * np.pi), rel=1e-3)


def test_mu_at_a_state_is_refused():
    flake = ck.finite.Flake(QWZ, (3, 3))
    for marker in (flake.chern_marker, flake.local_magnetization):
        with pytest.raises(ValueError, match="a state lies at mu"):
            marker(float(flake.energies[4]))
        with pytest.raises(ValueError, match="expected one finite energy"):
            marker(np.nan)


# Shapes ----------------------------------------------------------------------------------------


def test_polygon_mask_and_cells_agree():
    """The same square cut out three ways."""
    corners = [[-0.5, -0.5], [4.5, -0.5], [4.5, 3.5], [-0.5, 3.5]]
    ways = [
        (5, 4),
        corners,
        corners[::-1],
        lambda r: (r > -0.5).all(axis=1) & (r[:, 0] < 4.5) & (r[:, 1] < 3.5),
    ]
    flakes = [ck.finite.Flake(QWZ, shape) for shape in ways]
    for flake in flakes:
        np.testing.assert_array_equal(flake.positions, flakes[0].positions)
        np.testing.assert_array_equal(flake.per_cell(np.ones(40)), np.full(20, 2))
        assert flake.magnetization(0.1, 0.2) == pytest.approx(flakes[0].magnetization(0.1, 0.2))
        assert flake.area == 20
    assert repr(flakes[0]) == "<Flake: 40 sites, area 20>"
    assert repr(ck.finite.Flake(QWZ, (1, 1), B=0.5)) == "<Flake: 2 sites, area 1, B=0.5>"


def test_hexagon_of_honeycomb():
    """A ring of carbon: orbitals are cut one by one, and the area is that of three cells."""
    middle = (CHERN.lattice.vectors.sum(axis=0)) * 2 / 3
    flake = ck.finite.Flake(CHERN, lambda r: np.linalg.norm(r - middle, axis=1) < 0.6)
    assert flake.n_sites == 6
    assert flake.area == pytest.approx(3 * CHERN.lattice.cell_volume)
    cells = np.unique(flake.cells, axis=0)
    assert flake.per_cell(np.ones((2, 6))).shape == (2, len(cells))
    assert flake.per_cell(flake.density(0.0)).sum() == pytest.approx(flake.density(0.0).sum())
    corners = middle + 0.7 * np.array([[np.cos(a), np.sin(a)] for a in np.arange(6) * np.pi / 3])
    same = ck.finite.Flake(CHERN, corners)
    np.testing.assert_array_equal(same.positions, flake.positions)


def test_disc_has_the_magnetization_of_the_bulk():
    """M does not care for the shape of the edge."""
    M = ck.orbital_magnetization(CHERN, -0.3, 0.1)
    disc = ck.finite.Flake(CHERN, lambda r: (r**2).sum(axis=1) < 90.0)
    assert disc.edge_current(-0.3, 0.1) == pytest.approx(M, abs=1e-5)


def test_single_site():
    atom = ck.TightBinding(np.eye(2), [[0, 0]], [], onsite=0.4)
    flake = ck.finite.Flake(atom, (1, 1))
    assert flake.density(0.4, 0.1).tolist() == pytest.approx([0.5])
    assert flake.bond_currents(0.0).current.shape == (0,)
    assert flake.magnetization(1.0) == 0
    empty = ck.finite.Flake(ck.TightBinding(np.eye(2), [[0, 0]], []), (2, 2))
    assert empty.grand_potential(0.5) == -2


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((0, 3), "at least one along each"),
        ((2.5, 3), "at least one along each"),
        ((1000, 1000), "at most 100000"),
        ([1, 2, 3], "corners"),
        ([[0, 0], [1, 1]], "corners"),
        ([[0, 0], [1, np.nan], [0, 1]], "NaN or inf"),
        ([[0.2, 0.2], [0.3, 0.2], [0.2, 0.3]], "holds no site"),
        ([[0, 0], [1e4, 0], [0, 1e4]], "at most 100000"),
        (lambda r: np.ones(len(r), dtype=bool), "at most 100000"),
        (lambda r: np.zeros(len(r), dtype=bool), "256 cells around, holds no site"),
        (lambda r: r[:, 0], "expected one bool for each"),
        (lambda r: r > 0, "expected one bool for each"),
    ],
)
def test_refuses_bad_shapes(shape, message):
    with pytest.raises(ValueError, match=message):
        ck.finite.Flake(QWZ, shape)


def test_refuses_bad_input():
    with pytest.raises(ValueError, match="expected a TightBinding in 2D"):
        ck.finite.Flake(ck.models.massive_dirac(1, 1), (3, 3))
    for B in (np.inf, [1.0], 1j):
        with pytest.raises(ValueError, match="expected one finite number"):
            ck.finite.Flake(QWZ, (3, 3), B=B)
    flake = ck.finite.Flake(QWZ, (2, 2))
    with pytest.raises(ValueError, match="expected finite"):
        flake.magnetization(np.nan)
    with pytest.raises(ValueError, match="at least 0"):
        flake.density(0.0, -1.0)
    with pytest.raises(ValueError, match=r"expected \(..., 8\)"):
        flake.per_cell(np.ones(7))


def test_tiny_temperature_and_other_units():
    flake = ck.finite.Flake(CHERN, (5, 5))
    assert flake.magnetization(-0.3, 1e-300) == flake.magnetization(-0.3)
    small = ck.TightBinding.from_blocks(
        CHERN.lattice, CHERN.orbitals, {R: 1e-9 * b for R, b in CHERN.blocks.items()}
    )
    scaled = ck.finite.Flake(small, (5, 5))
    assert scaled.magnetization(-3e-10, 1e-10) == pytest.approx(
        1e-9 * flake.magnetization(-0.3, 0.1), rel=1e-10
    )
    np.testing.assert_allclose(
        scaled.chern_marker(-3e-10), flake.chern_marker(-0.3), rtol=1e-8, atol=1e-8
    )


# Extrapolation ---------------------------------------------------------------------------------


def test_extrapolation_is_exact_for_its_terms():
    sizes = np.array([5.0, 8, 12, 13])
    terms = np.array([[1.0, -0.3], [2.0, 0.1], [-7.0, 4.0]])
    values = sum(term / sizes[:, None] ** n for n, term in enumerate(terms))
    np.testing.assert_allclose(ck.finite.extrapolate(sizes, values), terms, rtol=1e-9)
    assert all(isinstance(x, float) for x in ck.finite.extrapolate(sizes, values[:, 0]))


@pytest.mark.parametrize(
    ("sizes", "values", "message"),
    [
        ([4, 8], [1, 1], "at least three"),
        ([4, 8, 8], [1, 1, 1], "at least three"),
        ([4, -8, 9], [1, 1, 1], "at least three"),
        ([4, 8, 9], [1, 1], "one for each of 3"),
        ([4, 8, 9], [1, 1, np.nan], "finite numbers"),
    ],
)
def test_refuses_bad_extrapolation(sizes, values, message):
    with pytest.raises(ValueError, match=message):
        ck.finite.extrapolate(sizes, values)
