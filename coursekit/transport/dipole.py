"""The Berry-curvature dipole."""

from __future__ import annotations

from typing import Unpack

import numpy as np
from numpy.typing import ArrayLike, NDArray

from coursekit.accumulate import Sample
from coursekit.bloch_model import Model
from coursekit.fourier import Block
from coursekit.integrand import Integrand
from coursekit.integrate import Options, zone_values
from coursekit.kubo import Keep, band_pairs, smallest_gap
from coursekit.response import require_plane
from coursekit.thermal import SURFACE

__all__ = ["berry_curvature_dipole"]

Floats = NDArray[np.float64]


def _dipole(model: Model, block: Block, keep: Keep | None) -> Sample:
    """v_a Ω_b of every band, (n, dim c, K)."""
    energies, omega, external, velocity = band_pairs(model, block)
    curvature = omega.sum(axis=2)
    if external is not None:
        curvature = curvature + external
    slope = np.einsum("kann->kna", velocity).real
    # Bands that touch share their slopes: by itself none of them has any.
    gap = abs(energies[:, :, None] - energies[:, None, :])
    group = gap <= smallest_gap(model, float(abs(energies).max(initial=0.0)))
    slope = group @ slope / group.sum(axis=-1, keepdims=True)
    products = slope[..., :, None] * curvature[..., None, :]
    return Sample(energies.T, (np.moveaxis(products.reshape(*energies.shape, -1), 0, -1),))


DIPOLE = Integrand((SURFACE,), _dipole, unit=(3, -3))


def berry_curvature_dipole(
    model: Model, mu: ArrayLike, kT: ArrayLike = 0.0, **options: Unpack[Options]
) -> Floats:
    """Berry-curvature dipole D_ab = ∫[dk] Σ f ∂_aΩ_b = ∫[dk] Σ (−∂f/∂ε) v_a Ω_b.

    It makes a Hall current of second order in E in crystals without inversion, also where time
    reversal forbids σ_xy.

    Parameters
    ----------
    mu, kT : chemical potential and temperature, energy; arrays broadcast
    **options : mesh, method, rtol, …; see :class:`coursekit.integrate.Options`

    Returns
    -------
    2D: shape of (mu, kT) and (2,), D_az, length; 3D: (3, 3), without unit

    Raises
    ------
    ConvergenceError : ``rtol`` not reached
    ValueError : a 1D model, NaN, kT < 0

    Notes
    -----
    I. Sodemann & L. Fu, PRL 115, 216806 (2015), Eq. (7); DOI 10.1103/PhysRevLett.115.216806.

    Examples
    --------
    >>> import numpy as np, coursekit as ck
    >>> tilted = ck.TightBinding(np.eye(2), [[0, 0], [0.5, 0.3]], [
    ...     (0, 1, (0, 0), 1.0), (0, 1, (-1, 0), 0.6), (0, 1, (0, -1), 0.4), (0, 0, (1, 0), 0.2),
    ... ], onsite=[0.3, -0.3])
    >>> D = ck.berry_curvature_dipole(tilted, mu=0.8, kT=0.05)
    >>> D.shape, bool(abs(D).max() > 1e-3)
    ((2,), True)
    """
    require_plane(model)
    values = zone_values(model, DIPOLE, mu, kT, options)
    return values if model.dim == 2 else values.reshape(*values.shape[:-1], 3, 3)
