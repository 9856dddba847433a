"""Bulk quantities read off the density matrix around a site.

x and y never act alone: P x Q is short-ranged in an insulator, so that edges far away do not
matter.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["chern_density", "magnetization_density"]

Floats = NDArray[np.float64]
Complexes = NDArray[np.complex128]


def chern_density(occupied: Complexes, positions: Floats) -> Floats:
    """−4π Im⟨i|P x Q y P|i⟩ on every site, (n_sites,), length².

    P x Q y P = P xy P − P x P y P, of which the first has a real diagonal.
    """
    x, y = (occupied.conj().T @ (r[:, None] * occupied) for r in positions.T)
    return 4 * np.pi * _diagonal(occupied, x @ y)


def magnetization_density(
    states: Complexes, energies: Floats, filled: int, positions: Floats
) -> Floats:
    """Im⟨i|P x Q (H − μ) Q y P|i⟩ − Im⟨i|Q x P (H − μ) P y Q|i⟩, (n_sites,), energy × length².

    ``energies`` are counted from μ.
    """
    occupied, empty = states[:, :filled], states[:, filled:]
    x, y = (occupied.conj().T @ (r[:, None] * empty) for r in positions.T)
    through_empty = _diagonal(occupied, (x * energies[filled:]) @ y.conj().T)
    through_occupied = _diagonal(empty, (x.conj().T * energies[:filled]) @ y)
    return through_empty - through_occupied


def _diagonal(states: Complexes, matrix: Complexes) -> Floats:
    """Im⟨i|U matrix U†|i⟩."""
    return np.asarray(((states @ matrix) * states.conj()).sum(axis=1).imag)
