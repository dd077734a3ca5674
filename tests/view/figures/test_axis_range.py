from __future__ import annotations

import itertools
import math
from decimal import Decimal

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from rugged_widget.view.figures.axis_range import (
    CHARACTER,
    GAP,
    NARROWEST,
    OVERHANG,
    SHORT,
    SteppingDomain,
    Ticks,
    javascript_number,
    nice_step,
    text_width,
    ticks,
    widened,
    written,
)

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


def test_data_that_are_all_zero_have_an_axis() -> None:
    low, high = SteppingDomain(-1.0, 1.0).cover(0.0, 0.0)
    assert 0.0 == low < high


@pytest.mark.parametrize(("low", "high"), [(math.nan, 1.0), (0.0, math.inf), (2.0, 1.0)])
def test_data_that_are_no_range_change_nothing(low: float, high: float) -> None:
    assert SteppingDomain(-1.0, 1.0).cover(low, high) == (-1.0, 1.0)


def test_a_single_value_gets_an_axis() -> None:
    low, high = SteppingDomain(-1.0, 1.0).cover(5.0, 5.0)
    assert low < 5.0 < high


def test_ticks_are_round_numbers_inside() -> None:
    assert ticks(0.0, 1500.0, 6).values == (0, 250, 500, 750, 1000, 1250, 1500)
    assert ticks(5.4, 11.6, 7).values == (6, 7, 8, 9, 10, 11)
    assert ticks(-0.4, 0.8, 7).values == (-0.4, -0.2, 0, 0.2, 0.4, 0.6, 0.8)


@given(st.floats(1e-6, 1e9), st.integers(2, 10))
def test_a_step_is_one_two_five_or_two_and_a_half(span: float, num_steps: int) -> None:
    step = float(nice_step(span, num_steps))
    mantissa = step / 10 ** math.floor(math.log10(step * (1 + 1e-9)))
    assert min(abs(mantissa - nice) for nice in (1, 2, 2.5, 5, 10)) < 1e-6
    assert step >= span / num_steps * (1 - 1e-6)


TABLE = [
    ((0.0, 1500.0), "0 500 1000 1500", ""),
    ((-0.4, 0.8), "-0.25 0.00 0.25 0.50 0.75", ""),
    ((46.0, 48.0), "46.0 46.5 47.0 47.5 48.0", ""),
    ((1e-14, 9e-14), "20 40 60 80", "(x 10⁻¹⁵)"),
    ((1e-6, 4e-6), "1 2 3 4", "(x 10⁻⁶)"),
    ((0.0001, 0.0004), "0.0001 0.0002 0.0003 0.0004", ""),
    ((-0.12, 0.12), "-0.10 -0.05 0.00 0.05 0.10", ""),
    ((-15_000.0, 15_000.0), "-10k 0 10k", ""),
    ((0.0, 4_500.0), "0 1000 2000 3000 4000", ""),
    ((-1.5e6, 1e6), "-1.5M -1.0M -0.5M 0 0.5M 1.0M", ""),
    ((1e9, 5e9), "1G 2G 3G 4G 5G", ""),
    ((1e15, 3e15), "1.0 1.5 2.0 2.5 3.0", "(x 10¹⁵)"),
    ((-4e15, 1e15), "-4 -3 -2 -1 0 1", "(x 10¹⁵)"),
    ((1e6, 1e6 + 0.08), "0.00 +0.02 +0.04 +0.06 +0.08", "(1,000,000 + …)"),
    ((1.7e9 - 10_800, 1.7e9 + 10_800), "-10k -5k 0 +5k +10k", "(1,700,000,000 + …)"),
    ((1e15, 1e15 + 40), "0 +10 +20 +30 +40", "(10¹⁵ + …)"),
    ((1.0, 1.0 + 4e-13), "0 +100 +200 +300 +400", "(1 + … x 10⁻¹⁵)"),
]


@pytest.mark.parametrize(("ends", "texts", "note"), TABLE)
def test_ticks_one_over_another_are_written_briefly(ends: tuple[float, float], texts: str, note: str) -> None:
    found = ticks(*ends, width=None)
    assert typed(" ".join(found.texts), found.note) == (texts, note)


def typed(*texts: str) -> tuple[str, ...]:
    """Return texts with the signs of a keyboard."""
    return tuple(text.replace("\N{MINUS SIGN}", "-").replace("\N{MULTIPLICATION SIGN}", "x") for text in texts)


def test_ticks_side_by_side_are_written_in_full_where_three_of_them_have_room() -> None:
    low, high = SteppingDomain(-1.0, 1.0).cover(1.7e9 - 10_800, 1.7e9 + 10_800)  # seconds since 1970
    found = ticks(low, high)
    assert (found.texts, found.note) == (("1,699,990,000", "1,700,000,000", "1,700,010,000"), "")


def test_where_there_is_no_label_each_tick_says_everything() -> None:
    found = ticks(-3e-14, 3e-14, 4, width=190.0, labelled=False)
    assert typed(*found.texts) == ("-2e-14", "0", "2e-14")
    assert ticks(1e6, 1e6 + 0.08, 4, width=190.0, labelled=False).note == ""


ranges = st.tuples(
    st.floats(-1.0, 1.0).filter(lambda x: abs(x) > 1e-3 or x == 0.0),
    st.integers(-14, 1),
    st.integers(-200, 200),
)


@given(ranges, st.sampled_from([3, 5, 7]), st.sampled_from([None, 190.0, NARROWEST, 700.0]), st.booleans())
@example((0.7290321095155696, -9, 0), 3, None, False)
def test_whatever_the_range_its_ticks_can_be_told_apart_and_have_room(
    ends: tuple[float, int, int], num_steps: int, width: float | None, labelled: bool
) -> None:
    middle, relative, power = ends
    size = 10.0**power
    low, high = SteppingDomain(-1.0, 1.0).cover(middle * size, middle * size + 10.0**relative * size)
    found = ticks(low, high, num_steps, width=width, labelled=labelled)
    assert len(found.values) == len(found.texts) >= 2
    assert len(set(found.texts)) == len(found.texts)
    assert list(found.values) == sorted(found.values)
    assert low <= found.values[0] < found.values[-1] <= high
    if width is None and labelled:
        assert max(map(text_width, found.texts)) <= SHORT
    if width is not None and labelled:
        unit = width / (high - low)
        boxes = [((value - low) * unit, CHARACTER * text_width(text) / 2) for value, text in placed(found)]
        assert all(b - a >= one + two + 0.9 * GAP for (a, one), (b, two) in itertools.pairwise(boxes))
        assert boxes[0][0] - boxes[0][1] >= -OVERHANG - 0.1
        assert boxes[-1][0] + boxes[-1][1] <= width + OVERHANG + 0.1


def placed(found: Ticks) -> list[tuple[float, str]]:
    return list(zip(found.values, found.texts, strict=True))


@given(st.integers(-999, 999), st.integers(1, 999), st.integers(-30, 30))
def test_data_scaled_by_a_power_of_ten_have_the_same_ticks_scaled(low: int, span: int, power: int) -> None:
    unit = SteppingDomain(-1.0, 1.0).cover(float(low), float(low + span))
    scaled = SteppingDomain(-1.0, 1.0).cover(float(f"{low}e{power}"), float(f"{low + span}e{power}"))
    assert scaled == pytest.approx([float(f"{end!r}e{power}") for end in unit], rel=1e-12, abs=0.0)
    one, other = ticks(*unit, width=None).values, ticks(*scaled, width=None).values
    assert other == pytest.approx([float(f"{value!r}e{power}") for value in one], rel=1e-12, abs=0.0)


def test_a_range_that_is_nothing_but_rounding_is_a_single_value() -> None:
    assert widened(5.0, math.nextafter(5.0, 6.0), 1.0) == (4.5, 5.5 + math.ulp(5.0))
    assert widened(0.0, 0.0, 0.5) == (-0.5, 0.5)
    low, high = SteppingDomain(-1.0, 1.0).cover(3e-14, 3e-14)
    assert 2e-14 < low < 3e-14 < high < 4e-14


@pytest.mark.parametrize(
    ("number", "text"),
    [("4200", "4,200"), ("-3E-14", "-3 x 10⁻¹⁴"), ("1.5E+15", "1.5 x 10¹⁵"), ("1E+15", "10¹⁵"), ("0.05", "0.05")],
)
def test_an_offset_is_written_exactly(number: str, text: str) -> None:
    assert typed(written(Decimal(number))) == (text,)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (5.0, "5"),
        (-0.0, "0"),
        (0.1, "0.1"),
        (1e-6, "0.000001"),
        (1.5e-7, "1.5e-7"),
        (1e16, "10000000000000000"),
        (1e21, "1e+21"),
        (-1.25e300, "-1.25e+300"),
        (5e-324, "5e-324"),
    ],
)
def test_places_are_named_as_javascript_names_them(value: float, text: str) -> None:
    assert javascript_number(value) == text


@pytest.mark.parametrize(("low", "high"), [(-4.5, 4.5), (-4.0, 5.0), (-9.0, 2.0)])
@pytest.mark.parametrize("width", [60.0, 95.0])
def test_where_few_ticks_fit_zero_is_one_of_them_and_no_offset(low: float, high: float, width: float) -> None:
    found = ticks(low, high, 6, width=width)
    assert found.note == ""
    assert 0.0 in found.values
    assert len(found.values) >= 2
