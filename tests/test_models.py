"""The models against their formulas."""

from __future__ import annotations

import numpy as np
import pytest

import coursekit as ck


def test_qwz_formula():
    kx, ky, m, tp = 0.3, -1.1, -0.7, 0.2
    common = np.cos(kx) + np.cos(ky)
    lower_left = np.sin(kx) + 1j * np.sin(ky)
    expected = [
        [m + common + tp * common, lower_left.conj()],
        [lower_left, -m - common + tp * common],
    ]
    np.testing.assert_allclose(ck.models.qwz(m, tp).hamiltonian([kx, ky]), expected, atol=1e-15)


def test_haldane_formula():
    """Three bonds of a hexagon and three turns around it, in Cartesian vectors."""
    t1, t2, phi, delta = 1.0, 0.3, 0.4, 0.7
    k = np.array([0.9, -0.5])
    bonds = np.array([[0, 1], [-np.sqrt(3) / 2, -0.5], [np.sqrt(3) / 2, -0.5]]) / np.sqrt(3)
    # B lies at (½, 1/2√3) from A: turn the star of bonds by −60°.
    c, s = 0.5, np.sqrt(3) / 2
    bonds = bonds @ np.array([[c, -s], [s, c]])
    turns = np.array([[1, 0], [-0.5, np.sqrt(3) / 2], [-0.5, -np.sqrt(3) / 2]])
    a = delta + 2 * t2 * np.cos(k @ turns.T + phi).sum()
    b = -delta + 2 * t2 * np.cos(k @ turns.T - phi).sum()
    ab = t1 * np.exp(1j * k @ bonds.T).sum()
    np.testing.assert_allclose(
        ck.models.haldane(t1, t2, phi, delta).hamiltonian(k), [[a, ab], [ab.conj(), b]], atol=1e-14
    )


@pytest.mark.parametrize("tau", [1, -1])
def test_dirac_formula(tau):
    kx, ky = 0.3, -0.4
    h = ck.models.massive_dirac(1.5, 0.2, tau).hamiltonian([kx, ky])
    off = 1.5 * (tau * kx - 1j * ky)
    np.testing.assert_allclose(h, [[0.2, off], [off.conjugate(), -0.2]])


@pytest.mark.parametrize("tau", [0, 2, 0.5, "K"])
def test_refuses_another_valley(tau):
    with pytest.raises(ValueError, match=r"expected the valley, \+1 or -1"):
        ck.models.massive_dirac(1, 1, tau)


@pytest.mark.parametrize("phi", [0.3, 1.2, np.pi / 2, -0.8])
@pytest.mark.parametrize("ratio", [0.9, 1.1, -0.9, -1.1])
def test_haldane_phase_diagram(phi, ratio):
    t2 = 0.15
    delta = ratio * 3 * np.sqrt(3) * t2 * np.sin(phi)
    expected = -np.sign(np.sin(phi)) if abs(ratio) < 1 else 0
    assert ck.chern_number(ck.models.haldane(1, t2, phi, delta), 1) == expected


# Formulas, written with bonds in Cartesian vectors or with sines and cosines ---------------------

SIGMA = np.array([[[0, 1], [1, 0]], [[0, -1j], [1j, 0]], [[1, 0], [0, -1]]])
GENERIC = np.array([0.37, -1.21])
# Hexagonal lattice vectors, and what turns a vector by 60°.
A1, A2 = np.array([1.0, 0.0]), np.array([0.5, np.sqrt(3) / 2])


def test_gapped_graphene_is_haldane_without_its_phase():
    np.testing.assert_allclose(
        ck.models.gapped_graphene(1.3, 0.2).hamiltonian(GENERIC),
        ck.models.haldane(1.3, 0.0, 0.7, 0.2).hamiltonian(GENERIC),
        atol=1e-15,
    )


def test_kagome_formula():
    """A, B and C see each other on both sides: H_AB = 2t e^{iφ/3} cos(k·a₁/2) and so on."""
    flux, t = 0.7, 1.2
    hop = 2 * t * np.exp(1j * flux / 3)
    ab, bc, ca = (hop * np.cos(GENERIC @ d / 2) for d in (A1, A2 - A1, A2))
    expected = [[0, ab, np.conj(ca)], [np.conj(ab), 0, bc], [ca, np.conj(bc), 0]]
    np.testing.assert_allclose(ck.models.kagome(flux, t).hamiltonian(GENERIC), expected, atol=1e-15)


def test_hofstadter_formula():
    kx, ky, p, q, t = 0.37, -1.21, 2, 5, 1.1
    expected = np.diag([-2 * t * np.cos(ky + 2 * np.pi * p * c / q) for c in range(q)]).astype(
        complex
    )
    for c in range(q):
        expected[c, (c + 1) % q] -= t * np.exp(1j * kx)
        expected[(c + 1) % q, c] -= t * np.exp(-1j * kx)
    np.testing.assert_allclose(
        ck.models.hofstadter(p, q, t).hamiltonian([kx, ky]), expected, atol=1e-14
    )


@pytest.mark.parametrize(("p", "q"), [(1, 1), (1, 2), (-2, 5)])
def test_hofstadter_is_a_square_lattice_in_a_field(p, q):
    square = ck.TightBinding(np.eye(2), [[0, 0]], [(0, 0, (1, 0), -1), (0, 0, (0, 1), -1)])
    field = ck.finite.with_flux(square, p, q)
    here = ck.models.hofstadter(p, q)
    k = ck.uniform_mesh(here.lattice, 3, shift=0.2)
    np.testing.assert_allclose(ck.solve(here, k).energies, ck.solve(field, k).energies, atol=1e-13)


@pytest.mark.parametrize(("p", "q"), [(0.5, 2), (1, 2.5), (1, 0), (1, -3)])
def test_hofstadter_needs_whole_numbers(p, q):
    with pytest.raises(ValueError, match="expected whole numbers with q >= 1"):
        ck.models.hofstadter(p, q)


def test_weyl_formula():
    k0, m = 0.8, 0.9
    kx, ky, kz = k = np.array([0.37, -1.21, 0.5])
    d = [np.sin(kx), np.sin(ky), np.cos(kz) - np.cos(k0) - m * (2 - np.cos(kx) - np.cos(ky))]
    np.testing.assert_allclose(
        ck.models.weyl(k0, m).hamiltonian(k), np.tensordot(d, SIGMA, 1), atol=1e-15
    )


def test_kane_mele_formula():
    """Three bonds with Rashba hopping, three turns with the spin's sign, by Kronecker products."""
    t, so, rashba, stagger = 1.1, 0.06, 0.05, 0.1
    up = ck.models.haldane(t, so, np.pi / 2, stagger).hamiltonian(GENERIC)
    down = ck.models.haldane(t, so, -np.pi / 2, stagger).hamiltonian(GENERIC)
    expected = np.kron(np.diag([1, 0]), up) + np.kron(np.diag([0, 1]), down)
    for angle in (30, 150, 270):
        x, y = np.cos(np.radians(angle)), np.sin(np.radians(angle))
        spin = 1j * rashba * (SIGMA[0] * y - SIGMA[1] * x)
        hop = np.exp(1j * GENERIC @ [x, y] / np.sqrt(3)) * np.kron(spin, [[0, 1], [0, 0]])
        expected += hop + hop.conj().T
    model = ck.models.kane_mele(t, so, rashba, stagger)
    np.testing.assert_allclose(model.hamiltonian(GENERIC), expected, atol=1e-14)


def test_bhz_formula():
    M, A, B, C, D = 0.7, 1.1, 0.8, 0.2, 0.3

    def block(kx, ky):
        bend = 2 - np.cos(kx) - np.cos(ky)
        d = [A * np.sin(kx), -A * np.sin(ky), M - 2 * B * bend]
        return (C - 2 * D * bend) * np.eye(2) + np.tensordot(d, SIGMA, 1)

    expected = np.zeros((4, 4), dtype=complex)
    expected[:2, :2] = block(*GENERIC)
    expected[2:, 2:] = block(*-GENERIC).conj()
    np.testing.assert_allclose(
        ck.models.bhz(M, A, B, C, D).hamiltonian(GENERIC), expected, atol=1e-15
    )


def test_lieb_formula():
    t, lam = 1.1, 0.3
    x, y = GENERIC / 2
    # iλ(2 cos(−x + y) − 2 cos(x + y)) = 4iλ sin x sin y.
    ab, ac, bc = 2 * t * np.cos(x), 2 * t * np.cos(y), 4j * lam * np.sin(x) * np.sin(y)
    expected = [[0, ab, ac], [ab, 0, bc], [ac, -bc, 0]]
    np.testing.assert_allclose(ck.models.lieb(t, lam).hamiltonian(GENERIC), expected, atol=1e-15)


def test_checkerboard_formula():
    t, phi, t1, t2, tpp = 1.1, 0.6, 0.3, -0.2, 0.15
    kx, ky = GENERIC
    d = 4 * tpp * np.cos(kx) * np.cos(ky)
    ab = (
        2
        * t
        * (np.exp(1j * phi) * np.cos((kx + ky) / 2) + np.exp(-1j * phi) * np.cos((kx - ky) / 2))
    )
    aa = 2 * t1 * np.cos(kx) + 2 * t2 * np.cos(ky) + d
    bb = 2 * t2 * np.cos(kx) + 2 * t1 * np.cos(ky) + d
    np.testing.assert_allclose(
        ck.models.checkerboard(t, phi, t1, t2, tpp).hamiltonian(GENERIC),
        [[aa, ab], [np.conj(ab), bb]],
        atol=1e-14,
    )


def test_rice_mele_formula():
    """B at ½ turns the periodic formula by e^{ik/2}."""
    J, d, D, k = 1.1, 0.4, 0.3, 0.9
    periodic = J + d + (J - d) * np.exp(-1j * k)
    h = ck.models.rice_mele(J, d, D).hamiltonian([k])
    np.testing.assert_allclose(h[0, 1], periodic * np.exp(1j * k / 2), atol=1e-15)
    np.testing.assert_allclose(h.diagonal(), [D, -D])


def test_rashba_ferromagnet_formula():
    alpha, J, t = 0.6, 0.3, 1.2
    kx, ky = GENERIC
    d = [-alpha * np.sin(ky), alpha * np.sin(kx), -J]
    expected = 2 * t * (2 - np.cos(kx) - np.cos(ky)) * np.eye(2) + np.tensordot(d, SIGMA, 1)
    np.testing.assert_allclose(
        ck.models.rashba_ferromagnet(alpha, J, t).hamiltonian(GENERIC), expected, atol=1e-15
    )


def test_altermagnet_formula():
    """Kronecker products spin ⊗ site; the Rashba bonds one by one."""
    J, td, t, lam = 0.9, 0.2, 1.1, 0.3
    kx, ky = GENERIC
    tau_x, tau_z = np.array([[0, 1], [1, 0]]), np.diag([1, -1])
    expected = (
        -4 * t * np.cos(kx / 2) * np.cos(ky / 2) * np.kron(np.eye(2), tau_x)
        - 2 * td * (np.cos(kx) - np.cos(ky)) * np.kron(np.eye(2), tau_z)
        - J * np.kron(SIGMA[2], tau_z)
    ).astype(complex)
    for x, y in [(1, 1), (-1, 1), (1, -1), (-1, -1)]:
        spin = 1j * lam * (SIGMA[0] * y - SIGMA[1] * x) / np.sqrt(2)
        hop = np.exp(1j * GENERIC @ [x, y] / 2) * np.kron(spin, [[0, 1], [0, 0]])
        expected += hop + hop.conj().T
    model = ck.models.altermagnet(J, td, t, lam)
    np.testing.assert_allclose(model.hamiltonian(GENERIC), expected, atol=1e-14)


@pytest.mark.parametrize("chirality", [1, -1])
def test_kagome_antiferromagnet_formula(chirality):
    """Bonds normal to the outward vectors at −90°, 30° and 150°, moments at 210°, −30° and 90°."""
    J, lam, t, turn = 1.7, 0.2, 1.1, 0.3

    def along(degrees):
        angle = np.radians(degrees)
        return np.cos(angle) * SIGMA[0] + np.sin(angle) * SIGMA[1]

    expected = np.zeros((6, 6), dtype=complex)
    for i, j, d, degrees in [(0, 1, A1, -90), (1, 2, A2 - A1, 30), (2, 0, -A2, 150)]:
        site = np.zeros((3, 3))
        site[i, j] = 1
        hop = np.kron(t * np.eye(2) + 1j * lam * along(degrees), site)
        hop = 2 * np.cos(GENERIC @ d / 2) * hop
        expected += hop + hop.conj().T
    moments = (210, -30, 90) if chirality == 1 else (-30, 210, 90)
    for site, degrees in enumerate(moments):
        expected -= J * np.kron(along(degrees + np.degrees(turn)), np.diag(np.eye(3)[site]))
    model = ck.models.kagome_antiferromagnet(J, lam, t, turn, chirality)
    np.testing.assert_allclose(model.hamiltonian(GENERIC), expected, atol=1e-14)


def test_refuses_another_chirality():
    with pytest.raises(ValueError, match=r"chirality=0; expected \+1 or -1"):
        ck.models.kagome_antiferromagnet(1, 1, chirality=0)


@pytest.mark.parametrize(
    "model",
    [
        ck.models.kane_mele(1, 0.06),
        ck.models.bhz(1),
        ck.models.rashba_ferromagnet(0.6, 0.3),
        ck.models.altermagnet(1, 0.2),
        ck.models.kagome_antiferromagnet(1, 0.2),
    ],
)
def test_models_with_spin_carry_it(model):
    n = model.n_orb // 2
    np.testing.assert_allclose(model.spin, [np.kron(s, np.eye(n)) / 2 for s in SIGMA])
    np.testing.assert_allclose(model.orbitals[:n], model.orbitals[n:])


# Reference numbers, established by at least two independent methods outside this library ---------


def test_gapped_graphene_geometry():
    model = ck.models.gapped_graphene(1.0, 0.1)
    for valley in (1, -1):
        k = [valley * 4 * np.pi / 3, 0]
        np.testing.assert_allclose(ck.solve(model, k).energies, [-0.1, 0.1], atol=1e-10)
        # Relative to their size: the last figure of a gap of 0.2 is 1e-15 of it.
        omega = -37.5 * valley
        np.testing.assert_allclose(ck.berry_curvature(model, k), [omega, -omega], rtol=1e-12)
        np.testing.assert_allclose(ck.orbital_moment(model, k), 3.75 * valley, rtol=1e-12)


def test_kagome_geometry():
    model, k = ck.models.kagome(0.6), [0.5, 1.1]
    for values, expected in [
        (
            ck.solve(model, k).energies,
            [-2.4361940646577067, -1.137744953505653, 3.5739390181633595],
        ),
        (
            ck.berry_curvature(model, k),
            [-0.10021386580344331, 0.09713699391847007, 0.003076871884973244],
        ),
        (
            ck.orbital_moment(model, k),
            [0.06393925720288253, 0.07374118575836568, 0.0069394099596514075],
        ),
    ]:
        np.testing.assert_allclose(values, expected, atol=1e-10)


@pytest.mark.parametrize(
    ("mu", "kT", "n", "sigma", "M", "dn_dB"),
    [
        (
            -1.6, 0.05, 1.1545454086656386, 0.15912718157979136,
            (0.04971821232672966, 1e-10), (-0.15857329266414488, 2e-10),
        ),
        (
            1.0, 0.05, 2.309408685020168, 0.15911174305654505,
            (-0.00011342694807182722, 4.5e-6), (-0.15876196962906478, 8.3e-6),
        ),
        (
            0.0, 0.2, 1.9951057556533127, 0.07887503138834237,
            (0.004762746856230023, 1.1e-9), (0.08293111686858975, 8.4e-9),
        ),
    ],
)  # fmt: skip
def test_kagome_equilibrium(mu, kT, n, sigma, M, dn_dB):
    """The tolerances are what the outside methods agreed to."""
    model = ck.models.kagome(0.6)
    assert ck.electron_density(model, mu, kT) == pytest.approx(n, abs=1e-10)
    assert ck.anomalous_hall(model, mu, kT) == pytest.approx(sigma, abs=1e-10)
    assert ck.orbital_magnetization(model, mu, kT) == pytest.approx(M[0], abs=M[1])
    assert ck.streda(model, mu, kT).dn_dB == pytest.approx(dn_dB[0], abs=dn_dB[1])


# Topology --------------------------------------------------------------------------------------


def chern_numbers(model):
    return [ck.chern_number(model, (band,)) for band in range(model.n_orb)]


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        (ck.models.gapped_graphene(1, 0.3), [0, 0]),
        (ck.models.kagome(0.6), [-1, 0, 1]),
        (ck.models.kagome(3.0), [-1, 0, 1]),
        (ck.models.kagome(-0.6), [1, 0, -1]),
        (ck.models.kagome(3.3), [1, 0, -1]),
        (ck.models.lieb(1, 0.3), [-1, 0, 1]),
        (ck.models.lieb(1, -0.3), [1, 0, -1]),
        (ck.models.checkerboard(), [1, -1]),
        (ck.models.checkerboard(phi=-np.pi / 4), [-1, 1]),
        (ck.models.rashba_ferromagnet(0.6, 0.3), [0, 0]),
        (ck.models.kagome_antiferromagnet(1.7, 0.2), [1, -3, 2, 2, -3, 1]),
        (ck.models.kagome_antiferromagnet(1.7, 0.2, angle=np.pi), [-1, 3, -2, -2, 3, -1]),
        (ck.models.hofstadter(1, 3), [1, -2, 1]),
        (ck.models.hofstadter(-1, 3), [-1, 2, -1]),
        (ck.models.hofstadter(2, 5), [-2, 3, -2, 3, -2]),
    ],
)
def test_chern_numbers(model, expected):
    assert chern_numbers(model) == expected


@pytest.mark.parametrize("flux", [0.0, np.pi])
def test_kagome_bands_touch_without_chirality(flux):
    with pytest.raises(ck.GapClosedError):
        ck.chern_number(ck.models.kagome(flux), 1)


def test_kagome_flat_band():
    energies = ck.solve(ck.models.kagome(0.0), ck.uniform_mesh(ck.Lattice([A1, A2]), 7)).energies
    np.testing.assert_allclose(energies[..., 0], -2, atol=1e-14)


@pytest.mark.parametrize(("p", "q"), [(1, 4), (3, 7), (2, 5), (-1, 3)])
def test_hofstadter_diophantine_equation(p, q):
    """r = qs + pt with |t| ≤ q/2, wherever the gap over r bands is open."""
    model = ck.models.hofstadter(p, q)
    for r in range(1, q):
        if 2 * r == q:
            with pytest.raises(ck.GapClosedError) as caught:
                ck.chern_number(model, r)
            assert abs(ck.solve(model, caught.value.k).energies[r - 1 : r + 1]).max() < 1e-9
            continue
        solutions = [t for t in range(-(q // 2), q // 2 + 1) if (r - p * t) % q == 0]
        assert [ck.chern_number(model, r)] == solutions


def test_lieb_middle_band_is_flat():
    model = ck.models.lieb(1.1, 0.3)
    np.testing.assert_allclose(
        ck.solve(model, ck.uniform_mesh(model.lattice, 7)).energies[..., 1], 0, atol=1e-14
    )
    np.testing.assert_allclose(ck.solve(model, [np.pi, np.pi]).energies, [-1.2, 0, 1.2], atol=1e-14)


def test_checkerboard_flatness():
    """The extrema lie at Γ, X and M, or on the lines between, all on this mesh."""
    model = ck.models.checkerboard()
    lower, upper = np.moveaxis(ck.solve(model, ck.uniform_mesh(model.lattice, 400)).energies, -1, 0)
    assert lower.max() == pytest.approx(-2, abs=1e-12)
    assert lower.min() == pytest.approx(-2.088, abs=5e-4)
    gap = upper.min() - lower.max()
    assert gap == pytest.approx(2.343, abs=5e-4)
    assert gap / np.ptp(lower) == pytest.approx(26.7, abs=0.05)


@pytest.mark.parametrize(("k0", "m"), [(0.5, 1.0), (2.5, 1.0), (2.5, 0.95)])
def test_weyl_nodes(k0, m):
    model = ck.models.weyl(k0, m)
    k = ck.find_nodes(model, 1).k
    np.testing.assert_allclose(k, [[0, 0, k0], [0, 0, 2 * np.pi - k0]], atol=1e-9)
    assert [ck.weyl_charge(model, node, 1) for node in k] == [-1, 1]


def test_weyl_has_more_nodes_with_less_mass():
    """At (π, 0) and (0, π), where m < (1 − cos k₀)/2 = 0.9006."""
    assert len(ck.find_nodes(ck.models.weyl(2.5, 0.85), 1).k) == 6


def test_weyl_planes():
    """QWZ models with m = cos k_z − cos k₀ − 2, whose C gives σ_xy = −2k₀/(2π)² in all."""
    k0 = 1.0
    model = ck.models.weyl(k0)
    for kz, chern in [(0.0, 1), (0.98, 1), (1.02, 0), (np.pi, 0), (-0.98, 1), (-1.02, 0)]:
        assert ck.chern_number(ck.slice_model(model, 2, kz / (2 * np.pi)), 1) == chern
    # The same sum over planes, each a model in 2D, at a temperature that smooths the nodes.
    planes = [
        ck.anomalous_hall(ck.slice_model(model, 2, n / 40), 0.0, 0.1, mesh=40) for n in range(40)
    ]
    sigma = ck.anomalous_hall(model, 0.0, 0.1, mesh=40)
    np.testing.assert_allclose(sigma, [0, 0, np.mean(planes)], atol=1e-7)
    # A correction of the order of (kT)².
    assert sigma[2] == pytest.approx(-2 * k0 / (2 * np.pi) ** 2, rel=0.01)


def test_kane_mele_phases():
    def z2(*parameters):
        return ck.z2_invariant(ck.models.kane_mele(1, *parameters), 2)

    so = 0.06
    v, r = 3 * np.sqrt(3) * so, 2 * np.sqrt(3) * so
    assert [z2(so, 0, 0.98 * v), z2(so, 0, -0.98 * v), z2(-so, 0, 0.98 * v)] == [1, 1, 1]
    assert [z2(so, 0, 1.02 * v), z2(so, 0.05, 0.1)] == [0, 1]
    assert z2(so, 0.98 * r, 0) == 1
    with pytest.raises(ck.GapClosedError):
        z2(so, 1.02 * r, 0)


@pytest.mark.parametrize(
    ("ratio", "z2", "up"),
    [(-1, 0, 0), (0.1, 1, -1), (3.9, 1, -1), (4.1, 1, 1), (7.9, 1, 1), (9, 0, 0)],
)
def test_bhz_phases(ratio, z2, up):
    B = 0.8
    model = ck.models.bhz(ratio * B, B=B, D=0.2)
    assert ck.z2_invariant(model, 2) == z2
    block = {R: h[:2, :2] for R, h in model.blocks.items()}
    assert ck.chern_number(ck.TightBinding.from_blocks(np.eye(2), np.zeros((2, 2)), block), 1) == up


def rice_mele_cycle(theta):
    return ck.models.rice_mele(1.0, 0.5 * np.cos(theta), 0.7 * np.sin(theta))


@pytest.mark.parametrize(("d", "centre"), [(0.3, 0.25), (-0.3, 0.75)])
def test_chain_centres(d, centre):
    (value,) = ck.wannier_centers(ck.models.rice_mele(1.0, d), 1).ravel()
    assert value % 1 == pytest.approx(centre, abs=1e-9)


@pytest.mark.parametrize(("d", "D"), [(0.5, 0.0), (0.2, 0.3), (-0.4, 0.1)])
def test_chain_gap(d, D):
    model = ck.models.rice_mele(1.0, d, D)
    gap = np.ptp(ck.solve(model, np.linspace(0, 2 * np.pi, 101)[:, None]).energies, axis=-1).min()
    # |J + d + (J − d)e^{−ik}| is smallest at k = π, which the mesh has.
    assert gap == pytest.approx(2 * np.hypot(D, 2 * d), abs=1e-12)


def test_chain_pumps_one_electron_to_the_right():
    centres = [
        ck.wannier_centers(rice_mele_cycle(theta), 1).item()
        for theta in np.linspace(0, 2 * np.pi, 41)
    ]
    steps = np.diff(centres)
    steps -= np.round(steps)
    assert steps.sum() == pytest.approx(1.0, abs=1e-9)


def test_chain_cycle_as_a_torus():
    """C = (1/2π) ∫ Ω dk dθ of the formula itself is minus the displacement."""

    def hamiltonian(k):
        x, theta = k[..., 0], k[..., 1]
        d, D = 0.5 * np.cos(theta), 0.7 * np.sin(theta)
        off = 1 + d + (1 - d) * np.exp(-1j * x)
        return np.moveaxis(np.array([[D, off], [off.conj(), -D]]), (0, 1), (-2, -1))

    torus = ck.BlochModel(hamiltonian, lattice=np.eye(2), n_orb=2)
    assert ck.chern_number(torus, 1) == -1


# Magnets ---------------------------------------------------------------------------------------


def test_rashba_ferromagnet_near_gamma():
    """A Dirac cone d = (−αk_y, αkₓ, −J) under a parabola: Ω = ∓α²J/2d³ and m = α²J/2d²."""
    alpha, J = 0.6, 0.3
    model = ck.models.rashba_ferromagnet(alpha, J)
    np.testing.assert_allclose(
        ck.berry_curvature(model, [0, 0]), [-(alpha**2) / (2 * J**2), alpha**2 / (2 * J**2)]
    )
    np.testing.assert_allclose(ck.orbital_moment(model, [0, 0]), alpha**2 / (2 * J))


def occupied_spin(model, mu, kT):
    bands = ck.solve(model, ck.uniform_mesh(model.lattice, 24).reshape(-1, 2))
    f = 1 / (1 + np.exp((bands.energies - mu) / kT))
    u = bands.states
    return np.einsum("kon,aop,kpn,kn->a", u.conj(), model.spin, u, f).real / 24**2


def test_altermagnet_spin_splitting():
    """Without spin–orbit coupling each spin has its own closed form, and no curvature."""
    J, td, t = 0.9, 0.2, 1.1
    model = ck.models.altermagnet(J, td, t)
    k = ck.uniform_mesh(model.lattice, 9)
    c = np.cos(k)
    off = 4 * t * np.prod(np.cos(k / 2), axis=-1)
    roots = [np.hypot(off, s * J + 2 * td * (c[..., 0] - c[..., 1])) for s in (1, -1)]
    expected = np.sort(np.stack([roots[0], -roots[0], roots[1], -roots[1]], axis=-1), axis=-1)
    np.testing.assert_allclose(ck.solve(model, k).energies, expected, atol=1e-13)
    up = ck.TightBinding.from_blocks(
        model.lattice, model.orbitals[:2], {R: h[:2, :2] for R, h in model.blocks.items()}
    )
    np.testing.assert_allclose(ck.berry_curvature(up, k), 0, atol=1e-13)


@pytest.mark.parametrize("lam", [0.0, 0.3])
def test_altermagnet_symmetry(lam):
    """A fourfold turn about (½, 0) and time reversal, as an antiunitary operator on the orbitals.

    The turn takes A at r to B at Cr up to a lattice vector, B to A, and spins by e^{−iπσ_z/4};
    time reversal is iσ_y K.
    """
    model = ck.models.altermagnet(1.0, 0.2, lam=lam)
    k = np.array([0.7, 1.9])
    turned = np.array([[0, -1], [1, 0]])
    turn = np.kron(np.diag(np.exp([-1j * np.pi / 4, 1j * np.pi / 4])), [[0, 1], [1, 0]])
    time = np.kron([[0, 1], [-1, 0]], np.eye(2))
    U = turn @ time
    there = model.hamiltonian(-turned @ k)
    np.testing.assert_allclose(U @ model.hamiltonian(k).conj() @ U.conj().T, there, atol=1e-14)


def test_altermagnet_is_compensated():
    model = ck.models.altermagnet(1.0, 0.2, lam=0.3)
    assert abs(occupied_spin(model, -0.8, 0.1)).max() < 1e-14
    k = np.array([[0.7, 1.9], [-1.9, 0.7], [1.9, 0.7]])
    omega = ck.berry_curvature(model, k)
    assert abs(omega).min() > 1e-3
    np.testing.assert_allclose(omega[1], -omega[0], atol=1e-13)
    np.testing.assert_allclose(omega[2], -omega[0], atol=1e-13)
    assert abs(ck.anomalous_hall(model, -0.8, 0.1, mesh=24)) < 1e-14
    assert abs(ck.orbital_magnetization(model, -0.8, 0.1, mesh=24)) < 1e-14


def hall(mesh=36, **options):
    model = ck.models.kagome_antiferromagnet(1.7, options.pop("lam", 0.2), **options)
    return ck.anomalous_hall(model, [-2.0, 0.5], 0.2, mesh=mesh)


def test_kagome_antiferromagnet_symmetries():
    sigma = hall()
    assert abs(sigma).min() > 1e-3
    np.testing.assert_allclose(hall(angle=np.pi), -sigma, atol=1e-13)
    np.testing.assert_allclose(hall(angle=0.4), hall(angle=-0.4), atol=1e-13)
    k = np.array([0.4, 0.9])
    model = ck.models.kagome_antiferromagnet(1.7, 0.2, angle=0.3)
    np.testing.assert_allclose(
        ck.berry_curvature(model, k), ck.berry_curvature(model, -k), atol=1e-12
    )
    # A third of a turn.
    c, s = -0.5, np.sqrt(3) / 2
    np.testing.assert_allclose(
        ck.berry_curvature(model, k), ck.berry_curvature(model, [[c, -s], [s, c]] @ k), atol=1e-12
    )
    assert abs(occupied_spin(model, -1.0, 0.1)[:2]).max() < 1e-14


def test_kagome_antiferromagnet_without_hall_effect():
    """Mirrors, or no spin–orbit coupling."""
    for angle in (np.pi / 2, -np.pi / 2):
        model = ck.models.kagome_antiferromagnet(1.7, 0.2, angle=angle)
        np.testing.assert_allclose(ck.berry_curvature(model, [0.4, 0.9]), 0, atol=1e-12)
    flat = ck.models.kagome_antiferromagnet(1.7, 0.0, angle=0.3)
    np.testing.assert_allclose(ck.berry_curvature(flat, [0.4, 0.9], (0,)), 0, atol=1e-13)
    mixed = ck.models.kagome_antiferromagnet(1.7, 0.2, chirality=-1)
    k = np.array([[0.4, 0.9], [-0.4, 0.9]])
    omega = ck.berry_curvature(mixed, k)
    np.testing.assert_allclose(omega[1], omega[0], atol=1e-12)
    turned = ck.models.kagome_antiferromagnet(1.7, 0.2, chirality=-1, angle=np.pi / 2)
    omega = ck.berry_curvature(turned, k)
    np.testing.assert_allclose(omega[1], -omega[0], atol=1e-12)
