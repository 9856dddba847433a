"""Nodes, their charges, and planes of 3D models."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import coursekit as ck
from coursekit.topology import nodes as nodes_module
from coursekit.topology import weyl as weyl_module
from coursekit.topology.slices import plane_axes

PAULI = np.array([[[0, 1], [1, 0]], [[0, -1j], [1j, 0]], [[1, 0], [0, -1]]])


def continuum(d):
    """H = d(k)·σ in three dimensions."""
    return ck.BlochModel(lambda k: np.tensordot(d(k), PAULI, 1), n_orb=2, dim=3)


def random_model(seed, n_orb=2, shear=0.2):
    rng = np.random.default_rng(seed)
    blocks = {(0, 0, 0): np.diag(np.linspace(-1, 1, n_orb)).astype(complex)}
    for R in map(tuple, np.eye(3, dtype=int)):
        t = 0.5 * (rng.normal(size=(n_orb, n_orb)) + 1j * rng.normal(size=(n_orb, n_orb)))
        blocks[R], blocks[tuple(-x for x in R)] = t, t.conj().T
    vectors = np.eye(3) + shear * rng.normal(size=(3, 3))
    return ck.TightBinding.from_blocks(vectors, rng.random((n_orb, 3)), blocks)


def reduced(model, k):
    return k @ model.lattice.vectors.T / (2 * np.pi)


# Charges


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.floats(-1, 1), min_size=9, max_size=9),
    st.lists(st.floats(-3, 3), min_size=3, max_size=3),
)
def test_charge_of_a_cone(entries, tilt):
    """H = d·σ + tilt, d = A k: the lower band has Ω = ½ k̂/k² for A = 1, so sign det A."""
    A = np.reshape(entries, (3, 3))
    if abs(np.linalg.det(A)) < 0.05:
        return
    model = ck.BlochModel(
        lambda k: np.tensordot(k @ A.T, PAULI, 1) + (k @ tilt)[..., None, None] * np.eye(2),
        n_orb=2, dim=3,
    )  # fmt: skip
    charge = np.sign(np.linalg.det(A))
    assert ck.weyl_charge(model, [0, 0, 0], 1) == charge
    assert ck.weyl_charge(model, [0.3, 0, 0], (1,), radius=2.0) == -charge
    assert ck.weyl_charge(model, [0.3, 0, 0], 1, radius=0.1) == 0


@pytest.mark.parametrize("n", [1, 2, 3])
def test_multiple_charges(n):
    def d(k):
        z = (k[..., 0] + 1j * k[..., 1]) ** n
        return np.stack([z.real, z.imag, k[..., 2]], axis=-1)

    assert ck.weyl_charge(continuum(d), [0, 0, 0], 1, radius=0.5) == n
    assert ck.weyl_charge(continuum(lambda k: -d(k)), [0, 0, 0], 1, radius=0.5) == -n


def test_spin_one():
    """H = k·S: charges 2, 0, −2, and those of groups add up."""
    x = np.array([[0, 1, 0], [1, 0, 1], [0, 1, 0]]) / np.sqrt(2)
    y = np.array([[0, -1j, 0], [1j, 0, -1j], [0, 1j, 0]]) / np.sqrt(2)
    spin = np.array([x, y, np.diag([1, 0, -1])])
    model = ck.BlochModel(lambda k: np.tensordot(k, spin, 1), n_orb=3, dim=3)
    groups = [(0,), (1,), (2,), 2, (0, 2), 3]
    assert [ck.weyl_charge(model, [0, 0, 0], group) for group in groups] == [2, 0, -2, 2, 0, 0]


def test_flux_by_integration():
    """Outward flux of the Kubo curvature through a sphere, by Gauss points."""
    model = ck.models.weyl(1.1)
    cos, w = np.polynomial.legendre.leggauss(24)
    phi = 2 * np.pi * np.arange(48) / 48
    sin = np.sqrt(1 - cos**2)[:, None]
    n = np.stack([sin * np.cos(phi), sin * np.sin(phi), np.repeat(cos[:, None], 48, 1)], axis=-1)
    for k0 in ([0, 0, 1.1], [0, 0, -1.1]):
        k = np.array(k0) + 0.3 * n
        omega = ck.berry_curvature(model, k, 0)
        flux = 0.3**2 * (w @ (omega * n).sum(-1)).sum() * (2 * np.pi / 48)
        assert ck.weyl_charge(model, k0, 1, radius=0.3) == round(flux / (2 * np.pi))
        assert flux / (2 * np.pi) == pytest.approx(-np.sign(k0[2]), abs=1e-6)


def test_far_from_nodes_and_all_together():
    model = ck.models.weyl(1.1)
    assert ck.weyl_charge(model, [1.0, 2.0, 0.3], 1) == 0
    assert ck.weyl_charge(model, [0, 0, 0], 1, radius=1.5) == 0
    assert ck.weyl_charge(model, [0, 0, np.pi], 1, radius=2.5) == 0


def test_refuses_a_sphere_through_a_node(monkeypatch):
    model = ck.models.weyl(1.1)
    with pytest.raises(ck.GapClosedError, match="gap"):
        ck.weyl_charge(model, [0, 0, 0], 1, radius=1.1)
    monkeypatch.setattr(weyl_module, "_MOST_CELLS", 10)
    with pytest.raises(ck.GapClosedError, match="choose another radius") as info:
        ck.weyl_charge(model, [0, 0, 0], 1, radius=1.09)
    assert 0 < info.value.gap < 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([0, 0], 1), "expected real numbers of shape"),
        (([[0, 0, 0]], 1), r"expected \(3,\), one point"),
        (([0, 0, 0], 3), "bands=3"),
    ],
)
def test_refuses_bad_centers(arguments, message):
    with pytest.raises(ValueError, match=message):
        ck.weyl_charge(ck.models.weyl(1.0), *arguments)
    with pytest.raises(ValueError, match="expected a positive number"):
        ck.weyl_charge(ck.models.weyl(1.0), [0, 0, 0], 1, radius=-1.0)
    with pytest.raises(ValueError, match="expected 3: a sphere"):
        ck.weyl_charge(ck.models.qwz(1.0), [0, 0], 1)


# Nodes


@pytest.mark.parametrize("k0", [0.3, 1.1, 2.9])
def test_weyl_points(k0):
    found = ck.find_nodes(ck.models.weyl(k0), 1)
    np.testing.assert_allclose(found.k, [[0, 0, k0], [0, 0, 2 * np.pi - k0]], atol=1e-9)
    assert found.gap.max() < 1e-12
    assert [ck.weyl_charge(ck.models.weyl(k0), k, 1) for k in found.k] == [-1, 1]


@pytest.mark.parametrize(
    ("model", "bands", "expected"),
    [
        (ck.models.haldane(1, 0, 0, 0), 1, [[1 / 3, 2 / 3], [2 / 3, 1 / 3]]),
        (ck.models.haldane(1, 0.1, np.pi / 2, 3 * np.sqrt(3) * 0.1), 1, [[1 / 3, 2 / 3]]),
        (ck.models.haldane(1, 0.1, 0.3, 0.2), 1, np.empty((0, 2))),
        (ck.models.qwz(-2), 1, [[0, 0]]),
        (ck.models.qwz(0), (1,), [[0, 0.5], [0.5, 0]]),
        (ck.models.kane_mele(1, 0, 0, 0), 2, [[1 / 3, 2 / 3], [2 / 3, 1 / 3]]),
        (ck.models.kagome(0.0), 2, [[1 / 3, 2 / 3], [2 / 3, 1 / 3]]),
        (ck.models.kagome(0.0), 1, [[0, 0]]),  # the flat band touches as a parabola
        (ck.models.rice_mele(1.0, 0.0), 1, [[0.5]]),
        (ck.models.rice_mele(1.0, 0.1), 1, np.empty((0, 1))),
    ],
)
def test_nodes_by_symmetry(model, bands, expected):
    found = ck.find_nodes(model, bands)
    at = reduced(model, found.k)
    np.testing.assert_allclose(at, expected, atol=1e-8)
    assert found.k.shape == np.shape(expected)
    assert found.gap.shape == (len(expected),)


@pytest.mark.parametrize(("seed", "n_orb"), [(3, 3), (5, 2), (6, 2)])
def test_random_models(seed, n_orb):
    """All nodes are found: charges add up to zero, and to every step of C from plane to plane."""
    model = random_model(seed, n_orb)
    found = ck.find_nodes(model, 1)
    at = reduced(model, found.k)
    assert ((at >= 0) & (at < 1)).all()
    np.testing.assert_allclose(
        np.ptp(ck.solve(model, found.k).energies[..., :2], axis=-1), 0, atol=1e-9
    )
    charges = np.array([ck.weyl_charge(model, k, 1, radius=0.003) for k in found.k])
    assert set(charges) == {-1, 1}
    assert charges.sum() == 0
    for direction in range(3):
        order = np.argsort(at[:, direction])
        steps = at[order, direction]
        middles = (steps + np.append(steps[1:], steps[0] + 1)) / 2
        # Planes too close to a node take long.
        wide = np.diff(np.append(steps, steps[0] + 1)) > 0.02
        values = [
            ck.chern_number(ck.slice_model(model, direction, value), 1) if far else None
            for value, far in zip(middles, wide, strict=True)
        ]
        for n, charge in enumerate(charges[order]):
            if values[n] is not None and values[n - 1] is not None:
                assert values[n] - values[n - 1] == charge


def test_double_weyl_point_is_no_line():
    """Flat along two directions: H = (cos kₓ − cos k_y) σₓ + sin kₓ sin k_y σ_y + m(k) σ_z."""
    x, y, z = PAULI
    blocks = {
        (0, 0, 0): -(np.cos(1.0) + 2) * z, (1, 0, 0): (x + z) / 2, (0, 1, 0): (z - x) / 2,
        (1, 1, 0): -y / 4, (1, -1, 0): y / 4, (0, 0, 1): z / 2,
    }  # fmt: skip
    blocks |= {tuple(-i for i in R): t.conj().T for R, t in blocks.items()}
    model = ck.TightBinding.from_blocks(np.eye(3), np.zeros((2, 3)), blocks)
    found = ck.find_nodes(model, 1)
    # Here the gap opens as a square: positions to the root of its tolerance.
    np.testing.assert_allclose(
        (found.k + np.pi) % (2 * np.pi) - np.pi, [[0, 0, 1], [0, 0, -1]], atol=1e-4
    )
    charges = [ck.weyl_charge(model, k, 1, radius=0.3) for k in found.k]
    assert sorted(charges) == [-2, 2]
    inside, outside = (ck.chern_number(ck.slice_model(model, 2, v), 1) for v in (0.0, 0.5))
    assert outside == 0
    assert inside == -charges[0] == charges[1]


def nodal_ring():
    x, y, _ = PAULI
    blocks = {
        (0, 0, 0): 2.0 * x, (1, 0, 0): -x / 2, (0, 1, 0): -x / 2, (0, 0, 1): -x / 2 + y / 2j,
    }  # fmt: skip
    blocks |= {tuple(-i for i in R): t.conj().T for R, t in blocks.items()}
    return ck.TightBinding.from_blocks(np.eye(3), np.zeros((2, 3)), blocks)


def test_refuses_lines_and_surfaces():
    with pytest.raises(ck.GapClosedError, match="along a line or a surface") as info:
        ck.find_nodes(nodal_ring(), 1)
    # The ring cos kₓ + cos k_y = 1 at k_z = 0.
    assert np.cos(info.value.k[:2]).sum() == pytest.approx(1, abs=1e-6)
    line = ck.TightBinding(np.eye(2), [[0, 0]] * 2, [(0, 1, (0, 0), 0.3), (0, 1, (1, 0), -0.3)])
    with pytest.raises(ck.GapClosedError, match="along a line"):
        ck.find_nodes(line, 1)
    with pytest.raises(ck.GapClosedError, match="along a line"):
        ck.find_nodes(ck.models.kane_mele(1, 0.06), 1)  # every band twice
    flat = ck.TightBinding(np.eye(3), np.zeros((2, 3)), [])
    with pytest.raises(ck.GapClosedError, match="along a line"):
        ck.find_nodes(flat, 1)


def test_two_nodes_close_together_are_no_line():
    k0 = 0.03
    np.testing.assert_allclose(
        ck.find_nodes(ck.models.weyl(k0), 1).k[:, 2], [k0, 2 * np.pi - k0], atol=1e-8
    )


def test_coarse_cells(monkeypatch):
    """Where the search has to stop early it still walks to the nodes."""
    monkeypatch.setattr(nodes_module, "_MOST_CELLS", 3_000)
    assert len(ck.find_nodes(ck.models.weyl(1.1), 1).k) == 2


@pytest.mark.parametrize("scale", [1e-9, 1e9])
def test_any_unit_of_energy(scale):
    base = ck.models.weyl(1.1)
    blocks = {R: scale * t for R, t in base.blocks.items()}
    model = ck.TightBinding.from_blocks(np.eye(3), base.orbitals, blocks)
    found = ck.find_nodes(model, 1)
    np.testing.assert_allclose(found.k, ck.find_nodes(base, 1).k, atol=1e-9)
    assert [ck.weyl_charge(model, k, 1) for k in found.k] == [-1, 1]


def test_refuses_bad_searches():
    with pytest.raises(ValueError, match="has no lattice"):
        ck.find_nodes(ck.models.massive_dirac(1, 1), 1)
    with pytest.raises(ValueError, match="are all there are"):
        ck.find_nodes(ck.models.qwz(1), 2)
    with pytest.raises(ValueError, match="bands=0"):
        ck.find_nodes(ck.models.qwz(1), 0)


# Planes


@pytest.mark.parametrize("direction", [0, 1, 2])
@pytest.mark.parametrize("as_view", [False, True])
def test_slice_of_a_sheared_model(direction, as_view):
    """Energies, curvature and velocity of the plane against those of the whole at the same k."""
    whole = random_model(4, n_orb=3)
    model = whole
    if as_view:
        model = ck.BlochModel(whole.hamiltonian, whole.hamiltonian_gradient, whole.lattice, n_orb=3)
    plane = ck.slice_model(model, direction, 0.37)
    a = whole.lattice.vectors
    normal = a[direction] / np.linalg.norm(a[direction])
    following = a[(direction + 1) % 3]
    e1 = following - (following @ normal) * normal
    e1 /= np.linalg.norm(e1)
    e2 = np.cross(normal, e1)
    k = np.random.default_rng(0).normal(size=(6, 2))
    embedded = 0.37 * whole.lattice.reciprocal[direction] + k @ np.stack([e1, e2])
    here, there = ck.solve(plane, k), ck.solve(whole, embedded)
    np.testing.assert_allclose(here.energies, there.energies, atol=1e-12)
    slope = np.einsum("ac,kcnn->kan", [e1, e2], there.velocity).real
    np.testing.assert_allclose(np.einsum("kann->kan", here.velocity).real, slope, atol=1e-11)
    omega = ck.berry_curvature(whole, embedded)
    np.testing.assert_allclose(ck.berry_curvature(plane, k), omega @ normal, rtol=1e-8, atol=1e-10)
    # The plane's own zone.
    assert plane.dim == 2
    for b in plane.lattice.reciprocal:
        np.testing.assert_allclose(ck.solve(plane, k + b).energies, here.energies, atol=1e-11)
    gap_energy = plane.energy_scale or 1.0
    assert gap_energy > 0
    assert "slice of" in repr(plane) if as_view else isinstance(plane, ck.TightBinding)


def test_hall_conductivity_from_planes():
    """σ_xy = −∫dk_z/2π C(k_z)/2π = −2k₀/(2π)², against −∫[dk] fΩ_z on a mesh (a semimetal at its
    nodes: the lower band filled)."""
    k0 = 1.1
    model = ck.models.weyl(k0)
    values = (np.arange(40) + 0.5) / 40
    C = np.array([ck.chern_number(ck.slice_model(model, 2, v), 1) for v in values])
    inside = abs(values - values.round()) * 2 * np.pi < k0
    np.testing.assert_array_equal(C, inside)
    # Each plane of a mesh in k_z is a filled band; between planes C jumps at ±k₀.
    planes = ck.uniform_mesh(model.lattice, (60, 60, 40), shift=0.5)
    omega_z = ck.berry_curvature(model, planes, 0)[..., 2]
    sigma = -omega_z.mean()
    # ∫[dk] = mean over the zone here, as the cell is 1; one plane in 40 may be on the wrong side.
    assert sigma == pytest.approx(-2 * k0 / (2 * np.pi) ** 2, abs=1.2 / 40 / (2 * np.pi))
    assert sigma == pytest.approx(-C.mean() / (2 * np.pi), abs=1e-3)


def test_slices_of_a_view():
    """A model without hoppings gives the same integers."""

    def hamiltonian(k):
        x, y, z = np.moveaxis(k, -1, 0)
        mass = np.cos(z) - np.cos(1.1) - 2 + np.cos(x) + np.cos(y)
        return np.tensordot(np.stack([np.sin(x), np.sin(y), mass], axis=-1), PAULI, 1)

    view = ck.BlochModel(hamiltonian, None, np.eye(3), n_orb=2)
    values = (0.0, 0.1, 0.3)
    assert [ck.chern_number(ck.slice_model(view, 2, v), 1) for v in values] == [1, 1, 0]
    found = ck.find_nodes(view, 1)
    np.testing.assert_allclose(found.k[:, 2], [1.1, 2 * np.pi - 1.1], atol=1e-9)
    assert [ck.weyl_charge(view, k, 1) for k in found.k] == [-1, 1]


def test_refuses_bad_slices():
    with pytest.raises(ValueError, match="not a 3D lattice model"):
        ck.slice_model(ck.models.qwz(1), 0, 0.1)
    with pytest.raises(ValueError, match="direction=3"):
        ck.slice_model(ck.models.weyl(1.0), 3, 0.1)
    with pytest.raises(ValueError, match="expected a finite reduced k"):
        ck.slice_model(ck.models.weyl(1.0), 0, np.nan)
    with pytest.raises(ValueError, match="of a 3D model take a slice_model"):
        ck.chern_number(ck.models.weyl(1.0), 1)


def test_slice_of_wannier_functions():
    """With a position matrix, whose part along the normal drops out."""
    base, rng = random_model(4, n_orb=3), np.random.default_rng(2)
    position = {(0, 0, 0): [np.diag(x) for x in (base.orbitals @ base.lattice.vectors).T]}
    for R in map(tuple, np.eye(3, dtype=int)):
        r = 0.2 * (rng.normal(size=(3, 3, 3)) + 1j * rng.normal(size=(3, 3, 3)))
        position[R], position[tuple(-x for x in R)] = r, r.conj().swapaxes(1, 2)
    whole = ck.WannierModel(base.lattice, base.blocks, position)
    for direction in range(3):
        plane = ck.slice_model(whole, direction, 0.37)
        assert isinstance(plane, ck.WannierModel)
        axes = plane_axes(whole.lattice, direction)
        k = np.random.default_rng(0).normal(size=(6, 2))
        embedded = 0.37 * whole.lattice.reciprocal[direction] + k @ axes
        omega = ck.berry_curvature(whole, embedded) @ np.cross(*axes)
        np.testing.assert_allclose(ck.berry_curvature(plane, k), omega, rtol=1e-8, atol=1e-9)
        g = axes @ ck.quantum_metric(whole, embedded) @ axes.T
        np.testing.assert_allclose(ck.quantum_metric(plane, k), g, rtol=1e-8, atol=1e-9)
