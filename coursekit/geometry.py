"""Geometry of Bloch states at given k: Berry curvature and orbital moment."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from coursekit.bloch_model import Model, check_k, check_model
from coursekit.errors import DegenerateBandsError, format_k
from coursekit.fourier import Block, blocks_of
from coursekit.kubo import (
    PLANES,
    band_pairs,
    has_closed_form,
    points_at_a_time,
    smallest_gap,
    two_bands,
)
from coursekit.parallel import in_pieces

__all__ = ["band_indices", "berry_curvature", "orbital_moment"]

Floats = NDArray[np.float64]


def berry_curvature(
    model: Model,
    k: ArrayLike,
    bands: int | Sequence[int] | None = None,
    *,
    progress: bool = True,
) -> Floats:
    r"""Berry curvature Ω = curl A, A = i⟨u|∇u⟩, of each band or of a band group.

    Parameters
    ----------
    k : (..., dim) Cartesian wave vector, 1/length, dim 2 or 3
    bands : indices of a group that no touching band cuts off from the rest
    progress : show a bar where it takes more than two seconds

    Returns
    -------
    (..., n_bands) in 2D, the z component; (..., n_bands, 3) in 3D; length². With ``bands``, the
    group's trace, without the band axis.

    Raises
    ------
    DegenerateBandsError : a band or the group touches the rest at some k; carries k and gap
    ValueError : wrong shapes, bands that do not exist, a 1D model

    Notes
    -----
    D. Xiao, M.-C. Chang & Q. Niu, RMP 82, 1959 (2010), Eq. (1.13); DOI 10.1103/RevModPhys.82.1959.

    Examples
    --------
    >>> import coursekit as ck
    >>> ck.berry_curvature(ck.models.massive_dirac(v=1.0, delta=0.5), [0.0, 0.0])
    array([ 2., -2.])
    """
    return _of_bands(model, k, bands, False, progress)


def orbital_moment(
    model: Model,
    k: ArrayLike,
    bands: int | Sequence[int] | None = None,
    *,
    progress: bool = True,
) -> Floats:
    r"""Orbital magnetic moment of each band or of a band group, for electrons.

    m = +(e/ħ) Im⟨∂ₓu|(H − ε)|∂_yu⟩: positive for a wavepacket whose self-rotation makes a moment
    along +z; its energy in a field is −m·B.

    Parameters
    ----------
    k : (..., dim) Cartesian wave vector, 1/length, dim 2 or 3
    bands : indices of a group that no touching band cuts off from the rest
    progress : show a bar where it takes more than two seconds

    Returns
    -------
    (..., n_bands) in 2D, the z component; (..., n_bands, 3) in 3D; (e/ħ) energy × length². With
    ``bands``, the group's trace, without the band axis.

    Raises
    ------
    DegenerateBandsError : a band or the group touches the rest at some k; carries k and gap
    ValueError : wrong shapes, bands that do not exist, a 1D model

    Notes
    -----
    M.-C. Chang & Q. Niu, PRB 53, 7010 (1996); DOI 10.1103/PhysRevB.53.7010. Printed forms with
    −(e/2ħ) hold for a charge +e.

    Examples
    --------
    >>> import coursekit as ck
    >>> ck.orbital_moment(ck.models.massive_dirac(v=1.0, delta=0.5), [0.0, 0.0])
    array([-1., -1.])
    """
    return _of_bands(model, k, bands, True, progress)


def _of_bands(
    model: Model,
    k: ArrayLike,
    bands: int | Sequence[int] | None,
    moments: bool,
    progress: bool,
) -> Floats:
    """Curvatures or moments, in blocks of k that bound memory; in 2D without a component axis."""
    check_model(model)
    planes = PLANES[model.dim]
    if not planes:
        raise ValueError(
            f"the model has {model.dim} dimension; expected 2 or 3: curvature needs a plane"
        )
    k = check_k(k, model.dim)
    group = None if bands is None else band_indices(bands, model.n_orb)
    n = model.n_orb if group is None else 1
    values = np.empty((int(np.prod(k.shape[:-1])), n, len(planes)))

    def fill(piece: tuple[slice, Block]) -> None:
        where, block = piece
        if has_closed_form(model):
            _two_band_values(model, block, group, moments, values[where])
        else:
            values[where] = _many_band_values(model, block, group, moments)

    for _ in in_pieces(fill, blocks_of(k, points_at_a_time(model)), progress=progress):
        pass
    shape = k.shape[:-1] + (() if group is not None else (n,))
    return values.reshape(shape if len(planes) == 1 else (*shape, len(planes)))


def _two_band_values(
    model: Model, block: Block, group: list[int] | None, moments: bool, out: Floats
) -> None:
    """Fill (K, n, c) with the closed form."""
    middle, size, lower = two_bands(model, block)
    if group is not None and len(group) == 2:
        out[:] = 0
        return
    largest = float(abs(middle).max(initial=0.0) + size.max(initial=0.0))
    if 2 * size.min(initial=np.inf) <= smallest_gap(model, largest):
        energies = np.stack([middle - size, middle + size], axis=-1)
        inside, outside = (group, [1 - group[0]]) if group else ([0], [1])
        _require_gap(model, block, energies, inside, outside, group)
    if moments:
        lower *= -size
    upper = lower if moments else -lower
    for n, band in enumerate(group or [0, 1]):
        out[:, n] = (lower, upper)[band].T


def _many_band_values(model: Model, block: Block, group: list[int] | None, moments: bool) -> Floats:
    """(K, n, c) of the bands, or (K, 1, c) of a group beside the rest, by sums over states."""
    between = None
    if group is not None:
        between = group, [n for n in range(model.n_orb) if n not in group]
    energies, omega, external, _ = band_pairs(model, block, between=between)
    if between is None:
        for lower in range(model.n_orb - 1):
            _require_gap(model, block, energies, [lower], [lower + 1], None)
        inside = outside = list(range(model.n_orb))
    else:
        inside, outside = between
        _require_gap(model, block, energies, inside, outside, group)
    if moments:
        omega *= (energies[:, inside, None, None] - energies[:, None, outside, None]) / 2
    values: Floats = omega.sum(axis=2)
    if external is not None and not moments:
        values += external
    return values if between is None else np.asarray(values.sum(axis=1, keepdims=True))


def band_indices(bands: int | Sequence[int], n_bands: int, name: str = "bands") -> list[int]:
    """The group as distinct indices, or a ValueError."""
    indices = np.atleast_1d(np.asarray(bands))
    if (
        indices.ndim != 1
        or indices.size == 0
        or indices.dtype.kind not in "iu"
        or indices.min() < 0
        or indices.max() >= n_bands
        or len(set(indices.tolist())) < len(indices)
    ):
        raise ValueError(
            f"{name}={bands!r}; expected distinct band indices from 0 to {n_bands - 1}, as in "
            f"{name}=(0, 1)"
        )
    return [int(n) for n in indices]


def _require_gap(
    model: Model,
    block: Block,
    energies: Floats,
    inside: list[int],
    outside: list[int],
    asked: list[int] | None,
) -> None:
    if not outside or energies.size == 0:
        return
    gaps = abs(energies[..., inside, None] - energies[..., None, outside])
    worst = np.unravel_index(gaps.argmin(), gaps.shape)
    gap = float(gaps[worst])
    scale = max(model.energy_scale, float(abs(energies).max()))
    if gap > smallest_gap(model, scale):
        return
    here, there = inside[int(worst[-2])], outside[int(worst[-1])]
    where = block.points[worst[0]]
    name = f"bands={tuple(asked)}" if asked else f"band {here}"
    group = tuple(sorted({*(asked or [here]), there}))
    raise DegenerateBandsError(
        f"{name} touches band {there} at k={format_k(where)}: gap {gap:.2g} of an energy scale "
        f"{scale:.3g}; expected bands apart; pass bands={group} for the trace over the group",
        where,
        gap,
    )
