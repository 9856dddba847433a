"""Models with two bands."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from coursekit.bloch_model import BlochModel
from coursekit.tight_binding import TightBinding

__all__ = ["haldane", "massive_dirac", "qwz"]

_IDENTITY = np.eye(2)
_SIGMA_X = np.array([[0, 1], [1, 0]], dtype=complex)
_SIGMA_Y = np.array([[0, -1j], [1j, 0]])
_SIGMA_Z = np.array([[1, 0], [0, -1]], dtype=complex)


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

    Notes
    -----
    Conduction band Ω = −τv²Δ/2ε³, both bands m = −τv²Δ/2ε².
    D. Xiao, W. Yao & Q. Niu, PRL 99, 236809 (2007);
    DOI 10.1103/PhysRevLett.99.236809.
    """
    if tau not in (1, -1):
        raise ValueError(f"tau={tau!r}; expected the valley, +1 or -1")
    gradient = np.array([v * tau * _SIGMA_X, v * _SIGMA_Y])
    mass = delta * _SIGMA_Z

    def hamiltonian(k: NDArray[np.float64]) -> NDArray[np.complex128]:
        return np.asarray(np.tensordot(k, gradient, axes=1) + mass)

    def constant_gradient(k: NDArray[np.float64]) -> NDArray[np.complex128]:
        return np.broadcast_to(gradient, (*k.shape[:-1], 2, 2, 2))

    return BlochModel(hamiltonian, constant_gradient, n_orb=2)


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
    """
    # sin k = (e^{ik} − e^{−ik})/2i and cos k = (e^{ik} + e^{−ik})/2: the block of R = +1.
    common = (_SIGMA_Z + tp * _IDENTITY) / 2
    along_x = common + _SIGMA_X / 2j
    along_y = common + _SIGMA_Y / 2j
    return TightBinding.from_blocks(
        np.eye(2),
        np.zeros((2, 2)),
        {
            (0, 0): m * _SIGMA_Z,
            (1, 0): along_x,
            (-1, 0): along_x.conj().T,
            (0, 1): along_y,
            (0, -1): along_y.conj().T,
        },
    )


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
    The lower band has C = −sgn(sin φ) where \\|Δ\\| < 3√3 t₂\\|sin φ\\|, else 0.
    F. D. M. Haldane, PRL 61, 2015 (1988); DOI 10.1103/PhysRevLett.61.2015.
    """
    hop = t2 * np.exp(1j * phi)
    turns = [(1, 0), (-1, 1), (0, -1)]
    return TightBinding(
        [[1.0, 0.0], [0.5, np.sqrt(3) / 2]],
        [[0.0, 0.0], [1 / 3, 1 / 3]],
        [
            *((0, 1, R, t1) for R in [(0, 0), (-1, 0), (0, -1)]),
            *((0, 0, R, hop) for R in turns),
            *((1, 1, R, np.conj(hop)) for R in turns),
        ],
        onsite=[delta, -delta],
    )
