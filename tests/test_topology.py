"""Chern numbers."""

from __future__ import annotations

import numpy as np
import pytest

import coursekit as ck


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
    """Subbands of one band in a third of a flux quantum per cell: [1, −2, 1]."""
    square = ck.TightBinding(np.eye(2), [[0, 0]], [(0, 0, (1, 0), -1), (0, 0, (0, 1), -1)])
    subbands = ck.finite.with_flux(square, 1, 3)
    assert [ck.chern_number(subbands, (n,)) for n in range(3)] == [1, -2, 1]
    # Diophantine equation r = qs + pt, t the summed Chern numbers: 2 = 5·0 + 2·1, 1 = 5·1 − 2·2.
    assert ck.chern_number(ck.finite.with_flux(square, 2, 5), 1) == -2
    assert ck.chern_number(ck.finite.with_flux(square, 2, 5), 2) == 1


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
