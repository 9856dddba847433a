"""Links between states at neighbouring k, and their products.

A link ⟨u(k)|u(k + dk)⟩ is 1 − iA·dk, so P exp(i∮A·dk) is the inverse of the product of links, each
made unitary.  Wannier functions have a connection of their own between them, which comes in as
1 − iA·dk in the middle of a link.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from coursekit.band_groups import energy_scale
from coursekit.bloch_model import Model
from coursekit.errors import format_k
from coursekit.tight_binding import TightBinding
from coursekit.wannier90.model import WannierModel

__all__ = ["closing_phases", "loop_product", "unitary", "wannier_connection"]

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


def loop_product(
    u: Complexes, phases: Complexes, abelian: bool, between: Complexes | None = None
) -> Complexes:
    """(lines, n, n) from states (lines, links, n_orb, n).

    ``between`` (lines, links, n_orb, n_orb) stands in the middle of the links.
    """
    following = np.concatenate([u[:, 1:], phases[:, None] * u[:, :1]], axis=1)
    if between is not None:
        following = between @ following
    links = u.conj().swapaxes(-1, -2) @ following
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


def wannier_connection(model: Model) -> Callable[[Floats, Floats], Complexes] | None:
    """Middle of a link, 1 − iA·dk from k (..., dim) and dk (..., dim); None where A is zero."""
    if not isinstance(model, WannierModel):
        return None
    components = []
    home = (0,) * model.dim
    for a in range(model.dim):
        blocks = {R: r[a] for R, r in model.position.items()}
        blocks[home] = blocks[home] - np.diag(model.centers[:, a])
        # A(k) is the sum over R that makes an H(k) of the hoppings.
        components.append(TightBinding.from_blocks(model.lattice, model.orbitals, blocks))

    def between(k: Floats, dk: Floats) -> Complexes:
        terms = [dk[..., a, None, None] * A.hamiltonian(k) for a, A in enumerate(components)]
        return np.asarray(np.eye(model.n_orb) - 1j * sum(terms))

    return between


def unitary(matrices: Complexes) -> Complexes:
    """The closest unitary matrices."""
    if matrices.shape[-1] == 1:
        return np.asarray(matrices / abs(matrices))
    left, _, right = np.linalg.svd(matrices)
    return np.asarray(left @ right)
