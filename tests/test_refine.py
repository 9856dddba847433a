"""Cells in 3D at T = 0: regions that symmetry reduces, two-level Hamiltonians, real iron."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import coursekit as ck
from coursekit.fourier import Block
from coursekit.kubo import band_pairs
from coursekit.lattice import Lattice
from coursekit.regions import reduced_zone, whole_zone
from coursekit.two_level import beyond_the_middle

IRON = Path(__file__).resolve().parents[2] / "shared/data/Fe_tb.dat"
FERMI_ENERGY = 12.6279

CUBIC = np.eye(3)
BCC = np.array([[1, 1, 1], [-1, 1, 1], [-1, -1, 1]]) / 2
FCC = np.array([[0, 1, 1], [1, 0, 1], [1, 1, 0]]) / 2
HEXAGONAL = np.array([[1, 0, 0], [-0.5, np.sqrt(3) / 2, 0], [0, 0, 1.6]])

C4 = ck.symmetry.rotation(1 / 4, "z", 3)
C3 = ck.symmetry.rotation(1 / 3, "z", 3)
P = ck.symmetry.inversion(3)
# Of a magnet along z: 4/mm′m′, sixteen operations.
MAGNET = [C4, P, ck.symmetry.rotation(1 / 2, "x", 3) * ck.symmetry.time_reversal(3)]


def waves(lattice, symmetries):
    """A function of k with the lattice's period and the operations' symmetry, and no other."""
    R = np.array([[1, 2, 0], [0, 1, 1], [2, 0, 1], [1, -1, 3]]) @ lattice.vectors
    # Group averages by brute force: products of up to eight operations reach all of each group.
    turns = [np.eye(3)]
    for _ in range(8):
        more = [t @ s.k_matrix for t in turns for s in symmetries]
        turns = list({tuple(np.round(t, 6).ravel()): t for t in turns + more}.values())
    stars = [R @ t for t in turns]
    return lambda k: 1 + sum(np.cos(k @ star.T) @ [0.3, -0.4, 0.5, 0.2] for star in stars)


@pytest.mark.parametrize("vectors", [CUBIC, BCC, FCC, HEXAGONAL])
@pytest.mark.parametrize("symmetries", [[P], MAGNET, [C3, P]])
def test_a_reduced_zone_stands_for_the_whole(vectors, symmetries):
    """The mean over one cell of each set is that over all cells, for a symmetric function."""
    lattice = Lattice(vectors)
    symmetries = [
        s for s in symmetries
        if np.allclose(m := vectors @ s.k_matrix @ np.linalg.inv(vectors), np.rint(m))
    ]  # fmt: skip
    region = reduced_zone(lattice, symmetries, 6)
    function = waves(lattice, symmetries)
    assert region.share.sum() == pytest.approx(1)
    at = region.points(region.cells + 0.5, 0)
    axis = (np.arange(region.first) + 0.5) / region.first
    every = np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), axis=-1) @ region.edges
    assert region.share @ function(at) == pytest.approx(function(every).mean(), abs=1e-12)
    # The function has a mean that the mesh tells: no wave is as short as its cells.
    assert function(every).mean() == pytest.approx(1, abs=1e-9)


@pytest.mark.parametrize("vectors", [CUBIC, BCC, FCC])
def test_a_magnet_has_sixteen_operations(vectors):
    """About first³ cells in all, sixteen times finer than without; each lattice has its edges."""
    region = reduced_zone(Lattice(vectors), MAGNET, 8)
    copies = round(abs(np.linalg.det(region.edges) * np.linalg.det(vectors)) / (2 * np.pi) ** 3)
    assert len(region.copies[0]) == 16 * copies
    assert 0.5 < len(region.cells) / 8**3 < 2
    assert copies == (1 if vectors is CUBIC else 2)


def test_axes_and_parallelepipeds():
    """Sixfold ones are left out; a threefold one takes three edges in turn around the hexagon."""
    lattice = Lattice(HEXAGONAL)
    sixfold = ck.symmetry.rotation(1 / 6, "z", 3)
    assert len(reduced_zone(lattice, [sixfold, P], 6).copies[0]) == 2
    assert len(reduced_zone(lattice, [sixfold], 6).cells) == 6**3
    three = reduced_zone(lattice, [C3, P], 6)
    lengths = np.linalg.norm(three.edges, axis=1)
    assert len(three.copies[0]) == 6 * 3
    np.testing.assert_allclose(lengths, lengths[0])


def test_images_of_a_point_are_equivalent():
    lattice = Lattice(BCC)
    region = reduced_zone(lattice, MAGNET, 6)
    function = waves(lattice, MAGNET)
    k = np.array([0.3, 1.1, -2.0])
    images = (region.positions(k) + region.shift / region.first) @ region.edges
    np.testing.assert_allclose(function(images), function(k), atol=1e-9)
    whole = whole_zone(lattice, 4, 0.382)
    np.testing.assert_allclose(whole.points(whole.positions(k) * 4, 0), [k], atol=1e-12)


class Node:
    """H = d(k)·σ with d affine in k: the two-level Hamiltonian is all there is."""

    lattice, spin, dim, n_orb = None, None, 3, 2
    energy_scale, velocity_bound = 1.0, 3.0
    tilt = np.array([0.3, 0.1, -0.2])
    slopes = np.array([[1.0, 0.2, 0.1], [0.0, 0.9, -0.3], [0.2, 0.1, 0.7]])
    sigma = np.array([[[0, 1], [1, 0]], [[0, -1j], [1j, 0]], [[1, 0], [0, -1]]])

    def hamiltonian(self, k):
        k = np.asarray(k)
        d = k @ self.slopes + [0.02, -0.01, 0.05]
        return np.einsum("...c,cij->...ij", d, self.sigma) + (k @ self.tilt)[
            ..., None, None
        ] * np.eye(2)

    def hamiltonian_gradient(self, k):
        flat = np.einsum("xc,cij->xij", self.slopes, self.sigma)
        flat = flat + self.tilt[:, None, None] * np.eye(2)
        return np.broadcast_to(flat, (*np.shape(k)[:-1], 3, 2, 2))

    velocity_operator = hamiltonian_gradient


@pytest.mark.parametrize("integrand", [ck.response.HALL, ck.response.MAGNETIZATION])
def test_two_levels_are_exact_where_d_is_affine(integrand):
    """Middle and what lies beyond it, against the same points one by one."""
    model = Node()
    levels = np.array([-0.1, 0.02, 0.15])
    edges = np.array([[0.3, 0.02, 0.0], [0.0, 0.25, 0.05], [0.03, 0.0, 0.35]])
    middles = np.array([[0.0, 0.0, 0.0], [0.1, -0.2, 0.1], [0.4, 0.3, -0.5]])

    def summed(k):
        sample = integrand.quantity(model, Block(k, np.zeros((1, 3))), None)
        total = 0
        for weight, values in zip(integrand.weights, sample.values, strict=True):
            w = weight(sample.energies, levels[:, None, None], np.zeros(()))
            total = total + np.einsum("lnk,nck->klc", w, values)
        return total

    found = beyond_the_middle(
        band_pairs(model, Block(middles, np.zeros((1, 3)))), edges, integrand, levels
    )
    axis = (np.arange(4) + 0.5) / 4 - 0.5
    points = np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), axis=-1).reshape(-1, 3)
    for middle, beyond in zip(middles, found, strict=True):
        expected = summed(middle + points @ edges).mean(axis=0) - summed(middle[None])[0]
        scale = abs(expected).max()
        np.testing.assert_allclose(beyond, expected, rtol=0, atol=1e-10 * scale)
        assert scale > 1e-6


def ferromagnet(soc=0.15):
    """Two orbitals with spin on a cubic lattice, magnetised along z: near-crossings everywhere."""
    sigma = Node.sigma
    one, tau = np.eye(2), np.diag([1.0, -1.0])
    mixed = np.array([[0, 1], [1, 0]])
    blocks = {(0, 0, 0): 0.8 * np.kron(one, sigma[2]) + 0.6 * np.kron(tau, one) + 0j}
    for axis in range(3):
        R = tuple(int(x) for x in np.eye(3)[axis])
        hop = np.kron(np.diag([-0.5, -0.3]), one) + soc / 2j * np.kron(mixed, sigma[axis])
        blocks[R], blocks[tuple(-x for x in R)] = hop, hop.conj().T
    return ck.TightBinding.from_blocks(CUBIC, np.zeros((4, 3)), blocks, spin="pairs")


# Tetrahedra on 64³ and 96³ give (-0.00174359, -0.00174594) and (0.01194237, 0.01186879); what is
# left falls with the square of the step, to a third or so.
TETRAHEDRA = {-0.9: (-0.0017478, 4e-6), 0.2: (0.011810, 3e-5)}


@pytest.mark.parametrize("mu", TETRAHEDRA)
def test_a_cubic_ferromagnet(mu):
    """With symmetry and without, against tetrahedra; the error is honest."""
    model = ferromagnet()
    expected, doubt = TETRAHEDRA[mu]
    for options in ({}, {"symmetries": MAGNET}):
        found = ck.zone_integral(model, ck.response.HALL, mu, rtol=3e-3, **options)
        assert abs(found.value[2] - expected) < found.error[2] + doubt
        assert found.error[2] < 0.02 * abs(expected)
        np.testing.assert_allclose(found.value[:2], 0, rtol=0, atol=3 * found.error.max())


def layers(gap, coupling):
    """Chern insulators near their transition, coupled a little: Ω is as narrow as the gap."""
    one, (x, y, z) = np.eye(2), Node.sigma
    hops = {
        (1, 0, 0): z / 2 + x / 2j,
        (0, 1, 0): z / 2 + y / 2j,
        (0, 0, 1): coupling * z + 0.15 * one,
    }
    blocks = {(0, 0, 0): (gap / 2 - 2) * z + 0j}
    for R, hop in hops.items():
        blocks[R], blocks[tuple(-n for n in R)] = hop, hop.conj().T
    return ck.TightBinding.from_blocks(CUBIC, np.zeros((2, 3)), blocks)


# In 2D by lines of k at 50, 100, 200 values of k_z: -0.082271, -0.082246, -0.082276 for the first,
# and -0.073283, -0.073410, -0.073356 for the second.
@pytest.mark.parametrize(
    ("gap", "coupling", "expected", "doubt"),
    [(0.02, 0.01, -0.08227, 3e-5), (0.002, 0.0005, -0.07336, 1e-4)],
)
@pytest.mark.parametrize("rtol", [1e-2, 3e-3])
def test_peaks_narrower_than_the_cells(gap, coupling, expected, doubt, rtol):
    """A gap of a hundredth and a thousandth of what a first cell spans in energy."""
    model = layers(gap, coupling)
    found = ck.zone_integral(
        model, ck.response.HALL, 0.05, method="adaptive", rtol=rtol, progress=False
    )
    assert abs(found.value[2] - expected) < found.error[2] + doubt
    assert found.error[2] < 2 * rtol * abs(expected)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("integrand", [ck.response.HALL, ck.response.MAGNETIZATION_PARTS])
def test_errors_are_honest(integrand, seed):
    """Random hoppings of three orbitals: a coarse run against one of a fifth of its error."""
    rng = np.random.default_rng(seed)
    blocks = {(0, 0, 0): np.diag(rng.normal(size=3)) + 0j}
    for R in np.eye(3, dtype=int):
        hop = 0.35 * (rng.normal(size=(3, 3)) + 1j * rng.normal(size=(3, 3)))
        blocks[tuple(R)], blocks[tuple(-R)] = hop, hop.conj().T
    model = ck.TightBinding.from_blocks(CUBIC, rng.random((3, 3)), blocks)
    mu = rng.normal(scale=0.5)
    coarse, fine = (
        ck.zone_integral(model, integrand, mu, method="adaptive", rtol=rtol, progress=False)
        for rtol in (3e-2, 2e-3)
    )
    assert (np.asarray(fine.error) < 0.3 * np.max(coarse.error)).all()
    off = abs(np.asarray(coarse.value) - fine.value)
    assert (off < np.asarray(coarse.error) + fine.error).all()
    # Nor is it a bound that anything fits under.
    assert np.max(off / coarse.error) > 0.02


@pytest.mark.slow
def test_iron():
    """σ_z of iron, with bands 5 meV apart at the Fermi energy."""
    if not IRON.exists():
        pytest.skip("needs Fe_tb.dat, a file of Wannier90 that is not part of the project")
    model = ck.read_wannier90(IRON)
    found = ck.zone_integral(
        model, ck.response.HALL, FERMI_ENERGY, method="adaptive", rtol=1e-2, symmetries=MAGNET,
        progress=False,
    )  # fmt: skip
    value, error = (ck.units.siemens_per_cm(x) for x in (found.value, found.error))
    # 1647 ± 3: one random k in each of the cells of finer runs, whose mean is the integral whatever
    # the cells have missed, eighteen times.
    assert value[2] == pytest.approx(1647, rel=1e-2)
    assert abs(value[2] - 1647) < error[2] < 35
    assert found.n_k < 50_000
    np.testing.assert_array_equal(value[:2], 0)
