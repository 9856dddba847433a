"""Rice–Mele and Su–Schrieffer–Heeger chain."""

from __future__ import annotations

from coursekit.tight_binding import TightBinding

__all__ = ["rice_mele"]


def rice_mele(J: float, d: float, D: float = 0.0) -> TightBinding:
    """Chain of two sites, a = 1, A at 0 and B at ½; without D that of Su, Schrieffer and Heeger.

    ⟨A|H|B⟩ = J + d within the cell, J − d to the B on the left; energy +D on A and −D on B. In
    the gauge that is periodic in k, H = [[D, J + d + (J − d)e^{−ik}], [c.c., −D]].

    Parameters
    ----------
    J : mean hopping, energy
    d : half the difference of strong and weak hopping, energy
    D : half the difference of on-site energies

    Notes
    -----
    The gap is 2√(D² + 4d²) where |d| < |J|. Without D, the Wannier centre of the lower
    band is at ¼, in the middle of A and B, for d/J > 0, and at −¼ for d/J < 0. Around the cycle
    d = d₀ cos θ, D = D₀ sin θ, θ from 0 to 2π, it moves one cell to the right.
    M. J. Rice & E. J. Mele, PRL 49, 1455 (1982), DOI 10.1103/PhysRevLett.49.1455; W. P. Su,
    J. R. Schrieffer & A. J. Heeger, PRL 42, 1698 (1979), DOI 10.1103/PhysRevLett.42.1698.

    Examples
    --------
    >>> import coursekit as ck
    >>> ck.models.rice_mele(J=1.0, d=0.5).hamiltonian([0.0]).real
    array([[0., 2.],
           [2., 0.]])
    """
    bonds = [(0, 1, (0,), J + d), (0, 1, (-1,), J - d)]
    return TightBinding([[1.0]], [[0.0], [0.5]], bonds, onsite=[D, -D])
