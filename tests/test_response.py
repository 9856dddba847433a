"""Density, Hall conductivity, magnetization and Středa's relation."""

from __future__ import annotations

import time
import tracemalloc

import numpy as np
import pytest

import coursekit as ck

METAL = ck.models.qwz(-2.5, 0.1)  # bands from −4.7 to −0.3 and from 0.7 to 4.3
INSULATOR = ck.models.haldane(1, 1 / 3, np.pi / 4, 2)
QUANTITIES = [ck.electron_density, ck.anomalous_hall, ck.orbital_magnetization]


def textbook(model, mu, kT, n=300):
    """n, σ_xy, M as plain sums over a mesh, band by band, with Fermi functions written out."""
    k = ck.uniform_mesh(model.lattice, n, shift=0.25)
    e, u = np.linalg.eigh(model.hamiltonian(k))
    v = u.conj().swapaxes(-1, -2)[..., None, :, :] @ model.hamiltonian_gradient(k)
    v = v @ u[..., None, :, :]
    f = 1 / (1 + np.exp((e - mu) / kT))
    log = kT * np.logaddexp(0, (mu - e) / kT)
    n_e, sigma, M = f.sum(), 0.0, 0.0
    for a in range(model.n_orb):
        for b in range(model.n_orb):
            if a != b:
                product = (v[..., 0, a, b] * v[..., 1, b, a]).imag
                gap = e[..., a] - e[..., b]
                sigma += (f[..., a] * 2 * product / gap**2).sum()
                # Ω = −2 product/gap², m = Im⟨∂ₓu|(H − ε)|∂_yu⟩ = −product/gap.
                M += (-f[..., a] * product / gap - log[..., a] * 2 * product / gap**2).sum()
    return np.array([n_e, sigma, M]) / (n**2 * model.lattice.cell_volume)


# Closed forms ----------------------------------------------------------------------------------


@pytest.mark.parametrize(("delta", "tau"), [(0.5, 1), (-0.5, 1), (0.5, -1)])
def test_dirac_electron(delta, tau):
    model = ck.models.massive_dirac(1.3, delta, tau)
    size, sign = abs(delta), tau * np.sign(delta)
    for mu in (0.0, 0.3, 1.5, -1.5):
        expected = -sign / (4 * np.pi) * min(1, size / abs(mu)) if mu else -sign / (4 * np.pi)
        assert ck.anomalous_hall(model, mu) == pytest.approx(expected, abs=1e-9)
        M = sign / (4 * np.pi) * (abs(mu + size) - abs(mu - size)) / 2
        assert ck.orbital_magnetization(model, mu) == pytest.approx(M, abs=1e-9)
    mu, kT = 0.7, 0.2
    cosh = np.cosh((mu + np.array([size, -size])) / (2 * kT))
    M = sign / (4 * np.pi) * kT * np.log(cosh[0] / cosh[1])
    assert ck.orbital_magnetization(model, mu, kT) == pytest.approx(M, abs=1e-9)


def test_filled_bands():
    """σ_xy = −C/2π, n = 1/area, ∂n/∂B = C/2π, M rises with slope C/2π through the gap."""
    model = ck.models.qwz(-1, 0.2)
    assert ck.anomalous_hall(model, 0.0) == pytest.approx(-1 / (2 * np.pi), abs=1e-9)
    assert ck.electron_density(model, 0.0) == pytest.approx(1, abs=1e-9)
    rise = np.diff(ck.orbital_magnetization(model, [-0.2, 0.2]))
    assert rise == pytest.approx(0.4 / (2 * np.pi), abs=1e-9)
    result = ck.streda(model, 0.0)
    assert result.fermi_surface == 0
    for value in result[:3]:
        assert value == pytest.approx(1 / (2 * np.pi), abs=1e-8)
    for mu, n in [(-50.0, 0), (50.0, 2)]:
        for kT in (0.0, 0.3):
            assert ck.electron_density(model, mu, kT) == pytest.approx(n, abs=1e-9)
            assert ck.anomalous_hall(model, mu, kT) == pytest.approx(0, abs=1e-9)
            assert ck.orbital_magnetization(model, mu, kT) == pytest.approx(0, abs=1e-8)


def test_magnetization_of_an_insulator_by_one_band():
    """Any two-band insulator at T = 0: M = ∫ Ω_low (μ − ε₀), ε₀ the trace part."""
    k = ck.uniform_mesh(ck.Lattice(np.eye(2)), 200)
    for tp, mu, M in [(0.3, 0.6, 0.0033267955931242316), (-0.3, -0.6, -0.0033267955931242316)]:
        model = ck.models.qwz(-3, tp)
        middle = tp * np.cos(k).sum(axis=-1)
        expected = (ck.berry_curvature(model, k)[..., 0] * (mu - middle)).mean()
        assert ck.orbital_magnetization(model, mu) == pytest.approx(expected, abs=1e-11)
        assert expected == pytest.approx(M, abs=1e-11)


# Other ways to the same number -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "mu", "kT"),
    [(METAL, 1.0, 0.1), (INSULATOR, -2.0, 0.2), (ck.models.haldane(1, 0.2, 0.4, 0.1), 0.1, 0.1)],
)
def test_against_textbook_sums(model, mu, kT):
    for quantity, expected in zip(QUANTITIES, textbook(model, mu, kT), strict=True):
        assert quantity(model, mu, kT) == pytest.approx(expected, abs=1e-9)
        assert quantity(model, mu, kT, method="adaptive") == pytest.approx(expected, abs=2e-8)
        assert quantity(model, mu, kT, mesh=300) == pytest.approx(expected, abs=1e-9)


def test_four_bands_with_touching_pairs():
    """Two spins of Haldane's model: pairs of bands touch everywhere, and nothing blows up."""
    up = ck.models.haldane(1, 0.2, 0.7, 0)
    for phi, same in [(0.7, 1), (-0.7, -1)]:
        down = ck.models.haldane(1, 0.2, phi, 0)
        zero = np.zeros((2, 2))
        model = ck.TightBinding.from_blocks(
            up.lattice,
            np.tile(up.orbitals, (2, 1)),
            {R: np.block([[up.blocks[R], zero], [zero, down.blocks[R]]]) for R in up.blocks},
        )
        for quantity, parity in zip(QUANTITIES, (1, same, same), strict=True):
            for kT in (0.0, 0.2):
                one = quantity(up, -0.3, kT)
                assert quantity(model, -0.3, kT) == pytest.approx((1 + parity) * one, abs=1e-7)


@pytest.mark.parametrize("kT", [0.0, 0.1])
def test_graphene(kT):
    """Inversion and time reversal: no curvature, in spite of rounding over gaps that close."""
    two = ck.models.haldane(1, 0.2, 0, 0)
    three = ck.TightBinding.from_blocks(
        two.lattice,
        [*two.orbitals, [0.1, 0.5]],
        {
            R: np.block([[b, np.zeros((2, 1))], [np.zeros((1, 2)), 3 * np.eye(1) * (not any(R))]])
            for R, b in two.blocks.items()
        },
    )
    for model in (two, three):
        for quantity in QUANTITIES[1:]:
            np.testing.assert_array_equal(quantity(model, [0.0, 0.3, -0.6], kT), 0)
        assert not any(ck.streda(model, 0.3, kT))


def test_one_band():
    """The square lattice at half filling: n = 1, no curvature."""
    model = ck.TightBinding(np.eye(2), [[0, 0]], [(0, 0, (1, 0), -1), (0, 0, (0, 1), -1)])
    assert ck.electron_density(model, 0.0, 0.1) == pytest.approx(1 / 2, abs=1e-9)
    assert ck.anomalous_hall(model, 0.5, 0.1) == 0
    assert ck.orbital_magnetization(model, 0.5, 0.1) == 0
    # Near the bottom the Fermi line is a circle: k² = μ + 4, n = k²/4π.
    assert ck.electron_density(model, -4 + 1e-4) == pytest.approx(1e-4 / (4 * np.pi), rel=1e-4)


@pytest.mark.parametrize(
    ("quantity", "cold"),
    [(ck.electron_density, 1.02198843968866), (ck.anomalous_hall, -0.01738778184308324)],
)
def test_cold_metal(quantity, cold):
    """The Sommerfeld expansion about T = 0: the kT² term, measured at kT = 0.01 on a mesh."""
    coefficient = (quantity(METAL, 1.0, 0.01, mesh=400) - cold) / 0.01**2
    for kT in (1e-300, 1e-4):
        # kT⁴ terms: below 1e-2 of the kT² term at kT = 0.01.
        expected = cold + coefficient * kT**2
        tolerance = 1e-8 + 1e-2 * abs(coefficient) * kT**2
        assert quantity(METAL, 1.0, kT, rtol=1e-7) == pytest.approx(expected, abs=tolerance)


def test_band_edges_and_pockets():
    """At the bottom of a band, exactly there and just above."""
    below, at, above = ck.electron_density(METAL, [0.6999, 0.7, 0.7001])
    assert below == pytest.approx(1, abs=1e-9)
    assert at == pytest.approx(1, abs=1e-9)
    # A parabola: ε = 0.7 + k²/2m*, 1/m* from the band at Γ, n − 1 = m*(μ − 0.7)/2π.
    h = 1e-3
    e = ck.solve(METAL, [[0, 0], [h, 0]]).energies[:, 1]
    mass = h**2 / 2 / (e[1] - e[0])
    assert above - 1 == pytest.approx(mass * 1e-4 / (2 * np.pi), rel=1e-3)
    for quantity in QUANTITIES[1:]:
        values = quantity(METAL, [0.6, 0.7, 0.7 + 1e-9])
        assert np.ptp(values) < 1e-8


def test_streda_of_a_dirac_metal():
    """M does not depend on μ outside the gap: the moments at the Fermi line undo −σ_xy."""
    result = ck.streda(ck.models.massive_dirac(1, 1), 1.5, rtol=1e-7)
    assert result.minus_sigma_xy == pytest.approx(1 / (4 * np.pi * 1.5), abs=1e-7)
    assert result.fermi_surface == pytest.approx(-1 / (4 * np.pi * 1.5), abs=1e-7)
    assert result.dM_dmu == pytest.approx(0, abs=1e-6)


@pytest.mark.slow
def test_streda_of_a_metal_at_zero_temperature():
    result = ck.streda(METAL, 1.0, rtol=1e-3)
    assert result.dM_dmu == pytest.approx(result.dn_dB, rel=1e-3)
    assert result.dn_dB == pytest.approx(result.minus_sigma_xy + result.fermi_surface)
    assert abs(result.fermi_surface) > abs(result.minus_sigma_xy)
    # The limit from T > 0, where a mesh does.
    warm = ck.streda(METAL, 1.0, 0.01)
    assert warm.dn_dB == pytest.approx(result.dn_dB, rel=5e-3)


# Shapes, types, units --------------------------------------------------------------------------


@pytest.mark.parametrize("quantity", QUANTITIES)
def test_broadcasting(quantity):
    mu, kT = np.array([[-0.7], [-2.0], [9.0]]), np.array([0.2, 0.3])
    values = quantity(INSULATOR, mu, kT)
    assert values.shape == (3, 2)
    assert values.dtype == float
    assert values[1, 0] == pytest.approx(quantity(INSULATOR, -2.0, 0.2), abs=1e-9)
    assert type(quantity(INSULATOR, -1, 1)) is float
    assert type(quantity(INSULATOR, np.float64(-1), np.array(0.2))) is float
    assert quantity(INSULATOR, [-1.0], 0.2).shape == (1,)
    assert quantity(INSULATOR, np.zeros((0,)), 0.2).shape == (0,)


def test_streda_shapes():
    result = ck.streda(INSULATOR, np.array([[-0.7], [-2.0]]), [0.2, 0.3])
    assert {value.shape for value in result} == {(2, 2)}
    assert {type(value) for value in ck.streda(INSULATOR, -0.7, 0.2)} == {float}


def test_gap_and_metal_in_one_call():
    mu = np.array([0.2, 1.0, 0.7, 6.0])
    together = ck.orbital_magnetization(METAL, mu, rtol=1e-6)
    alone = [ck.orbital_magnetization(METAL, one, rtol=1e-6) for one in mu]
    np.testing.assert_allclose(together, alone, atol=1e-7)


def test_energy_offset():
    """Zero of energy 10⁴ away, as in files of ab initio codes."""
    blocks = dict(METAL.blocks)
    blocks[0, 0] = blocks[0, 0] + 1e4 * np.eye(2)
    far = ck.TightBinding.from_blocks(METAL.lattice, METAL.orbitals, blocks)
    for quantity in QUANTITIES:
        for mu, kT in [(0.2, 0.0), (1.0, 0.1)]:
            # Rounding of energies, 1e-12, over the width of the Fermi edge.
            expected = quantity(METAL, mu, kT)
            assert quantity(far, 1e4 + mu, kT) == pytest.approx(expected, abs=1e-8)
    assert ck.chern_number(far, 1) == 0


@pytest.mark.parametrize("a", [1e-10, 1e10])
def test_unit_of_length(a):
    model = ck.TightBinding.from_blocks(a * np.eye(2), METAL.orbitals, METAL.blocks)
    for mu, kT in [(0.2, 0.0), (1.0, 0.1)]:
        for quantity, area in zip(QUANTITIES, (a**2, 1, 1), strict=True):
            expected = quantity(METAL, mu, kT, rtol=1e-5)
            value = quantity(model, mu, kT, rtol=1e-5) * area
            # Both ways are the same sums up to rounding, which may stop a refinement elsewhere.
            assert value == pytest.approx(expected, abs=1e-6)
    metal = ck.electron_density(model, 0.75, rtol=1e-4) * a**2
    assert metal == pytest.approx(ck.electron_density(METAL, 0.75, rtol=1e-4), abs=1e-5)


def test_memory_is_bounded():
    """A million points and a hundred μ would fill gigabytes at once; chunks hold megabytes."""
    ck.anomalous_hall(METAL, [1.0], 0.1, mesh=8)
    tracemalloc.start()
    ck.anomalous_hall(METAL, np.linspace(-1, 1, 100), 0.1, mesh=(400, 300))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 100e6


def test_many_chemical_potentials_cost_one_diagonalisation():
    """200 values of μ in far less than 200 times the time of one."""
    start = time.process_time()
    ck.anomalous_hall(INSULATOR, -2.0, 0.2, mesh=300)
    one = time.process_time() - start
    start = time.process_time()
    ck.anomalous_hall(INSULATOR, np.linspace(-3, 3, 200), 0.2, mesh=300)
    assert time.process_time() - start < 100 * one


# Three dimensions ------------------------------------------------------------------------------

K0 = 1.1


def weyl(axes=(0, 1, 2)):
    """Weyl points at k_z = ±k₀: QWZ layers with the mass cos k_z − cos k₀ − 2; axes permuted."""

    def turned(R):
        out = [0, 0, 0]
        for axis, step in zip(axes, R, strict=True):
            out[axis] = step
        return tuple(out)

    layer = ck.models.qwz(-2 - np.cos(K0), 0.1)
    sigma_z = np.diag([1.0, -1.0])
    blocks = {turned((*R, 0)): b for R, b in layer.blocks.items()}
    return ck.TightBinding.from_blocks(
        np.eye(3),
        np.zeros((2, 3)),
        {**blocks, turned((0, 0, 1)): sigma_z / 2, turned((0, 0, -1)): sigma_z / 2},
    )


def test_weyl_semimetal_slice_by_slice():
    """σ_xy = ∫ dk_z/2π of the slices' σ_xy; C = 1 between the Weyl points and 0 outside."""
    mu, kT, n = 0.1, 0.2, 24
    for quantity in QUANTITIES[1:]:
        slices = [
            quantity(ck.models.qwz(np.cos(kz) - np.cos(K0) - 2, 0.1), mu, kT, mesh=48)
            for kz in 2 * np.pi * np.arange(n) / n
        ]
        solid = quantity(weyl(), mu, kT, mesh=(48, 48, n))
        # The same points are summed; in-plane components vanish as far as the mesh is symmetric.
        assert solid[2] == pytest.approx(np.mean(slices), abs=1e-12)
        np.testing.assert_allclose(solid[:2], 0, atol=1e-3 * abs(solid[2]))
    assert ck.chern_number(ck.models.qwz(np.cos(0.9 * K0) - np.cos(K0) - 2), 1) == 1
    assert ck.chern_number(ck.models.qwz(np.cos(1.1 * K0) - np.cos(K0) - 2), 1) == 0
    # T → 0, μ at the Weyl points: −2k₀/(2π)².
    cold = ck.anomalous_hall(weyl(), 0.1 * (1 + np.cos(K0)), 0.02, mesh=64)[2]
    assert cold == pytest.approx(-2 * K0 / (2 * np.pi) ** 2, rel=0.03)


def test_axes_of_three_dimensions():
    for axes, component in [((0, 1, 2), 2), ((1, 2, 0), 0), ((2, 0, 1), 1)]:
        for quantity in QUANTITIES[1:]:
            values = quantity(weyl(axes), [0.1, 0.4], 0.3, mesh=16)
            assert values.shape == (2, 3)
            expected = quantity(weyl(), [0.1, 0.4], 0.3, mesh=16)[:, 2]
            np.testing.assert_allclose(values[:, component], expected, atol=1e-12)
            # Zero by symmetry, as far as a coarse mesh beside the Weyl points can tell.
            np.testing.assert_allclose(np.delete(values, component, axis=1), 0, atol=1e-4)


def test_density_in_three_dimensions_and_in_one():
    assert ck.electron_density(weyl(), 20.0, 0.1) == pytest.approx(2)
    chain = ck.TightBinding([[2.0]], [[0.0]], [(0, 0, (1,), -1.0)])
    # n = arccos(−μ/2)/π per cell of length 2.
    expected = np.arccos(0.25) / np.pi / 2
    # Kink and Sommerfeld term: kT² π²/6 times ∂²n/∂μ² of order 0.1.
    assert ck.electron_density(chain, -0.5, 0.02) == pytest.approx(expected, abs=1e-4)


# Refusals --------------------------------------------------------------------------------------


@pytest.mark.parametrize("quantity", QUANTITIES)
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"mu": np.nan}, "mu=nan; expected finite real energies"),
        ({"mu": [0.0, np.inf]}, "expected finite real energies"),
        ({"mu": 1j}, "mu=1j; expected finite real energies"),
        ({"kT": np.nan}, "kT=nan; expected finite real energies"),
        ({"kT": -0.1}, "kT=-0.1; expected temperatures of at least 0"),
        ({"mesh": 0}, "mesh=0; expected one positive integer or 2"),
        ({"mesh": (10, 10, 10)}, "expected one positive integer or 2 of them"),
        ({"mesh": 10.5}, "expected one positive integer"),
        ({"mesh": "fine"}, "mesh='fine'; expected 'auto', a number or one per dimension"),
        ({"method": "simpson"}, "method='simpson'; expected one of 'auto', 'uniform', 'linear'"),
        ({"mesh": 10, "method": "adaptive"}, "expected one or the other"),
        ({"rtol": 0}, "rtol=0; expected a number between 0 and 1"),
        ({"rtol": 2.0}, "rtol=2.0; expected a number between 0 and 1"),
    ],
)
def test_refuses_bad_arguments(quantity, arguments, message):
    with pytest.raises(ValueError, match=message):
        quantity(INSULATOR, **{"mu": 0.0, "kT": 0.1, **arguments})


def test_refuses_shapes_that_do_not_broadcast():
    with pytest.raises(ValueError, match="broadcast"):
        ck.electron_density(INSULATOR, [0.0, 1.0, 2.0], [0.1, 0.2])


def test_continuum_models():
    model = ck.models.massive_dirac(1, 1)
    with pytest.raises(ValueError, match="infinite: its bands have no end; expected a lattice"):
        ck.electron_density(model, 0.0)
    for options in ({"mesh": 100}, {"method": "uniform"}):
        with pytest.raises(ValueError, match="whole plane; expected mesh='auto'"):
            ck.anomalous_hall(model, 0.0, **options)


def test_refuses_dimensions():
    chain = ck.TightBinding([[1.0]], [[0.0]], [(0, 0, (1,), -1.0)])
    for quantity in QUANTITIES[1:]:
        with pytest.raises(ValueError, match="1 dimension; expected 2 or 3"):
            quantity(chain, 0.0, 0.1)
    with pytest.raises(ValueError, match="3 dimensions; expected 2, with B along z"):
        ck.streda(weyl(), 0.0, 0.1)
    with pytest.raises(ValueError, match=r"kT=0\.1; expected kT=0, which it is for"):
        ck.anomalous_hall(weyl(), 0.0, 0.1, method="adaptive")
    with pytest.raises(ValueError, match="adaptive method for 1 dimensions"):
        ck.electron_density(chain, 0.0, method="adaptive")


def test_says_how_far_it_came():
    """A metal at T = 0 in 3D: no mesh reaches 1e-8."""
    model = ck.TightBinding(
        np.eye(3), [[0, 0, 0]], [(0, 0, R, -1) for R in [(1, 0, 0), (0, 1, 0), (0, 0, 1)]]
    )
    with pytest.raises(
        ck.ConvergenceError, match=r"at mu=-1, T=0 the integral is known to .*; pass kT > 0"
    ):
        ck.electron_density(model, -1.0, rtol=1e-8)
    # A tolerance that can be had is had.
    near = ck.zone_integral(model, ck.response.DENSITY, -1.0, rtol=1e-3)
    fine = ck.electron_density(model, -1.0, mesh=96, method="linear")
    assert near.value == pytest.approx(fine, abs=near.error)
    assert near.error < 1e-3 * fine
    # A chain at T = 0 comes as near as its mesh is fine, 1/2048: enough for a loose tolerance.
    chain = ck.TightBinding([[1.0]], [[0.0]], [(0, 0, (1,), -1.0)])
    with pytest.raises(ck.ConvergenceError, match="a larger rtol"):
        ck.electron_density(chain, -0.5)
    loose = ck.electron_density(chain, -0.5, rtol=0.01)
    assert loose == pytest.approx(np.arccos(0.25) / np.pi, rel=0.01)


def test_loose_tolerance():
    for quantity, tight in zip(
        QUANTITIES, (1.02198843968866, -0.01738778184308324, 0.016088261304899026), strict=True
    ):
        assert quantity(METAL, 1.0, rtol=1e-3) == pytest.approx(tight, abs=1e-3)
