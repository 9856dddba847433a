"""Quantum metric and quantum geometric tensor."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import coursekit as ck


def random_model(seed, n_orb=4, dim=2):
    """Hoppings to all neighbours at random, orbitals anywhere in an oblique cell."""
    rng = np.random.default_rng(seed)
    energies = np.arange(n_orb) * 2.0
    blocks = {(0,) * dim: np.diag(energies)}
    for R in np.eye(dim, dtype=int):
        t = 0.3 * (rng.normal(size=(n_orb, n_orb)) + 1j * rng.normal(size=(n_orb, n_orb)))
        blocks[tuple(R)], blocks[tuple(-R)] = t, t.conj().T
    vectors = np.eye(dim) + 0.3 * rng.normal(size=(dim, dim))
    return ck.TightBinding.from_blocks(vectors, rng.random((n_orb, dim)), blocks)


def from_unit_vector(d, slopes):
    """g_ab = ¼ ∂_a d̂·∂_b d̂ and Ω_lower = ½ d̂·(∂ₓd̂ × ∂_yd̂) of H = d·σ, d (3,), slopes (2, 3)."""
    size = np.linalg.norm(d)
    unit = d / size
    turn = (slopes - (slopes @ unit)[:, None] * unit) / size
    return turn @ turn.T / 4, unit @ np.cross(*turn) / 2


def projector(model, k, bands):
    u = np.linalg.eigh(model.hamiltonian(k))[1][..., list(bands)]
    return u @ u.conj().swapaxes(-1, -2)


def projector_slopes(model, k, bands, step=1e-3):
    """∂P/∂k_a, (dim, n, n), by sixth-order differences: errors of 1e-15/step."""

    def difference(shift):
        return projector(model, k + shift, bands) - projector(model, k - shift, bands)

    weights = [(1, 45), (2, -9), (3, 1)]
    return np.stack(
        [sum(w * difference(n * step * e) for n, w in weights) for e in np.eye(model.dim)]
    ) / (60 * step)


@pytest.mark.parametrize("tau", [1, -1])
def test_dirac(tau):
    v, delta, k = 1.3, 0.4, np.array([0.3, -0.7])
    model = ck.models.massive_dirac(v, delta, tau)
    energy = np.sqrt(delta**2 + v**2 * (k @ k))
    # Metric of a sphere of radius ½ on which d̂ = (τvkₓ, vk_y, Δ)/ε moves.
    expected = v**2 / (4 * energy**2) * (np.eye(2) - v**2 * np.outer(k, k) / energy**2)
    np.testing.assert_allclose(ck.quantum_metric(model, k), [expected, expected], rtol=1e-12)
    lower, upper = ck.quantum_geometric_tensor(model, k)
    # Conduction band Ω = −τv²Δ/2ε³, and Q_xy = g_xy − iΩ/2.
    assert upper[0, 1].imag == pytest.approx(tau * v**2 * delta / (4 * energy**3), rel=1e-12)
    np.testing.assert_allclose(lower, upper.conj(), rtol=1e-12)


@settings(max_examples=30, deadline=None)
@given(st.floats(-3, 3), st.floats(-3, 3), st.floats(-3, 3))
def test_qwz(m, kx, ky):
    d = np.array([np.sin(kx), np.sin(ky), m + np.cos(kx) + np.cos(ky)])
    if np.linalg.norm(d) < 0.05:
        return
    slopes = np.array([[np.cos(kx), 0, -np.sin(kx)], [0, np.cos(ky), -np.sin(ky)]])
    g, omega = from_unit_vector(d, slopes)
    Q = ck.quantum_geometric_tensor(ck.models.qwz(m), [kx, ky], 0)
    # Differences of terms as large as 1/|d|², with rounding 1e-16.
    np.testing.assert_allclose(Q.real, g, atol=1e-11)
    assert Q[0, 1].imag == pytest.approx(-omega / 2, abs=1e-11)


@pytest.mark.parametrize("dim", [1, 2, 3])
@pytest.mark.parametrize("bands", [(0,), (1,), (0, 1), (1, 3), (0, 1, 2)])
def test_against_projectors(dim, bands):
    """Q_ab = Tr P ∂_aP (1 − P) ∂_bP, without a sum over states."""
    model = random_model(dim, dim=dim)
    k = np.array([0.4, -1.1, 0.8])[:dim]
    p, slopes = projector(model, k, bands), projector_slopes(model, k, bands)
    q = np.eye(model.n_orb) - p
    expected = np.einsum("ij,ajk,kl,bli->ab", p, slopes, q, slopes)
    got = ck.quantum_geometric_tensor(model, k, bands)
    np.testing.assert_allclose(got, expected, atol=1e-10)
    np.testing.assert_allclose(ck.quantum_metric(model, k, bands), expected.real, atol=1e-10)


def test_against_fidelity():
    """1 − |⟨u(k)|u(k + dk)⟩|² = g_ab dk_a dk_b; symmetric in dk up to fourth order."""
    model, k = random_model(7), np.array([0.9, 0.2])
    u = ck.solve(model, k).states
    for dk in 1e-3 * np.array([[1, 0], [0, 1], [1, 1], [2, -1]]):
        there = [ck.solve(model, k + s * dk).states for s in (1, -1)]
        overlaps = [abs((u.conj() * w).sum(axis=0)) ** 2 for w in there]
        lost = 1 - np.mean(overlaps, axis=0)
        g = ck.quantum_metric(model, k)
        # Fourth order gives 1e-12, rounding 1e-16, of a loss of 1e-6.
        np.testing.assert_allclose(np.einsum("nab,a,b->n", g, dk, dk), lost, rtol=1e-4, atol=1e-11)


def test_sign_of_the_imaginary_part():
    """Against the phase of a product of links around a small square; link phase −A."""
    model, k, h = random_model(3), np.array([0.3, 0.5]), 1e-3
    corners = k + h / 2 * np.array([[-1, -1], [1, -1], [1, 1], [-1, 1], [-1, -1]])
    u = ck.solve(model, corners).states
    links = (u[:-1].conj() * u[1:]).sum(axis=1)
    flux = -np.angle(links.prod(axis=0))
    Q = ck.quantum_geometric_tensor(model, k)
    np.testing.assert_allclose(-2 * Q[:, 0, 1].imag * h**2, flux, rtol=1e-4, atol=1e-12)
    np.testing.assert_allclose(-2 * Q[:, 0, 1].imag, ck.berry_curvature(model, k), rtol=1e-10)


def test_axial_vector_in_three_dimensions():
    model, k = random_model(5, dim=3), np.array([0.3, 0.5, -0.2])
    Q = ck.quantum_geometric_tensor(model, k, (0, 1))
    omega = ck.berry_curvature(model, k, (0, 1))
    np.testing.assert_allclose(-2 * Q[[1, 2, 0], [2, 0, 1]].imag, omega, rtol=1e-10)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from([(0,), (2,), (0, 1), (1, 2)]))
def test_positive(seed, bands):
    """Q is positive, so det g ≥ Ω²/4 and tr g ≥ |Ω|."""
    model = random_model(seed)
    k = ck.uniform_mesh(model.lattice, 3, shift=0.3)
    Q = ck.quantum_geometric_tensor(model, k, bands)
    scale = abs(Q).max()
    assert np.linalg.eigvalsh(Q).min() > -1e-12 * scale
    g, omega = Q.real, ck.berry_curvature(model, k, bands)
    assert (np.linalg.det(g) >= omega**2 / 4 - 1e-12 * scale**2).all()
    assert (np.trace(g, axis1=-2, axis2=-1) >= abs(omega) - 1e-12 * scale).all()


def test_two_bands_saturate_the_bound():
    """A map to a sphere has √det g = |Ω|/2."""
    model = ck.models.haldane(1, 0.2, 1.0, 0.3)
    k = ck.uniform_mesh(model.lattice, 6, shift=0.2)
    g, omega = ck.quantum_metric(model, k, 0), ck.berry_curvature(model, k, 0)
    np.testing.assert_allclose(np.linalg.det(g), omega**2 / 4, atol=1e-13)


def test_groups_and_shapes():
    model = random_model(11)
    k = ck.uniform_mesh(model.lattice, (2, 3), shift=0.1)
    assert ck.quantum_metric(model, k).shape == (2, 3, 4, 2, 2)
    assert ck.quantum_metric(model, k, 1).shape == (2, 3, 2, 2)
    assert ck.quantum_metric(model, k[:0]).shape == (0, 3, 4, 2, 2)
    np.testing.assert_allclose(
        ck.quantum_metric(model, k, (3,)), ck.quantum_metric(model, k)[..., 3, :, :]
    )
    # All bands together do not turn.
    assert abs(ck.quantum_geometric_tensor(model, k, range(4))).max() == 0
    # A group and the rest turn together, against each other.
    np.testing.assert_allclose(
        ck.quantum_geometric_tensor(model, k, (0, 2)),
        ck.quantum_geometric_tensor(model, k, (1, 3)).conj(),
    )


def test_chunks(monkeypatch):
    model = random_model(12)
    k = ck.uniform_mesh(model.lattice, 5)
    whole = ck.quantum_metric(model, k)
    monkeypatch.setattr("coursekit.metric._CHUNK", 100)
    np.testing.assert_allclose(ck.quantum_metric(model, k), whole, rtol=1e-12)


@pytest.mark.parametrize("scale", [1e-9, 1e9])
def test_any_unit_of_energy(scale):
    model = random_model(2)
    other = ck.TightBinding.from_blocks(
        model.lattice, model.orbitals, {R: scale * t for R, t in model.blocks.items()}
    )
    k = np.array([0.3, 0.4])
    np.testing.assert_allclose(ck.quantum_metric(other, k), ck.quantum_metric(model, k), rtol=1e-9)


def test_near_degeneracy():
    """g = v²/4Δ² at the centre of a Dirac cone, however small the gap is."""
    g = ck.quantum_metric(ck.models.massive_dirac(1.0, 1e-6), [0.0, 0.0], 0)
    np.testing.assert_allclose(g, np.eye(2) / 4e-12, rtol=1e-9)


def test_touching_bands():
    graphene = ck.models.haldane(1, 0, 0, 0)
    K = [[0.1, 0.2], [4 * np.pi / 3, 0]]
    with pytest.raises(
        ck.DegenerateBandsError, match=r"bands=\(0,\) touches band 1 at k=\(4.1"
    ) as e:
        ck.quantum_metric(graphene, K)
    np.testing.assert_allclose(e.value.k, K[1])
    assert e.value.gap < 1e-12
    zero = np.zeros((2, 2))
    twice = ck.TightBinding.from_blocks(
        np.eye(2),
        np.zeros((4, 2)),
        {R: np.block([[b, zero], [zero, b]]) for R, b in ck.models.qwz(-1).blocks.items()},
    )
    with pytest.raises(ck.DegenerateBandsError, match=r"pass bands=\(1, 2, 3\)"):
        ck.quantum_metric(twice, [0.3, 0.2], (2, 3, 1)[::2])
    single = ck.quantum_metric(ck.models.qwz(-1), [0.3, 0.2], 0)
    np.testing.assert_allclose(ck.quantum_metric(twice, [0.3, 0.2], (0, 1)), 2 * single, rtol=1e-12)


def test_refuses():
    with pytest.raises(ValueError, match="expected distinct band indices"):
        ck.quantum_metric(ck.models.qwz(-1), [0, 0], 2)
    with pytest.raises(ValueError, match=r"expected real numbers of shape \(..., 2\)"):
        ck.quantum_metric(ck.models.qwz(-1), [0, 0, 0])
    with pytest.raises(ValueError, match="expected a TightBinding or a BlochModel"):
        ck.quantum_metric(None, [0, 0])
