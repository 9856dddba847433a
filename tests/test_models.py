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
