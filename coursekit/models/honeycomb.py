"""Honeycomb lattice: gapped graphene, Haldane's and Kane and Mele's model."""

from __future__ import annotations

import numpy as np

from coursekit.models.pauli import (
    HEXAGONAL_CELL,
    IDENTITY,
    SIGMA_Z,
    rashba_matrix,
    spin_bonds,
)
from coursekit.tight_binding import TightBinding

__all__ = ["gapped_graphene", "haldane", "kane_mele"]

_ORBITALS = np.array([[0.0, 0.0], [1 / 3, 1 / 3]])
# Cells of the three B around the A of the home cell, and the way around a hexagon from A to A.
_NEIGHBOURS = [(0, 0), (-1, 0), (0, -1)]
_TURNS = [(1, 0), (-1, 1), (0, -1)]


def haldane(t1: float, t2: float, phi: float, delta: float) -> TightBinding:
    """Haldane's honeycomb model, a₁ = (1, 0), a₂ = (½, √3/2), A at 0 and B at (a₁ + a₂)/3.

    Parameters
    ----------
    t1 : hopping between nearest neighbours, energy
    t2, phi : hopping t₂e^{iφ} to next neighbours: ⟨A,0|H|A,R⟩ for R = a₁, a₂−a₁, −a₂, and its
        conjugate on B
    delta : on-site energy +Δ on A, −Δ on B

    Notes
    -----
    The lower band has C = −sgn(sin φ) where |Δ| < 3√3 t₂|sin φ|, else 0.
    F. D. M. Haldane, PRL 61, 2015 (1988); DOI 10.1103/PhysRevLett.61.2015.

    Examples
    --------
    >>> import coursekit as ck
    >>> [ck.chern_number(ck.models.haldane(1, 0.2, 1.0, delta), 1) for delta in (0.3, 2.0)]
    [-1, 0]
    """
    hop = t2 * np.exp(1j * phi)
    return TightBinding(
        HEXAGONAL_CELL,
        _ORBITALS,
        [
            *((0, 1, R, t1) for R in _NEIGHBOURS),
            *((0, 0, R, hop) for R in _TURNS),
            *((1, 1, R, np.conj(hop)) for R in _TURNS),
        ],
        onsite=[delta, -delta],
    )


def gapped_graphene(t: float, delta: float) -> TightBinding:
    """Graphene with a staggered potential: :func:`haldane` without its next neighbours.

    Parameters
    ----------
    t : hopping between nearest neighbours, energy
    delta : on-site energy +Δ on A, −Δ on B; the gap is 2|Δ|, at K = (4π/3, 0) and K′ = −K

    Notes
    -----
    C = 0, and Ω and m are opposite in the two valleys: at K the lower band has Ω = −3t²/8Δ²
    (for Δ > 0) and both bands have m = 3t²/8Δ, a Dirac electron with v = √3t/2 and τΔ → −Δ.
    D. Xiao, W. Yao & Q. Niu, PRL 99, 236809 (2007); DOI 10.1103/PhysRevLett.99.236809.

    Examples
    --------
    >>> import numpy as np, coursekit as ck
    >>> graphene = ck.models.gapped_graphene(t=1.0, delta=0.5)
    >>> ck.orbital_moment(graphene, [[4 * np.pi / 3, 0], [-4 * np.pi / 3, 0]], 0).round(6)
    array([ 0.75, -0.75])
    """
    bonds = [(0, 1, R, t) for R in _NEIGHBOURS]
    return TightBinding(HEXAGONAL_CELL, _ORBITALS, bonds, onsite=[delta, -delta])


def kane_mele(
    t: float, lambda_so: float, lambda_r: float = 0.0, lambda_v: float = 0.0
) -> TightBinding:
    """Kane and Mele's quantum spin Hall insulator on the lattice of :func:`haldane`.

    Parameters
    ----------
    t : hopping between nearest neighbours, energy
    lambda_so : spin–orbit hopping iλ σ_z to next neighbours: ⟨A,0|H|A,R⟩ for R = a₁, a₂−a₁, −a₂,
        and −iλ σ_z on B; spin up is haldane(t, λ, π/2, λ_v)
    lambda_r : Rashba hopping iλ(σ × d̂)_z between nearest neighbours, d = rⱼ − rᵢ
    lambda_v : on-site energy +λ on A, −λ on B

    Returns
    -------
    TightBinding : four orbitals in the order A↑, B↑, A↓, B↓, with spin

    Notes
    -----
    Without Rashba hopping, the two lower bands have the Z₂ number 1 for
    |λ_v| < 3√3 |λ_so|, else 0. Without λ_v it is 1 for |λ_r| < 2√3 |λ_so|; beyond
    that the bands touch.
    C. L. Kane & E. J. Mele, PRL 95, 146802 (2005); DOI 10.1103/PhysRevLett.95.146802.

    Examples
    --------
    >>> import coursekit as ck
    >>> [ck.z2_invariant(ck.models.kane_mele(1, 0.06, 0.05, v), 2) for v in (0.1, 0.4)]
    [1, 0]
    """
    spin_orbit = 1j * lambda_so * SIGMA_Z
    bonds = [
        bond
        for R in _NEIGHBOURS
        for bond in spin_bonds(
            0, 1, R, t * IDENTITY + lambda_r * rashba_matrix(_displacement(R)), n_sites=2
        )
    ]
    for R in _TURNS:
        bonds += spin_bonds(0, 0, R, spin_orbit, n_sites=2)
        bonds += spin_bonds(1, 1, R, -spin_orbit, n_sites=2)
    return TightBinding(
        HEXAGONAL_CELL,
        np.tile(_ORBITALS, (2, 1)),
        bonds,
        onsite=[lambda_v, -lambda_v] * 2,
        spin="blocks",
    )


def _displacement(R: tuple[int, int]) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """From the A of the home cell to the B of cell R, Cartesian."""
    return np.asarray((np.array(R) + _ORBITALS[1]) @ np.array(HEXAGONAL_CELL))
