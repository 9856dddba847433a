"""Laws: each holds for what obeys it, fails for what does not, and pays nothing by itself."""

import numpy as np
import pytest

import coursekit as ck
from coursekit.checks import Case, Check, Part, Tolerance, grade, laws
from coursekit.checks.families import haldane


def rng(seed=0):
    return np.random.default_rng(seed)


def states(generator, *shape):
    values = generator.normal(size=shape) + 1j * generator.normal(size=shape)
    return values / np.linalg.norm(values, axis=-1, keepdims=True)


def holds(law, answer, *args, seed=0):
    other = law.change(rng(seed), *args)
    return np.allclose(answer(*other), law.relation(np.asarray(answer(*args))), atol=1e-9)


def test_a_phase_on_each_state():
    law = laws.gauge_invariant("a phase changes nothing", 0, 1)
    pair = tuple(states(rng(), 2, 5, 3))
    assert holds(law, lambda u, v: abs((u.conj() * v).sum(-1)), *pair)
    assert not holds(law, lambda u, v: (u.conj() * v).sum(-1), *pair)
    untouched = laws.gauge_invariant("only the first", 0).change(rng(), *pair)
    assert untouched[1] is pair[1]
    assert np.allclose(abs(untouched[0]), abs(pair[0]))


def test_a_unitary_within_a_group():
    law = laws.unitary_invariant("a mixture changes nothing", 0)
    group = np.linalg.qr(states(rng(), 4, 6, 6))[0][..., :2]
    assert holds(law, lambda u: u @ u.conj().swapaxes(-1, -2), group)
    assert not holds(law, lambda u: u, group)


def test_symmetric_under_a_matrix():
    turn = [[0, -1], [1, 0]]
    k = rng().normal(size=(7, 2))
    even = laws.symmetric("C4", 0, turn)
    odd = laws.symmetric("odd under C4", 0, turn, sign=-1)
    assert holds(even, lambda k: np.cos(k).sum(-1), k)
    assert not holds(even, lambda k: np.cos(k) @ [1, -1], k)
    assert holds(odd, lambda k: np.cos(k) @ [1, -1], k)


@pytest.mark.parametrize("seed", range(5))
def test_the_same_crystal_in_another_cell_and_from_another_origin(seed):
    model = haldane(rng(seed), 1).model
    for law in (laws.any_cell("any cell"), laws.any_origin("any origin")):
        (other,) = law.change(rng(seed), model)
        k = rng(seed).normal(size=(4, 2))
        # In Cartesian k and with positions inside the phase the Hamiltonian is the very same.
        assert np.allclose(other.hamiltonian(k), model.hamiltonian(k))
        assert other.lattice.cell_volume == pytest.approx(model.lattice.cell_volume)
        assert np.linalg.det(other.lattice.vectors) == pytest.approx(
            np.linalg.det(model.lattice.vectors)
        )
    assert not holds(laws.any_cell("any cell"), lambda m: m.lattice.vectors, model)
    assert not holds(laws.any_origin("any origin"), lambda m: m.orbitals, model)


def test_any_cell_of_a_crystal_in_space():
    model = ck.models.weyl(1.0)
    (other,) = laws.any_cell("any cell").change(rng(1), model)
    k = rng().normal(size=(3, 3))
    assert np.allclose(other.hamiltonian(k), model.hamiltonian(k))


def test_a_finer_mesh_and_whole_numbers():
    mesh = laws.mesh_independent("mesh", 1)
    assert mesh.change(rng(), "model", 16)[1] > 16
    assert not holds(mesh, lambda m, n: n, "model", 16)
    assert holds(laws.whole("whole"), lambda x: 3.0, 1)
    assert not holds(laws.whole("whole"), lambda x: 3.1, 1)


def angles(generator):
    return [Case((states(generator, 2), states(generator, 2)), "two states") for _ in range(3)]


OVERLAP = Check(
    name="toy.overlap",
    title="Overlap",
    signature="overlap(u, v)",
    family="two normalized states",
    reference=lambda u, v: abs(np.vdot(u, v)) ** 2,
    tolerance=Tolerance("one product", absolute=1e-9),
    parts=(
        Part("value", 2, angles),
        Part("any gauge", 1, angles, law=laws.gauge_invariant("a phase changes nothing", 0, 1)),
    ),
)


@pytest.fixture(autouse=True)
def toy(monkeypatch):
    monkeypatch.setattr("coursekit.checks.run.get", lambda name: OVERLAP)


def points(answer, seed=7):
    return [part.earned for part in grade("toy.overlap", answer, seed).parts]


def test_a_law_is_paid_beside_a_right_value_alone():
    assert points(lambda u, v: abs(np.vdot(u, v)) ** 2) == [2, 1]
    # Gauge invariant, and nothing else: also zero is.
    for windfall in (lambda u, v: 0.0, lambda u, v: abs(np.vdot(u, v))):
        assert points(windfall) == [0, 0]
        assert "only beside another part" in str(grade("toy.overlap", windfall, 7))


def test_a_broken_law_is_named_with_both_values():
    calls = []

    def drifting(u, v):
        calls.append(1)
        # The value part takes four calls; from then on something depends on the gauge.
        return abs(np.vdot(u, v)) ** 2 + (len(calls) > 4) * 0.1 * u[0].real

    law = grade("toy.overlap", drifting, 7).parts[1]
    assert law.earned == 0
    assert law.message.startswith("a phase changes nothing: off by")
    assert law.got
    assert law.expected
