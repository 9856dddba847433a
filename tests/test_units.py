"""Conversions against CODATA's own derived constants and atomic units, none of which is used there.

Hartree and Bohr as units of a model make every natural unit an atomic one, which CODATA lists.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.constants import physical_constants

import coursekit as ck
from coursekit import units

IRON = Path(__file__).parents[1].parent / "shared" / "data" / "Fe_tb.dat"


def codata(name):
    return physical_constants[name][0]


HARTREE = {"energy": codata("Hartree energy in eV")}
BOHR = {"length": codata("Bohr radius") * 1e10}
ATOMIC = HARTREE | BOHR
# Derived constants are listed with as many digits as are certain: ten, or more where exact.
RTOL = 2e-9

QUANTUM = codata("conductance quantum") / 2  # e²/h
TURN = 2 * np.pi
# k_B e/ħ, for k_B/h is listed in Hz/K.
HEAT = TURN * codata("Boltzmann constant in Hz/K") * codata("elementary charge")

FACTORS = [
    (units.siemens, {}, TURN / codata("von Klitzing constant")),
    (units.conductance_quanta, {}, TURN),
    (units.siemens_per_cm, BOHR, TURN * QUANTUM / (100 * codata("Bohr radius"))),
    (units.siemens_per_cm, {}, TURN * QUANTUM * 1e8),
    (units.ampere_per_kelvin, {}, HEAT),
    (units.ampere_per_kelvin_metre, BOHR, HEAT / codata("Bohr radius")),
    (units.square_angstrom, BOHR, (codata("Bohr radius") * 1e10) ** 2),
    # (e/ħ) E_h a² = eħ/mₑ, which is two Bohr magnetons.
    (units.bohr_magnetons, ATOMIC, 2.0),
    # (e/ħ) eV Å² in units of μ_B: μ_B is listed in eV/T, and ħ/e = 2 Φ₀/2π.
    (
        units.bohr_magnetons,
        {},
        1e-20 * np.pi / codata("mag. flux quantum") / codata("Bohr magneton in eV/T"),
    ),
    (units.ampere, HARTREE, codata("atomic unit of current")),
    (units.ampere_per_metre, ATOMIC, codata("atomic unit of current") / codata("Bohr radius")),
    (units.tesla, {}, codata("mag. flux quantum") / np.pi * 1e20),
    (units.tesla, BOHR, codata("atomic unit of mag. flux density")),
    (units.volt_per_metre, {}, 1e10),
    (units.volt_per_metre, ATOMIC, codata("atomic unit of electric field")),
    # One electron for each flux quantum h/e, which is two of h/2e.
    (units.states_per_tesla_square_metre, {}, TURN * codata("Josephson constant") / 2),
    (units.states_per_flux_quantum, {}, TURN),
    (units.kelvin, {}, codata("electron volt-kelvin relationship")),
    (units.kelvin, HARTREE, codata("hartree-kelvin relationship")),
    (units.thermal_energy, {}, codata("kelvin-electron volt relationship")),
    (units.femtoseconds, HARTREE, 1e15 * codata("atomic unit of time")),
    (
        units.metre_per_second,
        ATOMIC,
        codata("fine-structure constant") * codata("speed of light in vacuum"),
    ),
]


@pytest.mark.parametrize(("convert", "model_units", "expected"), FACTORS)
def test_against_codata(convert, model_units, expected):
    values = np.array([1.0, -2.5])
    converted = convert(values, **model_units)
    np.testing.assert_allclose(converted, expected * values, rtol=RTOL)
    assert np.ndim(convert(1, **model_units)) == 0


def test_every_conversion_is_tested():
    assert {convert.__name__ for convert, *_ in FACTORS} | {"bohr_magnetons_per_cell"} == set(
        units.__all__
    )


def test_magnetization_of_a_cell_is_the_same_moment_in_si():
    """M V in A m², from A/m and m³, over CODATA's μ_B."""
    M, cell = 0.02, 11.8
    volume = cell * (2.5e-10) ** 3
    in_si = units.ampere_per_metre(M, energy=0.3, length=2.5) * volume / codata("Bohr magneton")
    by_cell = units.bohr_magnetons_per_cell(M, cell, energy=0.3, length=2.5)
    np.testing.assert_allclose(by_cell, in_si, rtol=RTOL)
    flat = units.ampere(M, energy=0.3) * cell * (2.5e-10) ** 2 / codata("Bohr magneton")
    np.testing.assert_allclose(by_cell, flat, rtol=RTOL)


def test_units_of_the_model_do_not_change_the_answer():
    """The same crystal with energies in meV and lengths in units of 4 Å."""
    k = np.array([0.3, -0.2])
    here = ck.models.massive_dirac(v=2.4, delta=0.3)
    there = ck.models.massive_dirac(v=2.4 * 1e3 / 4, delta=300.0)
    strange = {"energy": 1e-3, "length": 4.0}
    for quantity, convert, mine in [
        (ck.orbital_moment, units.bohr_magnetons, strange),
        (ck.berry_curvature, units.square_angstrom, {"length": 4.0}),
    ]:
        np.testing.assert_allclose(
            convert(quantity(there, 4.0 * k), **mine), convert(quantity(here, k)), rtol=1e-12
        )


def test_landau_levels_of_graphene_in_a_laboratory_field():
    """√(2 e ħ v² B) is 36.3 meV at one tesla and v = 10⁶ m/s, a number every review quotes."""
    v = 1e6 / units.metre_per_second(1.0)
    B = 1 / units.tesla(1.0)
    np.testing.assert_allclose(np.sqrt(2 * v**2 * B), 0.0363, rtol=1e-3)


def test_bloch_oscillation_period():
    """h/(eEa) of a superlattice: 10 nm at 1 MV/m take 0.414 ps."""
    E = 1e6 / units.volt_per_metre(1.0)
    np.testing.assert_allclose(units.femtoseconds(2 * np.pi / (E * 100)), 413.6, rtol=1e-4)


@pytest.mark.skipif(not IRON.exists(), reason="no Fe_tb.dat")
def test_iron_against_postw90():
    """The number that Wannier90's postw90.x prints for this Hamiltonian, in S/cm."""
    sigma = ck.anomalous_hall(
        ck.read_wannier90(IRON), mu=12.6279, mesh=10, method="uniform", progress=False
    )
    np.testing.assert_allclose(units.siemens_per_cm(sigma), [0.0336, 0.0571, 1222.1544], atol=6e-5)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: units.tesla(1.0, length=0.0), r"length=0\.0; expected a positive number.*in Å"),
        (lambda: units.kelvin(1.0, energy=-1), r"energy=-1; expected a positive number.*in eV"),
        (lambda: units.femtoseconds(1.0, energy=np.nan), r"energy=nan; expected a positive"),
        (
            lambda: units.bohr_magnetons_per_cell(1.0, -2.0),
            r"cell_volume=-2\.0; expected a positive number, model\.lattice\.cell_volume",
        ),
    ],
)
def test_refuses(call, message):
    with pytest.raises(ValueError, match=message):
        call()
