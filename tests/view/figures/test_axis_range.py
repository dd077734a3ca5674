from __future__ import annotations

import math

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from rugged_widget.view.figures.axis_range import SteppingDomain, nice_step, tick_format, ticks

numbers = st.floats(-1e9, 1e9).filter(lambda x: abs(x) > 1e-6 or x == 0.0)


@given(numbers, st.floats(1e-3, 1e9))
def test_whatever_the_data_they_are_covered(low: float, span: float) -> None:
    domain = SteppingDomain(-1.0, 1.0)
    bounds = domain.cover(low, low + span)
    assert bounds[0] <= low
    assert low + span <= bounds[1]


@given(numbers, st.floats(1e-3, 1e6))
def test_bounds_hold_still_while_the_data_stay_inside_and_use_them(low: float, span: float) -> None:
    assume(span > 1e-6 * abs(low))  # beyond, the bounds are within rounding of one another
    domain = SteppingDomain(-1.0, 1.0)
    before = domain.cover(low, low + span)
    assert domain.cover(low + 0.05 * span, low + 0.95 * span) == before


def test_a_shrinking_posterior_steps_the_axis_a_few_times_only() -> None:
    domain = SteppingDomain(-1.0, 1.0)
    seen = [domain.cover(-10 * 0.99**frame, 10 * 0.99**frame) for frame in range(500)]
    assert len(set(seen)) < 20
    assert seen[-1][1] < 0.5


def test_an_end_at_zero_stays_at_zero() -> None:
    assert SteppingDomain(0.0, 1.0).cover(0.0, 7.3)[0] == 0.0


@pytest.mark.parametrize(("low", "high"), [(math.nan, 1.0), (0.0, math.inf), (2.0, 1.0)])
def test_data_that_are_no_range_change_nothing(low: float, high: float) -> None:
    assert SteppingDomain(-1.0, 1.0).cover(low, high) == (-1.0, 1.0)


def test_a_single_value_gets_an_axis() -> None:
    low, high = SteppingDomain(-1.0, 1.0).cover(5.0, 5.0)
    assert low < 5.0 < high


def test_ticks_are_round_numbers_inside() -> None:
    assert ticks(0.0, 1500.0, 6) == [0, 250, 500, 750, 1000, 1250, 1500]
    assert ticks(5.4, 11.6, 7) == [6, 7, 8, 9, 10, 11]
    assert ticks(-0.4, 0.8, 7) == [-0.4, -0.2, 0, 0.2, 0.4, 0.6, 0.8]


@given(st.floats(1e-6, 1e9), st.integers(2, 10))
def test_a_step_is_one_two_five_or_two_and_a_half(span: float, num_steps: int) -> None:
    step = nice_step(span, num_steps)
    mantissa = step / 10 ** math.floor(math.log10(step * (1 + 1e-9)))
    assert min(abs(mantissa - nice) for nice in (1, 2, 2.5, 5, 10)) < 1e-6
    assert step >= span / num_steps * (1 - 1e-6)


@pytest.mark.parametrize(
    ("values", "form"),
    [
        ([0, 250, 500], ".0f"),
        ([0, 0.25, 0.5], ".2f"),
        ([-0.4, -0.2, 0.0, 0.2], ".1f"),
        ([0, 2.5, 5.0], ".1f"),
        ([0, 20_000, 100_000], "~s"),
        ([0, 1e-5], "~e"),
        ([0, 0.0025], ".4f"),
    ],
)
def test_ticks_are_written_with_the_digits_that_tell_them_apart(values: list[float], form: str) -> None:
    assert tick_format(values) == form


@given(numbers, st.floats(1.0, 1e9))
def test_whatever_the_bounds_there_are_ticks_and_a_format_for_them(low: float, span: float) -> None:
    low, high = SteppingDomain(-1.0, 1.0).cover(low, low + span)
    values = ticks(low, high)
    assert len(values) >= 2
    assert tick_format(values)
