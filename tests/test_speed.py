"""Bounds on how fast H(k) changes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import coursekit as ck
from coursekit.speed import speed_limit


def random_model(seed, n_orb, dim):
    rng = np.random.default_rng(seed)
    blocks = {(0,) * dim: np.diag(rng.normal(size=n_orb))}
    for R in [*np.eye(dim, dtype=int), np.ones(dim, dtype=int)]:
        if tuple(R) not in blocks:
            t = rng.normal(size=(n_orb, n_orb)) + 1j * rng.normal(size=(n_orb, n_orb))
            blocks[tuple(R)], blocks[tuple(-R)] = t, t.conj().T
    vectors = np.eye(dim) + 0.3 * rng.normal(size=(dim, dim))
    return ck.TightBinding.from_blocks(vectors, rng.random((n_orb, dim)), blocks)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 4), st.integers(1, 3), st.floats(1e-4, 0.5))
def test_bound_within_a_ball(seed, n_orb, dim, radius):
    model, rng = random_model(seed, n_orb, dim), np.random.default_rng(seed)
    center = rng.normal(size=dim)
    bound = np.max(speed_limit(model).within(center[None], radius))
    directions = rng.normal(size=(200, dim))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    k = center + radius * rng.random((200, 1)) * directions
    dh = np.einsum("kaij,ka->kij", model.hamiltonian_gradient(k), rng.permutation(directions))
    # Without the mean, which moves all bands together.
    spread = np.ptp(np.linalg.eigvalsh(dh), axis=1) / 2
    assert spread.max() <= bound * (1 + 1e-12)


def test_local_bound_is_sharper():
    model = ck.models.qwz(-1)
    limit = speed_limit(model)
    assert limit.anywhere == model.velocity_bound == 4
    assert limit.within(np.array([[0.0, 0.0]]), 0.6) == 4
    # At Γ the slopes are σₓ and σ_y, and the diagonal one is √2 in this norm.
    assert limit.within(np.array([[0.0, 0.0]]), 0.01)[0] == pytest.approx(np.sqrt(2) + 0.04)


def test_models_without_a_bound():
    base = ck.models.qwz(-1)
    model = ck.BlochModel(base.hamiltonian, base.hamiltonian_gradient, np.eye(2), n_orb=2)
    limit = speed_limit(model)
    assert 2 <= limit.anywhere <= 4
    assert limit.within(np.zeros((1, 2)), 0.0) == limit.anywhere
    dirac = ck.models.massive_dirac(1.0, 0.3)
    assert speed_limit(dirac, np.zeros((1, 2))).anywhere == pytest.approx(2 * np.sqrt(2))
    atoms = ck.TightBinding(np.eye(2), [[0, 0], [0, 0]], [], onsite=[0, 1])
    assert speed_limit(atoms).within(np.zeros((1, 2)), 0.1) == 0
