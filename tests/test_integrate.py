"""Zone integrals: honest errors, adaptive cells, symmetries, options."""

from __future__ import annotations

import time
import tracemalloc
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pytest
from scipy.special import ellipk

import coursekit as ck
from coursekit import integrate, kubo, reduction, refine
from coursekit.accumulate import Sample
from coursekit.integrand import Integrand, at_points
from coursekit.lattice import Lattice
from coursekit.thermal import FERMI, SURFACE

CUBIC = ck.TightBinding(
    np.eye(3), [[0, 0, 0]], [(0, 0, tuple(R), -1.0) for R in np.eye(3, dtype=int)]
)
SQUARE = ck.TightBinding(np.eye(2), [[0, 0]], [(0, 0, (1, 0), -1.0), (0, 0, (0, 1), -1.0)])
METAL = ck.models.haldane(1, 0.2, 0.7, 0.9)  # a gap from −0.69 to −0.23


def states(model, block, keep):
    energies = kubo.band_energies(model, block)
    return Sample(energies, (np.ones((len(energies), 1, energies.shape[1])),))


DOS = Integrand((SURFACE,), states, kind="scalar")


def random_solid(n_orb=3):
    rng = np.random.default_rng(4)
    blocks = {}
    for R in [(0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1)]:
        t = 0.4 * (rng.normal(size=(n_orb, n_orb)) + 1j * rng.normal(size=(n_orb, n_orb)))
        t = t if any(R) else t + t.conj().T + np.diag(2.5 * np.arange(n_orb))
        blocks[R] = t
        blocks[tuple(-x for x in R)] = t.conj().T
    cell = np.eye(3) + 0.1 * rng.normal(size=(3, 3))
    return ck.TightBinding.from_blocks(cell, rng.uniform(0, 1, (n_orb, 3)), blocks)


# Densities with known answers ------------------------------------------------------------------


def test_density_of_states_of_the_square_lattice():
    """D(ε) = K(1 − ε²/16)/2π² for hopping 1, K of parameter m."""
    for mu in (-3.5, 0.6):
        expected = ellipk(1 - mu**2 / 16) / (2 * np.pi**2)
        found = ck.zone_integral(SQUARE, DOS, mu, rtol=1e-4)
        assert found.value == pytest.approx(expected, rel=1e-4)
        assert abs(found.value - expected) < 3 * found.error + 1e-7 * expected
        linear = ck.zone_integral(SQUARE, DOS, mu, method="linear", mesh=256)
        assert linear.value == pytest.approx(expected, rel=1e-3)
        assert abs(linear.value - expected) < 3 * linear.error


def cubic_density(mu):
    """n of the cubic lattice: ∫ dk_z/2π of the square lattice's, 1D integrals by Gauss points."""
    from scipy.integrate import quad

    def square(level):
        if abs(level) >= 4:
            return float(level > 0)
        # n = ∫ dk/2π arccos(−(level + 2cos k)/2)/π
        edge = np.arccos(np.clip([-(level - 2) / 2, -(level + 2) / 2], -1, 1))

        def line(k):
            return np.arccos(np.clip(-(level + 2 * np.cos(k)) / 2, -1, 1)) / np.pi

        return quad(line, 0, np.pi, points=sorted(edge), limit=200)[0] / np.pi

    return quad(lambda k: square(mu + 2 * np.cos(k)), 0, np.pi, limit=200, epsabs=1e-8)[0] / np.pi


def test_density_of_the_cubic_lattice():
    """Adaptive cells and their error estimate, many μ at once."""
    mus = np.array([-5.0, -1.0, 0.0, 7.0])
    expected = np.array([cubic_density(mu) for mu in mus])
    assert expected[2] == pytest.approx(0.5, abs=1e-8)
    for rtol in (3e-3, 1e-3):
        found = ck.zone_integral(CUBIC, ck.response.DENSITY, mus, method="adaptive", rtol=rtol)
        true = abs(found.value - expected)
        assert (found.error <= rtol).all()
        assert (true <= 2 * found.error + 1e-8).all()
        assert found.n_k > 16**3


@pytest.mark.parametrize("depth", [0.04, 1e-2, 1e-3, 1e-5])
def test_small_pockets(depth):
    """Spheres smaller than the first cells, at bottom and top: n = k³/6π², k² = depth."""
    expected = depth**1.5 / (6 * np.pi**2)
    found = ck.zone_integral(CUBIC, ck.response.DENSITY, [-6 + depth, 6 - depth], rtol=1e-2)
    # Next to the parabola: k⁴ terms of relative order k².
    for value, error in zip([found.value[0], 1 - found.value[1]], found.error, strict=True):
        assert value > 0
        assert abs(value - expected) < 3 * error + depth * expected


def test_density_of_states_of_the_cubic_lattice():
    """δ(μ − ε) in adaptive cells, against the slope of the density."""
    mu, h = -3.0, 0.05
    n = [cubic_density(mu + s * h) for s in (-2, -1, 1, 2)]
    slope = (n[0] - 8 * n[1] + 8 * n[2] - n[3]) / (12 * h)
    found = ck.zone_integral(CUBIC, DOS, mu, rtol=1e-2)
    assert found.value == pytest.approx(slope, rel=1e-2)
    assert abs(found.value - slope) < 3 * found.error


@pytest.mark.slow
def test_weyl_metal_from_slices():
    """σ_xy at T = 0 in adaptive cells, against 2D integrals of each plane of k_z."""
    k0, mu, n = 1.1, 0.35, 4
    model = ck.models.weyl(k0)
    x, w = np.polynomial.legendre.leggauss(n)

    def slices(quantity, cuts):
        """∫ dk_z/2π, even in k_z, by Gauss points between the kinks of the slices' values."""
        total = 0.0
        for a, b in pairwise(cuts):
            for xi, wi in zip(x, w, strict=True):
                kz = (a + b) / 2 + (b - a) / 2 * xi
                value = quantity(ck.slice_model(model, 2, kz / (2 * np.pi)), mu, rtol=1e-3)
                total += wi * (b - a) / 2 * value / np.pi
        return total

    # Where the gap of a plane at its Γ, 2|cos k_z − cos k₀|, lets μ in, and where it closes.
    cuts = [
        0.0,
        *np.arccos([np.cos(k0) + mu, np.cos(k0)]),
        float(np.arccos(np.cos(k0) - mu)),
        np.pi,
    ]
    expected = slices(ck.anomalous_hall, cuts)
    found = ck.zone_integral(model, ck.response.HALL, mu, rtol=5e-3)
    assert found.value[2] == pytest.approx(expected, rel=5e-3)
    assert abs(found.value[2] - expected) < 3 * found.error[2]
    # σ along the other axes vanishes by symmetry.
    np.testing.assert_allclose(found.value[:2], 0, rtol=0, atol=3 * found.error[:2].max())


def test_adaptive_cells_of_many_bands():
    """Three bands, where the rule takes cells' middles: against smeared ones, T → 0."""
    model = random_solid()
    mu = 1.0
    for integrand in (ck.response.DENSITY, ck.response.HALL):
        found = ck.zone_integral(model, integrand, mu, rtol=3e-3)
        kT = np.array([0.08, 0.04])
        warm = ck.zone_integral(model, integrand, mu, kT, mesh=48).value
        expected = (4 * warm[1] - warm[0]) / 3
        scale = abs(expected).max()
        np.testing.assert_allclose(found.value, expected, rtol=0, atol=0.02 * scale)
        assert (abs(found.value - expected) < 3 * found.error + 0.005 * scale).all()


def test_gives_up(monkeypatch):
    """What a budget of wave vectors cannot do, it says, with how far it came."""
    monkeypatch.setattr(refine, "_MOST_POINTS", 20_000)
    with pytest.raises(
        ck.ConvergenceError,
        match=r"at mu=-1, T=0 the integral is known to \S+ after \d+ wave vectors; expected "
        r"rtol=1e-08 .*pass kT > 0, a larger rtol, or a fixed mesh= with method='linear'",
    ):
        ck.electron_density(CUBIC, -1.0, rtol=1e-8)
    with pytest.raises(ck.ConvergenceError, match="wave vectors"):
        ck.electron_density(CUBIC, -1.0, rtol=1e-8, method="adaptive")
    # The remedies work.
    exact = cubic_density(-1.0)
    for options in ({"rtol": 1e-2}, {"mesh": 32, "method": "linear"}):
        assert ck.electron_density(CUBIC, -1.0, **options) == pytest.approx(exact, rel=1e-2)
    assert ck.electron_density(CUBIC, -1.0, 0.3) == pytest.approx(exact, rel=2e-2)


# Errors are honest -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mu", "kT", "options"),
    [
        (-1.9, 0.2, {"mesh": 12}),
        (-1.9, 0.2, {"mesh": 24}),
        (-1.9, 0.05, {"mesh": 40}),
        (-0.45, 0.0, {"mesh": 20}),
        (-1.9, 0.0, {"mesh": 40, "method": "linear"}),
        (-1.9, 0.0, {"mesh": 80, "method": "linear"}),
        (-1.9, 0.0, {"rtol": 1e-3}),
        (-1.9, 0.0, {"rtol": 1e-5}),
        (-1.9, 1e-3, {"rtol": 1e-4}),
        (-1.9, 0.1, {"rtol": 1e-4}),
        (-1.9, 0.1, {"method": "uniform", "rtol": 1e-4}),
        (-1.9, 0.0, {"method": "linear", "rtol": 1e-4}),
        (-1.9, 0.1, {"method": "adaptive", "rtol": 1e-4}),
    ],
)
@pytest.mark.parametrize("name", ["DENSITY", "HALL", "MAGNETIZATION"])
def test_error_is_not_too_small(name, mu, kT, options, exact):
    """The true error, from a far finer integral, is within a few times what is claimed."""
    integrand = getattr(ck.response, name)
    found = ck.zone_integral(METAL, integrand, mu, kT, **options)
    true = abs(found.value - exact(name, mu, kT))
    assert true <= 3 * found.error + 2e-8
    if "rtol" in options:
        assert true <= options["rtol"]


@pytest.fixture(scope="module")
def exact():
    """Fine integrals, each once."""
    known = {}

    def of(name, mu, kT):
        if (name, mu, kT) not in known:
            integrand = getattr(ck.response, name)
            options = {"mesh": 480} if kT > 0.01 or mu == -0.45 else {"rtol": 1e-7}
            known[name, mu, kT] = ck.zone_integral(METAL, integrand, mu, kT, **options).value
        return known[name, mu, kT]

    return of


def test_what_an_integral_reports():
    found = ck.zone_integral(
        METAL, ck.response.HALL, [[-1.9], [0.0]], [0.1, 0.2, 0.3], mesh=(8, 12)
    )
    assert found.value.shape == found.error.shape == (2, 3)
    assert found.n_k == 96
    assert type(ck.zone_integral(METAL, ck.response.HALL, 0.0, 0.1, mesh=4).value) is float
    solid = ck.zone_integral(ck.models.weyl(1.0), ck.response.HALL, [0.0, 0.1], 0.3, mesh=6)
    assert solid.value.shape == solid.error.shape == (2, 3)
    auto = ck.zone_integral(METAL, ck.response.HALL, -0.45)
    assert auto.n_k in {n**2 for n in integrate._MESHES[2]}
    assert ck.zone_integral(METAL, ck.response.HALL, -1.9, rtol=1e-4).n_k == 0
    empty = ck.zone_integral(METAL, ck.response.HALL, [])
    assert empty.value.shape == (0,)
    # One point has no coarser mesh; twice the same number shows no error.
    assert ck.zone_integral(METAL, ck.response.HALL, 0.0, 0.1, mesh=1).error == 0


def test_methods_agree_on_insulators_and_metals():
    for mu, rtol in [(-0.45, 1e-6), (-1.9, 1e-4)]:
        values = [
            ck.anomalous_hall(METAL, mu, method=method, rtol=rtol)
            for method in ("auto", "adaptive")
        ]
        values.append(ck.anomalous_hall(METAL, mu, method="linear", mesh=300))
        np.testing.assert_allclose(values, values[0], rtol=0, atol=2e-5)


def test_one_dimension():
    """Kinks of a chain: n = arccos(−μ/2)/π, and an insulator to all digits."""
    chain = ck.TightBinding([[1.0]], [[0.0]], [(0, 0, (1,), -1.0)])
    exact = np.arccos(0.25) / np.pi
    assert ck.electron_density(chain, -0.5, method="linear", mesh=400) == pytest.approx(
        exact, abs=1e-5
    )
    dimers = ck.TightBinding([[1.0]], [[0], [0.5]], [(0, 1, (0,), 1.0), (1, 0, (1,), 0.6)])
    assert ck.electron_density(dimers, 0.0) == pytest.approx(1, abs=1e-12)


def test_terms_at_points():
    """The integrand and the size of its terms, without the pairs that are filled together."""
    k = np.random.default_rng(0).normal(size=(7, 2))
    model = ck.models.kagome(0.6)
    bands = ck.solve(model, k).energies
    omega = ck.berry_curvature(model, k)
    f = 1 / (1 + np.exp((bands + 0.8) / 0.1))
    total, size = at_points(model, ck.response.HALL, k, -0.8, 0.1)
    np.testing.assert_allclose(total[0], -(f * omega).sum(axis=1), rtol=0, atol=1e-12)
    assert (size >= abs(total) - 1e-12).all()


# Symmetries ------------------------------------------------------------------------------------


def rotation(turns, axis=2):
    a, b = (i for i in range(3) if i != axis)
    c, s = np.cos(2 * np.pi * turns), np.sin(2 * np.pi * turns)
    matrix = np.eye(3)
    matrix[a, a] = matrix[b, b] = c
    matrix[a, b], matrix[b, a] = -s, s
    return matrix


@dataclass(frozen=True)
class Turn:
    """An operation made by hand."""

    matrix: np.ndarray
    dim: int
    reverses_time: bool = False

    @property
    def k_matrix(self):
        return (-1 if self.reverses_time else 1) * self.matrix[: self.dim, : self.dim]

    @property
    def axial_matrix(self):
        return (-1 if self.reverses_time else 1) * np.linalg.det(self.matrix) * self.matrix


C3, C4 = Turn(rotation(1 / 3), 2), Turn(rotation(1 / 4), 2)
IDENTITY = Turn(np.eye(3), 2)
QUANTITIES = [ck.electron_density, ck.anomalous_hall, ck.orbital_magnetization]


def points_used(model, symmetries, mesh):
    sizes = (mesh,) * model.dim
    return len(
        reduction.reduce_zone(model, model.lattice, symmetries, sizes, ck.response.HALL).points
    )


@pytest.mark.parametrize(
    ("model", "symmetries", "share"),
    [
        (METAL, [C3], 1 / 3),
        (ck.models.qwz(-1, 0.2), [C4], 1 / 4),
        (ck.models.kagome(0.6), [C3, Turn(-np.eye(3), 2)], 1 / 6),
        (METAL, ck.symmetry.find_symmetries(METAL), 1 / 6),
        (ck.models.qwz(-1, 0.2), ck.symmetry.find_symmetries(ck.models.qwz(-1, 0.2)), 1 / 8),
        (ck.models.weyl(1.0), ck.symmetry.find_symmetries(ck.models.weyl(1.0)), 1 / 16),
        (ck.models.weyl(1.0), [Turn(rotation(1 / 4), 3)], 1 / 4),
    ],
)
def test_symmetric_meshes(model, symmetries, share):
    """The whole mesh's numbers from a share of its points, for several μ and kT."""
    mesh = 24 if model.dim == 2 else 12
    mu, kT = np.array([[-1.0], [0.2]]), [0.0, 1e-3, 0.2]
    for quantity in QUANTITIES:
        full = quantity(model, mu, kT, mesh=mesh)
        reduced = quantity(model, mu, kT, mesh=mesh, symmetries=symmetries)
        np.testing.assert_allclose(reduced, full, rtol=0, atol=1e-12)
    used = points_used(model, symmetries, mesh)
    # Points on axes and planes have fewer partners.
    assert share <= used / mesh**model.dim < 2 * share


def test_symmetries_turn_components():
    """The threefold axis along the diagonal of a cube: only Ω along it is left."""
    shift = np.eye(3)[[2, 0, 1]]  # x → y → z → x
    model = random_cubic()
    for quantity in QUANTITIES[1:]:
        full = quantity(model, 0.3, 0.5, mesh=8)
        reduced = quantity(model, 0.3, 0.5, mesh=8, symmetries=[Turn(shift, 3)])
        np.testing.assert_allclose(reduced, full, rtol=0, atol=1e-12)
        assert abs(full[0]) > 1e-4
        np.testing.assert_allclose(full, full[0], rtol=0, atol=1e-12)


def random_cubic():
    """Two bands, d(k) with dₓ, d_y and d_z of k_x, k_y, k_z in turn, so that x → y → z is kept."""
    sigma = np.array([[[0, 1], [1, 0]], [[0, -1j], [1j, 0]], [[1, 0], [0, -1]]])
    blocks = {(0, 0, 0): 0.7 * sigma.sum(axis=0)}
    for axis in range(3):
        R = tuple(int(x) for x in np.eye(3)[axis])
        t = sigma[axis] / 2j + 0.3 * sigma.sum(axis=0) + 0.2j * sigma[(axis + 1) % 3]
        blocks[R] = t
        blocks[tuple(-x for x in R)] = t.conj().T
    return ck.TightBinding.from_blocks(np.eye(3), np.zeros((2, 3)), blocks)


def test_identity_changes_nothing():
    for quantity in QUANTITIES:
        for mesh in (5, (6, 4)):
            value = quantity(METAL, -1.9, 0.1, mesh=mesh, symmetries=[IDENTITY])
            assert value == pytest.approx(quantity(METAL, -1.9, 0.1, mesh=mesh), abs=1e-13)


def test_symmetries_refine_too():
    found = ck.zone_integral(METAL, ck.response.HALL, -1.9, 0.2, symmetries=[C3])
    assert found.value == pytest.approx(ck.anomalous_hall(METAL, -1.9, 0.2), abs=1e-8)


def test_time_reversal_leaves_no_hall_effect():
    model = ck.models.kane_mele(1, 0.3, 0.2, 0.1)
    T = Turn(np.eye(3), 2, reverses_time=True)
    assert ck.anomalous_hall(model, -1.0, 0.1, mesh=9, symmetries=[T]) == 0
    n = ck.electron_density(model, -1.0, 0.1, mesh=9)
    assert ck.electron_density(model, -1.0, 0.1, mesh=9, symmetries=[T]) == pytest.approx(n)


@pytest.mark.parametrize(
    ("model", "symmetry", "message"),
    [
        (METAL, C4, "does not map the lattice to itself"),
        (METAL, Turn(-np.eye(3), 2), "changes the energies of the model"),
        (METAL, Turn(np.diag([-1.0, 1, 1]), 2), "changes the energies of the model"),
        (ck.models.qwz(-1), Turn(rotation(1 / 4) @ np.diag([1, 1.0, 1.1]), 2), "not its states"),
        # Energies are even in k by inversion, but Ω is not odd, as time reversal would have it.
        (ck.models.haldane(1, 0.2, 1.0, 0.0), Turn(np.eye(3), 2, True), "not its states"),
        # Energies keep the mirror, which turns Ω around.
        (ck.models.qwz(-1, 0.2), Turn(np.diag([-1.0, 1, 1]), 2), "not its states"),
    ],
)
def test_wrong_symmetries(model, symmetry, message):
    with pytest.raises(ValueError, match=message):
        ck.anomalous_hall(model, -1.0, 0.1, mesh=12, symmetries=[symmetry])


def test_meshes_that_symmetries_do_not_keep():
    with pytest.raises(ValueError, match=r"does not map the mesh \(6, 9\) to itself"):
        ck.anomalous_hall(METAL, -1.0, 0.1, mesh=(6, 9), symmetries=[C3])
    with pytest.raises(ValueError, match="symmetries= with this quantity"):
        ck.berry_curvature_dipole(METAL, -1.0, 0.1, mesh=6, symmetries=[C3])


# Options ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"method": "gauss"}, "method='gauss'; expected one of 'auto', 'uniform', 'linear', 'adap"),
        ({"mesh": "fine"}, "mesh='fine'; expected 'auto'"),
        ({"mesh": 4, "method": "adaptive"}, "expected one or the other"),
        ({"rtol": 0.0}, "rtol=0.0; expected a number between 0 and 1"),
        ({"symmetries": [1]}, r"symmetries=\[1\]; expected operations"),
        ({"symmetries": "all"}, "symmetries='all'; expected operations"),
        ({"symmetries": None}, "symmetries=None; expected operations"),
        ({"rtol": None}, "rtol=None; expected a number between 0 and 1"),
        ({"rtol": "small"}, "rtol='small'; expected a number between 0 and 1"),
        ({"symmetries": [C3], "method": "linear"}, "expected method='uniform', or 'adaptive' in"),
        ({"symmetries": [C3], "method": "adaptive"}, "in 2D; expected method='uniform', or"),
        ({"scheduler": "tcp://nowhere", "method": "adaptive"}, "expected method='uniform'"),
        ({"method": "linear", "kT": 0.1}, "expected kT=0, which it is for"),
    ],
)
def test_options_that_do_not_fit(options, message):
    options = {"kT": 0.0, **options}
    with pytest.raises(ValueError, match=message):
        ck.zone_integral(METAL, ck.response.HALL, -1.9, **options)


def test_unknown_options():
    with pytest.raises(TypeError, match="unexpected nk; expected options among mesh, method"):
        ck.anomalous_hall(METAL, 0.0, nk=20)


def test_dimensions_of_adaptive_methods():
    chain = ck.TightBinding([[1.0]], [[0.0]], [(0, 0, (1,), -1.0)])
    with pytest.raises(ValueError, match="adaptive method for 1 dimensions"):
        ck.electron_density(chain, 0.0, method="adaptive")
    continuum = ck.BlochModel(
        lambda k: np.einsum("...a,aij->...ij", k, np.array([[[0, 1], [1, 0]]] * 3)),
        n_orb=2, dim=3,
    )  # fmt: skip
    with pytest.raises(ValueError, match="adaptive method for 3 dimensions"):
        ck.anomalous_hall(continuum, 0.0)
    with pytest.raises(ValueError, match="expected kT=0, which it is for"):
        ck.electron_density(CUBIC, 0.0, 0.1, method="adaptive")


# Cost ------------------------------------------------------------------------------------------


def test_all_levels_from_one_pass(monkeypatch):
    """The number of wave vectors diagonalised does not depend on how many μ there are."""
    count = []
    plain = kubo.two_bands

    def counted(model, block):
        count.append(block.size)
        return plain(model, block)

    monkeypatch.setattr(kubo, "two_bands", counted)
    for n in (1, 200):
        count.clear()
        ck.anomalous_hall(METAL, np.linspace(-2, 2, n), 0.1, mesh=50)
        assert sum(count) == 2500
    count.clear()
    ck.anomalous_hall(METAL, -1.0, 0.1, mesh=48, symmetries=[C3])
    assert sum(count) < 48**2 / 3 + 60


def test_memory_does_not_grow_with_the_mesh():
    """Geometry of a million k, beyond the arrays that go in and come out; many levels."""
    k = ck.uniform_mesh(METAL.lattice, 1000)
    ck.berry_curvature(METAL, k[:50, :50])
    tracemalloc.start()
    omega = ck.berry_curvature(METAL, k)
    peak = tracemalloc.get_traced_memory()[1]
    assert peak - omega.nbytes < 64e6
    del omega
    tracemalloc.reset_peak()
    ck.orbital_magnetization(METAL, np.linspace(-3, 3, 100), 0.1, mesh=700)
    assert tracemalloc.get_traced_memory()[1] < 64e6
    tracemalloc.reset_peak()
    ck.orbital_magnetization(METAL, np.linspace(-3, 3, 100), mesh=200, method="linear")
    tracemalloc.reset_peak()
    ck.anomalous_hall(random_solid(), np.linspace(-3, 3, 100), 0.1, mesh=20)
    assert tracemalloc.get_traced_memory()[1] < 200e6
    tracemalloc.stop()


def test_time_grows_with_the_number_of_points():
    """Four times the points take about four times as long, not more."""

    def seconds(n):
        start = time.process_time()
        ck.berry_curvature(METAL, ck.uniform_mesh(METAL.lattice, n))
        return time.process_time() - start

    seconds(200)
    few = min(seconds(400) for _ in range(3))
    many = min(seconds(800) for _ in range(3))
    assert many < 8 * few


def test_lattices_of_any_handedness():
    """A left-handed 3D cell, in adaptive cells and on meshes."""
    model = random_solid()
    swap = np.array([[0, 1, 0], [1, 0, 0], [0, 0, 1]])
    other = ck.TightBinding.from_blocks(
        Lattice(swap @ model.lattice.vectors),
        model.orbitals @ swap,
        {tuple(int(x) for x in np.array(R) @ swap): b for R, b in model.blocks.items()},
    )
    for quantity in QUANTITIES:
        expected = quantity(model, 1.0, 0.5, mesh=10)
        np.testing.assert_allclose(quantity(other, 1.0, 0.5, mesh=10), expected, rtol=0, atol=1e-12)
        cold = [quantity(m, 1.0, method="linear", mesh=16) for m in (model, other)]
        np.testing.assert_allclose(cold[1], cold[0], rtol=0, atol=0.02 * abs(np.array(cold)).max())


def test_supercells():
    """Two cells as one: the same n, σ and M from folded bands."""
    expected = [q(METAL, [-1.9, 0.1], 0.2, mesh=48) for q in QUANTITIES]
    n = 2
    blocks = {}
    for R, b in METAL.blocks.items():
        for here in range(n):
            there = here + R[0]
            cell, slot = (there // n, R[1]), there % n
            block = blocks.setdefault(cell, np.zeros((2 * n, 2 * n), dtype=complex))
            block[2 * here : 2 * here + 2, 2 * slot : 2 * slot + 2] += b
    orbitals = np.concatenate([(METAL.orbitals + [c, 0]) / [n, 1] for c in range(n)])
    double = ck.TightBinding.from_blocks(METAL.lattice.vectors * [[n], [1]], orbitals, blocks)
    for quantity, value in zip(QUANTITIES, expected, strict=True):
        folded = quantity(double, [-1.9, 0.1], 0.2, mesh=(24, 48))
        np.testing.assert_allclose(folded, value, rtol=0, atol=1e-9)


def test_integrands_are_plain_data():
    """Any weights and quantities make an integrand: filled states' velocities, which cancel."""

    def velocity(model, block, keep):
        pairs = kubo.band_pairs(model, block)
        slope = np.einsum("kann->nak", pairs.velocity).real
        return Sample(pairs.energies.T, (slope,))

    current = Integrand((FERMI,), velocity)
    found = ck.zone_integral(METAL, current, -1.9, 0.2, mesh=48)
    np.testing.assert_allclose(found.value, 0, rtol=0, atol=1e-9)


def test_integrands_are_readable():
    assert repr(ck.response.HALL) == "Integrand(weights=(FERMI,), kind='axial', unit=(2, -2))"
