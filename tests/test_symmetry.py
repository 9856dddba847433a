"""Symmetries: their algebra, the search for them, and what they do to Ω and m."""

from __future__ import annotations

import re
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import coursekit as ck
from coursekit import symmetry as sym
from coursekit.symmetry.lattice_group import lattice_group
from coursekit.symmetry.names import turn_of

HEXAGONAL = np.array([[1.0, 0.0], [0.5, np.sqrt(3) / 2]])
SIGMA = np.array([[[0, 1], [1, 0]], [[0, -1j], [1j, 0]], [[1, 0], [0, -1]]])
K2 = np.array([[0.37, 1.21], [-2.1, 0.63]])
K3 = np.array([[0.37, 1.21, -0.7], [-2.1, 0.63, 1.9]])


def labels(symmetries):
    return {one.label for one in symmetries}


def key(R, antiunitary):
    return (*np.rint(np.asarray(R) * 1e4).astype(int).ravel().tolist(), bool(antiunitary))


def keys(symmetries):
    return {key(one.rotation, one.antiunitary) for one in symmetries}


def generated(generators):
    """The group of (R, antiunitary), by multiplying until nothing new comes."""
    group = {key(np.eye(3), False): (np.eye(3), False)}
    while True:
        new = {
            key(R @ S, a != b): (R @ S, a != b) for R, a in group.values() for S, b in generators
        }
        if new.keys() <= group.keys():
            return list(group.values())
        group |= new


# ------------------------------------------------------------------ names and algebra


@pytest.mark.parametrize(
    ("symmetry", "words", "label"),
    [
        (sym.identity(2), "identity", "E"),
        (sym.inversion(2), "inversion", "P"),
        (sym.time_reversal(3), "time reversal", "T"),
        (sym.chiral(2), "chiral symmetry", "S"),
        (sym.particle_hole(1), "particle–hole symmetry", "C"),
        (sym.mirror("x", 2), "mirror x", "Mx"),
        (sym.mirror([1, 1], 2), "mirror with normal [1 1 0]", "M[1 1 0]"),
        (sym.rotation(1 / 3, "z", 2), "C3 rotation about z", "C3z"),
        (sym.rotation(2 / 3, "z", 2), "C3⁻¹ rotation about z", "C3⁻¹z"),
        (sym.rotation(-1 / 4, "z", 2), "C4⁻¹ rotation about z", "C4⁻¹z"),
        (sym.rotation(2 / 5, [0, 0, -3], 3), "C5⁻² rotation about z", "C5⁻²z"),
        (sym.rotation(0.5, [np.sqrt(3), 1], 2),
         "C2 rotation about the axis at 30° from x", "C2(30°)"),
        (sym.rotation(0.5, [1, -2, 0], 3), "C2 rotation about [-1 2 0]", "C2[-1 2 0]"),
        (sym.rotation(0.1234, "x", 3), "C(44.424°) rotation about x", "C(44.424°)x"),
        (sym.rotation(1 / 3, [1, 2, 2.5], 3),
         "C3 rotation about (0.2981, 0.5963, 0.7454)", "C3(0.2981, 0.5963, 0.7454)"),
        (sym.mirror("z", 2) * sym.rotation(1 / 4, "z", 2), "S4 rotoreflection about z", "S4z"),
        (sym.mirror("z", 2) * sym.rotation(-1 / 6, "z", 2), "S6⁻¹ rotoreflection about z",
         "S6⁻¹z"),
        (sym.rotation(1 / 4, "z", 2) * sym.time_reversal(2), "C4z·T", "C4z·T"),
        (sym.mirror("y", 2) * sym.chiral(2), "My·S", "My·S"),
    ],
)  # fmt: skip
def test_names(symmetry, words, label):
    assert str(symmetry) == words
    assert repr(symmetry) == f"<Symmetry: {words}>"
    assert symmetry.label == label


def random_symmetry(rng, n=3, dim=3):
    R, _ = np.linalg.qr(rng.normal(size=(3, 3)))
    U, _ = np.linalg.qr(rng.normal(size=(n, n)) + 1j * rng.normal(size=(n, n)))
    flags = rng.integers(2, size=2).astype(bool)
    return sym.Symmetry(
        R, dim, translation=rng.normal(size=3), unitary=U, antiunitary=flags[0],
        antisymmetric=flags[1],
    )  # fmt: skip


def act(one, orbital, position):
    """What the operation does to an amplitude vector at a place."""
    amplitude = orbital.conj() if one.antiunitary else orbital
    return one.unitary @ amplitude, one.rotation @ position + one.translation


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=30, deadline=None)
def test_algebra(seed):
    rng = np.random.default_rng(seed)
    a, b, c = (random_symmetry(rng) for _ in range(3))
    orbital, position = rng.normal(size=3) + 1j * rng.normal(size=3), rng.normal(size=3)
    for one, two in [((a * b) * c, a * (b * c)), (a**3, a * a * a), (a**-2, (a * a).inverse())]:
        assert one == two
        np.testing.assert_allclose(one.unitary, two.unitary, atol=1e-12)
    for one in (a * a.inverse(), a.inverse() * a, a**0):
        assert one == sym.identity(3)
        np.testing.assert_allclose(one.unitary, np.eye(3), atol=1e-12)
    # A product is one operation after the other.
    for got, expected in zip(
        act(a * b, orbital, position), act(a, *act(b, orbital, position)), strict=True
    ):
        np.testing.assert_allclose(got, expected, atol=1e-12)
    k, omega = rng.normal(size=(2, 3))
    for transform, vector in [(sym.transform_k, k), (sym.transform_axial, omega)]:
        np.testing.assert_allclose(
            transform(a * b, vector), transform(a, transform(b, vector)), atol=1e-12
        )


def test_equality():
    C3 = sym.rotation(1 / 3, "z", 2)
    assert sym.identity(2) == C3**3
    assert C3 != C3**2
    assert sym.rotation(1 / 3, "z", 3) != C3
    assert C3 * sym.time_reversal(2) != C3
    assert sym.Symmetry(C3.rotation, 2, translation=(0.5, 0.0)) != C3
    assert C3 != "C3"
    P = sym.inversion(2, np.diag([1, -1]))
    assert sym.inversion(2, np.diag([-1j, 1j])) == P
    assert sym.inversion(2, np.eye(2)) != P
    assert sym.inversion(2, np.eye(3)) != P
    assert sym.inversion(2) == P
    with pytest.raises(TypeError):
        hash(P)


def test_half_integer_spin():
    """T² = −1, a full turn is −1, and spin turns as an axial vector that T flips."""
    spin = ck.models.kane_mele(1.0, 0.1).spin
    n = len(spin[0])
    T = sym.time_reversal(2, spin=spin)
    np.testing.assert_allclose((T * T).unitary, -np.eye(n), atol=1e-14)
    C6 = sym.rotation(1 / 6, "z", 2, spin=spin)
    np.testing.assert_allclose((C6**6).unitary, -np.eye(n), atol=1e-14)
    P, Mx = sym.inversion(2, spin=spin), sym.mirror("x", 2, spin=spin)
    np.testing.assert_allclose(P.unitary, np.eye(n), atol=1e-14)
    np.testing.assert_allclose((Mx * Mx).unitary, -np.eye(n), atol=1e-14)
    for one in (T, C6, P, Mx, C6 * T, Mx * T, sym.rotation(0.3, [1, 2, -1], 3, spin=spin)):
        before = spin.conj() if one.antiunitary else spin
        turned = one.unitary @ before @ one.unitary.conj().T
        # Σ_b n_b S_b goes to Σ_a (A n)_a S_a.
        np.testing.assert_allclose(
            turned, np.einsum("ab,aij->bij", one.axial_matrix, spin), atol=1e-14
        )


def test_axial_and_k():
    x, y, z = np.eye(3)
    Mx, T, P = sym.mirror("x", 3), sym.time_reversal(3), sym.inversion(3)
    # A current loop seen in a mirror whose normal is its axis turns the same way around.
    np.testing.assert_array_equal(sym.transform_axial(Mx, [x, y, z]), [x, -y, -z])
    np.testing.assert_array_equal(sym.transform_k(Mx, [x, y, z]), [-x, y, z])
    np.testing.assert_array_equal(sym.transform_axial(T, [x, y, z]), [-x, -y, -z])
    np.testing.assert_array_equal(sym.transform_axial(P, [x, y, z]), [x, y, z])
    np.testing.assert_array_equal(sym.transform_k(P * T, [x, y, z]), [x, y, z])
    flat = sym.rotation(1 / 4, "z", 2) * sym.time_reversal(2)
    np.testing.assert_allclose(sym.transform_k(flat, [[1.0, 0.0]]), [[0.0, -1.0]], atol=1e-15)
    assert flat.axial_matrix[2, 2] == -1


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: sym.Symmetry(np.ones((2, 3))), "orthogonal matrix of three"),
        (lambda: sym.Symmetry(np.eye(3), 4), "dim=4; expected 1, 2 or 3"),
        (lambda: sym.Symmetry(2 * np.eye(3)), "is not orthogonal"),
        (lambda: sym.Symmetry(np.full((3, 3), np.nan)), "is not orthogonal"),
        (lambda: sym.rotation(1 / 4, "x", 2), "C4 rotation about x leads out of the space of a 2D"),
        (lambda: sym.Symmetry(np.eye(3), 2, translation=[1.0]), r"translation has shape \(1,\)"),
        (lambda: sym.inversion(2, np.ones((2, 2))), "not unitary"),
        (lambda: sym.inversion(2, np.ones(2)), r"unitary has shape \(2,\)"),
        (lambda: sym.mirror("w", 2), "axis='w'; expected 'x', 'y', 'z'"),
        (lambda: sym.mirror([0, 0, 0], 2), "vector of non-zero length"),
        (lambda: sym.inversion(2, np.eye(2), spin=SIGMA / 2), "both unitary= and spin="),
        (lambda: sym.inversion(2) * sym.inversion(3), "of 2D.*of 3D"),
        (lambda: sym.inversion(2, np.eye(2)) * sym.inversion(2, np.eye(3)), "of one model"),
        (lambda: sym.transform_axial(sym.inversion(2), [1.0, 2.0]), r"expected \(\.\.\., 3\)"),
        (lambda: sym.transform_k(sym.inversion(2), [1.0, 2.0, 3.0]), r"expected real numbers"),
        (lambda: sym.find_symmetries("graphene"), "expected a TightBinding"),
        (lambda: sym.find_symmetries(ck.models.qwz(-1.0), spin="up"), "'locked' or 'free'"),
        (lambda: sym.represent(ck.models.qwz(-1.0), sym.inversion(2), spin="up"), "'locked'"),
        (lambda: sym.find_symmetries(ck.models.massive_dirac(1.0, 0.2)), "no lattice"),
        (lambda: sym.find_symmetries(ck.models.qwz(-1.0), lattice=np.eye(3)), "expected 2D"),
        (lambda: sym.holds(ck.models.qwz(-1.0), "inversion"), "expected a Symmetry"),
        (lambda: sym.holds(ck.models.qwz(-1.0), sym.inversion(3)), "of 3D; expected 2D"),
        (lambda: sym.residual(ck.models.qwz(-1.0), sym.inversion(2)), "no U; expected one: repre"),
        (lambda: sym.residual(ck.models.qwz(-1.0), sym.inversion(2, np.eye(3))), "has 3 rows"),
        (lambda: sym.point_group([]), "no symmetries"),
        (lambda: sym.point_group([sym.identity(2), sym.rotation(1 / 3, "z", 2)]), "not a group"),
        (lambda: sym.point_group([sym.identity(2), sym.identity(2)]), "there twice"),
        (lambda: sym.point_group([sym.identity(2), "T"]), "'T' is no Symmetry"),
        (lambda: sym.point_group([sym.identity(2), sym.identity(3)]), "different dim"),
        (lambda: sym.point_group([sym.rotation(n / 5, "z", 2) for n in range(5)]),
         "none of the 32 crystal classes"),
    ],
)  # fmt: skip
def test_errors(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_wrong_types_of_operators():
    with pytest.raises(TypeError):
        sym.identity(2) * 3
    with pytest.raises(TypeError):
        sym.identity(2) ** 0.5


# ------------------------------------------------------------------ the search


@pytest.mark.parametrize(
    ("vectors", "order"),
    [
        ([[1.0]], 8),
        ([[1, 0], [0.3, 0.9]], 4),
        ([[1, 0], [0, 1.1]], 8),
        ([[1, 0.2], [1, -0.2]], 8),
        ([[1, 0], [0, 1]], 16),
        (HEXAGONAL, 24),
        ([[1, 0, 0], [0.2, 1.1, 0], [0.4, 0.3, 1.3]], 2),
        ([[1, 0, 0], [0.2, 1.1, 0], [0, 0, 1.3]], 4),
        ([[1, 0, 0], [0, 1.1, 0], [0, 0, 1.3]], 8),
        ([[1, 0, 0], [0, 1, 0], [0.5, 0.5, 0.8]], 16),
        ([[1, 0, 0.6], [-0.5, np.sqrt(3) / 2, 0.6], [-0.5, -np.sqrt(3) / 2, 0.6]], 12),
        ([[1, 0, 0], [0.5, np.sqrt(3) / 2, 0], [0, 0, 1]], 24),
        ([[0, 1, 1], [1, 0, 1], [1, 1, 0]], 48),
        ([[-1, 1, 1], [1, -1, 1], [1, 1, -1]], 48),
    ],
)
def test_lattice_groups(vectors, order):
    """Orders of the holohedries; very oblique cells of the same lattice have the same group."""
    dim = len(vectors)
    skew = np.eye(dim)
    skew[-1, 0] = 1000 if dim > 1 else 1
    for cell in (np.array(vectors, dtype=float), skew @ vectors):
        group = lattice_group(ck.Lattice(cell))
        assert len({key(R, False) for R in group}) == len(group) == order
        for R in group:
            np.testing.assert_allclose(R @ R.T, np.eye(3), atol=1e-12)
            steps = np.array(vectors) @ R[:dim, :dim].T @ np.linalg.inv(vectors)
            np.testing.assert_allclose(steps, np.rint(steps), atol=1e-5)


C4Z = np.array([[0.0, -1, 0], [1, 0, 0], [0, 0, 1]])
C3D = np.array([[0.0, 0, 1], [1, 0, 0], [0, 1, 0]])
C6Z = np.array([[0.5, -np.sqrt(3) / 2, 0], [np.sqrt(3) / 2, 0.5, 0], [0, 0, 1]])
MX, MZ, P = np.diag([-1.0, 1, 1]), np.diag([1.0, 1, -1]), -np.eye(3)
POINT_GROUPS = {
    "cubic": (np.eye(3), generated([(C4Z, False), (C3D, False), (P, False)])),
    "square": (np.eye(2), generated([(C4Z, False), (MX, False), (MZ, False)])),
    "hexagonal": (HEXAGONAL, generated([(C6Z, False), (MX, False), (MZ, False)])),
}


def orbital_matrix(R, with_spin):
    """s, pₓ, p_y, p_z, and spin: written down, not solved for."""
    D = np.eye(4, dtype=complex)
    D[1:, 1:] = R
    if not with_spin:
        return D
    # SU(2) of det(R) R by its quaternion, from traces alone.
    proper = R * np.linalg.det(R)
    w2 = (1 + np.trace(proper)) / 4
    if w2 > 1e-9:
        w = np.sqrt(w2)
        v = np.array([proper[2, 1] - proper[1, 2], proper[0, 2] - proper[2, 0],
                      proper[1, 0] - proper[0, 1]]) / (4 * w)  # fmt: skip
    else:
        w, v = 0.0, np.linalg.eigh(proper)[1][:, -1]
    u = w * np.eye(2) - 1j * np.tensordot(v, SIGMA, axes=1)
    return np.kron(D, u)


def symmetrized(lattice, group, rng, with_spin):
    """Random hoppings to all neighbours, averaged over the group in real space."""
    dim = len(lattice)
    n = 8 if with_spin else 4
    cells = list(product((-1, 0, 1), repeat=dim))
    raw = {R: rng.normal(size=(n, n)) + 1j * rng.normal(size=(n, n)) for R in cells}
    # Averages over groups mix cells further away on the oblique lattice: none is left out there.
    averaged: dict[tuple[int, ...], np.ndarray] = {}
    for R, t in raw.items():
        for turn, antiunitary in group:
            D = orbital_matrix(turn, with_spin)
            if antiunitary:
                D = D @ (np.kron(np.eye(4), 1j * SIGMA[1]) if with_spin else np.eye(4))
            there = turn[:dim, :dim] @ (np.array(R) @ lattice) @ np.linalg.inv(lattice)
            image = tuple(int(x) for x in np.rint(there))
            moved = D @ (t.conj() if antiunitary else t) @ D.conj().T
            averaged[image] = averaged.get(image, 0) + moved / len(group)
    blocks = {}
    for R, t in averaged.items():
        minus = tuple(-x for x in R)
        blocks[R] = blocks.get(R, 0) + t / 2
        blocks[minus] = blocks.get(minus, 0) + t.conj().T / 2
    return ck.TightBinding.from_blocks(
        lattice, np.full((n, dim), 0.0), blocks, spin="pairs" if with_spin else None
    )


@given(
    st.sampled_from(sorted(POINT_GROUPS)),
    st.booleans(),
    st.lists(st.tuples(st.integers(0, 47), st.booleans()), max_size=3),
    st.integers(0, 2**32 - 1),
)
@settings(max_examples=40, deadline=None)
def test_random_models_of_given_symmetry(name, with_spin, picks, seed):
    """What was put in is found, nothing else, and with the U that was put in."""
    lattice, whole = POINT_GROUPS[name]
    generators = [(whole[i % len(whole)][0], antiunitary) for i, antiunitary in picks]
    if len(lattice) == 2 and not with_spin:
        # U may be anything without spin, so nothing tells the plane's two sides apart.
        generators.append((MZ, False))
    group = generated(generators)
    model = symmetrized(lattice, group, np.random.default_rng(seed), with_spin)
    found = sym.find_symmetries(model)
    assert keys(found) == {key(R, anti) for R, anti in group}
    assert len(found) == len(group)
    for one in found:
        assert sym.residual(model, one) < 1e-12
        if len(lattice) == 2 and not with_spin:
            continue
        D = orbital_matrix(one.rotation, with_spin)
        if one.antiunitary and with_spin:
            D = D @ np.kron(np.eye(4), 1j * SIGMA[1])
        assert abs(np.vdot(D, one.unitary)) / len(D) == pytest.approx(1, abs=1e-9)


ZOO = {
    # name: model, magnetic point group, and of orbits alone where that is larger
    "haldane": (ck.models.haldane(1, 1 / 3, np.pi / 4, 2), "-6m'2'"),
    "haldane, delta = 0": (ck.models.haldane(1, 1 / 3, np.pi / 4, 0), "6/mm'm'"),
    "haldane, phi = pi": (ck.models.haldane(1, 1 / 3, np.pi, 0.2), "-6m21'"),
    "haldane, phi = 0, delta = 0": (ck.models.haldane(1, 1 / 3, 0, 0), "6/mmm1'"),
    "gapped graphene": (ck.models.gapped_graphene(1, 0.3), "-6m21'"),
    "qwz": (ck.models.qwz(-3, 0.3), "4/mm'm'"),
    "kagome": (ck.models.kagome(0.6), "6/mm'm'"),
    "kagome, no flux": (ck.models.kagome(0.0), "6/mmm1'"),
    "checkerboard": (ck.models.checkerboard(), "4/mm'm'"),
    "lieb": (ck.models.lieb(1, 0.3), "4/mm'm'"),
    "weyl": (ck.models.weyl(1.0), "4/mm'm'"),
    "rice-mele": (ck.models.rice_mele(1, 0.3, 0.4), "mm21'"),
    "ssh": (ck.models.rice_mele(1, 0.3), "mmm1'"),
    "kane-mele": (ck.models.kane_mele(1, 0.06), "6/mmm1'"),
    "kane-mele, staggered": (ck.models.kane_mele(1, 0.06, 0, 0.1), "-6m21'"),
    "kane-mele, rashba": (ck.models.kane_mele(1, 0.06, 0.05), "6mm1'"),
    "kane-mele, all": (ck.models.kane_mele(1, 0.06, 0.05, 0.1), "3m1'"),
    "bhz": (ck.models.bhz(1.0, D=0.1), "mmm1'"),
    "rashba ferromagnet": (ck.models.rashba_ferromagnet(0.6, 0.3), "4m'm'"),
    "altermagnet": (ck.models.altermagnet(1, 0.2), "4'/mm'm"),
    "altermagnet, rashba": (ck.models.altermagnet(1, 0.2, lam=0.3), "4'm'm"),
    "kagome antiferromagnet": (ck.models.kagome_antiferromagnet(1.7, 0.2), "-3m'"),
    "its mirrors kept": (ck.models.kagome_antiferromagnet(1.7, 0.2, angle=np.pi / 2), "-3m"),
    "its moments askew": (ck.models.kagome_antiferromagnet(1.7, 0.2, angle=0.4), "-3"),
    "its other chirality": (ck.models.kagome_antiferromagnet(1.7, 0.2, chirality=-1), "2'/m'"),
}


@pytest.mark.parametrize("name", ZOO)
def test_groups_of_the_models(name):
    model, symbol = ZOO[name]
    found = sym.find_symmetries(model)
    assert found[0] == sym.identity(model.dim)
    group = sym.point_group(found)
    assert group.symbol == symbol
    assert f"{symbol}: {len(found)} operations, {group.kind}" in repr(group)
    assert group.order == len(found)
    free = sym.find_symmetries(model, spin="free")
    assert keys(found) <= keys(free)
    sym.point_group(free)  # closed
    for one in found + free:
        # Sums of a few phases of size one: rounding is some 1e−15.
        assert sym.residual(model, one) < 1e-13
        assert sym.holds(model, one)
    if model.spin is None:
        assert keys(found) == keys(free)


def test_broken_symmetries():
    P, T, C3, Mx = (
        sym.inversion(2), sym.time_reversal(2), sym.rotation(1 / 3, "z", 2), sym.mirror("x", 2),
    )  # fmt: skip
    for phi, delta in [(0.7, 2.0), (0.7, 0.0), (0.0, 0.4), (np.pi, 0.4), (0.0, 0.0)]:
        model = ck.models.haldane(1.0, 1 / 3, phi, delta)
        assert sym.holds(model, C3)
        assert sym.holds(model, Mx * T)
        assert sym.holds(model, P) == (delta == 0)
        assert sym.holds(model, T) == (np.sin(phi) < 1e-9)
        assert sym.holds(model, P * T) == (delta == 0 and np.sin(phi) < 1e-9)
    # A wrong U does not make a symmetry.
    assert not sym.holds(ck.models.qwz(-1.0), sym.inversion(2, np.eye(2)))
    assert sym.holds(ck.models.qwz(-1.0), sym.inversion(2, np.diag([1, -1])))


def test_unitaries_of_qwz():
    """P = σ_z and C4 = e^{−iπσ_z/4} up to a phase: by hand from H(k)."""
    model = ck.models.qwz(-1.0, 0.2)
    for symmetry, expected in [
        (sym.inversion(2), SIGMA[2]),
        (sym.rotation(1 / 4, "z", 2), np.diag([1, 1j])),
        # Mx K: sin kₓσₓ → with k′ = (kₓ, −k_y), σ_y* = −σ_y.
        (sym.mirror("x", 2) * sym.time_reversal(2), np.eye(2)),
    ]:
        U = sym.represent(model, symmetry).unitary
        assert abs(np.vdot(U, expected)) / 2 == pytest.approx(1, abs=1e-12)
    assert sym.represent(model, sym.time_reversal(2)) is None


def test_energy_reversal():
    """qwz without t′: C = σₓ K; with t′ no operation turns its energies around."""
    found = sym.find_symmetries(ck.models.qwz(-1.0), antisymmetric=True)
    assert len(found) == 32
    C = next(one for one in found if one.label == "C")
    assert abs(np.vdot(C.unitary, SIGMA[0])) / 2 == pytest.approx(1, abs=1e-12)
    assert not any(
        one.antisymmetric
        for one in sym.find_symmetries(ck.models.qwz(-1.0, 0.2), antisymmetric=True)
    )
    sublattice = sym.represent(ck.models.rice_mele(1.0, 0.3), sym.chiral(1))
    np.testing.assert_allclose(sublattice.unitary, np.diag([1, -1]), atol=1e-12)
    assert sym.represent(ck.models.rice_mele(1.0, 0.3, 0.1), sym.chiral(1)) is None
    # ε = sin k: each level has its partner at −k, none at k.
    one_band = ck.TightBinding([[1.0]], [[0.0]], [(0, 0, (1,), -0.5j)])
    assert sym.holds(one_band, sym.particle_hole(1))
    assert sym.holds(one_band, sym.inversion(1) * sym.chiral(1))
    assert not sym.holds(one_band, sym.chiral(1))
    # A name that leaves those out is the same.
    assert sym.point_group(found).symbol == "4/mm'm'"


def test_altermagnet():
    """C4 with time reversal, not T, which orbits keep where they do not see the spin."""
    model = ck.models.altermagnet(1, 0.2)
    found = labels(sym.find_symmetries(model))
    assert "C4z·T" in found
    assert not {"T", "C4z", "P·T"} & found
    assert "T" in labels(sym.find_symmetries(model, spin="free"))


def test_translations():
    """A glide, and an antiferromagnetic chain whose time reversal needs half a cell."""
    glide = ck.TightBinding(
        np.diag([1.0, 1.6]),
        [[0.2, 0.0], [-0.2, 0.5]],
        [(0, 0, (1, 0), 0.3 + 0.2j), (1, 1, (1, 0), 0.3 - 0.2j), (0, 1, (0, 0), 0.9),
         (0, 1, (0, -1), 0.9), (0, 0, (0, 1), 0.4j), (1, 1, (0, 1), 0.4j)],
    )  # fmt: skip
    Mx = sym.represent(glide, sym.mirror("x", 2))
    np.testing.assert_allclose(abs(Mx.translation), [0, 0.8, 0], atol=1e-12)
    np.testing.assert_allclose(abs(Mx.unitary), [[0, 1], [1, 0]], atol=1e-12)
    assert labels(sym.find_symmetries(glide)) == {"E", "Mz", "Mx", "C2y"}
    bonds = [(i, j, (R,), t) for i, j, R, t in [(0, 1, 0, 1.0), (0, 1, -1, 1.0),
                                                (2, 3, 0, 1.0), (2, 3, -1, 1.0)]]  # fmt: skip
    chain = ck.TightBinding([[2.0]], [[0.0], [0.5]] * 2, bonds, [1, -1, -1, 1], spin="blocks")
    T = sym.represent(chain, sym.time_reversal(1))
    np.testing.assert_allclose(abs(T.translation), [1.0, 0, 0], atol=1e-12)
    # Its square is a whole cell, and still −1.
    np.testing.assert_allclose((T * T).unitary, -np.eye(4), atol=1e-12)
    assert sym.point_group(chain).kind == "grey"


def rebuilt(model, cell, shift):
    """The same crystal with other primitive vectors (rows of integers) and origin."""
    change = np.linalg.inv(np.array(cell, dtype=float))
    blocks = {
        tuple(int(x) for x in np.rint(np.array(R) @ change)): t for R, t in model.blocks.items()
    }
    return ck.TightBinding.from_blocks(
        np.array(cell) @ model.lattice.vectors, (model.orbitals + shift) @ change, blocks,
        spin=model.spin,
    )  # fmt: skip


@pytest.mark.parametrize("name", ["haldane", "kagome", "altermagnet", "kane-mele, all", "weyl"])
def test_cell_origin_and_units(name):
    """Left-handed and oblique cells, another origin, other units: the same operations."""
    model, _ = ZOO[name]
    expected = keys(sym.find_symmetries(model))
    shift = np.array([0.21, -1.37, 0.4])[: model.dim]
    oblique = np.eye(model.dim, dtype=int)
    oblique[1, 0] = 7
    for cell in (oblique, oblique[[1, 0, 2][: model.dim]]):
        assert keys(sym.find_symmetries(rebuilt(model, cell, shift))) == expected
    for factor in (1e-9, 1e9):
        scaled = ck.TightBinding.from_blocks(
            model.lattice, model.orbitals, {R: factor * t for R, t in model.blocks.items()},
            spin=model.spin,
        )  # fmt: skip
        assert keys(sym.find_symmetries(scaled)) == expected


def test_orbitals_in_other_cells():
    """An orbital moved by a lattice vector is the same orbital."""
    model = ck.models.kagome(0.6)
    step = np.array([3, -2])
    blocks: dict[tuple[int, ...], np.ndarray] = {}
    for R, t in model.blocks.items():
        for i, j in np.argwhere(t):
            cell = tuple(int(x) for x in np.array(R) - step * (int(j == 1) - int(i == 1)))
            blocks.setdefault(cell, np.zeros((3, 3), dtype=complex))[i, j] += t[i, j]
    orbitals = model.orbitals.copy()
    orbitals[1] += step
    moved = ck.TightBinding.from_blocks(model.lattice, orbitals, blocks)
    np.testing.assert_allclose(moved.hamiltonian(K2), model.hamiltonian(K2), atol=1e-12)
    assert keys(sym.find_symmetries(moved)) == keys(sym.find_symmetries(model))


def test_tolerance():
    model = ck.models.haldane(1.0, 0.1, 0.5, 1e-4)
    assert not sym.holds(model, sym.inversion(2))
    # ±1e−4 on-site over a bandwidth of 6
    assert sym.holds(model, sym.inversion(2), tolerance=1e-3)
    assert sym.point_group(sym.find_symmetries(model, tolerance=1e-3)).symbol == "6/mm'm'"
    assert sym.point_group(model).symbol == "-6m'2'"


@pytest.mark.parametrize("size", [1e-12, 1e-10, 1e-9, 1e-8, 1e-5, 1e-3])
def test_small_perturbations(size):
    """Far below the tolerance nothing changes, far above it is seen; no middle state between."""
    bandwidth = 6.0
    breaks = size > 1e-7 * bandwidth
    for model, whole, left in [
        (ck.models.kane_mele(1, 0.1, size, 0.1), "-6m21'", "3m1'"),
        (ck.models.haldane(1, 0.1, 0.5, size), "6/mm'm'", "-6m'2'"),
        (ck.models.altermagnet(size, 0.2), "4/mmm1'", "4'/mm'm"),
        (ck.models.kagome_antiferromagnet(1.7, 0.2, angle=size), "-3m'", "-3"),
    ]:
        assert sym.point_group(model).symbol == (left if breaks else whole)


def test_exact_symmetries_beside_nearly_exact_ones():
    """Spin is almost conserved: U is unique, and next to others that nearly fit."""
    for size in np.geomspace(1e-8, 1e-5, 10):
        found = sym.find_symmetries(ck.models.kane_mele(1, 0.1, size, 0.1), spin="free")
        assert sym.point_group(found).symbol == "-6m21'"


def test_origin_of_energy():
    """A large constant in H costs digits of H, and no symmetry."""
    model = ck.models.haldane(1.0, 0.3, 0.7, 0.0)
    far = ck.TightBinding.from_blocks(
        model.lattice, model.orbitals,
        {R: t + 1e6 * np.eye(2) if not any(R) else t for R, t in model.blocks.items()},
    )  # fmt: skip
    assert keys(sym.find_symmetries(far)) == keys(sym.find_symmetries(model))


def supercell(model, sizes):
    cells = list(np.ndindex(*sizes))
    n = model.n_orb
    blocks: dict[tuple[int, ...], np.ndarray] = {}
    for R, t in model.blocks.items():
        for a, cell in enumerate(cells):
            far, home = np.divmod(np.array(cell) + R, sizes)
            block = blocks.setdefault(
                tuple(int(x) for x in far), np.zeros((n * len(cells),) * 2, dtype=complex)
            )
            b = cells.index(tuple(int(x) for x in home))
            block[a * n : (a + 1) * n, b * n : (b + 1) * n] += t
    spin = None if model.spin is None else np.array([np.kron(np.eye(len(cells)), s)
                                                     for s in model.spin])  # fmt: skip
    orbitals = np.concatenate([(model.orbitals + cell) / sizes for cell in cells])
    vectors = np.array(sizes)[:, None] * model.lattice.vectors
    return ck.TightBinding.from_blocks(vectors, orbitals, blocks, spin=spin)


@pytest.mark.parametrize(
    ("name", "sizes"), [("haldane", (3, 3)), ("kane-mele, all", (2, 2)), ("weyl", (2, 2, 2))]
)
def test_supercells(name, sizes):
    """The same crystal with folded bands, degenerate at many k."""
    model, _ = ZOO[name]
    large = supercell(model, sizes)
    found = sym.find_symmetries(large)
    assert keys(found) == keys(sym.find_symmetries(model))
    assert all(sym.residual(large, one) < 1e-12 for one in found)


def test_degenerate_models():
    """Flat and decoupled levels, where U is far from unique."""
    flat = ck.TightBinding(np.eye(2), [[0, 0], [0.5, 0.5]], [], onsite=1.0)
    assert sym.point_group(flat).symbol == "4/mmm1'"
    nothing = ck.TightBinding(np.eye(2), [[0, 0]] * 2, [])
    assert sym.point_group(nothing).symbol == "4/mmm1'"
    # Two equal copies, one turned by C4 against the other in its orbital basis.
    one = ck.models.qwz(-1.0, 0.2)
    V = np.kron(np.eye(2), np.diag([1, 1j]))
    twice = ck.TightBinding.from_blocks(
        np.eye(2), np.zeros((4, 2)),
        {R: V @ np.kron(np.eye(2), t) @ V.conj().T for R, t in one.blocks.items()},
    )  # fmt: skip
    assert keys(sym.find_symmetries(twice)) == keys(sym.find_symmetries(one))
    # Of all U that do, the plainest.
    for model in (flat, nothing, twice):
        np.testing.assert_allclose(
            sym.represent(model, sym.identity(2)).unitary, np.eye(model.n_orb), atol=1e-12
        )


def test_exchange_of_copies():
    """sin k and −sin k on one site: inversion exchanges them, the plain guess is no help."""
    chain = ck.TightBinding([[1.0]], [[0.0], [0.0]], [(0, 0, (1,), 1j), (1, 1, (1,), -1j)])
    P = sym.represent(chain, sym.inversion(1))
    np.testing.assert_allclose(abs(P.unitary), [[0, 1], [1, 0]], atol=1e-12)
    assert sym.residual(chain, P) < 1e-14


def test_bhz():
    """Its two spins label states whose orbitals turn too: C4 is no symmetry with spin alone."""
    model = ck.models.bhz(1.0, D=0.1)
    C4 = sym.rotation(1 / 4, "z", 2)
    assert not sym.holds(model, C4)
    assert sym.holds(model, C4, spin="free")
    assert sym.point_group(sym.find_symmetries(model, spin="free")).symbol == "4/mmm1'"


def test_continuum():
    """A massive Dirac electron has every rotation, and mirrors with time reversal."""
    model = ck.models.massive_dirac(1.0, 0.4)
    square = sym.find_symmetries(model, lattice=np.eye(2))
    assert sym.point_group(square).symbol == "4/mm'm'"
    hexagonal = sym.find_symmetries(model, lattice=ck.Lattice(HEXAGONAL))
    assert sym.point_group(hexagonal).symbol == "6/mm'm'"
    assert sym.holds(model, sym.rotation(0.1234, "z", 2))
    assert not sym.holds(model, sym.time_reversal(2))


def test_bloch_model_without_places():
    model = ck.models.qwz(-1.0, 0.2)
    bare = ck.BlochModel(model.hamiltonian, lattice=np.eye(2), n_orb=2)
    assert keys(sym.find_symmetries(bare)) == keys(sym.find_symmetries(model))


def test_iron():
    """Wannier functions of a ferromagnet along z, symmetric to the three digits of their making."""
    path = Path(__file__).parents[2] / "shared" / "data" / "Fe_tb.dat"
    if not path.exists():
        pytest.skip("no Wannier90 data")
    iron = ck.read_wannier90(path)
    assert labels(sym.find_symmetries(iron)) == {"E"}
    assert sym.point_group(sym.find_symmetries(iron, tolerance=1e-3)).symbol == "4/mm'm'"


# ------------------------------------------------------------------ names of groups


CUBIC = ("23", "m-3", "432", "-43m", "m-3m")


def assert_primes(symbol, symmetries):
    """Not cubic: what the parts of a symbol with primes stand for comes with time reversal."""
    first, *rest = re.findall(r"/m'?|-?[12346]'?|m'?", symbol)
    order = max(abs(int(first.strip("'"))) if first[0] != "m" else 2, 2)
    axes = {tuple(np.round(turn_of(s.rotation).axis, 6)) for s in symmetries
            if abs(2 * np.pi / order - abs(turn_of(s.rotation).angle)) < 1e-6}  # fmt: skip
    if len(axes) != 1:  # orthorhombic, or -1'
        for letter, sign in (("m", -1), ("2", 1)):
            of_kind = [s.antiunitary for s in symmetries
                       if (turn_of(s.rotation).sign, turn_of(s.rotation).angle) == (sign, np.pi)
                       ]  # fmt: skip
            if symbol.replace("'", "").count(letter) == len(of_kind):
                assert symbol.count(f"{letter}'") == sum(of_kind)
        return
    axis = np.array(axes.pop())

    def primed(sign, angle, along):
        """Time reversal in each of the operations of a kind, about the main axis or across it."""
        return [s.antiunitary for s in symmetries for turn in [turn_of(s.rotation)]
                if turn.sign == sign and abs(abs(turn.angle) - angle) < 1e-6
                and (abs(turn.axis @ axis) > 0.99) == along]  # fmt: skip

    improper = first[0] in "-m"
    main = primed(-1 if improper else 1, 2 * np.pi / order, True)
    assert set(main) == {first.endswith("'")}
    for part in rest:
        if part[0] == "/":
            assert primed(-1, np.pi, True) == [part.endswith("'")]
    for letter, sign in (("m", -1), ("2", 1)):
        parts = [part for part in rest if part[0] == letter]
        if parts:
            share = np.mean([part.endswith("'") for part in parts])
            assert np.mean(primed(sign, np.pi, False)) == share


@pytest.mark.filterwarnings("ignore:Set OLD_ERROR_HANDLING:DeprecationWarning")
def test_names_of_all_magnetic_point_groups():
    """spglib's table of magnetic space groups holds all 122, and knows the unitary halves."""
    spglib = pytest.importorskip("spglib")
    hexagonal = np.diag([0.0, 0.0, 1.0])
    hexagonal[:2, :2] = [[1, -0.5], [0, np.sqrt(3) / 2]]  # columns a, b at 120°
    seen = {}
    for number in range(1, 1652):
        table = spglib.get_magnetic_symmetry_from_database(number)
        operations = zip(table["rotations"], table["time_reversals"], strict=True)
        point = frozenset((*W.ravel().tolist(), bool(t)) for W, t in operations)
        if point in seen:
            continue
        turns = [(np.array(w[:-1]).reshape(3, 3), w[-1]) for w in sorted(point)]
        # Matrices of hexagonal cells are orthogonal in Cartesian axes alone.
        oblique = any((np.eye(3) != W @ W.T).any() for W, _ in turns)
        basis = hexagonal if oblique else np.eye(3)
        group = [(basis @ W @ np.linalg.inv(basis), t) for W, t in turns]
        symmetries = [sym.Symmetry(R, 3, antiunitary=t) for R, t in group]
        named = sym.point_group(symmetries)
        plain = np.array([W for W, t in turns if not t])
        every = np.unique(np.array([W for W, _ in turns]), axis=0)
        assert named.unitary == spglib.get_pointgroup(plain)[0].strip()
        assert named.family == spglib.get_pointgroup(every)[0].strip()
        assert named.symbol.replace("'", "") in (named.family, f"{named.family}1")
        if named.kind == "black and white" and named.family not in CUBIC:
            assert_primes(named.symbol, symmetries)
        seen[point] = named
    kinds = {named.symbol: named.kind for named in seen.values()}
    assert len(kinds) == 122
    assert sum(kind == "black and white" for kind in kinds.values()) == 58
    assert {named.laue for named in seen.values()} == {
        "-1", "2/m", "mmm", "4/m", "4/mmm", "-3", "-3m", "6/m", "6/mmm", "m-3", "m-3m",
    }  # fmt: skip


def exchange_model(lattice, sites, bonds, moments):
    """Hopping that does not see spin, and exchange with moments: nothing but the moments' group."""
    n = len(sites)
    up = [(i, j, R, t) for i, j, R, t in bonds]
    down = [(i + n, j + n, R, t) for i, j, R, t in bonds]
    flips = [(i, i + n, (0, 0), -(x - 1j * y)) for i, (x, y, _) in enumerate(moments)]
    z = np.array(moments)[:, 2]
    flips = [flip for flip in flips if flip[3]]
    return ck.TightBinding(
        lattice, np.tile(sites, (2, 1)), [*up, *down, *flips], [*-z, *z], spin="blocks"
    )


KAGOME = [(0, 1, (0, 0), 1.0), (0, 1, (-1, 0), 1.0), (1, 2, (0, 0), 1.0), (1, 2, (1, -1), 1.0),
          (2, 0, (0, 0), 1.0), (2, 0, (0, 1), 1.0)]  # fmt: skip
KAGOME_SITES = [[0.0, 0.0], [0.5, 0.0], [0.0, 0.5]]
CENTRED = [(0, 1, R, 1.0) for R in [(0, 0), (-1, 0), (0, -1), (-1, -1)]]


def turning(angle, sense, canting=0.0):
    angles = angle + sense * 2 * np.pi * np.arange(3) / 3
    flat = np.cos(canting)
    return [(flat * np.cos(a), flat * np.sin(a), np.sin(canting)) for a in angles]


@pytest.mark.parametrize(
    ("lattice", "sites", "bonds", "moments"),
    [
        (HEXAGONAL, KAGOME_SITES, KAGOME, turning(np.pi / 6, 1)),
        (HEXAGONAL, KAGOME_SITES, KAGOME, turning(-np.pi / 3, 1)),
        (HEXAGONAL, KAGOME_SITES, KAGOME, turning(0.3, 1)),
        (HEXAGONAL, KAGOME_SITES, KAGOME, turning(np.pi / 6, -1)),
        (HEXAGONAL, KAGOME_SITES, KAGOME, turning(np.pi / 6, 1, canting=0.4)),
        (HEXAGONAL, KAGOME_SITES, KAGOME, [(0, 0, 1.0)] * 3),
        (HEXAGONAL, [[0, 0], [1 / 3, 1 / 3]],
         [(0, 1, R, 1.0) for R in [(0, 0), (-1, 0), (0, -1)]], [(0, 0, 1.0), (0, 0, -1.0)]),
        (np.eye(2), [[0, 0], [0.5, 0.5]], CENTRED, [(0, 0, 1.0), (0, 0, -1.0)]),
        (np.eye(2), [[0, 0], [0.5, 0.5]], CENTRED, [(1.0, 0, 0), (0, 1.0, 0)]),
        (np.diag([1.0, 1.3]), [[0, 0], [0.5, 0.3]],
         [(0, 1, (0, 0), 1.0), (0, 0, (1, 0), 1.0), (0, 1, (-1, 0), 1.0), (0, 0, (0, 1), 0.5),
          (1, 1, (1, 0), 1.0), (1, 1, (0, 1), 0.5)], [(0, 0.3, 1.0), (0, 0.3, -1.0)]),
        (np.eye(2), [[0, 0]], [(0, 0, (1, 0), 1.0), (0, 0, (0, 1), 1.0)], [(0.3, 0.5, 0.7)]),
    ],
)  # fmt: skip
@pytest.mark.filterwarnings("ignore:Set OLD_ERROR_HANDLING:DeprecationWarning")
def test_against_spglib(lattice, sites, bonds, moments):
    """The magnetic point group of atoms with moments, by geometry alone."""
    spglib = pytest.importorskip("spglib")
    found = sym.find_symmetries(exchange_model(lattice, sites, bonds, moments))
    cell = np.diag([0.0, 0.0, 7.0])
    cell[:2, :2] = lattice
    positions = np.hstack([np.array(sites, dtype=float), np.zeros((len(sites), 1))])
    table = spglib.get_magnetic_symmetry((cell, positions, [1] * len(sites), np.array(moments)))
    expected = {
        key(cell.T @ W @ np.linalg.inv(cell.T), bool(t))
        for W, t in zip(table["rotations"], table["time_reversals"], strict=True)
    }
    assert keys(found) == expected


# ------------------------------------------------------------------ Ω and m


@pytest.mark.parametrize("name", [name for name, (model, _) in ZOO.items() if model.dim > 1])
def test_curvature_and_moment_obey(name):
    """Ω(k′) = A Ω(k), from sums over states that know nothing of symmetry.

    Bands that touch by a Kramers pair at every k are taken together, in halves of the spectrum.
    """
    model, _ = ZOO[name]
    k = K2 if model.dim == 2 else K3
    energies = ck.solve(model, k).energies
    gaps = np.diff(energies, axis=1).min(axis=0)
    split = gaps.min() > 1e-6
    bands = None if split else tuple(range(model.n_orb // 2))
    largest = 0.0
    for one in sym.find_symmetries(model, spin="free"):
        for quantity in (ck.berry_curvature, ck.orbital_moment):
            here = quantity(model, k, bands=bands)
            there = quantity(model, sym.transform_k(one, k), bands=bands)
            if model.dim == 2:
                expected = one.axial_matrix[2, 2] * here
            else:
                expected = sym.transform_axial(one, here)
            np.testing.assert_allclose(there, expected, atol=1e-10 * max(1, abs(here).max()))
            largest = max(largest, abs(here).max())
    vanishes = "so Ω and m vanish at every k" in sym.forbids(model).statements
    assert (largest < 1e-9) == vanishes


def test_moment_where_energies_are_turned_around():
    """Ω of the partner band is that of an ordinary symmetry, m has one more minus sign."""
    model = ck.models.qwz(-1.0)
    omega, moment = ck.berry_curvature(model, K2), ck.orbital_moment(model, K2)
    for one in sym.find_symmetries(model, antisymmetric=True):
        there = sym.transform_k(one, K2)
        sign = one.axial_matrix[2, 2]
        order = [1, 0] if one.antisymmetric else [0, 1]
        turned = -1 if one.antisymmetric else 1
        np.testing.assert_allclose(
            ck.berry_curvature(model, there)[:, order], sign * omega, atol=1e-12
        )
        np.testing.assert_allclose(
            ck.orbital_moment(model, there)[:, order], turned * sign * moment, atol=1e-12
        )


@pytest.mark.parametrize("name", ["haldane", "lieb", "kagome antiferromagnet", "weyl"])
def test_zone_reduction(name):
    """Integrals over the reduced zone are those over the same mesh, whole."""
    model, _ = ZOO[name]
    options = {"mu": -1.1, "kT": 0.2, "mesh": 12}
    for quantity in (ck.orbital_magnetization, ck.anomalous_hall):
        whole = quantity(model, **options, symmetries=[sym.identity(model.dim)])
        for spin in ("locked", "free"):
            part = quantity(model, **options, symmetries=sym.find_symmetries(model, spin=spin))
            np.testing.assert_allclose(part, whole, rtol=1e-10, atol=1e-14)
