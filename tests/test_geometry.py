"""Bands, Berry curvature and orbital moment at given k."""

from __future__ import annotations

import numpy as np
import pytest

import coursekit as ck

HEXAGONAL = np.array([[1.0, 0.0], [0.5, np.sqrt(3) / 2]])
ORBITALS = np.array([[0.0, 0.0], [0.31, 0.17], [-0.2, 1.3]])
# No symmetry but Hermiticity.
BONDS = [
    (0, 1, (0, 0), 0.9 + 0.2j), (1, 2, (0, 0), -0.6j), (0, 2, (0, -1), 0.5), (0, 0, (1, 0), 0.3j),
    (1, 1, (0, 1), 0.2 + 0.1j), (2, 2, (1, -1), -0.25), (0, 1, (2, -1), 0.15j),
]  # fmt: skip
ONSITE = np.array([0.7, -0.9, 0.1])
POINTS = np.array([[0.3, 0.7], [-1.9, 2.2], [4.0, -0.1]])


def generic():
    return ck.TightBinding(HEXAGONAL, ORBITALS, BONDS, ONSITE)


def by_hand(k):
    """H(k) of the generic model from its definition."""
    h = np.diag(ONSITE).astype(complex)
    for i, j, R, t in BONDS:
        d = (np.array(R) + ORBITALS[j] - ORBITALS[i]) @ HEXAGONAL
        h[i, j] += t * np.exp(1j * k @ d)
        h[j, i] += np.conj(t * np.exp(1j * k @ d))
    return h


def plaquette_curvature(hamiltonian, k, band, side=4e-3):
    """Berry phase around a small square over its area: no derivative, no energy denominator."""
    corners = k + side * np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) / 2
    u = [np.linalg.eigh(hamiltonian(corner))[1][:, band] for corner in corners]
    # ⟨u(k)|u(k + dk)⟩ = e^{−iA·dk}, so that the loop gives e^{−i∮A·dk}.
    loop = np.prod([np.vdot(u[n], u[(n + 1) % 4]) for n in range(4)])
    return -np.angle(loop) / side**2


def moment_by_differences(hamiltonian, k, band, h=1e-4):
    """Im⟨∂ₓu|(H − ε)|∂_yu⟩ from eigenvectors at neighbouring k.

    Their phases drop out: (H − ε) removes whatever is added to ∂u along u.
    """
    energies, states = np.linalg.eigh(hamiltonian(k))
    u0 = states[:, band]

    def in_phase(at):
        u = np.linalg.eigh(hamiltonian(at))[1][:, band]
        overlap = np.vdot(u0, u)
        return u * overlap.conj() / abs(overlap)

    ux, uy = ((in_phase(k + h * e) - in_phase(k - h * e)) / (2 * h) for e in np.eye(2))
    return np.vdot(ux, (hamiltonian(k) - energies[band] * np.eye(3)) @ uy).imag


def test_bands():
    model = generic()
    bands = ck.solve(model, POINTS)
    assert bands.energies.shape == (3, 3)
    for k, energies, states, velocity in zip(
        POINTS, bands.energies, bands.states, bands.velocity, strict=True
    ):
        np.testing.assert_allclose(by_hand(k) @ states, states * energies, atol=1e-13)
        np.testing.assert_allclose(states.conj().T @ states, np.eye(3), atol=1e-13)
        # Hellmann–Feynman: the diagonal of the velocity is the slope of the band.
        h = 1e-5
        for a, e in enumerate(np.eye(2)):
            up, down = (np.linalg.eigvalsh(by_hand(k + s * h * e)) for s in (1, -1))
            np.testing.assert_allclose(np.diag(velocity[a]).real, (up - down) / (2 * h), atol=1e-8)


def test_curvature_against_plaquettes():
    """Error of a plaquette: side²/24 times second derivatives of Ω, which are of order 10 Ω."""
    model = generic()
    for k in POINTS:
        expected = [plaquette_curvature(by_hand, k, n) for n in range(3)]
        np.testing.assert_allclose(ck.berry_curvature(model, k), expected, rtol=2e-4, atol=2e-5)
        # A group's trace: Berry phases add.
        assert ck.berry_curvature(model, k, (0, 2)) == pytest.approx(
            expected[0] + expected[2], rel=2e-4, abs=2e-5
        )


def test_moment_against_differences():
    """Second-order differences with h = 1e-4 are good to about 1e-7 of m."""
    model = generic()
    for k in POINTS:
        expected = [moment_by_differences(by_hand, k, n) for n in range(3)]
        np.testing.assert_allclose(ck.orbital_moment(model, k), expected, atol=1e-6)


def test_closed_form_of_two_bands_against_diagonalisation():
    """A third orbital that hops nowhere changes nothing but the way that is taken."""
    two = ck.models.haldane(1, 1 / 3, 0.7, 0.4)
    for extra in (-20.0, 0.123, 20.0):
        three = ck.TightBinding.from_blocks(
            two.lattice,
            [*two.orbitals, [0.3, 0.1]],
            {
                R: np.block([[b, np.zeros((2, 1))], [np.zeros((1, 2)), extra * (not any(R))]])
                for R, b in two.blocks.items()
            },
        )
        k = ck.uniform_mesh(two.lattice, 6, shift=0.3)
        own = np.argsort(ck.solve(three, k).states[..., 2, :].real ** 2, axis=-1)[..., :2]
        own.sort(axis=-1)
        for quantity in (ck.berry_curvature, ck.orbital_moment):
            of_three = np.take_along_axis(quantity(three, k), own, axis=-1)
            np.testing.assert_allclose(of_three, quantity(two, k), atol=1e-11)


@pytest.mark.parametrize("quantity", [ck.berry_curvature, ck.orbital_moment])
def test_shapes(quantity):
    flat, solid = generic(), three_dimensional()
    for leading in [(), (5,), (2, 3), (0,), (4, 0)]:
        k = np.zeros((*leading, 2)) + 0.3
        assert quantity(flat, k).shape == (*leading, 3)
        assert quantity(flat, k, (0, 1)).shape == leading
        assert quantity(flat, k, 0).shape == leading
        k = np.zeros((*leading, 3)) + 0.3
        assert quantity(solid, k).shape == (*leading, 2, 3)
        assert quantity(solid, k, (1,)).shape == (*leading, 3)
    assert quantity(flat, [1, 2]).dtype == float  # whole numbers are k too
    np.testing.assert_allclose(quantity(flat, [1, 2]), quantity(flat, [1.0, 2.0]))


def three_dimensional():
    """QWZ layers along z with a generic coupling, two bands."""
    layer = ck.models.qwz(-1.3, 0.1)
    blocks = {(*R, 0): b for R, b in layer.blocks.items()}
    up = np.array([[0.3, 0.1j], [-0.2, 0.1 + 0.2j]])
    return ck.TightBinding.from_blocks(
        np.eye(3), np.zeros((2, 3)), {**blocks, (0, 0, 1): up, (0, 0, -1): up.conj().T}
    )


def test_curvature_in_three_dimensions_is_an_axial_vector():
    """Relabel x, y, z cyclically: the components go with them; each plane is as in 2D."""
    model = three_dimensional()
    turned = ck.TightBinding.from_blocks(
        np.eye(3), np.zeros((2, 3)), {(R[2], R[0], R[1]): b for R, b in model.blocks.items()}
    )
    k = np.array([0.3, 0.7, -1.1])
    for quantity in (ck.berry_curvature, ck.orbital_moment):
        x, y, z = quantity(model, k)[0]
        np.testing.assert_allclose(quantity(turned, k[[2, 0, 1]])[0], [z, x, y], atol=1e-13)
    for component, (a, b) in enumerate([(1, 2), (2, 0), (0, 1)]):

        def in_plane(q, a=a, b=b):
            at = k.copy()
            at[[a, b]] = q
            return model.hamiltonian(at)

        assert ck.berry_curvature(model, k)[0, component] == pytest.approx(
            plaquette_curvature(in_plane, k[[a, b]], 0), rel=1e-4
        )


def test_curvature_of_all_bands_sums_to_zero_and_divergence_vanishes():
    np.testing.assert_allclose(ck.berry_curvature(generic(), POINTS).sum(axis=-1), 0, atol=1e-13)
    np.testing.assert_allclose(ck.berry_curvature(generic(), POINTS, (0, 1, 2)), 0)
    model, k, h = three_dimensional(), np.array([0.3, 0.7, -1.1]), 1e-3
    flux = [
        (ck.berry_curvature(model, k + h * e)[0] - ck.berry_curvature(model, k - h * e)[0]) @ e
        for e in np.eye(3)
    ]
    assert sum(flux) / (2 * h) == pytest.approx(0, abs=1e-4)


# Degenerate bands ------------------------------------------------------------------------------


def doubled(phi_up, phi_down):
    """Two copies of Haldane's model, as two spins."""
    up, down = (ck.models.haldane(1, 0.2, phi, 0) for phi in (phi_up, phi_down))
    zero = np.zeros((2, 2))
    return ck.TightBinding.from_blocks(
        up.lattice,
        np.concatenate([up.orbitals, down.orbitals]),
        {R: np.block([[up.blocks[R], zero], [zero, down.blocks[R]]]) for R in up.blocks},
    )


def test_degenerate_bands():
    """Kane and Mele's model without Rashba coupling: two bands of opposite Ω everywhere."""
    model = doubled(np.pi / 2, -np.pi / 2)
    k = np.array([0.3, 0.7])
    with pytest.raises(ck.DegenerateBandsError, match=r"pass bands=\(0, 1\) for the trace") as info:
        ck.berry_curvature(model, k)
    np.testing.assert_allclose(info.value.k, k)
    assert info.value.gap < 1e-12
    for quantity in (ck.berry_curvature, ck.orbital_moment):
        # The remedy works, and time reversal makes the trace vanish nowhere but with inversion.
        assert quantity(model, k, (0, 1)) == pytest.approx(0, abs=1e-12)
        with pytest.raises(ck.DegenerateBandsError, match=r"bands=\(0, 2, 3\) touches band 1"):
            quantity(model, k, (0, 2, 3))
    same = doubled(0.7, 0.7)
    one = ck.berry_curvature(ck.models.haldane(1, 0.2, 0.7, 0), k)[0]
    assert ck.berry_curvature(same, k, (0, 1)) == pytest.approx(2 * one, rel=1e-12)


def test_touching_bands_carry_the_place():
    """QWZ at its transition touches at Γ alone."""
    model = ck.models.qwz(-2)
    k = ck.uniform_mesh(model.lattice, 4)
    for quantity in (ck.berry_curvature, ck.orbital_moment):
        with pytest.raises(ck.DegenerateBandsError, match=r"band 0 touches band 1 at k=") as info:
            quantity(model, k)
        np.testing.assert_allclose(info.value.k, [0, 0])
        assert info.value.gap == pytest.approx(0, abs=1e-12)
    assert isinstance(info.value, ValueError)
    np.testing.assert_allclose(ck.berry_curvature(model, k, (0, 1)), 0)


@pytest.mark.parametrize("unit", [1e-20, 1e-9, 1.0, 1e9])
def test_what_touches_does_not_depend_on_the_unit(unit):
    def model(mass):
        blocks = {R: unit * b for R, b in ck.models.qwz(mass).blocks.items()}
        return ck.TightBinding.from_blocks(np.eye(2), np.zeros((2, 2)), blocks)

    with pytest.raises(ck.DegenerateBandsError):
        ck.berry_curvature(model(-2), [0, 0])
    omega = ck.berry_curvature(model(-2 + 1e-6), [0, 0])
    np.testing.assert_allclose(omega, [5e11, -5e11], rtol=1e-6)


@pytest.mark.parametrize("unit", [1e-20, 1e-9, 1e9])
def test_units_of_many_bands(unit):
    """Also where pairs of bands touch everywhere, up to the rounding of their energies."""

    def scaled(model):
        blocks = {R: unit * b for R, b in model.blocks.items()}
        return ck.TightBinding.from_blocks(model.lattice, model.orbitals, blocks)

    same = doubled(0.7, 0.7)
    for model, bands in [(generic(), None), (same, (0, 1))]:
        omega, m = (f(model, POINTS, bands) for f in (ck.berry_curvature, ck.orbital_moment))
        np.testing.assert_allclose(ck.berry_curvature(scaled(model), POINTS, bands), omega, 1e-9)
        np.testing.assert_allclose(ck.orbital_moment(scaled(model), POINTS, bands) / unit, m, 1e-9)
    sigma = ck.anomalous_hall(same, -1.0, 0.2, mesh=12)
    scaled_sigma = ck.anomalous_hall(scaled(same), -unit, 0.2 * unit, mesh=12)
    assert scaled_sigma == pytest.approx(sigma, abs=1e-12)


def test_large_energy_offset():
    """Energies about 10⁴ below zero cost four of sixteen digits, not more."""
    model = generic()
    shifted = ck.TightBinding(HEXAGONAL, ORBITALS, BONDS, ONSITE - 1e4)
    for quantity in (ck.berry_curvature, ck.orbital_moment):
        np.testing.assert_allclose(quantity(shifted, POINTS), quantity(model, POINTS), rtol=1e-8)


@pytest.mark.parametrize("bands", [3, -1, (0, 0), (), 1.5, (0, 3), "lower", ((0, 1),), (True,)])
def test_refuses_bands_that_do_not_exist(bands):
    with pytest.raises(ValueError, match="expected distinct band indices from 0 to 2"):
        ck.berry_curvature(generic(), POINTS, bands)


def test_refuses_one_dimension():
    chain = ck.TightBinding([[1.0]], [[0.0], [0.5]], [(0, 1, (0,), 1.0), (0, 1, (-1,), 0.5)])
    with pytest.raises(ValueError, match="1 dimension; expected 2 or 3: curvature needs a plane"):
        ck.berry_curvature(chain, [[0.3]])


def test_one_band_has_no_curvature():
    model = ck.TightBinding(HEXAGONAL, [[0, 0]], [(0, 0, (1, 0), 1j), (0, 0, (0, 1), 0.3)])
    np.testing.assert_array_equal(ck.berry_curvature(model, POINTS), np.zeros((3, 1)))
    np.testing.assert_array_equal(ck.orbital_moment(model, POINTS), np.zeros((3, 1)))


# Other ways to the same k ----------------------------------------------------------------------


@pytest.mark.parametrize(
    "model", [generic(), three_dimensional(), ck.models.qwz(-1.3, 0.2), ck.models.kagome(0.6)]
)
def test_meshes_and_scattered_points(model):
    """Lines of a mesh share their phases; points beside each other, one by one, do not."""
    k = ck.uniform_mesh(model.lattice, (9, 10, 3)[-model.dim :] if model.dim > 2 else 11, shift=0.3)
    flat = k.reshape(-1, model.dim)
    shuffled = np.random.default_rng(0).permutation(len(flat))
    for quantity in (ck.berry_curvature, ck.orbital_moment):
        for bands in (None, 0, (0, 1)):
            on_mesh = quantity(model, k, bands)
            rest = on_mesh.shape[k.ndim - 1 :]
            scattered = quantity(model, flat[shuffled], bands)
            expected = on_mesh.reshape(-1, *rest)[shuffled]
            np.testing.assert_allclose(scattered, expected, atol=1e-11)
            one = quantity(model, flat[7], bands)
            np.testing.assert_allclose(one, on_mesh.reshape(-1, *rest)[7], atol=1e-11)


@pytest.mark.parametrize("model", [generic(), three_dimensional(), ck.models.qwz(-1.3, 0.2)])
def test_any_callable(model):
    """The same H(k) as a function, with its gradient and with differences for it."""
    k = np.random.default_rng(1).normal(size=(6, model.dim))
    for gradient, digits in [(model.hamiltonian_gradient, 1e-11), (None, 1e-8)]:
        other = ck.BlochModel(
            model.hamiltonian, gradient, lattice=model.lattice, n_orb=model.n_orb, dim=model.dim
        )
        for quantity in (ck.berry_curvature, ck.orbital_moment):
            for bands in (None, 0, (0, 1)):
                np.testing.assert_allclose(
                    quantity(other, k, bands), quantity(model, k, bands), atol=digits
                )


def test_no_array_of_the_callers_is_changed():
    k = ck.uniform_mesh(generic().lattice, 12)
    before = k.copy()
    for quantity in (ck.berry_curvature, ck.orbital_moment):
        first = quantity(generic(), k)
        second = quantity(generic(), k)
        np.testing.assert_array_equal(first, second)
        assert not np.shares_memory(first, second)
    np.testing.assert_array_equal(k, before)
