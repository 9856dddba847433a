"""Links between states at neighbouring k, and their products.

A link ⟨u(k)|u(k + dk)⟩ is 1 − iA·dk, so P exp(i∮A·dk) is the inverse of the product of links, each
made unitary.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from coursekit.band_groups import energy_scale
from coursekit.bloch_model import Model
from coursekit.errors import format_k

__all__ = ["closing_phases", "loop_product", "unitary"]

Floats = NDArray[np.float64]
Complexes = NDArray[np.complex128]


def closing_phases(model: Model, turns: Floats, starts: Floats, ends: Floats) -> Complexes:
    """e^{−iG·r} of every orbital, after a check that it takes H(k) to H(k + G)."""
    orbitals = getattr(model, "orbitals", np.zeros((model.n_orb, model.dim)))
    phases = np.exp(-2j * np.pi * (orbitals @ turns))
    here, there = model.hamiltonian(starts), model.hamiltonian(ends)
    turned = phases[:, None] * here * phases.conj()
    if abs(turned - there).max(initial=0.0) > 1e-6 * energy_scale(model):
        raise ValueError(
            f"H(k + G) is not H(k) with the phases of the orbitals at k={format_k(starts[0])}; "
            "expected a TightBinding, or an H(k) that is periodic itself"
        )
    return np.asarray(phases)


def loop_product(u: Complexes, phases: Complexes, abelian: bool) -> Complexes:
    """(lines, n, n) from states (lines, links, n_orb, n)."""
    end = phases[:, None] * u[:, :1]
    links = u.conj().swapaxes(-1, -2) @ np.concatenate([u[:, 1:], end], axis=1)
    if abelian:
        links = np.linalg.det(links)[..., None, None]
    links = unitary(links)
    while links.shape[1] > 1:
        if links.shape[1] % 2:
            last_two = links[:, -2:-1] @ links[:, -1:]
            links = np.concatenate([links[:, :-2], last_two], axis=1)
            continue
        links = links[:, ::2] @ links[:, 1::2]
    return np.asarray(links[:, 0].conj().swapaxes(-1, -2))


def unitary(matrices: Complexes) -> Complexes:
    """The closest unitary matrices."""
    if matrices.shape[-1] == 1:
        return np.asarray(matrices / abs(matrices))
    left, _, right = np.linalg.svd(matrices)
    return np.asarray(left @ right)
