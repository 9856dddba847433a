"""Reference numbers for the Dirac, Qi–Wu–Zhang and Haldane models.

Each number was established by at least two independent methods outside this library: closed forms
in high precision, energy integrals, other meshes, −∂G/∂B of spectra in a finite magnetic field,
open flakes ⟨r × v⟩ extrapolated in size, lattice Landau levels, moving wavepackets.  A tolerance
above 1e-10 is what those methods agreed to.
"""

from __future__ import annotations

import numpy as np
import pytest

import coursekit as ck

TIGHT = 1e-10
TRIVIAL = (1, 1 / 3, np.pi / 4, 2)
CHERN = (1, 1 / 3, np.pi / 4, 0.3)
GRAPHENE = ck.models.gapped_graphene(1.0, 0.1)


def scaled(model, factor):
    """The same model in another unit of energy."""
    blocks = {R: factor * block for R, block in model.blocks.items()}
    return ck.TightBinding.from_blocks(model.lattice, model.orbitals, blocks)


# At one k --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("v", "delta", "tau", "k", "omega", "m"),
    [
        (1.0, 1.0, 1, (0.0, 0.0), 0.5, -0.5),
        (1.0, 1.0, 1, (0.3, 0.4), 0.3577708763999663, -0.4),
        (1.3, 0.2, -1, (0.1, -0.25), -2.5793272272025622, 1.0398400246115982),
        (1.0, -0.5, 1, (0.7, 0.2), -0.3629093058155755, 0.3205128205128205),
    ],
)
def test_dirac_geometry(v, delta, tau, k, omega, m):
    model = ck.models.massive_dirac(v, delta, tau)
    np.testing.assert_allclose(ck.berry_curvature(model, k), [omega, -omega], atol=TIGHT)
    np.testing.assert_allclose(ck.orbital_moment(model, k), [m, m], atol=TIGHT)


# The Dirac moment in Bohr magnetons, v = a t, for (a in Å, t and gap in eV): MoS₂ and WSe₂.
@pytest.mark.parametrize(
    ("a", "t", "gap", "bohr_magnetons"),
    [(3.193, 1.10, 1.66, 1.9505279706735652), (3.310, 1.19, 1.60, 2.545112540329388)],
)
def test_valley_moment_of_dichalcogenides(a, t, gap, bohr_magnetons):
    model = ck.models.massive_dirac(a * t, gap / 2)
    # μ_B in units of (e/ħ) eV Å² is ħ²/2mₑ.
    moment = ck.orbital_moment(model, [0.0, 0.0]) / 3.8099821161548593
    np.testing.assert_allclose(abs(moment), bohr_magnetons, rtol=1e-9)


@pytest.mark.parametrize(
    ("model", "k", "energies", "omega", "m"),
    [
        (
            ck.models.qwz(-1, 0.2), (0.3, 0.7),
            (-0.6664126538259236, 1.3544841243899612), 0.4795590488965021, -0.4845696684396075,
        ),
        (ck.models.qwz(-1), (0.0, 1.1), (-1.0, 1.0), 0.5, -0.5),
        (
            ck.models.haldane(*TRIVIAL), (1.0, -0.4),
            (-2.35780118047606, 4.4236904032585445), -0.0010151020064849202, 0.003441952856804798,
        ),
    ],
)  # fmt: skip
def test_lattice_geometry(model, k, energies, omega, m):
    np.testing.assert_allclose(ck.solve(model, k).energies, energies, atol=TIGHT)
    np.testing.assert_allclose(ck.berry_curvature(model, k), [omega, -omega], atol=TIGHT)
    np.testing.assert_allclose(ck.orbital_moment(model, k), [m, m], atol=TIGHT)


# K and K′ of gapped graphene, and a generic k of the kagome lattice.
@pytest.mark.parametrize(
    ("model", "k", "energies", "omega", "m"),
    [
        (GRAPHENE, (4 * np.pi / 3, 0), (-0.1, 0.1), (-37.5, 37.5), (3.75, 3.75)),
        (GRAPHENE, (-4 * np.pi / 3, 0), (-0.1, 0.1), (37.5, -37.5), (-3.75, -3.75)),
        (
            ck.models.kagome(0.6), (0.5, 1.1),
            (-2.4361940646577067, -1.137744953505653, 3.5739390181633595),
            (-0.10021386580344331, 0.09713699391847007, 0.003076871884973244),
            (0.06393925720288253, 0.07374118575836568, 0.0069394099596514075),
        ),
    ],
)  # fmt: skip
def test_geometry_of_each_band(model, k, energies, omega, m):
    np.testing.assert_allclose(ck.solve(model, k).energies, energies, atol=TIGHT)
    np.testing.assert_allclose(ck.berry_curvature(model, k), omega, atol=TIGHT)
    np.testing.assert_allclose(ck.orbital_moment(model, k), m, atol=TIGHT)


# Lattice Landau levels: E₀(+B) − E₀(−B) = −2mB; the levels themselves agree to 4e-4.
@pytest.mark.parametrize(("mass", "m"), [(-2.5, 1.0), (-1.7, -5 / 3)])
def test_moment_seen_by_landau_levels(mass, m):
    np.testing.assert_allclose(
        ck.orbital_moment(ck.models.qwz(mass), [0.0, 0.0]), [m, m], atol=TIGHT
    )


@pytest.mark.parametrize("offset", [1e-2, -1e-2, 1e-4, -1e-4, 1e-6, -1e-6])
def test_near_degeneracy(offset):
    """A gap of 2e-6 in a bandwidth of 4 is legitimate."""
    mass = -2 + offset
    d = mass + 2  # as stored in double precision
    model = ck.models.qwz(mass)
    # Relative to the energy scale the gap holds 10 digits at the least.
    omega, m = np.sign(d) / (2 * d**2), -1 / (2 * d)
    np.testing.assert_allclose(ck.berry_curvature(model, [0, 0]), [omega, -omega], rtol=1e-6)
    np.testing.assert_allclose(ck.orbital_moment(model, [0, 0]), [m, m], rtol=1e-6)


def test_orbital_positions_matter():
    k = [0.3, 0.7]
    inside = ck.models.haldane(*CHERN)
    dropped = ck.TightBinding.from_blocks(inside.lattice, np.zeros((2, 2)), inside.blocks)
    for model, omega, m in [
        (inside, -0.0001582562991296704, 0.0004542103428868721),
        (dropped, -0.0006580870677264064, 0.0018887712800392835),
    ]:
        assert ck.berry_curvature(model, k)[0] == pytest.approx(omega, abs=TIGHT)
        assert ck.orbital_moment(model, k)[0] == pytest.approx(m, abs=TIGHT)
    # C3 symmetry hides the difference in σ and M of this very model, also where it is a metal.
    for mu, kT, sigma, M in [
        (-1.7, 0.15, 0.07300787567147911, 0.07911739959041884),
        (-0.6, 0.0, 0.15915494309189532, 0.02398978429954701),
    ]:
        for model in (inside, dropped):
            assert ck.anomalous_hall(model, mu, kT) == pytest.approx(sigma, abs=TIGHT)
            assert ck.orbital_magnetization(model, mu, kT) == pytest.approx(M, abs=TIGHT)


# Chern numbers ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "lower"),
    [
        (ck.models.qwz(-3), 0),
        (ck.models.qwz(-1), 1),
        (ck.models.qwz(1), -1),
        (ck.models.qwz(3), 0),
        (ck.models.qwz(-0.3), 1),
        (ck.models.qwz(1.9), -1),
        # Here a plaquette sum on half-shifted meshes up to 80 × 80 gives the wrong integer.
        (ck.models.qwz(-1.999), 1),
        (ck.models.qwz(-1.9999), 1),
        (ck.models.qwz(-2.0001), 0),
        (ck.models.haldane(*TRIVIAL), 0),
        (ck.models.haldane(*CHERN), -1),
        (ck.models.haldane(1, 0.2, -np.pi / 2, 0), 1),
        (ck.models.haldane(1, 0.15, np.pi / 2, 0.2), -1),
        # 2 % above and below the transition at 3√3 t₂.
        (ck.models.haldane(1, 0.15, np.pi / 2, 0.795011), 0),
        (ck.models.haldane(1, 0.15, np.pi / 2, 0.763834), -1),
    ],
)
def test_chern_numbers(model, lower):
    assert ck.chern_number(model, 1) == lower
    assert ck.chern_number(model, (1,)) == -lower


@pytest.mark.parametrize(
    ("model", "numbers"),
    [
        (ck.models.kagome(0.6), [-1, 0, 1]),
        (ck.models.hofstadter(1, 3), [1, -2, 1]),
        (ck.models.hofstadter(2, 5), [-2, 3, -2, 3, -2]),
    ],
)
def test_chern_numbers_of_each_band(model, numbers):
    assert [ck.chern_number(model, (band,)) for band in range(model.n_orb)] == numbers


# Equilibrium -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mu", "kT", "delta", "tau", "M", "sigma"),
    [
        (0.3, 0.1, 1.0, 1, 0.02386600623131485, -0.07957133729949754),
        (1.5, 0.1, 1.0, 1, 0.07952403250072679, -0.053814212474839695),
        (1.5, 0.5, 1.0, -1, -0.06738038026014617, 0.05526184719657982),
        (-0.2, 0.05, 0.5, 1, -0.01590564717955558, -0.07956084667275339),
    ],
)
def test_dirac_equilibrium(mu, kT, delta, tau, M, sigma):
    model = ck.models.massive_dirac(1, delta, tau)
    assert ck.orbital_magnetization(model, mu, kT) == pytest.approx(M, abs=TIGHT)
    assert ck.anomalous_hall(model, mu, kT) == pytest.approx(sigma, abs=TIGHT)


# n, σ_xy, ∫fm, ∫Ω kT ln(1+…), M and ∂n/∂B, the last two with their own tolerances.
@pytest.mark.parametrize(
    ("model", "mu", "kT", "n", "sigma", "m_part", "omega_part", "M", "dn_dB"),
    [
        (
            ck.models.qwz(-1, 0.2), 0.3, 0.05, 1.0000000241436204, -0.1591549317349594,
            -0.15244326377805267, 0.16561788067111888,
            (0.013174616893066217, TIGHT), (0.15915469922437064, TIGHT),
        ),
        (
            ck.models.qwz(-1, 0.2), -0.3, 0.05, 0.9999125337021681, -0.15911223258215745,
            -0.15240030130956375, 0.07012705227974735,
            (-0.08227324902981642, TIGHT), (0.1582543235117906, 3.1e-8),
        ),
        (
            ck.models.qwz(-1, 0.2), 1.3, 0.15, 1.2886754349061011, -0.06374245917874624,
            -0.2543320034965024, 0.30113476723199656,
            (0.04680276373549411, 2.6e-9), (-0.2033679548701616, 4.1e-8),
        ),
        (
            ck.models.haldane(*TRIVIAL), -0.7, 0.05, 1.1547005381432762, 1.0187533903230316e-9,
            0.029707587716311778, -0.024591114618005196,
            (0.005116473098306579, 3.4e-8), (-1.7744815492113554e-8, 1.5e-9),
        ),
        (
            ck.models.haldane(*TRIVIAL), -2.0, 0.2, 0.9720186758208604, 0.01394487650338939,
            0.04295715976068594, -0.018004669011250467,
            (0.02495249074943547, TIGHT), (-0.021873804827343846, 3.5e-9),
        ),
        (
            ck.models.kagome(0.6), -1.6, 0.05, 1.1545454086656386, 0.15912718157979136,
            0.13227742531447237, -0.0825592129877427,
            (0.04971821232672966, TIGHT), (-0.15857329266414488, 1.9e-10),
        ),
        (
            ck.models.kagome(0.6), 1.0, 0.05, 2.309408685020168, 0.15911174305654505,
            0.383201610644013, -0.3833150375920848,
            (-0.00011342694807182722, 4.4e-06), (-0.15876196962906478, 8.3e-06),
        ),
        (
            ck.models.kagome(0.6), 0.0, 0.2, 1.9951057556533127, 0.07887503138834237,
            0.2744828774439711, -0.2697201305877411,
            (0.004762746856230023, 1.1e-09), (0.08293111686858975, 8.4e-09),
        ),
    ],
)  # fmt: skip
def test_lattice_equilibrium(model, mu, kT, n, sigma, m_part, omega_part, M, dn_dB):
    assert ck.electron_density(model, mu, kT) == pytest.approx(n, abs=TIGHT)
    assert ck.anomalous_hall(model, mu, kT) == pytest.approx(sigma, abs=TIGHT)
    assert ck.orbital_magnetization(model, mu, kT) == pytest.approx(M[0], abs=M[1])
    response = ck.streda(model, mu, kT)
    assert response.dn_dB == pytest.approx(dn_dB[0], abs=dn_dB[1])
    # A sixth-order difference with steps of kT/10 is good to some 1e-8 of M/kT.
    assert response.dM_dmu == pytest.approx(dn_dB[0], abs=dn_dB[1] + 2e-9)
    moment, center_of_mass = ck.magnetization_parts(model, mu, kT)
    assert moment == pytest.approx(m_part, abs=TIGHT)
    assert center_of_mass == pytest.approx(omega_part, abs=TIGHT)


def test_metal_at_zero_temperature():
    """μ inside the conduction band, whose bottom is at 0.7."""
    model = ck.models.qwz(-2.5, 0.1)
    assert ck.electron_density(model, 1.0) == pytest.approx(1.02198843968866, abs=2.8e-10)
    assert ck.anomalous_hall(model, 1.0) == pytest.approx(-0.01738778184308324, abs=4.4e-10)
    assert ck.orbital_magnetization(model, 1.0) == pytest.approx(0.016088261304899026, abs=3e-10)
    assert ck.anomalous_hall(model, 1.0, 0.02) == pytest.approx(-0.01730010038436757, abs=TIGHT)


def test_magnetization_without_chern_number():
    for model, mu, M, tolerance in [
        (ck.models.haldane(*TRIVIAL), -0.7, 0.005116473034035362, 3.8e-7),
        # Inversion kept, time reversal broken.
        (ck.models.qwz(-2.5, 0.3), 0.6, 0.006288782448949047, 8.3e-7),
        (ck.models.qwz(-3, 0.3), 0.6, 0.0033267955931242316, 1.5e-9),
    ]:
        assert ck.orbital_magnetization(model, mu) == pytest.approx(M, abs=tolerance)


def test_magnetization_against_haldane_phase():
    """M(φ), t₁ = 1, t₂ = 1/3, Δ = 2, μ in the middle of the gap, from φ = 0 to π."""
    edges = [
        (-1.605551, 1.0), (-1.757792, 0.413293), (-1.482362, 0.068148), (-0.782477, 0.01711),
        (-0.267949, 0.267949),
    ]  # fmt: skip
    half = [0.0, 0.003091746795689296, 0.005116473034035368, 0.004408432005321068, 0.0]
    edges += [(-top, -bottom) for bottom, top in edges[-2::-1]]
    expected = np.array([*half, *(-M for M in half[-2::-1])])
    M = [
        ck.orbital_magnetization(ck.models.haldane(1, 1 / 3, phi, 2), (low + high) / 2)
        for phi, (low, high) in zip(np.linspace(0, np.pi, 9), edges, strict=True)
    ]
    # 4.1e-6 is what −∂G/∂B agreed to where the gap is small; the formula itself is good to 1e-9.
    np.testing.assert_allclose(M, expected, atol=1e-9)


@pytest.mark.parametrize(
    ("model", "mu", "kT", "M"),
    [
        (ck.models.haldane(*TRIVIAL), 0.0, 0.0, 0.005116473034035363),
        (ck.models.haldane(*TRIVIAL), 0.0, 0.05, 0.004676614250738711),
        (ck.models.haldane(*CHERN), -0.3, 0.05, -0.023756480407279904),
        (ck.models.haldane(*CHERN), 0.3, 0.05, -0.10566543334419931),
        (ck.models.qwz(-1, 0.2), -0.3, 0.05, -0.08227324902981642),
        (ck.models.qwz(-1, 0.2), 0.3, 0.05, 0.013174616893066217),
        (ck.models.haldane(*TRIVIAL), -2.0, 0.2, 0.02495249074943546),
        (ck.models.haldane(*CHERN), -0.9, 0.1, 0.07155013984827256),
        (ck.models.haldane(*CHERN), -0.3, 0.1, -0.023668797816712234),
    ],
)
def test_magnetization_of_flakes(model, mu, kT, M):
    """Bulk values that open flakes approach; the flakes agree to 1e-4 or better."""
    assert ck.orbital_magnetization(model, mu, kT) == pytest.approx(M, abs=1e-9)


# Limits ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("unit", [1e-9, 1e-3, 1e3, 1e6])
def test_unit_of_energy(unit):
    model = scaled(ck.models.qwz(-1, 0.2), unit)
    k = [0.3, 0.7]
    assert ck.berry_curvature(model, k)[0] == pytest.approx(0.4795590488965021, abs=TIGHT)
    assert ck.orbital_moment(model, k)[0] / unit == pytest.approx(-0.4845696684396076, abs=TIGHT)
    mu, kT = 0.3 * unit, 0.05 * unit
    assert ck.anomalous_hall(model, mu, kT) == pytest.approx(-0.1591549317349594, abs=TIGHT)
    M = ck.orbital_magnetization(model, mu, kT)
    assert M / unit == pytest.approx(0.013174616893066217, abs=TIGHT)
    assert ck.chern_number(model, 1) == 1


def test_low_temperature_limit_of_an_insulator():
    M = ck.orbital_magnetization(ck.models.qwz(-1, 0.2), 0.3, [0, 1e-3, 1e-6, 1e-12, 1e-300])
    np.testing.assert_allclose(M, 0.013174628531677581, atol=TIGHT)


def test_high_temperature_limit():
    model = ck.models.qwz(-1, 0.2)
    assert ck.anomalous_hall(model, 0.3, 1e3) == pytest.approx(-7.62216269943903e-5, abs=TIGHT)
    # Terms of size 100 cancel to 1e-11, so that the tolerance cannot be relative to M.
    assert ck.orbital_magnetization(model, 0.3, 1e3) == pytest.approx(-8.33e-12, abs=1e-13)


# Motion ----------------------------------------------------------------------------------------


def test_anomalous_displacement():
    """Half a Bloch period of the lower band from k = 0 in E ŷ: Δx = +π/2, Δy = 0.

    A wavepacket on a lattice moves by +1.5578, and +1.5613 is this average over the packet.
    """
    model, E = ck.models.qwz(-1), 0.05
    # ħk̇ = qE: k_y runs from 0 to −π in the time π/E; the integrand is periodic or constant there.
    times = (np.arange(400) + 0.5) * np.pi / E / 400
    k = np.stack([np.zeros(400), -E * times], axis=-1)
    v = ck.anomalous_velocity(ck.berry_curvature(model, k)[:, 0], [0.0, E])
    np.testing.assert_allclose(v.sum(axis=0) * np.pi / E / 400, [np.pi / 2, 0.0], atol=TIGHT)


def test_cyclotron_frequency_of_a_dirac_electron():
    """ω = −B ∂ε̃/∂(k²/2) / D, with the band energy ε̃ = ε − mB and phase-space density D."""
    B, k = 0.1, 0.5
    model = ck.models.massive_dirac(1, 1)

    def energy(k):
        return ck.solve(model, [k, 0]).energies[1] - B * ck.orbital_moment(model, [k, 0])[1]

    h = 1e-3
    slope = (8 * (energy(k + h) - energy(k - h)) - energy(k + 2 * h) + energy(k - 2 * h)) / (12 * h)
    density = ck.phase_space_density(ck.berry_curvature(model, [k, 0])[1], B)
    # A fourth-order difference with h = 1e-3: error h⁴/30 times a fifth derivative of order 10.
    assert B * slope / k / density == pytest.approx(0.08612398443917776, abs=1e-11)


def test_thouless_pump():
    """Electrons of Rice and Mele's chain move by +1 cell in a cycle, whose C in (k, θ) is −1."""
    theta = 2 * np.pi * np.arange(41) / 40
    chains = [ck.models.rice_mele(1.0, 0.5 * np.cos(t), 0.7 * np.sin(t)) for t in theta]
    centres = np.array([ck.wannier_centers(chain, 1)[0] for chain in chains])
    assert np.unwrap(centres, period=1)[-1] - centres[0] == pytest.approx(1, abs=1e-9)
