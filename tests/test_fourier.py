"""Fourier sums on lines and at points against the sum written out."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import coursekit as ck
from coursekit.fourier import Block, FourierSum, blocks_of

seeds = st.integers(0, 10**6)
dims = st.integers(1, 3)


def written_out(translations, coefficients, vectors, k):
    """Σ_R W_R e^{ik·R} at k (K, dim), in extended precision."""
    R = np.asarray(translations, dtype=np.longdouble) @ vectors.astype(np.longdouble)
    angle = np.asarray(k, dtype=np.longdouble) @ R.T
    phases = np.cos(angle) + 1j * np.sin(angle)
    return np.asarray(phases @ coefficients, dtype=complex)


def random_sum(rng, dim, reach=6, n_sums=3, n_translations=20):
    """Any lattice of any handedness, long translations, some of them twice and with −R."""
    vectors = rng.normal(size=(dim, dim)) + np.diag(rng.choice([-2.0, 2.0], dim))
    translations = rng.integers(-reach, reach + 1, (n_translations, dim))
    translations[:3] = -translations[3:6]
    translations[6] = translations[7]
    translations[8] = 0
    w = rng.normal(size=(n_translations, n_sums)) + 1j * rng.normal(size=(n_translations, n_sums))
    return FourierSum(translations, w, vectors)


def check(the_sum, block, tolerance=1e-13):
    expected = written_out(
        the_sum.translations, the_sum.coefficients, the_sum.vectors, block.points
    )
    size = abs(the_sum.coefficients).sum()
    # An angle k·R of hundreds has a rounding of hundreds of eps in any form of the sum.
    angle = abs(block.points @ the_sum.vectors.T).max(initial=0.0) * 6 * the_sum.vectors.shape[0]
    allowed = size * max(tolerance, 1e-16 * angle)
    assert abs(the_sum(block) - expected).max(initial=0.0) < allowed
    assert abs(the_sum.real(block) - expected.real.T).max(initial=0.0) < allowed


@given(seeds, dims)
@settings(max_examples=30)
def test_scattered_points(seed, dim):
    rng = np.random.default_rng(seed)
    the_sum = random_sum(rng, dim)
    check(the_sum, Block(rng.normal(size=(40, dim)) * 3, np.zeros((1, dim))))
    check(the_sum, Block(np.zeros((0, dim)), np.zeros((1, dim))))


@given(seeds, dims)
@settings(max_examples=40)
def test_lines(seed, dim):
    """Along one reciprocal vector or two, in any direction, back and forth, nowhere."""
    rng = np.random.default_rng(seed)
    the_sum = random_sum(rng, dim)
    b = 2 * np.pi * np.linalg.inv(the_sum.vectors).T
    rows = rng.normal(size=(7, dim)) * 2
    steps = np.linspace(0, 1, 11)[:, None]
    along_one = steps * b[rng.integers(dim)]
    along_two = steps * (b[0] - 2 * b[-1])
    anywhere = steps * rng.normal(size=dim)
    bent = rng.normal(size=(11, dim))
    nearly = steps * b[0] + 1e-9 * steps**2 * b[-1]
    for line in (along_one, along_two, anywhere, bent, nearly, 0 * bent, -along_one[::-1]):
        check(the_sum, Block(rows, line))
        check(the_sum, Block(rows[:1], line))


@given(seeds, dims, st.integers(1, 300))
@settings(max_examples=30)
def test_meshes_along_any_axis(seed, dim, most):
    """Blocks put together are the points in their order, whichever way the mesh lies."""
    rng = np.random.default_rng(seed)
    the_sum = random_sum(rng, dim, reach=3)
    lattice = ck.Lattice(the_sum.vectors)
    sizes = [9, 8, 5][:dim] if dim > 1 else [17]
    mesh = ck.uniform_mesh(lattice, sizes, shift=rng.uniform())
    turned = np.moveaxis(mesh, range(dim), rng.permutation(dim))
    expected = written_out(
        the_sum.translations, the_sum.coefficients, the_sum.vectors, turned.reshape(-1, dim)
    )
    out = np.full((mesh.size // dim, 3), np.nan, dtype=complex)
    points = np.full((mesh.size // dim, dim), np.nan)
    for where, block in blocks_of(turned, most):
        assert 0 < block.size <= most
        out[where] = the_sum(block)
        points[where] = block.points
    np.testing.assert_allclose(points, turned.reshape(-1, dim), rtol=0, atol=1e-13)
    np.testing.assert_allclose(out, expected, rtol=0, atol=1e-13 * abs(the_sum.coefficients).sum())


def test_meshes_are_seen_as_lines():
    lattice = ck.Lattice([[1.0, 0.2], [0.3, -1.1]])
    mesh = ck.uniform_mesh(lattice, 40, shift=0.382)
    assert all(len(block.line) == 40 for _, block in blocks_of(mesh, 400))
    assert all(len(b.line) == 1 for _, b in blocks_of(mesh.reshape(-1, 2), 400))
    # Lines too short or too long to pay.
    assert all(len(b.line) == 1 for _, b in blocks_of(mesh[:, :7], 400))
    assert all(len(b.line) == 1 for _, b in blocks_of(mesh, 39))


@pytest.mark.parametrize("off", [1e-3, 1e-9, 1e-11, 1e-13])
@pytest.mark.parametrize("at", [(0, 0), (0, 5), (3, 0), (7, 9)])
def test_almost_a_mesh(off, at):
    """One point beside its place, however little: its own phase counts."""
    rng = np.random.default_rng(4)
    the_sum = random_sum(rng, 2)
    lattice = ck.Lattice(the_sum.vectors)
    k = ck.uniform_mesh(lattice, 12)
    k[at] += off
    expected = written_out(
        the_sum.translations, the_sum.coefficients, the_sum.vectors, k.reshape(-1, 2)
    )
    out = np.empty_like(expected)
    for where, block in blocks_of(k, 1000):
        out[where] = the_sum(block)
    np.testing.assert_allclose(out, expected, rtol=0, atol=2e-13 * abs(the_sum.coefficients).sum())


def test_uneven_lines():
    """Lines of unequal spacing that all rows share, and rows that turn back."""
    rng = np.random.default_rng(5)
    the_sum = random_sum(rng, 3)
    line = rng.normal(size=(20, 3))
    rows = rng.normal(size=(4, 5, 3))
    k = rows[..., None, :] + line
    expected = written_out(
        the_sum.translations, the_sum.coefficients, the_sum.vectors, k.reshape(-1, 3)
    )
    out = np.empty_like(expected)
    for where, block in blocks_of(k, 60):
        assert len(block.line) == 20
        out[where] = the_sum(block)
    np.testing.assert_allclose(out, expected, rtol=0, atol=1e-13 * abs(the_sum.coefficients).sum())


def test_no_points_and_one():
    for shape in [(0,), (3, 0), (0, 9), (1,), (1, 1), ()]:
        k = np.zeros((*shape, 2))
        blocks = list(blocks_of(k, 10))
        assert sum(block.size for _, block in blocks) == int(np.prod(shape))


@given(seeds, dims)
@settings(max_examples=20)
def test_models(seed, dim):
    """H(k), its gradient and their forms for two bands, orbital phases and all."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(2, 4))
    vectors = rng.normal(size=(dim, dim)) + np.diag(rng.choice([-2.0, 2.0], dim))
    orbitals = rng.uniform(-1, 1, (n, dim))
    blocks = {}
    for _ in range(6):
        R = tuple(int(x) for x in rng.integers(-6, 7, dim))
        if any(R) and tuple(-x for x in R) not in blocks:
            blocks[R] = rng.normal(size=(n, n)) + 1j * rng.normal(size=(n, n))
            blocks[tuple(-x for x in R)] = blocks[R].conj().T
    blocks[(0,) * dim] = np.diag(rng.normal(size=n)).astype(complex)
    model = ck.TightBinding.from_blocks(vectors, orbitals, blocks)
    k = ck.uniform_mesh(model.lattice, (8, 9, 2)[-dim:] if dim > 1 else 10, shift=0.3)
    positions = orbitals @ vectors
    h = np.zeros((*k.shape[:-1], n, n), dtype=complex)
    dh = np.zeros((*k.shape[:-1], dim, n, n), dtype=complex)
    for R, t in blocks.items():
        for i in range(n):
            for j in range(n):
                d = np.array(R) @ vectors + positions[j] - positions[i]
                phase = t[i, j] * np.exp(1j * k @ d)
                h[..., i, j] += phase
                dh[..., i, j] += 1j * d * phase[..., None]
    scale = sum(abs(t).sum() for t in blocks.values())
    np.testing.assert_allclose(model.hamiltonian(k), h, rtol=0, atol=1e-13 * scale)
    np.testing.assert_allclose(model.hamiltonian_gradient(k), dh, rtol=0, atol=1e-12 * scale)
    flat = Block(k.reshape(-1, dim), np.zeros((1, dim)))
    lines = [block for _, block in blocks_of(k, 10**6)]
    for block in (flat, *lines):
        in_cells, gradient_in_cells, nothing = model.bloch_matrices(block)
        assert nothing is None
        u = np.exp(1j * block.points @ positions.T)
        turn = u.conj()[:, :, None] * u[:, None, :]
        flat_h, flat_dh = h.reshape(-1, n, n), dh.reshape(-1, dim, n, n)
        np.testing.assert_allclose(turn * in_cells, flat_h, rtol=0, atol=1e-13 * scale)
        np.testing.assert_allclose(
            turn[:, None] * gradient_in_cells, flat_dh, rtol=0, atol=1e-12 * scale
        )
        if n == 2:
            pauli = np.array([np.eye(2), [[0, 1], [1, 0]], [[0, -1j], [1j, 0]], np.diag([1, -1])])
            both = np.concatenate([in_cells[:, None], gradient_in_cells], axis=1)
            expected = np.einsum("aij,kbji->bak", pauli, both).real / 2
            np.testing.assert_allclose(
                model.pauli_vectors(block), expected, rtol=0, atol=1e-12 * scale
            )
