"""Geometry of Bloch states at a given k: Berry curvature and orbital moment.

Everything here follows from one antisymmetric matrix, the curvature that bands n and l give to
each other,

    Ω_nl = −2 Im ⟨n|∂ₓH|l⟩⟨l|∂_yH|n⟩ / (εₙ − ε_l)²,

since Ωₙ = Σ_l Ω_nl and mₙ = ½ Σ_l Ω_nl (εₙ − ε_l).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from coursekit.bands import solve
from coursekit.bloch_model import Model, check_k, check_model
from coursekit.errors import DegenerateBandsError, format_k

__all__ = ["berry_curvature", "orbital_moment"]

Floats = NDArray[np.float64]

# Ω loses 2 log10(scale/gap) digits: at this fraction of the energy scale few are left.
_SMALLEST_GAP = 1e-12
# Numbers held at a time in the largest temporary array.
_CHUNK = 1 << 19
# The axial component z needs the velocities along (x, y), and so on in cyclic order.
_PLANES: dict[int, tuple[tuple[int, int], ...]] = {
    1: (),
    2: ((0, 1),),
    3: ((1, 2), (2, 0), (0, 1)),
}


def berry_curvature(model: Model, k: ArrayLike, bands: int | Sequence[int] | None = None) -> Floats:
    r"""Berry curvature Ω = curl A, A = i⟨u|∇u⟩, of each band or of a band group.

    Parameters
    ----------
    k : (..., dim) Cartesian wave vector, 1/length, dim 2 or 3
    bands : indices of a group that no touching band cuts off from the rest

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
    """
    return _of_bands(model, k, bands, lambda energies, omega: omega)


def orbital_moment(model: Model, k: ArrayLike, bands: int | Sequence[int] | None = None) -> Floats:
    r"""Orbital magnetic moment of each band or of a band group, for electrons.

    m = +(e/ħ) Im⟨∂ₓu|(H − ε)|∂_yu⟩: positive for a wavepacket whose self-rotation makes a moment
    along +z; its energy in a field is −m·B.

    Parameters
    ----------
    k : (..., dim) Cartesian wave vector, 1/length, dim 2 or 3
    bands : indices of a group that no touching band cuts off from the rest

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
    """

    def moments(energies: Floats, omega: Floats) -> Floats:
        half_gap = (energies[..., :, None] - energies[..., None, :]) / 2
        return omega * half_gap[..., None]

    return _of_bands(model, k, bands, moments)


def pair_curvature(model: Model, k: Floats) -> tuple[Floats, Floats]:
    """Energies (..., n) and Ω_nl (..., n, n, c), zero where n and l touch.

    The last axis holds the axial components: none in 1D, z in 2D, (x, y, z) in 3D.  The zero is for
    sums over the zone, where touching bands fill a set of measure zero.
    """
    if model.n_orb == 2:
        return _two_band_pairs(model, k)
    bands = solve(model, k)
    gap = bands.energies[..., :, None] - bands.energies[..., None, :]
    touching = abs(gap) <= _smallest_gap(model, bands.energies)
    weight = np.where(touching, 0.0, 1 / np.where(touching, 1.0, gap) ** 2)
    v = bands.velocity
    omega = np.zeros((*gap.shape, len(_PLANES[model.dim])))
    noise = _rounding(model, bands.energies) * np.sqrt(weight)
    for c, (a, b) in enumerate(_PLANES[model.dim]):
        product = v[..., a, :, :] * v[..., b, :, :].swapaxes(-1, -2)
        largest = abs(v[..., a, :, :]).max((-1, -2)) * abs(v[..., b, :, :]).max((-1, -2))
        told = abs(product.imag) > noise * largest[..., None, None]
        omega[..., c] = -2 * product.imag * weight * told
    return bands.energies, omega


def _two_band_pairs(model: Model, k: Floats) -> tuple[Floats, Floats]:
    """Closed form for H = ε₀ + d·σ: Ω_lower = ½ d·(∂ₓd × ∂_yd)/|d|³."""
    h = model.hamiltonian(k)
    d = _pauli_vector(h)
    size = np.sqrt((d**2).sum(axis=-1))
    middle = (h[..., 0, 0] + h[..., 1, 1]).real / 2
    energies = np.stack([middle - size, middle + size], axis=-1)
    touching = 2 * size <= _smallest_gap(model, energies)
    weight = np.where(touching, 0.0, 0.5 / np.where(touching, 1.0, size) ** 3)
    slope = _pauli_vector(model.hamiltonian_gradient(k))
    omega = np.zeros((*size.shape, 2, 2, len(_PLANES[model.dim])))
    steepness = np.linalg.norm(slope, axis=-1)
    noise = _rounding(model, energies)
    for c, (a, b) in enumerate(_PLANES[model.dim]):
        triple = (d * np.cross(slope[..., a, :], slope[..., b, :])).sum(axis=-1)
        told = abs(triple) > noise * steepness[..., a] * steepness[..., b]
        lower = weight * triple * told
        omega[..., 0, 1, c] = lower
        omega[..., 1, 0, c] = -lower
    return energies, omega


def _smallest_gap(model: Model, energies: Floats) -> float:
    """Below this, a gap cannot be told from none; relative, so that any unit of energy will do."""
    return _SMALLEST_GAP * max(model.energy_scale, float(abs(energies).max(initial=0.0)))


def _rounding(model: Model, energies: Floats) -> float:
    """Rounding of the elements of H.

    Curvature below what it makes is set to zero, so that a model whose Ω vanishes by symmetry has
    exactly none, instead of noise over a small gap squared.
    """
    return 4 * np.finfo(float).eps * _smallest_gap(model, energies) / _SMALLEST_GAP


def _pauli_vector(h: NDArray[np.complex128]) -> Floats:
    """d (..., 3) of a Hermitian 2×2 matrix ε₀ + d·σ."""
    off = h[..., 1, 0]
    return np.stack([off.real, off.imag, (h[..., 0, 0] - h[..., 1, 1]).real / 2], axis=-1)


def _of_bands(
    model: Model,
    k: ArrayLike,
    bands: int | Sequence[int] | None,
    pairs: Callable[[Floats, Floats], Floats],
) -> Floats:
    """Sums over l of what bands n and l give to each other, in chunks of k that bound memory.

    In 2D the one component loses its axis.
    """
    check_model(model)
    if not _PLANES[model.dim]:
        raise ValueError(
            f"the model has {model.dim} dimension; expected 2 or 3: curvature needs a plane"
        )
    k = check_k(k, model.dim)
    group = None if bands is None else band_indices(bands, model.n_orb)
    flat = k.reshape(-1, model.dim)
    step = max(1, _CHUNK // (model.n_orb**2 * model.dim))
    parts = []
    for first in range(0, max(1, len(flat)), step):
        chunk = flat[first : first + step]
        energies, omega = pair_curvature(model, chunk)
        parts.append(_reduce(model, chunk, energies, pairs(energies, omega), group))
    values = np.concatenate(parts)
    return _components(values.reshape(*k.shape[:-1], *values.shape[1:]))


def _reduce(
    model: Model, k: Floats, energies: Floats, pairs: Floats, group: list[int] | None
) -> Floats:
    """Pairs (K, n, n, c) summed into bands (K, n, c), or into a group beside the rest (K, c)."""
    n_bands = model.n_orb
    if group is None:
        for lower in range(n_bands - 1):
            _require_gap(model, k, energies, [lower], [lower + 1], None)
        return np.asarray(pairs.sum(axis=2))
    rest = [n for n in range(n_bands) if n not in group]
    _require_gap(model, k, energies, group, rest, group)
    return np.asarray(pairs[:, group][:, :, rest].sum(axis=(1, 2)))


def _components(values: Floats) -> Floats:
    return values[..., 0] if values.shape[-1] == 1 else values


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
    k: Floats,
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
    if gap > _smallest_gap(model, energies):
        return
    scale = _smallest_gap(model, energies) / _SMALLEST_GAP
    here, there = inside[int(worst[-2])], outside[int(worst[-1])]
    where = k[worst[:-2]]
    name = f"bands={tuple(asked)}" if asked else f"band {here}"
    group = tuple(sorted({*(asked or [here]), there}))
    raise DegenerateBandsError(
        f"{name} touches band {there} at k={format_k(where)}: gap {gap:.2g} of an energy scale "
        f"{scale:.3g}; expected bands apart; pass bands={group} for the trace over the group",
        where,
        gap,
    )
