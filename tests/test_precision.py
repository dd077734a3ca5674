"""How precisely numbers are written: by the width of their interval, their error, or the column that they are of."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from rugged_widget.precision import (
    ColumnPrecision,
    Precision,
    exactly,
    of_column,
    of_error,
    of_figures,
    of_interval,
    without_zeros,
)

FINITE = st.floats(allow_nan=False, allow_infinity=False)
PLAIN = str.maketrans(
    {"\N{NO-BREAK SPACE}": " ", "\N{MULTIPLICATION SIGN}": "x", "\N{MINUS SIGN}": "-", "\N{EN DASH}": "?"}
)
SUPERSCRIPTS = str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")


def read(text: str) -> float:
    """Return the number that a text says."""
    digits, _, power = text.translate(PLAIN).partition(" x 10")
    number = digits.replace(",", "")
    return float(f"{number}e{power.translate(SUPERSCRIPTS)}" if power else number)


@given(st.tuples(FINITE, FINITE, FINITE).map(sorted))
def test_what_is_ordered_stays_so_and_ends_that_differ_never_read_alike(ends: list[float]) -> None:
    lower, value, upper = ends
    precision = of_interval(lower, upper, value)
    texts = [precision.write(one) for one in ends]
    assert read(texts[0]) <= read(texts[1]) <= read(texts[2])
    assert (texts[0] == texts[2]) == (lower == upper)


@given(st.tuples(FINITE, FINITE, FINITE).map(sorted), st.booleans())
def test_no_text_is_long_and_none_is_minus_zero_or_no_number(ends: list[float], sign: bool) -> None:
    precision = of_interval(ends[0], ends[2], ends[1])
    for value in ends:
        text = precision.write(value, sign=sign)
        # 17 digits tell all numbers apart; then there are a sign, a point, five commas and a power of ten.
        assert len(text) <= 32
        plain = text.translate(PLAIN)
        assert re.fullmatch("[+-]?[0-9,]+([.][0-9]+)?( x 10[⁻⁰-⁹¹²³]+)?", plain)
        assert not re.fullmatch("[+-][0.]+", plain)


@given(st.floats(1e-250, 1e250), st.floats(-100.0, 100.0))
def test_two_figures_of_the_width_are_seen(width: float, middle: float) -> None:
    lower, upper = width * (middle - 0.5), width * (middle + 0.5)
    precision = of_interval(lower, upper)
    unit = 10.0**-precision.decimals
    assert 9.9 <= (upper - lower) / unit <= 100.1
    for end in (lower, upper):
        assert read(precision.write(end)) == pytest.approx(end, abs=0.501 * unit)


@given(FINITE)
def test_a_number_alone_has_three_figures(value: float) -> None:
    assume(value == 0 or 1e-300 < abs(value) < 1.79e308)
    assert read(of_figures(value, 3).write(value)) == pytest.approx(value, rel=5.01e-3)


@pytest.mark.parametrize(
    ("value", "error", "text"),
    [
        (1.234, 0.05, "1.23 0.05"),
        (123456.0, 340.0, "123,500 300"),
        (-248.9, 1e-7, "-248.9000000 0.0000001"),
        (9.99, 0.0961, "9.99 0.10"),
    ],
)
def test_an_error_leaves_its_first_figure(value: float, error: float, text: str) -> None:
    precision = of_error(error, value)
    assert f"{precision.write(value)} {precision.write(error)}".translate(PLAIN) == text


def test_what_is_no_number_is_a_dash_and_what_is_infinite_a_sign() -> None:
    precision = Precision(2)
    assert precision.write(math.nan) == "\N{EN DASH}"
    assert [precision.write(value, sign=True) for value in (math.inf, -math.inf)] == ["+∞", "\N{MINUS SIGN}∞"]
    assert of_interval(math.nan, math.inf, 2.5).write(2.5) == "2.50"
    assert of_interval(math.nan, math.nan).write(math.nan) == "\N{EN DASH}"


@pytest.mark.parametrize(
    ("value", "text"), [(9.0, "9"), (4200.0, "4,200"), (0.25, "0.25"), (1.7e9 + 123, "1,700,000,123"), (0.0, "0")]
)
def test_all_digits_are_written_where_they_are_wanted(value: float, text: str) -> None:
    assert exactly(value) == text


def test_zeros_at_the_end_of_decimals_can_be_left_out() -> None:
    texts = ("2,000", "0.030", "5.0", of_figures(3.1e-9, 3).write(3.1e-9))
    assert [without_zeros(text).translate(PLAIN) for text in texts] == ["2,000", "0.03", "5", "3.1 x 10⁻⁹"]


RNG = np.random.default_rng(12)


@pytest.mark.parametrize(
    ("column", "value", "text"),
    [
        (np.arange(2500.0, 6300.0, 25.0), 4250.0, "4,250"),
        (np.arange(50) * 1e6 + 201234567, 201234567.0, "201,234,567"),
        (1.7e9 + 3600.0 * np.arange(40), 1.7e9 + 7200, "1,700,007,200"),
        (1.7e9 + RNG.uniform(0.0, 3.0, 40), 1.7e9 + 0.125, "1,700,000,000.125"),
        (RNG.normal(4.2e-9, 8e-10, 60), 4.1234567e-9, "4.123 x 10⁻⁹"),
        (np.linspace(2.5, 6.3, 39), 4.2, "4.2"),
        (np.arange(180, 241) * 1e-18, 2.2e-16, "2.20 x 10⁻¹⁶"),
        (np.linspace(2.5, 6.3, 39).astype(np.float32).astype(np.float64), float(np.float32(4.2)), "4.2"),
        (RNG.normal(size=50), -1.23456, "-1.235"),
        (RNG.lognormal(0.0, 4.0, 50), 0.0123456, "0.0123"),
        (RNG.uniform(0.0, 5e4, 50), 12345.678, "12,346"),
        (np.full(5, 7.5), 7.5, "7.5"),
        (np.array([0.0, 1.0]), 0.0, "0"),
        (np.array([]), 5.0, "5"),
        (np.array([-1.7e308, 1.7e308]), 1.7e308, "1.70000 x 10³⁰⁸"),
    ],
)
def test_a_column_is_written_as_finely_as_it_is_and_its_spread_needs(
    column: np.ndarray, value: float, text: str
) -> None:
    assert of_column(column).write(value).translate(PLAIN) == text


@given(st.lists(st.integers(-(10**14), 10**14), min_size=1), st.integers(0, 3))
def test_a_column_of_decimals_is_written_with_no_more_of_them(values: list[int], places: int) -> None:
    column = np.array(values) / 10.0**places
    precision = of_column(column)
    assert isinstance(precision, ColumnPrecision)
    texts = [precision.write(value) for value in column.tolist()]
    assert all(len(text.partition(".")[2].partition("\N{NO-BREAK SPACE}")[0]) <= 14 for text in texts)
    if not places:
        assert [read(text) for text in texts] == column.tolist()
