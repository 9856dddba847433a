"""Berry phases, Wilson loops, Wannier centres."""

from __future__ import annotations

import itertools
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import coursekit as ck
from coursekit import holonomy


def random_model(seed, n_orb=4, dim=2):
    rng = np.random.default_rng(seed)
    blocks = {(0,) * dim: np.diag(np.arange(n_orb) * 2.0)}
    for R in np.eye(dim, dtype=int):
        t = 0.3 * (rng.normal(size=(n_orb, n_orb)) + 1j * rng.normal(size=(n_orb, n_orb)))
        blocks[tuple(R)], blocks[tuple(-R)] = t, t.conj().T
    vectors = np.eye(dim) + 0.3 * rng.normal(size=(dim, dim))
    return ck.TightBinding.from_blocks(vectors, rng.random((n_orb, dim)), blocks)


def rice_mele(theta, J=1.0, d=0.5, D=0.7):
    """Dimers J ± d cos θ, on-site ±D sin θ; A at 0 and B at ½."""
    d, D = d * np.cos(theta), D * np.sin(theta)
    return ck.TightBinding(
        [[1.0]], [[0.0], [0.5]], [(0, 1, (0,), J + d), (0, 1, (-1,), J - d)], onsite=[D, -D]
    )


def plain_loop(model, path, bands, rng=None):
    """Product of bare links of finely cut segments, in a gauge that is random where rng is given;
    P exp(i∮A·dk) is the inverse of it."""
    k, _ = ck.k_path(path, 2000)
    u = np.linalg.eigh(model.hamiltonian(k))[1][..., list(bands)]
    G = k[-1] - k[0]
    if hasattr(model, "orbitals"):
        u[-1] = np.exp(-1j * (model.orbitals @ model.lattice.vectors @ G))[:, None] * u[0]
    else:
        u[-1] = u[0]
    if rng is not None:
        n = len(bands)
        mix = rng.normal(size=(len(u), n, n)) + 1j * rng.normal(size=(len(u), n, n))
        mix[-1] = mix[0]
        u = u @ np.linalg.qr(mix)[0]
    W = np.eye(len(bands))
    for a, b in pairwise(u):
        W = W @ (a.conj().T @ b)
    return W.conj().T


def square(center, half):
    corners = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1], [-1, -1]])
    return np.asarray(center) + half * corners


def same_phases(a, b, atol):
    """Whether two sets of angles agree modulo 2π."""
    distance = np.sort(np.angle(np.exp(1j * (np.sort(a)[:, None] - np.sort(b)))), axis=1)
    np.testing.assert_allclose(abs(distance).min(axis=1), 0, atol=atol)
    np.testing.assert_allclose(np.exp(1j * a).sum(), np.exp(1j * b).sum(), atol=len(a) * atol)


@pytest.mark.parametrize("tau", [1, -1])
@pytest.mark.parametrize("half", [0.05, 0.5, 3.0])
def test_square_around_a_dirac_point(tau, half):
    """Half the solid angle of d̂: the lower band has Ω = +τΔ/2ε³, whose integral over a rectangle
    from the origin is (τ/2) atan(kₓk_y/(Δ√(Δ² + kₓ² + k_y²)))."""
    delta = 0.4
    model = ck.models.massive_dirac(1.0, delta, tau)
    expected = 2 * tau * np.arctan(half**2 / (delta * np.sqrt(delta**2 + 2 * half**2)))
    path = square([0, 0], half)
    assert ck.berry_phase(model, path, 1) == pytest.approx(expected, abs=1e-9)
    assert ck.berry_phase(model, path, (1,)) == pytest.approx(-expected, abs=1e-9)
    assert ck.berry_phase(model, path[::-1], 1) == pytest.approx(-expected, abs=1e-9)
    assert ck.berry_phase(model, path, 2) == pytest.approx(0, abs=1e-9)


def test_sign_against_kubo():
    """A small loop counter-clockwise gives +Ω times its area, with Ω summed over states here."""
    model, k, half = random_model(1), np.array([0.4, -0.3]), 2e-3
    e, u = np.linalg.eigh(model.hamiltonian(k))
    v = u.conj().T @ model.hamiltonian_gradient(k) @ u
    for n in range(4):
        rest = [m for m in range(4) if m != n]
        omega = -2 * (v[0, n, rest] * v[1, rest, n] / (e[n] - e[rest]) ** 2).sum().imag
        phase = ck.berry_phase(model, square(k, half), (n,))
        # Next term of the loop: Ω'' area half²/6; and 1e-10 of the phase's own tolerance.
        assert phase / (2 * half) ** 2 == pytest.approx(omega, abs=2e-5)


def test_a_circle_of_many_points():
    t = np.linspace(0, 2 * np.pi, 401)
    path = np.stack([np.cos(t), np.sin(t)], axis=1)
    phase = ck.berry_phase(ck.models.massive_dirac(1.0, 1.0), path, 1)
    # Solid angle of a cone of 45 degrees; the polygon's area is smaller by 4e-5.
    assert phase == pytest.approx(np.pi * (1 - np.sqrt(0.5)), rel=1e-4)


def test_phase_of_pi():
    graphene = ck.models.haldane(1, 0, 0, 0)
    for K in ([4 * np.pi / 3, 0], [-4 * np.pi / 3, 0]):
        for bands in (1, (1,)):
            for path in (square(K, 0.1), square(K, 0.1)[::-1]):
                assert ck.berry_phase(graphene, path, bands) == pytest.approx(np.pi, abs=1e-9)
    assert ck.berry_phase(graphene, square([0.5, 0], 0.1), 1) == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize(("dim", "bands"), [(1, (0, 1)), (2, (0,)), (2, (1, 2)), (3, (0, 1, 2))])
def test_against_a_plain_product(dim, bands):
    """Also across the zone, and in a random gauge at each point."""
    model = random_model(dim + 3, dim=dim)
    start = np.array([0.3, 0.1, -0.4])[:dim]
    G = model.lattice.reciprocal.sum(axis=0)
    path = np.stack([start, start + 0.4 * G + 0.1, start + G])
    W = ck.wilson_loop(model, path, bands)
    plain = plain_loop(model, path, bands, np.random.default_rng(0))
    # The plain product is off by the square of its step, and not unitary by as much.
    np.testing.assert_allclose(W @ W.conj().T, np.eye(len(bands)), atol=1e-12)
    same_phases(np.angle(np.linalg.eigvals(W)), np.angle(np.linalg.eigvals(plain)), 2e-6)
    phase = ck.berry_phase(model, path, bands)
    assert np.exp(1j * phase) == pytest.approx(np.linalg.det(W), abs=1e-8)


def test_basis_of_the_loop():
    """W is in the basis of solve() at the first point."""
    model, bands = random_model(2), (0, 1)
    path = square([0.2, 0.1], 0.6)
    W = ck.wilson_loop(model, path, bands)
    left, _, right = np.linalg.svd(plain_loop(model, path, bands))
    np.testing.assert_allclose(W, left @ right, atol=1e-6)
    # Round the corner first: another start, another basis, the same eigenvalues.
    path = np.concatenate([path[1:], path[1:2]])
    other = ck.wilson_loop(model, path, bands)
    same_phases(np.angle(np.linalg.eigvals(W)), np.angle(np.linalg.eigvals(other)), 1e-8)


def test_loops_multiply():
    """Two loops with a common start, one after the other: the later one stands on the left."""
    model, bands = random_model(6), (0, 1)
    first, second = square([0.0, 0.0], 0.5), square([0.0, 0.0], 0.5) * [1.4, 0.6]
    second = second - second[0] + first[0]
    both = ck.wilson_loop(model, np.concatenate([first, second[1:]]), bands)
    one, two = (ck.wilson_loop(model, path, bands) for path in (first, second))
    np.testing.assert_allclose(both, two @ one, atol=1e-8)
    assert abs(one @ two - two @ one).max() > 1e-3
    back = ck.wilson_loop(model, first[::-1], bands)
    np.testing.assert_allclose(back, one.conj().T, atol=1e-8)


def test_a_narrow_gap_between_points():
    """Zak phases jump by π across the Dirac point; a path that misses it by 1e-4 is resolved."""
    G = 2 * np.pi * np.array([1.0, 0.0])
    phases = [
        ck.berry_phase(ck.models.qwz(-2 + 1e-4), [[-1.234, y], [-1.234 + G[0], y]], 1)
        for y in (-0.02, 0.02)
    ]
    # Flux between the two lines, on a mesh that is dense around the Dirac point.
    model = ck.models.qwz(-2 + 1e-4)
    x = np.linspace(-1, 1, 4001) ** 5 * np.pi
    y = np.linspace(-1, 1, 2001) ** 5 * 0.02
    k = np.stack(np.meshgrid((x[1:] + x[:-1]) / 2, (y[1:] + y[:-1]) / 2, indexing="ij"), axis=-1)
    flux = np.diff(x) @ ck.berry_curvature(model, k, 0) @ np.diff(y)
    assert (phases[0] - phases[1]) % (2 * np.pi) == pytest.approx(flux, abs=1e-3)
    assert flux > 3


def test_periodic_hamiltonians_without_orbitals():
    """A BlochModel whose H(k) has the period of the zone needs no phases."""
    base = ck.models.qwz(-1)
    model = ck.BlochModel(base.hamiltonian, base.hamiltonian_gradient, np.eye(2), n_orb=2)
    line = [[0.3, 0.4], [0.3 + 2 * np.pi, 0.4]]
    assert ck.berry_phase(model, line, 1) == pytest.approx(ck.berry_phase(base, line, 1), abs=1e-9)
    base = ck.models.haldane(1, 0.2, 1.0, 0.3)
    model = ck.BlochModel(base.hamiltonian, None, base.lattice, n_orb=2)
    with pytest.raises(ValueError, match=r"not H\(k\) with the phases of the orbitals"):
        ck.berry_phase(model, [[0, 0], base.lattice.reciprocal[0]], 1)
    assert ck.berry_phase(model, square([0, 0], 1), 1) == pytest.approx(
        ck.berry_phase(base, square([0, 0], 1), 1), abs=1e-9
    )


@pytest.mark.parametrize(("dim", "bands"), [(1, (0, 1)), (2, (0, 1)), (2, (3,)), (3, (1, 2))])
def test_centers_against_the_position_operator(dim, bands):
    """Eigenvalues of P e^{2πix/L} P on a ring of L cells, to the square of 1/L."""
    model, direction, cells = random_model(dim + 20, dim=dim), dim - 1, 400
    others = None if dim == 1 else (0.3 if dim == 2 else [0.3, 0.1])
    reduced = np.zeros((cells, dim))
    reduced[:, :-1] = [] if dim == 1 else others
    reduced[:, direction] = np.arange(cells) / cells
    u = np.linalg.eigh(model.hamiltonian(model.lattice.to_cartesian(reduced)))[1][..., list(bands)]
    # ⟨ψ_k|e^{2πix/L}|ψ_k−1⟩ of periodic parts that carry the orbitals' positions.
    W = np.eye(len(bands))
    u_next = np.concatenate([u[1:], u[:1]])
    u_next[-1] *= np.exp(-2j * np.pi * model.orbitals[:, direction])[:, None]
    for a, b in zip(u, u_next, strict=True):
        W = W @ (a.conj().T @ b)
    expected = -np.angle(np.linalg.eigvals(W))
    centers = ck.wannier_centers(model, bands, direction, others)
    assert centers.shape == (len(bands),)
    assert ((centers >= 0) & (centers < 1)).all()
    same_phases(2 * np.pi * centers, expected, 1e-4)


def test_centers_of_atoms_and_dimers():
    """Isolated orbitals sit where they are, dimers in the middle of their bond."""
    atoms = ck.TightBinding(np.eye(2), [[0.2, 0.7], [0.9, 0.0]], [], onsite=[0, 1])
    np.testing.assert_allclose(ck.wannier_centers(atoms, 1, 0, [0.1, 0.6]), 0.2, atol=1e-12)
    np.testing.assert_allclose(ck.wannier_centers(atoms, 2, 1, 0.4), [0, 0.7], atol=1e-12)
    for bond, where in [((0,), 0.25), ((-1,), 0.75)]:
        dimer = ck.TightBinding([[2.0]], [[0.0], [0.5]], [(0, 1, bond, -1.0)])
        np.testing.assert_allclose(ck.wannier_centers(dimer, 1), [where], atol=1e-12)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10**6), st.floats(-2, 2))
def test_centers_move_with_the_origin(seed, shift):
    model = random_model(seed)
    moved = ck.TightBinding.from_blocks(model.lattice, model.orbitals + [shift, 0], model.blocks)
    before, after = (ck.wannier_centers(m, (0, 1), 0, 0.2) for m in (model, moved))
    same_phases(2 * np.pi * (before + shift), 2 * np.pi * after, 1e-8)


def winding(centers):
    return np.unwrap(centers.sum(axis=-1), period=1)[[0, -1]] @ [-1, 1]


@pytest.mark.parametrize(
    ("model", "occupied"),
    [
        (ck.models.qwz(-1), 1),
        (ck.models.qwz(1), 1),
        (ck.models.qwz(-3), 1),
        (ck.models.haldane(1, 0.2, 1.0, 0.3), 1),
        (ck.models.haldane(1, 0.2, -1.0, 0.3), (0,)),
        (ck.models.haldane(1, 0.2, -1.0, 0.3), (1,)),
        (ck.finite.with_flux(ck.TightBinding(np.eye(2), [[0, 0]], [(0, 0, (1, 0), -1.0),
                                                                  (0, 0, (0, 1), -1.0)]), 1, 3), 2),
    ],
)  # fmt: skip
def test_flow_winds_with_the_chern_number(model, occupied):
    C = ck.chern_number(model, occupied)
    t = np.linspace(0, 1, 61)
    assert winding(ck.wannier_centers(model, occupied, 0, t)) == pytest.approx(-C, abs=1e-8)
    assert winding(ck.wannier_centers(model, occupied, 1, t)) == pytest.approx(C, abs=1e-8)


def test_flow_of_a_left_handed_basis():
    right = ck.models.qwz(-1)
    vectors = right.lattice.vectors[::-1]
    blocks = {R[::-1]: t for R, t in right.blocks.items()}
    left = ck.TightBinding.from_blocks(vectors, right.orbitals[:, ::-1], blocks)
    t = np.linspace(0, 1, 61)
    assert ck.chern_number(left, 1) == 1
    assert winding(ck.wannier_centers(left, 1, 0, t)) == pytest.approx(1, abs=1e-8)


def test_pump():
    """One cycle of the Rice–Mele pump moves each electron by +1 cell (also by time evolution)."""
    cycle = np.linspace(0, 2 * np.pi, 81)
    centers = np.array([ck.wannier_centers(rice_mele(t), 1) for t in cycle])
    assert winding(centers) == pytest.approx(1, abs=1e-8)
    # Strong dimers at θ = 0 in the cell, at θ = π across its border; pure sites between.
    np.testing.assert_allclose(centers[[0, 40], 0], [0.25, 0.75], atol=1e-9)


def test_shapes_of_centers():
    model = random_model(8, dim=3)
    others = np.zeros((2, 3, 2))
    assert ck.wannier_centers(model, 2, 1, others).shape == (2, 3, 2)
    assert ck.wannier_centers(random_model(8), 3, 1, np.zeros((2, 3))).shape == (2, 3, 3)
    assert ck.wannier_centers(random_model(8), 3, 1, []).shape == (0, 3)
    # Direction and others in ascending order: centres do not depend on k along the direction.
    x = ck.wannier_centers(model, 2, 1, [0.2, 0.7])
    start = model.lattice.to_cartesian([0.2, 0.45, 0.7])
    W = ck.wilson_loop(model, [start, start + model.lattice.reciprocal[1]], 2)
    same_phases(2 * np.pi * x, np.angle(np.linalg.eigvals(W)), 1e-8)


def test_lines_in_chunks(monkeypatch):
    model, t = ck.models.haldane(1, 0.2, 1.0, 0.3), np.linspace(0, 1, 9)
    whole = ck.wannier_centers(model, 1, 0, t)
    monkeypatch.setattr(holonomy, "_CHUNK", 1)
    np.testing.assert_allclose(ck.wannier_centers(model, 1, 0, t), whole, atol=1e-9)


@pytest.mark.parametrize("scale", [1e-9, 1e9])
def test_any_unit_of_energy(scale):
    model = random_model(2)
    blocks = {R: scale * t for R, t in model.blocks.items()}
    other = ck.TightBinding.from_blocks(model.lattice, model.orbitals, blocks)
    path = square([0.2, 0.1], 0.6)
    assert ck.berry_phase(other, path, 1) == pytest.approx(ck.berry_phase(model, path, 1), abs=1e-9)


def test_refuses_a_gap_that_closes_on_the_path():
    graphene, K = ck.models.haldane(1, 0, 0, 0), np.array([4 * np.pi / 3, 0])
    triangle = K + [[-0.1, -0.1], [0.171, 0.171], [-0.1, 0.3], [-0.1, -0.1]]
    with pytest.raises(ck.DegenerateBandsError, match=r"bands=\(0,\) touch the rest at k=") as info:
        ck.berry_phase(graphene, triangle, 1)
    np.testing.assert_allclose(info.value.k, K, atol=1e-9)
    # H(K + dk) has a Dirac cone of velocity √3/2: gap √3 |dk|.
    with pytest.raises(ck.DegenerateBandsError):
        ck.wannier_centers(ck.models.qwz(0), 1, 0, [0.3, 0.5])


def test_gives_up(monkeypatch):
    path = square([0.0, 0.0], 0.5)
    with monkeypatch.context() as patch:
        patch.setattr(holonomy, "_MOST_LINKS", 8)
        with pytest.raises(ck.ConvergenceError, match="too small for 8 links"):
            ck.berry_phase(ck.models.qwz(-2.001), path, 1)
    monkeypatch.setattr(holonomy, "_TOLERANCE", 0.0)
    monkeypatch.setattr(holonomy, "_MOST_LINKS", 100)
    with pytest.raises(ck.ConvergenceError, match="take a shorter path"):
        ck.berry_phase(ck.models.qwz(-1.0), path, 1)


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ([[0, 0], [1, 0], [0, 1]], "the path is open"),
        ([[0, 0], [1, 0], [2 * np.pi, 3]], "the path is open"),
        ([[0, 0]], "at least two points"),
        ([[0, 0], [0, 0]], "all points of the path are the same"),
        ([0, 0], r"expected \(N, 2\)"),
        ([[0, 0, 0], [1, 1, 1]], r"expected real numbers of shape"),
        ([[0, 0], [np.nan, 1], [0, 0]], "NaN"),
    ],
)
def test_refuses_paths(path, message):
    with pytest.raises(ValueError, match=message):
        ck.berry_phase(ck.models.qwz(-1), path, 1)
    with pytest.raises(ValueError, match="the path is open"):
        ck.wilson_loop(ck.models.massive_dirac(1, 1), [[0, 0], [2 * np.pi, 0]], 1)


def test_refuses_what_has_no_centers():
    model = ck.models.qwz(-1)
    with pytest.raises(ValueError, match="has no lattice"):
        ck.wannier_centers(ck.models.massive_dirac(1, 1), 1, 0, 0.2)
    with pytest.raises(ValueError, match="direction=2; expected a lattice vector, 0 to 1"):
        ck.wannier_centers(model, 1, 2, 0.1)
    with pytest.raises(ValueError, match=r"of a 2D model; expected reduced coordinates \(...\) al"):
        ck.wannier_centers(model, 1, 0)
    with pytest.raises(ValueError, match="of a 1D model"):
        ck.wannier_centers(rice_mele(0.3), 1, 0, 0.1)
    with pytest.raises(ValueError, match="expected finite real numbers"):
        ck.wannier_centers(model, 1, 0, [np.inf])
    with pytest.raises(ValueError, match=r"expected pairs \(..., 2\)"):
        ck.wannier_centers(random_model(1, dim=3), 1, 0, [0.1, 0.2, 0.3])
    with pytest.raises(ValueError, match="occupied=3"):
        ck.wannier_centers(model, 3, 0, 0.1)


# Wannier functions


def rotated_basis(model, shifts):
    """The same model in other Wannier functions: state v of each (v, R) is taken R cells further,
    by the unitary 1 + (e^{ik·R} − 1) v v†, one after the other."""
    dim, n = model.dim, model.n_orb
    W = {(0,) * dim: np.eye(n, dtype=complex)}
    for v, R in shifts:
        projector = np.outer(v, np.conj(v)) / np.vdot(v, v)
        factor = {(0,) * dim: np.eye(n) - projector, tuple(R): projector}
        product = {}
        for (A, a), (B, b) in itertools.product(W.items(), factor.items()):
            where = tuple(x + y for x, y in zip(A, B, strict=True))
            product[where] = product.get(where, 0) + a @ b
        W = product
    H, r = {}, {}
    tau = model.orbitals @ model.lattice.vectors
    for (A, a), (B, b) in itertools.product(W.items(), W.items()):
        # ⟨w 0|H|w R⟩ = Σ a† H(R + B − A) b, and ⟨w 0|r|w R⟩ where R + B = A.
        for X, block in model.blocks.items():
            R = tuple(np.subtract(np.add(X, A), B).tolist())
            H[R] = H.get(R, 0) + a.conj().T @ block @ b
        R = tuple(np.subtract(A, B).tolist())
        at = (tau + A @ model.lattice.vectors).T[:, :, None]
        r[R] = r.get(R, 0) + a.conj().T @ (at * b)
    return ck.WannierModel(model.lattice, H, r)


def two_shifts(dim):
    R = np.eye(dim, dtype=int).tolist()
    return [([1, 1j, 0, 0.5], R[0]), ([1, -1, 2, 0], R[-1])]


@pytest.mark.parametrize("dim", [1, 2])
def test_any_wannier_functions(dim):
    """Berry phases and centres do not depend on the functions that span the same states."""
    model = random_model(dim + 30, dim=dim)
    wannier = rotated_basis(model, two_shifts(dim))
    start = np.array([0.3, 0.1])[:dim]
    np.testing.assert_allclose(
        ck.solve(wannier, start).energies, ck.solve(model, start).energies, atol=1e-12
    )
    for path in ([start, start + model.lattice.reciprocal[0]],):
        W, V = (ck.wilson_loop(m, path, (0, 1)) for m in (wannier, model))
        same_phases(np.angle(np.linalg.eigvals(W)), np.angle(np.linalg.eigvals(V)), 1e-8)
    others = None if dim == 1 else [0.2, 0.7]
    a, b = (ck.wannier_centers(m, (0, 1), 0, others) for m in (wannier, model))
    np.testing.assert_allclose(a, b, atol=1e-8)


def test_small_loop_with_states_outside():
    """A position matrix at random, whose own curvature adds to Ω."""
    base, rng = random_model(40), np.random.default_rng(1)
    position = {(0, 0): [np.diag(x) for x in (base.orbitals @ base.lattice.vectors).T]}
    for R in [(1, 0), (0, 1)]:
        r = 0.2 * (rng.normal(size=(2, 4, 4)) + 1j * rng.normal(size=(2, 4, 4)))
        position[R], position[-R[0], -R[1]] = r, r.conj().swapaxes(1, 2)
    model, k, half = (
        ck.WannierModel(base.lattice, base.blocks, position),
        np.array([0.4, -0.3]),
        2e-3,
    )
    assert abs(model.external_curvature(k)).max() > 0.1
    for bands in [(0,), (1, 2), (0, 1, 2, 3)]:
        phase = ck.berry_phase(model, square(k, half), bands)
        omega = ck.berry_curvature(model, k, bands)
        assert phase / (2 * half) ** 2 == pytest.approx(omega, abs=1e-4)
        assert omega != pytest.approx(ck.berry_curvature(model.tight_binding, k, bands), abs=0.1)
