"""Energies, states and velocities of a model at given wave vectors."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from coursekit.bloch_model import Model, check_k, check_model

__all__ = ["Bands", "solve"]


@dataclass(frozen=True, eq=False, repr=False)
class Bands:
    """What one diagonalisation gives.

    Attributes
    ----------
    k : (..., dim) Cartesian wave vectors, 1/length
    energies : (..., n_bands) ascending, energy
    states : (..., n_orb, n_bands) cell-periodic states |uₙ⟩ as columns, in a gauge of no meaning
    velocity : (..., dim, n_bands, n_bands) ⟨uₙ|i[H, r]|u_l⟩, energy × length
        (ħ = 1): ∂H/∂k of tight-binding and continuum models
    """

    k: NDArray[np.float64]
    energies: NDArray[np.float64]
    states: NDArray[np.complex128]
    velocity: NDArray[np.complex128]

    def __repr__(self) -> str:
        return f"<Bands: {self.energies.shape[-1]} bands at k of shape {self.k.shape}>"


def solve(model: Model, k: ArrayLike) -> Bands:
    """Diagonalise H(k).

    Parameters
    ----------
    k : (..., dim) Cartesian wave vector, 1/length

    Returns
    -------
    Bands : energies, states and velocity matrix at every k

    Raises
    ------
    ValueError : k of a wrong shape or not finite

    Examples
    --------
    >>> import coursekit as ck
    >>> bands = ck.solve(ck.models.qwz(-1.0), [0.0, 0.0])
    >>> bands
    <Bands: 2 bands at k of shape (2,)>
    >>> bands.energies
    array([-1.,  1.])
    """
    check_model(model)
    k = check_k(k, model.dim)
    energies, states = np.linalg.eigh(model.hamiltonian(k))
    v = model.velocity_operator(k)
    u = states[..., None, :, :]
    velocity = u.conj().swapaxes(-1, -2) @ v @ u
    return Bands(k, energies, states, velocity)
