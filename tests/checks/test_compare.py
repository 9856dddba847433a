"""Comparison: what counts as the right number, and what is said of everything else."""

import numpy as np
import pytest

from coursekit.checks.compare import Mismatch, as_numbers, compare, show

ONE = np.asarray(1.0)
ROW = np.array([1.0, 2.0, 3.0])


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (1, ONE),
        (1.0, ONE),
        (1 + 0j, ONE),
        (1 + 1e-12j, ONE),
        (np.float32(1), ONE),
        (np.array(1.0), ONE),
        ([1, 2, 3], ROW),
        ((1.0, 2.0, 3.0), ROW),
        ([1 + 0j, 2, np.float64(3)], ROW),
        (np.array([1, 2, 3], dtype=np.uint8), ROW),
        (np.array([1, 2, 3], dtype=np.float16), ROW),
        ([np.array(1), np.array(2), np.array(3)], ROW),
        (np.array([1j, 2]), np.array([1j, 2])),
        ([], np.zeros(0)),
    ],
)
def test_every_way_to_write_the_right_numbers(value, expected):
    numbers = as_numbers(value, expected, 1e-9)
    assert compare(numbers, expected, 1e-9) == ""


@pytest.mark.parametrize(
    ("value", "expected", "said"),
    [
        (None, ONE, r"returned None; .* `return`"),
        ("1.0", ONE, "returned text"),
        ({"C": 1}, ONE, "returned a dict"),
        (True, ONE, "True or False"),
        ([True, False, True], ROW, "True or False"),
        ([1, [2, 3], 4], ROW, "rows of different lengths"),
        ([1, None, 3], ROW, "other than numbers"),
        (["1", "2", "3"], ROW, "other than numbers"),
        ([1.0], ONE, r"an array of shape \(1,\); expected a single number"),
        (1.0, ROW, r"a single number; expected an array of shape \(3,\)"),
        ([[1, 2, 3]], ROW, r"shape \(1, 3\); expected an array of shape \(3,\)"),
        (float("nan"), ONE, "NaN"),
        ([1, float("nan"), 3], ROW, "NaN"),
        (float("inf"), ONE, "infinite"),
        (complex(1, float("nan")), ONE, "NaN"),
        (1 + 0.1j, ONE, "complex numbers"),
    ],
)
def test_what_cannot_be_compared_is_named(value, expected, said):
    with pytest.raises(Mismatch, match=said):
        as_numbers(value, expected, 1e-9)


def test_small_integers_do_not_wrap_around():
    numbers = as_numbers(np.array([0, 0, 255], dtype=np.uint8), ROW, 1e-9)
    assert "off by 2.5e+02 at index 2" in compare(numbers, ROW, 1e-9)


def test_a_real_number_is_right_where_a_complex_one_is_expected():
    assert compare(as_numbers(2.0, np.asarray(2 + 0j), 1e-9), np.asarray(2 + 0j), 1e-9) == ""


def test_the_worst_element_is_named():
    got = np.array([[1.0, 2.0], [3.0, 4.5]])
    said = compare(got, np.array([[1.0, 2.1], [3.0, 4.0]]), 1e-3)
    assert said == "off by 0.5 at index 1, 1; allowed 0.001"


def test_the_tolerance_itself_passes():
    assert compare(np.asarray(1.5), ONE, 0.5) == ""
    assert compare(np.asarray(1.5 + 1e-9), ONE, 0.5) != ""


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (np.asarray(1.0), "1"),
        (np.asarray(1 / 3), "0.33333333"),
        (2, "2"),
        (1 + 2j, "1+2j"),
        (np.arange(3.0), "[0., 1., 2.]"),
        (np.zeros((30, 30)), "shape (30, 30)"),
        ("x" * 500, "..."),
        (None, "None"),
    ],
)
def test_values_are_shown_in_a_few_characters(value, text):
    shown = show(value)
    assert text in shown
    assert len(shown) <= 200
