"""Ticks of an axis of dates: beginnings of years, months, days, hours, minutes or seconds."""

from collections.abc import Sequence

import numpy as np

from rugged_widget.snapshot.dates import Dates, Moments
from rugged_widget.view.figures.axis_range import NARROWEST, Ticks, apart, within

STEPS: Sequence[tuple[str, int]] = (
    *[("s", count) for count in (1, 5, 15, 30)],
    *[("m", count) for count in (1, 5, 15, 30)],
    *[("h", count) for count in (1, 3, 6, 12)],
    *[("D", count) for count in (1, 2, 7, 14)],
    *[("M", count) for count in (1, 3, 6)],
    *[("Y", count * 10**power) for power in range(5) for count in (1, 2, 5)],
)
"""Units of datetime64, and how many of them lie between two ticks."""

SECONDS = {"s": 1, "m": 60, "h": 3600, "D": 86_400, "M": 28 * 86_400, "Y": 365 * 86_400}
"""Length of a unit, s, of the shortest where they differ."""

MORE = 2  # ticks that may be drawn beyond what is asked for: units do not divide one another by two or so
MONDAY = 3  # days from Monday to Thursday, which 1970 began with


def date_ticks(low: float, high: float, num_steps: int, dates: Dates, *, width: float = NARROWEST) -> Ticks:
    """Return dates in [low, high], about `num_steps` apart at most, as numbers of `dates`; `low` < `high`.

    The year stands in the note, and not in the ticks, where days of one year are shown, and the day where it is one.
    """
    begin, end = dates.moments(np.array([low, high]))
    span = float((end - begin) / np.timedelta64(1, "s"))
    for unit, count in STEPS:
        if span > 1.5 * (num_steps + MORE) * count * SECONDS[unit]:
            continue
        moments = _multiples(begin, end, unit, count)
        if not 2 <= len(moments) <= num_steps + MORE:
            continue
        texts, note = _written(moments, unit)
        places = dates.numbers(moments.astype("datetime64[us]")).tolist()
        kept, drawn = within(places, texts, (low, high), width)
        if len(kept) >= 2 and apart(kept, drawn, high - low, width):
            return Ticks(tuple(kept), drawn, note)
    return Ticks((low, high), (str(begin), str(end)))


def _multiples(begin: np.datetime64, end: np.datetime64, unit: str, count: int) -> Moments:
    """Return the beginnings of every so many units between two moments."""
    shift = MONDAY if (unit, count) in {("D", 7), ("D", 14)} else 1970 if unit == "Y" else 0
    first, last = (int(moment.astype(f"datetime64[{unit}]").astype(np.int64)) + shift for moment in (begin, end))
    numbers = np.arange(-(-first // count) * count, last + 1, count) - shift
    moments: Moments = numbers.astype(f"datetime64[{unit}]")
    return moments[(moments >= begin) & (moments <= end)]


def _written(moments: Moments, unit: str) -> tuple[Sequence[str], str]:
    texts = [
        str(moment).replace("T", " ") for moment in moments.astype("datetime64[m]" if unit == "h" else moments.dtype)
    ]
    if unit in "MY":
        return texts, ""
    day, year = len("2021-03-04"), len("2021")
    if unit != "D" and len({text[:day] for text in texts}) == 1:
        return [text[day + 1 :] for text in texts], f"({texts[0][:day]})"
    if len({text[:year] for text in texts}) == 1:
        return [text[year + 1 :] for text in texts], f"({texts[0][:year]})"
    return texts, ""
