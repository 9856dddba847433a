"""Lines of k in 2D: exact at the Fermi edge, for many μ at once, with few lines."""

import numpy as np
import pytest

import coursekit as ck
from coursekit.charts import lattice_chart
from coursekit.k_lines import Lines
from coursekit.search import band_edges

METAL = ck.models.haldane(1.0, 1 / 3, np.pi / 4, 2.0)  # lower band from −3.6 to −1.9
INTEGRANDS = {
    "DENSITY": ck.response.DENSITY,
    "HALL": ck.response.HALL,
    "MAGNETIZATION": ck.response.MAGNETIZATION,
    "FERMI_MOMENT": ck.response.FERMI_MOMENT,
}


@pytest.fixture
def lines(monkeypatch):
    """How many lines were integrated along."""
    seen = []
    plain = Lines.integrals

    def counted(self, case, x, tolerance):
        seen.append(len(x))
        return plain(self, case, x, tolerance)

    monkeypatch.setattr(Lines, "integrals", counted)
    return seen


@pytest.mark.parametrize("name", INTEGRANDS)
def test_many_levels_at_once(name):
    """Each as by itself, in any order, with pockets of all sizes beside each other."""
    top = max(edge.energy for edge in band_edges(METAL, METAL.lattice) if edge.energy < 0)
    mus = np.array([-2.0, top - 1e-6, 9.0, top - 1e-3, -9.0, -2.0, -2.1, 2.9, -2.2, -2.3])
    together = ck.zone_integral(METAL, INTEGRANDS[name], mus, method="adaptive")
    for n in (1, 3, 7):
        alone = ck.zone_integral(METAL, INTEGRANDS[name], mus[n], method="adaptive").value
        assert together.value[n] == pytest.approx(alone, abs=1e-10)
    assert together.value[0] == pytest.approx(together.value[5], abs=1e-14)


def test_cold_and_warm_at_once():
    """A term of the Fermi surface: an integral along it at T = 0, over the zone at T > 0."""
    kT = np.array([0.0, 0.05, 0.0, 0.2])
    mu = np.array([-2.0, -2.0, -2.4, -2.4])
    found = ck.zone_integral(METAL, ck.response.FERMI_MOMENT, mu, kT, method="adaptive").value
    warm = ck.zone_integral(METAL, ck.response.FERMI_MOMENT, mu[1::2], kT[1::2], mesh=400).value
    np.testing.assert_allclose(found[1::2], warm, rtol=0, atol=1e-9)
    slope = 1e-4 * np.array([[-1.0], [1.0]])
    M = ck.orbital_magnetization(METAL, mu[::2] + slope, method="adaptive")
    sigma = ck.anomalous_hall(METAL, mu[::2], method="adaptive")
    np.testing.assert_allclose(found[::2] - sigma, (M[1] - M[0]) / 2e-4, rtol=0, atol=1e-7)


@pytest.mark.parametrize("name", INTEGRANDS)
def test_true_errors(name):
    """Far below the tolerance, and within the estimate."""
    mus = np.linspace(-3, -1.95, 7)
    found = ck.zone_integral(METAL, INTEGRANDS[name], mus, method="adaptive", rtol=1e-6)
    finer = ck.zone_integral(METAL, INTEGRANDS[name], mus, method="adaptive", rtol=1e-11)
    error = abs(found.value - finer.value)
    assert (error <= 1e-8 * abs(finer.value).max()).all()
    assert (error <= found.error + 1e-11).all()


def test_few_lines(lines):
    """Cuts where lines touch the Fermi line leave nothing sharp: no halving down to rounding."""
    ck.anomalous_hall(METAL, -2.0, method="adaptive")
    assert sum(lines) < 800


def test_lines_that_touch_the_fermi_line():
    """A circle in the square lattice has touching lines at both ends, cos x + 1 = −μ/2."""
    model = ck.TightBinding(np.eye(2), [[0, 0]], [(0, 0, (1, 0), -1), (0, 0, (0, 1), -1)])
    mu = np.array([-3.0])
    chart = lattice_chart(model.lattice, band_edges(model, model.lattice), mu, np.zeros(1))
    _, start, _ = Lines(model, ck.response.DENSITY, chart, mu, np.zeros(1)).segments(np.array([0]))
    reach = np.arccos(0.5) / (2 * np.pi)
    for touching in (reach, 1 - reach):
        assert abs(start - touching).min() < 1e-11


@pytest.mark.parametrize("mu", [-2.0, -1.0])
def test_bands_in_kramers_pairs(lines, mu):
    """Spin up and down apart: twice the Hall effect of one of them, and few lines."""
    up = ck.models.haldane(1.0, 0.06, np.pi / 2, 0.0)
    both = ck.models.kane_mele(1.0, 0.06)
    sigma = ck.spin_hall(both, mu, method="adaptive")
    assert sum(lines) < 1500
    expected = -ck.anomalous_hall(up, mu)  # 2 · ½ · (−1)
    np.testing.assert_allclose(sigma, [[0, expected], [-expected, 0]], rtol=0, atol=1e-10)


def test_what_does_not_settle():
    """The two parts of M diverge at large k for a Dirac electron: an error, not a number."""
    dirac = ck.models.massive_dirac(1.0, 0.5)
    with pytest.raises(ck.ConvergenceError, match=r"mu=0.7.* does not settle"):
        ck.magnetization_parts(dirac, 0.7, rtol=1e-4)
    with pytest.raises(ck.ConvergenceError, match="subdivisions; expected rtol=1e-19"):
        ck.anomalous_hall(METAL, -2.0, method="adaptive", rtol=1e-19)
