"""Nernst, spin, orbital and valley Hall effects, curvature dipoles, each against another way there.

Energy integrals over σ_xy(ε), differences of M and of Ω, and electrons that are driven by a field
in time and whose currents are measured: none of them shares a formula with the library.
"""

from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import quad

import coursekit as ck

METAL = ck.models.haldane(1, 0.2, 0.7, 0.9)
RASHBA = ck.models.kane_mele(1, 0.3, 0.35, 0.4)
# Neither inversion nor a threefold axis; time reversal, so that σ_xy = 0.
TILTED = ck.TightBinding(
    [[1.0, 0.1], [-0.3, 1.2]],
    [[0, 0], [0.4, 0.3]],
    [(0, 1, (0, 0), 1.0), (0, 1, (-1, 0), 0.6), (0, 1, (0, -1), 0.4), (0, 0, (1, 0), 0.2)],
    onsite=[0.5, -0.5],
)


def solid(axes=(0, 1, 2), spin=False, apart=2.0):
    """Three dimensions, no symmetry, four orbitals; axes relabelled, which keeps handedness."""
    rng = np.random.default_rng(11)
    blocks = {}
    for R in [(0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1)]:
        t = 0.5 * (rng.normal(size=(4, 4)) + 1j * rng.normal(size=(4, 4)))
        t = t if any(R) else t + t.conj().T + apart * np.diag(np.arange(4.0))
        turned = [0, 0, 0]
        for axis, step in zip(axes, R, strict=True):
            turned[axis] = step
        blocks[tuple(turned)] = t
        blocks[tuple(-x for x in turned)] = t.conj().T
    positions = np.zeros((4, 3))
    positions[:, list(axes)] = rng.uniform(0, 1, (4, 3))
    return ck.TightBinding.from_blocks(
        np.eye(3), positions, blocks, spin="blocks" if spin else None
    )


# Temperature -----------------------------------------------------------------------------------


def from_conductivity(sigma, mu, kT, points=()):
    """(1/qT) ∫dε (ε − μ)(−∂f/∂ε) σ_xy(ε), q = −1: what a gradient of T drives instead of E."""

    def integrand(x):
        return x / (4 * np.cosh(x / 2) ** 2) * sigma(mu + x * kT)

    cuts = [x for x in (np.asarray(points, dtype=float) - mu) / kT if abs(x) < 40]
    return -quad(integrand, -40, 40, points=cuts, limit=400, epsabs=1e-12)[0]


@pytest.mark.parametrize(("delta", "tau"), [(0.5, 1), (-0.5, 1), (0.5, -1)])
def test_nernst_of_a_dirac_electron(delta, tau):
    def sigma(energy):
        return -tau * np.sign(delta) / (4 * np.pi) * abs(delta) / max(abs(energy), abs(delta))

    model = ck.models.massive_dirac(1.3, delta, tau)
    for mu, kT in [(0.3, 0.1), (0.7, 0.01), (-0.7, 0.2), (0.5, 0.05)]:
        expected = from_conductivity(sigma, mu, kT, points=[delta, -delta])
        assert ck.anomalous_nernst(model, mu, kT) == pytest.approx(expected, abs=1e-9)


def test_sign_of_nernst():
    """Above a gap with σ_xy < 0 the size of σ falls, dσ/dμ > 0, and α = (π²/3)(T/q) dσ/dμ < 0."""
    model = ck.models.massive_dirac(1, 0.5)
    assert ck.anomalous_hall(model, 0.0) < 0
    assert np.diff(ck.anomalous_hall(model, [0.7, 0.71])) > 0
    assert ck.anomalous_nernst(model, 0.7, 0.01) < 0
    # Holes: as a function of μ the effect is odd where σ is even.
    assert ck.anomalous_nernst(model, -0.7, 0.01) > 0


def test_nernst_of_a_lattice_from_cold_conductivities():
    """σ_xy(ε) at T = 0 from triangles, whose error on this mesh is about 1e-6."""
    mu, kT = -1.9, 0.07
    x = np.linspace(-30, 30, 1201)
    sigma = ck.anomalous_hall(METAL, mu + kT * x, method="linear", mesh=400)
    # The trapezoidal rule is exact for analytic functions that vanish at both ends.
    expected = -np.sum(x / (4 * np.cosh(x / 2) ** 2) * sigma) * (x[1] - x[0])
    assert ck.anomalous_nernst(METAL, mu, kT) == pytest.approx(expected, abs=1e-6)
    assert abs(expected) > 1e-2


def test_mott_limit():
    """α → Mott's form, with corrections of relative order T²: a fourth at half T."""
    model = ck.models.massive_dirac(1, 0.5)
    kT = np.array([0.02, 0.01])
    alpha, mott = (f(model, 0.9, kT) for f in (ck.anomalous_nernst, ck.mott_nernst))
    # −σ = |Δ|/4πμ above the gap, so that dσ/dμ = +|Δ|/4πμ².
    np.testing.assert_allclose(mott, -(np.pi**2) / 3 * kT * 0.5 / (4 * np.pi * 0.9**2), rtol=1e-7)
    off = alpha / mott - 1
    assert abs(off[0]) < 0.02
    assert off[0] / off[1] == pytest.approx(4, rel=0.05)
    tiny = ck.anomalous_nernst(model, 0.9, 1e-6, rtol=1e-6) / 1e-6
    assert tiny == pytest.approx(mott[0] / 0.02, rel=1e-4)


def test_mott_on_a_lattice():
    """The slope of σ_xy by differences; from lines cut at the Fermi edge and from triangles."""
    mu, h = -1.9, 0.02
    levels = mu + h * np.array([-2, -1, 1, 2])
    sigma = ck.anomalous_hall(METAL, levels, method="linear", mesh=500)
    slope = sigma @ np.array([1, -8, 8, -1]) / (12 * h)
    expected = -(np.pi**2) / 3 * 0.01 * slope
    assert ck.mott_nernst(METAL, mu, 0.01, rtol=1e-5) == pytest.approx(expected, rel=1e-3)
    by_triangles = ck.mott_nernst(METAL, mu, 0.01, method="linear", mesh=300)
    assert by_triangles == pytest.approx(expected, rel=2e-3)


def test_no_nernst_in_a_gap_at_zero_temperature():
    model = ck.models.qwz(-1, 0.2)
    for kT in (0.0, 1e-300, 5e-324):
        for quantity in (ck.anomalous_nernst, ck.mott_nernst):
            assert quantity(model, 0.3, kT) == 0
        assert not any(ck.thermomagnetic(model, 0.3, kT))
    # Third law: e^{−gap/kT}.
    assert abs(ck.anomalous_nernst(model, 0.3, 0.02)) < 1e-10
    # Also in a metal, and of many levels at once.
    assert not np.any(ck.anomalous_nernst(METAL, np.linspace(-2, 2, 9), 0.0))


def test_gap_to_zero():
    """Ω becomes a sharp peak at the node, where both bands have the same entropy: α → 0."""
    for delta in (1e-2, 1e-3, 0.0):

        def sigma(energy, delta=delta):
            return -delta / (4 * np.pi) / max(abs(energy), delta) if delta else 0.0

        alpha = ck.anomalous_nernst(ck.models.massive_dirac(1, delta), 0.3, 0.1)
        expected = from_conductivity(sigma, 0.3, 0.1, points=[delta, -delta])
        assert alpha == pytest.approx(expected, abs=1e-9)
        assert abs(alpha) <= 2 * delta


@pytest.mark.parametrize(
    ("model", "mu", "kT"),
    [(METAL, -1.9, 0.08), (ck.models.qwz(-1, 0.2), 1.1, 0.15), (ck.models.kagome(0.6), -1.0, 0.1)],
)
def test_slope_of_magnetization_in_temperature(model, mu, kT):
    h = 0.02 * kT
    n = np.array([-3, -2, -1, 1, 2, 3])
    M = ck.orbital_magnetization(model, mu, kT + h * n, rtol=1e-11)
    slope = M @ np.array([-1, 9, -45, 45, -9, 1]) / (60 * h)
    parts = ck.thermomagnetic(model, mu, kT)
    # Rounding 1e-12 over h; h⁶ terms are far below.
    assert parts.dM_dT == pytest.approx(slope, abs=1e-8)
    assert parts.dM_dT == pytest.approx(parts.nernst + parts.moment, abs=1e-14)
    assert parts.nernst == pytest.approx(ck.anomalous_nernst(model, mu, kT), abs=1e-14)
    assert abs(parts.moment) > 1e-3


def test_maxwell_relation_of_entropy():
    """∂M/∂T at fixed μ is ∂s/∂B: entropies of a torus with one flux quantum more and less.

    Corrections of order B² are removed by two sizes.
    """
    model, mu, kT = ck.models.qwz(-1, 0.2), 0.4, 0.5

    def entropy(p, q):
        in_field = ck.finite.with_flux(model, p, q)
        k = ck.uniform_mesh(in_field.lattice, (1, q))
        f = 1 / (1 + np.exp((np.linalg.eigvalsh(in_field.hamiltonian(k)) - mu) / kT))
        return -(f * np.log(f) + (1 - f) * np.log1p(-f)).sum() / q**2

    sizes = np.array([23, 31])
    slopes = np.array([(entropy(1, q) - entropy(-1, q)) * q / (4 * np.pi) for q in sizes])
    expected = (slopes * [-(23**2), 31**2]).sum() / (31**2 - 23**2)
    assert ck.thermomagnetic(model, mu, kT).dM_dT == pytest.approx(expected, rel=1e-3)


# Currents measured in time ---------------------------------------------------------------------


def projectors(h):
    u = np.linalg.eigh(h)[1]
    return u[..., :, None, :] * u.conj()[..., None, :, :]  # (..., i, j, n)


def velocity(model, k, h=1e-4):
    """∂H/∂k by differences."""
    return [
        (model.hamiltonian(k + h * e) - model.hamiltonian(k - h * e)) / (2 * h) for e in np.eye(2)
    ]


def moment_operator(model, k, h=1e-4):
    """−¼(r × v − v × r)_z with r between bands, r = i Σₙ ∂Pₙ Pₙ, from differences of projectors."""
    here = projectors(model.hamiltonian(k))
    x, y = (
        1j
        * np.einsum(
            "...ijn,...jln->...il",
            (projectors(model.hamiltonian(k + h * e)) - projectors(model.hamiltonian(k - h * e)))
            / (2 * h),
            here,
        )
        for e in np.eye(2)
    )
    vx, vy = velocity(model, k)
    return -(x @ vy + vy @ x - y @ vx - vx @ y) / 4


def flow(operator, v):
    """½{O, v}."""
    return (operator @ v + v @ operator) / 2


def driven_currents(model, n_filled, n, direction, operators, E=2e-3, width=10.0, dt=0.2):
    """Currents ½{O, v_a} per area and field, (O, a), of electrons that a slowly raised E drives.

    ħk̇ = qE, q = −1: each electron moves by −∫E dt to a point of the mesh; its state obeys
    Schrödinger's equation from the ground state on. The part odd in E is measured at the end, at
    each k for itself, so that the mesh may be as coarse as one likes.
    """
    times = np.arange(-5 * width, 5 * width, dt)
    end = times[-1] + dt

    def raised(t):
        """∫E dt of E (1 + tanh t/w)/2, which excites e^{−πw·gap/2}."""
        return E * (t + width * np.log(2 * np.cosh(t / width))) / 2

    # Two exponentials for each step, of the fourth order in dt.
    early, late = 0.5 - np.sqrt(3) / 6, 0.5 + np.sqrt(3) / 6
    light, heavy = 0.25 - np.sqrt(3) / 6, 0.25 + np.sqrt(3) / 6
    mesh = ck.uniform_mesh(model.lattice, n)
    totals = []
    for sign in (1, -1):

        def h(t, sign=sign):
            away = sign * (raised(end) - raised(t)) * np.asarray(direction, dtype=float)
            return model.hamiltonian(mesh + away)

        states = np.linalg.eigh(h(times[0]))[1][..., :n_filled]
        for t in times:
            h1, h2 = h(t + early * dt), h(t + late * dt)
            for generator in (heavy * h1 + light * h2, light * h1 + heavy * h2):
                e, u = np.linalg.eigh(generator)
                states = (u * np.exp(-1j * e * dt)[..., None, :]) @ (
                    u.conj().swapaxes(-1, -2) @ states
                )
        density = states @ states.conj().swapaxes(-1, -2)
        flows = [[flow(o(mesh), v_a) for v_a in velocity(model, mesh)] for o in operators]
        totals.append([[np.vdot(density, f).real for f in two] for two in flows])
    area = n**2 * model.lattice.cell_volume
    return (np.array(totals[0]) - np.array(totals[1])) / (2 * E * area)


def test_against_currents_in_time():
    """Charge, spin and orbital Hall effects of an insulator without any symmetry."""
    field = np.einsum("a,aij->ij", [0.3, 0.25, 0.4], RASHBA.spin)
    blocks = {R: b + (not any(R)) * field for R, b in RASHBA.blocks.items()}
    model = ck.TightBinding.from_blocks(RASHBA.lattice, RASHBA.orbitals, blocks, spin="blocks")
    n = 5
    sublattice = np.diag([1.0, -1.0, 1.0, -1.0])
    mixed = np.kron([[0, 1], [1, 0]], [[0.3, 0.2j], [-0.2j, 0.5]])
    constants = [np.eye(4), *model.spin, sublattice]
    operators = [lambda k, o=o: o for o in constants]
    # An operator of each cell between sites at two places knows the way from one to the other.
    away = (model.orbitals - model.orbitals[:, None]) @ model.lattice.vectors
    operators.append(lambda k: mixed * np.exp(1j * np.einsum("...a,ija->...ij", k, away)))
    operators.append(lambda k: moment_operator(model, k))
    measured = np.stack(
        [driven_currents(model, 2, n, along, operators) for along in np.eye(2)], axis=-1
    )  # (operator, a, b)
    charge = -ck.anomalous_hall(model, 0.0, mesh=n)
    expected = [
        [[0, charge], [-charge, 0]],
        *(ck.spin_hall(model, 0.0, spin=s, mesh=n) for s in "xyz"),
        ck.orbital_hall(model, 0.0, operator=sublattice, mesh=n),
        ck.orbital_hall(model, 0.0, operator=mixed, mesh=n),
        ck.orbital_hall(model, 0.0, mesh=n),
    ]
    # E², dt⁴, what switching on excites, and differences for v: some 1e-5 of the values.
    np.testing.assert_allclose(measured, expected, rtol=0, atol=1e-5)
    assert (abs(measured).max(axis=(1, 2)) > 1e-3).all()
    # Flows have a part that is symmetric in a and b, too.
    assert abs(measured + measured.swapaxes(1, 2))[1:].max() > 1e-2


def test_charge_hall_effect_in_time():
    """j = qv: a Chern insulator."""
    model = ck.models.haldane(1, 0.3, 1.2, 0.4)
    particle = driven_currents(model, 1, 12, [0, 1], [lambda k: np.eye(2)])[0]
    assert -particle[0] == pytest.approx(ck.anomalous_hall(model, 0.0, mesh=12), abs=1e-6)
    assert -particle[0] == pytest.approx(1 / (2 * np.pi), abs=1e-3)
    # The flow of the operator 1 is that of the electrons.
    flows = ck.orbital_hall(model, -1.5, 0.2, operator=np.eye(2))
    sigma = ck.anomalous_hall(model, -1.5, 0.2)
    np.testing.assert_allclose(flows, [[0, -sigma], [sigma, 0]], rtol=0, atol=1e-8)


# Spin ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "model",
    [
        ck.models.kane_mele(1, 0.2, 0, 0.3),
        ck.models.bhz(1.0),
        ck.models.bhz(5.0),
        ck.models.bhz(-1.0),
    ],
)
def test_spin_chern_numbers(model):
    """S_z conserved: each spin has a Chern number by itself, σˢ = (1/2π) Σ s C."""
    half = model.n_orb // 2
    numbers = []
    for block in (slice(0, half), slice(half, None)):
        one = ck.TightBinding.from_blocks(
            model.lattice,
            model.orbitals[block],
            {R: b[block, block] for R, b in model.blocks.items()},
        )
        numbers.append(ck.chern_number(one, 1))
    assert numbers[0] == -numbers[1]
    expected = (numbers[0] - numbers[1]) / 2 / (2 * np.pi)
    sigma = ck.spin_hall(model, 0.0)
    np.testing.assert_allclose(sigma, [[0, expected], [-expected, 0]], rtol=0, atol=1e-8)
    for spin in "xy":
        np.testing.assert_allclose(ck.spin_hall(model, 0.0, spin=spin), 0, rtol=0, atol=1e-8)


def test_metal_of_one_spin():
    """Each spin's own σ_xy at any μ and T, divided by q and times s."""
    up = ck.models.haldane(1, 0.2, 0.7, 0.9)
    down = ck.models.haldane(1, 0.1, 0.4, 0.8)
    zero = np.zeros((2, 2))
    model = ck.TightBinding.from_blocks(
        up.lattice,
        np.tile(up.orbitals, (2, 1)),
        {R: np.block([[up.blocks[R], zero], [zero, down.blocks[R]]]) for R in up.blocks},
        spin="blocks",
    )
    mu, kT = np.array([-1.9, -0.3]), 0.2
    expected = -(ck.anomalous_hall(up, mu, kT) - ck.anomalous_hall(down, mu, kT)) / 2
    sigma = ck.spin_hall(model, mu, kT)
    assert sigma.shape == (2, 2, 2)
    np.testing.assert_allclose(sigma[:, 0, 1], expected, rtol=0, atol=1e-8)
    np.testing.assert_allclose(sigma[:, 1, 0], -expected, rtol=0, atol=1e-8)
    np.testing.assert_allclose(ck.orbital_hall(model, mu, kT, operator=model.spin[2]), sigma)


def test_spin_basis():
    """Spins in another order and along other axes are the same electrons."""
    order = [0, 2, 1, 3]
    pairs = ck.TightBinding.from_blocks(
        RASHBA.lattice,
        RASHBA.orbitals[order],
        {R: b[np.ix_(order, order)] for R, b in RASHBA.blocks.items()},
        spin="pairs",
    )
    turn = np.kron(np.array([[1, 1j], [1j, 1]]) / np.sqrt(2), np.eye(2))
    turned = ck.TightBinding.from_blocks(
        RASHBA.lattice,
        RASHBA.orbitals,
        {R: turn @ b @ turn.conj().T for R, b in RASHBA.blocks.items()},
        spin=turn @ RASHBA.spin @ turn.conj().T,
    )
    for spin in "xyz":
        expected = ck.spin_hall(RASHBA, [0.0, -2.0], 0.2, spin=spin, mesh=24)
        for other in (pairs, turned):
            values = ck.spin_hall(other, [0.0, -2.0], 0.2, spin=spin, mesh=24)
            np.testing.assert_allclose(values, expected, rtol=0, atol=1e-12)


# Moments that flow -----------------------------------------------------------------------------


def test_moment_operator_has_the_moments_on_its_diagonal():
    """The definition by differences of states, against the moments of bands."""
    k = np.array([[0.4, 1.1], [-2.0, 0.3]])
    for model in (RASHBA, ck.models.kagome(0.6)):
        bands = ck.solve(model, k)
        m = bands.states.conj().swapaxes(-1, -2) @ moment_operator(model, k) @ bands.states
        diagonal = np.diagonal(m, axis1=-2, axis2=-1)
        np.testing.assert_allclose(diagonal, ck.orbital_moment(model, k), rtol=0, atol=1e-6)


def test_orbital_hall_of_a_valley():
    """Both bands of a Dirac electron have the same m, a number: jᴸ = m v, σᴸ_xy = ∫ f m Ω."""
    delta, mu = 0.3, 0.1
    model = ck.models.massive_dirac(1.0, delta)
    # ∫ d²k/(2π)² m Ω_low with m = −Δ/2ε², Ω = Δ/2ε³: −(Δ²/8π) ∫ k dk/ε⁵ = −(Δ²/8π)/(3|Δ|³).
    expected = -1 / (24 * np.pi * delta)
    sigma = ck.orbital_hall(model, mu)
    np.testing.assert_allclose(sigma, [[0, expected], [-expected, 0]], rtol=0, atol=1e-7)
    # Both valleys of graphene, where the gap is small beside the bands.
    graphene = ck.models.gapped_graphene(1.0, 0.05)
    v2 = 3 / 4
    both = 2 * -v2 / (24 * np.pi * 0.05)
    assert ck.orbital_hall(graphene, 0.0, mesh=240)[0, 1] == pytest.approx(both, rel=0.02)


def test_flows_do_not_depend_on_origin_or_gauge():
    """Shifted orbitals, and two identical spins mixed by a random rotation."""
    moved = ck.TightBinding.from_blocks(
        RASHBA.lattice, RASHBA.orbitals + [0.37, -1.2], RASHBA.blocks, spin="blocks"
    )
    for f in (ck.spin_hall, ck.orbital_hall):
        expected = f(RASHBA, [0.0, -1.5], 0.2, mesh=16)
        np.testing.assert_allclose(
            f(moved, [0.0, -1.5], 0.2, mesh=16), expected, rtol=0, atol=1e-12
        )
    rng = np.random.default_rng(3)
    u = np.linalg.qr(rng.normal(size=(2, 2)) + 1j * rng.normal(size=(2, 2)))[0]
    mixing = np.kron(u, np.eye(2))
    twice = ck.TightBinding.from_blocks(
        METAL.lattice,
        np.tile(METAL.orbitals, (2, 1)),
        {R: mixing.conj().T @ np.kron(np.eye(2), b) @ mixing for R, b in METAL.blocks.items()},
        spin="blocks",
    )
    mu, kT = [-1.9, 0.1], 0.1
    one = ck.orbital_hall(METAL, mu, kT, mesh=64)
    np.testing.assert_allclose(ck.orbital_hall(twice, mu, kT, mesh=64), 2 * one, rtol=0, atol=1e-9)
    D = ck.berry_curvature_dipole(METAL, mu, kT, mesh=64)
    np.testing.assert_allclose(
        ck.berry_curvature_dipole(twice, mu, kT, mesh=64), 2 * D, rtol=0, atol=1e-9
    )
    for spin in "xyz":  # without spin–orbit coupling spins go both ways
        np.testing.assert_allclose(
            ck.spin_hall(twice, mu, kT, spin=spin, mesh=64), 0, rtol=0, atol=1e-9
        )


# Curvature dipole ------------------------------------------------------------------------------


def test_dipole_against_slopes_of_the_curvature():
    """D_a = ∫ f ∂_aΩ, with differences of Ω on a mesh and f written out."""
    mu, kT, h = 1.2, 0.1, 1e-4
    k = ck.uniform_mesh(TILTED.lattice, 160, shift=0.2)
    f = 1 / (1 + np.exp((np.linalg.eigvalsh(TILTED.hamiltonian(k)) - mu) / kT))
    slopes = [
        (ck.berry_curvature(TILTED, k + h * e) - ck.berry_curvature(TILTED, k - h * e)) / (2 * h)
        for e in np.eye(2)
    ]
    area = 160**2 * TILTED.lattice.cell_volume
    expected = [(f * slope).sum() / area for slope in slopes]
    assert np.abs(expected).max() > 1e-3
    np.testing.assert_allclose(
        ck.berry_curvature_dipole(TILTED, mu, kT), expected, rtol=0, atol=1e-7
    )


def test_dipole_at_zero_temperature():
    """An integral along the Fermi line, three ways; T → 0 of smeared ones."""
    mu = 1.2
    D = ck.berry_curvature_dipole(TILTED, mu, rtol=1e-4)
    # Sommerfeld: kT² corrections, extrapolated from two temperatures.
    warm = ck.berry_curvature_dipole(TILTED, mu, [0.04, 0.02], mesh=200)
    np.testing.assert_allclose(D, (4 * warm[1] - warm[0]) / 3, rtol=0, atol=1e-3 * abs(D).max())
    triangles = ck.berry_curvature_dipole(TILTED, mu, method="linear", mesh=200)
    np.testing.assert_allclose(triangles, D, rtol=0, atol=2e-3 * abs(D).max())
    # In a gap there is no Fermi line.
    assert not ck.berry_curvature_dipole(TILTED, 0.0).any()


def test_dipole_where_bands_touch():
    """Kramers pairs on the mesh: whatever states rounding picks there, the sum is the same."""
    expected = ck.berry_curvature_dipole(RASHBA, -1.5, 0.3, mesh=12)
    for unit in (3.0, 7.0, 1e3):
        model = ck.TightBinding.from_blocks(
            RASHBA.lattice, RASHBA.orbitals, {R: unit * b for R, b in RASHBA.blocks.items()}
        )
        D = ck.berry_curvature_dipole(model, -1.5 * unit, 0.3 * unit, mesh=12)
        np.testing.assert_allclose(D, expected, rtol=0, atol=1e-10)
    np.testing.assert_allclose(expected, 0, rtol=0, atol=1e-10)  # C₃


def test_dipole_that_symmetry_forbids():
    kT = 0.15
    C3 = ck.models.haldane(1, 0.2, 0.7, 0.9)  # a polar vector in the plane of a threefold axis
    inversion = ck.models.qwz(-1, 0.2)  # D is odd
    for model, mu in [(C3, -1.9), (inversion, 1.1), (ck.models.kagome(0.6), -1.0)]:
        np.testing.assert_allclose(ck.berry_curvature_dipole(model, mu, kT), 0, rtol=0, atol=1e-9)
    # Under inversion D changes sign, under time reversal it does not.
    expected = ck.berry_curvature_dipole(TILTED, 1.2, kT)
    inverted = ck.TightBinding.from_blocks(
        TILTED.lattice, -TILTED.orbitals, {(-a, -b): t for (a, b), t in TILTED.blocks.items()}
    )
    reversed_time = ck.TightBinding.from_blocks(
        TILTED.lattice, TILTED.orbitals, {R: t.conj() for R, t in TILTED.blocks.items()}
    )
    np.testing.assert_allclose(
        ck.berry_curvature_dipole(inverted, 1.2, kT), -expected, rtol=0, atol=1e-9
    )
    np.testing.assert_allclose(
        ck.berry_curvature_dipole(reversed_time, 1.2, kT), expected, rtol=0, atol=1e-9
    )


# Valleys ---------------------------------------------------------------------------------------


def valley_expansion(model, K):
    """τ and Δ of v(τ kₓσₓ + k_yσ_y) + Δσ_z with the same curvature as H near K.

    H = Δ′σ_z + v k·(…): the sign of the triple product d·(∂ₓd × ∂_yd) at K is that of τΔ.
    """
    pauli = np.array([[[0, 1], [1, 0]], [[0, -1j], [1j, 0]], [[1, 0], [0, -1]]])
    h = 1e-5

    def d(k):
        return np.einsum("aij,ji->a", pauli, model.hamiltonian(k)).real / 2

    slopes = [(d(K + h * e) - d(K - h * e)) / (2 * h) for e in np.eye(2)]
    return float(np.sign(np.linalg.det([d(K), *slopes])))


def test_valleys_of_graphene():
    """Each valley is a Dirac electron: half a quantum each, opposite, less what the gap spreads."""
    sizes = []
    for delta in (0.2, 0.05):
        model = ck.models.gapped_graphene(1.0, delta)
        K = model.lattice.to_cartesian([[2 / 3, 1 / 3], [1 / 3, 2 / 3]])
        signs = [valley_expansion(model, at) for at in K]
        assert signs[0] == -signs[1]
        sigma = ck.valley_resolved(model, ck.response.HALL, K, 0.0, mesh=360)
        # σ = −τ sgn(Δ)/4π of a Dirac electron.
        np.testing.assert_array_equal(np.sign(sigma), np.negative(signs))
        sizes.append(abs(sigma[0]) * 4 * np.pi)
        assert sigma.sum() == pytest.approx(0, abs=1e-3)
    assert 1 - sizes[0] == pytest.approx(4 * (1 - sizes[1]), rel=0.15)
    assert sizes[1] > 0.93


def test_valley_moments():
    """M of a valley at μ in the gap against the Dirac electron's slope ∂M/∂μ = τ sgn(Δ)/4π."""
    model = ck.models.gapped_graphene(1.0, 0.1)
    K = model.lattice.to_cartesian([[2 / 3, 1 / 3], [1 / 3, 2 / 3]])
    mu = np.array([-0.05, 0.05])
    M = ck.valley_resolved(model, ck.response.MAGNETIZATION, K, mu, mesh=300)
    sigma = ck.valley_resolved(model, ck.response.HALL, K, 0.0, mesh=300)
    np.testing.assert_allclose(np.diff(M)[:, 0] / 0.1, -sigma, rtol=0, atol=1e-9)


def test_valleys_add_up():
    """Any set of centres shares out the zone; n valleys of one and the same point take it all."""
    for model, kT in [(METAL, 0.2), (solid(), 0.4)]:
        rng = np.random.default_rng(1)
        centres = rng.normal(size=(3, model.dim)) * 4
        for integrand, total in [
            (ck.response.HALL, ck.anomalous_hall),
            (ck.response.DENSITY, ck.electron_density),
        ]:
            parts = ck.valley_resolved(model, integrand, centres, [-1.0, 0.4], kT, mesh=12)
            expected = total(model, [-1.0, 0.4], kT, mesh=12)
            assert parts.shape == (3, *expected.shape)
            np.testing.assert_allclose(parts.sum(axis=0), expected, rtol=0, atol=1e-12)
            one = ck.valley_resolved(model, integrand, centres[:1], [-1.0, 0.4], kT, mesh=12)
            np.testing.assert_allclose(one[0], expected, rtol=0, atol=1e-12)


def test_valleys_share_by_distance_in_oblique_cells():
    """The nearest image in a very oblique cell: by brute force over many images."""
    lattice = ck.Lattice([[1.0, 0.0], [2.3, 0.7]])
    model = ck.TightBinding(lattice, [[0, 0]], [(0, 0, (1, 0), 1.0)])
    centres = np.array([[0.3, 0.2], [1.9, -4.0], [-2.0, 3.0]])
    n = 24
    images = lattice.to_cartesian(np.array(list(np.ndindex(13, 13))) - 6.0)
    k = lattice.to_cartesian(np.array(list(np.ndindex(n, n))) / n)
    distance = np.linalg.norm(k[:, None, None] - centres[:, None] - images[None], axis=-1).min(
        axis=2
    )
    expected = np.bincount(distance.argmin(axis=1), minlength=3) / n**2
    shares = ck.valley_resolved(model, ck.response.DENSITY, centres, 10.0, 0.1, mesh=n)
    np.testing.assert_allclose(shares * lattice.cell_volume, expected, rtol=0, atol=1e-12)


# Three dimensions, units, refusals -------------------------------------------------------------


def test_axes_of_three_dimensions():
    """x → y → z → x: components go along."""
    mu, kT, options = [1.0, 3.0], 0.4, {"mesh": 8}
    for axes in [(1, 2, 0), (2, 0, 1)]:
        back = np.argsort(axes)  # component c of the relabelled model is back[c] of the first
        for f in (ck.anomalous_nernst, lambda *a, **o: ck.thermomagnetic(*a, **o).dM_dT):
            expected = f(solid(), mu, kT, **options)
            assert expected.shape == (2, 3)
            assert abs(expected).min() > 1e-6
            np.testing.assert_allclose(
                f(solid(axes), mu, kT, **options), expected[:, back], rtol=0, atol=1e-12
            )
        for f in (ck.berry_curvature_dipole, ck.spin_hall):
            expected = f(solid(spin=True), mu, kT, **options)
            assert expected.shape == (2, 3, 3)
            values = f(solid(axes, spin=True), mu, kT, **options)
            np.testing.assert_allclose(values, expected[:, back][:, :, back], rtol=0, atol=1e-12)


def test_dipole_of_three_dimensions_has_no_trace():
    """Σ_a D_aa = ∫ f ∇·Ω = 0 with bands apart."""
    D = ck.berry_curvature_dipole(solid(apart=4.0), 3.0, 0.8, mesh=24)
    assert abs(D).max() > 1e-3
    assert np.trace(D) == pytest.approx(0, abs=1e-5)


def test_planes_stacked_along_z():
    """No hopping along z: each value is the 2D one over the height of a cell."""
    up = {(*R, 0): b for R, b in RASHBA.blocks.items()}
    lattice = np.zeros((3, 3))
    lattice[:2, :2], lattice[2, 2] = RASHBA.lattice.vectors, 2.5
    stack = ck.TightBinding.from_blocks(
        lattice, np.c_[RASHBA.orbitals, np.zeros(4)], up, spin="blocks"
    )
    options = {"mesh": (20, 20, 2)}
    flat = {"mesh": (20, 20)}
    for f in (ck.spin_hall, ck.orbital_hall):
        expected = f(RASHBA, -1.5, 0.3, **flat) / 2.5
        values = f(stack, -1.5, 0.3, **options)
        np.testing.assert_allclose(values[:2, :2], expected, rtol=0, atol=1e-12)
        np.testing.assert_allclose(values[2], 0, rtol=0, atol=1e-12)
        np.testing.assert_allclose(values[:, 2], 0, rtol=0, atol=1e-12)


@pytest.mark.parametrize("unit", [1e-9, 1e9])
@pytest.mark.parametrize("options", [{"mesh": 12}, {"rtol": 1e-6}])
def test_units(unit, options):
    """Another unit of energy: α and σ stay, moments that flow scale; of length: D is one."""
    metal = ck.TightBinding.from_blocks(
        METAL.lattice,
        METAL.orbitals,
        {R: unit * b for R, b in METAL.blocks.items()},
        spin="blocks",
    )
    big = ck.TightBinding.from_blocks(TILTED.lattice.vectors * unit, TILTED.orbitals, TILTED.blocks)
    mu, kT, operator = -1.9, 0.2, np.diag([1.0, 2.0])
    # What a mesh leaves out is the same in both; where a refinement ends may not be.
    tolerance = 1e-10 if "mesh" in options else 1e-5

    def same(value, expected):
        np.testing.assert_allclose(
            value, expected, rtol=0, atol=tolerance * abs(np.array(expected)).max()
        )

    def moments(*arguments, **options):
        return ck.thermomagnetic(*arguments, **options).moment

    for f, scale in [(ck.anomalous_nernst, 1), (moments, 1), (ck.orbital_hall, unit)]:
        value = f(metal, mu * unit, kT * unit, **options) / scale
        same(value, f(METAL, mu, kT, **options))
    expected = ck.orbital_hall(METAL, mu, kT, operator=operator, **options)
    same(ck.orbital_hall(metal, mu * unit, kT * unit, operator=operator, **options), expected)
    for scale in (1e-9, 1e9):
        value = ck.orbital_hall(METAL, mu, kT, operator=scale * operator, **options) / scale
        same(value, expected)
    # Two orbitals at two places taken for two spins.
    same(
        ck.spin_hall(metal, mu * unit, kT * unit, **options),
        ck.orbital_hall(METAL, mu, kT, operator=np.diag([0.5, -0.5]), **options),
    )
    expected = ck.berry_curvature_dipole(TILTED, 1.2, kT, **options)
    same(ck.berry_curvature_dipole(big, 1.2, kT, **options) / unit, expected)


def test_other_cells_and_handedness():
    """The same crystal in a left-handed and in an oblique cell."""
    for change in ([[0, 1], [1, 0]], [[1, 1], [0, 1]]):
        back = np.rint(np.linalg.inv(change)).astype(int)
        other = ck.TightBinding.from_blocks(
            np.array(change) @ RASHBA.lattice.vectors,
            RASHBA.orbitals @ back,
            {tuple(int(x) for x in np.array(R) @ back): b for R, b in RASHBA.blocks.items()},
            spin="blocks",
        )
        for f in (ck.anomalous_nernst, ck.spin_hall, ck.orbital_hall):
            values, expected = (f(one, -1.5, 0.3, mesh=48) for one in (other, RASHBA))
            np.testing.assert_allclose(values, expected, rtol=0, atol=1e-6)


def test_shapes():
    mu, kT = np.zeros((3, 1)) - 1.5, np.array([0.2, 0.3])
    options = {"mesh": 6}
    assert ck.anomalous_nernst(RASHBA, mu, kT, **options).shape == (3, 2)
    assert ck.mott_nernst(METAL, mu, kT, method="linear", mesh=6).shape == (3, 2)
    assert {v.shape for v in ck.thermomagnetic(RASHBA, mu, kT, **options)} == {(3, 2)}
    assert ck.berry_curvature_dipole(RASHBA, mu, kT, **options).shape == (3, 2, 2)
    assert ck.spin_hall(RASHBA, mu, kT, **options).shape == (3, 2, 2, 2)
    assert ck.orbital_hall(RASHBA, [], kT[:0], **options).shape == (0, 2, 2)
    assert type(ck.anomalous_nernst(RASHBA, -1.5, 0.2, **options)) is float
    assert ck.mott_nernst(solid(), 1.0, 0.1, method="linear", mesh=4).shape == (3,)
    for quantity in (ck.anomalous_nernst, ck.mott_nernst):
        assert quantity(METAL, [], 0.1).shape == (0,)


def test_refusals():
    chain = ck.TightBinding([[1.0]], [[0.0]], [(0, 0, (1,), -1.0)])
    for f in (
        ck.anomalous_nernst, ck.mott_nernst, ck.thermomagnetic, ck.berry_curvature_dipole,
        ck.spin_hall, ck.orbital_hall,
    ):  # fmt: skip
        for kT in (-0.1, np.nan):
            with pytest.raises(ValueError, match="kT="):
                f(RASHBA, 0.0, kT)
        with pytest.raises(ValueError, match="1 dimension; expected 2 or 3"):
            f(chain, 0.0, 0.1)
        with pytest.raises(ValueError, match="expected a TightBinding or a BlochModel"):
            f("haldane", 0.0, 0.1)
    with pytest.raises(ValueError, match="has no spin; expected one: pass spin='blocks'"):
        ck.spin_hall(METAL, 0.0)
    with pytest.raises(ValueError, match="spin='w'; expected 'x', 'y' or 'z'"):
        ck.spin_hall(RASHBA, 0.0, spin="w")
    for operator in (np.eye(3), np.triu(np.ones((4, 4))), np.full((4, 4), np.nan)):
        with pytest.raises(ValueError, match="expected a Hermitian matrix"):
            ck.orbital_hall(RASHBA, 0.0, operator=operator)
    with pytest.raises(ValueError, match="continuum model is one valley by itself"):
        ck.valley_resolved(ck.models.massive_dirac(1, 1), ck.response.HALL, [[0, 0]], 0.0)
    with pytest.raises(ValueError, match=r"expected \(n_valleys, 2\)"):
        ck.valley_resolved(METAL, ck.response.HALL, [0.0, 0.0], 0.0)
    with pytest.raises(ValueError, match="Fermi-surface term at T = 0 on a uniform mesh"):
        ck.berry_curvature_dipole(METAL, -1.9, 0.0, mesh=20)
