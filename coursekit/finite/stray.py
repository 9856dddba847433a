"""Magnetic field that currents make around them."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["stray_field"]

Floats = NDArray[np.float64]

# Numbers held at a time.
_CHUNK = 1 << 20
# Distance from a segment, as a fraction of its length, below which a point is on it.
_TOUCHES = 1e-12


def stray_field(start: ArrayLike, end: ArrayLike, current: ArrayLike, points: ArrayLike) -> Floats:
    """Field of straight segments of current, by the law of Biot and Savart.

    Parameters
    ----------
    start, end : (n, 2) in the plane z = 0, or (n, 3); length
    current : (n,) electric current from start to end, as :meth:`Flake.bond_currents` gives it;
        e energy / ħ
    points : (..., 3) where the field is asked for, length

    Returns
    -------
    (..., 3) B in units of μ₀/4π × current / length.  With energies in eV and lengths in Å one unit
    is (μ₀/4π)(e eV/ħ)/Å = 0.24341 T.

    Raises
    ------
    ValueError : a point on a segment with current, where the field is infinite; wrong shapes, NaN

    Notes
    -----
    For a segment seen at r₁ and r₂ from its ends, B = I (r₁ × r₂)(r₁ + r₂) / (r₁r₂ (r₁r₂ + r₁·r₂)).
    Segments that do not close to loops have a field as well; it is that of no current in nature.
    Above the edge x = 0 of a half plane x < 0 with magnetization M along +z, at height h,
    B_z = −2M x/(x² + h²) and B_x = 2M h/(x² + h²): a scanning SQUID sees edges alone.
    J. D. Hanson & S. P. Hirshman, Phys. Plasmas 9, 4410 (2002); DOI 10.1063/1.1507589.

    Examples
    --------
    A square loop with unit current, seen from its middle: 8√2/side.

    >>> import numpy as np, coursekit as ck
    >>> corners = np.array([[1, 1], [-1, 1], [-1, -1], [1, -1]]) / 2
    >>> B = ck.finite.stray_field(corners, np.roll(corners, -1, axis=0), np.ones(4), [0, 0, 0])
    >>> print(f"{B[2] / np.sqrt(128):.6f}")
    1.000000
    """
    a, b = _in_space("start", start), _in_space("end", end)
    strength = _real("current", current)
    r = _real("points", points)
    if a.shape != b.shape or strength.shape != a.shape[:1]:
        raise ValueError(
            f"start, end and current have shapes {np.shape(start)}, {np.shape(end)} and "
            f"{strength.shape}; expected one row and one current for each segment"
        )
    if r.ndim == 0 or r.shape[-1] != 3:
        raise ValueError(f"points have shape {r.shape}; expected (..., 3), the height z last")
    # Hops between orbitals at one place carry charge nowhere.
    flows = (strength != 0) & (a != b).any(axis=1)
    a, b, strength = a[flows], b[flows], strength[flows]
    flat = r.reshape(-1, 3)
    field = np.empty_like(flat)
    step = max(1, _CHUNK // max(1, len(a)))
    for first in range(0, len(flat), step):
        part = slice(first, first + step)
        field[part] = _field(a, b, strength, flat[part])
    return field.reshape(r.shape)


def _field(a: Floats, b: Floats, current: Floats, points: Floats) -> Floats:
    """(n_points, 3)"""
    from_a, from_b = points[:, None, :] - a, points[:, None, :] - b
    along = b - a
    ra, rb = np.linalg.norm(from_a, axis=-1), np.linalg.norm(from_b, axis=-1)
    # r₁ × r₂ = l × r₂ with less cancellation.
    normal = np.cross(along, from_b)
    product, cosine = ra * rb, (from_a * from_b).sum(axis=-1)
    # r₁r₂ + r₁·r₂, beside the segment by (r₁r₂)² − (r₁·r₂)² = |r₁ × r₂|².
    facing = (normal**2).sum(axis=-1) / np.where(cosine < 0, product - cosine, 1)
    open_angle = np.where(cosine < 0, facing, product + cosine)
    touches = (open_angle <= _TOUCHES**2 * (along**2).sum(axis=-1)).any(axis=1)
    if touches.any():
        raise ValueError(
            f"the point {points[touches][0].tolist()} is on a segment with current, where B is "
            "infinite; expected points off the wires, such as above the plane"
        )
    factor = current * (ra + rb) / (product * open_angle)
    return np.asarray((factor[..., None] * normal).sum(axis=1))


def _in_space(name: str, values: ArrayLike) -> Floats:
    array = _real(name, values)
    if array.ndim != 2 or array.shape[1] not in (2, 3):
        raise ValueError(f"{name} has shape {array.shape}; expected (n, 2) or (n, 3)")
    return np.pad(array, ((0, 0), (0, 3 - array.shape[1])))


def _real(name: str, values: ArrayLike) -> Floats:
    array = np.asarray(values)
    if array.dtype.kind not in "iuf" or not np.isfinite(array).all():
        raise ValueError(f"{name} holds numbers that are not real or not finite; expected neither")
    return array.astype(float)
