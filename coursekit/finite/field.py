"""Models in a uniform magnetic field."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from coursekit.lattice import Lattice
from coursekit.tight_binding import TightBinding

__all__ = ["with_flux"]


def with_flux(model: TightBinding, p: int, q: int) -> TightBinding:
    """The model in a magnetic field of p/q flux quanta h/e through each cell.

    Parameters
    ----------
    model : 2D
    p : flux quanta through the magnetic cell, any sign; positive is B along +z
    q : cells in the magnetic cell, which is q long along a₁

    Returns
    -------
    TightBinding : q n_orb orbitals in a cell of q times the area, in the field
        B = 2πp/(q × cell area) in natural units

    Raises
    ------
    ValueError : not a 2D TightBinding, p or q not whole numbers, q < 1

    Notes
    -----
    Peierls phases of an electron, t e^{+i∫A·dl} from i to j for t = ⟨i|H|j⟩ and q = −e, with
    straight bonds; R. Peierls, Z. Phys. 80, 763 (1933), DOI 10.1007/BF01342591.
    """
    if not isinstance(model, TightBinding) or model.dim != 2:
        raise ValueError(f"model={model!r}; expected a TightBinding in 2D")
    if p != int(p) or q != int(q) or q < 1:
        raise ValueError(f"p={p}, q={q}; expected whole numbers with q >= 1")
    p, q = int(p), int(q)
    a1, a2 = model.lattice.vectors
    # Positive flux is B along +z also where a₁ × a₂ points along −z.
    flux = 2 * np.pi * p / q * np.sign(np.linalg.det(model.lattice.vectors))
    n = model.n_orb
    position = model.orbitals
    blocks: dict[tuple[int, ...], NDArray[np.complex128]] = {}
    for R, block in model.blocks.items():
        for cell in range(q):
            turn, cell_j = divmod(cell + R[0], q)
            x_i = (cell + position[:, 0])[:, None]
            y_i = position[:, 1][:, None]
            x_j = (cell + R[0] + position[:, 0])[None, :]
            y_j = (R[1] + position[:, 1])[None, :]
            # Landau gauge A = flux · x dy in reduced coordinates: the straight bond collects its
            # mean x times its dy. The last term makes the phases repeat from one magnetic cell to
            # the next: the basis there is turned by e^{−i flux q y}.
            phase = flux * ((x_i + x_j) / 2 * (y_j - y_i) - q * turn * y_j)
            target = blocks.setdefault((turn, R[1]), np.zeros((q * n, q * n), dtype=complex))
            rows, columns = slice(cell * n, cell * n + n), slice(cell_j * n, cell_j * n + n)
            target[rows, columns] += block * np.exp(1j * phase)
    orbitals = np.concatenate([(position + [cell, 0]) / [q, 1] for cell in range(q)])
    return TightBinding.from_blocks(Lattice([q * a1, a2]), orbitals, blocks)
