"""The references of the set on Chern numbers, against what is known without them."""

import numpy as np
import pytest

import coursekit as ck
from coursekit.checks import get
from coursekit.checks.families import haldane, other_basis, other_cell, qwz
from coursekit.checks.sets.chern import berry, hall

SEEDS = range(6)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("chern", [-1, 0, 1])
def test_families_keep_their_promise(seed, chern):
    """Chern numbers: phase diagram, mirror image, the library's certified one, the reference's."""
    rng = np.random.default_rng([seed, chern + 1])
    for drawn in (qwz(rng, chern), haldane(rng, chern)):
        assert drawn.chern == chern
        assert ck.chern_number(drawn.model, 1) == chern
        assert berry._chern(drawn.model, 16) == chern
        for hand in (1, -1):
            image = other_cell(rng, drawn, hand)
            assert np.sign(np.linalg.det(image.model.lattice.vectors)) == hand
            assert image.chern == hand * chern
            assert ck.chern_number(image.model, 1) == image.chern
            assert berry._chern(image.model, 16) == image.chern


@pytest.mark.parametrize("seed", range(30))
def test_sixteen_points_a_side_are_enough_for_every_family(seed):
    rng = np.random.default_rng([seed, 16])
    for chern in (-1, 0, 1):
        for drawn in (qwz(rng, chern), haldane(rng, chern)):
            for image in (drawn, other_cell(rng, drawn, -1)):
                turn = np.sign(np.linalg.det(image.model.lattice.vectors))
                basis = image.model.lattice.reciprocal
                total = turn * berry._summed_flux(image.model, 16, basis, closed=False)
                assert total == pytest.approx(image.chern, abs=1e-9)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("task", ["chern.plaquette", "chern.hall"])
def test_the_text_of_an_input_makes_it_again(task, seed):
    k = np.random.default_rng(seed).normal(size=(3, 2))
    for part in get(task).parts:
        for case in part.cases(np.random.default_rng(seed)):
            names = {"ck": ck, "np": np}
            exec(case.text, names)
            model, *numbers = case.args
            again = names["model"].hamiltonian(k)
            assert np.allclose(again, model.hamiltonian(k), rtol=0, atol=1e-12)
            for name, number in zip(get(task).signature[:-1].split(", ")[1:], numbers, strict=True):
                assert np.array_equal(names[name], number)


def test_anomalous_velocity_has_the_sign_of_a_drifting_wavepacket():
    # In real space the lower band of qwz(-1), Ω(k=0) > 0, drifts along +x in a field along +y.
    omega = ck.berry_curvature(ck.models.qwz(-1), [0.0, 0.0])[0]
    assert omega > 0
    vx, vy = get("chern.velocity").reference(omega, np.array([0.0, 1.0]))
    assert vx > 0
    assert vy == 0


def test_flux_is_curvature_times_area():
    """Massive Dirac electron, conduction band: Ω = −v²Δ/2ε³ in closed form."""
    v, delta, h = 1.3, 0.4, 1e-3
    k0 = np.array([0.21, -0.13])
    corners = k0 + h * np.array([[-0.5, -0.5], [0.5, -0.5], [0.5, 0.5], [-0.5, 0.5]])
    states = ck.solve(ck.models.massive_dirac(v, delta), corners).states[..., 1]
    energy = np.sqrt(v**2 * k0 @ k0 + delta**2)
    expected = -(v**2) * delta / (2 * energy**3) * h**2
    # The midpoint value is the mean over the plaquette up to h² relative to the scale of k.
    assert berry._flux(*states) == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("seed", SEEDS)
def test_counting_states_gives_minus_the_chern_number(seed):
    """σ_xy = −C e²/h, with C from the phase diagram: no curvature and no torus knows of it."""
    rng = np.random.default_rng(seed)
    for chern in (-1, 0, 1):
        for drawn in (qwz(rng, chern, tp=0.0), other_cell(rng, qwz(rng, chern, tp=0.0), -1)):
            case = hall._tori(rng, drawn, [12, 14, 16, 18])
            assert hall._streda(*case.args) == pytest.approx(-drawn.chern, abs=1e-9)
    for chern in (-1, 0, 1):
        case = hall._tori(rng, other_basis(rng, haldane(rng, chern)), [12] * 4)
        assert hall._streda(*case.args) == pytest.approx(-chern, abs=1e-9)


@pytest.mark.parametrize("seed", range(12))
def test_every_torus_drawn_counts_to_a_whole_number(seed):
    """μ is in the gap in every field, also after the scale of energy was changed."""
    rng = np.random.default_rng([seed, 5])
    for case in (*hall._one_torus(rng), *hall._many_tori(rng)):
        value = hall._streda(*case.args)
        assert value == pytest.approx(round(value), abs=1e-8)
        assert abs(round(value)) <= 1


@pytest.mark.parametrize("seed", SEEDS)
def test_another_basis_keeps_the_chern_number_and_changes_the_numbers(seed):
    rng = np.random.default_rng([seed, 6])
    for drawn in (qwz(rng, 1), haldane(rng, -1), other_cell(rng, qwz(rng, -1), -1)):
        turned = other_basis(rng, drawn)
        assert ck.chern_number(turned.model, 1) == turned.chern == drawn.chern
        for R, h in drawn.model.blocks.items():
            assert abs(h).max() == 0 or not np.allclose(turned.model.blocks[R], h)


@pytest.mark.parametrize("seed", SEEDS)
def test_hall_conductivity_in_the_gap_is_minus_the_chern_number(seed):
    rng = np.random.default_rng(seed)
    for chern in (-1, 1):
        for drawn in (hall._square(rng, chern), haldane(rng, chern)):
            # Thermal electrons across a gap of at least 20 kT: far below the tolerance.
            assert hall._hall(drawn.model, 0.0, 0.03) == pytest.approx(-chern, abs=1e-3)
