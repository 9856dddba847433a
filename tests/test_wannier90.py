"""Wannier models and the files they come from.

The files are written here, from models that are known otherwise: with other Wannier functions for
the same bands, with fewer of them than bands, and as Wannier90 makes them on a coarse mesh.
"""

from __future__ import annotations

import copy
import pickle
import tracemalloc
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import constants

import coursekit as ck
from coursekit.integrand import at_points

IRON = Path(__file__).parents[2] / "shared" / "data" / "Fe_tb.dat"
PLANES = {2: [(0, 1)], 3: [(1, 2), (2, 0), (0, 1)]}
# e²/ħ per Å in S/cm.
SIEMENS_PER_CM = constants.e**2 / constants.hbar * 1e10 / 100


# --- models that are known, and Wannier functions of them --------------------------------------


def wavy(*numbers):
    """A complex number of size about one that depends on whole numbers without a pattern."""
    phase = sum(x * y for x, y in zip(numbers, (1.7, 2.9, 4.1, 5.3, 7.7), strict=False))
    return np.cos(phase) * np.exp(1j * np.sin(3 * phase + 1))


def parent(vectors, onsite, hop=0.2):
    """Bonds of all kinds between orbitals at odd places: no symmetry but the lattice's."""
    n, dim = len(onsite), len(vectors)
    orbitals = [[0.2 * wavy(i, a).real for a in range(dim)] for i in range(n)]
    cells = [R for R in product((0, 1), repeat=dim) if any(R)]
    bonds = [(i, j, R, hop * wavy(i, j, *R)) for R in cells for i in range(n) for j in range(n)]
    bonds += [(i, j, (0,) * dim, hop * wavy(i + 5, j)) for i in range(n) for j in range(i + 1, n)]
    return ck.TightBinding(vectors, orbitals, bonds, onsite)


def lattice_periodic(model, k):
    """H(k) without the phases of the orbitals, and these orbitals, Cartesian."""
    tau = model.orbitals @ model.lattice.vectors
    phase = np.exp(1j * (k @ tau.T))
    return phase[..., :, None] * model.hamiltonian(k) * phase.conj()[..., None, :], tau


def dagger(matrices):
    return matrices.conj().swapaxes(-1, -2)


def wannier_blocks(model, functions, n):
    """{R: (1 + dim, m, m)} of H and r between Wannier functions |R m⟩.

    ``functions(H(k), k·a)`` is (..., n_orb, m), smooth and periodic in k.  Its derivative is exact
    for what n points along each axis resolve (n odd, so that R and −R come together).
    """
    dim = model.dim
    k = ck.uniform_mesh(model.lattice, n)
    h, tau = lattice_periodic(model, k)
    w = functions(h, k @ model.lattice.vectors.T)
    axes = tuple(range(dim))
    steps = np.stack(np.meshgrid(*[np.fft.fftfreq(n, 1 / n)] * dim, indexing="ij"), axis=-1)
    R = steps @ model.lattice.vectors
    w_R = np.fft.fftn(w, axes=axes) / n**dim  # Σ_k w e^{−ik·R}
    matrices = [dagger(w) @ h @ w]
    for a in range(dim):
        slope = np.fft.ifftn(1j * R[..., a, None, None] * w_R, axes=axes) * n**dim
        matrices.append(dagger(w) @ (tau[:, a, None] * w) + 1j * dagger(w) @ slope)
    matrices = [(x + dagger(x)) / 2 for x in matrices]
    blocks = np.fft.fftn(np.stack(matrices, axis=-3), axes=axes) / n**dim
    keys = np.rint(steps).astype(int).reshape(-1, dim)
    flat = blocks.reshape(len(keys), *blocks.shape[dim:])
    return {
        tuple(map(int, key)): b for key, b in zip(keys, flat, strict=True) if abs(b).max() > 1e-11
    }


def as_model(lattice, blocks, spin=None):
    return ck.WannierModel(
        lattice, {R: b[0] for R, b in blocks.items()}, {R: b[1:] for R, b in blocks.items()}, spin
    )


def turned(h, angles):
    """All functions, turned among each other by e^{iX(k)}."""
    n, dim = h.shape[-1], angles.shape[-1]
    x = np.zeros(h.shape, dtype=complex)
    for a in range(dim):
        turn = np.array([[0.1 * wavy(i, j, a + 3) for j in range(n)] for i in range(n)])
        x += np.exp(1j * angles[..., a, None, None]) * turn
    values, vectors = np.linalg.eigh(x + dagger(x))
    return vectors * np.exp(1j * values)[..., None, :] @ dagger(vectors)


def projected(m):
    """The lowest m bands, in the gauge of the first m orbitals: Löwdin's."""

    def functions(h, _):
        u = np.linalg.eigh(h)[1][..., :m]
        left, sizes, right = np.linalg.svd(dagger(u)[..., :m])
        assert sizes.min() > 0.2  # smooth
        return u @ (left @ right)

    return functions


def as_wannier90(model, m, n):
    """What Wannier90 makes of the lowest m bands of a simple cubic model on an n³ mesh.

    Returns R (N, 3), degeneracies (N,), H (N, m, m), r (N, 3, m, m), both not yet divided, and
    shifts {(R, i, j): (T, 3)}.
    """
    step = 2 * np.pi / (n * model.lattice.vectors[0, 0])
    k = ck.uniform_mesh(model.lattice, n)
    h, tau = lattice_periodic(model, k)
    w = projected(m)(h, k)
    h = dagger(w) @ h @ w
    r = np.zeros((n, n, n, 3, m, m), dtype=complex)
    for a, sign in product(range(3), (1, -1)):
        # ⟨u(k)|u(k + b)⟩ has e^{−ib·r}; six b with weights 1/(2b²) each.
        links = dagger(w) @ (
            np.exp(-1j * sign * step * tau[:, a, None]) * np.roll(w, -sign, axis=a)
        )
        part = 1j * links
        index = np.arange(m)
        # The diagonal from the phase, by Marzari & Vanderbilt.
        part[..., index, index] = -np.angle(links[..., index, index])
        r[..., a, :, :] += sign / (2 * step) * part
    reach = range(-n // 2 - 1, n // 2 + 2)
    cells, around = (
        np.array(list(product(reach, repeat=3))),
        np.array(list(product((-1, 0, 1), repeat=3))),
    )
    near = np.linalg.norm(cells[:, None] + n * around, axis=-1)
    inside = near[:, 13] <= near.min(axis=1) + 1e-6  # 13: no shift
    R = cells[inside]
    degeneracies = (near[inside] <= near[inside].min(axis=1, keepdims=True) + 1e-6).sum(axis=1)
    phases = np.exp(-1j * k.reshape(-1, 3) @ model.lattice.vectors.T @ R.T).T / n**3
    H = np.tensordot(phases, h.reshape(-1, m, m), axes=1)
    r = np.tensordot(phases, r.reshape(-1, 3, m, m), axes=1)
    home = np.flatnonzero((R == 0).all(axis=1))[0]
    centers = np.diagonal(r[home], axis1=1, axis2=2).real.T / model.lattice.vectors[0, 0]
    shifts = {}
    for cell, i, j in product(R, range(m), range(m)):
        far = np.linalg.norm(cell + n * around + centers[j] - centers[i], axis=-1)
        shifts[tuple(map(int, cell)), i, j] = n * around[far <= far.min() + 1e-6]
    return R, degeneracies, H, r, shifts


# --- files as Wannier90 writes them --------------------------------------------------------------


def rows_of(matrix):
    """``i j`` and the values of a matrix (..., n, n), the first index fastest."""
    n = matrix.shape[-1]
    for j, i in product(range(n), range(n)):
        values = " ".join(
            f"{x.real:24.16E} {x.imag:24.16E}" for x in np.atleast_1d(matrix[..., i, j])
        )
        yield f"{i + 1:5d}{j + 1:5d} {values}"


def counts_of(numbers):
    return ["".join(f"{d:5d}" for d in numbers[a : a + 15]) for a in range(0, len(numbers), 15)]


def write_tb(path, vectors, R, degeneracies, H, r):
    lines = [" written by a test", *(" ".join(map(repr, map(float, a))) for a in vectors)]
    lines += [f"{H.shape[-1]:12d}", f"{len(R):12d}", *counts_of(degeneracies)]
    for block in (H, r):
        for cell, matrix in zip(R, block, strict=True):
            lines += ["", "".join(f"{x:5d}" for x in cell), *rows_of(matrix)]
    path.write_text("\n".join(lines) + "\n")
    return path


def write_hr(path, R, degeneracies, H):
    lines = [" written by a test", f"{H.shape[-1]:12d}", f"{len(R):12d}", *counts_of(degeneracies)]
    for cell, matrix in zip(R, H, strict=True):
        lines += ["".join(f"{x:5d}" for x in cell) + row for row in rows_of(matrix)]
    path.write_text("\n".join(lines) + "\n")
    return path


def write_wsvec(path, shifts):
    lines = ["## written by a test with use_ws_distance=.true."]
    for (R, i, j), cells in shifts.items():
        lines += ["".join(f"{x:5d}" for x in (*R, i + 1, j + 1)), f"{len(cells):5d}"]
        lines += ["".join(f"{x:5d}" for x in T) for T in cells]
    path.write_text("\n".join(lines) + "\n")
    return path


def write_blocks(path, vectors, blocks, degeneracy=1):
    """``_tb.dat`` of blocks {R: (4, n, n)}, every R with the same degeneracy."""
    table = degeneracy * np.array(list(blocks.values()))
    degeneracies = [degeneracy] * len(blocks)
    return write_tb(path, vectors, list(blocks), degeneracies, table[:, 0], table[:, 1:])


def random_blocks(rng, n, dim, reach=1, size=0.1):
    """{R: (1 + dim, n, n)} with the symmetry of H and r and nothing else."""
    blocks = {}
    for R in product(range(-reach, reach + 1), repeat=dim):
        block = size * (rng.normal(size=(1 + dim, n, n)) + 1j * rng.normal(size=(1 + dim, n, n)))
        blocks[R] = block / (1 + np.sum(np.square(R)))
    home = blocks[(0,) * dim]
    home[0] += np.diag(np.arange(n))
    home[1:] += [np.diag(x) for x in rng.uniform(-0.5, 0.5, (dim, n))]
    return {R: (b + dagger(blocks[tuple(-x for x in R)])) / 2 for R, b in blocks.items()}


def direct_sum(model, which, k):
    """Σ_R e^{ik·R} X(R) without the phases of the centres."""
    total = 0
    for R, block in getattr(model, which).items():
        phase = np.exp(1j * k @ (R @ model.lattice.vectors))
        total = total + phase[(..., *[None] * block.ndim)] * block
    return total


# --- physics --------------------------------------------------------------------------------------

OBLIQUE = [[1.0, 0.0], [0.3, 1.1]]
SOME_K = np.array([[0.4, -1.3], [2.2, 0.7], [-0.9, 3.1]])


def test_curvature_against_transport_around_a_square():
    """The flux through a small square, from overlaps of the eigenstates at its corners.

    Nothing of the library's formulas is in it: ⟨n, k|m, k + dk⟩ = (U† e^{−iA·dk} U)_nm, with A the
    whole position matrix at the middle, and no phases of the centres.
    """
    rng = np.random.default_rng(5)
    vectors = np.eye(3) + 0.2 * rng.normal(size=(3, 3))
    model = as_model(vectors, random_blocks(rng, 4, 3))
    k, side = np.array([0.3, -1.1, 0.8]), 2e-3
    corners = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1], [-1, -1]]) * side / 2
    for group in ((0,), (2,), (0, 1, 2)):
        flux = []
        for a, b in PLANES[3]:
            path = np.repeat(k[None], 5, axis=0)
            path[:, [a, b]] += corners
            u = np.linalg.eigh(direct_sum(model, "blocks", path))[1][..., list(group)]
            u[-1] = u[0]
            phase = 1.0
            for n in range(4):
                A = direct_sum(model, "position", (path[n] + path[n + 1]) / 2)
                values, vectors = np.linalg.eigh(np.tensordot(path[n + 1] - path[n], A, axes=1))
                along = vectors * np.exp(-1j * values) @ dagger(vectors)
                phase *= np.linalg.det(dagger(u[n]) @ along @ u[n + 1])
            flux.append(-np.angle(phase) / side**2)
        found = ck.berry_curvature(model, k, bands=group)
        # Midpoint rule: an error of the second order in the side, which is 4e-6 times a number of
        # order one; rounding adds 1e-16/side².
        np.testing.assert_allclose(found, flux, atol=2e-5)
        assert abs(found).max() > 0.01


def test_other_functions_for_the_same_bands():
    """Wannier functions turned among each other at each k: nothing that can be measured changes."""
    model = parent(OBLIQUE, [-0.5, 0.2, 0.6])
    wannier = as_model(model.lattice, wannier_blocks(model, turned, 21))
    # What 21 points do not resolve of the turn is of order 1e-12, what is cut off 1e-11.
    assert abs(wannier.external_curvature(SOME_K)).max() < 1e-9
    for quantity in (ck.berry_curvature, ck.orbital_moment):
        expected = quantity(model, SOME_K)
        np.testing.assert_allclose(quantity(wannier, SOME_K), expected, atol=1e-9)
        assert abs(quantity(wannier.tight_binding, SOME_K) - expected).max() > 0.01
    for quantity in (ck.anomalous_hall, ck.orbital_magnetization):
        expected = quantity(model, [-0.4, 0.3], 0.1, mesh=24)
        np.testing.assert_allclose(
            quantity(wannier, [-0.4, 0.3], 0.1, mesh=24), expected, atol=1e-9
        )
        assert abs(quantity(wannier.tight_binding, 0.3, 0.1, mesh=24) - expected[1]) > 1e-4


def test_other_functions_in_three_dimensions(tmp_path):
    vectors = np.array([[1.0, 0.1, 0.0], [0.0, 1.2, 0.2], [0.3, 0.0, 0.9]])
    model = parent(vectors, [-0.6, 0.5], hop=0.15)
    blocks = wannier_blocks(model, turned, 13)
    wannier = ck.read_wannier90(write_blocks(tmp_path / "a_tb.dat", vectors, blocks, 3))
    k = np.array([[0.4, -1.3, 0.2], [2.2, 0.7, -3.0]])
    expected = ck.berry_curvature(model, k)
    # What 13 points do not resolve.
    np.testing.assert_allclose(ck.berry_curvature(wannier, k), expected, atol=1e-6)
    assert abs(ck.berry_curvature(wannier.tight_binding, k) - expected).max() > 1e-2


def layer(tmp_path, onsite, n=51):
    """The lowest two bands of a 2D model, by way of a file, and that model."""
    model = parent(OBLIQUE, onsite)
    blocks = {}
    for (R1, R2), (h, x, y) in wannier_blocks(model, projected(2), n).items():
        blocks[R1, R2, 0] = np.stack([h, x, y, 0.7 * (R1 == R2 == 0) * np.eye(2)])
    vectors = np.diag([0.0, 0.0, 9.0])
    vectors[:2, :2] = OBLIQUE
    path = write_blocks(tmp_path / "layer_tb.dat", vectors, blocks)
    return ck.read_wannier90(path, dim=2), model


def test_fewer_functions_than_bands(tmp_path):
    """Ω and σ are those of all bands: F has what the states outside add."""
    wannier, model = layer(tmp_path, [-1.5, -1.2, 1.4, 1.7])
    expected = ck.berry_curvature(model, SOME_K)[:, :2]
    # 51 points leave about 1e-8 of the projector unresolved.
    np.testing.assert_allclose(ck.berry_curvature(wannier, SOME_K), expected, atol=1e-7)
    assert abs(wannier.external_curvature(SOME_K)).max() > 0.02
    mu = [-1.8, -1.3, 0.0]
    assert len(set(np.round(ck.electron_density(model, mu, mesh=20), 6))) == 3  # metal, metal, gap
    expected = ck.anomalous_hall(model, mu, mesh=24)
    np.testing.assert_allclose(ck.anomalous_hall(wannier, mu, mesh=24), expected, atol=1e-8)
    options = {"kT": 0.1, "mesh": 24}
    dipole = ck.berry_curvature_dipole(model, mu[:2], **options)
    found = ck.berry_curvature_dipole(wannier, mu[:2], **options)
    np.testing.assert_allclose(found, dipole, atol=1e-7)
    for lacking in (without_outside(wannier), wannier.tight_binding):
        assert abs(ck.anomalous_hall(lacking, mu, mesh=24) - expected).max() > 1e-4
        assert abs(ck.berry_curvature_dipole(lacking, mu[:2], **options) - dipole).max() > 1e-4
    # F is spread over bands whose Chern number is that of all of theirs.
    assert ck.chern_number(wannier, 1) == ck.chern_number(model, 1)


def without_outside(model):
    """A copy that knows nothing of F."""
    other = copy.copy(model)
    other.bloch_matrices = lambda block: (*model.bloch_matrices(block)[:2], None)
    return other


def test_what_the_moment_leaves_out(tmp_path):
    """With one band outside, m lacks exactly −½(E − ε)F."""
    wannier, model = layer(tmp_path, [-1.5, -1.2, 1.6])
    energies, u = np.linalg.eigh(wannier.hamiltonian(SOME_K))
    outside = np.linalg.eigvalsh(model.hamiltonian(SOME_K))[:, 2:]
    f = np.einsum("kin,kij,kjn->kn", u.conj(), wannier.external_curvature(SOME_K)[..., 0], u).real
    lacking = -(outside - energies) * f / 2
    found = ck.orbital_moment(wannier, SOME_K)
    expected = ck.orbital_moment(model, SOME_K)[:, :2]
    np.testing.assert_allclose(found + lacking, expected, atol=1e-6)
    assert abs(lacking).max() > 0.01
    # M of the filled bands lacks their sum.
    k = ck.uniform_mesh(model.lattice, 24)
    energies, u = np.linalg.eigh(wannier.hamiltonian(k))
    outside = np.linalg.eigvalsh(model.hamiltonian(k))[..., 2:]
    f = wannier.external_curvature(k)[..., 0]
    f = np.einsum("abin,abij,abjn->abn", u.conj(), f, u).real
    lacking = -((outside - energies) * f / 2).sum(axis=-1).mean() / model.lattice.cell_volume
    found, expected = (ck.orbital_magnetization(m, 0.0, mesh=24) for m in (wannier, model))
    np.testing.assert_allclose(found + lacking, expected, atol=1e-7)
    assert abs(lacking) > 0.01 * abs(expected)


@pytest.mark.parametrize(
    ("shifts", "printed"),
    [(True, [88.9721, 82.3844, -7.2470]), (False, [128.0199, 81.4902, -1.2905])],
)
def test_against_postw90(tmp_path, shifts, printed):
    """Anomalous Hall conductivity that postw90.x 3.1.0 printed for the same input.

    That input was .mmn, .amn and .eig files of this model; wannier90.x made its own Wannier
    functions of them, num_iter = 0, and postw90.x ran with transl_inv = true, which takes the
    diagonal of r from phases as ``_tb.dat`` has it, and with and without use_ws_distance.
    """
    model = parent(3 * np.eye(3), [-1.5, -1.1, 1.2, 1.6], hop=0.15)
    R, degeneracies, H, r, moved = as_wannier90(model, 2, 4)
    path = write_tb(tmp_path / "x_tb.dat", model.lattice.vectors, R, degeneracies, H, r)
    write_wsvec(tmp_path / "x_wsvec.dat", moved)
    wannier = ck.read_wannier90(path, ws_distance=shifts)
    # Four digits printed; wannier90 keeps eight of the matrices in between, which small energy
    # denominators turn into 2e-5.
    np.testing.assert_allclose(siemens(wannier, -1.3, 8), printed, atol=1.5e-4)
    # The shifts are multiples of the mesh's supercell: nothing changes on the mesh itself.
    k = ck.uniform_mesh(model.lattice, 4)
    other = ck.read_wannier90(path, ws_distance=not shifts)
    np.testing.assert_allclose(
        direct_sum(wannier, "blocks", k), direct_sum(other, "blocks", k), atol=1e-12
    )


def siemens(model, mu, n):
    """σ on the Γ-centred mesh of n³ points, S/cm, lengths in Å."""
    k = ck.uniform_mesh(model.lattice, n).reshape(-1, 3)
    total = 0
    for part in np.array_split(k, 8):
        total = total + at_points(model, ck.response.HALL, part, mu, 0.0)[0].sum(axis=-1)
    return total / len(k) / model.lattice.cell_volume * SIEMENS_PER_CM


@pytest.mark.skipif(not IRON.exists(), reason="the data file of iron is not there")
def test_iron():
    """bcc iron: 1222.1510 S/cm is what Wannier90 publishes; another program found 1222.1544.

    The file is of a 2×2×2 mesh, whose points all are their own negatives, so that H(R) = H(−R) and
    with inversion all states have a parity at any k.  The position matrix, odd, then leaves Ω as it
    is: what it does through the velocity, F must undo.
    """
    model = ck.read_wannier90(IRON, spin="pairs")
    assert repr(model) == "<WannierModel: 3D, 18 Wannier functions, 15 lattice vectors>"
    found = siemens(model, 12.6279, 10)
    np.testing.assert_allclose(found, [0.0336, 0.0571, 1222.1544], atol=1e-4)
    # Eight digits of the file: changes of H by 5e-8 of itself move σ_xy by 0.002.
    assert (abs(found - [0.0334, 0.0572, 1222.1510]) < [0.001, 0.001, 0.01]).all()
    np.testing.assert_allclose(siemens(model.tight_binding, 12.6279, 10), found, atol=1e-5)
    assert abs(siemens(without_outside(model), 12.6279, 10) - found).max() > 0.1


def test_units():
    """The factor is that of the library, and π times the conductance quantum per Å."""
    assert ck.units.siemens_per_cm(1.0) == pytest.approx(SIEMENS_PER_CM, rel=1e-12)
    quantum = constants.value("conductance quantum")  # 2e²/h
    assert quantum * np.pi * 1e8 == pytest.approx(SIEMENS_PER_CM, rel=1e-9)


@pytest.mark.parametrize("scale", [1e-9, 1e9])
def test_units_of_energy(scale):
    rng = np.random.default_rng(3)
    blocks = random_blocks(rng, 3, 2)
    scaled = {R: np.array([scale * b[0], *b[1:]]) for R, b in blocks.items()}
    np.testing.assert_allclose(
        ck.berry_curvature(as_model(OBLIQUE, scaled), SOME_K),
        ck.berry_curvature(as_model(OBLIQUE, blocks), SOME_K),
        rtol=1e-9,
    )


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), dim=st.sampled_from([2, 3]))
def test_choice_of_functions(seed, dim):
    """Another origin, one function in another cell, and all of them turned by a constant matrix."""
    rng = np.random.default_rng(seed)
    vectors = np.eye(dim) + 0.2 * rng.normal(size=(dim, dim))
    blocks = random_blocks(rng, 3, dim)
    model = as_model(vectors, blocks)
    k = rng.normal(size=(2, dim))
    expected = ck.berry_curvature(model, k)
    moved = {R: b.copy() for R, b in blocks.items()}
    moved[(0,) * dim][1:] += rng.normal(size=dim)[:, None, None] * np.eye(3)
    # The last function in the cell (1, 0, …): ⟨0i|X|Rj⟩ is found at R ± that.
    out = {}
    offset = np.zeros((3, dim), dtype=int)
    offset[2, 0] = 1
    for (R, b), i, j in product(moved.items(), range(3), range(3)):
        there = tuple(map(int, np.array(R) - offset[j] + offset[i]))
        out.setdefault(there, np.zeros_like(b))[:, i, j] += b[:, i, j]
    out[(0,) * dim][1:, 2, 2] += vectors[0]
    q = np.linalg.qr(rng.normal(size=(3, 3)) + 1j * rng.normal(size=(3, 3)))[0]
    out = {R: dagger(q) @ b @ q for R, b in out.items()}
    # Small gaps between random bands amplify rounding.
    np.testing.assert_allclose(
        ck.berry_curvature(as_model(vectors, out), k), expected, rtol=1e-6, atol=1e-8
    )


def test_all_matrices_at_once():
    """bloch_matrices is a table for the three methods in a basis without phases."""
    rng = np.random.default_rng(2)
    model = as_model(np.eye(3), random_blocks(rng, 3, 3))
    k = ck.uniform_mesh(model.lattice, (2, 3, 10), shift=0.3)
    phase = np.exp(1j * k @ model.centers.T)
    h, v, f = model.hamiltonian(k), model.velocity_operator(k), model.external_curvature(k)
    assert (v.shape, f.shape) == ((2, 3, 10, 3, 3, 3), (2, 3, 10, 3, 3, 3))
    for matrix in (h, *np.moveaxis(v, -3, 0), *np.moveaxis(f, -1, 0)):
        np.testing.assert_allclose(matrix, dagger(matrix), atol=1e-14)
    turn = lambda x: phase[..., :, None] * x * phase[..., None, :].conj()  # noqa: E731
    np.testing.assert_allclose(turn(h), direct_sum(model, "blocks", k), atol=1e-13)
    commutator = v - model.hamiltonian_gradient(k)
    A = direct_sum(model, "position", k)
    centered = A - np.einsum("ja,ij->aij", model.centers, np.eye(3))
    bare = direct_sum(model, "blocks", k)[..., None, :, :]
    expected = 1j * (bare @ centered - centered @ bare)
    for a in range(3):
        np.testing.assert_allclose(
            turn(commutator[..., a, :, :]), expected[..., a, :, :], atol=1e-13
        )


def test_a_constant_model_has_no_curvature_outside():
    """Without position beside the centres, all is as in a tight-binding model."""
    blocks = random_blocks(np.random.default_rng(4), 3, 2)
    home = (0, 0)
    r = {home: blocks[home][1:] * np.eye(3)}
    model = ck.WannierModel(OBLIQUE, {R: b[0] for R, b in blocks.items()}, r)
    assert abs(model.external_curvature(SOME_K)).max() == 0
    np.testing.assert_allclose(
        model.velocity_operator(SOME_K), model.hamiltonian_gradient(SOME_K), atol=1e-14
    )
    for quantity in (ck.berry_curvature, ck.orbital_moment):
        np.testing.assert_allclose(
            quantity(model, SOME_K), quantity(model.tight_binding, SOME_K), rtol=1e-11
        )


def test_what_a_model_carries():
    blocks = random_blocks(np.random.default_rng(4), 4, 2)
    model = as_model(OBLIQUE, blocks, spin="pairs")
    assert (model.n_orb, model.dim, model.spin.shape) == (4, 2, (3, 4, 4))
    assert (model.energy_scale, model.velocity_bound) == (
        model.tight_binding.energy_scale,
        model.tight_binding.velocity_bound,
    )
    np.testing.assert_allclose(model.orbitals @ OBLIQUE, model.centers)
    for array in (model.centers, model.orbitals, model.position[0, 0], model.blocks[0, 0]):
        assert not array.flags.writeable
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.velocity_operator(SOME_K), model.velocity_operator(SOME_K))
    np.testing.assert_array_equal(again.spin, model.spin)


def test_one_dimension():
    model = as_model([[2.0]], random_blocks(np.random.default_rng(4), 2, 1))
    assert model.velocity_operator([[0.1], [0.2]]).shape == (2, 1, 2, 2)
    assert model.external_curvature([0.1]).shape == (2, 2, 0)
    assert ck.electron_density(model, 100.0, mesh=8) == pytest.approx(1.0)


def test_memory_is_bounded():
    """A mesh of 8000 points of 18 functions: its matrices at once would be 400 MB."""
    model = as_model(np.eye(3), random_blocks(np.random.default_rng(0), 18, 3))
    tracemalloc.start()
    try:
        ck.anomalous_hall(model, 8.0, 0.5, mesh=20, progress=False)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 120e6


# --- a small magnet of our own --------------------------------------------------------------------


def ferromagnet(exchange=0.5, coupling=0.4, dipole=0.35):
    """{R: (4, 6, 6)}, eV and Å: s, pₓ, p_y with spin on a simple cubic lattice of 3 Å.

    Bonds between nearest neighbours, exchange −Δσ_z, spin–orbit coupling λ L_zσ_z, and the dipole
    ⟨s|x|pₓ⟩ = ⟨s|y|p_y⟩ = d on each site.  Each orbital once with spin up, then with spin down.
    """
    blocks = {R: np.zeros((4, 3, 3), dtype=complex) for R in product((-1, 0, 1), repeat=3)}
    blocks = {R: b for R, b in blocks.items() if np.abs(R).sum() <= 1}
    for a, sign in product(range(3), (1, -1)):
        R = [0, 0, 0]
        R[a] = sign
        h = blocks[tuple(R)][0]
        h[0, 0] = -0.4
        for p in range(2):
            h[p + 1, p + 1] = 0.6 if p == a else -0.2
        if a < 2:  # the lobe of p at R that is close to s at 0 is its negative one
            h[0, a + 1], h[a + 1, 0] = 0.5 * sign, -0.5 * sign
    home = blocks[0, 0, 0]
    home[0] = np.diag([0.0, 2.0, 2.0])
    home[1, 0, 1] = home[1, 1, 0] = home[2, 0, 2] = home[2, 2, 0] = dipole
    both = {R: np.kron(b, np.eye(2)) for R, b in blocks.items()}
    turn = np.zeros((3, 3), dtype=complex)
    turn[1, 2], turn[2, 1] = -1j, 1j  # L_z
    spin = np.diag([1, -1])
    both[0, 0, 0][0] += coupling * np.kron(turn, spin) - exchange * np.kron(np.eye(3), spin)
    return both


def test_ferromagnet(tmp_path):
    """A file for lessons: σ_xy needs exchange and spin–orbit coupling; the dipole changes it."""
    path = tmp_path / "magnet_tb.dat"

    def hall(model=None, **parts):
        if model is None:
            write_blocks(path, 3 * np.eye(3), ferromagnet(**parts))
            model = ck.read_wannier90(path, spin="pairs")
        return ck.units.siemens_per_cm(ck.anomalous_hall(model, -0.5, 0.2, mesh=12))

    sigma = hall()
    assert path.stat().st_size < 60_000
    model = ck.read_wannier90(path, spin="pairs")
    # The moment is along z, so are σ and the spin.
    assert abs(sigma[:2]).max() < 1e-9 * abs(sigma[2])
    np.testing.assert_allclose(model.spin[2], np.diag([1, -1] * 3) / 2)
    np.testing.assert_allclose(hall(exchange=-0.5), -sigma, atol=1e-9 * abs(sigma[2]))
    for nothing in (hall(exchange=0.0), hall(coupling=0.0)):
        assert abs(nothing).max() < 1e-9 * abs(sigma[2])
    assert abs(hall(model.tight_binding)[2] / sigma[2] - 1) > 0.05


# --- files ----------------------------------------------------------------------------------------


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), n=st.integers(1, 3), shifted=st.booleans())
def test_round_trip(tmp_path_factory, seed, n, shifted):
    """Any degeneracies, shifts of each pair: the sums as Wannier90's guide has them."""
    rng = np.random.default_rng(seed)
    folder = tmp_path_factory.mktemp("round")
    vectors = np.eye(3) + 0.2 * rng.normal(size=(3, 3))
    blocks = random_blocks(rng, n, 3)
    some = {R for R in blocks if rng.random() < 0.5} | {(0, 0, 0)}
    R = [R for R in blocks if R in some or tuple(-x for x in R) in some]
    count = {cell: int(rng.integers(1, 20)) for cell in R}
    degeneracies = np.array([count[max(cell, tuple(-x for x in cell))] for cell in R])
    table = np.array([blocks[cell] for cell in R])
    path = write_tb(folder / "a_tb.dat", vectors, R, degeneracies, table[:, 0], table[:, 1:])
    shifts = {}
    for cell, i, j in product(R, range(n), range(n)):
        minus = tuple(-x for x in cell)
        cells = np.unique(rng.integers(-2, 3, (rng.integers(1, 4), 3)), axis=0)
        if (cell, i) == ((0, 0, 0), j):
            cells = np.zeros((1, 3), dtype=int)
        shifts[cell, i, j] = -shifts[minus, j, i] if (minus, j, i) in shifts else cells
    if shifted:
        write_wsvec(folder / "a_wsvec.dat", shifts)
    model = ck.read_wannier90(path)
    k = rng.normal(size=3)
    expected = np.zeros((4, n, n), dtype=complex)
    for cell, d, block in zip(R, degeneracies, table, strict=True):
        for i, j in product(range(n), range(n)):
            cells = cell + (shifts[cell, i, j] if shifted else np.zeros((1, 3)))
            phase = np.exp(1j * cells @ vectors @ k).mean()
            expected[:, i, j] += phase * block[:, i, j] / d
    # 17 digits are written.
    np.testing.assert_allclose(direct_sum(model, "blocks", k), expected[0], atol=1e-13)
    np.testing.assert_allclose(direct_sum(model, "position", k), expected[1:], atol=1e-13)
    np.testing.assert_allclose(model.lattice.vectors, vectors)
    np.testing.assert_allclose(model.centers.T, np.diagonal(model.position[0, 0, 0].real, 0, 1, 2))
    hr = write_hr(folder / "a_hr.dat", R, degeneracies, table[:, 0])
    bare = ck.read_wannier90(hr, lattice=vectors, centers=model.centers)
    np.testing.assert_allclose(bare.hamiltonian(k), model.hamiltonian(k), atol=1e-13)


@pytest.fixture
def small(tmp_path):
    """Two functions and three lattice vectors, as both kinds of file."""
    rng = np.random.default_rng(1)
    blocks = random_blocks(rng, 2, 3)
    blocks = {R: blocks[R] for R in ((0, 0, -1), (0, 0, 0), (0, 0, 1))}
    table = np.array(list(blocks.values()))
    write_hr(tmp_path / "s_hr.dat", list(blocks), [1, 1, 1], table[:, 0])
    return write_blocks(tmp_path / "s_tb.dat", 2 * np.eye(3), blocks)


WIN = """
! a comment
num_wann = 2
Begin Unit_Cell_Cart  # here
bohr
 2.0 0.0 0.0

 0.0 2.0 0.0 ! second
 0.0 0.0 3.0
End Unit_Cell_Cart
"""
XYZ = """3
 Wannier centres
X   0.1 0.2 0.3
X   0.4 0.5 -0.6
C   0.0 0.0 0.0
"""


def test_lattice_and_centers_beside_the_file(small):
    hr = small.with_name("s_hr.dat")
    small.with_name("s.win").write_text(WIN)
    small.with_name("s_centres.xyz").write_text(XYZ)
    model = ck.read_wannier90(str(hr))
    bohr = constants.value("Bohr radius") * 1e10
    np.testing.assert_allclose(model.lattice.vectors, bohr * np.diag([2, 2, 3]), rtol=1e-8)
    np.testing.assert_allclose(model.centers, [[0.1, 0.2, 0.3], [0.4, 0.5, -0.6]])
    # What is passed comes first.
    model = ck.read_wannier90(hr, lattice=ck.Lattice(3 * np.eye(3)), centers=np.zeros((2, 3)))
    np.testing.assert_array_equal(model.lattice.vectors, 3 * np.eye(3))
    small.with_name("s.win").write_text(WIN.replace("bohr", "Ang"))
    vectors = ck.read_wannier90(hr).lattice.vectors
    np.testing.assert_array_equal(vectors, np.diag([2, 2, 3]))
    small.with_name("s.win").write_text(WIN.replace("bohr\n", ""))
    np.testing.assert_array_equal(ck.read_wannier90(hr).lattice.vectors, vectors)


def test_content_tells_the_kind(small):
    """A file of another name has no neighbours, and is read all the same."""
    other = small.with_name("renamed.txt")
    other.write_text(small.read_text())
    k = [0.1, 0.2, 0.3]
    np.testing.assert_array_equal(
        ck.read_wannier90(other).hamiltonian(k), ck.read_wannier90(small).hamiltonian(k)
    )


def test_numbers_as_fortran_writes_them(small):
    """Exponents of three digits lose their letter, and old compilers write D."""
    lines = small.read_text().splitlines()
    at = lines.index("".join(f"{0:5d}" for _ in range(3))) + 1
    for number in ("0.12345678-100", "0.12345678D-30", "1.0e-120", "+.0"):
        real = lines[at].split()[2].replace("E", "D")
        lines[at] = f"1 1 {real} {number}"
        small.write_text("\r\n".join(lines) + "\r\n")
        model = ck.read_wannier90(small)
        assert model.blocks[0, 0, 0][0, 0] == float(real.replace("D", "E"))


def edited(path, old, new, count=1):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, count))


def test_files_that_are_cut_off(small):
    text = small.read_text()
    lines = text.splitlines()
    total = len(lines)
    assert lines[5].strip() == "3"
    for keep in range(total - 1):
        small.write_text("\n".join(lines[:keep]) + "\n")
        with pytest.raises(ValueError, match=r"s_tb.dat.*expected"):
            ck.read_wannier90(small)
    small.write_text("\n".join(lines[:20]))
    with pytest.raises(ValueError, match=r"ends after line 19; expected .* cut off"):
        ck.read_wannier90(small)
    hr = small.with_name("s_hr.dat")
    lines = hr.read_text().splitlines()
    for keep in range(len(lines)):
        hr.write_text("\n".join(lines[:keep]) + "\n")
        with pytest.raises(ValueError, match=r"s_hr.dat.*expected"):
            ck.read_wannier90(hr, lattice=np.eye(3), centers=np.zeros((2, 3)))


@pytest.mark.parametrize(
    ("line", "new", "message"),
    [
        (2, "2.0 0.0", "line 2: .2.0 0.0.; expected the number of Wannier functions"),
        (3, "0.0 2.0 NaN", "line 3: .0.0 2.0 NaN.; expected a lattice vector"),
        (5, "two", "line 5: .two.; expected the number of Wannier functions"),
        (5, "0", "line 5: .0.; expected the number of Wannier functions"),
        (6, "3.5", "line 6: .3.5.; expected the number of lattice vectors"),
        (7, "1 1", r"line 9: .0    0   -1.; expected degeneracies of 3 .*\(2 read\)"),
        (7, "1 1 0", "line 7: .1 1 0.; expected degeneracies of 3"),
        (7, "1 1 1 1", "line 7: .1 1 1 1.; expected degeneracies of 3"),
        (9, "0 0", "line 9: .0 0.; expected a lattice vector R₁ R₂ R₃ of the Ham"),
        (10, "1 1 ******** 0.0", r"line 10: .1 1 \*.*expected i j and 2 numbers of the Ham"),
        (10, "1 1 0.0", "line 10: .1 1 0.0.; expected i j and 2 numbers"),
        (10, "3 1 0.0 0.0", "line 10: .*expected indices i j from 1 to 2"),
        (11, "1 1 0.0 0.0", "line 11: .*expected each pair i j once"),
        (15, "0 0 -1", r"lattice vector R=\(0, 0, -1\) twice"),
        (
            27,
            "0 0 1",
            r"block 1 of the position matrix is at R=\(0, 0, 1\); expected R=\(0, 0, -1\)",
        ),
        (28, "1 1 0.0 0.0", "line 28: .*expected i j and 6 numbers of the position"),
        (6, "2", "line 7: .*expected degeneracies of 2"),
        (5, "3", "line 14: .*expected i j and 2|line 15|line 14"),
    ],
)
def test_garbled_files(small, line, new, message):
    lines = small.read_text().splitlines()
    lines[line - 1] = new
    if "twice" in message:
        lines[32] = new
    small.write_text("\n".join(lines))
    with pytest.raises(ValueError, match=message):
        ck.read_wannier90(small)


def test_more_failures_of_files(small):
    text = small.read_text()
    small.write_text(text + "\n 1 1 0.0 0.0\n")
    with pytest.raises(ValueError, match="expected the end of the file after 3 lattice vectors"):
        ck.read_wannier90(small)
    small.write_text(text)
    small.write_bytes(b"\xff\xfe\x00" * 40)
    with pytest.raises(ValueError, match="expected the number of Wannier functions"):
        ck.read_wannier90(small)
    with pytest.raises(FileNotFoundError):
        ck.read_wannier90(small.with_name("none_tb.dat"))
    small.write_text(text)
    lines = text.splitlines()
    cells = [n for n, row in enumerate(lines) if row.split() == ["0", "0", "1"]]
    for n in cells:
        lines[n] = "0 0 2"
    small.write_text("\n".join(lines))
    with pytest.raises(ValueError, match=r"R=\(0, 0, -1\) and not R=\(0, 0, 1\)"):
        ck.read_wannier90(small)
    lines = text.splitlines()
    lines[9] = "1 1 5.0 0.0"
    small.write_text("\n".join(lines))
    with pytest.raises(ValueError, match=r"H\(1, 1\) at R=\(0, 0, -1\).*H\(−R\) = H\(R\)†"):
        ck.read_wannier90(small)
    hr = small.with_name("s_hr.dat")
    lines = hr.read_text().splitlines()
    lines[5] = "0 1 0 " + " ".join(lines[5].split()[3:])
    hr.write_text("\n".join(lines))
    with pytest.raises(ValueError, match=r"line 6: .*R=\(0, 0, -1\), which has 4 lines"):
        ck.read_wannier90(hr, lattice=np.eye(3), centers=np.zeros((2, 3)))


def test_failures_of_what_is_beside(small):
    hr = small.with_name("s_hr.dat")
    with pytest.raises(ValueError, match=r"holds no lattice.*s.win.*pass lattice="):
        ck.read_wannier90(hr)
    with pytest.raises(ValueError, match=r"holds no centres.*s_centres.xyz.*pass centers="):
        ck.read_wannier90(hr, lattice=np.eye(3))
    with pytest.raises(ValueError, match=r"lattice has shape \(2, 2\)"):
        ck.read_wannier90(hr, lattice=np.eye(2))
    with pytest.raises(ValueError, match=r"centers have shape \(3, 3\).*\(2, 3\)"):
        ck.read_wannier90(hr, lattice=np.eye(3), centers=np.eye(3))
    with pytest.raises(ValueError, match="holds both; expected neither"):
        ck.read_wannier90(small, lattice=np.eye(3))
    xyz = small.with_name("s_centres.xyz")
    xyz.write_text(XYZ.replace("X", "C", 1))
    with pytest.raises(ValueError, match="1 centres, lines with X; expected 2"):
        ck.read_wannier90(hr, lattice=np.eye(3))
    xyz.write_text(XYZ.replace("0.5", "half"))
    with pytest.raises(ValueError, match=r"line 4: .*expected a centre"):
        ck.read_wannier90(hr, lattice=np.eye(3))
    win = small.with_name("s.win")
    win.write_text("num_wann = 2\n")
    with pytest.raises(ValueError, match="no block unit_cell_cart"):
        ck.read_wannier90(hr)
    win.write_text(WIN.replace("0.0 2.0 0.0", "0.0 2.0"))
    with pytest.raises(ValueError, match=r"line 8: .0.0 2.0.; expected a primitive vector"):
        ck.read_wannier90(hr)
    win.write_text(WIN.split("bohr")[0])
    with pytest.raises(ValueError, match="ends after line 4"):
        ck.read_wannier90(hr)


def test_failures_of_shifts(small):
    with pytest.raises(FileNotFoundError, match=r"s_wsvec.dat"):
        ck.read_wannier90(small, ws_distance=True)
    renamed = small.with_name("renamed.txt")
    renamed.write_text(small.read_text())
    with pytest.raises(FileNotFoundError, match=r"seed_wsvec.dat"):
        ck.read_wannier90(renamed, ws_distance=True)
    shifts = {
        (R, i, j): np.zeros((1, 3), dtype=int)
        for R in ((0, 0, -1), (0, 0, 0), (0, 0, 1))
        for i, j in product(range(2), range(2))
    }
    path = write_wsvec(small.with_name("s_wsvec.dat"), shifts)
    plain = ck.read_wannier90(small, ws_distance=False)
    assert ck.read_wannier90(small, ws_distance=True).blocks.keys() == plain.blocks.keys()
    text = path.read_text()
    lines = text.splitlines()
    for change, message in [
        (lines[:-3], r"lacks i=2 j=2 at R=\(0, 0, 1\)"),
        (lines[:-1], "ends after line 36; expected a shift"),
        ([*lines, *lines[1:4]], r"i=1 j=1 at R=\(0, 0, -1\) twice"),
        ([*lines, "9 0 0 1 1", "1", "0 0 0"], r"R=\(9, 0, 0\) which is not in s_tb.dat"),
        ([*lines[:1], "0 0 -1 1 3", *lines[2:]], "line 2: .*indices i j from 1 to 2"),
        ([*lines[:2], "0", *lines[3:]], "line 3: .0.; expected the number of shifts"),
        ([*lines[:3], "0 0 1", *lines[4:]], "its _wsvec.dat belongs to another"),
    ]:
        path.write_text("\n".join(change))
        with pytest.raises(ValueError, match=message):
            ck.read_wannier90(small)


def test_failures_of_layers(small):
    with pytest.raises(ValueError, match=r"along z at R=.*leave dim=2 out"):
        ck.read_wannier90(small, dim=2)
    with pytest.raises(ValueError, match="dim=1; expected 3, or 2"):
        ck.read_wannier90(small, dim=1)
    edited(small, "2.0 0.0 0.0", "2.0 0.0 0.5")
    with pytest.raises(ValueError, match="first two vectors in the xy plane"):
        ck.read_wannier90(small, dim=2)


def test_failures_of_models():
    h = {(0, 0): np.eye(2)}
    with pytest.raises(ValueError, match=r"no matrix at R=\(0, 0\)"):
        ck.WannierModel(OBLIQUE, h, {})
    with pytest.raises(ValueError, match=r"shape \(2, 2\); expected \(2, n, n\)"):
        ck.WannierModel(OBLIQUE, h, {(0, 0): np.eye(2)})
    home = {(0, 0): np.zeros((2, 2, 2))}
    with pytest.raises(ValueError, match=r"position at R=\(1, 0\) has shape \(2, 3, 3\)"):
        ck.WannierModel(OBLIQUE, h, {**home, (1, 0): np.zeros((2, 3, 3))})
    with pytest.raises(ValueError, match="NaN or inf"):
        ck.WannierModel(OBLIQUE, h, {(0, 0): np.full((2, 2, 2), np.nan)})
    with pytest.raises(ValueError, match=r"off by inf .*r\(−R\) = r\(R\)†"):
        ck.WannierModel(OBLIQUE, h, {**home, (1, 0): np.ones((2, 2, 2))})
    with pytest.raises(ValueError, match="off by 2 from"):
        ck.WannierModel(OBLIQUE, h, {(0, 0): 1j * np.ones((2, 2, 2))})
    with pytest.raises(ValueError, match=r"block R=\(0, 0\) has shape \(3, 3\)"):
        ck.WannierModel(OBLIQUE, {(0, 0): np.eye(3)}, home)
    model = ck.WannierModel(OBLIQUE, h, home)
    with pytest.raises(ValueError, match="k has shape"):
        model.velocity_operator([0.1, 0.2, 0.3])
