"""Models given by a function H(k)."""

from __future__ import annotations

import numpy as np
import pytest

import coursekit as ck

X, Y, Z = np.array([[[0, 1], [1, 0]], [[0, -1j], [1j, 0]], [[1, 0], [0, -1]]])


def qwz(k, m=-1.0):
    kx, ky = k[..., 0, None, None], k[..., 1, None, None]
    return np.sin(kx) * X + np.sin(ky) * Y + (m + np.cos(kx) + np.cos(ky)) * Z


def test_agrees_with_tight_binding():
    given = ck.BlochModel(qwz, lattice=np.eye(2), n_orb=2)
    built = ck.models.qwz(-1)
    k = ck.uniform_mesh(built.lattice, 5, shift=0.3)
    # Sixth-order differences with steps of 0.01: error 0.01⁶/140.
    np.testing.assert_allclose(
        given.hamiltonian_gradient(k), built.hamiltonian_gradient(k), atol=1e-12
    )
    np.testing.assert_allclose(
        ck.berry_curvature(given, k), ck.berry_curvature(built, k), atol=1e-10
    )
    assert ck.chern_number(given, 1) == 1
    assert ck.anomalous_hall(given, 0.0) == pytest.approx(-1 / (2 * np.pi), abs=1e-9)
    assert repr(given) == "<BlochModel: 2D lattice, 2 bands>"


@pytest.mark.parametrize("a", [1e-10, 1e10])
def test_step_of_differences_follows_the_lattice(a):
    model = ck.BlochModel(lambda k: qwz(k * a), lattice=a * np.eye(2), n_orb=2)
    k = np.array([0.3, 0.7]) / a
    omega = ck.berry_curvature(ck.models.qwz(-1), k * a)
    np.testing.assert_allclose(ck.berry_curvature(model, k) / a**2, omega, atol=1e-10)


def test_gradient_is_used_where_given():
    calls = []

    def gradient(k):
        calls.append(k.shape)
        return np.broadcast_to(np.array([X, Y]), (*k.shape[:-1], 2, 2, 2))

    model = ck.BlochModel(
        lambda k: k[..., 0, None, None] * X + k[..., 1, None, None] * Y + Z, gradient, n_orb=2
    )
    ck.berry_curvature(model, np.zeros((3, 2)))
    assert (3, 2) in calls


@pytest.mark.parametrize(
    ("hamiltonian", "gradient", "message"),
    [
        (lambda k: qwz(k) + 0.1j * np.eye(2), None, "not Hermitian.*expected H = H†"),
        (
            lambda k: qwz(k) + np.array([[0, 1], [0, 0]]),
            None,
            r"not Hermitian: at k=\(.*\) elements",
        ),
        (lambda k: np.nan * qwz(k), None, "hamiltonian.* holds NaN or inf"),
        (
            lambda k: np.eye(2),
            None,
            r"shape \(2, 2\) for k of shape \(2, 2\); expected \(2, 2, 2\)",
        ),
        (lambda k: np.zeros((*k.shape[:-1], 3, 3)), None, r"expected \(2, 2, 2\)"),
        (qwz, lambda k: np.zeros((2, 2, 2)), r"gradient\(k\) has shape"),
        (qwz, lambda k: 1j * np.ones((*k.shape, 2, 2)), r"gradient\(k\) is not Hermitian"),
    ],
)
def test_refuses_bad_functions(hamiltonian, gradient, message):
    with pytest.raises(ValueError, match=message):
        ck.BlochModel(hamiltonian, gradient, lattice=np.eye(2), n_orb=2)


def test_refuses_reduced_k_where_cartesian_is_meant():
    """A function of k in units of the reciprocal vectors repeats after 1, not after 2π."""
    with pytest.raises(ValueError, match=r"H\(k \+ b1\) has other energies.*periodic in the zone"):
        ck.BlochModel(lambda k: qwz(2 * np.pi * k), lattice=np.eye(2), n_orb=2)
    with pytest.raises(ValueError, match="or leave lattice out for a continuum model"):
        ck.BlochModel(
            lambda k: k[..., 0, None, None] * X + k[..., 1, None, None] * Y + Z,
            lattice=np.eye(2),
            n_orb=2,
        )
    # Periodic up to a unitary matrix, as with orbital positions in the phase, is right.
    haldane = ck.models.haldane(1, 0.2, 1.0, 0.3)
    ck.BlochModel(haldane.hamiltonian, lattice=haldane.lattice, n_orb=2)


def test_hermiticity_of_a_call_is_checked_too():
    broken = ck.BlochModel(lambda k: qwz(k) + 1j * (k[..., 0, None, None] > 50) * X, n_orb=2)
    with pytest.raises(ValueError, match="not Hermitian"):
        broken.hamiltonian([60.0, 0.0])


def test_rounding_where_the_hamiltonian_vanishes():
    """At a node H is rounding alone, which need not be Hermitian to its own size."""

    def node(k):
        h = np.zeros((*k.shape[:-1], 2, 2), dtype=complex)
        h[..., 0, 1] = k[..., 0] - 1j * k[..., 1] + 1e-17
        h[..., 1, 0] = k[..., 0] + 1j * k[..., 1]
        return h

    model = ck.BlochModel(node, n_orb=2)
    assert abs(model.hamiltonian([0.0, 0.0])).max() < 1e-16


def test_rows_of_different_lengths():
    with pytest.raises(
        ValueError, match=r"its rows differ in length; expected shape \(\.\.\., 2\)"
    ):
        ck.berry_curvature(ck.models.qwz(-1.0), [[0.0, 0.0], [1.0]])
