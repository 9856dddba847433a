"""Integrals over the Brillouin zone, ∫ d^dk/(2π)^d, of quantities that depend on μ and kT.

Three methods.  ``uniform``: equal weights on a mesh, which converges exponentially for smooth
periodic integrands (insulators, kT > 0).  ``linear``: triangles or tetrahedra on a mesh, for T = 0,
whose error falls with the square of the mesh step also in a metal.  ``adaptive``: in 2D, lines of k
that are cut where a band crosses μ, with Gauss points refined between the cuts and across the
lines, for metals at T = 0, small kT, sharp curvature peaks, and continuum models, whose zone is the
whole plane; in 3D, cells that are halved where that changes the integral.

All μ and kT come from one diagonalisation of a mesh.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from typing import Any, NamedTuple, TypedDict, Unpack

import numpy as np
from numpy.typing import ArrayLike, NDArray

from coursekit.accumulate import Plan, Sample, plan, separated
from coursekit.adaptive import adaptive
from coursekit.bloch_model import Model, check_model
from coursekit.cells import linear_uniform
from coursekit.errors import ConvergenceError
from coursekit.fourier import Block
from coursekit.integrand import Integrand
from coursekit.kubo import Keep, band_energies, points_at_a_time
from coursekit.lattice import Lattice, mesh_shape
from coursekit.parallel import in_pieces, on_cluster
from coursekit.reduction import Reduction, reduce_zone
from coursekit.refine import adaptive_cells

__all__ = ["Integral", "Options", "chemical", "plain", "zone_integral", "zone_values"]

Floats = NDArray[np.float64]
Mesh = str | int | Sequence[int]

METHODS = ("auto", "uniform", "linear", "adaptive")
_RTOL, _RTOL_OF_CELLS = 1e-8, 1e-2
# Uniform meshes to try for "auto", by dimension: each twice as fine as the one before.
_MESHES = {1: (64, 128, 256, 512, 1024, 2048), 2: (32, 64, 128, 256, 512), 3: (16, 32, 64, 128)}
# A mesh that is asked for has a point at Γ, as everybody's has.  Those of "auto" are displaced by a
# generic fraction of their step, which keeps points off the lines where symmetric bands touch.
_SHIFT = 0.382


class Options(TypedDict, total=False):
    """How to integrate; the keywords of every quantity that has a zone integral in it.

    Attributes
    ----------
    mesh : points along each reciprocal vector, one of them at Γ; "auto", the default, refines until
        ``rtol``
    method : "uniform", "linear" (T = 0), "adaptive" (2D and 3D), or "auto", the default: uniform
        where that converges, else adaptive
    rtol : tolerance, relative to the integral of the absolute values of what is summed; 1e-8, but
        1e-2 where T = 0 in 3D calls for cells, as the Fermi surface of a metal does
    symmetries : operations of the model, as from :func:`coursekit.symmetry.find_symmetries`, that
        reduce the zone to what they tell apart; for uniform meshes, and cells in 3D
    scheduler : address of a dask.distributed scheduler, or a ``Client``, to spread uniform meshes
        over its workers
    progress : False shows no bar where it takes more than two seconds
    """

    mesh: Mesh
    method: str
    rtol: float
    symmetries: Sequence[Any]
    scheduler: Any
    progress: bool


class Integral(NamedTuple):
    """A zone integral and what is known of its error."""

    value: Floats | float
    # Of the shape of value.  On a fixed mesh it is the change from half of it, which knows nothing
    # of narrow peaks between the wave vectors of both.
    error: Floats | float
    n_k: int  # wave vectors of the finest mesh; 0 for adaptive lines, which do not count them


class _Settings(NamedTuple):
    mesh: Mesh
    method: str
    rtol: float
    rtol_of_cells: float
    symmetries: Sequence[Any]
    scheduler: Any
    progress: bool


class _Result(NamedTuple):
    value: Floats  # (P, c)
    error: Floats  # (P, c)
    n_k: int


def zone_integral(
    model: Model,
    integrand: Integrand,
    mu: ArrayLike,
    kT: ArrayLike = 0.0,
    **options: Unpack[Options],
) -> Integral:
    """Integral over the zone of any integrand, with an estimate of its error.

    Parameters
    ----------
    integrand : one of ``ck.response``: DENSITY, HALL, MAGNETIZATION, …
    mu, kT : chemical potential and temperature, energy; they broadcast
    **options : see :class:`Options`. With a fixed mesh the error is the change from half the mesh.

    Returns
    -------
    Integral : value, error, n_k; value and error have the shape of (mu, kT) and a last axis where
        there are several components

    Raises
    ------
    ConvergenceError : ``rtol`` was not reached
    ValueError : NaN, kT < 0, options that do not fit the model or each other

    Examples
    --------
    >>> import coursekit as ck
    >>> found = ck.zone_integral(ck.models.qwz(-1.0), ck.response.HALL, mu=0.0, kT=0.1, mesh=40)
    >>> round(found.value, 6), found.error < 1e-6, found.n_k
    (-0.159145, True, 1600)
    """
    check_model(model)
    result, shape = _integrate(model, integrand, mu, kT, options, with_error=True)
    value = result.value.reshape(*shape, result.value.shape[-1])
    error = result.error.reshape(value.shape)
    return Integral(plain(value), plain(error), result.n_k)


def zone_values(
    model: Model, integrand: Integrand, mu: ArrayLike, kT: ArrayLike, options: Options
) -> Floats:
    """The value alone, with a last axis for the integrand's components."""
    result, shape = _integrate(model, integrand, mu, kT, options, with_error=False)
    return result.value.reshape(*shape, result.value.shape[-1])


def plain(values: Floats) -> Floats | float:
    """Without the component axis where there is one component; a float where there is one value."""
    if values.shape[-1] == 1:
        values = values[..., 0]
    return float(values) if values.ndim == 0 else values


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


def _integrate(
    model: Model,
    integrand: Integrand,
    mu: ArrayLike,
    kT: ArrayLike,
    options: Options,
    with_error: bool,
) -> tuple[_Result, tuple[int, ...]]:
    mus, kTs, shape = chemical(mu, kT)
    settings = _checked(model, integrand, kTs, options)
    if not mus.size:
        probe = integrand.quantity(
            model, Block(np.zeros((1, model.dim)), np.zeros((1, model.dim))), None
        )
        nothing = np.zeros((0, probe.values[0].shape[1]))
        return _Result(nothing, nothing, 0), shape
    if model.lattice is None or (settings.method == "adaptive" and model.dim == 2):
        value, error = adaptive(model, integrand, mus, kTs, settings.rtol, settings.progress)
        return _Result(value, error, 0), shape
    lattice = model.lattice
    if settings.method == "adaptive":
        _require_cold(kTs, settings)
        found = adaptive_cells(
            model,
            lattice,
            integrand,
            mus,
            settings.rtol_of_cells,
            settings.symmetries,
            settings.progress,
        )
        return _Result(*found), shape
    if settings.mesh == "auto":
        return _refined(model, lattice, integrand, mus, kTs, settings), shape
    sizes = mesh_shape(settings.mesh, model.dim)  # type: ignore[arg-type]
    if integrand.on_surface and settings.method != "linear":
        _refuse_fermi_surface(integrand, _mesh_needed(model, lattice, mus, kTs))
    value = _on_mesh(model, lattice, integrand, mus, kTs, sizes, settings)[0]
    error = np.full_like(value, np.nan)
    if with_error:
        half = tuple(max(1, n // 2) for n in sizes)
        error = abs(value - _on_mesh(model, lattice, integrand, mus, kTs, half, settings)[0])
    return _Result(value, error, int(np.prod(sizes))), shape


def _on_mesh(
    model: Model,
    lattice: Lattice,
    integrand: Integrand,
    mus: Floats,
    kTs: Floats,
    sizes: tuple[int, ...],
    settings: _Settings,
    with_size: bool = False,
) -> tuple[Floats, Floats]:
    """Integrals (P, c) on one mesh; with the integrals of what is summed, without its signs."""
    if settings.method == "linear":
        _require_cold(kTs, settings)
        shift = _SHIFT if settings.mesh == "auto" else 0.0
        return linear_uniform(
            model, lattice, integrand, mus, sizes, shift, with_size, settings.progress
        )
    return _uniform(model, lattice, integrand, mus, kTs, sizes, settings, with_size)


def _refined(
    model: Model,
    lattice: Lattice,
    integrand: Integrand,
    mus: Floats,
    kTs: Floats,
    settings: _Settings,
) -> _Result:
    """Double the mesh until nothing changes; what does not settle goes to the adaptive method."""
    rtol = settings.rtol
    needed = _mesh_needed(model, lattice, mus, kTs)
    may_adapt = settings.method == "auto" and (
        model.dim == 2 or (model.dim == 3 and bool((kTs[np.isinf(needed)] == 0).all()))
    )
    if settings.method == "linear":
        needed = np.zeros_like(needed)
    if not may_adapt:
        _refuse_fermi_surface(integrand, needed)
    finest = _MESHES[model.dim][-1]
    least = integrand.smallest(model) / lattice.cell_volume
    # What needs a finer mesh than the finest is not tried where there is another way.
    hopeless = (needed > finest) & may_adapt & ((model.dim == 2) | np.isinf(needed))
    left = np.flatnonzero(~hopeless)
    coarse = fine = change = None
    values = errors = np.zeros((len(mus), 0))
    n_k = 0
    for n in _MESHES[model.dim]:
        if not left.size:
            break
        sizes = (n,) * model.dim
        n_k = n**model.dim
        fine, size = _on_mesh(
            model, lattice, integrand, mus[left], kTs[left], sizes, settings, with_size=True
        )
        if not values.size:
            values, errors = (np.zeros((len(mus), fine.shape[1])) for _ in range(2))
        if coarse is not None:
            change = abs(fine - coarse)
            # Across a sharp edge a mesh is good to its step, whatever chance says of the change.
            enough = (needed[left] <= n) | (not may_adapt and rtol * n >= 1)
            allowed = rtol * np.maximum(size.max(axis=1, keepdims=True), least)
            settled = (change <= allowed).all(axis=1) & enough
            values[left[settled]], errors[left[settled]] = fine[settled], change[settled]
            left, fine, change = left[~settled], fine[~settled], change[~settled]
        coarse = fine
    unsettled = np.sort(np.concatenate([left, np.flatnonzero(hopeless)]))
    if not unsettled.size:
        return _Result(values, errors, n_k)
    if not may_adapt or (model.dim == 3 and bool((kTs[left] > 0).any())):
        first = unsettled[0]
        raise ConvergenceError(
            f"at mu={mus[first]:.6g}, kT={kTs[first]:.3g} the integral still changed by "
            f"{0.0 if change is None else change[0].max():.2g} up to the mesh {finest}; "
            f"expected a change below rtol={rtol:g}; pass kT > 0, a larger rtol, or a fixed mesh="
        )
    if model.dim == 2:
        adapted, known = adaptive(
            model, integrand, mus[unsettled], kTs[unsettled], rtol, settings.progress
        )
    else:
        adapted, known, n_k = adaptive_cells(
            model,
            lattice,
            integrand,
            mus[unsettled],
            settings.rtol_of_cells,
            settings.symmetries,
            settings.progress,
        )
    if not values.size:
        return _Result(adapted, known, n_k)
    values[unsettled], errors[unsettled] = adapted, known
    return _Result(values, errors, n_k)


def _uniform(
    model: Model,
    lattice: Lattice,
    integrand: Integrand,
    mus: Floats,
    kTs: Floats,
    sizes: tuple[int, ...],
    settings: _Settings,
    with_size: bool,
) -> tuple[Floats, Floats]:
    the_plan = plan(integrand.weights, mus, kTs)
    collect = partial(_collect, model, integrand, the_plan, separated(mus, kTs), with_size)
    reduction: Reduction | None = None
    pieces: list[tuple[Block, Floats | None]]
    shift = _SHIFT if settings.mesh == "auto" else 0.0
    most = points_at_a_time(model)
    if settings.symmetries:
        reduction = reduce_zone(model, lattice, settings.symmetries, sizes, integrand)
        pieces = list(reduction.pieces(most))
    else:
        pieces = [(block, None) for block in _mesh_blocks(lattice, sizes, most, shift)]
    if settings.scheduler is None:
        parts = in_pieces(collect, pieces, progress=settings.progress)
    else:
        parts = on_cluster(
            partial(_collect_all, collect), pieces, settings.scheduler, progress=settings.progress
        )
    totals = _added(parts)
    weight = 1 / (int(np.prod(sizes)) * lattice.cell_volume)
    out = the_plan.finish(totals) * weight
    value, size = np.split(out, 2, axis=1) if with_size else (out, out)
    return (value if reduction is None else reduction.complete(value)), size


def _collect(
    model: Model,
    integrand: Integrand,
    the_plan: Plan,
    keep: Keep,
    with_size: bool,
    piece: tuple[Block, Floats | None],
) -> tuple[Floats, ...]:
    block, multiplicity = piece
    sample = integrand.quantity(model, block, keep)
    if multiplicity is not None:
        sample = Sample(sample.energies, tuple(v * multiplicity for v in sample.values))
    if with_size:
        doubled = tuple(np.concatenate([v, abs(v)], axis=1) for v in sample.values)
        sample = Sample(sample.energies, doubled)
    return the_plan.collect(sample)


def _collect_all(collect: Any, pieces: Sequence[Any]) -> tuple[Floats, ...]:
    """What one worker of a cluster adds up."""
    return _added(collect(piece) for piece in pieces)


def _added(parts: Any) -> tuple[Floats, ...]:
    totals: tuple[Floats, ...] | None = None
    for part in parts:
        totals = part if totals is None else tuple(a + b for a, b in zip(totals, part, strict=True))
    assert totals is not None
    return totals


def _mesh_blocks(
    lattice: Lattice, sizes: tuple[int, ...], most: int, shift: float
) -> Iterator[Block]:
    """The mesh as lines along its last axis, cut into blocks of about ``most`` points."""
    *across, length = sizes
    index = np.stack(np.meshgrid(*map(np.arange, across), [0.0], indexing="ij"), axis=-1)
    rows = lattice.to_cartesian((index.reshape(-1, len(sizes)) + shift) / np.array(sizes))
    line = np.arange(length)[:, None] / length * lattice.reciprocal[-1]
    piece = min(length, max(most, 8))
    step = max(1, most // piece)
    for first in range(0, len(rows), step):
        for start in range(0, length, piece):
            yield Block(rows[first : first + step], line[start : start + piece])


def _checked(model: Model, integrand: Integrand, kTs: Floats, options: Options) -> _Settings:
    unknown = set(options) - set(Options.__annotations__)
    if unknown:
        raise TypeError(
            f"unexpected {', '.join(sorted(unknown))}; expected options among "
            f"{', '.join(Options.__annotations__)}"
        )
    settings = _Settings(
        options.get("mesh", "auto"),
        options.get("method", "auto"),
        options.get("rtol", _RTOL),
        options.get("rtol", _RTOL_OF_CELLS),
        _operations(options.get("symmetries", ())),
        options.get("scheduler"),
        options.get("progress", True),
    )
    mesh, method = settings.mesh, settings.method
    if method not in METHODS:
        raise ValueError(f"method={method!r}; expected one of {', '.join(map(repr, METHODS))}")
    if isinstance(mesh, str) and mesh != "auto":
        raise ValueError(f"mesh={mesh!r}; expected 'auto', a number or one per dimension")
    if not isinstance(settings.rtol, float | int | np.number) or not 0 < settings.rtol < 1:
        raise ValueError(
            f"rtol={settings.rtol!r}; expected a number between 0 and 1, as in rtol=1e-6"
        )
    if model.lattice is None and (mesh != "auto" or method in ("uniform", "linear")):
        raise ValueError(
            f"mesh={mesh!r}, method={method!r} for a continuum model, whose zone is the whole "
            "plane; expected mesh='auto' and method='auto'"
        )
    if method == "adaptive" and mesh != "auto":
        raise ValueError(f"mesh={mesh!r} with method='adaptive'; expected one or the other")
    if (model.lattice is None and model.dim != 2) or (method == "adaptive" and model.dim == 1):
        raise ValueError(
            f"the adaptive method for {model.dim} dimensions; expected a model in 2D, or a lattice "
            "model with method='uniform'"
        )
    if settings.scheduler is not None and method in ("linear", "adaptive"):
        raise ValueError(
            f"method={method!r} with scheduler=; expected method='uniform', which it serves"
        )
    if settings.symmetries and (method == "linear" or (method == "adaptive" and model.dim == 2)):
        raise ValueError(
            f"method={method!r} with symmetries= in {model.dim}D; expected method='uniform', or "
            "'adaptive' in 3D, which they serve"
        )
    return settings


def _operations(symmetries: Any) -> tuple[Any, ...]:
    wrong = isinstance(symmetries, str) or not isinstance(symmetries, Iterable)
    if wrong or not all(hasattr(one, "k_matrix") for one in symmetries):
        raise ValueError(
            f"symmetries={symmetries!r}; expected operations, as from "
            "coursekit.symmetry.find_symmetries(model)"
        )
    return tuple(symmetries)


def _require_cold(kTs: Floats, settings: _Settings) -> None:
    if (kTs > 0).any():
        raise ValueError(
            f"method={settings.method!r} with kT={kTs.max():.3g}; expected kT=0, which it is for: "
            "pass method='uniform'"
        )


def _refuse_fermi_surface(integrand: Integrand, needed: Floats) -> None:
    if integrand.on_surface and np.isinf(needed).any():
        raise ValueError(
            "a Fermi-surface term at T = 0 on a uniform mesh; expected kT > 0, method='linear', or "
            "mesh='auto' with method='auto'"
        )


def _mesh_needed(model: Model, lattice: Lattice, mus: Floats, kTs: Floats) -> Floats:
    """Mesh points along an axis below which a mesh can miss states near μ; inf for a sharp edge.

    A pocket at a band edge is as small as one likes, but smeared over k ~ π √(kT/width) of the zone
    by temperature.
    """
    n = 32 if model.dim < 3 else 12
    blocks = _mesh_blocks(lattice, (n,) * model.dim, points_at_a_time(model), _SHIFT)
    energies = np.concatenate([band_energies(model, block) for block in blocks], axis=1)
    low, high = energies.min(axis=1), energies.max(axis=1)
    width = high - low
    # The mesh may have missed the very edges of the bands.
    margin = 0.02 * width
    crossed = (mus[:, None] > low - margin) & (mus[:, None] < high + margin)
    widest = (crossed * width).max(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(crossed.any(axis=1), 4 * np.sqrt(widest / kTs), 0.0)
