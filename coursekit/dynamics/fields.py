"""Fields in natural units, and the two formulas that take a curvature alone."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = [
    "anomalous_velocity",
    "axial",
    "electric_field",
    "finite",
    "magnetic_field",
    "phase_space_density",
    "vector",
]

Floats = NDArray[np.float64]


def anomalous_velocity(omega: ArrayLike, E: ArrayLike) -> Floats:
    """Anomalous velocity of an electron, v = −(q/ħ) E × Ω = +(e/ħ) E × Ω.

    Parameters
    ----------
    omega : 2D (...,), the z component of Ω; 3D (..., 3); length²
    E : 2D (..., 2), 3D (..., 3) electric field, energy / (e length); leading shapes broadcast

    Returns
    -------
    (..., 2) or (..., 3) velocity, length × energy / ħ

    Raises
    ------
    ValueError : shapes that do not fit, NaN

    Notes
    -----
    D. Xiao, M.-C. Chang & Q. Niu, RMP 82, 1959 (2010), Eq. (3.6); DOI 10.1103/RevModPhys.82.1959.
    Texts that print +(q/ħ) E × Ω mean Ω = −curl A, or a positive carrier.

    Examples
    --------
    >>> import coursekit as ck
    >>> ck.anomalous_velocity(omega=0.5, E=[0.0, 0.1])
    array([ 0.05, -0.  ])
    """
    field = finite("E", E)
    curvature = finite("omega", omega)
    if field.ndim and field.shape[-1] == 2:
        shape = np.broadcast_shapes(field.shape[:-1], curvature.shape)
        vx, vy = curvature * field[..., 1], -curvature * field[..., 0]
        return np.stack([np.broadcast_to(vx, shape), np.broadcast_to(vy, shape)], axis=-1)
    if field.ndim and curvature.ndim and field.shape[-1] == curvature.shape[-1] == 3:
        return np.asarray(np.cross(field, curvature))
    raise ValueError(
        f"omega has shape {curvature.shape} and E {field.shape}; expected (...,) and (..., 2) in "
        "2D, (..., 3) and (..., 3) in 3D"
    )


def phase_space_density(omega: ArrayLike, B: ArrayLike) -> Floats | float:
    """Density of electron states in phase space over 1/(2π)^d, D = 1 − (q/ħ) B·Ω = 1 + (e/ħ) B·Ω.

    Parameters
    ----------
    omega : 2D (...,), the z component of Ω; 3D (..., 3); length²
    B : a number, the field along +z, with 2D ``omega``; (..., 3) with 3D ``omega``; ħ/(e length²)

    Returns
    -------
    (...,) density, a float where both are single

    Raises
    ------
    ValueError : shapes that do not fit, NaN

    Examples
    --------
    >>> import coursekit as ck
    >>> ck.phase_space_density(omega=0.5, B=0.1)
    1.05

    Notes
    -----
    D. Xiao, J. Shi & Q. Niu, PRL 95, 137204 (2005); DOI 10.1103/PhysRevLett.95.137204.
    """
    curvature, field = finite("omega", omega), finite("B", B)
    if field.ndim == 0:
        density = 1 + field * curvature
    elif field.shape[-1] == 3 and curvature.ndim and curvature.shape[-1] == 3:
        density = 1 + (field * curvature).sum(axis=-1)
    else:
        raise ValueError(
            f"omega has shape {curvature.shape} and B {field.shape}; expected (...,) and a number "
            "in 2D, (..., 3) and (..., 3) in 3D"
        )
    return float(density) if np.ndim(density) == 0 else density


def electric_field(dim: int, E: ArrayLike) -> Floats:
    """E as vectors (..., 3) in space, or a ValueError."""
    field = finite("E", E)
    if field.ndim == 0 or field.shape[-1] != dim:
        raise ValueError(f"E has shape {field.shape}; expected (..., {dim})")
    return vector(field)


def magnetic_field(dim: int, B: ArrayLike) -> Floats:
    """B as vectors (..., 3) in space, or a ValueError."""
    field = finite("B", B)
    if dim == 1 and field.any():
        raise ValueError(f"B={B!r} in 1D; expected 0: a chain encloses no flux")
    if dim == 3 and (field.ndim == 0 or field.shape[-1] != 3):
        raise ValueError(f"B has shape {field.shape}; expected (..., 3) in 3D")
    return axial(dim, field)


def vector(values: Floats) -> Floats:
    """(..., dim) as vectors (..., 3) in space, so that one formula serves all dimensions."""
    missing = np.zeros((*values.shape[:-1], 3 - values.shape[-1]))
    return np.concatenate([values, missing], axis=-1)


def axial(dim: int, values: Floats) -> Floats:
    """Components z (...,), or vectors (..., 3) in 3D, as vectors (..., 3)."""
    return values if dim == 3 else np.stack([0 * values, 0 * values, values], axis=-1)


def finite(name: str, values: ArrayLike) -> Floats:
    """Real numbers as an array, or a ValueError."""
    array = np.asarray(values)
    if array.dtype.kind not in "iuf" or not np.isfinite(array).all():
        raise ValueError(f"{name}={values!r}; expected finite real numbers")
    return array.astype(float)
