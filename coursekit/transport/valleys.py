"""Zone integrals shared out among valleys."""

from __future__ import annotations

from functools import partial
from itertools import product
from typing import Unpack

import numpy as np
from numpy.typing import ArrayLike, NDArray

from coursekit.accumulate import Sample
from coursekit.bloch_model import Model, check_k, check_model
from coursekit.fourier import Block
from coursekit.integrand import Integrand
from coursekit.integrate import Options, plain, zone_values
from coursekit.kubo import Keep

__all__ = ["valley_resolved"]

Floats = NDArray[np.float64]


def valley_resolved(
    model: Model,
    integrand: Integrand,
    valleys: ArrayLike,
    mu: ArrayLike,
    kT: ArrayLike = 0.0,
    **options: Unpack[Options],
) -> Floats:
    """A zone integral shared out among valleys, each k counting for the valley next to it.

    Parameters
    ----------
    integrand : what is integrated, as ``ck.response.HALL`` or ``ck.response.MAGNETIZATION``
    valleys : (n_valleys, dim) Cartesian k, 1/length
    mu, kT : chemical potential and temperature, energy; arrays broadcast
    **options : see :class:`coursekit.integrate.Options`; the border between valleys is sharp, so
        that a mesh of 300 or more is wanted instead of "auto" where the integrand does not vanish
        there

    Returns
    -------
    (n_valleys, shape of (mu, kT), components); one component loses its axis

    Raises
    ------
    ConvergenceError : ``rtol`` not reached
    ValueError : a continuum model, which is one valley by itself; wrong shapes

    Notes
    -----
    D. Xiao, W. Yao & Q. Niu, PRL 99, 236809 (2007); DOI 10.1103/PhysRevLett.99.236809.

    Examples
    --------
    >>> import numpy as np, coursekit as ck
    >>> model = ck.models.haldane(1.0, 0.0, 0.0, 0.1)
    >>> K = model.lattice.to_cartesian([[1 / 3, 2 / 3], [2 / 3, 1 / 3]])
    >>> sigma = ck.valley_resolved(model, ck.response.HALL, K, mu=0.0, mesh=300)
    >>> np.round(2 * np.pi * sigma, 2)  # nearly half a quantum, opposite
    array([-0.46,  0.46])
    """
    check_model(model)
    if model.lattice is None:
        raise ValueError(
            f"{model!r} has no zone to share out; expected a lattice model: a continuum model is "
            "one valley by itself"
        )
    centres = check_k(valleys, model.dim)
    if centres.ndim != 2:
        raise ValueError(f"valleys have shape {centres.shape}; expected (n_valleys, {model.dim})")
    shares = []
    for n in range(len(centres)):
        quantity = partial(_near_valley, integrand=integrand, valleys=centres, which=n)
        share = Integrand(integrand.weights, quantity, unit=integrand.unit)
        shares.append(plain(zone_values(model, share, mu, kT, options)))
    return np.array(shares)


def _near_valley(
    model: Model,
    block: Block,
    keep: Keep | None,
    *,
    integrand: Integrand,
    valleys: Floats,
    which: int,
) -> Sample:
    assert model.lattice is not None
    sample = integrand.quantity(model, block, keep)
    lattice = model.lattice
    # Nearest images among those near the difference folded to ±½: k is no further from one than
    # half the reciprocal vectors together, and −nᵢ is how far that is along each of them.
    reduced = (block.points[None] - valleys[:, None]) @ lattice.vectors.T / (2 * np.pi)
    folded = reduced - np.rint(reduced)
    farthest = np.linalg.norm(lattice.reciprocal, axis=1).sum() / 2
    reach = 0.5 + np.linalg.norm(lattice.vectors, axis=1) * farthest / (2 * np.pi)
    images = [np.arange(-int(n), int(n) + 1.0) for n in reach]
    distance = np.full(reduced.shape[:-1], np.inf)
    for image in product(*images):
        away = np.linalg.norm(lattice.to_cartesian(folded + image), axis=-1)
        distance = np.minimum(distance, away)
    mine = (distance.argmin(axis=0) == which) * 1.0
    return Sample(sample.energies, tuple(values * mine for values in sample.values))
