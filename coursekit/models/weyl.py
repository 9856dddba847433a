"""A Weyl semimetal."""

from __future__ import annotations

import numpy as np

from coursekit.models.pauli import SIGMA_X, SIGMA_Y, SIGMA_Z, with_partners
from coursekit.tight_binding import TightBinding

__all__ = ["weyl"]


def weyl(k0: float, m: float = 1.0) -> TightBinding:
    """Weyl semimetal without time reversal on the simple cubic lattice, a = 1.

    H = sin kₓ σₓ + sin k_y σ_y + [cos k_z − cos k₀ − m(2 − cos kₓ − cos k_y)] σ_z.

    Parameters
    ----------
    k0 : the nodes are at (0, 0, ±k₀), 1/length, 0 < k₀ < π
    m : keeps the rest of the zone gapped, energy; there are no more nodes where
        m > (1 − cos k₀)/2, as for the m = 1 given here

    Notes
    -----
    Each plane of fixed k_z is a :func:`qwz` model, whose lower band has C = +1 between the nodes,
    else 0. So the flux of the lower band's Ω out of the node at ±k₀ is ∓2π, and with μ at the
    nodes, E = 0, σ_xy = −2k₀/(2π)².
    K.-Y. Yang, Y.-M. Lu & Y. Ran, PRB 84, 075129 (2011); DOI 10.1103/PhysRevB.84.075129.

    Examples
    --------
    >>> import coursekit as ck
    >>> model = ck.models.weyl(k0=1.0)
    >>> [ck.chern_number(ck.slice_model(model, 2, kz), 1) for kz in (0.0, 0.1, 0.2, 0.5)]
    [1, 1, 0, 0]
    """
    blocks = {
        (0, 0, 0): -(np.cos(k0) + 2 * m) * SIGMA_Z,
        (1, 0, 0): m * SIGMA_Z / 2 + SIGMA_X / 2j,
        (0, 1, 0): m * SIGMA_Z / 2 + SIGMA_Y / 2j,
        (0, 0, 1): SIGMA_Z / 2,
    }
    return TightBinding.from_blocks(np.eye(3), np.zeros((2, 3)), with_partners(blocks))
