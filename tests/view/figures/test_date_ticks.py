from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rugged_widget.snapshot.dates import Dates
from rugged_widget.view.figures.axis_range import NARROWEST, Ticks, apart
from rugged_widget.view.figures.date_ticks import date_ticks


def ticks_of(first: str, last: str) -> tuple[Ticks, float, float]:
    moments = np.array([first, last], "datetime64[us]")
    dates = Dates.of(moments)
    low, high = dates.numbers(moments).tolist()
    return date_ticks(low, high, 6, dates), low, high


@pytest.mark.parametrize(
    ("first", "last", "texts", "note"),
    [
        ("1950-01-01", "2020-06-01", "1950 1960 1970 1980 1990 2000 2010 2020", ""),
        ("2021-03-04", "2023-09-01", "2021-07 2022-01 2022-07 2023-01 2023-07", ""),
        ("2021-03-04", "2021-06-20", "2021-04 2021-05 2021-06", ""),
        ("2021-03-04", "2021-03-20", "03-08 03-15", "(2021)"),
        ("2021-12-20", "2022-01-20", "2022-01-03 2022-01-17", ""),
        ("2021-03-04T10:00", "2021-03-04T18:00", "12:00 15:00 18:00", "(2021-03-04)"),
        ("2021-03-04T10:00", "2021-03-04T10:01:30", "10:00:30 10:01:00", "(2021-03-04)"),
    ],
)
def test_dates_begin_something_and_say_no_more_than_they_have_to(first: str, last: str, texts: str, note: str) -> None:
    found, _, _ = ticks_of(first, last)
    assert (" ".join(found.texts), found.note) == (texts, note)


@given(st.integers(-60_000, 60_000), st.floats(2e-4, 3e5))
def test_whatever_the_range_dates_can_be_told_apart_and_have_room(day: int, span: float) -> None:
    first = np.datetime64("1970-01-01", "us") + np.timedelta64(day, "D")
    last = first + np.timedelta64(int(span * 86.4e9), "us")
    found, low, high = ticks_of(str(first), str(last))
    assert len(found.values) >= 2
    assert len(set(found.texts)) == len(found.texts)
    assert low <= found.values[0] < found.values[-1] <= high
    assert list(found.values) == sorted(found.values)
    assert apart(found.values, found.texts, high - low, NARROWEST)
