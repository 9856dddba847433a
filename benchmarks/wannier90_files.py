"""Input for Wannier90's postw90.x, made from a _tb.dat file.

postw90.x starts from matrices on the mesh of the first-principles calculation: energies, overlaps
between neighbouring points, and the rotation to Wannier functions.  A _tb.dat file is their Fourier
transform, so they can be had back: H(q) gives energies and rotation, and overlaps are chosen such
that the finite differences of postw90.x, Aₐ = i Σ_b w_b bₐ (M − 1), return the file's A(q).
"""

from __future__ import annotations

from itertools import product
from pathlib import Path

import numpy as np


def read_tb(path):
    """Lattice (3, 3) in Å, R (N, 3), their degeneracies, H (N, n, n), r (N, n, n, 3)."""
    words = iter(Path(path).read_text().split("\n", 1)[1].split())

    def take(count, kind):
        return np.array([next(words) for _ in range(count)], dtype=kind)

    lattice = take(9, float).reshape(3, 3)
    n, n_r = take(2, int)
    degeneracy = take(n_r, int)

    def matrices(components):
        R = np.empty((n_r, 3), dtype=int)
        out = np.empty((n_r, n, n, components), dtype=complex)
        for index in range(n_r):
            R[index] = take(3, int)
            rows = take(n * n * (2 + 2 * components), float).reshape(n, n, -1)
            # The first orbital index runs fastest.
            out[index] = (rows[..., 2::2] + 1j * rows[..., 3::2]).swapaxes(0, 1)
        return R, out

    R, hamiltonian = matrices(1)
    _, position = matrices(3)
    return lattice, R, degeneracy, hamiltonian[..., 0], position


def write_postw90(tb, folder, mesh, shell, fermi_energy, berry_mesh):
    """Write Fe.win, Fe.eig, Fe.mmn and Fe.chk into ``folder``.

    Parameters
    ----------
    mesh : the mesh (n₁, n₂, n₃) of the first-principles calculation
    shell : the number of nearest neighbours of a mesh point; one shell must do
    """
    lattice, R, degeneracy, hamiltonian, position = read_tb(tb)
    n = hamiltonian.shape[-1]
    reciprocal = 2 * np.pi * np.linalg.inv(lattice).T
    q = np.array([np.array(i) / mesh for i in product(*map(range, mesh))])
    phases = np.exp(2j * np.pi * q @ R.T) / degeneracy
    h = np.einsum("qr,rij->qij", phases, hamiltonian)
    a = np.einsum("qr,rijc->qijc", phases, position)
    # postw90.x takes the Hermitian part; here it must be so from the beginning.
    h, a = (h + h.conj().swapaxes(1, 2)) / 2, (a + a.conj().swapaxes(1, 2)) / 2
    energies, states = np.linalg.eigh(h)
    rotation = states.conj().swapaxes(1, 2)

    near = np.array(list(product(range(-2, 3), repeat=3)))
    near = near[near.any(axis=1)]
    length = np.linalg.norm(near / mesh @ reciprocal, axis=1)
    near = near[np.argsort(length, kind="stable")[:shell]]
    overlaps = []
    for here in range(len(q)):
        for step in near:
            target = q[here] + step / mesh
            G = np.floor(target + 1e-9).astype(int)
            there = int(np.flatnonzero((abs(q - (target - G)) < 1e-9).all(axis=1))[0])
            b = step / mesh @ reciprocal
            along = a[here] @ b
            overlap = np.eye(n) - 1j * along
            # On the diagonal postw90.x takes the phase of M.
            np.fill_diagonal(overlap, np.exp(-1j * np.diagonal(along).real))
            overlap = rotation[here] @ overlap @ rotation[there].conj().T
            overlaps.append((here + 1, there + 1, G, overlap))

    folder = Path(folder)
    with open(folder / "Fe.eig", "w") as file:
        for point, levels in enumerate(energies, start=1):
            for band, energy in enumerate(levels, start=1):
                file.write(f"{band:6d}{point:6d} {energy:.15e}\n")
    with open(folder / "Fe.mmn", "w") as file:
        file.write(f"overlaps made from a _tb.dat file\n{n} {len(q)} {shell}\n")
        for here, there, G, overlap in overlaps:
            file.write(f"{here} {there} {G[0]} {G[1]} {G[2]}\n")
            for value in overlap.T.ravel():  # the first index runs fastest
                file.write(f"{value.real:.15e} {value.imag:.15e}\n")
    with open(folder / "Fe.chk", "wb") as file:
        for record in _checkpoint(n, lattice, reciprocal, mesh, q, shell, rotation, a, R, position):
            size = np.int32(len(record)).tobytes()
            file.write(size + record + size)
    (folder / "Fe.win").write_text(_input(n, lattice, mesh, q, fermi_energy, berry_mesh))


def _checkpoint(n, lattice, reciprocal, mesh, q, shell, rotation, a, R, position):
    """The records of a .chk file, Fortran order."""

    def integers(*values):
        return np.array(values, dtype=np.int32).tobytes()

    home = int(np.flatnonzero((R == 0).all(axis=1))[0])
    centres = np.diagonal(position[home], axis1=0, axis2=1).real.T  # (n, 3)
    yield b"made from a _tb.dat file".ljust(33)
    yield integers(n)
    yield integers(0)
    yield b""
    yield np.asfortranarray(lattice).tobytes(order="F")
    yield np.asfortranarray(reciprocal).tobytes(order="F")
    yield integers(len(q))
    yield integers(*mesh)
    yield np.ascontiguousarray(q).tobytes()
    yield integers(shell)
    yield integers(n)
    yield b"postwann".ljust(20)
    yield integers(0)  # no disentanglement
    yield np.ascontiguousarray(rotation.swapaxes(1, 2)).tobytes()
    yield np.zeros(n * n * shell * len(q), dtype=complex).tobytes()
    yield np.ascontiguousarray(centres).tobytes()
    yield np.ones(n).tobytes()


def _input(n, lattice, mesh, q, fermi_energy, berry_mesh):
    def rows(values):
        return "\n".join(" ".join(f"{x:.16f}" for x in row) for row in values)

    return f"""num_wann = {n}
num_bands = {n}
num_iter = 0
spinors = true
use_ws_distance = false
begin unit_cell_cart
ang
{rows(lattice)}
end unit_cell_cart
begin atoms_frac
Fe 0 0 0
end atoms_frac
mp_grid = {mesh[0]} {mesh[1]} {mesh[2]}
begin kpoints
{rows(q)}
end kpoints
fermi_energy = {fermi_energy}
berry = true
berry_task = ahc
berry_kmesh = {berry_mesh} {berry_mesh} {berry_mesh}
"""
