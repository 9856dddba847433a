"""Models in a uniform magnetic field."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from coursekit.lattice import Lattice
from coursekit.tight_binding import TightBinding

__all__ = ["repeated_spin", "require_planar", "with_flux"]


def with_flux(model: TightBinding, p: int, q: int | Sequence[int]) -> TightBinding:
    """The model in a magnetic field of p flux quanta h/e in q cells.

    Parameters
    ----------
    model : 2D
    p : flux quanta through the magnetic cell, any sign; positive is B along +z
    q : cells in the magnetic cell, which is q long along a₁; or (q₁, q₂), the cells along a₁ and
        a₂, q = q₁q₂.  H(k = 0) is then a torus of q₁ × q₂ cells that p flux quanta pass through.

    Returns
    -------
    TightBinding : q n_orb orbitals in a cell of q times the area, in the field
        B = 2πp/(q × cell area) in natural units; spins come along, without a Zeeman energy

    Raises
    ------
    ValueError : not a 2D TightBinding, p or q not whole numbers, q < 1

    Notes
    -----
    Peierls phases of an electron, t e^{+i∫A·dl} from i to j for t = ⟨i|H|j⟩ and q = −e, with
    straight bonds; R. Peierls, Z. Phys. 80, 763 (1933), DOI 10.1007/BF01342591.

    Examples
    --------
    One flux quantum through a torus of 31 cells puts 31 + C = 32 states below the gap.

    >>> import numpy as np, coursekit as ck
    >>> torus = ck.finite.with_flux(ck.models.qwz(-1.0), 1, 31)
    >>> int((np.linalg.eigvalsh(torus.hamiltonian([0.0, 0.0])) < 0).sum())
    32
    """
    require_planar(model)
    sizes = np.atleast_1d(q)
    whole = all(np.ndim(x) == 0 and x == int(x) for x in (p, *sizes.ravel()))
    if not whole or sizes.size > 2 or sizes.ndim > 1 or (sizes < 1).any():
        raise ValueError(f"p={p}, q={q}; expected whole numbers with q >= 1, or a pair of them")
    q1, q2 = (int(x) for x in (*sizes, 1)[:2])
    a1, a2 = model.lattice.vectors
    # Positive flux is B along +z also where a₁ × a₂ points along −z.
    flux = 2 * np.pi * int(p) / (q1 * q2) * np.sign(np.linalg.det(model.lattice.vectors))
    n = model.n_orb
    cells = np.stack(np.meshgrid(range(q1), range(q2), indexing="ij"), axis=-1).reshape(-1, 2)
    start = cells[:, None, :] + model.orbitals
    blocks: dict[tuple[int, ...], NDArray[np.complex128]] = {}
    for R, block in model.blocks.items():
        turns, inside = np.divmod(cells + R, [q1, q2])
        x_i, y_i = np.moveaxis(start[:, :, None, :], -1, 0)
        x_j, y_j = np.moveaxis((start + R)[:, None, :, :], -1, 0)
        # Landau gauge A = flux · x dy in reduced coordinates: the straight bond collects its mean
        # x times its dy.  The last term makes the phases repeat from one magnetic cell to the next:
        # the basis there is turned by e^{−i flux q₁ y}; along a₂ whole flux quanta do the same.
        phase = flux * ((x_i + x_j) / 2 * (y_j - y_i) - q1 * turns[:, 0, None, None] * y_j)
        hops = block * np.exp(1j * phase)
        targets = inside @ [q2, 1]
        for turn in np.unique(turns, axis=0):
            new = np.zeros((len(cells), n, len(cells), n), dtype=complex)
            here = (turns == turn).all(axis=1)
            new[here, :, targets[here], :] = hops[here]
            key = (int(turn[0]), int(turn[1]))
            blocks[key] = blocks.get(key, 0) + new.reshape(len(cells) * n, -1)
    orbitals = (start / [q1, q2]).reshape(-1, 2)
    spin = repeated_spin(model, len(cells))
    return TightBinding.from_blocks(Lattice([q1 * a1, q2 * a2]), orbitals, blocks, spin)


def repeated_spin(model: TightBinding, cells: int) -> NDArray[np.complex128] | None:
    """The spin matrices of a model in a larger cell, whose orbitals stand cell by cell."""
    if model.spin is None:
        return None
    return np.array([np.kron(np.eye(cells), matrix) for matrix in model.spin])


def require_planar(model: object) -> None:
    """Raise a ValueError where ``model`` is not a 2D TightBinding."""
    if not isinstance(model, TightBinding) or model.dim != 2:
        raise ValueError(f"model={model!r}; expected a TightBinding in 2D")
