r"""Sums over states at many k: what every band gets from every other one.

Curvature and moment follow from one antisymmetric matrix, the curvature that bands n and l give to
each other,

    Ω_nl = −2 Im ⟨n|∂ₓH|l⟩⟨l|∂_yH|n⟩ / (εₙ − ε_l)²,

since Ωₙ = Σ_l Ω_nl and mₙ = ½ Σ_l Ω_nl (εₙ − ε_l).  With another operator in the place of ∂ₓH, a
current of spin or of orbital moment, it is the response of that current.  Two bands have a closed
form without a diagonalisation.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from coursekit.bloch_model import Model
from coursekit.fourier import Block
from coursekit.tight_binding import TightBinding

__all__ = [
    "PLANES",
    "Geometry",
    "Pairs",
    "TwoBands",
    "band_energies",
    "band_geometry",
    "band_pairs",
    "between_bands",
    "bloch_matrices",
    "geometry_of",
    "has_closed_form",
    "points_at_a_time",
    "smallest_gap",
    "two_bands",
]

Floats = NDArray[np.float64]
Complexes = NDArray[np.complex128]
Booleans = NDArray[np.bool_]
# energies (n, K) -> (n, n, K): which pairs to keep
Keep = Callable[[Floats], Booleans]

# energies (K, n), states (K, i, n), velocity (K, dim, n, n), 1/gap² (K, n, n) -> pairs of operators
# (K, n, n), all of them between bands
Currents = Callable[[Floats, Complexes, Complexes, Floats], Sequence[tuple[Complexes, Complexes]]]

# Ω loses 2 log10(scale/gap) digits: at this fraction of the energy scale few are left.
_SMALLEST_GAP = 1e-12
# Where a gap is larger than this, rounding of its large and opposite curvatures does no harm.
_DELICATE = 1e-3
# The axial component z needs the velocities along (x, y), and so on in cyclic order.
PLANES: dict[int, tuple[tuple[int, int], ...]] = {
    1: (),
    2: ((0, 1),),
    3: ((1, 2), (2, 0), (0, 1)),
}
# Points of a two-band model whose arrays stay in a core's cache, and numbers of larger models.
_CACHED = 1 << 14
_CHUNK = 1 << 18


class Geometry(NamedTuple):
    """Energies, Berry curvature and orbital moment of every band at K points."""

    energies: Floats  # (n, K) ascending
    curvature: Floats  # (n, c, K)
    moment: Floats  # (n, c, K)


class TwoBands(NamedTuple):
    """ε = ``middle`` ∓ ``size``, and the curvature of the lower band."""

    middle: Floats  # (K,)
    size: Floats  # (K,)
    lower: Floats  # (c, K)


class Pairs(NamedTuple):
    """What bands n and l give to each other, zero where they touch."""

    energies: Floats  # (K, N) of all bands
    omega: Floats  # (K, n, l, c)
    external: Floats | None  # (K, n, c), curvature from outside the bands, of Wannier models
    velocity: Complexes  # (K, dim, n, l)


def points_at_a_time(model: Model) -> int:
    """Points for which all temporary arrays together stay small."""
    if has_closed_form(model):
        return _CACHED
    return max(1, _CHUNK // (model.n_orb**2 * model.dim**2))


def has_closed_form(model: Model) -> bool:
    """Whether two bands are all there is."""
    return model.n_orb == 2 and not hasattr(model, "external_curvature")


def bloch_matrices(model: Model, block: Block) -> tuple[Complexes, Complexes, Complexes | None]:
    """H (K, n, n), i[H, r] (K, dim, n, n), and curvature from outside the bands (K, c, n, n).

    All in one basis at each k; the last is None but for Wannier functions.
    """
    at_once = getattr(model, "bloch_matrices", None)
    if at_once is not None:
        h, v, f = at_once(block)
        return h, v, f
    k = block.points
    return model.hamiltonian(k), model.velocity_operator(k), None


def smallest_gap(model: Model, largest: float) -> float:
    """Below this, a gap cannot be told from none; relative, so that any unit of energy will do."""
    return _SMALLEST_GAP * max(model.energy_scale, largest)


def _rounding(model: Model, largest: float) -> float:
    """Rounding of the elements of H.

    Curvature below what it makes is set to zero, so that a model whose Ω vanishes by symmetry has
    exactly none, instead of noise over a small gap squared.
    """
    return 4 * float(np.finfo(float).eps) * max(model.energy_scale, largest)


def two_bands(model: Model, block: Block) -> TwoBands:
    """Closed form for H = ε₀ + d·σ: Ω_lower = ½ d·(∂ₓd × ∂_yd)/|d|³."""
    if isinstance(model, TightBinding):
        pauli = model.pauli_vectors(block)
    else:
        k = block.points
        pauli = np.stack(
            [_pauli_vector(model.hamiltonian(k))]
            + [_pauli_vector(dh) for dh in np.moveaxis(model.hamiltonian_gradient(k), -3, 0)]
        )
    (middle, x, y, z), slopes = pauli[0], pauli[1:, 1:]
    size_squared = x * x
    size_squared += y * y
    size_squared += z * z
    size = np.sqrt(size_squared)
    largest = float(abs(middle).max(initial=0.0) + size.max(initial=0.0))
    weight = size_squared * size
    if 2 * size.min(initial=np.inf) <= smallest_gap(model, largest):
        weight[2 * size <= smallest_gap(model, largest)] = np.inf
    np.divide(0.5, weight, out=weight)
    # Steepest slopes stand for those at each k: a bound on rounding, not an estimate.
    steepest = abs(slopes).max(initial=0.0) ** 2
    noise = _rounding(model, largest) * steepest
    lower = np.empty((len(PLANES[model.dim]), len(size)))
    for triple, (a, b) in zip(lower, PLANES[model.dim], strict=True):
        (ax, ay, az), (bx, by, bz) = slopes[a], slopes[b]
        np.multiply(x, ay * bz - az * by, out=triple)
        triple += y * (az * bx - ax * bz)
        triple += z * (ax * by - ay * bx)
        triple[abs(triple) <= noise] = 0
        triple *= weight
    return TwoBands(middle, size, lower)


def band_pairs(
    model: Model,
    block: Block,
    currents: Currents | None = None,
    between: tuple[list[int], list[int]] | None = None,
) -> Pairs:
    """Ω_nl of every pair, for any number of bands.

    Parameters
    ----------
    currents : what stands in the place of the velocities in each component's product, ⟨n|∂ₓH|l⟩
        and ⟨l|∂_yH|n⟩; without it those of the axial components
    between : the bands n and the bands l; without it all of both
    """
    h, v, f = bloch_matrices(model, block)
    energies, u = np.linalg.eigh(h)
    every = list(range(model.n_orb))
    inside, outside = between or (every, every)
    largest_energy = float(abs(energies).max(initial=0.0))
    gap = energies[:, inside, None] - energies[:, None, outside]
    touching = abs(gap) <= smallest_gap(model, largest_energy)
    weight = np.where(touching, 0.0, 1 / np.where(touching, 1.0, gap) ** 2)
    noise = _rounding(model, largest_energy) * np.sqrt(weight)
    left = u[..., inside]
    velocity = between_bands(v, left, u[..., outside])
    factors: Sequence[tuple[Complexes, Complexes]]
    if currents is None:
        # ⟨l|v|n⟩ is the conjugate of ⟨n|v|l⟩.
        factors = [(velocity[:, a], velocity[:, b].conj()) for a, b in PLANES[model.dim]]
    else:
        pairs = currents(energies, u, velocity, weight)
        factors = [(a, b.swapaxes(-1, -2)) for a, b in pairs]
    omega = np.empty((*gap.shape, len(factors)))
    for c, (a, b) in enumerate(factors):
        product = (a * b).imag
        largest = abs(a).max((-1, -2), initial=0.0) * abs(b).max((-1, -2), initial=0.0)
        product[abs(product) <= noise * largest[:, None, None]] = 0
        omega[..., c] = -2 * product * weight
    external = None
    if currents is None and f is not None:
        external = np.einsum("kin,kcij,kjn->knc", left.conj(), f, left, optimize=True).real
    return Pairs(energies, omega, external, velocity)


def band_geometry(model: Model, block: Block, keep: Keep | None = None) -> Geometry:
    """Ω and m of every band, zero from bands that touch.

    The zero is for sums over the zone, where touching bands fill a set of measure zero.

    Parameters
    ----------
    keep : which pairs to sum up, from the energies; a pair that is filled or empty as a whole gives
        nothing to a sum over states, but may be large in each of the two
    """
    if has_closed_form(model):
        middle, size, lower = two_bands(model, block)
        energies = np.stack([middle - size, middle + size])
        if keep is not None and size.min(initial=np.inf) < _DELICATE * size.max(initial=0.0):
            lower = lower * keep(energies)[0, 1]
        moment = -size * lower
        return Geometry(energies, np.stack([lower, -lower]), np.stack([moment, moment]))
    return geometry_of(band_pairs(model, block), keep)


def geometry_of(pairs: Pairs, keep: Keep | None) -> Geometry:
    """Sums over the other band of each pair to keep."""
    energies, omega, external, _ = pairs
    if keep is not None:
        omega = omega * np.moveaxis(keep(energies.T), -1, 0)[..., None]
    half_gap = (energies[:, :, None] - energies[:, None, :]) / 2
    curvature = omega.sum(axis=2)
    if external is not None:
        curvature += external
    moment = np.einsum("knlc,knl->knc", omega, half_gap)
    return Geometry(energies.T, np.moveaxis(curvature, 0, -1), np.moveaxis(moment, 0, -1))


def band_energies(model: Model, block: Block) -> Floats:
    """(n, K) ascending."""
    if has_closed_form(model) and isinstance(model, TightBinding):
        middle, *d = model.pauli_vectors(block)[0]
        size = np.sqrt(d[0] ** 2 + d[1] ** 2 + d[2] ** 2)
        return np.stack([middle - size, middle + size])
    return np.asarray(np.linalg.eigvalsh(bloch_matrices(model, block)[0]).T)


def between_bands(operators: Complexes, left: Complexes, right: Complexes) -> Complexes:
    """⟨n|O|l⟩ of operators (K, m, i, j) between states (K, i, n) and (K, j, l)."""
    # The fast matrix product wants contiguous factors.
    bras = np.ascontiguousarray(left.conj().swapaxes(-1, -2))[:, None]
    return np.asarray(bras @ operators @ np.ascontiguousarray(right)[:, None])


def _pauli_vector(h: Complexes) -> Floats:
    """(4, K): ε₀ and d of Hermitian 2×2 matrices ε₀ + d·σ."""
    off = h[..., 1, 0]
    mean, half = (h[..., 0, 0] + h[..., 1, 1]) / 2, (h[..., 0, 0] - h[..., 1, 1]) / 2
    return np.stack([mean.real, off.real, off.imag, half.real])
