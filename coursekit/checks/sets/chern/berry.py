"""Anomalous velocity, Berry flux, Chern number."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from coursekit.bands import solve
from coursekit.checks.diagnose import CONSTANT, DEGREES, TRUNCATED, factor
from coursekit.checks.families import Drawn, haldane, other_basis, other_cell, qwz, uniform
from coursekit.checks.form import Case, Check, Diagnosis, Part, Seen, Tolerance
from coursekit.checks.laws import gauge_invariant
from coursekit.dynamics import anomalous_velocity
from coursekit.tight_binding import TightBinding

__all__ = ["FLUX", "PLAQUETTE", "VELOCITY"]

Rng = np.random.Generator
TWO_PI = 2 * math.pi


def _one_electron(rng: Rng) -> list[Case]:
    cases = []
    for _ in range(3):
        omega, field = uniform(rng, -3, 3), rng.uniform(-1, 1, 2).round(3)
        cases.append(Case((omega, field), f"omega = {omega}; E = {field.tolist()}"))
    return cases


def _many_electrons(rng: Rng) -> list[Case]:
    n = int(rng.integers(3, 7))
    shapes = [((n,), (2,)), ((n,), (n, 2)), ((n, 1), (n + 1, 2))]
    return [
        Case(
            (rng.uniform(-3, 3, omega), rng.uniform(-1, 1, field)),
            f"omega of shape {omega}, E of shape {field}",
        )
        for omega, field in shapes
    ]


def _parallel(omega: NDArray[np.float64], E: NDArray[np.float64]) -> Any:
    return np.asarray(omega)[..., None] * E


def _no_curvature(omega: NDArray[np.float64], E: NDArray[np.float64]) -> Any:
    sideways = np.stack([E[..., 1], -E[..., 0]], axis=-1)
    return sideways + np.zeros_like(omega)[..., None]


def _both_plus(omega: NDArray[np.float64], E: NDArray[np.float64]) -> Any:
    return np.asarray(omega)[..., None] * E[..., ::-1]


VELOCITY = Check(
    name="chern.velocity",
    title="Anomalous velocity",
    signature="anomalous_velocity(omega, E)",
    family="Ω between −3 and 3, both components of E between −1 and 1; one electron or arrays",
    reference=anomalous_velocity,
    tolerance=Tolerance("a product of two numbers, good to rounding", relative=1e-12),
    parts=(Part("one electron", 1, _one_electron), Part("many electrons", 1, _many_electrons)),
    diagnoses=(
        Diagnosis(
            "sign",
            "The velocity points the opposite way. In v = −(q/ħ) E × Ω the electron has q = −1, so "
            "the two minus signs make a plus.",
            symptom=factor(-1),
        ),
        Diagnosis(
            "parallel",
            "This velocity is along E. The cross product E × Ω is perpendicular to E: for an "
            "electron Ω deflects, it does not accelerate.",
            wrong=(_parallel,),
        ),
        Diagnosis(
            "both_plus",
            "The two components of a cross product with ẑ have opposite signs: "
            "E × ẑ = (E_y, −E_x).",
            wrong=(_both_plus, lambda omega, E: -_both_plus(omega, E)),
        ),
        Diagnosis(
            "no_curvature",
            "The direction is right, and the size is that of E: multiply by Ω.",
            wrong=(_no_curvature,),
        ),
        TRUNCATED,
    ),
)


Corners = tuple[NDArray[np.complex128], ...]


def _noise(rng: Rng, *shape: int) -> NDArray[np.complex128]:
    return np.asarray(rng.normal(size=shape) + 1j * rng.normal(size=shape))


def _corners(rng: Rng, *shape: int) -> Corners:
    """Normalized states that are near each other, in a smooth gauge."""
    centre = _noise(rng, *shape)
    corners = [centre + 0.4 * _noise(rng, *shape) for _ in range(4)]
    return tuple(u / np.linalg.norm(u, axis=-1, keepdims=True) for u in corners)


def _one_plaquette(rng: Rng) -> list[Case]:
    return [
        Case(_corners(rng, n), f"four near states of {n} orbitals, smooth gauge")
        for n in (2, 3, 4, 2, 3)
    ]


def _many_plaquettes(rng: Rng) -> list[Case]:
    shape = (int(rng.integers(3, 6)), int(rng.integers(6, 9)), 2)
    return [Case(_corners(rng, *shape), f"u1 … u4 of shape {shape}")]


def _links(u1: ArrayLike, u2: ArrayLike, u3: ArrayLike, u4: ArrayLike) -> NDArray[np.complex128]:
    corners = np.stack([u1, u2, u3, u4])
    links: NDArray[np.complex128] = (corners.conj() * np.roll(corners, -1, axis=0)).sum(axis=-1)
    return links


def _flux(*corners: ArrayLike) -> NDArray[np.float64]:
    """A link is ⟨u|u′⟩ ≈ 1 + ⟨u|∂u⟩·dk = 1 − iA·dk, so its phase is −A·dk."""
    return np.asarray(-np.angle(_links(*corners).prod(axis=0)))


def _unwrapped(*corners: ArrayLike) -> NDArray[np.float64]:
    return np.asarray(-np.angle(_links(*corners)).sum(axis=0))


def _open_path(*corners: ArrayLike) -> NDArray[np.float64]:
    return np.asarray(-np.angle(_links(*corners)[:3].prod(axis=0)))


def _no_conjugate(*corners: ArrayLike) -> NDArray[np.float64]:
    states = np.stack(corners)
    links = (states * np.roll(states, -1, axis=0)).sum(axis=-1)
    return np.asarray(-np.angle(links.prod(axis=0)))


def _imaginary(*corners: ArrayLike) -> NDArray[np.float64]:
    return np.asarray(-_links(*corners).prod(axis=0).imag)


def _modulus(*corners: ArrayLike) -> NDArray[np.float64]:
    return np.asarray(-np.angle(abs(_links(*corners)).prod(axis=0)))


FLUX = Check(
    name="chern.flux",
    title="Berry flux through a plaquette",
    signature="plaquette_flux(u1, u2, u3, u4)",
    family="four near normalized states of 2 to 4 orbitals, in a smooth gauge or in a random one",
    reference=_flux,
    tolerance=Tolerance("four inner products and an angle, good to rounding", absolute=1e-9),
    parts=(
        Part("one plaquette", 1, _one_plaquette),
        Part(
            "any gauge",
            1,
            _one_plaquette,
            law=gauge_invariant("a phase on each state leaves the flux as it is", 0, 1, 2, 3),
        ),
        Part("many plaquettes at once", 1, _many_plaquettes),
    ),
    diagnoses=(
        Diagnosis(
            "sign",
            "The size is right and the sign is wrong. With A = i⟨u|∂u⟩ a link is ⟨u|u′⟩ ≈ "
            "exp(−iA·dk): its phase is minus A·dk.",
            symptom=factor(-1),
        ),
        Diagnosis(
            "unwrapped",
            "Right up to a multiple of 2π. The phases of single links depend on the gauge: "
            "multiply the four links first, then take one angle of the product.",
            wrong=(_unwrapped,),
        ),
        Diagnosis(
            "open_path",
            "The fourth link, from u4 back to u1, is missing. An open path has no gauge-invariant "
            "phase.",
            wrong=(_open_path,),
        ),
        Diagnosis(
            "no_conjugate",
            "The overlaps lack the complex conjugate: ⟨u|u′⟩ = Σ u*·u′. np.dot and @ do not "
            "conjugate; np.vdot does.",
            wrong=(_no_conjugate, lambda *corners: -_no_conjugate(*corners)),
        ),
        Diagnosis(
            "imaginary",
            "This is the imaginary part of the product. The flux is the angle of the product: the "
            "overlaps of finite steps are shorter than 1, and a sine is no angle.",
            wrong=(_imaginary, lambda *corners: -_imaginary(*corners)),
        ),
        Diagnosis(
            "real",
            "The flux is always 0: either it does not depend on the states yet, or the imaginary "
            "part was dropped, by abs, .real or a real array, before the angle was taken.",
            wrong=(_modulus,),
        ),
        DEGREES,
    ),
)


def _mesh_cases(rng: Rng, drawn: Sequence[Drawn]) -> list[Case]:
    cases = []
    for one in rng.permutation(np.array(drawn, dtype=object)):
        turned = other_basis(rng, one)
        n = int(rng.integers(16, 25))
        cases.append(Case((turned.model, n), f"{turned.text}; n = {n}"))
    return cases


# So many of each that nobody hits upon all of them.
_EACH = (1, 1, 1, 0, 0, -1, -1, -1)


def _square(rng: Rng) -> list[Case]:
    return _mesh_cases(rng, [qwz(rng, c) for c in _EACH])


def _honeycomb(rng: Rng) -> list[Case]:
    return _mesh_cases(rng, [haldane(rng, c) for c in _EACH])


def _any_cell(rng: Rng) -> list[Case]:
    hands = [(c, hand) for c in (1, -1, 1, -1, 0) for hand in (1, -1)]
    return _mesh_cases(rng, [other_cell(rng, qwz(rng, c), hand) for c, hand in hands])


def _summed_flux(model: TightBinding, n: int, basis: ArrayLike, closed: bool) -> float:
    """Sum of plaquette fluxes over 2π of a mesh along ``basis``, in the order of the basis.

    ``closed``: the last row is followed by the first, instead of by the row one zone further on.
    """
    steps = np.arange(n if closed else n + 1) / n
    reduced = np.stack(np.meshgrid(steps, steps, indexing="ij"), axis=-1)
    u = solve(model, reduced @ np.asarray(basis)).states[..., 0]
    if closed:
        u = np.pad(u, ((0, 1), (0, 1), (0, 0)), mode="wrap")
    return float(_flux(u[:-1, :-1], u[1:, :-1], u[1:, 1:], u[:-1, 1:]).sum() / TWO_PI)


def _chern(model: TightBinding, n: int) -> int:
    """The families keep their gaps so wide that 40 plaquettes a side are plenty, whatever n is.

    ``ck.chern_number`` certifies that for every model, which takes a hundred times as long; the
    tests hold one against the other.
    """
    turn = np.sign(np.linalg.det(model.lattice.vectors))
    return round(float(turn) * _summed_flux(model, 40, model.lattice.reciprocal, closed=False))


def _reduced_k(model: TightBinding, n: int, scale: float, closed: bool, turned: bool) -> float:
    turn = np.sign(np.linalg.det(model.lattice.vectors)) if turned else 1.0
    return float(turn) * _summed_flux(model, n, scale * np.eye(2), closed)


def _always_zero(seen: Sequence[Seen]) -> bool:
    return CONSTANT.explains(seen, ()) and not any(one.got.any() for one in seen)


def _handedness(seen: Sequence[Seen]) -> bool:
    left = all(np.linalg.det(one.args[0].lattice.vectors) < 0 for one in seen)
    return left and factor(-1)(seen)


def _not_whole(seen: Sequence[Seen]) -> bool:
    return all(abs(one.got - np.round(one.got)) > one.allowed for one in seen)


PLAQUETTE = Check(
    name="chern.plaquette",
    title="Chern number from plaquettes",
    signature="plaquette_chern(model, n)",
    family="QWZ and Haldane models with C = −1, 0, 1, on any scale of energy and with any phases "
    "of the orbitals, on their own cell or on an oblique cell of either handedness; n between 16 "
    "and 24",
    reference=_chern,
    tolerance=Tolerance("an integer, up to the rounding of a sum of angles", absolute=1e-6),
    parts=(
        Part("square lattice", 2, _square),
        Part("honeycomb lattice", 2, _honeycomb),
        Part("any cell", 1, _any_cell),
    ),
    diagnoses=(
        Diagnosis(
            "handedness",
            "The sign is wrong where a1 × a2 points along −z. There a step along b1 and then along "
            "b2 runs clockwise around a plaquette: use the sign of det(model.lattice.vectors).",
            symptom=_handedness,
        ),
        Diagnosis(
            "sign",
            "The size is right and the sign is wrong: either the phase of a link was taken as "
            "+A·dk, or the corners run clockwise, or this is the upper band.",
            symptom=factor(-1),
        ),
        Diagnosis(
            "zero",
            "The answer is 0 for every model. Either it does not depend on the model yet; or the "
            "mesh covers a small part of the zone (a step along b1 is model.lattice.reciprocal[0] "
            "/ n, in Cartesian coordinates); or the states are not those of one band "
            "(np.linalg.eig sorts nothing, eigh does); or int() made 0 of 0.9999999 (use round()).",
            symptom=_always_zero,
            of_all=True,
        ),
        Diagnosis(
            "two_pi",
            "This is the total flux ∫Ω d²k. The Chern number is the flux divided by 2π.",
            symptom=factor(TWO_PI),
        ),
        Diagnosis(
            "k_reduced",
            "Reduced coordinates were passed as k. model.hamiltonian takes Cartesian k: multiply "
            "them by model.lattice.reciprocal.",
            wrong=tuple(
                partial(_reduced_k, scale=scale, closed=closed, turned=turned)
                for scale in (1.0, TWO_PI)
                for closed in (False, True)
                for turned in (False, True)
            ),
        ),
        Diagnosis(
            "not_whole",
            "The sum is not an integer. Either the plaquettes do not cover the zone exactly once, "
            "or their fluxes are not each between −π and π, or the states are not those of one "
            "band (np.linalg.eig sorts nothing, eigh does).",
            symptom=_not_whole,
        ),
    ),
)
