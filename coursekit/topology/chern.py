"""Chern numbers of groups of bands."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from coursekit.band_groups import (
    band_gaps,
    energy_scale,
    occupied_bands,
    turning_rate,
)
from coursekit.bloch_model import Model, check_model
from coursekit.errors import GapClosedError, format_k
from coursekit.lattice import Lattice
from coursekit.speed import SpeedLimit, speed_limit
from coursekit.topology.certificate import Bundle, certified_cells, flux_quanta

__all__ = ["chern_number"]

Floats = NDArray[np.float64]
Complexes = NDArray[np.complex128]


def chern_number(model: Model, occupied: int | Sequence[int]) -> int:
    """Chern number C = (1/2π) ∫ Ω d²k of a group of bands, certified.

    The mesh is refined where it could hide a flux quantum.

    Parameters
    ----------
    occupied : the number of lowest bands, or the indices of a group in a tuple

    Returns
    -------
    int : exact for a :class:`TightBinding`, whose ‖∂H‖ is bounded by its hoppings. For a model
        without such a bound that is twice the largest ‖∂H‖ on a 32 × 32 mesh.

    Raises
    ------
    GapClosedError : the group touches the rest at some k, also between mesh points; carries k, gap
    ValueError : not a 2D lattice model, bands that do not exist

    Notes
    -----
    Links ⟨u|u′⟩ ≈ e^{−iA·dk} as in T. Fukui, Y. Hatsugai & H. Suzuki, JPSJ 74, 1674 (2005),
    DOI 10.1143/JPSJ.74.1674, whose link phase has the opposite sign of A. A filled group has
    σ_xy = −C e²/h.

    Examples
    --------
    >>> import coursekit as ck
    >>> ck.chern_number(ck.models.qwz(-1.0), 1)
    1
    >>> ck.chern_number(ck.models.haldane(1, 0.2, 1.0, 0.3), (1,))
    1
    """
    lattice = planar_lattice(model)
    bands = occupied_bands(occupied, model.n_orb)
    rest = [n for n in range(model.n_orb) if n not in bands]
    if not rest:
        return 0
    # The rest has the opposite Chern number.
    sign, bands = (-1, rest) if (len(rest), rest) < (len(bands), bands) else (1, bands)
    bundle = band_bundle(model, bands, speed_limit(model))
    return sign * flux_quanta(bundle, lattice, certified_cells(bundle, lattice))


def planar_lattice(model: Model) -> Lattice:
    """The lattice of a 2D model, or a ValueError."""
    check_model(model)
    if model.lattice is None or model.dim != 2:
        raise ValueError(
            f"{model!r} is not a 2D lattice model; expected a closed Brillouin zone: a continuum "
            "model has no integer, integrate its berry_curvature instead; of a 3D model take a "
            "slice_model"
        )
    return model.lattice


def band_bundle(model: Model, bands: list[int], speed: SpeedLimit) -> Bundle:
    """The group ``bands``, whose energies move within the speed limit."""
    rank = min(len(bands), model.n_orb - len(bands))

    def measure(k: Floats, radius: Floats | float) -> tuple[Floats, Floats]:
        gaps = band_gaps(model, bands, k)
        bound = speed.within(k, radius)
        return gaps, turning_rate(gaps - 2 * bound * radius, bound, rank)

    def frames(k: Floats) -> Complexes:
        h = model.hamiltonian(k)
        if bands == [0] and model.n_orb == 2:
            return _lower_state(h)
        return np.asarray(np.linalg.eigh(h)[1][..., bands])

    return Bundle(measure, frames, energy_scale(model), _gap_closed)


def _lower_state(h: Complexes) -> Complexes:
    """Lower state (..., 2, 1) of ε₀ + d·σ, normalised within a factor of √2."""
    off, z = h[..., 1, 0], (h[..., 0, 0] - h[..., 1, 1]).real / 2
    # (H − ε₀) u = −|d| u has the solutions (|d| − z, −off) and (−off*, |d| + z): the longer one.
    long = np.hypot(abs(off), z) + abs(z)
    up = z < 0
    state = np.stack([np.where(up, long, -off.conj()), np.where(up, -off, long)], axis=-1)
    return np.asarray((state / long[..., None])[..., None])


def _gap_closed(k: Floats, gap: float) -> GapClosedError:
    return GapClosedError(
        f"the gap above or below the group closes at k={format_k(k)}: gap {gap:.2g}; expected a "
        "group of bands that is apart from the rest everywhere; choose another group, or a "
        "parameter away from the transition",
        k,
        gap,
    )
