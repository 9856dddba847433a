"""Kagome lattice: with a flux in its triangles, and with a non-collinear antiferromagnet."""

from __future__ import annotations

import numpy as np

from coursekit.models.pauli import (
    HEXAGONAL_CELL,
    IDENTITY,
    along,
    spin_bonds,
)
from coursekit.tight_binding import TightBinding

__all__ = ["kagome", "kagome_antiferromagnet"]

_ORBITALS = np.array([[0.0, 0.0], [0.5, 0.0], [0.0, 0.5]])
# A to B, B to C, C to A: anticlockwise in the triangle that points up and in the one below.
_ANTICLOCKWISE = [
    (0, 1, (0, 0)),
    (0, 1, (-1, 0)),
    (1, 2, (0, 0)),
    (1, 2, (1, -1)),
    (2, 0, (0, 0)),
    (2, 0, (0, 1)),
]


def kagome(flux: float, t: float = 1.0) -> TightBinding:
    """Kagome lattice with a flux φ in each triangle and −2φ in each hexagon, none on the whole.

    a₁ = (1, 0), a₂ = (½, √3/2); A at 0, B at a₁/2, C at a₂/2;
    ⟨A|H|B⟩ = ⟨B|H|C⟩ = ⟨C|H|A⟩ = t e^{iφ/3} on both kinds of triangle.

    Parameters
    ----------
    flux : φ, the phase once around a triangle, radian
    t : size of the hopping between nearest neighbours, energy

    Notes
    -----
    For t > 0 the bands have C = −1, 0, +1 from below where sin φ > 0, and +1, 0, −1 where it is
    negative. They touch where sin φ = 0; at φ = 0 the lowest one is flat, at −2t.
    K. Ohgushi, S. Murakami & N. Nagaosa, PRB 62, R6065 (2000); DOI 10.1103/PhysRevB.62.R6065.

    Examples
    --------
    >>> import coursekit as ck
    >>> [ck.chern_number(ck.models.kagome(flux=0.6), (band,)) for band in (0, 1, 2)]
    [-1, 0, 1]
    """
    hop = t * np.exp(1j * flux / 3)
    bonds = [(i, j, R, hop) for i, j, R in _ANTICLOCKWISE]
    return TightBinding(HEXAGONAL_CELL, _ORBITALS, bonds)


def kagome_antiferromagnet(
    J: float, lam: float, t: float = 1.0, angle: float = 0.0, chirality: int = 1
) -> TightBinding:
    """Electrons on a kagome plane, coupled to moments at 120° within it, such as in Mn₃Ir.

    H = t Σ c†ᵢcⱼ + iλ Σ ν c†ᵢ (n·σ) cⱼ − J Σ c†ᵢ (Sᵢ·σ) cᵢ on the lattice of :func:`kagome`.

    Parameters
    ----------
    J : exchange with the local moments, energy
    lam : spin–orbit hopping λ between nearest neighbours: ν = +1 for A to B, B to C, C to A; n is
        the unit vector in the plane, normal to the bond, that points out of the triangle that
        points up. Atoms above one kind of triangle and below the other make such an n.
    t : hopping between nearest neighbours, energy
    angle : the moments' common turn about z; where it is 0 that of C points along +y
    chirality : +1, the moments turn by 120° with the sites, at angle 0 all out of the triangle
        that points up; −1, they turn the other way, as in Mn₃Sn

    Returns
    -------
    TightBinding : six orbitals in the order A↑, B↑, C↑, A↓, B↓, C↓, with spin

    Raises
    ------
    ValueError : another chirality

    Notes
    -----
    The moments add up to zero. Inversion is kept, so that Ω(−k) = Ω(k), and angle → angle + π is
    time reversal. A Hall effect needs both J and λ: with λ = 0, time reversal followed by a half
    turn of all spins about z is a symmetry, and Ω = 0. At chirality +1 the threefold axis is kept.
    The vertical mirrors, together with time reversal, are symmetries at angle 0 and π, which
    allows σ_xy and M. At angle ±π/2 they are symmetries without it, which forbids both; even
    Ω = 0 there, as each moment is normal to the axis about which a spin has turned after a way
    around a triangle. At chirality −1 only the mirror across x is left of these, with the same
    consequences for σ_xy and M.
    For J = 1.7 and λ = 0.2 the bands have C = 1, −3, 2, 2, −3, 1 from below.
    In the manner of H. Chen, Q. Niu & A. H. MacDonald, PRL 112, 017205 (2014);
    DOI 10.1103/PhysRevLett.112.017205.

    Examples
    --------
    >>> import numpy as np, coursekit as ck
    >>> for angle in (0.0, np.pi):
    ...     model = ck.models.kagome_antiferromagnet(J=1.7, lam=0.2, angle=angle)
    ...     print(ck.chern_number(model, 1))
    1
    -1
    """
    if chirality not in (1, -1):
        raise ValueError(f"chirality={chirality!r}; expected +1 or -1")
    cell = np.array(HEXAGONAL_CELL)
    positions = _ORBITALS @ cell
    centre = positions.mean(axis=0)
    bonds = []
    for i, j, R in _ANTICLOCKWISE:
        outward = (positions[i] + positions[j]) / 2 - centre
        normal = outward / np.linalg.norm(outward)
        bonds += spin_bonds(i, j, R, t * IDENTITY + 1j * lam * along(normal), n_sites=3)
    for site, (x, y) in enumerate(positions - centre):
        # Chirality −1 turns the moments of A and B about that of C the other way.
        direction = np.pi / 2 + chirality * (np.arctan2(y, x) - np.pi / 2) + angle
        exchange = -J * along([np.cos(direction), np.sin(direction)])
        bonds.append((site, site + 3, (0, 0), exchange[0, 1]))
    return TightBinding(cell, np.tile(_ORBITALS, (2, 1)), bonds, spin="blocks")
