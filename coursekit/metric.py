r"""Quantum metric and quantum geometric tensor of Bloch states.

The tensor of a band or a group P is

    Q_ab = Tr ⟨∂_a u|(1 − P)|∂_b u⟩ = Σ_nl ⟨n|∂_aH|l⟩⟨l|∂_bH|n⟩ / (εₙ − ε_l)²,

n inside and l outside.  Its symmetric part is the metric, and since Ω_ab = −2 Im ⟨∂_a u|∂_b u⟩,

    Q = g − iΩ/2.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from coursekit.band_groups import energy_scale
from coursekit.bands import Bands, solve
from coursekit.bloch_model import Model, check_k, check_model
from coursekit.errors import DegenerateBandsError, format_k
from coursekit.geometry import band_indices

__all__ = ["quantum_geometric_tensor", "quantum_metric"]

Floats = NDArray[np.float64]
Complexes = NDArray[np.complex128]

# Q loses 2 log10(scale/gap) digits: at this fraction of the energy scale few are left.
_SMALLEST_GAP = 1e-12
# Numbers held at a time in the largest temporary array.
_CHUNK = 1 << 19


def quantum_metric(model: Model, k: ArrayLike, bands: int | Sequence[int] | None = None) -> Floats:
    r"""Quantum metric g = Re Q of each band, or of a band group.

    The distance between neighbouring states is 1 − |⟨u(k)|u(k + dk)⟩|² = g_ab dk_a dk_b.

    Parameters
    ----------
    k : (..., dim) Cartesian wave vector, 1/length
    bands : indices of a group that no touching band cuts off from the rest

    Returns
    -------
    (..., n_bands, dim, dim), length²; positive, with √det g ≥ |Ω|/2 in 2D. With ``bands``, the
    group's trace, without the band axis.

    Raises
    ------
    DegenerateBandsError : a band or the group touches the rest at some k; carries k and gap
    ValueError : wrong shapes, bands that do not exist

    Notes
    -----
    J. P. Provost & G. Vallee, Commun. Math. Phys. 76, 289 (1980); DOI 10.1007/BF02193559.

    Examples
    --------
    >>> import coursekit as ck
    >>> g = ck.quantum_metric(ck.models.massive_dirac(v=1.0, delta=0.5), [1.2, 0.0], bands=0)
    >>> print(g.round(4) + 0.0)
    [[0.0219 0.    ]
     [0.     0.1479]]
    """
    return np.asarray(quantum_geometric_tensor(model, k, bands).real)


def quantum_geometric_tensor(
    model: Model, k: ArrayLike, bands: int | Sequence[int] | None = None
) -> Complexes:
    r"""Quantum geometric tensor Q = g − iΩ/2 of each band, or of a band group.

    Q_ab = ⟨∂_a u|(1 − P)|∂_b u⟩; its antisymmetric part has Ω_z = −2 Im Q_xy.

    Parameters
    ----------
    k : (..., dim) Cartesian wave vector, 1/length
    bands : indices of a group that no touching band cuts off from the rest

    Returns
    -------
    (..., n_bands, dim, dim), length²; Hermitian and positive. With ``bands``, the group's trace,
    without the band axis.

    Raises
    ------
    DegenerateBandsError : a band or the group touches the rest at some k; carries k and gap
    ValueError : wrong shapes, bands that do not exist

    Notes
    -----
    R. Resta, Eur. Phys. J. B 79, 121 (2011); DOI 10.1140/epjb/e2010-10874-4.

    Examples
    --------
    >>> import coursekit as ck
    >>> Q = ck.quantum_geometric_tensor(ck.models.massive_dirac(v=1.0, delta=0.5), [0.0, 0.0], 0)
    >>> print(Q.imag.round(4) + 0.0)  # Ω = 2
    [[ 0. -1.]
     [ 1.  0.]]
    """
    check_model(model)
    k = check_k(k, model.dim)
    group = None if bands is None else band_indices(bands, model.n_orb)
    flat = k.reshape(-1, model.dim)
    step = max(1, _CHUNK // (model.n_orb**2 * model.dim))
    scale = energy_scale(model)
    parts = [
        _tensor(solve(model, flat[first : first + step]), group, scale)
        for first in range(0, max(1, len(flat)), step)
    ]
    values = np.concatenate(parts)
    return values.reshape(*k.shape[:-1], *values.shape[1:])


def _tensor(bands: Bands, group: list[int] | None, scale: float) -> Complexes:
    n_bands = bands.energies.shape[-1]
    v = bands.velocity
    if group is None:
        groups = [[n] for n in range(n_bands)]
        return np.stack([_of_group(bands, v, inside, scale) for inside in groups], axis=1)
    return _of_group(bands, v, group, scale)


def _of_group(bands: Bands, v: Complexes, inside: list[int], scale: float) -> Complexes:
    """(K, dim, dim) of one group beside the rest."""
    outside = [n for n in range(bands.energies.shape[-1]) if n not in inside]
    gaps = bands.energies[:, inside, None] - bands.energies[:, None, outside]
    _require_gap(bands.k, gaps, inside, outside, scale)
    out = v[:, :, inside][..., outside] / gaps[:, None]
    return np.asarray(np.einsum("kanl,kbnl->kab", out, out.conj(), optimize=True))


def _require_gap(
    k: Floats, gaps: Floats, inside: list[int], outside: list[int], scale: float
) -> None:
    if gaps.size == 0:
        return
    worst = np.unravel_index(abs(gaps).argmin(), gaps.shape)
    gap = float(abs(gaps[worst]))
    if gap > _SMALLEST_GAP * scale:
        return
    where, there = k[worst[0]], outside[int(worst[2])]
    group = tuple(sorted({*inside, there}))
    raise DegenerateBandsError(
        f"bands={tuple(inside)} touches band {there} at k={format_k(where)}: gap {gap:.2g} of an "
        f"energy scale {scale:.3g}; expected bands apart; pass bands={group} for the trace over "
        "the group",
        where,
        gap,
    )
