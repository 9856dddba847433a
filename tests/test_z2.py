"""Spin Chern numbers and Z₂ invariants."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

import coursekit as ck
from coursekit.topology import z2
from coursekit.topology.certificate import Cells

PAULI = np.array([[[1, 0], [0, 1]], [[0, 1], [1, 0]], [[0, -1j], [1j, 0]], [[1, 0], [0, -1]]])


def kron(spin, orbital):
    return np.kron(PAULI[spin], PAULI[orbital])


def closed_under_hermiticity(blocks):
    return {**blocks, **{tuple(-x for x in R): t.conj().T for R, t in blocks.items()}}


def random_time_reversal(seed, n=2, dim=2, inversion=False):
    """Random hoppings between n orbitals with both spins ("blocks"), H(−k) = T H(k) T⁻¹.

    With inversion, even and odd orbitals in turn, all at the origin.
    """
    rng = np.random.default_rng(seed)
    turn = np.kron(np.array([[0, -1], [1, 0]]), np.eye(n))
    parity = np.kron(np.eye(2), np.diag((-1.0) ** np.arange(n)))

    def symmetric(t):
        return (t + turn @ t.conj() @ turn.T) / 2

    blocks = {}
    for R in [(0,) * dim, *map(tuple, np.eye(dim, dtype=int)), (1,) * dim]:
        t = symmetric(rng.normal(size=(2 * n, 2 * n)) + 1j * rng.normal(size=(2 * n, 2 * n)))
        if not any(R):
            t = t + t.conj().T
        if inversion:
            t = (t + parity @ t.conj().T @ parity) / 2
        blocks[R] = t
    orbitals = np.zeros((n, dim)) if inversion else rng.random((n, dim))
    vectors = np.eye(dim) + 0.2 * rng.normal(size=(dim, dim))
    model = ck.TightBinding.from_blocks(
        vectors, np.tile(orbitals, (2, 1)), closed_under_hermiticity(blocks), spin="blocks"
    )
    return model, parity


def fu_kane(model, parity, occupied, points):
    """(−1)^ν is the product of the parities of one of each Kramers pair at the given k = −k."""
    u = np.linalg.eigh(model.hamiltonian(points))[1][..., :occupied]
    inside = u.conj().swapaxes(-1, -2) @ parity @ u
    # Every eigenvalue comes twice.
    values = np.linalg.eigvalsh(inside)[..., ::2]
    return round((1 - values.prod()) / 2)


def corners(model):
    halves = np.array(list(product((0, 0.5), repeat=model.dim)))
    return model.lattice.to_cartesian(halves), halves


@pytest.mark.parametrize(
    ("args", "spin_chern"),
    [
        # Spin up is haldane(1, λ, π/2, λ_v), whose lower band has C = −1.
        ((1, 0.06, 0.0, 0.1), -1),
        ((1, 0.06, 0.05, 0.1), -1),
        ((1, -0.06, 0.05, 0.1), 1),
        ((1, 0.06, 0.2, 0.0), -1),
        ((1, 0.06, 0.05, 0.4), 0),
        ((1, 0.06, 0.0, 0.32), 0),
        ((1, 0.06, 0.0, 0.30), -1),
    ],
)
def test_kane_mele(args, spin_chern):
    """Staggered potential against spin–orbit coupling: critical at λ_v = 3√3 λ = 0.312."""
    model = ck.models.kane_mele(*args)
    assert ck.spin_chern_number(model, 2) == spin_chern
    assert ck.z2_invariant(model, 2) == abs(spin_chern)
    assert ck.chern_number(model, 2) == 0


@pytest.mark.parametrize(
    ("M", "spin_chern"), [(-1, 0), (1, -1), (3.9, -1), (4.1, 1), (7, 1), (9, 0)]
)
def test_bhz(M, spin_chern):
    model = ck.models.bhz(M)
    assert ck.spin_chern_number(model, 2) == spin_chern
    assert ck.z2_invariant(model, 2) == abs(spin_chern)


def test_spin_chern_is_the_chern_number_of_spin_up():
    """Where S_z is conserved."""
    model = ck.models.kane_mele(1, 0.1, 0.0, 0.2)
    up = ck.TightBinding.from_blocks(
        model.lattice, model.orbitals[:2], {R: t[:2, :2] for R, t in model.blocks.items()}
    )
    assert ck.spin_chern_number(model, 2) == ck.chern_number(up, 1) == -1
    # Spins in pairs, and in any unit of energy.
    order = [0, 2, 1, 3]
    blocks = {R: 1e-6 * t[np.ix_(order, order)] for R, t in model.blocks.items()}
    pairs = ck.TightBinding.from_blocks(model.lattice, model.orbitals[order], blocks, spin="pairs")
    assert ck.spin_chern_number(pairs, 2) == -1
    assert ck.z2_invariant(pairs, 2) == 1


def test_half_a_quantum_without_time_reversal():
    """Spin up in a Chern insulator of C = 1, spin down in a trivial one."""
    up, down = ck.models.qwz(-1), ck.models.qwz(-3)
    blocks = {
        R: np.kron(np.diag([1, 0]), t) + np.kron(np.diag([0, 1]), down.blocks[R])
        for R, t in up.blocks.items()
    }
    model = ck.TightBinding.from_blocks(np.eye(2), np.zeros((4, 2)), blocks, spin="blocks")
    assert ck.spin_chern_number(model, 2) == 0.5
    # All occupied spins up.
    lifted = blocks | {(0, 0): blocks[0, 0] + np.diag([0, 0, 20, 20])}
    model = ck.TightBinding.from_blocks(np.eye(2), np.zeros((4, 2)), lifted, spin="blocks")
    assert ck.spin_chern_number(model, 1) == 0.5
    assert ck.spin_chern_number(model, 2) == 0


def test_strong_rashba_coupling_closes_the_spin_gap():
    """Bands still apart, but spins in the plane: with λ_v they do not need to touch there."""
    model = ck.models.kane_mele(1, 0.0, 0.3, 1.5)
    assert ck.z2_invariant(model, 2) == 0
    with pytest.raises(ck.GapClosedError, match=r"spin gap closes.*use z2_invariant"):
        ck.spin_chern_number(spin_in_the_plane(), 2)


def spin_in_the_plane():
    """Occupied states are spins along x: P S_z P = 0."""
    return ck.TightBinding.from_blocks(
        np.eye(2), np.zeros((4, 2)), {(0, 0): -kron(1, 0) + 0.1 * kron(0, 3)}, spin="blocks"
    )


@pytest.mark.parametrize("lambda_r", [0.0, 0.1])
def test_phase_boundary_with_rashba_coupling(lambda_r):
    """ν changes where the gap at K closes, which is found from E₃ − E₂ at K alone."""
    K = np.array([4 * np.pi / 3, 0])

    def gap(v):
        e = np.linalg.eigvalsh(ck.models.kane_mele(1, 0.06, lambda_r, v).hamiltonian(K))
        return e[2] - e[1]

    critical, step = 0.25, 0.01
    for _ in range(5):
        grid = critical + step * np.arange(-20, 21)
        critical, step = grid[np.argmin([gap(v) for v in grid])], step / 10
    assert gap(critical) < 1e-5
    for v, nu in [(critical - 0.005, 1), (critical + 0.005, 0)]:
        assert ck.z2_invariant(ck.models.kane_mele(1, 0.06, lambda_r, v), 2) == nu


def test_largest_rashba_coupling():
    """Without λ_v the bands touch at λ_r = 2√3 λ."""
    touching = 2 * np.sqrt(3) * 0.06
    assert ck.z2_invariant(ck.models.kane_mele(1, 0.06, touching - 0.005), 2) == 1
    with pytest.raises(ck.GapClosedError):
        ck.z2_invariant(ck.models.kane_mele(1, 0.06, touching + 0.005), 2)


@pytest.mark.parametrize("seed", range(6))
def test_against_parities(seed):
    """Random models with inversion: L. Fu & C. L. Kane, PRB 76, 045302 (2007)."""
    model, parity = random_time_reversal(seed, n=3, inversion=True)
    k, _ = corners(model)
    for occupied in (2, 4):
        assert ck.z2_invariant(model, occupied) == fu_kane(model, parity, occupied, k)
    # Upper bands have the invariant of the lower ones: all of them together are trivial.
    assert ck.z2_invariant(model, (4, 5)) == ck.z2_invariant(model, 4)
    assert ck.z2_invariant(model, 6) == 0


def test_both_invariants_are_met():
    models = [random_time_reversal(seed, 3, inversion=True)[0] for seed in range(4)]
    values = {ck.z2_invariant(model, 2) for model in models}
    assert values == {0, 1}


@pytest.mark.parametrize("seed", [0, 3, 4])
def test_without_inversion(seed):
    """The flow along the other lattice vector, of another cell, tells the same."""
    model, _ = random_time_reversal(seed)
    nu = ck.z2_invariant(model, 2)
    for change in ([[0, 1], [1, 0]], [[1, 1], [0, 1]]):
        back = np.linalg.inv(change)
        blocks = {tuple(np.rint(R @ back).astype(int)): t for R, t in model.blocks.items()}
        other = ck.TightBinding.from_blocks(
            change @ model.lattice.vectors, model.orbitals @ back, blocks, spin="blocks"
        )
        assert ck.z2_invariant(other, 2) == nu


def wilson_insulator(m, rashba=0.0):
    """H = τₓ σ·sin k + (m − Σ cos k) τ_z in 3D, of parity τ_z."""
    hop = {
        R: -kron(0, 3) / 2 + kron(n + 1, 1) / 2j
        for n, R in enumerate(map(tuple, np.eye(3, dtype=int)))
    }
    blocks = closed_under_hermiticity(hop) | {(0, 0, 0): m * kron(0, 3) + rashba * kron(0, 1)}
    return ck.TightBinding.from_blocks(np.eye(3), np.zeros((4, 3)), blocks, spin="blocks")


@pytest.mark.parametrize("m", [4.0, 2.0, 0.3, -0.5, -2.0])
def test_three_dimensions(m):
    """Strong for 1 < |m| < 3, weak for |m| < 1, against the parities at eight points."""
    model, parity = wilson_insulator(m), kron(0, 3)
    k, halves = corners(model)
    strong = fu_kane(model, parity, 2, k)
    weak = [fu_kane(model, parity, 2, k[halves[:, n] == 0.5]) for n in range(3)]
    assert ck.z2_invariant(model, 2) == (strong, *weak)
    assert strong == int(1 < abs(m) < 3)
    # Inversion broken, and no gap closed on the way.
    assert ck.z2_invariant(wilson_insulator(m, 0.1), 2) == (strong, *weak)


def test_stacked_layers_are_weak():
    layer = ck.models.kane_mele(1, 0.06, 0.05, 0.1)
    vectors = np.eye(3)
    vectors[:2, :2] = layer.lattice.vectors
    orbitals = np.pad(layer.orbitals, ((0, 0), (0, 1)))
    stack = ck.TightBinding.from_blocks(
        vectors, orbitals, {(*R, 0): t for R, t in layer.blocks.items()}, spin="blocks"
    )
    assert ck.z2_invariant(stack, 2) == (0, 0, 0, 1)
    assert ck.z2_invariant(stack, 4) == (0, 0, 0, 0)


def test_refuses_planes_that_disagree():
    """A Weyl semimetal with time reversal: layers whose λ_v passes its critical value with k_z."""
    layer = ck.models.kane_mele(1, 0.06, 0.05, 0.3)
    vectors = np.eye(3)
    vectors[:2, :2] = layer.lattice.vectors
    between = 0.1 * np.diag([1.0, -1.0, 1.0, -1.0])
    blocks = {(*R, 0): t for R, t in layer.blocks.items()}
    semimetal = ck.TightBinding.from_blocks(
        vectors,
        np.pad(layer.orbitals, ((0, 0), (0, 1))),
        blocks | {(0, 0, 1): between, (0, 0, -1): between},
        spin="blocks",
    )
    planes = [ck.slice_model(semimetal, 2, value) for value in (0, 0.5)]
    assert [ck.z2_invariant(plane, 2) for plane in planes] == [0, 1]
    with pytest.raises(ValueError, match=r"disagree about the strong index.*look at find_nodes"):
        ck.z2_invariant(semimetal, 2)
    nodes = ck.find_nodes(semimetal, 2)
    # Partners under time reversal, k and −k, have equal charges.
    charges = [ck.weyl_charge(semimetal, k, 2) for k in nodes.k]
    assert sorted(charges) == [-1, -1, 1, 1]
    reduced = nodes.k @ semimetal.lattice.vectors.T / (2 * np.pi)
    for here, charge in zip(reduced, charges, strict=True):
        distances = abs(np.sin(np.pi * (reduced + here))).max(axis=1)
        assert charges[distances.argmin()] == charge
        assert distances.min() < 1e-9


def test_refuses():
    zeeman = ck.models.kane_mele(1, 0.06)
    blocks = zeeman.blocks | {(0, 0): zeeman.blocks[0, 0] + 0.01 * kron(3, 0)}
    zeeman = ck.TightBinding.from_blocks(zeeman.lattice, zeeman.orbitals, blocks, spin="blocks")
    with pytest.raises(ValueError, match=r"differ by 0\.0\d: time reversal .* is broken"):
        ck.z2_invariant(zeeman, 2)
    with pytest.raises(ValueError, match="has no spin; expected one"):
        ck.z2_invariant(ck.models.qwz(-1), 1)
    with pytest.raises(ValueError, match="has no spin; expected one"):
        ck.spin_chern_number(ck.models.qwz(-1), 1)
    whole = ck.TightBinding(np.eye(2), np.zeros((3, 2)), [], spin=spin_one())
    with pytest.raises(ValueError, match="does not square to −1; expected spins one half"):
        ck.z2_invariant(whole, 2)
    with pytest.raises(ValueError, match="not a lattice model in 2D or 3D"):
        ck.z2_invariant(ck.models.massive_dirac(1, 1), 1)
    with pytest.raises(ck.GapClosedError):
        ck.z2_invariant(ck.models.kane_mele(1, 0.06), 1)  # half of a Kramers pair
    with pytest.raises(ck.GapClosedError):
        ck.z2_invariant(ck.models.kane_mele(1, 0.06, 0, 3 * np.sqrt(3) * 0.06), 2)
    with pytest.raises(ck.GapClosedError, match="the gap above or below the group closes"):
        ck.spin_chern_number(ck.models.kane_mele(1, 0.06, 0, 3 * np.sqrt(3) * 0.06), 2)
    for occupied in [(1, 2), 4, 0]:
        with pytest.raises(ValueError, match=r"occupied=.*expected"):
            ck.spin_chern_number(ck.models.kane_mele(1, 0.06), occupied)


def spin_one():
    x = np.array([[0, 1, 0], [1, 0, 1], [0, 1, 0]]) / np.sqrt(2)
    y = np.array([[0, -1j, 0], [1j, 0, -1j], [0, 1j, 0]]) / np.sqrt(2)
    return np.array([x, y, np.diag([1, 0, -1])])


@pytest.mark.parametrize("m", [-1.0, 1.0, 3.0, 5.0, 9.0])
def test_puts_in_lines(monkeypatch, m):
    """Begun with cells so flat that centres go far from one line to the next."""
    low = np.stack(np.meshgrid(np.arange(48), np.arange(6), indexing="ij"), axis=-1).reshape(-1, 2)
    rows = Cells(low, low + 1, np.array([48, 6]))
    monkeypatch.setattr(z2, "certified_cells", lambda bundle, lattice: rows)
    assert ck.z2_invariant(ck.models.bhz(m), 2) == (0 < m < 8)


def test_gives_up(monkeypatch):
    monkeypatch.setattr(z2, "_SAFE", 1e-12)
    monkeypatch.setattr(z2, "_NARROWEST", 1e-3)
    with pytest.raises(ck.ConvergenceError, match="Wannier centres jump at k = "):
        ck.z2_invariant(ck.models.kane_mele(1, 0.06, 0.05, 0.1), 2)
