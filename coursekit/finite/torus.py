"""Equilibrium in a magnetic field, counted on a torus: energies alone, no geometry of bands."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from coursekit.finite.field import with_flux
from coursekit.finite.occupation import plain
from coursekit.integrate import chemical
from coursekit.thermal import FERMI, GRAND
from coursekit.tight_binding import TightBinding

__all__ = ["Equilibrium", "equilibrium", "magnetic_energies"]

Floats = NDArray[np.float64]
# Numbers held at a time while spectra are summed up.
_CHUNK = 1 << 20


class Equilibrium(NamedTuple):
    """Electrons in equilibrium with a bath, per area, in natural units."""

    B: float  # the field, ħ/(e length²)
    density: Floats | float  # electrons per area, shape of (mu, kT)
    grand_potential: Floats | float  # −kT Σ ln(1 + e^{(μ−ε)/kT}) per area, shape of (mu, kT)


def equilibrium(
    model: TightBinding,
    p: int,
    q: int,
    mu: ArrayLike,
    kT: ArrayLike = 0.0,
    points: int = 4,
) -> Equilibrium:
    """Electron density and grand potential in a field of p/q flux quanta per cell.

    Nothing but energies of :func:`with_flux` goes into them: G(B) and n(B) by which bulk formulas
    of M = −∂G/∂B and of ∂n/∂B = ∂M/∂μ can be tested.

    Parameters
    ----------
    model : 2D
    p, q : as for :func:`with_flux`; q one number
    mu, kT : chemical potential and temperature, energy; arrays broadcast
    points : wave vectors along each direction of the magnetic zone, up to its repetitions

    Returns
    -------
    Equilibrium : B, density, grand_potential

    Raises
    ------
    ValueError : as :func:`with_flux`; NaN, kT < 0, points < 1

    Notes
    -----
    Memory: q² n_orb² points² numbers at most, in chunks.  Sharp Fermi edges at T = 0 make metals
    oscillate with the field: de Haas–van Alphen.

    Examples
    --------
    >>> import coursekit as ck
    >>> model = ck.models.haldane(1, 1 / 3, 0.785398, 2)
    >>> up, down = (ck.finite.equilibrium(model, p, 24, mu=-2.0, kT=0.2) for p in (1, -1))
    >>> M = -(up.grand_potential - down.grand_potential) / (up.B - down.B)
    >>> print(f"{M:.4f} {ck.orbital_magnetization(model, -2.0, 0.2):.4f}")
    0.0250 0.0250
    """
    mus, kTs, shape = chemical(mu, kT)
    energies = magnetic_energies(model, p, q, points)
    area = q * model.lattice.cell_volume
    sums = np.zeros((2, mus.size))
    per_chunk = max(1, _CHUNK // max(1, mus.size))
    for first in range(0, energies.size, per_chunk):
        e = energies.ravel()[first : first + per_chunk, None]
        sums += [FERMI(e, mus, kTs).sum(axis=0), GRAND(e, mus, kTs).sum(axis=0)]
    density, minus_grand = (sums / (len(energies) * area)).reshape(2, *shape)
    return Equilibrium(2 * np.pi * p / area, plain(density), plain(-minus_grand))


def magnetic_energies(
    model: TightBinding, p: int, q: int, points: int, shift: float = 0.5
) -> Floats:
    """Energies (n_k, q n_orb) at wave vectors that stand for the whole magnetic zone, ascending.

    A ``shift`` of 0 puts one of them at Γ.
    """
    if points < 1 or points != int(points):
        raise ValueError(f"points={points}; expected at least one wave vector")
    field = with_flux(model, p, q)
    # A magnetic translation by a₁ shifts k by p/q of b₂: the spectrum repeats q/gcd times.
    copies = math.gcd(int(p), int(q))
    x = (np.arange(points) + shift) / points
    y = (np.arange(points * copies) + shift) / (points * int(q))
    k = field.lattice.to_cartesian(np.stack(np.meshgrid(x, y, indexing="ij"), -1).reshape(-1, 2))
    energies = np.empty((len(k), field.n_orb))
    per_chunk = max(1, _CHUNK // field.n_orb**2)
    for first in range(0, len(k), per_chunk):
        where = slice(first, first + per_chunk)
        energies[where] = np.linalg.eigvalsh(field.hamiltonian(k[where]))
    return energies
