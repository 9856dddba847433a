"""Spectra as a function of the flux, and the integers that belong to their gaps."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from coursekit.finite.field import require_planar, with_flux
from coursekit.finite.torus import magnetic_energies
from coursekit.search import band_edges
from coursekit.tight_binding import TightBinding

__all__ = ["Butterfly", "GapLabels", "StredaLabels", "butterfly", "gap_labels", "streda_labels"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

# Wave vectors across the zone of the model without field.
_ACROSS = 24
# Gaps below this fraction of the largest energy are closed.
_CLOSED = 1e-6
# Largest matrix in which states are counted.
_MOST_STATES = 1000


@dataclass(frozen=True, eq=False, repr=False)
class Butterfly:
    """Magnetic bands at many fluxes, one entry for each band of each flux, sorted by flux.

    Attributes
    ----------
    p, q : (n,) flux p/q quanta per cell, without a common factor
    band : (n,) index of the band, 0 to q n_orb − 1
    bottom, top : (n,) lowest and highest energy of the band on the mesh
    """

    p: Ints
    q: Ints
    band: Ints
    bottom: Floats
    top: Floats

    @property
    def flux(self) -> Floats:
        """(n,) flux quanta per cell."""
        return np.asarray(self.p / self.q)

    def __repr__(self) -> str:
        return f"<Butterfly: {len(np.unique(self.flux))} fluxes, {len(self.p)} bands>"


def butterfly(model: TightBinding, q_max: int) -> Butterfly:
    """Hofstadter's butterfly: the bands at every flux p/q from 0 to 1 with q ≤ q_max.

    Parameters
    ----------
    model : 2D
    q_max : largest magnetic cell

    Returns
    -------
    Butterfly : p, q, band, bottom, top, in flat arrays

    Raises
    ------
    ValueError : not a 2D TightBinding, q_max < 1

    Notes
    -----
    Bands are as wide as they are on a mesh of at least 4 points along each direction of the zone,
    and 24 across the zone of the model without field: magnetic bands narrow quickly with q.
    About q_max²/3 fluxes; square lattice, q_max = 30: 1 s on one core.
    D. R. Hofstadter, PRB 14, 2239 (1976); DOI 10.1103/PhysRevB.14.2239.

    Examples
    --------
    >>> import coursekit as ck
    >>> hops = [(0, 0, (1, 0), -1.0), (0, 0, (0, 1), -1.0)]
    >>> square = ck.TightBinding([[1.0, 0.0], [0.0, 1.0]], [[0.0, 0.0]], hops)
    >>> spectrum = ck.finite.butterfly(square, 3)
    >>> spectrum.bottom[spectrum.flux == 0.5].round(4)
    array([-2.8284,  0.    ])
    """
    require_planar(model)
    if np.ndim(q_max) or q_max != int(q_max) or q_max < 1:
        raise ValueError(f"q_max={q_max!r}; expected a whole number of at least 1")
    fluxes = {(p, q) for q in range(1, int(q_max) + 1) for p in range(q + 1) if math.gcd(p, q) == 1}
    columns = []
    for p, q in sorted(fluxes, key=lambda flux: flux[0] / flux[1]):
        energies = magnetic_energies(model, p, q, _points(q), shift=0.0)
        n = energies.shape[1]
        columns.append(
            [np.full(n, p), np.full(n, q), np.arange(n), energies.min(axis=0), energies.max(axis=0)]
        )
    return Butterfly(*(np.concatenate(parts) for parts in zip(*columns, strict=True)))


class GapLabels(NamedTuple):
    """Solutions of r = q s + p t for the gaps above r = 1 … q − 1 bands."""

    r: Ints
    s: Ints
    t: Ints


def gap_labels(p: int, q: int) -> GapLabels:
    """Labels of the gaps of one orbital in a cell that p/q flux quanta pass through.

    Parameters
    ----------
    p, q : flux quanta per cell, without a common factor

    Returns
    -------
    GapLabels : r filled bands, s, and |t| ≤ q/2, each (q − 1,).  t = (h/e) ∂n/∂B is the sum of
        the Chern numbers of the filled bands, so that σ_xy = −t e²/h; s is the number of electrons
        per cell at zero field on the line that the gap follows.

    Raises
    ------
    ValueError : p and q with a common factor, or not whole; q < 1

    Notes
    -----
    The bound on t holds for nearest neighbours on the square lattice; other models obey
    r = q s + p t with another t, which :func:`streda_labels` counts.  For even q the gap r = q/2 is
    closed there; its label is given as t = +q/2.
    D. J. Thouless, M. Kohmoto, M. P. Nightingale & M. den Nijs, PRL 49, 405 (1982);
    DOI 10.1103/PhysRevLett.49.405.

    Examples
    --------
    >>> import coursekit as ck
    >>> ck.finite.gap_labels(1, 3).t
    array([ 1, -1])
    """
    p, q = _coprime(p, q)
    r = np.arange(1, q)
    # p t = r modulo q, brought to −q/2 < t ≤ q/2.
    t = r * pow(p, -1, q) % q if q > 1 else r
    t = np.where(2 * t > q, t - q, t)
    return GapLabels(r, (r - p * t) // q, t)


class StredaLabels(NamedTuple):
    """The open gaps at one flux, each (n_gaps,), from low to high energy."""

    r: Ints  # bands below the gap
    t: Ints  # (h/e) ∂n/∂B in the gap, the sum of the Chern numbers below
    bottom: Floats  # top of the band below
    top: Floats  # bottom of the band above


def streda_labels(model: TightBinding, p: int, q: int, min_gap: float = 0.0) -> StredaLabels:
    """Integers of the open gaps of any model in a field, by counting states.

    A gap stays open while the flux changes a little, and n below it changes by t ∂B/(h/e).

    Parameters
    ----------
    model : 2D
    p, q : flux quanta per cell, without a common factor; p = 0 with q = 1 for no field
    min_gap : smaller gaps are left out, energy

    Returns
    -------
    StredaLabels : r, t, bottom, top.  t is the sum of the Chern numbers below the gap, and
        σ_xy = −t e²/h there.

    Raises
    ------
    ValueError : a gap so small that counting does not settle in matrices of 1000 states; p and q
        with a common factor

    Notes
    -----
    One flux quantum more or less in K magnetic cells puts ±t states more below the gap than rK.  K
    doubles until both agree, the middle fifth of the gap is empty, and K/2 gave the same.
    P. Středa, J. Phys. C 15, L717 (1982); DOI 10.1088/0022-3719/15/22/005.

    Examples
    --------
    >>> import coursekit as ck
    >>> ck.finite.streda_labels(ck.models.qwz(-1.0), 0, 1).t
    array([1])
    """
    require_planar(model)
    p, q = _coprime(p, q)
    field = with_flux(model, p, q)
    edges = band_edges(field, field.lattice)
    tops = np.array([edge.energy for edge in edges[1::2]])[:-1]
    bottoms = np.array([edge.energy for edge in edges[::2]])[1:]
    opened = bottoms - tops > max(min_gap, _CLOSED * model.energy_scale)
    r = 1 + np.flatnonzero(opened)
    low, high = tops[opened], bottoms[opened]
    # A gap that is open in the new field too has no state around its middle.
    inside = np.stack([0.6 * low + 0.4 * high, 0.4 * low + 0.6 * high])
    t = np.zeros(len(r), dtype=np.int64)
    agreed = np.zeros(len(r), dtype=np.int64)
    K = max(2, -(-12 // q))
    while (agreed < 2).any() and K * q * model.n_orb <= _MOST_STATES:
        more, less = (
            (magnetic_energies(model, p * K + step, q * K, 1)[:, None, :, None] < inside[:, None])
            .sum(axis=2)
            .reshape(-1, len(r))
            - r * K
            for step in (1, -1)
        )
        settled = (more == more[0]).all(axis=0) & (less == -more[0]).all(axis=0)
        agreed = np.where(settled, np.where(more[0] == t, agreed + 1, 1), 0)
        t = more[0]
        K *= 2
    unsettled = agreed < 2
    if unsettled.any():
        first = unsettled.argmax()
        raise ValueError(
            f"the number of states below the gap above {r[first]} bands at {p}/{q} flux quanta, "
            f"{(high - low)[first]:.2g} wide, does not settle; expected wider gaps: "
            "min_gap, a smaller q, or chern_number of with_flux(model, p, q)"
        )
    return StredaLabels(r, t, low, high)


def _points(q: int) -> int:
    # An even number, so that points half a zone from Γ are there.
    return max(4, 2 * -(-_ACROSS // (2 * q)))


def _coprime(p: int, q: int) -> tuple[int, int]:
    whole = all(np.ndim(x) == 0 and x == int(x) for x in (p, q))
    if not whole or q < 1 or math.gcd(int(p), int(q)) != 1:
        raise ValueError(f"p={p!r}, q={q!r}; expected whole numbers without a common factor, q > 0")
    return int(p), int(q)
