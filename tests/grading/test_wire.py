"""Plain data: what passes, what is refused, and that no text does harm."""

from __future__ import annotations

import math
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

import coursekit as ck
from coursekit.checks.wire import WireError, decode, encode, plain

scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63)
    | st.floats()
    | st.complex_numbers()
    | st.text()
)
arrays = npst.arrays(
    st.sampled_from(["?", "<i4", "<u8", "<f4", "<f8", "<c16"]), npst.array_shapes(min_dims=0)
)
values = st.recursive(
    scalars | arrays,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=4).map(tuple)
        | st.dictionaries(st.text(), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(values)
def test_round_trip_is_exact(value: Any) -> None:
    # Text compares NaN with NaN, and tells 1 from 1.0 and True.
    assert encode(plain(value)) == encode(value)
    assert type(plain(value)) is type(value)


def test_subclasses_become_exact_types() -> None:
    class Array(np.ndarray):
        pass

    class Number(float):
        pass

    assert type(plain(np.eye(2).view(Array))) is np.ndarray
    assert type(plain(Number(2))) is float
    assert type(plain(np.float32(2))) is float
    assert type(plain(np.True_)) is bool
    assert plain(np.arange(4)[::-2]).flags.c_contiguous
    assert plain(np.arange(2, dtype=">i4")).dtype == np.dtype("<i4")
    assert plain(np.array([1], dtype=np.longdouble)).dtype == np.float64


def test_models_cross() -> None:
    model = ck.models.haldane(1.0, 0.2, 0.7, 0.3)
    copy = plain(model)
    k = np.array([0.3, -0.4])
    assert np.array_equal(copy.hamiltonian(k), model.hamiltonian(k))


@pytest.mark.parametrize(
    ("value", "copy"),
    [
        (np.array([1, 2.5, 1j], dtype=object), [1, 2.5, 1j]),
        (np.array(2.5, dtype=object), 2.5),
        (np.array([[Fraction(1, 2)], [Decimal("0.25")]]), [[0.5], [0.25]]),
        ([Fraction(1, 4), Decimal(3)], [0.25, 3.0]),
    ],
)
def test_other_numbers_become_ordinary_ones(value: object, copy: object) -> None:
    assert plain(value) == copy


HOLDS_ITSELF = np.array(None)
HOLDS_ITSELF[()] = HOLDS_ITSELF


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (len, "got a function; expected its result"),
        ({1, 2}, "got set; expected a number"),
        ({1: 2}, "got a dict key of type int; expected a string"),
        (np.array([1, {2}]), "got set; expected a number"),
        (np.array(["1.5"]), "dtype <U3; expected numbers"),
        (HOLDS_ITSELF, "nested more than"),
        (Fraction(10**400), "got Fraction; expected a number"),
        (2**64, "beyond 64 bits"),
        (np.zeros(3_000_000), "expected at most 16,777,216"),
        ([0] * 200_001, "more than 200,000 items"),
    ],
)
def test_refused_values(value: object, message: str) -> None:
    with pytest.raises(WireError, match=message):
        encode(value)


def test_a_list_that_holds_itself_is_refused() -> None:
    endless: list[Any] = []
    endless.append(endless)
    with pytest.raises(WireError, match="nested more than"):
        encode(endless)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        "[" * 100_000,
        "1" * 5_000,
        '{"pickle": ["gASV"]}',
        '{"array": ["|O", [1], ""]}',
        '{"array": ["<f8", [1000000000000], ""]}',
        '{"array": ["<f8", [-1], ""]}',
        '{"array": ["<f8", [0, 1e30], ""]}',
        '{"array": ["<f8", [2], "AAAA"]}',
        '{"array": [["<f8"], [1], ""]}',
        '{"complex": ["x", 1]}',
        '{"complex": [1' + "0" * 400 + ", 0]}",
        '{"dict": [[[], 1]]}',
        '{"tight_binding": [1, 2, 3]}',
        '{"tuple": 1}',
    ],
)
def test_hostile_text_is_refused(text: str) -> None:
    with pytest.raises(WireError):
        decode(text)


def test_special_floats_pass() -> None:
    assert math.isnan(plain(math.nan))
    assert plain(-math.inf) == -math.inf
