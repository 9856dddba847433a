"""From finite pieces to the bulk."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["Extrapolation", "extrapolate"]

Floats = NDArray[np.float64]


class Extrapolation(NamedTuple):
    """Terms of value(L) = bulk + edge/L + corner/L²."""

    bulk: Floats | float
    edge: Floats | float
    corner: Floats | float


def extrapolate(sizes: ArrayLike, values: ArrayLike) -> Extrapolation:
    """Bulk value of a density that was found on pieces of several sizes.

    Parameters
    ----------
    sizes : (n,) at least three different linear sizes L of pieces of the same shape, any unit
    values : (n, ...) densities

    Returns
    -------
    Extrapolation : bulk, edge, corner of a least-squares fit of the total value(L) L², each of the
        shape ``...``

    Raises
    ------
    ValueError : fewer than three sizes, sizes that are not positive, wrong shapes, NaN

    Notes
    -----
    What happens at an edge and at a corner does not depend on L once L is much larger than the
    decay length ξ, so that the total is a polynomial in L, with corrections of e^{−L/ξ} alone.

    Examples
    --------
    >>> import coursekit as ck
    >>> print(f"{ck.finite.extrapolate([4, 8, 16], [1.5, 1.25, 1.125]).bulk:.3f}")
    1.000
    """
    L, y = np.asarray(sizes, dtype=float), np.asarray(values, dtype=float)
    if L.ndim != 1 or len(np.unique(L)) < 3 or not (L > 0).all() or not np.isfinite(L).all():
        raise ValueError(f"sizes={sizes!r}; expected at least three different positive sizes")
    if y.ndim == 0 or len(y) != len(L) or not np.isfinite(y).all():
        raise ValueError(
            f"values have shape {y.shape}; expected finite numbers, one for each of {len(L)} sizes"
        )
    powers = np.stack([L**2, L, np.ones_like(L)], axis=-1) / L.max() ** 2
    total = (L / L.max()) ** 2 * np.moveaxis(y, 0, -1)
    fit = np.linalg.lstsq(powers, total.reshape(-1, len(L)).T)[0].reshape(3, *y.shape[1:])
    bulk, edge, corner = (term if y.ndim > 1 else float(term) for term in fit)
    return Extrapolation(bulk, edge, corner)
