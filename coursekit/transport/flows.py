"""Hall effects of what electrons carry: spin, orbital moment, any operator of the orbitals."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Unpack

import numpy as np
from numpy.typing import ArrayLike, NDArray

from coursekit.accumulate import Sample
from coursekit.bloch_model import Model
from coursekit.fourier import Block
from coursekit.integrand import Integrand
from coursekit.integrate import Options, zone_values
from coursekit.kubo import Currents, Keep, band_pairs, between_bands
from coursekit.response import require_plane
from coursekit.thermal import FERMI

__all__ = ["orbital_hall", "spin_hall"]

Floats = NDArray[np.float64]
Complexes = NDArray[np.complex128]


def spin_hall(
    model: Model,
    mu: ArrayLike,
    kT: ArrayLike = 0.0,
    spin: str = "z",
    **options: Unpack[Options],
) -> Floats:
    """Intrinsic spin Hall conductivity σˢ_ab, in jˢ_a = σˢ_ab E_b, of the current ½{S/ħ, v}.

    σˢ_ab = −q ∫[dk] Σ f Ωˢ_ab, with the spin current in the place of the first velocity in Ω. Where
    S is conserved, a band of Chern number C and spin s gives σˢ_xy = (e/2π) s C.

    Parameters
    ----------
    mu, kT : chemical potential and temperature, energy; arrays broadcast
    spin : "x", "y" or "z", the component that flows
    **options : mesh, method, rtol, …; see :class:`coursekit.integrate.Options`

    Returns
    -------
    shape of (mu, kT) and (dim, dim), e; in 3D e/length

    Raises
    ------
    ConvergenceError : ``rtol`` not reached
    ValueError : a model without spin or in 1D, NaN, kT < 0

    Notes
    -----
    J. Sinova et al., RMP 87, 1213 (2015); DOI 10.1103/RevModPhys.87.1213. Where spin is not
    conserved, ½{S, v} is a convention: no continuity equation belongs to it.

    Examples
    --------
    >>> import numpy as np, coursekit as ck
    >>> up = ck.models.qwz(-1.0)  # C = +1, and its time-reversed partner
    >>> zero = np.zeros((2, 2))
    >>> both = ck.TightBinding.from_blocks(np.eye(2), np.zeros((4, 2)), {
    ...     R: np.block([[t, zero], [zero, t.conj()]]) for R, t in up.blocks.items()
    ... }, spin="blocks")
    >>> sigma = ck.spin_hall(both, mu=0.0)
    >>> np.round(2 * np.pi * sigma, 6) + 0.0
    array([[ 0.,  1.],
           [-1.,  0.]])
    """
    require_plane(model)
    if model.spin is None:
        raise ValueError(
            f"{model!r} has no spin; expected one: pass spin='blocks' or 'pairs' when it is made"
        )
    if spin not in ("x", "y", "z"):
        raise ValueError(f"spin={spin!r}; expected 'x', 'y' or 'z'")
    operator = model.spin["xyz".index(spin)]
    return _flow_of_orbitals(model, operator, mu, kT, options)


def orbital_hall(
    model: Model,
    mu: ArrayLike,
    kT: ArrayLike = 0.0,
    operator: ArrayLike | None = None,
    **options: Unpack[Options],
) -> Floats:
    """Intrinsic orbital Hall conductivity σᴸ_ab, in jᴸ_a = σᴸ_ab E_b, of the current ½{L, v}.

    Parameters
    ----------
    mu, kT : chemical potential and temperature, energy; arrays broadcast
    operator : (n_orb, n_orb) what flows, of the orbitals of each cell, such as L_z/ħ of atomic
        orbitals at one place. Without it the orbital moment m_z of Bloch states,
        ⟨n|m|l⟩ = −(e/4)⟨n|r × v − v × r|l⟩, whose diagonal is :func:`coursekit.orbital_moment`.
    **options : mesh, method, rtol, …; see :class:`coursekit.integrate.Options`

    Returns
    -------
    shape of (mu, kT) and (dim, dim): the operator's unit times e, over length^(dim − 2)

    Raises
    ------
    ConvergenceError : ``rtol`` not reached
    ValueError : a 1D model, an operator that is not Hermitian, NaN, kT < 0

    Notes
    -----
    S. Bhowal & G. Vignale, PRB 103, 195309 (2021); DOI 10.1103/PhysRevB.103.195309.

    Examples
    --------
    >>> import numpy as np, coursekit as ck
    >>> graphene = ck.models.haldane(1.0, 0.0, 0.0, 0.5)  # no Hall effect: both valleys cancel
    >>> flow = ck.orbital_hall(graphene, mu=0.0)
    >>> np.round(flow, 4) + 0.0
    array([[ 0.    , -0.0341],
           [ 0.0341,  0.    ]])
    """
    require_plane(model)
    if operator is None:
        return _flow(model, Integrand((FERMI,), _flow_of_moment, unit=(4, -3)), mu, kT, options)
    matrix = np.array(operator, dtype=complex)
    if matrix.shape != (model.n_orb, model.n_orb) or not np.allclose(matrix, matrix.conj().T):
        raise ValueError(
            f"operator has shape {matrix.shape}; expected a Hermitian matrix "
            f"{(model.n_orb, model.n_orb)}"
        )
    return _flow_of_orbitals(model, matrix, mu, kT, options)


def _flow(
    model: Model, integrand: Integrand, mu: ArrayLike, kT: ArrayLike, options: Options
) -> Floats:
    values = zone_values(model, integrand, mu, kT, options)
    return values.reshape(*values.shape[:-1], model.dim, model.dim)


def _flow_of_orbitals(
    model: Model, operator: Complexes, mu: ArrayLike, kT: ArrayLike, options: Options
) -> Floats:
    # Of size 1, so that tolerances know what rounding is.
    size = float(abs(operator).max()) or 1.0
    quantity = partial(_flow_of_operator, operator=operator / size)
    return size * _flow(model, Integrand((FERMI,), quantity, unit=(2, -2)), mu, kT, options)


def _flow_of_operator(
    model: Model, block: Block, keep: Keep | None, *, operator: Complexes
) -> Sample:
    """Ωˢ_ab of the current ½{S, v_a} and v_b, (n, dim², K)."""

    def currents(
        energies: Floats, u: Complexes, velocity: Complexes, weight: Floats
    ) -> Sequence[tuple[Complexes, Complexes]]:
        return _with_velocity(between_bands(operator[None, None], u, u), velocity)

    return _summed(model, block, keep, currents)


def _flow_of_moment(model: Model, block: Block, keep: Keep | None) -> Sample:
    def currents(
        energies: Floats, u: Complexes, velocity: Complexes, weight: Floats
    ) -> Sequence[tuple[Complexes, Complexes]]:
        # Between bands r = i v/(ε_l − εₙ), and m = −¼ (r × v − v × r) along z.
        gap = energies[:, None, :] - energies[:, :, None]
        x, y = (1j * velocity[:, a] * gap * weight for a in (0, 1))
        vx, vy = velocity[:, 0], velocity[:, 1]
        moment = -(x @ vy + vy @ x - y @ vx - vx @ y) / 4
        return _with_velocity(moment[:, None], velocity)

    return _summed(model, block, keep, currents)


def _with_velocity(operator: Complexes, velocity: Complexes) -> list[tuple[Complexes, Complexes]]:
    """Pairs (½{O, v_a}, v_b) for every a, b."""
    dim = velocity.shape[1]
    flows = (operator @ velocity + velocity @ operator) / 2
    return [(flows[:, a], velocity[:, b]) for a in range(dim) for b in range(dim)]


def _summed(model: Model, block: Block, keep: Keep | None, currents: Currents) -> Sample:
    energies, omega, _, _ = band_pairs(model, block, currents)
    if keep is not None:
        omega *= np.moveaxis(keep(energies.T), -1, 0)[..., None]
    return Sample(energies.T, (np.moveaxis(omega.sum(axis=2), 0, -1),))
