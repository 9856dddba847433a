"""Z₂ invariants of insulators with time-reversal symmetry."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from coursekit.band_groups import energy_scale, generic_points, occupied_bands
from coursekit.bloch_model import Model, check_model
from coursekit.errors import ConvergenceError
from coursekit.links import closing_phases, loop_product, unitary
from coursekit.speed import speed_limit
from coursekit.topology.certificate import certified_cells
from coursekit.topology.chern import band_bundle, planar_lattice
from coursekit.topology.slices import slice_model
from coursekit.topology.spin import require_spin

__all__ = ["z2_invariant"]

Floats = NDArray[np.float64]
Complexes = NDArray[np.complex128]

# Relative to the energy scale.
_SYMMETRIC = 1e-6
# Between neighbouring lines centres move by less than this part of the way to the gap's middle.
_SAFE = 0.5
_NARROWEST = 1e-9


def z2_invariant(model: Model, occupied: int | Sequence[int]) -> int | tuple[int, int, int, int]:
    """Z₂ invariant of a group of bands of a model with time-reversal symmetry, T = e^{−iπS_y} K.

    Parameters
    ----------
    model : 2D or 3D, with ``spin``
    occupied : the number of lowest bands, or the indices of a group in a tuple

    Returns
    -------
    2D: 0, or 1 for a topological insulator. 3D: (ν₀, ν₁, ν₂, ν₃); ν₀ = 1 is a strong topological
    insulator, νᵢ the invariant of the plane at half of the reciprocal vector i

    Raises
    ------
    GapClosedError : the group touches the rest; carries k and gap. In 3D the six planes at k = 0
        and ½ along each reciprocal vector are searched
    ConvergenceError : the flow of the Wannier centres could not be followed
    ValueError : no 2D or 3D lattice model with spin, broken time reversal

    Notes
    -----
    The middle of the largest gap between the Wannier centres is followed from k = 0 to ½ across the
    lines that they belong to, and the centres that it jumps over are counted: A. A. Soluyanov &
    D. Vanderbilt, PRB 83, 235401 (2011), DOI 10.1103/PhysRevB.83.235401. The points of the lines
    are corners of the cells that certify a Chern number, so no flux is missed between them; lines
    are put in until the flux between them can carry no centre past the middle. Indices in 3D:
    L. Fu, C. L. Kane & E. J. Mele, PRL 98, 106803 (2007), DOI 10.1103/PhysRevLett.98.106803.

    Examples
    --------
    Two copies of Haldane's model, with opposite fluxes for spin up and down:

    >>> import numpy as np, coursekit as ck
    >>> up, down = (ck.models.haldane(1, 0.2, phi, 0.1) for phi in (np.pi / 2, -np.pi / 2))
    >>> blocks = {R: np.kron([[1, 0], [0, 0]], t) + np.kron([[0, 0], [0, 1]], down.blocks[R])
    ...           for R, t in up.blocks.items()}
    >>> both = ck.TightBinding.from_blocks(
    ...     up.lattice, np.tile(up.orbitals, (2, 1)), blocks, spin="blocks")
    >>> ck.z2_invariant(both, 2)
    1
    """
    check_model(model)
    if model.lattice is None or model.dim not in (2, 3):
        raise ValueError(f"{model!r} is not a lattice model in 2D or 3D; expected one")
    group = occupied_bands(occupied, model.n_orb)
    _require_time_reversal(model)
    if len(group) == model.n_orb:
        return 0 if model.dim == 2 else (0, 0, 0, 0)
    if model.dim == 2:
        return _plane_invariant(model, group)
    planes = [
        [_plane_invariant(slice_model(model, n, at), group) for at in (0, 0.5)] for n in range(3)
    ]
    strong = {(lower + upper) % 2 for lower, upper in planes}
    if len(strong) > 1:
        raise ValueError(
            f"the planes {planes} at k = 0 and 1/2 disagree about the strong index, so the gap "
            "closes between them; expected an insulator; look at find_nodes"
        )
    return strong.pop(), planes[0][1], planes[1][1], planes[2][1]


def _require_time_reversal(model: Model) -> None:
    angles, axes = np.linalg.eigh(np.pi * require_spin(model)[1])
    turn = (axes * np.exp(-1j * angles)) @ axes.conj().T
    if abs(turn @ turn.conj() + np.eye(model.n_orb)).max() > _SYMMETRIC:
        raise ValueError(
            "time reversal e^{−iπS_y} K with the model's spin matrices does not square to −1; "
            "expected spins one half, as spin='blocks' or 'pairs' make them"
        )
    k = generic_points(model)
    turned = turn @ model.hamiltonian(k).conj() @ turn.conj().T
    off = float(abs(model.hamiltonian(-k) - turned).max())
    if off > _SYMMETRIC * energy_scale(model):
        raise ValueError(
            f"H(−k) and T H(k) T⁻¹ differ by {off:.2g}: time reversal T = e^{{−iπS_y}} K is "
            "broken; expected a model that has it; for others there is chern_number or "
            "spin_chern_number"
        )


class _Line(NamedTuple):
    """A line of k across which Wannier centres are localised."""

    centers: Floats  # (n,) in [0, 2π)
    middle: float  # of the largest gap between centres
    width: float  # of that gap


def _plane_invariant(model: Model, group: list[int]) -> int:
    lattice = planar_lattice(model)
    bundle = band_bundle(model, group, speed_limit(model))
    cells = certified_cells(bundle, lattice)
    b1, b2 = lattice.reciprocal
    phases = closing_phases(model, np.array([1.0, 0.0]), np.zeros((1, 2)), b1[None])
    low, high = cells.low / cells.counts, cells.high / cells.counts
    across = np.unique(np.append(low[low[:, 1] < 0.5, 1], 0.5))

    def states(y: float, at: float) -> Complexes:
        """States on the line y, at the corners of the cells that meet the line ``at``."""
        points = np.unique(low[(low[:, 1] <= at) & (at <= high[:, 1]), 0])
        # Symmetric about k = 0, so that partners under time reversal stay together.
        points = np.union1d(points, (1 - points) % 1)
        return bundle.frames(points[:, None] * b1 + y * b2)

    def line(y: float) -> _Line:
        return _line(states(y, y), phases)

    lines = [line(y) for y in across]
    jumps = 0
    stack = [(across[n], lines[n], across[n + 1], lines[n + 1]) for n in range(len(lines) - 1)]
    while stack:
        y, here, y_next, there = stack.pop()
        y_middle = (y + y_next) / 2
        if _flux(states(y, y_middle), states(y_next, y_middle), phases) < _SAFE * here.width / 2:
            passed = (there.centers - here.middle) % (2 * np.pi)
            jumps += int((passed < (there.middle - here.middle) % (2 * np.pi)).sum())
        elif y_next - y < _NARROWEST:
            raise ConvergenceError(
                f"the Wannier centres jump at k = {y:.9g} b2; expected a continuous flow: the gap "
                "is too small there to follow it"
            )
        else:
            between = line(y_middle)
            stack += [(y, here, y_middle, between), (y_middle, between, y_next, there)]
    return jumps % 2


def _line(u: Complexes, phases: Complexes) -> _Line:
    loop = loop_product(u[None], phases, abelian=False)[0]
    centers = np.sort(np.angle(np.linalg.eigvals(loop)) % (2 * np.pi))
    gaps = np.diff(np.append(centers, centers[0] + 2 * np.pi))
    widest = int(gaps.argmax())
    return _Line(centers, centers[widest] + gaps[widest] / 2, gaps[widest])


def _flux(u: Complexes, v: Complexes, phases: Complexes) -> float:
    """Sum of the norms of the fluxes between two lines: no centre moves further from one to the
    other."""
    u, v = (np.concatenate([w, phases[:, None] * w[:1]]) for w in (u, v))
    along_u, along_v, across = (
        unitary(a.conj().swapaxes(-1, -2) @ b)
        for a, b in ((u[:-1], u[1:]), (v[:-1], v[1:]), (u, v))
    )
    # Round each cell: along u and across on one side, across and along v on the other.
    difference = along_u @ across[1:] - across[:-1] @ along_v
    norms = np.linalg.norm(difference, 2, axis=(-2, -1))
    return float((2 * np.arcsin(np.minimum(1, norms / 2))).sum())
