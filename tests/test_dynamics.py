"""Semiclassical motion."""

from __future__ import annotations

import numpy as np
import pytest

import coursekit as ck


def evolve(model, k_end, E, steps=15_000, duration=150.0):
    """State of the lower band carried to ``k_end`` by a slowly raised field; ħk̇ = −E.

    The field grows as sin² from 0 to E, so that nothing is left ringing.
    """
    dt = duration / steps
    t = (np.arange(steps) + 0.5) * dt
    # ∫ sin²(πt/2T) dt, from t to the end.
    still_to_go = (duration - t) / 2 + duration / (2 * np.pi) * np.sin(np.pi * t / duration)
    path = k_end + still_to_go[:, None] * E
    start = k_end + duration / 2 * E
    state = np.linalg.eigh(model.hamiltonian(start))[1][:, 0]
    energies, states = np.linalg.eigh(model.hamiltonian(path))
    for e, u in zip(energies, states, strict=True):
        state = u @ (np.exp(-1j * e * dt) * (u.conj().T @ state))
    return state


@pytest.mark.parametrize("model", [ck.models.qwz(-1, 0.2), ck.models.haldane(1, 0.3, 0.7, 0.5)])
def test_anomalous_velocity_against_time_evolution(model):
    """⟨v⟩ of a moving state, less its group velocity, is E × Ω to first order in E."""
    k = np.array([0.4, 0.9])
    omega = ck.berry_curvature(model, k)[0]
    for direction in np.eye(2):
        E = 2e-3 * direction
        v = []
        for field in (E, -E):  # the difference leaves odd orders alone
            state = evolve(model, k, field)
            v.append((state.conj() @ model.hamiltonian_gradient(k) @ state).real)
        measured = (v[0] - v[1]) / 2
        # What is left rings as (π/gap T)²/2; constant H in each step lags by (gap dt)²/12.
        np.testing.assert_allclose(
            measured, ck.anomalous_velocity(omega, E), atol=5e-4 * abs(omega) * 2e-3
        )


def test_directions():
    """+(e/ħ) E × Ω of an electron: E along y and Ω along +z drive it along +x."""
    np.testing.assert_array_equal(ck.anomalous_velocity(0.5, [0, 2]), [1, 0])
    np.testing.assert_array_equal(ck.anomalous_velocity(0.5, [2, 0]), [0, -1])
    np.testing.assert_array_equal(ck.anomalous_velocity([0, 0, 0.5], [0, 2, 0]), [1, 0, 0])
    np.testing.assert_array_equal(ck.anomalous_velocity([0.5, 0, 0], [0, 2, 3]), [0, 1.5, -1])


def test_density_of_states_in_a_field():
    """D = 1 + (e/ħ) B·Ω: a filled band of C = 1 gains one state for each flux quantum."""
    assert ck.phase_space_density(0.5, 0.2) == pytest.approx(1.1)
    assert type(ck.phase_space_density(0.5, 0.2)) is float
    np.testing.assert_allclose(ck.phase_space_density([0.5, -0.5], 0.2), [1.1, 0.9])
    assert ck.phase_space_density([1, 2, 3], [0.1, 0.0, -0.1]) == pytest.approx(0.8)
    model = ck.models.qwz(-1)
    omega = ck.berry_curvature(model, ck.uniform_mesh(model.lattice, 60))[..., 0]
    B = 2 * np.pi / 31
    states = 31 * ck.phase_space_density(omega, B).mean()
    assert states == pytest.approx(32, abs=1e-9)


@pytest.mark.parametrize(
    ("omega", "E", "shape"),
    [
        ((), (2,), (2,)),
        ((5,), (2,), (5, 2)),
        ((), (5, 2), (5, 2)),
        ((4, 1), (5, 2), (4, 5, 2)),
        ((3,), (3,), (3,)),
        ((4, 3), (3,), (4, 3)),
        ((4, 1, 3), (5, 3), (4, 5, 3)),
        ((0,), (2,), (0, 2)),
    ],
)
def test_shapes(omega, E, shape):
    v = ck.anomalous_velocity(np.ones(omega), np.ones(E))
    assert v.shape == shape
    assert v.dtype == float


@pytest.mark.parametrize(
    ("omega", "E"), [((), ()), ((2,), (3,)), ((), (3,)), ((3,), (4,)), ((3,), (1,))]
)
def test_velocity_refuses_shapes(omega, E):
    with pytest.raises(ValueError, match=r"omega has shape .* and E .*; expected \(...,\) and"):
        ck.anomalous_velocity(np.ones(omega), np.ones(E))


@pytest.mark.parametrize(("omega", "B"), [((2,), (3,)), ((), (3,)), ((3,), (2,)), ((3,), (1,))])
def test_density_refuses_shapes(omega, B):
    with pytest.raises(ValueError, match=r"omega has shape .* and B .*; expected"):
        ck.phase_space_density(np.ones(omega), np.ones(B))


@pytest.mark.parametrize("bad", [np.nan, np.inf, 1j, "a", None])
def test_refuses_what_is_no_number(bad):
    for function, other in ((ck.anomalous_velocity, [0.0, 1.0]), (ck.phase_space_density, 0.1)):
        with pytest.raises(ValueError, match=r"omega=.*expected finite real numbers"):
            function(bad, other)
    with pytest.raises(ValueError, match=r"E=.*expected finite real numbers"):
        ck.anomalous_velocity(0.5, [0.0, bad])
    with pytest.raises(ValueError, match=r"B=.*expected finite real numbers"):
        ck.phase_space_density(0.5, bad)


# Equations of motion -----------------------------------------------------------------------------

CHAIN = ck.TightBinding([[1.0]], [[0.0]], [(0, 0, [1], -0.5)])
SQUARE = ck.TightBinding(np.eye(2), [[0, 0]], [(0, 0, (1, 0), -0.5), (0, 0, (0, 1), -0.5)])
PAULI = np.array([[[0, 1], [1, 0]], [[0, -1j], [1j, 0]], [[1, 0], [0, -1]]])


def weyl(chirality):
    """H = χ k·σ, a node at k = 0."""
    return ck.BlochModel(
        lambda k: chirality * np.tensordot(k, PAULI, axes=1),
        lambda k: np.broadcast_to(chirality * PAULI, (*k.shape[:-1], 3, 2, 2)),
        n_orb=2,
        dim=3,
    )


def cubic(seed=3):
    """Three orbitals in a skew cell of three dimensions, without any symmetry."""
    rng = np.random.default_rng(seed)
    hops = [
        (i, j, R, complex(*rng.normal(size=2)) / 4)
        for R in [(1, 0, 0), (0, 1, 0), (0, 0, 1)]
        for i in range(3)
        for j in range(3)
    ]
    vectors = np.eye(3) + 0.2 * rng.normal(size=(3, 3))
    return ck.TightBinding(vectors, rng.uniform(size=(3, 3)), hops, onsite=[-2.0, 0.1, 2.2])


def dirac_by_hand(k, E, B):
    """Conduction band of v = Δ = 1: ε² = 1 + k², Ω = −1/2ε³, m = −1/2ε²; fields by components."""
    eps = np.sqrt(1 + (k**2).sum(axis=-1))
    omega = -1 / (2 * eps**3)
    v = k * (1 / eps - B / eps**4)[..., None]  # −m·B = B/2ε²
    D = 1 + B * omega
    rdot = np.stack([v[..., 0] + E[1] * omega, v[..., 1] - E[0] * omega], axis=-1)
    kdot = -np.stack([E[0] + B * v[..., 1], E[1] - B * v[..., 0]], axis=-1)
    return rdot / D[..., None], kdot / D[..., None], D


def test_equations_against_the_closed_form():
    k = np.random.default_rng(1).normal(size=(4, 3, 2))
    E, B = [0.02, -0.05], 0.3
    got = ck.equations_of_motion(ck.models.massive_dirac(1, 1), 1, k, E, B)
    for ours, expected in zip(got, dirac_by_hand(k, E, B), strict=True):
        np.testing.assert_allclose(ours, expected, atol=1e-11)


@pytest.mark.parametrize("delta", [1e-2, 1e-5])
def test_gradient_of_the_moment_at_a_small_gap(delta):
    """Steps follow the k in which the states change, not the zone."""
    model = ck.models.massive_dirac(1, delta)
    k, B = np.array([0.6, -0.3]), 0.1
    rdot, kdot, D = dirac_by_hand(k, [0, 0], B)
    got = ck.equations_of_motion(model, 1, k * delta, [0, 0], B * delta**2)
    np.testing.assert_allclose(got.rdot, rdot, rtol=1e-9)
    np.testing.assert_allclose(got.kdot, kdot * delta**2, rtol=1e-9)
    np.testing.assert_allclose(got.D, D, rtol=1e-12)


@pytest.mark.parametrize(
    ("model", "band"),
    [(cubic(), 0), (cubic(), 1), (ck.models.haldane(1, 0.3, 0.7, 0.5), 1)],
)
def test_equations_solve_each_other(model, band):
    """ṙ + k̇ × Ω = v and k̇ + ṙ × B = −E as six linear equations, v by differences of ε − m·B."""
    rng = np.random.default_rng(5)
    k, E = rng.normal(size=model.dim), 0.1 * rng.normal(size=model.dim)
    B = 0.1 * rng.normal(size=3) * (1 if model.dim == 3 else [0, 0, 1])
    field = B if model.dim == 3 else B[2]

    def axial(z):
        return z if model.dim == 3 else np.array([0, 0, z])

    def energy(k):
        m = axial(ck.orbital_moment(model, k, band))
        return ck.solve(model, k).energies[band] - m @ B

    h = 1e-4
    v = np.zeros(3)
    v[: model.dim] = [(energy(k + h * e) - energy(k - h * e)) / (2 * h) for e in np.eye(model.dim)]
    omega = axial(ck.berry_curvature(model, k, band))

    def times(a):
        """Matrix of x -> x × a."""
        return np.cross(np.eye(3), a).T

    one = np.eye(3)
    matrix = np.block([[one, times(omega)], [times(B), one]])
    force = np.pad(-E, (0, 3 - model.dim))
    solution = np.linalg.solve(matrix, np.concatenate([v, force]))
    rdot, kdot, D = ck.equations_of_motion(model, band, k, E, field)
    # Second-order differences of the energy leave 1e-8.
    np.testing.assert_allclose(rdot, solution[: model.dim], atol=1e-7)
    np.testing.assert_allclose(kdot, solution[3 : 3 + model.dim], atol=1e-7)
    # The six equations' determinant is D².
    assert np.linalg.det(matrix) == pytest.approx(D**2)


def test_old_functions_are_limits():
    model, k = ck.models.qwz(-1, 0.2), np.array([0.4, 0.9])
    omega = ck.berry_curvature(model, k, 0)
    E = np.array([0.03, -0.02])
    with_field, without = (ck.equations_of_motion(model, 0, k, f, 0).rdot for f in (E, 0 * E))
    np.testing.assert_allclose(with_field - without, ck.anomalous_velocity(omega, E), atol=1e-15)
    density = ck.equations_of_motion(model, 0, k, E, 0.3).D
    assert density == ck.phase_space_density(omega, 0.3)


def test_units_of_energy():
    """H × 10⁻⁹ with fields to match moves in the same way, 10⁹ times more slowly."""
    model = ck.models.haldane(1, 0.3, 0.7, 0.5)
    small = ck.TightBinding.from_blocks(
        model.lattice, model.orbitals, {R: 1e-9 * b for R, b in model.blocks.items()}
    )
    E, k = np.array([0.02, 0.01]), [0.4, 0.9]
    a = ck.equations_of_motion(model, 0, k, E, 0.2)
    b = ck.equations_of_motion(small, 0, k, 1e-9 * E, 0.2)
    np.testing.assert_allclose(b.rdot, 1e-9 * a.rdot, rtol=1e-9)
    np.testing.assert_allclose(b.kdot, 1e-9 * a.kdot, rtol=1e-9)
    a = ck.trajectory(model, 0, k, E, 0.2, [0, 20])
    b = ck.trajectory(small, 0, k, 1e-9 * E, 0.2, [0, 20e9])
    np.testing.assert_allclose(b.r[1], a.r[1], rtol=1e-8)


def test_motion_repeats_in_the_zone():
    """Orbitals off the origin change the phases of u(k + G), and nothing else."""
    model = ck.models.haldane(1, 0.3, 0.7, 0.5)
    k = np.array([0.4, 0.9])
    here = ck.equations_of_motion(model, 1, k, [0.1, 0.2], 0.3)
    there = ck.equations_of_motion(model, 1, k + model.lattice.reciprocal, [0.1, 0.2], 0.3)
    for a, b in zip(here, there, strict=True):
        np.testing.assert_allclose(b, [a, a], rtol=1e-9)


def test_shapes_of_the_motion():
    model = ck.models.qwz(-1, 0.2)
    k = np.random.default_rng(2).normal(size=(5, 1, 2))
    E = np.random.default_rng(3).normal(size=(4, 2)) / 10
    got = ck.equations_of_motion(model, 0, k, E, [0.1, 0.2, 0.0, -0.1])
    assert (got.rdot.shape, got.kdot.shape, got.D.shape) == ((5, 4, 2), (5, 4, 2), (5, 4))
    one = ck.equations_of_motion(model, 0, k[2, 0], E[1], 0.2)
    np.testing.assert_allclose(got.rdot[2, 1], one.rdot, atol=1e-13)
    assert one.rdot.shape == (2,)
    assert isinstance(one.D, float)
    solid = ck.equations_of_motion(cubic(), 0, np.zeros((5, 3)), [0, 0, 0.1], [0.1, 0, 0])
    assert (solid.rdot.shape, solid.D.shape) == ((5, 3), (5,))
    rdot, kdot, D = ck.equations_of_motion(CHAIN, 0, [[0.3], [0.4]], [0.1], 0)
    np.testing.assert_allclose(rdot, np.sin([[0.3], [0.4]]))
    np.testing.assert_allclose(kdot, -0.1)
    np.testing.assert_array_equal(D, 1)
    assert ck.equations_of_motion(model, 0, np.zeros((0, 2)), [0, 0], 0.1).rdot.shape == (0, 2)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"band": (0, 1)}, r"band=\(0, 1\); expected one band, 0 to 1: a group has no single path"),
        ({"band": 2}, "band=2; expected one band"),
        ({"band": -1}, "band=-1; expected one band"),
        ({"k": [0.1, 0.2, 0.3]}, "k has shape"),
        ({"E": 0.1}, r"E has shape \(\); expected \(..., 2\)"),
        ({"E": [0, 0, 1]}, r"E has shape \(3,\); expected \(..., 2\)"),
        ({"E": [0, np.nan]}, "E=.*expected finite real numbers"),
        ({"B": [0.1, 0.2, 0.3]}, r"shapes \(2,\), \(\) and \(3,\); expected leading shapes that"),
        ({"B": 1j}, "B=1j; expected finite real numbers"),
        ({"B": 4.0, "band": 1}, r"D = 1 \+ B·Ω = -.* at k=\(0, 0\); expected a field so weak"),
        (
            {"model": cubic(), "k": [0, 0, 0], "E": [0, 0, 0]},
            r"B has shape \(\); expected \(..., 3",
        ),
        ({"model": CHAIN, "k": [0], "E": [0], "B": 0.1}, "a chain encloses no flux"),
        ({"model": "qwz"}, "expected a TightBinding or a BlochModel"),
    ],
)
def test_refuses_motion(change, message):
    model = ck.models.qwz(-1)
    arguments = {"model": model, "band": 0, "k": np.zeros((2, 2)), "E": [0, 0], "B": 0.1}
    for function in (ck.equations_of_motion, ck.phase_space_divergence):
        with pytest.raises(ValueError, match=message):
            function(**(arguments | change))


def test_refuses_touching_bands():
    with pytest.raises(ck.DegenerateBandsError, match="band 0 touches band 1 at k=") as error:
        ck.equations_of_motion(ck.models.qwz(-2), 0, [[0.1, 0], [0, 0]], [0, 0.1], 0)
    np.testing.assert_array_equal(error.value.k, 0)
    assert error.value.gap < 1e-12


# Liouville ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "band", "E", "B"),
    [
        (ck.models.massive_dirac(1, 0.5), 1, [0.02, 0.05], 0.1),
        (ck.models.qwz(-1.2, 0.3), 0, [0.1, -0.2], -0.3),
        (ck.models.haldane(1, 1 / 3, np.pi / 4, 0.9), 0, [0.1, 0.0], 0.4),
        (cubic(), 1, [0.1, -0.2, 0.1], [0.2, 0.1, -0.1]),
        (weyl(1), 1, [0.1, -0.2, 0.1], [0.02, 0.01, -0.01]),
    ],
)
def test_liouville(model, band, E, B):
    """The flow of k alone has a divergence; weighted with D it has none."""
    k = np.random.default_rng(7).uniform(0.4, 1.4, size=(30, model.dim))
    flow, density_rate, weighted = ck.phase_space_divergence(model, band, k, E, B)
    assert flow.shape == (30,)
    assert abs(flow).max() > 1e-4
    # Sixth-order differences of differences
    np.testing.assert_allclose(weighted, 0, atol=1e-8)
    np.testing.assert_allclose(flow, -density_rate, atol=1e-8)


def test_liouville_in_fields_that_vary():
    """∇ₖ·(D k̇) + ∇ᵣ·(D ṙ) + ∂D/∂t = 0 with ∇ × E = −∂B/∂t, where −∇(−m·B) is a force too."""
    model, band = cubic(), 0
    rng = np.random.default_rng(11)
    slope, wave, potential = rng.normal(size=(3, 3)) / 10, rng.normal(size=3), rng.normal(size=3)

    def magnetic(r, t):
        # A plane wave of the vector potential, and a uniform part
        return np.cross(wave, slope[0]) * np.cos(wave @ r - 0.7 * t) + slope[1]

    def electric(r, t):
        induced = 0.7 * slope[0] * np.cos(wave @ r - 0.7 * t)
        return induced + slope[2] + 0.1 * potential * np.sin(potential @ r)

    h = 1e-3

    def derivative(function, *at, axis):
        """Fourth order in h, along one component of one argument."""
        which, component = axis

        def value(n):
            moved = [np.array(x, dtype=float) for x in at]
            moved[which][component] += n * h
            return function(*moved)

        return (8 * (value(1) - value(-1)) - (value(2) - value(-2))) / (12 * h)

    def motion(r, k, t):
        m = ck.orbital_moment(model, k, band)
        push = [derivative(lambda r: m @ magnetic(r, t), r, axis=(0, a)) for a in range(3)]
        return ck.equations_of_motion(model, band, k, electric(r, t) - push, magnetic(r, t))

    r, k, t = np.array([0.3, -0.2, 0.5]), np.array([0.4, 0.9, -0.3]), np.array(0.2)
    slopes = [derivative(lambda r: electric(r, t), r, axis=(0, a)) for a in range(3)]
    curl = [slopes[a][b] - slopes[b][a] for a, b in ((1, 2), (2, 0), (0, 1))]
    induction = derivative(lambda r, t: magnetic(r, t), r, t, axis=(1, ()))
    np.testing.assert_allclose(curl, -induction, atol=1e-10)

    in_k, in_r = (
        sum(
            derivative(
                lambda r, k, a=a, n=n: motion(r, k, t)[n][a] * motion(r, k, t).D, r, k, axis=(n, a)
            )
            for a in range(3)
        )
        for n in (1, 0)
    )
    in_t = derivative(lambda r, k, t: motion(r, k, t).D, r, k, t, axis=(2, ()))
    assert min(abs(in_k), abs(in_r), abs(in_t)) > 1e-5
    assert abs(in_k + in_r + in_t) < 1e-9


def number_of_states(model, band, loop):
    """∫D d²k inside a closed loop, at B = 1 less the area: the Berry phase, from links."""
    u = np.linalg.eigh(model.hamiltonian(loop))[1][:, :, band]
    links = (u.conj() * np.roll(u, -1, axis=0)).sum(axis=1)
    return -np.angle(links).sum()


def area(loop):
    """½∮(x dy − y dx), with the derivative from a Fourier series."""
    n = len(loop)
    slope = np.fft.ifft(2j * np.pi * np.fft.fftfreq(n)[:, None] * np.fft.fft(loop, axis=0), axis=0)
    return (loop[:, 0] @ slope[:, 1].real - loop[:, 1] @ slope[:, 0].real) / 2


def test_a_cloud_keeps_its_number_of_states():
    """Area in k + B × Berry phase around it stays, while the area alone does not."""
    model, band, B = ck.models.qwz(-1.2, 0.3), 0, 0.4
    around = 2 * np.pi * np.arange(400) / 400
    loop = [0.6, 0.4] + 0.3 * np.stack([np.cos(around), np.sin(around)], axis=-1)
    paths = ck.trajectory(model, band, loop, [0.05, -0.1], B, np.linspace(0, 12, 4))
    areas = np.array([area(k) for k in paths.k])
    # Links leave 1/n²; two n remove it.
    phases = np.array(
        [
            (4 * number_of_states(model, band, k) - number_of_states(model, band, k[::2])) / 3
            for k in paths.k
        ]
    )
    assert areas[0] == pytest.approx(0.09 * np.pi)
    assert np.ptp(areas) > 5e-3
    np.testing.assert_allclose(areas + B * phases, areas[0] + B * phases[0], atol=1e-8)


@pytest.mark.parametrize("chirality", [1, -1])
def test_states_that_a_weyl_node_makes(chirality):
    """Sources of D k̇: χ E·B/4π² more electrons per time at a node.

    Landau levels count them: the one through the node has ε = −χ k_z for B along +z, since
    (k + A)² + Bσ_z vanishes for spin down, and k_z moves by −E in each of its B/2π places: the
    filled states reach higher by χE per time, over 2π.
    """
    E, B = np.array([0.02, -0.01, 0.05]), np.array([0.03, 0.02, 0.04])
    z, weights = np.polynomial.legendre.leggauss(12)
    angle = 2 * np.pi * np.arange(24) / 24
    rho = np.sqrt(1 - z**2)[:, None]
    sphere = np.stack(
        [rho * np.cos(angle), rho * np.sin(angle), np.broadcast_to(z[:, None], (12, 24))], axis=-1
    )
    _, kdot, D = ck.equations_of_motion(weyl(chirality), 1, sphere, E, B)
    outward = (D[..., None] * kdot * sphere).sum(axis=-1)
    flux = (weights @ outward).sum() * 2 * np.pi / 24
    assert flux / (2 * np.pi) ** 3 == pytest.approx(chirality * E @ B / (4 * np.pi**2), rel=1e-9)


# Paths -------------------------------------------------------------------------------------------


def test_half_a_bloch_period():
    """Line integral of Ω(0, k_y) = ½ in QWZ m = −1: Δx = π/2, and the band does not disperse."""
    for band, sign in ((0, 1), (1, -1)):
        path = ck.trajectory(ck.models.qwz(-1), band, [0, 0], [0, 0.05], 0, [0, np.pi / 0.05])
        np.testing.assert_allclose(path.r[-1], [sign * np.pi / 2, 0], atol=1e-10)
        np.testing.assert_allclose(path.k[-1], [0, -np.pi], atol=1e-10)
        assert path.energy_error < 1e-12


@pytest.mark.parametrize("E", [0.05, -0.3])
def test_bloch_oscillation(E):
    """Period 2π/|E|a, way (ε(k) − ε(k₀))/(−E): at most the bandwidth over the field."""
    k0, t = 0.7, np.linspace(0, 2 * np.pi / abs(E), 41)
    path = ck.trajectory(CHAIN, 0, [k0], [E], 0, t, r0=[2.0])
    np.testing.assert_allclose(path.k[:, 0], k0 - E * t, atol=1e-10)
    # ε = −cos k
    np.testing.assert_allclose(
        path.r[:, 0], 2 + (np.cos(k0 - E * t) - np.cos(k0)) / E, atol=1e-8 / abs(E)
    )
    assert path.r[-1, 0] == pytest.approx(2, abs=1e-8)
    assert np.ptp(path.r) == pytest.approx(2 / abs(E), rel=1e-2)
    np.testing.assert_allclose(path.energy, -np.cos(path.k[:, 0]), atol=1e-14)
    assert path.energy_error < 1e-9
    assert repr(path).startswith("<Trajectory: t from 0 to ")


def test_cyclotron_orbit_of_a_dirac_electron():
    """ω = B(1/ε − B/ε⁴)/(1 − B/2ε³) at k = ½ with v = Δ = 1, counter-clockwise for B along +z."""
    omega = 0.08612398443917776
    t = np.linspace(0, 2 * np.pi / omega, 5)
    path = ck.trajectory(ck.models.massive_dirac(1, 1), 1, [0.5, 0], [0, 0], 0.1, t)
    circle = 0.5 * np.stack([np.cos(omega * t), np.sin(omega * t)], axis=-1)
    np.testing.assert_allclose(path.k, circle, atol=1e-9)
    # k + q∫…: r lies a quarter turn behind, k̇ = −ṙ × B.
    np.testing.assert_allclose(path.r[-1], 0, atol=1e-8)
    np.testing.assert_allclose(path.r[2], [0, 0.5 * 2 / 0.1], atol=1e-7)
    assert path.energy_error < 1e-10


def test_cyclotron_orbit_in_a_metal():
    """−cos kₓ − cos k_y near its bottom: period (2π/B)(1 + …) = ∂(area)/∂ε / B, both senses."""
    k0, B = np.array([0.8, 0.0]), 0.2

    def enclosed(energy):
        """Area of ε(k) ≤ energy, by a fine sum over kₓ."""
        x = np.pi * (np.arange(4000) + 0.5) / 4000
        reach = np.arccos(np.clip(-energy - np.cos(x), -1, 1))
        return 4 * reach.sum() * np.pi / 4000

    energy = -np.cos(k0).sum()
    # The angle around the orbit is smooth where the sum over kₓ is not: 1e-3 is left.
    period = (enclosed(energy + 0.01) - enclosed(energy - 0.01)) / 0.02 / B
    for field, sense in ((B, 1), (-B, -1)):
        t = np.linspace(0, period, 201)
        path = ck.trajectory(SQUARE, 0, k0, [0, 0], field, t)
        np.testing.assert_allclose(path.k[-1], k0, atol=2e-2)
        np.testing.assert_allclose(path.energy, energy, atol=1e-10)
        turn = np.cross(np.pad(path.k[:-1], ((0, 0), (0, 1))), np.pad(path.k[1:], ((0, 0), (0, 1))))
        assert (sense * turn[:, 2] > 0).all()
        # The orbit in space is that in k, turned by a right angle and 1/B as large.
        np.testing.assert_allclose(
            path.k - k0, -field * np.stack([path.r[:, 1], -path.r[:, 0]], axis=-1), atol=1e-8
        )


def test_hall_drift():
    """In crossed fields the momentum lost is E t + Δr × B: closed orbits drift by E × B/B²."""
    model, E, B = ck.models.qwz(-1.2, 0.3), np.array([0.004, 0.003]), 0.2
    t = np.linspace(0, 150, 301)
    path = ck.trajectory(model, 0, [0.3, 0.2], E, B, t, r0=[1.0, -2.0])
    way = path.r - path.r[0]
    turned = np.stack([way[:, 1], -way[:, 0]], axis=-1)
    np.testing.assert_allclose(path.k - path.k[0], -t[:, None] * E - B * turned, atol=1e-7)
    assert path.energy_error < 1e-8
    # k stays near its orbit, so that only 1/t is left of it.
    drift = way[-1] / t[-1]
    np.testing.assert_allclose(drift, [E[1] / B, -E[0] / B], atol=2 * np.ptp(path.k) / (B * 150))


def test_paths_of_a_cloud():
    model = ck.models.haldane(1, 1 / 3, np.pi / 4, 0.9)
    k0 = np.random.default_rng(4).normal(size=(2, 3, 2))
    t = [1.0, 3.0, 7.0]
    cloud = ck.trajectory(model, 1, k0, [0.05, 0.1], 0.2, t, r0=[0.0, 1.0])
    assert cloud.r.shape == cloud.k.shape == (3, 2, 3, 2)
    assert cloud.energy.shape == cloud.work.shape == (3, 2, 3)
    one = ck.trajectory(model, 1, k0[1, 2], [0.05, 0.1], 0.2, t, r0=[0.0, 1.0])
    np.testing.assert_allclose(cloud.r[:, 1, 2], one.r, atol=1e-8)
    np.testing.assert_allclose(cloud.energy[:, 1, 2], one.energy, atol=1e-8)
    np.testing.assert_array_equal(one.times, t)
    m = ck.orbital_moment(model, k0[1, 2], 1)
    assert one.energy[0] == pytest.approx(ck.solve(model, k0[1, 2]).energies[1] - 0.2 * m)


def test_fields_that_change_with_time():
    """A force that is switched on and off moves k by its integral; it works on the electron."""
    model = ck.models.qwz(-1.2, 0.3)

    def pulse(t):
        return [0.1 * np.exp(-((t - 10) ** 2) / 8), 0.05]

    t = np.linspace(0, 20, 41)
    path = ck.trajectory(model, 0, [0.3, 0.2], pulse, lambda t: 0.0, t)
    shift = -0.1 * np.sqrt(8 * np.pi)
    # Tails of the pulse hold 6e-7 of it.
    np.testing.assert_allclose(path.k[-1] - path.k[0], [shift, -1.0], atol=1e-6)
    assert path.energy_error < 1e-9
    assert abs(path.work[-1]) > 0.01
    still = ck.trajectory(model, 0, [0.3, 0.2], [0, 0], 0, [0, 3])
    np.testing.assert_allclose(
        still.r[1], 3 * ck.equations_of_motion(model, 0, [0.3, 0.2], [0, 0], 0).rdot, atol=1e-12
    )
    # A pulse after a long time without field is not slept through.
    late = ck.trajectory(
        CHAIN, 0, [0.0], lambda t: [0.1 * np.exp(-((t - 70) ** 2) * 2)], 0, np.linspace(0, 100, 101)
    )
    assert late.k[-1, 0] == pytest.approx(-0.1 * np.sqrt(np.pi / 2), abs=1e-8)
    # A growing magnetic field bends the path, and gives −m dB to the moment without any work.
    ramp = ck.trajectory(model, 0, [0.3, 0.2], [0, 0], lambda t: 0.01 * t, t)
    assert (ramp.work == 0).all()
    assert np.ptp(ramp.k, axis=0).min() > 1e-2


def test_a_narrow_peak_of_curvature_is_not_jumped_over():
    """A gap of 0.02 turns the path by half a quantum of curvature within |k| < 0.02."""
    model = ck.models.qwz(-1.99)
    path = ck.trajectory(model, 0, [0.003, 1.5], [0, 1.0], 0, [0, 3.0])
    k = np.stack([np.full(200_001, 0.003), np.linspace(1.5, -1.5, 200_001)], axis=-1)
    omega = ck.berry_curvature(model, k, 0)
    velocity = ck.solve(model, k).velocity[:, 0, 0, 0].real
    expected = np.trapezoid(omega + velocity, dx=3 / 200_000)
    assert path.r[-1, 0] == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"times": [0, 0]}, "expected two or more that increase"),
        ({"times": [1]}, "expected two or more that increase"),
        ({"times": [0, np.nan]}, "times=.*expected finite real numbers"),
        ({"band": (0,)}, "expected one band"),
        ({"r0": [0, 0, 0]}, r"r0 has shape \(3,\) and k0 \(2,\); expected one that broadcasts"),
        ({"r0": "here"}, "r0='here'; expected finite real numbers"),
        ({"E": [[0, 1], [1, 0]]}, "expected one field for all electrons"),
        ({"E": lambda t: [0, 1, t]}, r"E has shape \(3,\); expected"),
        ({"B": lambda t: "up"}, "B='up'; expected finite real numbers"),
        ({"B": [0.1, 0.2]}, "expected one field for all electrons"),
        ({"B": 5.0, "band": 1}, "expected a field so weak"),
    ],
)
def test_refuses_paths(change, message):
    arguments = {"band": 0, "k0": [0.1, 0.2], "E": [0, 0.1], "B": 0.0, "times": [0, 1]}
    with pytest.raises(ValueError, match=message):
        ck.trajectory(ck.models.qwz(-1), **(arguments | change))


def test_a_path_into_a_crossing_is_an_error():
    with pytest.raises(ck.DegenerateBandsError, match="band 0 touches band 1 at k=") as error:
        ck.trajectory(ck.models.qwz(-2), 0, [0.0, 0.5], [0, 0.5], 0, [0, 1.0, 2.0])
    np.testing.assert_allclose(error.value.k, 0, atol=1e-4)


def test_a_field_that_is_no_function_of_time():
    """Noise never settles, however short the steps."""
    rng = np.random.default_rng(0)
    with pytest.raises(
        ck.ConvergenceError, match=r"the path stopped at t=.*expected a smooth band"
    ):
        ck.trajectory(CHAIN, 0, [0.3], lambda t: [1 + 1e-7 * rng.normal()], 0, [0, 2.0])
