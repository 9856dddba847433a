"""Chern numbers that come with a certificate.

A product of overlaps around small plaquettes always gives an integer, but on too coarse a mesh it
is the wrong one.  Here the mesh is refined until no plaquette can hide a flux quantum: energies
move at most as fast as ``L = ‖∂H‖``, so a gap g in the middle of a cell of radius r is nowhere in
it below g − 2Lr, and across the cell the projector on the bands turns by at most 2rL/(g − 2Lr).
Where that is small, refining the mesh further cannot change the integer any more.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from coursekit.bloch_model import Model, check_model
from coursekit.errors import GapClosedError, format_k
from coursekit.geometry import band_indices
from coursekit.lattice import Lattice
from coursekit.search import compass_minimum

__all__ = ["chern_number"]

Floats = NDArray[np.float64]

# Below this fraction of the energy scale a gap cannot be told from rounding.
_CLOSED = 1e-10
# A projector that turns by less than δ = min(¼, 1/2√n) across a cell puts less than 2π/5 of flux
# through the geodesic triangles of its corners (n√3 δ² < 0.44), also after halving the cell.
_LARGEST_TURN = 0.25
_FIRST_MESH = 8
_MOST_CELLS = 200_000
_MESH_ROWS = 1 << 16


def chern_number(model: Model, occupied: int | Sequence[int]) -> int:
    """Chern number C = (1/2π) ∫ Ω d²k of a group of bands, certified.

    Parameters
    ----------
    occupied : the number of lowest bands, or the indices of a group in a tuple

    Returns
    -------
    int : exact for a :class:`TightBinding`, whose ‖∂H‖ is bounded by its hoppings. For a
        :class:`BlochModel` the bound is twice the largest ‖∂H‖ on a 32 × 32 mesh.

    Raises
    ------
    GapClosedError : the group touches the rest at some k, also between mesh points; carries k, gap
    ValueError : not a 2D lattice model, bands that do not exist

    Notes
    -----
    Links ⟨u|u′⟩ ≈ e^{−iA·dk} as in T. Fukui, Y. Hatsugai & H. Suzuki, JPSJ 74, 1674 (2005),
    DOI 10.1143/JPSJ.74.1674, whose link phase has the opposite sign of A.
    """
    check_model(model)
    if model.lattice is None or model.dim != 2:
        raise ValueError(
            f"{model!r} is not a 2D lattice model; expected a closed Brillouin zone: a continuum "
            "model has no integer, integrate its berry_curvature instead"
        )
    bands = _group(occupied, model.n_orb)
    if len(bands) == model.n_orb:
        return 0
    x_cuts, y_cuts = _certified_mesh(model, model.lattice, bands)
    return _flux_quanta(model, model.lattice, bands, x_cuts, y_cuts)


def _group(occupied: int | Sequence[int], n_bands: int) -> list[int]:
    if np.ndim(occupied):
        return sorted(band_indices(occupied, n_bands, "occupied"))
    count = np.asarray(occupied)
    if count.dtype.kind not in "iu" or not 1 <= count <= n_bands:
        raise ValueError(
            f"occupied={occupied!r}; expected the number of lowest bands, 1 to {n_bands}, or "
            "their indices in a tuple, as in occupied=(1,)"
        )
    return list(range(int(count)))


def _certified_mesh(model: Model, lattice: Lattice, bands: list[int]) -> tuple[Floats, Floats]:
    """Cuts along both reciprocal vectors (reduced, 0 to 1) of a mesh that is fine enough."""
    bound = _velocity_bound(model, lattice)
    turn = min(_LARGEST_TURN, 0.5 / np.sqrt(len(bands)))
    half = np.full(2, 0.5 / _FIRST_MESH)
    axis = (np.arange(_FIRST_MESH) + 0.5) / _FIRST_MESH
    centres = np.stack(np.meshgrid(axis, axis, indexing="ij"), axis=-1).reshape(-1, 2)
    x_cuts = y_cuts = np.arange(_FIRST_MESH + 1) / _FIRST_MESH
    while len(centres):
        gaps = _gaps(model, lattice, bands, centres)
        _refuse_closed_gap(model, lattice, bands, centres[gaps.argmin()], half)
        corners = lattice.to_cartesian(half * np.array([[1, 1], [1, -1]]))
        radius = np.linalg.norm(corners, axis=1).max()
        smallest = gaps - 2 * bound * radius
        coarse = centres[2 * radius * bound > turn * smallest]
        if len(coarse) > _MOST_CELLS:
            # Gaps this small over so much of the zone are a line of touching points in practice.
            worst = lattice.to_cartesian(centres[gaps.argmin()])
            raise _gap_closed(worst, float(gaps.min()))
        x_cuts, y_cuts = (np.union1d(cuts, coarse[:, n]) for n, cuts in enumerate((x_cuts, y_cuts)))
        half = half / 2
        quarters = half * np.array([[1, 1], [1, -1], [-1, 1], [-1, -1]])
        centres = (coarse[:, None, :] + quarters).reshape(-1, 2)
    return x_cuts, y_cuts


def _velocity_bound(model: Model, lattice: Lattice) -> float:
    if model.velocity_bound is not None:
        return model.velocity_bound
    axis = (np.arange(32) + 0.5) / 32
    mesh = np.stack(np.meshgrid(axis, axis, indexing="ij"), axis=-1).reshape(-1, 2)
    slopes = np.linalg.norm(model.hamiltonian_gradient(lattice.to_cartesian(mesh)), 2, (-2, -1))
    return float(2 * np.linalg.norm(slopes, axis=-1).max())


def _gaps(model: Model, lattice: Lattice, bands: list[int], reduced: Floats) -> Floats:
    """Smallest distance in energy between the group and the rest at each reduced k (..., 2)."""
    # Only neighbours in energy can be closest.
    pairs = [(n, n + 1) for n in range(model.n_orb - 1) if (n in bands) != (n + 1 in bands)]
    energies = np.linalg.eigvalsh(model.hamiltonian(lattice.to_cartesian(reduced)))
    return np.asarray(np.min([energies[..., b] - energies[..., a] for a, b in pairs], axis=0))


def _refuse_closed_gap(
    model: Model, lattice: Lattice, bands: list[int], start: Floats, half: Floats
) -> None:
    """Follow the gap downhill from ``start``; raise if it closes."""
    k, gap = compass_minimum(lambda at: _gaps(model, lattice, bands, at), start, half)
    scale = model.energy_scale or float(
        abs(np.linalg.eigvalsh(model.hamiltonian(lattice.to_cartesian(start)))).max()
    )
    if gap <= _CLOSED * scale:
        raise _gap_closed(lattice.to_cartesian(k), gap)


def _gap_closed(k: Floats, gap: float) -> GapClosedError:
    return GapClosedError(
        f"the gap above or below the group closes at k={format_k(k)}: gap {gap:.2g}; expected a "
        "group of bands that is apart from the rest everywhere; choose another group, or a "
        "parameter away from the transition",
        k,
        gap,
    )


def _flux_quanta(
    model: Model, lattice: Lattice, bands: list[int], x_cuts: Floats, y_cuts: Floats
) -> int:
    """Total flux of the mesh's plaquettes in units of 2π.

    Opposite edges of the zone carry equal link phases, since u(k + G) is u(k) times a constant
    unitary matrix, so the sum is an integer in whatever gauge the states come.
    """
    flux = 0.0
    for rows in _slabs(len(x_cuts), len(y_cuts)):
        reduced = np.stack(np.meshgrid(x_cuts[rows], y_cuts, indexing="ij"), axis=-1)
        h = model.hamiltonian(lattice.to_cartesian(reduced))
        u = np.linalg.eigh(h)[1][..., bands]
        along_x = _link(u[:-1], u[1:])
        along_y = _link(u[:, :-1], u[:, 1:])
        around = along_x[:, :-1] * along_y[1:] * along_x[:, 1:].conj() * along_y[:-1].conj()
        flux -= float(np.angle(around).sum())
    # The mesh runs along b₁ and b₂, which turn clockwise for a left-handed lattice.
    orientation = np.sign(np.linalg.det(lattice.vectors))
    return round(float(orientation) * flux / (2 * np.pi))


def _slabs(n_rows: int, n_columns: int) -> Iterator[slice]:
    """Row ranges that overlap by one row and hold a bounded number of mesh points."""
    step = max(1, _MESH_ROWS // n_columns)
    for first in range(0, n_rows - 1, step):
        yield slice(first, min(first + step, n_rows - 1) + 1)


def _link(a: NDArray[np.complex128], b: NDArray[np.complex128]) -> NDArray[np.complex128]:
    """det ⟨a|b⟩ of neighbouring frames."""
    return np.asarray(np.linalg.det(a.conj().swapaxes(-1, -2) @ b))
