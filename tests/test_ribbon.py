"""Ribbons: spectra against a textbook matrix, edge modes against Chern numbers, bound currents."""

from __future__ import annotations

import numpy as np
import pytest

import coursekit as ck

CHERN = ck.models.haldane(1, 1 / 3, np.pi / 4, 0.3)
TRIVIAL = ck.models.haldane(1, 1 / 3, np.pi / 4, 2)
QWZ = ck.models.qwz(-1, 0.2)
SQUARE = ck.TightBinding(np.eye(2), [[0, 0]], [(0, 0, R, -1.0) for R in ((1, 0), (0, 1))])


def left_handed(model):
    return ck.TightBinding.from_blocks(
        model.lattice.vectors[::-1],
        model.orbitals[:, ::-1],
        {R[::-1]: block for R, block in model.blocks.items()},
    )


@pytest.mark.parametrize(("m", "tp", "k", "B"), [(-1, 0.2, 0.7, 0.0), (1, 0.1, -2.0, 0.05)])
def test_against_the_textbook_matrix(m, tp, k, B):
    """QWZ along x: rows couple by (σ_z + t′)/2 + σ_y/2i; in a field k turns to k − By."""
    x, y, z = np.array([[[0, 1], [1, 0]], [[0, -1j], [1j, 0]], [[1, 0], [0, -1]]])
    width, one = 6, np.eye(2)
    h = np.zeros((width, 2, width, 2), dtype=complex)
    for row in range(width):
        q = k - B * (row - (width - 1) / 2)
        h[row, :, row] = np.sin(q) * x + (m + np.cos(q)) * z + tp * np.cos(q) * one
        if row:
            h[row - 1, :, row] = (z + tp * one) / 2 + y / 2j
            h[row, :, row - 1] = h[row - 1, :, row].conj().T
    ribbon = ck.finite.Ribbon(ck.models.qwz(m, tp), width, B=B)
    bands = ribbon.bands([k, k + 2 * np.pi])
    expected, states = np.linalg.eigh(h.reshape(2 * width, -1))
    np.testing.assert_allclose(bands.energies, [expected, expected], atol=1e-12)
    # Width 6: one row, two orbitals, is the quarter at an edge.
    np.testing.assert_allclose(bands.lower[0], (abs(states[:2]) ** 2).sum(axis=0), atol=1e-10)
    np.testing.assert_allclose(bands.upper[1], (abs(states[-2:]) ** 2).sum(axis=0), atol=1e-10)
    step = 1e-5
    up, down = (ribbon.bands(k + d).energies for d in (step, -step))
    np.testing.assert_allclose(bands.velocity[0], (up - down) / (2 * step), atol=1e-6)
    np.testing.assert_allclose(ribbon.across.reshape(-1, 2).T, [np.arange(6) - 2.5] * 2)


@pytest.mark.parametrize("direction", [(1, 0), (0, 1), (-1, 0), (0, -1), (1, 1), (2, -3), (5, 2)])
@pytest.mark.parametrize("mirrored", [False, True])
def test_rows_climb_to_the_left(direction, mirrored):
    """The rows' steps and the direction span one cell, and the last row is on the left."""
    model = left_handed(CHERN) if mirrored else CHERN
    ribbon = ck.finite.Ribbon(model, 5, direction)
    t = np.array(direction) @ model.lattice.vectors
    assert ribbon.period == pytest.approx(np.linalg.norm(t))
    height = np.diff(ribbon.across[::2])
    np.testing.assert_allclose(height, model.lattice.cell_volume / ribbon.period)
    assert ribbon.across.mean() == pytest.approx(0, abs=1e-14)
    # Hops lead where they lead in the plane: the same distances, and so the same Σ|t|² d².
    blocks = ribbon.chain.blocks
    x, y = ribbon.chain.orbitals[:, 0] * ribbon.period, ribbon.across
    found = sum(
        (abs(b) ** 2 * ((R * ribbon.period + x - x[:, None]) ** 2 + (y - y[:, None]) ** 2))[4:6]
        for (R,), b in blocks.items()
    )
    r = model.orbitals @ model.lattice.vectors
    plane = sum(
        abs(b) ** 2 * ((np.array(R) @ model.lattice.vectors + r - r[:, None]) ** 2).sum(axis=-1)
        for R, b in model.blocks.items()
    )
    wide = 2 * max(map(abs, direction)) + 1 <= 5
    if wide:
        # From the row in the middle every hop stays on the ribbon.
        assert found.sum() == pytest.approx(plane.sum())


# Bulk and boundary -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "energy", "chern"),
    [
        (ck.models.qwz(-1), 0.2, 1),
        (ck.models.qwz(-1), 0.0, 1),  # where the modes of both edges cross
        (ck.models.qwz(1), 0.1, -1),
        (ck.models.qwz(-3), 0.0, 0),
        (ck.models.qwz(-1.6), 0.05, 1),  # edge modes that reach far in
        (CHERN, -0.4, -1),
        (TRIVIAL, 0.0, 0),
        (ck.models.haldane(1, 0.2, -np.pi / 2, 0), 0.0, 1),
        (ck.models.kane_mele(1, 0.2, 0.05, 0.1), 0.0, 0),  # one each way, on each edge
    ],
)
@pytest.mark.parametrize("direction", [(1, 0), (0, 1), (1, 1)])
def test_edge_modes(model, energy, chern, direction):
    """C = +1: electrons run forward on the left edge, seen along the direction."""
    ribbon = ck.finite.Ribbon(model, 20, direction)
    assert ribbon.edge_modes(energy) == (-chern, chern)
    assert ck.chern_number(model, model.n_orb // 2) == chern
    assert ck.finite.Ribbon(left_handed(model), 20, direction).edge_modes(energy).upper == chern


def test_edge_modes_that_meet_between_wave_vectors():
    """E = 0 right where the modes of both edges meet, at a k without meaning."""
    blocks = ck.models.qwz(-1).blocks
    turned = {R: np.exp(0.3123j * R[0]) * block for R, block in blocks.items()}
    model = ck.TightBinding.from_blocks(np.eye(2), np.zeros((2, 2)), turned)
    assert ck.finite.Ribbon(model, 20).edge_modes(0.0) == (-1, 1)


def test_edge_states_run_where_they_should():
    """Single states of the gap, each at one edge: their velocities."""
    bands = ck.finite.Ribbon(ck.models.qwz(-1), 24).bands(np.linspace(-0.8, 0.8, 80))
    gap = abs(bands.energies) < 0.6
    assert (bands.velocity[gap & (bands.upper > 0.95)] > 0.5).all()
    assert (bands.velocity[gap & (bands.lower > 0.95)] < -0.5).all()
    assert (np.maximum(bands.lower, bands.upper)[gap] > 0.95).all()


@pytest.mark.parametrize(("p", "q"), [(1, 3), (2, 5), (-1, 4)])
def test_edge_modes_in_a_magnetic_field(p, q):
    """Landau levels of the lattice: as many modes as the label of the gap says."""
    ribbon = ck.finite.Ribbon(SQUARE, 45, B=2 * np.pi * p / q)
    labels = ck.finite.streda_labels(SQUARE, p % q, q)
    for t, bottom, top in zip(labels.t, labels.bottom, labels.top, strict=True):
        assert ribbon.edge_modes((bottom + top) / 2) == (-t, t)


@pytest.mark.parametrize(
    ("model", "width", "energy"),
    [
        (QWZ, 20, 1.6),  # in a band
        (SQUARE, 20, 0.3),  # a metal
        (ck.models.hofstadter(1, 1), 30, -2.0),
    ],
)
def test_refuses_to_count_other_states(model, width, energy):
    with pytest.raises(ValueError, match="expected whole numbers and 0"):
        ck.finite.Ribbon(model, width).edge_modes(energy)


# Equilibrium -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "mu", "kT", "expected"),
    [
        # Values of an independent program.
        (TRIVIAL, -2.0, 0.2, 0.024952490749),
        (CHERN, -0.9, 0.1, 0.071550139848),
        (CHERN, -0.3, 0.1, -0.023668797817),
        (left_handed(CHERN), -0.3, 0.1, -0.023668797817),
    ],
)
@pytest.mark.parametrize("direction", [(1, 0), (1, 1)])
def test_magnetization(model, mu, kT, expected, direction):
    """The current around the middle, and the moment as the width grows: M + a/width."""
    widths = [14, 17, 20]
    ribbons = [ck.finite.Ribbon(model, width, direction) for width in widths]
    M = [ribbon.magnetization(mu, kT) for ribbon in ribbons]
    bulk, edge, corner = ck.finite.extrapolate(widths, M)
    assert bulk == pytest.approx(expected, abs=2e-5)
    assert abs(edge) > 1e-3
    # There are no corners.
    assert abs(corner) < 0.05 * abs(edge)
    # e^{−πLkT/ħv}; along (1, 1) rows are half as high.
    assert ribbons[-1].edge_current(mu, kT) == pytest.approx(expected, abs=1e-5)


def test_bound_currents():
    """They sum up to zero, nothing flows deep inside, and their moment is the magnetization."""
    ribbon = ck.finite.Ribbon(CHERN, 24)
    mu, kT = np.array([-0.9, -0.3]), 0.1
    current = ribbon.current_profile(mu, kT)
    assert current.shape == (2, 48)
    np.testing.assert_allclose(current.sum(axis=-1), 0, atol=1e-14)
    # One row of the crystal, which may carry currents that cancel.
    assert abs(current[:, 24:26].sum(axis=-1)).max() < 1e-6
    moment = -(current * ribbon.across).sum(axis=-1) * ribbon.period / ribbon.area
    np.testing.assert_allclose(moment, ribbon.magnetization(mu, kT), atol=1e-12)


def test_square_lattice_rows_carry_minus_M():
    """Where hops along the direction stay in their row, rows tell M exactly."""
    ribbon = ck.finite.Ribbon(QWZ, 30)
    current = ribbon.current_profile(-0.3, 0.1).reshape(30, 2).sum(axis=1)
    M = ck.orbital_magnetization(QWZ, -0.3, 0.1)
    assert current[15:].sum() == pytest.approx(-M, abs=1e-6)
    assert current[:15].sum() == pytest.approx(M, abs=1e-6)


def test_density():
    """Deep inside that of the bulk; all of it the number of states below μ."""
    ribbon = ck.finite.Ribbon(CHERN, 24)
    density = ribbon.density([-2.0, -0.3], 0.2)
    bulk = ck.electron_density(CHERN, np.array([-2.0, -0.3]), 0.2) * CHERN.lattice.cell_volume
    np.testing.assert_allclose(density[:, 24:26].sum(axis=-1), bulk, atol=1e-5)
    assert ribbon.density(100.0).sum() == pytest.approx(48)


def test_magnetization_is_the_slope_of_the_grand_potential():
    B, step, mu, kT = 0.05, 1e-3, -0.4, 0.2

    def G(field):
        chain = ck.finite.Ribbon(CHERN, 7, (1, 2), B=field).chain
        energies = np.linalg.eigvalsh(chain.hamiltonian(ck.uniform_mesh(chain.lattice, 100)))
        return -kT * np.logaddexp(0, (mu - energies) / kT).sum() / 100

    ribbon = ck.finite.Ribbon(CHERN, 7, (1, 2), B=B)
    slope = (G(B + step) - G(B - step)) / (2 * step)
    assert ribbon.magnetization(mu, kT) == pytest.approx(-slope / ribbon.area, rel=1e-5)


# Failures --------------------------------------------------------------------------------------


def test_refuses_bad_input():
    for width in (0, 2.5, [3]):
        with pytest.raises(ValueError, match="at least one cell across"):
            ck.finite.Ribbon(QWZ, width)
    for direction in ((2, 4), (0, 0), (1, 0, 0), (1.0, 0.5)):
        with pytest.raises(ValueError, match="without a common factor"):
            ck.finite.Ribbon(QWZ, 4, direction)
    with pytest.raises(ValueError, match="expected one finite number"):
        ck.finite.Ribbon(QWZ, 4, B=np.nan)
    with pytest.raises(ValueError, match="expected a TightBinding in 2D"):
        ck.finite.Ribbon(ck.models.massive_dirac(1, 1), 4)
    with pytest.raises(ValueError, match="expected one finite energy"):
        ck.finite.Ribbon(QWZ, 4).edge_modes(np.nan)


def test_repr():
    assert repr(ck.finite.Ribbon(QWZ, 4)) == "<Ribbon: 4 cells across, along (1, 0)>"
    assert repr(ck.finite.Ribbon(QWZ, 4, B=0.1)) == "<Ribbon: 4 cells across, along (1, 0), B=0.1>"
