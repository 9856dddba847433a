"""An altermagnet: compensated moments, spin-split bands."""

from __future__ import annotations

import numpy as np

from coursekit.models.pauli import IDENTITY, rashba_matrix, spin_bonds
from coursekit.tight_binding import TightBinding

__all__ = ["altermagnet"]


def altermagnet(J: float, td: float, t: float = 1.0, lam: float = 0.0) -> TightBinding:
    """d-wave altermagnet on a square cell of two sites, a = 1, A at 0 and B at (½, ½).

    H = −4t cos(kₓ/2) cos(k_y/2) τₓ − 2t_d(cos kₓ − cos k_y) τ_z − J τ_z σ_z + Rashba hopping,
    τ_z = +1 on A.

    Parameters
    ----------
    J : exchange with moments along +z on A and −z on B, energy
    td : t_d, what hopping along x and y differ by, the other way around on B, energy; together
        with J it splits the spins
    t : hopping −t between A and B, energy
    lam : Rashba hopping iλ(σ × d̂)_z between A and B, d = rⱼ − rᵢ

    Returns
    -------
    TightBinding : four orbitals in the order A↑, B↑, A↓, B↓, with spin

    Notes
    -----
    The moments add up to zero. The fourfold turn about (½, 0) followed by time reversal is a
    symmetry for any λ, so that σ_xy = 0 and M = 0, while Ω(−k_y, kₓ) = −Ω(kₓ, k_y). With λ = 0 the
    energies of spin s = ±1 are ±√(16t² cos²(kₓ/2) cos²(k_y/2) + (sJ + 2t_d(cos kₓ − cos k_y))²),
    equal on the lines kₓ = ±k_y and 8|t_d| apart at most, and Ω = 0.
    L. Šmejkal, J. Sinova & T. Jungwirth, PRX 12, 031042 (2022); DOI 10.1103/PhysRevX.12.031042.

    Examples
    --------
    >>> import numpy as np, coursekit as ck
    >>> model = ck.models.altermagnet(J=1.0, td=0.2)
    >>> ck.solve(model, [[np.pi, 0.0], [np.pi, np.pi]]).energies.round(6)
    array([[-1.8, -0.2,  0.2,  1.8],
           [-1. , -1. ,  1. ,  1. ]])
    """
    bonds = [
        bond
        for R, d in [((0, 0), (1, 1)), ((-1, 0), (-1, 1)), ((0, -1), (1, -1)), ((-1, -1), (-1, -1))]
        for bond in spin_bonds(0, 1, R, -t * IDENTITY + lam * rashba_matrix(d), n_sites=2)
    ]
    for R, hop in [((1, 0), -td), ((0, 1), td)]:
        bonds += spin_bonds(0, 0, R, hop * IDENTITY, n_sites=2)
        bonds += spin_bonds(1, 1, R, -hop * IDENTITY, n_sites=2)
    orbitals = np.tile([[0.0, 0.0], [0.5, 0.5]], (2, 1))
    return TightBinding(np.eye(2), orbitals, bonds, onsite=[-J, J, J, -J], spin="blocks")
