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
