"""Checkerboard lattice with a nearly flat Chern band."""

from __future__ import annotations

import numpy as np

from coursekit.models.pauli import Bond
from coursekit.tight_binding import TightBinding

__all__ = ["checkerboard"]


def checkerboard(
    t: float = 1.0,
    phi: float = np.pi / 4,
    t1: float = 1 / (2 + np.sqrt(2)),
    t2: float = -1 / (2 + np.sqrt(2)),
    tpp: float = 1 / (2 + 2 * np.sqrt(2)),
) -> TightBinding:
    """Checkerboard lattice with staggered flux, a = 1; as given, with a nearly flat Chern band.

    A at 0, B at (½, ½). ⟨A|H|B⟩ = te^{iφ} where B − A is ±(½, ½), te^{−iφ} where it is ±(½, −½).

    Parameters
    ----------
    t, phi : size and phase of the hopping between nearest neighbours
    t1, t2 : hopping to next neighbours: t₁ along x and t₂ along y on A, the other way on B
    tpp : t″, hopping along the diagonals of the cell, on both

    Notes
    -----
    As given, the lower band has C = +1 (−1 for φ < 0). It lies between −2.088 and −2, and the gap
    above it is 2.343, so that its flatness, the ratio of gap to width, is 26.7.
    K. Sun, Z. Gu, H. Katsura & S. Das Sarma, PRL 106, 236803 (2011);
    DOI 10.1103/PhysRevLett.106.236803.

    Examples
    --------
    >>> import numpy as np, coursekit as ck
    >>> model = ck.models.checkerboard()
    >>> ck.chern_number(model, 1)
    1
    >>> energies = ck.solve(model, ck.uniform_mesh(model.lattice, 32)).energies
    >>> np.ptp(energies, axis=(0, 1)).round(3)
    array([0.088, 3.314])
    """
    hop = t * np.exp(1j * phi)
    along_x, along_y, diagonals = (1, 0), (0, 1), [(1, 1), (1, -1)]
    bonds: list[Bond] = [
        *((0, 1, R, hop) for R in [(0, 0), (-1, -1)]),
        *((0, 1, R, np.conj(hop)) for R in [(0, -1), (-1, 0)]),
        (0, 0, along_x, t1),
        (0, 0, along_y, t2),
        (1, 1, along_x, t2),
        (1, 1, along_y, t1),
        *((site, site, R, tpp) for site in (0, 1) for R in diagonals),
    ]
    return TightBinding(np.eye(2), [[0.0, 0.0], [0.5, 0.5]], bonds)
