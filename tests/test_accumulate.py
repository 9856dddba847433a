"""Sums over states by levels, bins and corrections, against plain sums."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import entr, expit

from coursekit import accumulate
from coursekit.accumulate import Sample, plan, separated
from coursekit.thermal import ENTROPY, FERMI, GRAND, HEAT, SURFACE, weight_derivatives

WEIGHTS = [FERMI, GRAND, SURFACE, ENTROPY, HEAT]


def reference(weight, energies, mu, kT):
    """The weights written out, from scipy's functions."""
    if kT == 0:
        cold = {"fermi": np.heaviside(mu - energies, 0.5), "grand": np.maximum(mu - energies, 0)}
        return cold.get(weight.name, np.zeros_like(energies))
    with np.errstate(over="ignore", invalid="ignore"):
        x = (mu - energies) / kT
        f, empty = expit(x), expit(-x)
        return {
            "fermi": f,
            "grand": np.where(abs(x) > 700, np.maximum(mu - energies, 0), kT * np.logaddexp(0, x)),
            "surface": f * empty / kT,
            "entropy": entr(f) + entr(empty),
            "heat": np.where(f * empty > 0, -x * (f * empty / kT), 0.0),
        }[weight.name]


def sample(rng, n_bands=3, n_points=400, n_components=2, n_weights=1, low=-3.0, high=3.0):
    energies = np.sort(rng.uniform(low, high, (n_bands, n_points)), axis=0)
    values = tuple(rng.normal(size=(n_bands, n_components, n_points)) for _ in range(n_weights))
    return Sample(energies, values)


def added_up(weights, mus, kTs, states, pieces=1):
    """By the plan, in pieces."""
    the_plan = plan(weights, mus, kTs)
    cuts = np.array_split(np.arange(states.energies.shape[1]), pieces)
    totals = None
    for cut in cuts:
        part = Sample(states.energies[:, cut], tuple(v[..., cut] for v in states.values))
        new = the_plan.collect(part)
        totals = new if totals is None else tuple(a + b for a, b in zip(totals, new, strict=True))
    return the_plan.finish(totals), {type(method).__name__ for _, method in the_plan.parts}


def check(weights, mus, kTs, states, pieces=1, tolerance=1e-12):
    """Each sum to a tolerance relative to the sum of sizes; returns the methods that served."""
    mus, kTs = np.broadcast_arrays(np.asarray(mus, dtype=float), np.asarray(kTs, dtype=float))
    values, methods = added_up(weights, mus, kTs, states, pieces)
    expected = np.zeros_like(values)
    size = np.zeros(len(values))
    for i, (mu, kT) in enumerate(zip(mus, kTs, strict=True)):
        for weight, x in zip(weights, states.values, strict=True):
            w = reference(weight, states.energies, mu, kT)
            expected[i] += np.einsum("nk,nck->c", w, x)
            # The largest weight there is: 1, |μ − ε| and kT, 1/4kT, ln 2, 0.2/kT.
            largest = {"fermi": 1, "grand": np.ptp(states.energies) + abs(mu) + kT}.get(
                weight.name, 1 / max(kT, 1e-300) if weight.power else 1
            )
            size[i] += largest * abs(x).sum()
    np.testing.assert_array_less(abs(values - expected).max(axis=1) / size, tolerance)
    return methods


@pytest.mark.parametrize("weight", WEIGHTS, ids=lambda w: w.name)
def test_every_method(weight):
    rng = np.random.default_rng(5)
    states = sample(rng)
    even, uneven = np.linspace(-4, 4, 101), np.sort(rng.uniform(-3.5, 3.5, 57))
    for mus in (even, uneven, rng.permutation(uneven), [0.3], even[::-1]):
        assert check([weight], mus, 0.0, states, pieces=3) == {"_Cold"}
    for kT in (0.01, 0.1, 1.0, 30.0, 1e3):
        for mus in (even, uneven, rng.permutation(uneven)):
            assert check([weight], mus, kT, states, pieces=3) == {"_Binned"}
        assert check([weight], even[:5], kT, states, pieces=3) == {"_Direct"}
    for kT in (1e-300, 1e-30, 1e-9, 1e-6, 1e-4):
        # 1e-16 of an energy is 1e-16/kT of the weights' argument.
        tolerance = max(1e-12, 1e-16 / kT if kT > 1e-12 else 0)
        for mus in (even, uneven):
            assert check([weight], mus, kT, states, 3, tolerance) == {"_Near"}
        assert check([weight], even[:5], kT, states, 3, tolerance) == {"_Direct"}


def test_smallest_temperatures():
    """Below the smallest normal number nothing overflows, and no warning comes."""
    states = sample(np.random.default_rng(2))
    for kT in (5e-324, 1e-310, 2.3e-308):
        for mus in (np.linspace(-4, 4, 20), [0.1]):
            for weights in ([FERMI], [GRAND], [ENTROPY]):
                check(weights, mus, kT, states)


def test_many_temperatures_at_once():
    rng = np.random.default_rng(8)
    mus, kTs = np.meshgrid(np.linspace(-2, 2, 9), [0, 1e-300, 1e-5, 0.05, 0.05001, 2.0, 1e3])
    shuffled = rng.permutation(mus.size)
    states = sample(rng, n_weights=2, n_components=3)
    methods = check([FERMI, GRAND], mus.ravel()[shuffled], kTs.ravel()[shuffled], states, 4)
    assert methods == {"_Cold", "_Near", "_Binned"}
    mus, kTs = np.full(50, 0.2), np.geomspace(1e-3, 1e3, 50)
    assert check([FERMI, GRAND], mus, kTs, states) == {"_Direct"}


def test_levels_that_are_energies():
    """A state exactly at μ counts half at T = 0, whatever the level's neighbours."""
    energies = np.array([[-1.0, 0.0, 0.0, 1.0, 2.0]])
    states = Sample(energies, (np.array([[[1.0, 2.0, 4.0, 8.0, 16.0]]]),))
    even = np.linspace(-2, 3, 21)
    for mus in (np.array([0.0]), np.array([-1.0, 0.0, 1.0]), even, np.array([0.0, 0.0, 2.0])):
        check([FERMI], mus, 0.0, states)
        check([GRAND], mus, 0.0, states)
    values, _ = added_up([FERMI], np.array([0.0]), np.array([0.0]), states)
    assert values == 1 + 3
    for kT in (1e-300, 5e-324):  # f = 1/2 at any temperature
        assert check([FERMI], even, kT, states) == {"_Near"}
    # Levels that are not multiples of anything in binary.
    for levels in (np.linspace(-1.3, 2.1, 101), np.linspace(0.1, 0.7, 31), np.arange(1, 60) / 10):
        check([FERMI], levels, 0.0, Sample(levels[None], (np.ones((1, 1, len(levels))),)))
    # Levels between which no double fits.
    close = 1.0 + np.arange(-6, 7) * np.spacing(1.0)
    check([FERMI], close, 0.0, Sample(close[None], (np.ones((1, 1, 13)),)))


@given(
    st.integers(0, 10**6),
    st.lists(st.integers(-8, 8), min_size=1, max_size=30),
    st.sampled_from([0.0, 1e-300, 1e-3, 0.3]),
    st.sampled_from([1.0, 1e-9, 1e9]),
)
@settings(max_examples=60)
def test_ties_and_repetitions(seed, levels, kT, unit):
    """Energies and levels from a coarse grid, so that ties are the rule; in any unit."""
    rng = np.random.default_rng(seed)
    energies = np.sort(rng.integers(-8, 9, (2, 40)) / 4, axis=0) * unit
    values = rng.normal(size=(2, 1, 40))
    states = Sample(energies, (values, values))
    mus = np.array(levels) / 4 * unit
    for weights in ([FERMI, GRAND], [ENTROPY, FERMI]):
        got, _ = added_up(weights, mus, np.full(len(mus), kT * unit), states, pieces=2)
        w = sum(np.array([reference(w, energies, m, kT * unit) for m in mus]) for w in weights)
        expected = np.einsum("nk,mnk->m", values[:, 0], w)
        np.testing.assert_allclose(got[:, 0], expected, rtol=0, atol=1e-10 * max(1, unit))


def test_nearly_even_levels():
    """Steps that differ little from each other, but far enough along to be a step off."""
    n = 6001
    drift = 3e-4 * np.sin(2 * np.pi * np.arange(n) / n)
    levels = np.cumsum(1e-3 * (1 + drift)) - 3
    rng = np.random.default_rng(0)
    states = sample(rng, n_points=2000)
    assert check([FERMI], levels, 0.0, states) == {"_Cold"}
    saw = np.cumsum(1e-3 * np.where(np.arange(n) < n // 2, 1.0009, 0.9991)) - 3
    check([FERMI], saw, 0.0, states)


def test_clustered_levels_take_bounded_memory():
    """Thousands of levels within kT and one far away."""
    states = sample(np.random.default_rng(1), n_points=3000)
    mus = np.append(np.linspace(-0.01, 0.01, 1500), 200.0)
    tracemalloc.start()
    methods = check([FERMI], mus, 0.01, states)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert methods == {"_Near"}
    assert peak < 50e6


def test_far_from_zero():
    """Energies about 10⁴, levels a few wide."""
    rng = np.random.default_rng(3)
    states = sample(rng, low=9997.0, high=10003.0)
    for kT in (0.0, 0.1, 1e-5):
        tolerance = 1e-12 if kT != 1e-5 else 1e-7
        check([FERMI], np.linspace(9998, 10002, 50), kT, states, tolerance=tolerance)


def test_no_states_and_no_components():
    empty = Sample(np.zeros((2, 0)), (np.zeros((2, 3, 0)),))
    for kT in (0.0, 1e-300, 0.1):
        for n in (2, 50):
            values, _ = added_up([FERMI], np.linspace(-1, 1, n), np.full(n, kT), empty)
            np.testing.assert_array_equal(values, np.zeros((n, 3)))


@pytest.mark.parametrize("weight", WEIGHTS, ids=lambda w: w.name)
def test_derivatives_of_weights(weight):
    """Each order is the slope of the one before; the first is the weight itself."""
    x = np.linspace(-30, 30, 241)
    h = 1e-3
    orders = accumulate._ORDERS
    at, *around = (weight_derivatives(weight, x + s * h, orders) for s in (0, -2, -1, 1, 2))
    expected = reference(weight, -x, 0.0, 1.0)
    np.testing.assert_allclose(at[0], expected, rtol=0, atol=1e-14 * abs(expected).max())
    slope = (around[0] - 8 * around[1] + 8 * around[2] - around[3]) / (12 * h)
    # h⁴/30 times a fifth derivative, which for the ninth order is some 1e3 times the function.
    np.testing.assert_allclose(at[1:], slope[:-1], rtol=0, atol=1e-7)


# Pairs of bands --------------------------------------------------------------------------------


@given(
    st.integers(0, 10**6),
    st.lists(
        st.tuples(st.floats(-2, 2), st.sampled_from([0.0, 1e-3, 0.01])), min_size=1, max_size=6
    ),
)
@settings(max_examples=60)
def test_separated_pairs(seed, pairs):
    """Kept are those that some μ and kT tell apart; dropped, those equal at all of them."""
    rng = np.random.default_rng(seed)
    mus, kTs = (np.array(x) for x in zip(*pairs, strict=True))
    energies = np.sort(rng.uniform(-3, 3, (3, 50)), axis=0)
    energies[0, :3] = mus[0]  # exactly at a level
    keep = separated(mus, kTs)(energies)
    assert keep.shape == (3, 3, 50)
    f = np.array([reference(FERMI, energies, m, t) for m, t in pairs])
    differ = (abs(f[:, :, None] - f[:, None]) > 1e-15).any(axis=0)
    assert not (differ & ~keep).any()
    # What is kept is near some level, or on both sides of one.
    low, high = (mus + s * 37 * kTs for s in (-1, 1))
    e = energies[None]
    window = ((e >= low[:, None, None]) & (e <= high[:, None, None])).any(axis=0)
    above = (e > high[:, None, None]).sum(axis=0)
    apart = above[:, None] != above[None]
    assert not (keep & ~(window[:, None] | window[None] | apart)).any()
    np.testing.assert_array_equal(keep, keep.swapaxes(0, 1))
