"""A ferromagnet with Rashba spin–orbit coupling."""

from __future__ import annotations

import numpy as np

from coursekit.models.pauli import IDENTITY, SIGMA_X, SIGMA_Y, SIGMA_Z, with_partners
from coursekit.tight_binding import TightBinding

__all__ = ["rashba_ferromagnet"]


def rashba_ferromagnet(alpha: float, J: float, t: float = 1.0) -> TightBinding:
    """Rashba ferromagnet on the square lattice, a = 1.

    H = 2t(2 − cos kₓ − cos k_y) + α(sin kₓ σ_y − sin k_y σₓ) − Jσ_z, which near Γ is
    k²/2m + α(k × σ)_z − Jσ_z with 1/2m = t.

    Parameters
    ----------
    alpha : Rashba coupling, energy × length
    J : exchange with moments along +z, energy
    t : hopping, energy

    Returns
    -------
    TightBinding : two orbitals, up and down, with spin

    Notes
    -----
    Near Γ the lower band has Ω = −α²J/2d³ and both bands m = +α²J/2d², d = √(α²k² + J²); C = 0 for
    both. Where μ lies in the gap 2|J| of Γ, σ_xy of the continuum alone would come near
    +sgn(J)/4π; lattice and upper band change it.
    D. Culcer, A. MacDonald & Q. Niu, PRB 68, 045327 (2003); DOI 10.1103/PhysRevB.68.045327.

    Examples
    --------
    >>> import coursekit as ck
    >>> ck.berry_curvature(ck.models.rashba_ferromagnet(alpha=0.6, J=0.3), [0.0, 0.0]).round(6)
    array([-2.,  2.])
    """
    blocks = {
        (0, 0): 4 * t * IDENTITY - J * SIGMA_Z,
        (1, 0): -t * IDENTITY + alpha * SIGMA_Y / 2j,
        (0, 1): -t * IDENTITY - alpha * SIGMA_X / 2j,
    }
    return TightBinding.from_blocks(
        np.eye(2), np.zeros((2, 2)), with_partners(blocks), spin="blocks"
    )
