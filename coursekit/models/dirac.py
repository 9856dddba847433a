"""The massive Dirac electron."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from coursekit.bloch_model import BlochModel
from coursekit.models.pauli import SIGMA_X, SIGMA_Y, SIGMA_Z

__all__ = ["massive_dirac"]


def massive_dirac(v: float, delta: float, tau: int = 1) -> BlochModel:
    """Massive Dirac electron, H = v(τ kₓσₓ + k_yσ_y) + Δσ_z.

    Parameters
    ----------
    v : velocity, energy × length
    delta : half the gap, energy; its sign matters
    tau : valley, +1 or −1

    Returns
    -------
    BlochModel : a continuum model in 2D without a lattice

    Raises
    ------
    ValueError : another valley

    Notes
    -----
    Conduction band Ω = −τv²Δ/2ε³, both bands m = −τv²Δ/2ε².
    D. Xiao, W. Yao & Q. Niu, PRL 99, 236809 (2007);
    DOI 10.1103/PhysRevLett.99.236809.

    Examples
    --------
    >>> import coursekit as ck
    >>> ck.berry_curvature(ck.models.massive_dirac(v=1.0, delta=0.5), [0.0, 0.0])
    array([ 2., -2.])
    """
    if tau not in (1, -1):
        raise ValueError(f"tau={tau!r}; expected the valley, +1 or -1")
    gradient = np.array([v * tau * SIGMA_X, v * SIGMA_Y])
    mass = delta * SIGMA_Z

    def hamiltonian(k: NDArray[np.float64]) -> NDArray[np.complex128]:
        return np.asarray(np.tensordot(k, gradient, axes=1) + mass)

    def constant_gradient(k: NDArray[np.float64]) -> NDArray[np.complex128]:
        return np.broadcast_to(gradient, (*k.shape[:-1], 2, 2, 2))

    return BlochModel(hamiltonian, constant_gradient, n_orb=2)
