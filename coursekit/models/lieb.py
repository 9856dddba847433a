"""Lieb lattice."""

from __future__ import annotations

import numpy as np

from coursekit.models.pauli import Bond
from coursekit.tight_binding import TightBinding

__all__ = ["lieb"]


def lieb(t: float, lam: float) -> TightBinding:
    """Lieb lattice with imaginary hopping between its edge sites, square cell, a = 1.

    A at 0, B at (½, 0), C at (0, ½). ⟨B|H|C⟩ = +iλ where C − B is (−½, ½) or (½, −½), and −iλ
    where it is (½, ½) or (−½, −½).

    Parameters
    ----------
    t : hopping between nearest neighbours, energy
    lam : λ, energy; one spin of a spin–orbit hopping

    Notes
    -----
    The middle band is flat at E = 0, with C = 0. With λ = 0 all three touch at M = (π, π); λ > 0
    opens gaps of 4λ there; then C = −1, 0, +1 from below, and the opposite for λ < 0.
    C. Weeks & M. Franz, PRB 82, 085310 (2010); DOI 10.1103/PhysRevB.82.085310.

    Examples
    --------
    >>> import coursekit as ck
    >>> [ck.chern_number(ck.models.lieb(t=1.0, lam=0.3), (band,)) for band in (0, 1, 2)]
    [-1, 0, 1]
    """
    turn = 1j * lam
    bonds: list[Bond] = [
        (0, 1, (0, 0), t),
        (0, 1, (-1, 0), t),
        (0, 2, (0, 0), t),
        (0, 2, (0, -1), t),
        (1, 2, (0, 0), turn),
        (1, 2, (1, -1), turn),
        (1, 2, (1, 0), -turn),
        (1, 2, (0, -1), -turn),
    ]
    return TightBinding(np.eye(2), [[0.0, 0.0], [0.5, 0.0], [0.0, 0.5]], bonds)
