"""The butterfly, and its integers by the Diophantine equation, by counting, by curvature."""

from __future__ import annotations

from math import gcd

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import coursekit as ck

SQUARE = ck.TightBinding(np.eye(2), [[0, 0]], [(0, 0, R, -1.0) for R in ((1, 0), (0, 1))])
HALDANE = ck.models.haldane(1, 0.2, 1.0, 0.3)


def cumulative_chern(model, p, q, fillings):
    field = ck.finite.with_flux(model, p, q)
    return [ck.chern_number(field, int(r)) for r in fillings]


@pytest.mark.parametrize(
    ("p", "q", "chern"), [(1, 3, [1, -2, 1]), (2, 5, [-2, 3, -2, 3, -2]), (-1, 3, [-1, 2, -1])]
)
def test_square_lattice(p, q, chern):
    """Chern numbers of the bands from an independent program, and three ways here."""
    below = np.cumsum(chern)[:-1]
    np.testing.assert_array_equal(ck.finite.gap_labels(p, q).t, below)
    counted = ck.finite.streda_labels(SQUARE, p, q)
    np.testing.assert_array_equal(counted.r, np.arange(1, q))
    np.testing.assert_array_equal(counted.t, below)
    assert cumulative_chern(SQUARE, p, q, counted.r) == below.tolist()
    assert cumulative_chern(ck.models.hofstadter(p, q), 0, 1, counted.r) == below.tolist()


@pytest.mark.parametrize(("p", "q", "fillings"), [(1, 4, [1, 3]), (3, 7, range(1, 7))])
def test_small_gaps(p, q, fillings):
    """Even q: the gap in the middle is closed, and is left out."""
    counted = ck.finite.streda_labels(SQUARE, p, q)
    np.testing.assert_array_equal(counted.r, fillings)
    np.testing.assert_array_equal(counted.t, ck.finite.gap_labels(p, q).t[counted.r - 1])
    bands = ck.finite.butterfly(SQUARE, q)
    here = bands.flux == p / q
    # The mesh of the butterfly sees band edges from inside.
    assert (bands.top[here][counted.r - 1] <= counted.bottom + 1e-9).all()
    np.testing.assert_allclose(bands.top[here][counted.r - 1], counted.bottom, atol=0.02)
    np.testing.assert_allclose(bands.bottom[here][counted.r], counted.top, atol=0.02)


@pytest.mark.parametrize(
    ("model", "p", "q", "min_gap"),
    [(HALDANE, 0, 1, 0.0), (HALDANE, 1, 3, 0.1), (ck.models.qwz(-1, 0.2), 1, 2, 0.1)],
)
def test_other_models(model, p, q, min_gap):
    """Several orbitals in a cell: t from counting against C from curvature."""
    counted = ck.finite.streda_labels(model, p, q, min_gap)
    assert len(counted.r) >= 1
    assert (counted.top - counted.bottom > min_gap).all()
    assert counted.t.tolist() == cumulative_chern(model, p, q, counted.r)
    # r = q s + p t with whole s.
    assert not ((counted.r - p * counted.t) % q).any()


@given(q=st.integers(1, 200), p=st.integers(-400, 400))
def test_diophantine(q, p):
    if gcd(p, q) != 1:
        with pytest.raises(ValueError, match="without a common factor"):
            ck.finite.gap_labels(p, q)
        return
    r, s, t = ck.finite.gap_labels(p, q)
    np.testing.assert_array_equal(r, np.arange(1, q))
    np.testing.assert_array_equal(q * s + p * t, r)
    assert (2 * abs(t) <= q).all()
    odd = 2 * r != q
    assert (2 * t[~odd] == q).all()
    # Electrons and holes, and the other sign of B.
    np.testing.assert_array_equal(t[odd], -t[::-1][odd])
    np.testing.assert_array_equal(t[odd], -ck.finite.gap_labels(-p, q).t[odd])


def test_bands_at_a_third():
    """E³ − 6E = 2(cos 3kₓ + cos 3k_y), up to the sign: the edges solve E³ − 6E = ±4."""
    spectrum = ck.finite.butterfly(SQUARE, 3)
    here = spectrum.flux == 1 / 3
    root = np.sqrt(3)
    np.testing.assert_allclose(spectrum.bottom[here], [-1 - root, 1 - root, 2], atol=1e-12)
    np.testing.assert_allclose(spectrum.top[here], [-2, root - 1, 1 + root], atol=1e-12)
    np.testing.assert_array_equal(spectrum.p[here], 1)
    np.testing.assert_array_equal(spectrum.band[here], [0, 1, 2])


def test_symmetries_of_the_butterfly():
    """E → −E and flux → 1 − flux on the square lattice; each p/q once, in order."""
    spectrum = ck.finite.butterfly(SQUARE, 9)
    fluxes = np.unique(spectrum.flux)
    assert len(fluxes) == 2 + sum(1 for q in range(2, 10) for p in range(1, q) if gcd(p, q) == 1)
    assert (np.diff(spectrum.flux) >= 0).all()
    for flux in fluxes:
        bottom, top = spectrum.bottom[spectrum.flux == flux], spectrum.top[spectrum.flux == flux]
        mirrored = abs(spectrum.flux - (1 - flux)) < 1e-12
        np.testing.assert_allclose(bottom, -top[::-1], atol=1e-9)
        np.testing.assert_allclose(bottom, spectrum.bottom[mirrored], atol=1e-9)
    assert repr(spectrum) == f"<Butterfly: {len(fluxes)} fluxes, {len(spectrum.p)} bands>"


def test_butterfly_of_a_chern_insulator_knows_the_sign_of_B():
    """Haldane's model has no time reversal: flux and −flux differ (six fluxes make a period)."""
    spectrum = ck.finite.butterfly(HALDANE, 3)
    third, two = (spectrum.bottom[abs(spectrum.flux - f) < 1e-9] for f in (1 / 3, 2 / 3))
    assert len(third) == len(two) == 6
    assert abs(third - two).max() > 0.1


def test_refusals():
    for q_max in (0, 2.5, [3]):
        with pytest.raises(ValueError, match="whole number of at least 1"):
            ck.finite.butterfly(SQUARE, q_max)
    for p, q in ((2, 4), (1, 0), (0.5, 3), (0, 2)):
        with pytest.raises(ValueError, match="without a common factor"):
            ck.finite.streda_labels(SQUARE, p, q)
    for function in (
        lambda m: ck.finite.butterfly(m, 2),
        lambda m: ck.finite.streda_labels(m, 0, 1),
    ):
        with pytest.raises(ValueError, match="expected a TightBinding in 2D"):
            function(ck.models.massive_dirac(1, 1))


def test_gaps_too_small_to_count(monkeypatch):
    monkeypatch.setattr("coursekit.finite.hofstadter._MOST_STATES", 100)
    with pytest.raises(ValueError, match="does not settle; expected wider gaps: min_gap"):
        ck.finite.streda_labels(HALDANE, 2, 5)
