"""Electrons on the square lattice in a magnetic field."""

from __future__ import annotations

import numpy as np

from coursekit.tight_binding import TightBinding

__all__ = ["hofstadter"]


def hofstadter(p: int, q: int, t: float = 1.0) -> TightBinding:
    """Square lattice, a = 1, in a magnetic field B along +z of p/q flux quanta h/e through a cell.

    H = −t Σ c†c in the gauge A = (0, Bx) of an electron, on a magnetic cell of q × 1:
    H_cc = −2t cos(k_y + 2πpc/q) at x = c, and H_{c,c+1} = −t e^{ikₓ}, from the last c to the first
    of the next cell.

    Parameters
    ----------
    p : flux quanta through the magnetic cell, any sign
    q : cells in it, which is the number of bands
    t : hopping, energy

    Raises
    ------
    ValueError : p or q not whole numbers, q < 1

    Notes
    -----
    Below the gap over r of q bands, p and q coprime, the Chern numbers add up to the t of
    r = qs + pt, |t| ≤ q/2. For an even q the two bands in the middle touch, at E = 0.
    D. R. Hofstadter, PRB 14, 2239 (1976), DOI 10.1103/PhysRevB.14.2239; D. J. Thouless et al.,
    PRL 49, 405 (1982), DOI 10.1103/PhysRevLett.49.405.

    Examples
    --------
    >>> import coursekit as ck
    >>> [ck.chern_number(ck.models.hofstadter(p=1, q=3), (band,)) for band in (0, 1, 2)]
    [1, -2, 1]
    """
    if p != int(p) or q != int(q) or q < 1:
        raise ValueError(f"p={p}, q={q}; expected whole numbers with q >= 1")
    p, q = int(p), int(q)
    sites = range(q)
    along_x = [(c, (c + 1) % q, ((c + 1) // q, 0), -t) for c in sites]
    # The phase of a straight bond is ∫A·dl = 2πpx/q, and positive: the charge is −e.
    along_y = [(c, c, (0, 1), -t * np.exp(2j * np.pi * p * c / q)) for c in sites]
    orbitals = [[c / q, 0.0] for c in sites]
    return TightBinding([[q, 0.0], [0.0, 1.0]], orbitals, [*along_x, *along_y])
