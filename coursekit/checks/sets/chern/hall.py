"""Anomalous Hall conductivity, from the Berry curvature and from counting states."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from coursekit.bands import solve
from coursekit.checks.diagnose import TWICE, factor, nearly
from coursekit.checks.families import Drawn, haldane, other_basis, other_cell, qwz, uniform
from coursekit.checks.form import Case, Check, Diagnosis, Part, Seen, Tolerance
from coursekit.finite import with_flux
from coursekit.lattice import uniform_mesh
from coursekit.response import anomalous_hall
from coursekit.tight_binding import TightBinding

__all__ = ["HALL", "STREDA"]

Rng = np.random.Generator
TWO_PI = 2 * math.pi


def _hall_case(drawn: Drawn, mu: Any, kT: float) -> Case:
    level = mu if np.ndim(mu) == 0 else f"np.array({mu.tolist()})"
    return Case((drawn.model, mu, kT), f"{drawn.text}; mu = {level}; kT = {kT}")


def _square(rng: Rng, chern: int) -> Drawn:
    # A large t′ would close the indirect gap.
    return qwz(rng, chern, tp=0.1)


def _gap_and_bands(rng: Rng, family: Callable[[Rng, int], Drawn]) -> list[Case]:
    """Both quantized values, and a metal with μ in each band."""
    cases = [_hall_case(family(rng, c), uniform(rng, -0.1, 0.1), 0.05) for c in (1, -1)]
    for sign in (1, -1):
        metal = family(rng, int(rng.choice([-1, 1])))
        mu, kT = sign * uniform(rng, 0.9, 1.4), uniform(rng, 0.15, 0.3)
        cases.append(_hall_case(metal, mu, kT))
    return [cases[i] for i in rng.permutation(len(cases))]


def _hall_any_cell(rng: Rng) -> list[Case]:
    cases = []
    for hand in rng.permutation([1, -1]):
        drawn = other_cell(rng, qwz(rng, int(rng.choice([-1, 1]))), int(hand))
        cases.append(_hall_case(drawn, uniform(rng, -0.2, 1.4), uniform(rng, 0.15, 0.3)))
    return cases


def _many_mu(rng: Rng) -> list[Case]:
    mu = np.sort(rng.uniform(-2, 2, int(rng.integers(4, 8)))).round(3)
    return [_hall_case(haldane(rng, int(rng.choice([-1, 1]))), mu, 0.2)]


def _hall(model: TightBinding, mu: Any, kT: float) -> Any:
    return TWO_PI * np.asarray(anomalous_hall(model, mu, kT))


def _mesh_hall(
    model: TightBinding,
    mu: Any,
    kT: float,
    basis: ArrayLike,
    bands: int = 2,
    filled: bool = False,
    n: int = 96,
    ends: bool = False,
    power: int = 2,
    real: bool = False,
) -> NDArray[np.float64]:
    """σ_xy in e²/h on an n × n mesh of the cell spanned by ``basis``, with some mistakes.

    ``bands``, ``filled``: some bands only, without their occupation; ``ends``: both ends of the
    zone are in the mesh; ``power``: of the denominator; ``real``: part of the product
    """
    steps = np.linspace(0, 1, n, endpoint=ends)
    reduced = np.stack(np.meshgrid(steps, steps, indexing="ij"), axis=-1)
    solved = solve(model, reduced @ np.asarray(basis))
    e, v = solved.energies, solved.velocity
    product = v[..., 0, 0, 1] * v[..., 1, 1, 0]
    omega = -2 * (product.real if real else product.imag) / (e[..., 1] - e[..., 0]) ** power
    curvature = np.stack([omega, -omega], axis=-1)[..., :bands]
    levels = (np.asarray(mu)[..., None, None, None] - e[..., :bands]) / kT
    occupation = np.ones_like(levels) if filled else (1 + np.tanh(levels / 2)) / 2
    mean = (occupation * curvature).sum(axis=-1).mean(axis=(-1, -2))
    return np.asarray(-TWO_PI * mean / model.lattice.cell_volume)


def _zone_hall(model: TightBinding, mu: Any, kT: float, **mistakes: Any) -> NDArray[np.float64]:
    """The same over the zone."""
    return _mesh_hall(model, mu, kT, model.lattice.reciprocal, **mistakes)


def _ends(seen: Sequence[Seen]) -> bool:
    """Off by what the doubled edge of some mesh gives, 1/n of its share at n = 96."""
    due = np.concatenate(
        [np.ravel(_zone_hall(*one.args, n=96, ends=True) - one.expected) for one in seen]
    )
    got = np.concatenate([np.ravel(one.got - one.expected) for one in seen])
    share = (got @ due) / (due @ due)
    rest = np.linalg.norm(got - share * due) / np.linalg.norm(got)
    # The remainder is of the next order in 1/n.
    return bool(0.1 < share < 10 and rest < 0.1)


def _reduced_hall(model: TightBinding, mu: Any, kT: float, scale: float, area: bool) -> Any:
    value = _mesh_hall(model, mu, kT, scale * np.eye(2))
    return value if area else value * model.lattice.cell_volume


def _unconverged(seen: Sequence[Seen]) -> bool:
    """Near the right values, or exactly those of some coarse mesh."""

    def of_mesh(one: Seen, n: int) -> bool:
        model, mu, kT = one.args
        value = _zone_hall(model, mu, kT, n=n)
        return bool(abs(value - one.got).max() <= one.allowed)

    coarse = (all(of_mesh(one, n) for one in seen) for n in range(2, 13))
    return nearly(absolute=0.3)(seen) or any(coarse)


def _no_area(seen: Sequence[Seen]) -> bool:
    return all(factor(one.args[0].lattice.cell_volume)([one]) for one in seen)


HALL = Check(
    name="chern.hall",
    title="Anomalous Hall conductivity",
    signature="hall_conductivity(model, mu, kT)",
    family="QWZ and Haldane models with C = ±1, on their own cell or on an oblique cell of either "
    "handedness; μ between −2 and 2, in a gap or in a band; kT between 0.05 and 0.3",
    reference=_hall,
    tolerance=Tolerance("a mesh of 60 × 60 points is enough", absolute=1e-3),
    parts=(
        Part("square lattice", 2, lambda rng: _gap_and_bands(rng, _square)),
        Part("honeycomb lattice", 2, lambda rng: _gap_and_bands(rng, haldane)),
        Part("any cell", 1, _hall_any_cell),
        Part("many μ at once", 1, _many_mu),
    ),
    diagnoses=(
        Diagnosis(
            "sign",
            "The size is right and the sign is wrong. σ_xy = −(q²/ħ) ∫ f Ω: a filled band gives "
            "−C e²/h, in the convention j_x = σ_xy E_y with Ω = curl A. (Two band indices that are "
            "exchanged in one matrix element, and holes counted for electrons, have this effect, "
            "too.)",
            symptom=factor(-1),
        ),
        Diagnosis(
            "two_pi",
            "A factor 2π is missing: this is σ_xy in e²/ħ, and 1 e²/ħ = 2π e²/h.",
            symptom=factor(1 / TWO_PI),
        ),
        Diagnosis(
            "jacobian",
            "The area of the cell is missing. A mean over the mesh times the area of the zone, "
            "(2π)²/A_cell, is the integral over d²k.",
            symptom=_no_area,
        ),
        Diagnosis(
            "no_fermi",
            "The whole lowest band is counted whatever μ and kT are. Weigh each state with the "
            "Fermi function f((ε − μ)/kT).",
            wrong=(partial(_zone_hall, bands=1, filled=True),),
            slack=10.0,
        ),
        Diagnosis(
            "one_band",
            "Only the lowest band is counted. The upper one holds electrons too, with the opposite "
            "curvature.",
            wrong=(partial(_zone_hall, bands=1),),
            slack=10.0,
        ),
        Diagnosis(
            "step_function",
            "This is σ_xy at zero temperature: the occupation jumps at μ. Use the Fermi function "
            "with kT.",
            wrong=(lambda model, mu, kT: _zone_hall(model, mu, kT / 1000),),
            # A jump on a mesh leaves an error that depends on the mesh.
            slack=60.0,
        ),
        Diagnosis(
            "inverse_kT",
            "The Fermi function has kT in the wrong place: f = 1/(exp((ε − μ)/kT) + 1) divides by "
            "kT, with energies and kT in the same units (k_B = 1).",
            wrong=(lambda model, mu, kT: _zone_hall(model, mu, 1 / kT),),
            slack=10.0,
        ),
        Diagnosis(
            "factor_two",
            "Twice too large. The models have no spin: no factor 2 for it.",
            symptom=TWICE.symptom,
        ),
        Diagnosis(
            "not_squared",
            "The energy difference under the product of matrix elements is not squared.",
            wrong=(partial(_zone_hall, power=1), lambda *args: -_zone_hall(*args, power=1)),
            slack=10.0,
        ),
        Diagnosis(
            "real_part",
            "This is the real part of the product of matrix elements, to which the metric belongs. "
            "The curvature is the imaginary one.",
            wrong=(partial(_zone_hall, real=True), lambda *args: -_zone_hall(*args, real=True)),
            slack=10.0,
        ),
        Diagnosis(
            "ends",
            "Near, and wrong by what a doubled edge gives: the mesh holds both ends of the zone, "
            "which are the same point. Leave one out: np.arange(n)/n, or endpoint=False.",
            symptom=_ends,
        ),
        Diagnosis(
            "k_reduced",
            "Reduced coordinates were passed as k. The mesh must be Cartesian: multiply reduced "
            "coordinates by model.lattice.reciprocal.",
            wrong=tuple(
                partial(_reduced_hall, scale=scale, area=area)
                for scale in (1.0, TWO_PI)
                for area in (True, False)
            ),
            # The integrand is not periodic on that mesh, so the mistake depends on the mesh.
            slack=200.0,
        ),
        Diagnosis(
            "unconverged",
            "Near, but not within tolerance: refine the mesh until the answer stops changing.",
            symptom=_unconverged,
        ),
    ),
)


# Chern numbers; so many of each that nobody hits upon all of them.
_EACH = (1, 1, 1, 0, 0, -1, -1, -1)


def _torus(drawn: Drawn, quanta: int, length: int) -> tuple[NDArray[np.float64], float, float]:
    """Energies of length × length cells in the field of ``quanta``·length flux quanta, B, area."""
    flux = with_flux(drawn.model, quanta, length)
    k = uniform_mesh(flux.lattice, (1, length))
    energies = np.sort(np.linalg.eigvalsh(flux.hamiltonian(k)).ravel())
    area = length * flux.lattice.cell_volume
    return energies, TWO_PI * quanta / flux.lattice.cell_volume, area


def _tori(rng: Rng, drawn: Drawn, lengths: Sequence[int]) -> Case:
    # Fields of both signs, not balanced, so that a line forced through the origin is a wrong one.
    quanta = rng.permutation([-1, 0, 1, 2])
    tori = [_torus(drawn, int(p), n) for p, n in zip(quanta, lengths, strict=True)]
    mu = uniform(rng, -0.2, 0.2)
    energies, fields, areas = (list(x) for x in zip(*tori, strict=True))
    text = (
        f"{drawn.text}; mu = {mu}; flux quanta per row of cells {quanta.tolist()}, tori of "
        f"{list(lengths)}² cells"
    )
    return Case((energies, fields, areas, mu), text)


def _gapped(rng: Rng, chern: int) -> Drawn:
    # In two flux quanta on twelve cells a narrower gap would close around μ.
    return qwz(rng, chern, tp=0.0, off=0.2)


def _one_torus(rng: Rng) -> list[Case]:
    drawn = [other_basis(rng, _gapped(rng, int(c))) for c in rng.permutation(_EACH)]
    return [_tori(rng, one, [16] * 4) for one in drawn]


def _many_tori(rng: Rng) -> list[Case]:
    drawn = [haldane(rng, c) for c in (1, 1, 0, -1, -1)]
    cells = [_gapped(rng, c) for c in (1, 1, -1, -1)]
    drawn += [other_cell(rng, one, hand) for one, hand in zip(cells, (1, -1) * 2, strict=True)]
    cases = []
    for one in rng.permutation(np.array(drawn, dtype=object)):
        lengths = [int(n) for n in rng.permutation([12, 14, 16, 18])]
        cases.append(_tori(rng, other_basis(rng, one), lengths))
    return cases


def _counts(energies: Sequence[ArrayLike], mu: float) -> NDArray[np.float64]:
    return np.array([(np.asarray(e) < mu).sum() for e in energies], dtype=float)


def _streda(energies: Sequence[ArrayLike], fields: ArrayLike, areas: ArrayLike, mu: float) -> float:
    """σ_xy = q ∂n/∂B with q = −e; 2π turns e²/ħ into e²/h."""
    density = _counts(energies, mu) / np.asarray(areas)
    return float(-TWO_PI * np.polyfit(np.asarray(fields), density, 1)[0])


def _number(energies: Sequence[ArrayLike], fields: ArrayLike, areas: ArrayLike, mu: float) -> float:
    return _streda(energies, fields, np.ones(len(energies)), mu)


def _through_origin(
    energies: Sequence[ArrayLike], fields: ArrayLike, areas: ArrayLike, mu: float
) -> float:
    density, field = _counts(energies, mu) / np.asarray(areas), np.asarray(fields)
    return float(-TWO_PI * (density @ field) / (field @ field))


def _inverse(
    energies: Sequence[ArrayLike], fields: ArrayLike, areas: ArrayLike, mu: float
) -> float:
    density = _counts(energies, mu) / np.asarray(areas)
    with warnings.catch_warnings():
        # Where nothing depends on B the mistake is ill-posed, too, and polyfit says so.
        warnings.simplefilter("ignore")
        return float(-TWO_PI * np.polyfit(density, np.asarray(fields), 1)[0])


def _intercept(
    energies: Sequence[ArrayLike], fields: ArrayLike, areas: ArrayLike, mu: float
) -> float:
    density = _counts(energies, mu) / np.asarray(areas)
    return float(np.polyfit(np.asarray(fields), density, 1)[1])


def _floored(
    energies: Sequence[ArrayLike], fields: ArrayLike, areas: ArrayLike, mu: float
) -> float:
    density = _counts(energies, mu) // np.asarray(areas)
    return float(-TWO_PI * np.polyfit(np.asarray(fields), density, 1)[0])


STREDA = Check(
    name="chern.streda",
    title="Counting states in a magnetic field",
    signature="streda_hall(energies, fields, areas, mu)",
    family="spectra of tori of 12 to 18 cells a side in four fields, of QWZ and Haldane models "
    "with C = −1, 0, 1 on any scale of energy; μ in the gap",
    reference=_streda,
    tolerance=Tolerance("states are counted exactly and the line is straight", absolute=1e-6),
    parts=(
        Part("one torus, four fields", 2, _one_torus),
        Part("tori of different sizes", 2, _many_tori),
    ),
    diagnoses=(
        Diagnosis(
            "sign",
            "The size is right and the sign is wrong. σ_xy = ∂ρ/∂B with the charge density "
            "ρ = q n = −e n, so σ_xy = −e ∂n/∂B; +e ∂n/∂B, as some texts print, holds for a "
            "positive carrier. (Counting the states above μ gives the wrong sign, too.)",
            symptom=factor(-1),
        ),
        Diagnosis(
            "two_pi",
            "A factor 2π is missing: −e ∂n/∂B is σ_xy in e²/ħ, and 1 e²/ħ = 2π e²/h.",
            symptom=factor(1 / TWO_PI),
        ),
        Diagnosis(
            "number",
            "This is the slope of the number of electrons. The formula wants their density: divide "
            "each number by the area of its torus.",
            wrong=(_number,),
        ),
        Diagnosis(
            "through_origin",
            "The line was forced through the origin. At B = 0 the density is not zero: fit slope "
            "and intercept.",
            wrong=(_through_origin,),
        ),
        Diagnosis(
            "inverse",
            "This is ∂B/∂n. The slope wanted is that of n against B: np.polyfit takes x first.",
            wrong=(_inverse, lambda *args: _inverse(*args) / TWO_PI),
        ),
        Diagnosis(
            "intercept",
            "This is the density at B = 0. np.polyfit returns the highest power first, so the "
            "slope is its entry 0.",
            wrong=(
                _intercept,
                lambda *args: -TWO_PI * _intercept(*args),
                lambda *args: TWO_PI * _intercept(*args),
            ),
        ),
        Diagnosis(
            "floored",
            "The densities were cut down to integers: // divides without remainder. Use /.",
            wrong=(_floored,),
        ),
        Diagnosis(
            "factor_two",
            "Twice too large. The given energies hold every state there is: no factor 2 for spin.",
            symptom=TWICE.symptom,
        ),
    ),
)
