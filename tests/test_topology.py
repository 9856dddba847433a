"""Chern numbers and their certificate."""

from __future__ import annotations

from math import gcd

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import coursekit as ck
from coursekit.topology import certificate


def mesh_chern(model, bands, n=60):
    """Fukui, Hatsugai and Suzuki's sum on a plain mesh; link phase −A, so that Ω = curl A."""
    k = ck.uniform_mesh(model.lattice, n, shift=0.5)
    k = np.concatenate([k, k[:1] + model.lattice.reciprocal[0]])
    k = np.concatenate([k, k[:, :1] + model.lattice.reciprocal[1]], axis=1)
    u = np.linalg.eigh(model.hamiltonian(k))[1][..., list(bands)]

    def link(a, b):
        return np.linalg.det(a.conj().swapaxes(-1, -2) @ b)

    x, y = link(u[:-1], u[1:]), link(u[:, :-1], u[:, 1:])
    loops = x[:, :-1] * y[1:] / (x[:, 1:] * y[:-1])
    handed = np.sign(np.linalg.det(model.lattice.vectors))
    return -handed * np.angle(loops).sum() / (2 * np.pi)


def kubo_chern(model, n=200):
    """∫Ω/2π of the lowest band, from the textbook sum over states, loop by loop."""
    k = ck.uniform_mesh(model.lattice, n, shift=0.5)
    e, u = np.linalg.eigh(model.hamiltonian(k))
    v = u.conj().swapaxes(-1, -2)[..., None, :, :] @ model.hamiltonian_gradient(k)
    v = v @ u[..., None, :, :]
    omega = 0.0
    for other in range(1, model.n_orb):
        product = v[..., 0, 0, other] * v[..., 1, other, 0]
        omega = omega - 2 * product.imag / (e[..., 0] - e[..., other]) ** 2
    area = (2 * np.pi) ** 2 / model.lattice.cell_volume
    return omega.mean() * area / (2 * np.pi)


def random_model(seed):
    """Haldane's model of either sign, mixed at random with a third orbital."""
    rng = np.random.default_rng(seed)
    base = ck.models.haldane(1, 0.25, rng.choice([-1.1, 1.1]), rng.uniform(-0.3, 0.3))
    extra = rng.uniform(-2, 2)
    blocks = {}
    for R, block in base.blocks.items():
        blocks[R] = np.block([[block, np.zeros((2, 1))], [np.zeros((1, 2)), extra * (not any(R))]])
    for R in [(1, 0), (0, 1)]:
        t = 0.15 * (rng.normal(size=(3, 3)) + 1j * rng.normal(size=(3, 3)))
        blocks[R] = blocks[R] + t
        blocks[-R[0], -R[1]] = blocks[-R[0], -R[1]] + t.conj().T
    return ck.TightBinding.from_blocks(base.lattice, [*base.orbitals, [0.6, 0.1]], blocks)


def hofstadter(p, q):
    """One band in p/q flux quanta per cell."""
    square = ck.TightBinding(np.eye(2), [[0, 0]], [(0, 0, (1, 0), -1), (0, 0, (0, 1), -1)])
    return ck.finite.with_flux(square, p, q)


@pytest.mark.parametrize(("seed", "occupied"), [(0, 2), (1, 2), (2, 1), (3, 1)])
def test_against_a_plain_mesh(seed, occupied):
    """Gaps of a third of the hopping or more, where a mesh of 100 × 100 is fine enough."""
    model = random_model(seed)
    expected = mesh_chern(model, range(occupied), 100)
    assert ck.chern_number(model, occupied) == round(expected) != 0
    assert ck.chern_number(model, tuple(range(occupied))) == round(expected)


def test_sign_against_kubo():
    model = ck.models.haldane(1, 0.2, -1.0, 0.3)
    assert kubo_chern(model) == pytest.approx(1, abs=1e-9)
    assert mesh_chern(model, (0,)) == pytest.approx(1, abs=1e-9)
    assert ck.chern_number(model, 1) == 1
    np.testing.assert_allclose(kubo_chern(ck.models.qwz(-1)), ck.chern_number(ck.models.qwz(-1), 1))


def test_a_plain_mesh_can_be_wrong():
    """The reason for the certificate: here all meshes up to 80 × 80 agree on another integer."""
    model = ck.models.qwz(-1.999)
    assert {round(mesh_chern(model, (0,), n)) for n in (20, 40, 80)} == {0}
    assert ck.chern_number(model, 1) == 1


def test_groups_add_up():
    model = random_model(2)
    singles = [ck.chern_number(model, (n,)) for n in range(3)]
    assert sum(singles) == 0
    assert ck.chern_number(model, 2) == sum(singles[:2])
    assert ck.chern_number(model, 3) == 0
    assert type(ck.chern_number(model, np.int64(1))) is int


def test_several_chern_quanta():
    assert [ck.chern_number(hofstadter(1, 3), (n,)) for n in range(3)] == [1, -2, 1]
    assert [ck.chern_number(hofstadter(2, 5), (n,)) for n in range(5)] == [-2, 3, -2, 3, -2]


@pytest.mark.parametrize(
    ("model", "where"),
    [
        (ck.models.qwz(-2), [(0, 0)]),
        (ck.models.qwz(0), [(0, np.pi), (np.pi, 0)]),
        (ck.models.qwz(2), [(np.pi, np.pi)]),
        (
            # On-site energy at its critical value, 3√3 t₂ sin φ.
            ck.models.haldane(1, 0.15, np.pi / 2, 3 * np.sqrt(3) * 0.15),
            [(4 * np.pi / 3, 0), (-4 * np.pi / 3, 0)],
        ),
    ],
)  # fmt: skip
def test_refuses_a_closed_gap(model, where):
    with pytest.raises(ck.GapClosedError, match=r"gap .*closes at k=.*away from the trans") as info:
        ck.chern_number(model, 1)
    assert info.value.gap == pytest.approx(0, abs=1e-9)
    # The same point up to a reciprocal vector.
    distances = (info.value.k - np.array(where)) @ model.lattice.vectors.T / (2 * np.pi)
    assert abs(distances - distances.round()).max(axis=1).min() < 1e-6


def test_refuses_a_gap_that_closes_between_mesh_points():
    """Dirac points at k that no regular mesh holds."""
    t3 = 0.77123
    model = ck.TightBinding(
        np.eye(2),
        [[0, 0], [0.5, 0.5]],
        [(0, 1, R, t) for R, t in [((0, 0), 1), ((-1, 0), 0.9), ((0, -1), t3), ((-1, -1), -0.4)]],
    )
    with pytest.raises(ck.GapClosedError) as info:
        ck.chern_number(model, 1)
    assert np.ptp(ck.solve(model, info.value.k).energies) < 1e-8


def test_refuses_degenerate_bands_and_flat_bands():
    one = ck.models.haldane(1, 0.2, 1.0, 0.1)
    zero = np.zeros((2, 2))
    twice = ck.TightBinding.from_blocks(
        one.lattice,
        np.tile(one.orbitals, (2, 1)),
        {R: np.block([[b, zero], [zero, b]]) for R, b in one.blocks.items()},
    )
    with pytest.raises(ck.GapClosedError, match="choose another group"):
        ck.chern_number(twice, 1)
    assert ck.chern_number(twice, 2) == 2 * ck.chern_number(one, 1)
    flat = ck.TightBinding(np.eye(2), [[0, 0], [0, 0]], [])
    with pytest.raises(ck.GapClosedError):
        ck.chern_number(flat, 1)
    assert ck.chern_number(ck.TightBinding(np.eye(2), np.zeros((2, 2)), [], [0, 1]), 1) == 0


@pytest.mark.parametrize("occupied", [0, 3, -1, True, 1.5, "one", ()])
def test_refuses_bad_occupied(occupied):
    with pytest.raises(ValueError, match="expected"):
        ck.chern_number(ck.models.qwz(-1), occupied)


def test_refuses_what_has_no_closed_zone():
    with pytest.raises(ValueError, match=r"not a 2D lattice model.*integrate its berry_curvature"):
        ck.chern_number(ck.models.massive_dirac(1, 1), 1)
    with pytest.raises(ValueError, match="not a 2D lattice model"):
        ck.chern_number(ck.TightBinding([[1.0]], [[0.0], [0.5]], []), 1)


def two_band_model(seed, reach=2):
    """H = d·σ with random hoppings as far as ``reach`` cells, which make large Chern numbers."""
    rng = np.random.default_rng(seed)
    sigma = np.array([[[0, 1], [1, 0]], [[0, -1j], [1j, 0]], [[1, 0], [0, -1]]])
    blocks = {(0, 0): np.tensordot(rng.normal(size=3), sigma, 1)}
    for x in range(-reach, reach + 1):
        for y in range(-reach, reach + 1):
            if (x, y) > (0, 0):
                blocks[x, y] = np.tensordot(rng.normal(size=3) + 1j * rng.normal(size=3), sigma, 1)
                blocks[-x, -y] = blocks[x, y].conj().T
    return ck.TightBinding.from_blocks(np.eye(2), [[0, 0], [0.3, 0.6]], blocks)


def inversion_model(seed, n_even=2, n_odd=2):
    """Orbitals of either parity at the origin, random hoppings with H(−k) = Π H(k) Π."""
    rng = np.random.default_rng(seed)
    parity = np.diag([1.0] * n_even + [-1.0] * n_odd)
    n = n_even + n_odd

    def random():
        return rng.normal(size=(n, n)) + 1j * rng.normal(size=(n, n))

    home = random()
    home = home + home.conj().T
    blocks = {(0, 0): (home + parity @ home @ parity) / 2}
    for R in [(1, 0), (0, 1), (1, 1)]:
        t = random()
        # H(−R) = Π H(R) Π, and it is the conjugate transpose too.
        blocks[R] = (t + parity @ t.conj().T @ parity) / 2
        blocks[-R[0], -R[1]] = blocks[R].conj().T
    return ck.TightBinding.from_blocks(np.eye(2), np.zeros((n, 2)), blocks), parity


def edge_channels(model, energy, n_cells=30, n_k=600):
    """Channels towards +y at the edge at small x, less those towards −y, of a ribbon along y."""
    n = model.n_orb
    k = 2 * np.pi * (np.arange(n_k + 1) + 0.123) / n_k
    h = np.zeros((len(k), n_cells, n, n_cells, n), complex)
    for (x, y), block in model.blocks.items():
        for i in range(max(0, -x), min(n_cells, n_cells - x)):
            h[:, i, :, i + x, :] += block * np.exp(1j * k * y)[:, None, None]
    h = h.reshape(len(k), n_cells * n, n_cells * n)
    below = (np.linalg.eigvalsh(h) < energy).sum(axis=1)
    channels = 0
    for step in np.flatnonzero(np.diff(below)):
        before, after = below[step], below[step + 1]
        # States that have just gone up stand above the energy now, others just below.
        states = np.linalg.eigh(h[step + 1])[1][:, min(before, after) : max(before, after)]
        weight = (abs(states) ** 2)[: n_cells * n // 2].sum(axis=0)
        channels += int(np.sign(before - after)) * int((weight > 0.5).sum())
    return channels


@pytest.mark.parametrize(
    ("model", "occupied", "energy"),
    [
        (ck.models.qwz(-1), 1, 0.123),
        (ck.models.qwz(1.2), 1, 0.123),
        (ck.models.qwz(-2.5), 1, 0.123),
        (ck.models.haldane(1, 0.2, -1.1, 0.2), 1, -0.1),
        # The flux per cell makes E(R = 5 subbands); gaps above the first and below the last.
        (hofstadter(1, 5), 1, -2.4), (hofstadter(1, 5), 4, 2.4), (hofstadter(2, 5), 1, -2.2),
    ],
)  # fmt: skip
def test_against_edge_channels(model, occupied, energy):
    """An edge's force k̇ = F x̂ drives states at small x by −k̇×Ω = FΩ ŷ: C channels towards +y."""
    e = ck.solve(model, ck.uniform_mesh(model.lattice, 24)).energies
    assert e[..., occupied - 1].max() < energy < e[..., occupied].min()
    assert ck.chern_number(model, occupied) == edge_channels(model, energy)


def degree(model):
    """How often d̂(k) of H = d·σ covers the sphere: preimages of ẑ, each with its orientation."""
    from scipy.optimize import root

    def d(k):
        h = model.hamiltonian(k)
        return np.array([h[..., 1, 0].real, h[..., 1, 0].imag, h[..., 0, 0].real])

    def slopes(k):
        dh = model.hamiltonian_gradient(k)
        return np.stack([dh[:, 1, 0].real, dh[:, 1, 0].imag])

    found = np.empty((0, 2))
    for start in ck.uniform_mesh(model.lattice, 18).reshape(-1, 2):
        zero = root(lambda k: d(k)[:2], start, jac=slopes)
        if zero.success and d(zero.x)[2] > 0:
            apart = (found - zero.x) / (2 * np.pi)
            if not (abs(apart - apart.round()).max(axis=1) < 1e-6).any():
                found = np.concatenate([found, [zero.x]])
    return sum(int(np.sign(np.linalg.det(slopes(k)))) for k in found)


# Seeds of every Chern number from −4 to 3.
@pytest.mark.parametrize("seed", range(12))
def test_large_chern_numbers(seed):
    model = two_band_model(seed)
    assert ck.chern_number(model, 1) == degree(model)


@pytest.mark.parametrize("seed", range(12))
def test_parity_eigenvalues(seed):
    """(−1)^C is the product of the occupied parities at the four points k = −k."""
    model, parity = inversion_model(seed)
    k = np.pi * np.array([[0, 0], [1, 0], [0, 1], [1, 1]])
    for occupied in (1, 2, 3):
        u = ck.solve(model, k).states[..., :occupied]
        product = np.linalg.det(u.conj().swapaxes(-1, -2) @ parity @ u).real.prod()
        assert (-1) ** ck.chern_number(model, occupied) == round(product)


@pytest.mark.parametrize("q", [3, 4, 5])
def test_diophantine_equation(q):
    """r = qs + pt, |t| < q/2 in the open gaps: D. J. Thouless et al., PRL 49, 405 (1982)."""
    for p in range(1, q // 2 + 1):
        if gcd(p, q) > 1:
            continue
        model = hofstadter(p, q)
        for r in range(1, q):
            if 2 * r == q:  # the middle gap of even q is closed
                with pytest.raises(ck.GapClosedError):
                    ck.chern_number(model, r)
                continue
            (t,) = [
                t for t in range(-(q // 2), q // 2 + 1) if (r - p * t) % q == 0 and 2 * abs(t) < q
            ]
            assert ck.chern_number(model, r) == t


def test_reference_values():
    """Kagome and Haldane lattices, each by two other programs."""
    hop = np.exp(0.2j)
    kagome = ck.TightBinding(
        [[1, 0], [0.5, np.sqrt(3) / 2]],
        [[0, 0], [0.5, 0], [0, 0.5]],
        [(0, 1, (0, 0), hop), (0, 1, (-1, 0), hop), (1, 2, (0, 0), hop), (1, 2, (1, -1), hop),
         (2, 0, (0, 0), hop), (2, 0, (0, 1), hop)],
    )  # fmt: skip
    assert [ck.chern_number(kagome, (n,)) for n in range(3)] == [-1, 0, 1]
    for args, C in [
        ((1, 1 / 3, np.pi / 4, 2), 0),
        ((1, 1 / 3, np.pi / 4, 0.3), -1),
        ((1, 0.15, np.pi / 2, 0.795011), 0),
        ((1, 0.15, np.pi / 2, 0.763834), -1),
    ]:
        model = ck.models.haldane(*args)
        assert [ck.chern_number(model, (n,)) for n in range(2)] == [C, -C]


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from([-2.0, 0.0, 2.0]), st.sampled_from([-1, 1]), st.floats(-6, -0.3)
)  # fmt: skip
def test_qwz_near_its_transitions(transition, side, exponent):
    m = transition + side * 10**exponent
    expected = (1 if m < 0 else -1) if abs(m) < 2 else 0
    assert ck.chern_number(ck.models.qwz(m), 1) == expected


@settings(max_examples=60, deadline=None)
@given(
    st.floats(0.05, 0.6), st.floats(-3.1, 3.1), st.sampled_from([-1, 1]), st.floats(-5, 0)
)  # fmt: skip
def test_haldane_near_its_transitions(t2, phi, side, exponent):
    critical = 3 * np.sqrt(3) * t2 * abs(np.sin(phi))
    delta = critical + side * 10**exponent
    if critical < 1e-3 or delta < 0:
        return
    expected = -int(np.sign(np.sin(phi))) if delta < critical else 0
    assert ck.chern_number(ck.models.haldane(1, t2, phi, delta), 1) == expected


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6), st.integers(3, 5), st.floats(0.1, 1.0))
def test_inequality_of_the_certificate(seed, n_orb, size):
    """In a random cell: true flux minus link flux is at most −2 ln(cos τ₁ cos τ₂), and the true
    flux at most 2κ²a, with κ = max ‖Q∂HP‖/gap from a fine mesh of the cell."""
    rng = np.random.default_rng(seed)
    h = rng.normal(size=(3, n_orb, n_orb)) + 1j * rng.normal(size=(3, n_orb, n_orb))
    h = h + h.conj().swapaxes(1, 2)
    t = size * (np.arange(61) / 60 - 0.5)
    k = np.stack(np.meshgrid(t, t, indexing="ij"), axis=-1)
    e, u = np.linalg.eigh(h[0] + np.tensordot(k, h[1:], 1))
    occupied, empty = u[..., :2], u[..., 2:]
    gap = (e[..., 2] - e[..., 1])[..., None, None, None]
    rates = empty.conj().swapaxes(-1, -2)[..., None, :, :] @ h[1:] @ occupied[..., None, :, :] / gap
    # Largest over all directions: a norm over both.
    kappa = np.sqrt((abs(rates) ** 2).sum(axis=(-3, -2, -1))).max()
    fluxes = certificate.plaquette_fluxes(occupied)
    corners = occupied[::60, ::60]
    difference = fluxes.sum() - certificate.plaquette_fluxes(corners).item()
    if not certificate.is_certified(np.array(kappa), np.array([size, size]), size**2):
        return
    # The fine mesh is off by 1e-3 of the flux.
    assert abs(difference) <= -4 * np.log(np.cos(kappa * size)) + 2e-3
    assert abs(fluxes.sum()) <= 2 * (kappa * size) ** 2 + 2e-3


def test_certificate_refuses_large_cells():
    one = np.array([1.0, 1.0])
    assert not certificate.is_certified(np.array([np.inf, 2.0, 1.2, 0.9]), one, 1.0).any()
    assert certificate.is_certified(np.array([0.0, 0.5, 0.8]), one, 1.0).all()
    assert not certificate.is_certified(np.array(0.8), 2 * one, 4.0)


@pytest.mark.parametrize("seed", range(4))
def test_flux_is_whole_before_rounding(monkeypatch, seed):
    """Cells of different sizes meet, also across the edges of the zone, without a remainder."""
    monkeypatch.setattr(certificate, "round", lambda flux: flux, raising=False)
    rng = np.random.default_rng(seed)
    base, k0 = ck.models.qwz(-1.98), np.array([0.02, 0.3]) * rng.uniform(0.5, 1.5, 2)
    model = ck.BlochModel(lambda k: base.hamiltonian(k - k0), None, np.eye(2), n_orb=2)
    for flux in (ck.chern_number(model, 1), ck.chern_number(two_band_model(seed), 1)):
        assert isinstance(flux, float)
        assert flux == pytest.approx(np.rint(flux), abs=1e-9)


class Counted:
    """A model that counts the wave vectors at which it is asked."""

    def __init__(self, model):
        self.model, self.count = model, 0

    def __getattr__(self, name):
        return getattr(self.model, name)

    def hamiltonian(self, k):
        self.count += len(k.reshape(-1, 2))
        return self.model.hamiltonian(k)


@pytest.mark.parametrize(
    ("model", "most"),
    [
        (ck.models.haldane(1, 0.25, 1.1, 0.3), 6_000),
        (ck.models.qwz(-1.0), 8_000),
        (ck.models.qwz(-2 + 1e-6), 80_000),
    ],
)
def test_work(model, most):
    """A milliseconds' work; a small gap costs as much as its logarithm."""
    counted = Counted(model)
    assert abs(ck.chern_number(counted, 1)) == 1
    assert counted.count < most


@pytest.mark.parametrize("scale", [1e-9, 1e9])
def test_any_unit_of_energy(scale):
    for base in (ck.models.qwz(-1.9), random_model(1)):
        blocks = {R: scale * t for R, t in base.blocks.items()}
        model = ck.TightBinding.from_blocks(base.lattice, base.orbitals, blocks)
        n = base.n_orb - 1
        assert ck.chern_number(model, n) == ck.chern_number(base, n) != 0


def test_any_basis():
    """A left-handed one, a sheared one, and a cell of twice the size."""
    base = ck.models.haldane(1, 0.2, 1.0, 0.3)
    for change in ([[0, 1], [1, 0]], [[1, 0], [2, 1]], [[-1, 0], [0, 1]]):
        # a' = change · a, so R' = R · change⁻¹.
        back = np.linalg.inv(change)
        blocks = {tuple(np.rint(R @ back).astype(int)): t for R, t in base.blocks.items()}
        vectors, orbitals = change @ base.lattice.vectors, base.orbitals @ back
        assert ck.chern_number(ck.TightBinding.from_blocks(vectors, orbitals, blocks), 1) == -1
    assert ck.chern_number(ck.finite.with_flux(base, 0, 2), 2) == -1


def test_models_without_a_velocity_bound():
    base = ck.models.haldane(1, 0.2, 1.0, 0.3)
    for gradient in (base.hamiltonian_gradient, None):
        model = ck.BlochModel(base.hamiltonian, gradient, base.lattice, n_orb=2)
        assert ck.chern_number(model, 1) == -1
    closed = ck.models.qwz(-2)
    model = ck.BlochModel(closed.hamiltonian, None, closed.lattice, n_orb=2)
    with pytest.raises(ck.GapClosedError):
        ck.chern_number(model, 1)


def test_refuses_bands_that_touch_as_parabolas():
    """H ~ (kₓ + ik_y)², as in a bilayer, around a point off every mesh."""
    center = np.array([0.4321, -0.7654])

    def hamiltonian(k):
        x, y = np.moveaxis(k - center, -1, 0)
        z = (np.sin(x) + 1j * np.sin(y)) ** 2
        mass = (2 - np.cos(x) - np.cos(y)) ** 2
        rows = [np.stack([mass, z], axis=-1), np.stack([z.conj(), -mass], axis=-1)]
        return np.stack(rows, axis=-2)

    with pytest.raises(ck.GapClosedError) as info:
        ck.chern_number(ck.BlochModel(hamiltonian, None, np.eye(2), n_orb=2), 1)
    distance = (info.value.k - center) / (2 * np.pi)
    np.testing.assert_allclose(distance - distance.round(), 0, atol=1e-4)


def test_refuses_a_line_of_touching_points():
    line = ck.TightBinding(np.eye(2), [[0, 0]] * 2, [(0, 1, (0, 0), 0.3), (0, 1, (1, 0), -0.3)])
    with pytest.raises(ck.GapClosedError) as info:
        ck.chern_number(line, 1)
    assert np.sin(info.value.k[0] / 2) == pytest.approx(0, abs=1e-9)


def test_refuses_what_cannot_be_resolved(monkeypatch):
    """A gap that is too small over too much of the zone, though open."""
    monkeypatch.setattr(certificate, "_MANY_CELLS", 50)
    monkeypatch.setattr(certificate, "_MOST_CELLS", 300)
    with pytest.raises(ck.GapClosedError, match="gap above or below the group closes"):
        ck.chern_number(two_bands_with_a_valley(), 1)


def two_bands_with_a_valley():
    """Gap 0.002 along a whole line kₓ = 0."""
    hops = [(0, 1, (0, 0), 0.3), (0, 1, (1, 0), -0.3)]
    return ck.TightBinding(np.eye(2), [[0, 0]] * 2, hops, onsite=[1e-3, -1e-3])


def test_a_valley_is_resolved_where_there_is_room():
    assert ck.chern_number(two_bands_with_a_valley(), 1) == 0
