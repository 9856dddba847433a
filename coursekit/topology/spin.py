"""Spin Chern numbers."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from coursekit.band_groups import generic_points, occupied_bands, turning_rate
from coursekit.bloch_model import Model
from coursekit.errors import GapClosedError, format_k
from coursekit.speed import SpeedLimit, speed_limit
from coursekit.topology.certificate import Bundle, certified_cells, flux_quanta
from coursekit.topology.chern import chern_number, planar_lattice

__all__ = ["require_spin", "spin_chern_number"]

Floats = NDArray[np.float64]
Complexes = NDArray[np.complex128]


def spin_chern_number(model: Model, occupied: int) -> float:
    """Spin Chern number (C₊ − C₋)/2 of the occupied bands, certified.

    C₊ and C₋ belong to the states with positive and with negative eigenvalues of P S_z P, the spin
    projected on the occupied bands; S_z need not be conserved.

    Parameters
    ----------
    model : 2D, with ``spin``
    occupied : the number of lowest bands

    Returns
    -------
    float : a multiple of ½; a whole number where time reversal holds, whose parity is then the Z₂
        invariant

    Raises
    ------
    GapClosedError : an eigenvalue of P S_z P reaches zero, or the gap closes; carries k and gap
    ValueError : not a 2D lattice model with spin, bands that do not exist, no empty band

    Notes
    -----
    E. Prodan, PRB 80, 125327 (2009); DOI 10.1103/PhysRevB.80.125327. The spin gap closes at most as
    fast as ‖∂(P S_z P)‖ ≤ 2‖S_z‖ ‖∂P‖.

    Examples
    --------
    Two copies of Haldane's model, with opposite fluxes for spin up and down:

    >>> import numpy as np, coursekit as ck
    >>> up, down = (ck.models.haldane(1, 0.2, phi, 0.1) for phi in (np.pi / 2, -np.pi / 2))
    >>> blocks = {R: np.kron([[1, 0], [0, 0]], t) + np.kron([[0, 0], [0, 1]], down.blocks[R])
    ...           for R, t in up.blocks.items()}
    >>> both = ck.TightBinding.from_blocks(
    ...     up.lattice, np.tile(up.orbitals, (2, 1)), blocks, spin="blocks")
    >>> ck.spin_chern_number(both, 2)
    -1.0
    """
    lattice = planar_lattice(model)
    spin = require_spin(model)
    group = occupied_bands(occupied, model.n_orb)
    if group != list(range(len(group))) or len(group) == model.n_orb:
        raise ValueError(
            f"occupied={occupied!r}; expected a number of lowest bands below {model.n_orb}"
        )
    total = chern_number(model, len(group))
    bundle = _upper_bundle(model, spin[2], len(group), speed_limit(model))
    upper = flux_quanta(bundle, lattice, certified_cells(bundle, lattice))
    return upper - total / 2


def require_spin(model: Model) -> Complexes:
    """The model's spin matrices, or a ValueError."""
    if model.spin is None:
        raise ValueError(
            f"{model!r} has no spin; expected one: pass spin='blocks' or 'pairs' to it"
        )
    return model.spin


def _upper_bundle(model: Model, s_z: Complexes, n_occupied: int, speed: SpeedLimit) -> Bundle:
    """The states with positive P S_z P."""
    largest = float(np.linalg.norm(s_z, 2))

    def solved(k: Floats) -> tuple[Floats, Complexes, Floats, Complexes]:
        energies, u = np.linalg.eigh(model.hamiltonian(k))
        u = u[..., :n_occupied]
        spins, mixing = np.linalg.eigh(u.conj().swapaxes(-1, -2) @ s_z @ u)
        gaps = energies[..., n_occupied] - energies[..., n_occupied - 1]
        return gaps, u, spins, mixing

    # How many are positive cannot change where none reaches zero.
    n_down = int((solved(generic_points(model)[0])[2] < 0).sum())
    rank = max(1, min(n_occupied - n_down, model.n_orb - n_occupied + n_down))

    def measure(k: Floats, radius: Floats | float) -> tuple[Floats, Floats]:
        gaps, _, spins, _ = solved(k)
        # Either sign of P S_z P is apart from the empty states, where it is zero.
        signed = np.where(np.arange(n_occupied) < n_down, -spins, spins)
        spin_gaps = np.maximum(signed.min(axis=-1), 0)
        bound = speed.within(k, radius)
        spin_speed = 2 * largest * turning_rate(gaps - 2 * bound * radius, bound, 1)
        certain = np.isfinite(spin_speed)
        spin_speed = np.where(certain, spin_speed, 0.0)
        rate = np.sqrt(rank) * spin_speed / np.maximum(spin_gaps - spin_speed * radius, 1e-300)
        kappa = np.where(certain & (spin_gaps > spin_speed * radius), rate, np.inf)
        return spin_gaps, kappa

    def frames(k: Floats) -> Complexes:
        _, u, _, mixing = solved(k)
        return np.asarray(u @ mixing[..., n_down:])

    return Bundle(measure, frames, largest, _spin_gap_closed)


def _spin_gap_closed(k: Floats, gap: float) -> GapClosedError:
    return GapClosedError(
        f"the spin gap closes at k={format_k(k)}: P S_z P has an eigenvalue {gap:.2g}; expected "
        "spins up and down that stay apart; no spin Chern number belongs to these bands, with time "
        "reversal use z2_invariant",
        k,
        gap,
    )
