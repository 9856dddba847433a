"""Point operations in words: "C3 rotation about z", "mirror x"."""

from __future__ import annotations

from fractions import Fraction
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["Turn", "label_of", "turn_of", "words_of"]

Floats = NDArray[np.float64]

# Operations come out of lattices typed with six digits or more.
_TOLERANCE = 1e-5
_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


class Turn(NamedTuple):
    """An orthogonal matrix taken apart: ±1 times a rotation."""

    sign: int  # its determinant
    angle: float  # of the rotation det(R)·R, in (−π, π]
    axis: Floats  # (3,), with z > 0, else y > 0, else x > 0; zero without a rotation


def turn_of(rotation: Floats) -> Turn:
    """Determinant, angle and axis of an orthogonal (3, 3) matrix."""
    sign = 1 if np.linalg.det(rotation) > 0 else -1
    proper = sign * rotation
    # R − Rᵀ = 2 sin θ [n×], and R + Rᵀ = 2 cos θ + 2 (1 − cos θ) nn.
    twist = np.array([proper[2, 1] - proper[1, 2], proper[0, 2] - proper[2, 0],
                      proper[1, 0] - proper[0, 1]]) / 2  # fmt: skip
    angle = float(np.arctan2(np.linalg.norm(twist), (np.trace(proper) - 1) / 2))
    if angle < _TOLERANCE:
        return Turn(sign, 0.0, np.zeros(3))
    axis = np.linalg.eigh(proper + proper.T)[1][:, -1]
    axis = axis * _handedness(axis)
    if np.pi - angle < _TOLERANCE:
        return Turn(sign, np.pi, axis)
    return Turn(sign, angle if twist @ axis > 0 else -angle, axis)


def _handedness(axis: Floats) -> float:
    first = next(x for x in axis[[2, 1, 0]] if abs(x) > _TOLERANCE)
    return float(np.sign(first))


def words_of(rotation: Floats) -> str:
    """ "C3 rotation about z", "mirror x", "inversion", …"""
    sign, angle, axis = turn_of(rotation)
    if not angle:
        return "identity" if sign > 0 else "inversion"
    where = _direction(axis)
    if sign < 0 and angle == np.pi:
        return f"mirror {where}" if len(where) == 1 else f"mirror with normal {where}"
    kind = "rotation" if sign > 0 else "rotoreflection"
    if where.startswith("at "):
        where = f"the axis {where}"
    return f"{_order(sign, angle)} {kind} about {where}"


def label_of(rotation: Floats) -> str:
    """ "C3z", "Mx", "P", …: the same, short."""
    sign, angle, axis = turn_of(rotation)
    if not angle:
        return "E" if sign > 0 else "P"
    where = _direction(axis).removeprefix("at ").removesuffix(" from x")
    if where.endswith("°"):
        where = f"({where})"
    if sign < 0 and angle == np.pi:
        return f"M{where}"
    return f"{_order(sign, angle)}{where}"


def _order(sign: int, angle: float) -> str:
    """C4, C3⁻¹, S6, …; a rotoreflection is a rotation and a mirror across its plane."""
    if sign < 0:
        angle -= np.copysign(np.pi, angle)
    letter = "C" if sign > 0 else "S"
    part = Fraction(angle / (2 * np.pi)).limit_denominator(12)
    if abs(float(part) * 2 * np.pi - angle) > _TOLERANCE:
        return f"{letter}({np.degrees(angle):.6g}°)"
    power = "" if part.numerator == 1 else str(part.numerator).translate(_SUPERSCRIPTS)
    return f"{letter}{part.denominator}{power}"


def _direction(axis: Floats) -> str:
    for name, unit in zip("xyz", np.eye(3), strict=True):
        if abs(axis @ unit) > 1 - _TOLERANCE**2:
            return name
    for largest in (1, 2, 3):
        steps = axis / abs(axis).max() * largest
        if abs(steps - np.rint(steps)).max() < _TOLERANCE:
            return "[" + " ".join(str(int(n)) for n in np.rint(steps)) + "]"
    if abs(axis[2]) < _TOLERANCE:
        return f"at {np.degrees(np.arctan2(axis[1], axis[0])):.6g}° from x"
    return "(" + ", ".join(f"{x:.4g}" for x in axis) + ")"
