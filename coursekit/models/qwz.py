"""Chern and spin Hall insulators on the square lattice: Qi–Wu–Zhang and Bernevig–Hughes–Zhang."""

from __future__ import annotations

import numpy as np

from coursekit.models.pauli import IDENTITY, SIGMA_X, SIGMA_Y, SIGMA_Z, with_partners
from coursekit.tight_binding import TightBinding

__all__ = ["bhz", "qwz"]


def qwz(m: float, tp: float = 0.0) -> TightBinding:
    """Qi–Wu–Zhang model of a Chern insulator on the square lattice, a = 1.

    H = sin kₓ σₓ + sin k_y σ_y + (m + cos kₓ + cos k_y) σ_z + t′(cos kₓ + cos k_y).

    Parameters
    ----------
    m : mass, energy; the lower band has C = +1 for −2 < m < 0, −1 for 0 < m < 2, else 0
    tp : t′, a dispersion common to both bands, which breaks particle–hole symmetry

    Notes
    -----
    X.-L. Qi, Y.-S. Wu & S.-C. Zhang, PRB 74, 085308 (2006); DOI 10.1103/PhysRevB.74.085308.

    Examples
    --------
    >>> import coursekit as ck
    >>> [ck.chern_number(ck.models.qwz(m), 1) for m in (-3, -1, 1, 3)]
    [0, 1, -1, 0]
    """
    # sin k = (e^{ik} − e^{−ik})/2i and cos k = (e^{ik} + e^{−ik})/2: the block of R = +1.
    common = (SIGMA_Z + tp * IDENTITY) / 2
    blocks = {
        (0, 0): m * SIGMA_Z,
        (1, 0): common + SIGMA_X / 2j,
        (0, 1): common + SIGMA_Y / 2j,
    }
    return TightBinding.from_blocks(np.eye(2), np.zeros((2, 2)), with_partners(blocks))


def bhz(M: float, A: float = 1.0, B: float = 1.0, C: float = 0.0, D: float = 0.0) -> TightBinding:
    """Bernevig–Hughes–Zhang model of a quantum spin Hall insulator, square lattice, a = 1.

    Spin up: h(k) = C − 2D(2 − cos kₓ − cos k_y) + A(sin kₓ σₓ − sin k_y σ_y)
    + [M − 2B(2 − cos kₓ − cos k_y)] σ_z; spin down: h(−k)*.

    Parameters
    ----------
    M : half the gap at Γ, energy; with D = 0 the two lower bands are a topological insulator, of
        Z₂ number 1, where 0 < M/B < 8 and M ≠ 4B
    A : mixing of the electron with the hole band, energy × length
    B, D : curvature of σ_z and of the trace, energy × length²; an indirect gap needs |D| small
        beside |B|
    C : origin of energy

    Returns
    -------
    TightBinding : four orbitals in the order E↑, H↑, E↓, H↓, with the spin that labels the two
        Kramers partners

    Notes
    -----
    The lower spin-up band has C = −1 for 0 < M/B < 4, +1 for 4 < M/B < 8, else 0; spin down has
    the opposite.
    B. A. Bernevig, T. L. Hughes & S.-C. Zhang, Science 314, 1757 (2006);
    DOI 10.1126/science.1133734.

    Examples
    --------
    >>> import coursekit as ck
    >>> [ck.z2_invariant(ck.models.bhz(M), 2) for M in (-1.0, 1.0, 5.0, 9.0)]
    [0, 1, 1, 0]
    """
    common = D * IDENTITY + B * SIGMA_Z
    up = {
        (0, 0): (C - 4 * D) * IDENTITY + (M - 4 * B) * SIGMA_Z,
        (1, 0): common + A * SIGMA_X / 2j,
        (0, 1): common - A * SIGMA_Y / 2j,
    }
    # h(−k)* takes each block to its complex conjugate.
    blocks = {
        R: np.kron(np.diag([1, 0]), block) + np.kron(np.diag([0, 1]), block.conj())
        for R, block in up.items()
    }
    return TightBinding.from_blocks(
        np.eye(2), np.zeros((4, 2)), with_partners(blocks), spin="blocks"
    )
