"""Integrals over the Brillouin zone, ∫ d^dk/(2π)^d, of quantities that depend on μ and kT.

Two methods.  ``uniform``: equal weights on a mesh, which converges exponentially for smooth
periodic integrands (insulators, kT > 0), with all μ and kT from one diagonalisation.
``adaptive``, in 2D: lines of k that are cut where a band crosses μ, with Gauss points refined
between the cuts and across the lines; for metals at T = 0, small kT, sharp curvature peaks, and
continuum models, whose zone is the whole plane.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from coursekit.adaptive import adaptive
from coursekit.bloch_model import Model
from coursekit.errors import ConvergenceError
from coursekit.geometry import pair_curvature
from coursekit.integrand import Integrand
from coursekit.lattice import Lattice, mesh_shape

__all__ = ["chemical", "zone_integral"]

Floats = NDArray[np.float64]

METHODS = ("auto", "uniform", "adaptive")
# Numbers held at a time in the largest temporary array.
_CHUNK = 1 << 18
# Uniform meshes to try for "auto", by dimension: each twice as fine as the one before.
_MESHES = {1: (64, 128, 256, 512, 1024, 2048), 2: (32, 64, 128, 256, 512), 3: (16, 32, 64, 128)}
# A generic fraction of the mesh step: keeps mesh points off the lines where symmetric bands touch.
_SHIFT = 0.382


def zone_integral(
    model: Model,
    integrand: Integrand,
    mu: ArrayLike,
    kT: ArrayLike,
    *,
    mesh: str | int | Sequence[int],
    method: str,
    rtol: float,
) -> Floats:
    """Integral over the zone for every pair of μ and kT.

    Parameters
    ----------
    mu, kT : chemical potential and temperature, energy; they broadcast
    mesh : points along each reciprocal vector, or "auto" to refine until ``rtol`` is reached
    method : "uniform", "adaptive" (2D), or "auto": uniform where that converges, else adaptive
    rtol : tolerance, relative to the integral of the integrand's absolute value

    Returns
    -------
    shape of (μ, kT) and a last axis for the integrand's components

    Raises
    ------
    ConvergenceError : ``rtol`` was not reached
    ValueError : NaN, kT < 0, options that do not fit the model or each other
    """
    mus, kTs, shape = chemical(mu, kT)
    _check_options(model, mesh, method, rtol)
    if not mus.size:
        one = integrand.volume(
            *pair_curvature(model, np.zeros(model.dim)), np.zeros(()), np.ones(())
        )
        return np.zeros((*shape, one.shape[-1]))
    if model.lattice is None or method == "adaptive":
        values = adaptive(model, integrand, mus, kTs, rtol)
    elif mesh != "auto":
        _refuse_fermi_line(integrand, _mesh_needed(model, model.lattice, mus, kTs))
        sizes = mesh_shape(mesh, model.dim)  # type: ignore[arg-type]
        values = _uniform(model, model.lattice, integrand, mus, kTs, sizes)[0]
    else:
        values = _refined(model, model.lattice, integrand, mus, kTs, method, rtol)
    return values.reshape(*shape, values.shape[-1])


def _refined(
    model: Model,
    lattice: Lattice,
    integrand: Integrand,
    mus: Floats,
    kTs: Floats,
    method: str,
    rtol: float,
) -> Floats:
    """Double the mesh until nothing changes; what does not settle goes to the adaptive method."""
    may_adapt = method == "auto" and model.dim == 2
    needed = _mesh_needed(model, lattice, mus, kTs)
    if not may_adapt:
        _refuse_fermi_line(integrand, needed)
    finest = _MESHES[model.dim][-1]
    # What needs a finer mesh than the finest is not tried where there is another way.
    hopeless = needed > finest if may_adapt else np.zeros(len(mus), dtype=bool)
    left = np.flatnonzero(~hopeless)
    coarse = fine = change = values = None
    for n in _MESHES[model.dim]:
        if not left.size:
            break
        fine, size = _uniform(model, lattice, integrand, mus[left], kTs[left], (n,) * model.dim)
        if values is None:
            values = np.zeros((len(mus), *fine.shape[1:]))
        if coarse is not None:
            change = abs(fine - coarse).reshape(len(left), -1).max(axis=1)
            # Across a sharp edge a mesh is good to its step, whatever chance says of the change.
            enough = (needed[left] <= n) | (not may_adapt and rtol * n >= 1)
            settled = (change <= rtol * size) & enough
            values[left[settled]] = fine[settled]
            left, fine, change = left[~settled], fine[~settled], change[~settled]
        coarse = fine
    unsettled = np.sort(np.concatenate([left, np.flatnonzero(hopeless)]))
    if not unsettled.size:
        assert values is not None
        return values
    if not may_adapt:
        first = unsettled[0]
        raise ConvergenceError(
            f"at mu={mus[first]:.6g}, kT={kTs[first]:.3g} the integral still changed by "
            f"{0.0 if change is None else change[0]:.2g} up to the mesh {finest}; "
            f"expected a change below rtol={rtol:g}; pass kT > 0, a larger rtol, or a fixed mesh="
        )
    adapted = adaptive(model, integrand, mus[unsettled], kTs[unsettled], rtol)
    if values is None:
        return adapted
    values[unsettled] = adapted
    return values


def chemical(mu: ArrayLike, kT: ArrayLike) -> tuple[Floats, Floats, tuple[int, ...]]:
    """μ and kT as flat arrays of equal length and their common shape, or a ValueError."""
    for name, given in (("mu", mu), ("kT", kT)):
        array = np.asarray(given)
        if array.dtype.kind not in "iuf" or not np.isfinite(array).all():
            raise ValueError(f"{name}={given!r}; expected finite real energies")
    if (np.asarray(kT) < 0).any():
        raise ValueError(f"kT={kT!r}; expected temperatures of at least 0, as energies")
    try:
        mus, kTs = np.broadcast_arrays(np.asarray(mu, dtype=float), np.asarray(kT, dtype=float))
    except ValueError:
        raise ValueError(
            f"mu has shape {np.shape(mu)} and kT {np.shape(kT)}; expected shapes that broadcast, "
            "as mu[:, None] beside kT for every pair"
        ) from None
    return mus.ravel(), kTs.ravel(), mus.shape


def _check_options(model: Model, mesh: object, method: str, rtol: float) -> None:
    if method not in METHODS:
        raise ValueError(f"method={method!r}; expected one of {', '.join(map(repr, METHODS))}")
    if isinstance(mesh, str) and mesh != "auto":
        raise ValueError(f"mesh={mesh!r}; expected 'auto', a number or one per dimension")
    if not 0 < rtol < 1:
        raise ValueError(f"rtol={rtol!r}; expected a number between 0 and 1, as in rtol=1e-6")
    if model.lattice is None and (mesh != "auto" or method == "uniform"):
        raise ValueError(
            f"mesh={mesh!r}, method={method!r} for a continuum model, whose zone is the whole "
            "plane; expected mesh='auto' and method='auto'"
        )
    if method == "adaptive" and mesh != "auto":
        raise ValueError(f"mesh={mesh!r} with method='adaptive'; expected one or the other")
    if model.dim != 2 and (method == "adaptive" or model.lattice is None):
        raise ValueError(
            f"the adaptive method for {model.dim} dimensions; expected a model in 2D, or a lattice "
            "model with method='uniform'"
        )


def _refuse_fermi_line(integrand: Integrand, needed: Floats) -> None:
    if integrand.fermi_line is not None and np.isinf(needed).any():
        raise ValueError(
            "a Fermi-surface term at T = 0 on a uniform mesh; expected kT > 0, or "
            "mesh='auto' with method='auto' in 2D"
        )


def _uniform(
    model: Model,
    lattice: Lattice,
    integrand: Integrand,
    mus: Floats,
    kTs: Floats,
    sizes: tuple[int, ...],
) -> tuple[Floats, Floats]:
    """Integrals (P, c) on one mesh, and the integrals of the largest absolute value (P,)."""
    total: Floats | float = 0.0
    size: Floats | float = 0.0
    n_points = int(np.prod(sizes))
    for k in _mesh_chunks(lattice, sizes, _CHUNK // (model.n_orb**2 * model.dim**2)):
        energies, omega = pair_curvature(model, k)
        # As many μ at a time as keep (P, K, n, n) within bounds.
        step = max(1, _CHUNK // (len(k) * model.n_orb))
        sums, magnitudes = [], []
        for i in range(0, len(mus), step):
            point = energies, omega, mus[i : i + step, None], kTs[i : i + step, None]
            values = integrand.volume(*point)
            sums.append(values.sum(axis=1))
            magnitudes.append(integrand.size(values, *point).sum(axis=1))
        total = total + np.concatenate(sums)
        size = size + np.concatenate(magnitudes)
    weight = 1 / (n_points * lattice.cell_volume)
    return np.asarray(total) * weight, np.asarray(size) * weight


def _mesh_chunks(lattice: Lattice, sizes: tuple[int, ...], most: int) -> Iterator[Floats]:
    n_points = int(np.prod(sizes))
    step = max(1, most)
    for first in range(0, n_points, step):
        flat = np.arange(first, min(first + step, n_points))
        index = np.stack(np.unravel_index(flat, sizes), axis=-1)
        yield lattice.to_cartesian((index + _SHIFT) / np.array(sizes))


def _mesh_needed(model: Model, lattice: Lattice, mus: Floats, kTs: Floats) -> Floats:
    """Mesh points along an axis below which a mesh can miss states near μ; inf for a sharp edge.

    A pocket at a band edge is as small as one likes, but smeared over k ~ π √(kT/width) of the zone
    by temperature.
    """
    n = 32 if model.dim < 3 else 12
    k = np.concatenate(list(_mesh_chunks(lattice, (n,) * model.dim, 4096)))
    energies = np.linalg.eigvalsh(model.hamiltonian(k))
    low, high = energies.min(axis=0), energies.max(axis=0)
    width = high - low
    # The mesh may have missed the very edges of the bands.
    margin = 0.02 * width
    crossed = (mus[:, None] > low - margin) & (mus[:, None] < high + margin)
    widest = (crossed * width).max(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(crossed.any(axis=1), 4 * np.sqrt(widest / kTs), 0.0)
