"""Wavepackets in real space, and what their motion says about curvature and moment.

The packets know hoppings and positions alone, so that agreement with the semiclassical equations
settles the signs of those.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import coursekit as ck

TRIVIAL = ck.models.haldane(1, 1 / 3, np.pi / 4, 0.9)


def gaussian(n, spread):
    """Nodes (n², 2) and weights of a normal distribution in the plane, by Gauss and Hermite."""
    x, weights = np.polynomial.hermite_e.hermegauss(n)
    nodes = spread * np.stack(np.meshgrid(x, x, indexing="ij"), axis=-1).reshape(-1, 2)
    return nodes, np.outer(weights, weights).ravel() / weights.sum() ** 2


def displacement_at_fixed_k(model, k, E, duration, steps=1500):
    """∫⟨v⟩dt of the lower band's states at every k (n, 2), each moved by k̇ = −E alone."""
    dt = duration / steps
    state = np.linalg.eigh(model.hamiltonian(k))[1][:, :, 0]
    way = np.zeros(k.shape)
    for step in range(steps):
        here = k - np.asarray(E) * (step + 0.5) * dt
        energies, u = np.linalg.eigh(model.hamiltonian(here))
        half = (u * np.exp(-0.5j * energies * dt)[:, None, :]) @ u.conj().swapaxes(-1, -2)
        state = (half @ state[..., None])[..., 0]
        v = model.hamiltonian_gradient(here)
        way += np.einsum("ki,kaij,kj->ka", state.conj(), v, state).real * dt
        state = (half @ state[..., None])[..., 0]
    return way


# Electric fields ---------------------------------------------------------------------------------


@pytest.mark.parametrize("band", [0, 1])
def test_anomalous_drift(band):
    """Half a Bloch period, QWZ m = −1, E along +y: ±1.5578 along x, as in a 141² lattice.

    Averaged over the packet, ∓∫Ω dk_y is 1.5613; the rest is of second order in E.
    """
    E, width = 0.05, 9.0
    packet = ck.finite.wavepacket(ck.models.qwz(-1), 101, band, [0, 0], width)
    moved = packet.evolve([0, np.pi / E], E=[0, E])
    way = moved.centre[1] - moved.centre[0]
    sign = 1 - 2 * band
    # Tails at the edge, 4e-8 of the weight, are worth 1e-4.
    np.testing.assert_allclose(way, [sign * 1.55786, sign * 0.06045], atol=2e-4)

    nodes, weights = gaussian(10, 1 / (2 * width))
    paths = ck.trajectory(ck.models.qwz(-1), band, nodes, [0, E], 0, [0, np.pi / E])
    semiclassical = weights @ paths.r[1]
    assert semiclassical[0] == pytest.approx(sign * 1.56134, abs=1e-4)
    np.testing.assert_allclose(way, semiclassical, atol=1.5 * E**2)


def test_drift_is_that_of_the_states():
    """On a lattice without edges every k moves on its own; sudden fields, all orders in E."""
    model = ck.models.qwz(-1.3, 0.2)
    E, width, duration = np.array([0.06, 0.1]), 5.0, 20.0
    packet = ck.finite.wavepacket(model, 70, 0, [0.4, -0.3], width, centre=[36, 36])
    moved = packet.evolve([0, duration], E=E)
    nodes, weights = gaussian(10, 1 / (2 * width))
    exact = weights @ displacement_at_fixed_k(model, nodes + [0.4, -0.3], E, duration)
    # Midpoint steps leave (gap dt)²/24 of the velocity; 1e-8 at the edge.
    np.testing.assert_allclose(moved.centre[1] - moved.centre[0], exact, atol=2e-4)


def test_drift_has_the_sign_of_the_electron():
    """Reversed field, reversed drift; a band of Ω = 0 has none."""
    model = ck.models.qwz(-1)
    packet = ck.finite.wavepacket(model, 50, 0, [0, 0], 4.0)
    up, down = (packet.evolve([0, 15], E=[0, s * 0.1]).centre[1] for s in (1, -1))
    assert up[0] - 24.5 == pytest.approx(24.5 - down[0], abs=1e-9)
    assert up[0] > 25
    plain = ck.TightBinding(np.eye(2), [[0, 0]], [(0, 0, (1, 0), 0.5), (0, 0, (0, 1), 0.5)])
    still = ck.finite.wavepacket(plain, 50, 0, [0, 0], 4.0).evolve([0, 15], E=[0, 0.1])
    np.testing.assert_allclose(still.centre[1, 0], 24.5, atol=1e-9)


def test_bloch_oscillation_of_a_packet():
    """x(t) − x(0) = [ε(k₀) − ε(k₀ − Et)]e^{−σ²/2}/E in a chain, σ the spread in k: exact."""
    chain = ck.TightBinding([[1.5]], [[0.2]], [(0, 0, [1], -0.5)])
    E, k0, width = 0.2, 0.4, 6.0
    packet = ck.finite.wavepacket(chain, 90, 0, [k0], width)
    period = 2 * np.pi / (E * 1.5)
    t = np.linspace(0, period, 9)
    moved = packet.evolve(t, E=[E])
    narrowing = np.exp(-((1.5 / (2 * width)) ** 2) / 2)
    # ε = −cos 1.5k
    expected = (np.cos((k0 - E * t) * 1.5) - np.cos(k0 * 1.5)) / E * narrowing
    np.testing.assert_allclose(moved.centre[:, 0] - moved.centre[0, 0], expected, atol=1e-6)
    path = ck.trajectory(chain, 0, [k0], [E], 0, t)
    np.testing.assert_allclose(path.r[:, 0] * narrowing, expected, atol=1e-8)
    back = np.vdot(moved[0].psi, moved[-1].psi)
    np.testing.assert_allclose(moved[-1].psi, moved[0].psi * back, atol=1e-9)


def test_k_moves_with_the_force():
    """ħk̇ = −E: the distribution in k is carried along, and stays in the band but for (E/gap)²."""
    model = ck.models.qwz(-1)
    E = np.array([0.02, -0.03])
    packet = ck.finite.wavepacket(model, 48, 1, [0.3, 0.8], 4.5)
    moved = packet.evolve([0, 20.0], E=E)
    k, weights = moved.k_distribution
    assert k.shape == (48, 48, 2)
    assert weights.shape == (2, 48, 48, 2)
    # Directions of k, since the zone is a circle.
    mean = np.angle(np.einsum("tijn,ija->ta", weights, np.exp(1j * k)))
    np.testing.assert_allclose(mean, [[0.3, 0.8], np.array([0.3, 0.8]) - 20 * E], atol=1e-3)
    np.testing.assert_allclose(moved.band_weights[0], [0, 1], atol=1e-12)
    np.testing.assert_allclose(moved.band_weights[1], [0, 1], atol=1e-3)
    np.testing.assert_allclose(moved.norm, 1, atol=1e-12)
    np.testing.assert_allclose(moved.energy[0], packet.energy)
    # What the field takes, the band gives.
    gained = (moved.centre[1] - moved.centre[0]) @ E
    assert moved.energy[1] - moved.energy[0] == pytest.approx(-gained, abs=1e-10)


# Magnetic fields ---------------------------------------------------------------------------------


@pytest.mark.parametrize("band", [0, 1])
@pytest.mark.parametrize(("model", "k0"), [(ck.models.qwz(-1), [0.7, 0.4]), (TRIVIAL, [2.1, 0.3])])
def test_self_rotation_and_energy_in_a_field(model, k0, band):
    """−½⟨r × v⟩ and −∂⟨H⟩/∂B of a packet, by Peierls phases, are both its orbital moment.

    A packet of finite width adds terms of 1/width², removed here, and of 1/width⁴.
    """
    rotation, shift = [], []
    for width in (4.0, 6.0):
        packet = ck.finite.wavepacket(model, int(11 * width), band, k0, width)
        rotation.append(packet.moment)
        B = 1e-4
        up, down = (packet.evolve([0], B=s * B).energy[0] for s in (1, -1))
        shift.append((down - up) / (2 * B))
    m = ck.orbital_moment(model, k0, band)
    assert abs(m) > 0.02
    for narrow, wide in (rotation, shift):
        assert wide == pytest.approx(m, rel=0.2)
        assert (36 * wide - 16 * narrow) / 20 == pytest.approx(m, abs=3e-5)


def test_path_in_a_magnetic_field():
    """Drift that is odd in B against paths with moment and phase-space density.

    Switched on at once, B leaves the packet ringing between the bands, with zero mean.  Without m
    or without Ω the paths are off by ten times what is left of it.
    """
    model, k0, width, B = ck.models.qwz(-1, 0.3), np.array([0.6, 0.3]), 5.0, 0.01
    times = np.concatenate([[0], np.arange(16, 24, 0.5)])
    packet = ck.finite.wavepacket(model, 64, 0, k0, width, centre=[33.5, 33.5])
    plus, minus = (packet.evolve(times, B=s * B) for s in (1, -1))
    assert plus.edge_weight.max() < 1e-5
    odd = (plus.centre - minus.centre)[1:].mean(axis=0) / (2 * B)
    # Momentum is k + A(r), which spreads with k and with r.
    nodes, weights = gaussian(4, np.hypot(1 / (2 * width), B * width / 2))
    paths = [ck.trajectory(model, 0, k0 + nodes, [0, 0], s * B, times) for s in (1, -1)]
    expected = (weights @ (paths[0].r - paths[1].r)[1:].mean(axis=0)) / (2 * B)
    np.testing.assert_allclose(odd, expected, atol=0.15)


def test_velocity_in_a_field_is_the_derivative_of_the_centre():
    model, h = TRIVIAL, 1e-3
    packet = ck.finite.wavepacket(model, 40, 0, [0.9, 1.3], 3.5)
    moved = packet.evolve([0, 2 - h, 2, 2 + h], E=[0.02, 0.01], B=0.03)
    slope = (moved.centre[3] - moved.centre[1]) / (2 * h)
    # Third derivatives of the centre, below 0.1.
    np.testing.assert_allclose(moved.velocity[2], slope, atol=1e-7)
    np.testing.assert_allclose(packet.velocity, moved.velocity[0], atol=5e-3)


def test_lattice_is_that_of_a_flake():
    """Same spectrum as a flake, whose bonds are listed one by one; any origin of the gauge."""
    packet = ck.finite.wavepacket(TRIVIAL, (12, 11), 0, [0, 0], 1.0)
    for B in (0.2, -0.2):
        flake = np.linalg.eigvalsh(ck.finite.Flake(TRIVIAL, (12, 11), B).hamiltonian.toarray())
        for origin in ([0.0, 0.0], [3.3, -1.2]):
            moved = replace(packet, B=np.array(B), origin=np.array(origin))
            energies = np.linalg.eigvalsh(moved.hamiltonian.toarray())
            np.testing.assert_allclose(energies, flake, atol=1e-12)


# Pumps -------------------------------------------------------------------------------------------


def rice_mele(theta):
    """Hops (J + δ) in the cell, (J − δ) to the next, ±Δ on site; δ and Δ go around a circle."""
    d, onsite = 0.5 * np.cos(theta), 0.7 * np.sin(theta)
    hoppings = [(0, 1, [0], 1 + d), (1, 0, [1], 1 - d)]
    return ck.TightBinding([[1.0]], [[0.0], [0.5]], hoppings, onsite=[onsite, -onsite])


def test_pump():
    """A cycle of the Rice–Mele chain moves the electrons of the lower band by +1 cell.

    Eight packets of spread ½ in k fill the band evenly: the sum of their densities varies by
    2e^{−(8/2)²/2} = 7e-4.  What is left is not adiabatic.
    """
    model, at = rice_mele(0), np.arange(8) * 2 * np.pi / 8
    packet = ck.finite.wavepacket(model, 260, 0, [0], 1.0)
    psi = [ck.finite.wavepacket(model, 260, 0, [k], 1.0).psi for k in at]
    packet = replace(packet, psi=np.stack(psi))
    start = packet.centre.mean()
    steps, duration = 240, 100.0
    for step in range(steps):
        packet = replace(packet, model=rice_mele(2 * np.pi * (step + 0.5) / steps))
        packet = packet.evolve([0, duration / steps])[-1]
    assert packet.centre.mean() - start == pytest.approx(1, abs=1e-3)
    np.testing.assert_allclose(packet.norm, 1, atol=1e-10)


# Packets themselves ------------------------------------------------------------------------------


def test_packet_is_a_gaussian_of_one_band():
    packet = ck.finite.wavepacket(TRIVIAL, (60, 56), 1, [0.9, 1.3], 4.0, centre=[43.0, 24.0])
    assert packet.cells == (60, 56)
    assert packet.psi.shape == (60, 56, 2)
    assert packet.norm == pytest.approx(1)
    np.testing.assert_allclose(packet.band_weights, [0, 1], atol=1e-12)
    # Second order in 1/width, with a curvature of states of a tenth.
    np.testing.assert_allclose(packet.centre, [43, 24], atol=2e-2)
    away = packet.positions - packet.centre
    spread = np.einsum("ijn,ijna,ijnb->ab", abs(packet.psi) ** 2, away, away)
    # 16, and the quantum metric of the states
    np.testing.assert_allclose(spread, 16 * np.eye(2), atol=0.3)
    v = ck.solve(TRIVIAL, [0.9, 1.3]).velocity[:, 1, 1].real
    np.testing.assert_allclose(packet.velocity, v, atol=1e-2)
    assert repr(packet) == "<Wavepacket: 60 × 56 cells, 2 orbitals, states ()>"


def test_three_dimensions_are_planes_beside_each_other():
    """A stack of sheets along x: moment and drift are those of a sheet, turned."""
    sheet = ck.models.qwz(-1, 0.2)
    blocks = {(0, *R): block for R, block in sheet.blocks.items()}
    stack = ck.TightBinding.from_blocks(np.eye(3), np.zeros((2, 3)), blocks)
    k0, E, B = [0.5, 0.7], np.array([0.1, -0.05]), 0.04
    flat = ck.finite.wavepacket(sheet, 22, 0, k0, 1.6)
    solid = ck.finite.wavepacket(stack, (17, 22, 22), 0, [0.3, *k0], 1.6)
    flat, solid = flat.evolve([0, 4], E=E, B=B), solid.evolve([0, 4], E=[0, *E], B=[B, 0, 0])
    np.testing.assert_allclose(solid.centre[:, 1:], flat.centre, atol=1e-10)
    np.testing.assert_allclose(solid.centre[:, 0], 8, atol=1e-10)
    np.testing.assert_allclose(solid.moment[:, 0], flat.moment, atol=1e-10)
    np.testing.assert_allclose(solid.moment[:, 1:], 0, atol=1e-10)
    np.testing.assert_allclose(solid.energy, flat.energy, atol=1e-10)


def test_units_of_energy_and_length():
    """H × 10⁻⁹ and lengths × 10³ are the same packet in other units."""
    model = ck.models.qwz(-1, 0.2)
    other = ck.TightBinding.from_blocks(
        1e3 * np.eye(2), np.zeros((2, 2)), {R: 1e-9 * b for R, b in model.blocks.items()}
    )
    packet = ck.finite.wavepacket(model, 24, 0, [0.5, 0.2], 2.0)
    same = ck.finite.wavepacket(other, 24, 0, [0.5e-3, 0.2e-3], 2e3)
    a = packet.evolve([0, 3], E=[0.1, 0], B=0.05)
    b = same.evolve([0, 3e9], E=[1e-13, 0], B=0.05e-6)
    np.testing.assert_allclose(b.centre, 1e3 * a.centre, rtol=1e-12)
    np.testing.assert_allclose(b.moment, 1e-3 * a.moment, rtol=1e-9)


def test_states_of_a_set():
    packet = ck.finite.wavepacket(ck.models.qwz(-1), 24, 0, [0, 0], 2.0)
    moved = packet.evolve([0, 1, 2])
    assert moved.psi.shape == (3, 24, 24, 2)
    assert moved[1].psi.shape == (24, 24, 2)
    assert moved[1:].centre.shape == (2, 2)
    again = moved.evolve([0, 1])
    assert again.psi.shape == (2, 3, 24, 24, 2)
    np.testing.assert_allclose(again[1, 1].psi, moved[2].psi, atol=1e-12)
    assert len(list(moved)) == 3
    with pytest.raises(IndexError):
        packet[0]
    with pytest.raises(IndexError):
        moved[0, 3]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"model": ck.models.massive_dirac(1, 1)}, "expected a TightBinding"),
        ({"cells": 2.5}, "cells=2.5; expected one positive integer or 2 of them"),
        ({"cells": (20, 20, 20)}, "expected one positive integer or 2 of them"),
        ({"band": 2}, "band=2; expected one band, 0 to 1"),
        ({"band": (0, 1)}, r"band=\(0, 1\); expected one band"),
        ({"k0": [[0, 0]]}, r"k0 has shape \(1, 2\); expected one wave vector"),
        ({"k0": [0, 0, 0]}, "k has shape"),
        ({"width": -1.0}, "expected a positive length"),
        ({"width": 0.4}, "as wide as the zone in k"),
        ({"width": 6.0}, "of its weight at the edge"),
        ({"width": 300.0}, "of its weight at the edge"),
        ({"band": "lower"}, "band='lower'; expected one band"),
        ({"centre": [3, 12]}, "of its weight at the edge"),
        ({"centre": [12.0]}, r"centre=.*expected finite real numbers of shape \(2,\)"),
        ({"model": ck.models.qwz(-1.9999), "width": 2.0}, "overlap .* with those at k0"),
    ],
)
def test_refuses_packets(change, message):
    arguments = {"model": ck.models.qwz(-1), "cells": 24, "band": 0, "k0": [0.01, 0], "width": 2.0}
    with pytest.raises(ValueError, match=message):
        ck.finite.wavepacket(**(arguments | change))


def test_refuses_a_band_that_touches_another():
    with pytest.raises(ck.DegenerateBandsError, match="inside the packet: gap") as error:
        ck.finite.wavepacket(ck.models.qwz(-2), 24, 0, [0, 0], 2.0)
    np.testing.assert_allclose(error.value.k, 0)
    assert error.value.gap < 1e-12


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"times": [1, 0]}, "expected one or more that do not decrease"),
        ({"times": [[0, 1]]}, "expected one or more"),
        ({"times": [0, np.nan]}, "expected one or more"),
        ({"E": 0.1}, r"E=0.1; expected finite real numbers of shape \(2,\)"),
        ({"E": [0, np.inf]}, "E=.*expected finite real"),
        ({"B": [0, 0, 0.1]}, r"B=.*shape \(\)"),
    ],
)
def test_refuses_evolution(arguments, message):
    packet = ck.finite.wavepacket(ck.models.qwz(-1), 24, 0, [0, 0], 2.0)
    with pytest.raises(ValueError, match=message):
        packet.evolve(**({"times": [0, 1]} | arguments))


def test_refuses_moments_and_fields_in_a_chain():
    packet = ck.finite.wavepacket(rice_mele(0.3), 30, 0, [0], 2.0)
    with pytest.raises(ValueError, match="a chain has no moment"):
        _ = packet.moment
    with pytest.raises(ValueError, match="a chain encloses no flux"):
        packet.evolve([0, 1], B=0.1)
