"""Paths of electrons in uniform fields."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from coursekit.bands import solve
from coursekit.bloch_model import Model, check_k, check_model
from coursekit.dynamics.fields import electric_field, finite, magnetic_field
from coursekit.dynamics.motion import Packet, move, one_band, packet_at
from coursekit.errors import ConvergenceError

__all__ = ["Trajectory", "trajectory"]

Floats = NDArray[np.float64]
Field = ArrayLike | Callable[[float], ArrayLike]

# Relative tolerance of a path, and steps that it may take in each zone that it crosses: a chain
# takes 20, a gap of 1e-4 in its way 200.
_RTOL = 1e-10
_STEPS = 300
# Rounding of Ω grows as (scale/gap)²: here it is 1e-6, and step control sees noise alone.
_SMALLEST_GAP = 1e-5


@dataclass(frozen=True, eq=False, repr=False)
class Trajectory:
    """Paths of electrons; those of a cloud have its shape in the place of ``...``.

    Attributes
    ----------
    times : (n_times,) ħ/energy
    r : (n_times, ..., dim) position, length
    k : (n_times, ..., dim) Cartesian wave vector, not folded back into the zone, 1/length
    energy : (n_times, ...) ε − m·B
    work : (n_times, ...) −∫E·ṙ dt that the electric field has done since the start
    """

    times: Floats
    r: Floats
    k: Floats
    energy: Floats
    work: Floats

    @property
    def energy_error(self) -> float:
        """Largest gain of energy that is not work; 0 but for rounding where B is constant."""
        return float(abs(self.energy - self.energy[0] - self.work).max())

    def __repr__(self) -> str:
        start, end = self.times[[0, -1]]
        return f"<Trajectory: t from {start:g} to {end:g}, r and k of shape {self.r.shape}>"


def trajectory(
    model: Model,
    band: int,
    k0: ArrayLike,
    E: Field,
    B: Field,
    times: ArrayLike,
    r0: ArrayLike = 0.0,
) -> Trajectory:
    """Path of an electron, or of a cloud of them, in uniform fields.

    Parameters
    ----------
    band : one band that touches no other along the path
    k0 : (..., dim) Cartesian wave vectors at the start, 1/length
    E : (dim,) electric field, energy / (e length), or a function of the time that gives it
    B : magnetic field, or a function of the time: 2D a number, 3D (3,), 1D 0; ħ/(e length²)
    times : (n_times,) increasing, ħ/energy; the path starts at the first
    r0 : positions at the start, length, broadcast to the shape of ``k0``

    Returns
    -------
    Trajectory : ``times``, ``r``, ``k``, ``energy`` and ``work``

    Raises
    ------
    DegenerateBandsError : the path meets a k where the band comes closer to another than 1e-5 of
        the largest energy; carries k and gap
    ConvergenceError : the steps became too small
    ValueError : as :func:`equations_of_motion`; times that do not increase

    Notes
    -----
    Dormand–Prince steps of order 8 with a relative tolerance of 1e-10.  Where fields change with
    time, no step is longer than the spacing of ``times``, so that a pulse wider than that counts.

    Examples
    --------
    Bloch oscillation in a chain: back after 2π/(E a), and bandwidth/E away in between.

    >>> import numpy as np, coursekit as ck
    >>> chain = ck.TightBinding([[1.0]], [[0.0]], [(0, 0, [1], -0.5)])
    >>> path = ck.trajectory(chain, 0, [0.0], E=[0.1], B=0, times=[0, 10 * np.pi, 20 * np.pi])
    >>> print(f"{path.r[1, 0]:.6f}")
    -20.000000
    >>> bool(abs(path.r[2, 0]) < 1e-8 and path.energy_error < 1e-9)
    True
    """
    from scipy.integrate import DOP853

    check_model(model)
    band, dim = one_band(model, band), model.dim
    k = check_k(k0, dim)
    start = finite("r0", r0)
    times = finite("times", times)
    if times.ndim != 1 or len(times) < 2 or (np.diff(times) <= 0).any():
        raise ValueError(f"times={times!r}; expected two or more that increase")
    try:
        start = np.broadcast_to(start, k.shape)
    except ValueError:
        raise ValueError(
            f"r0 has shape {start.shape} and k0 {k.shape}; expected one that broadcasts to k0's"
        ) from None

    def fields(t: float) -> tuple[Floats, Floats]:
        electric = electric_field(dim, E(t) if callable(E) else E)
        magnetic = magnetic_field(dim, B(t) if callable(B) else B)
        if electric.ndim > 1 or magnetic.ndim > 1:
            raise ValueError(
                f"E={E!r}, B={B!r}; expected one field for all electrons: E ({dim},) and B "
                f"{'(3,)' if dim == 3 else 'a number, along z'}"
            )
        return electric, magnetic

    def at(k: Floats, B: Floats) -> Packet:
        return packet_at(model, band, k, B, _SMALLEST_GAP)

    def rates(t: float, state: Floats) -> Floats:
        k = state.reshape(-1, 2 * dim + 1)[:, dim : 2 * dim]
        electric, magnetic = fields(t)
        rdot, kdot, _ = move(dim, at(k, magnetic), electric, magnetic, k)
        power = -rdot @ electric[:dim]
        return np.concatenate([rdot, kdot, power[:, None]], axis=-1).ravel()

    # Tolerances in the model's own units: its cell and its energies.
    length = 1.0 if model.lattice is None else model.lattice.cell_volume ** (1 / dim)
    bands = solve(model, k)
    energy = abs(bands.energies).max(initial=0.0)
    scale = np.repeat([length, 1 / length, energy], [dim, dim, 1])
    strength = [np.linalg.norm(f, axis=-1) for f in zip(*map(fields, times), strict=True)]
    fastest = max(strength[0]) + max(strength[1]) * abs(bands.velocity).max(initial=0.0)
    zones = (times[-1] - times[0]) * fastest * length / (2 * np.pi)
    most_steps = _STEPS * (1 + zones) + len(times)
    longest = np.diff(times).max() if callable(E) or callable(B) else np.inf
    state = np.concatenate([start, k, np.zeros((*k.shape[:-1], 1))], axis=-1)
    tolerance = _RTOL * np.broadcast_to(scale, state.shape).ravel()
    solver = DOP853(rates, times[0], state.ravel(), times[-1], longest, rtol=_RTOL, atol=tolerance)
    states, steps = [state.ravel()], 0
    while len(states) < len(times):
        message = solver.step() or "it does not settle"
        steps += 1
        if solver.status == "failed" or steps > most_steps:
            raise ConvergenceError(
                f"the path stopped at t={solver.t:.6g}: {message}; expected a smooth band and "
                "smooth fields along it: look at the gap, at B·Ω and at E(t) there"
            )
        reached = times[len(states) :] <= solver.t
        if reached.any():
            states.extend(map(solver.dense_output(), times[len(states) :][reached]))
    r, k, work = np.split(np.reshape(states, (-1, *state.shape)), [dim, 2 * dim], axis=-1)
    magnetic = np.stack([fields(t)[1] for t in times]).reshape(-1, *[1] * (k.ndim - 2), 3)
    return Trajectory(times, r, k, at(k, magnetic).energy, work[..., 0])
