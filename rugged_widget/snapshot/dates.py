"""Dates as numbers: how many hours, days or years after a first date."""

from dataclasses import dataclass
from typing import Literal, Self, TypeAlias

import numpy as np
from numpy.typing import NDArray

Moments: TypeAlias = NDArray[np.datetime64]
Unit: TypeAlias = Literal["hour", "day", "year"]

MICROSECONDS: dict[Unit, float] = {"hour": 3.6e9, "day": 86.4e9, "year": 365.2425 * 86.4e9}
"""Length of a unit; a year is the mean one of the calendar."""

LEAST: dict[Unit, float] = {"year": 6 * MICROSECONDS["year"], "day": 4 * MICROSECONDS["day"]}
"""Range of dates, in microseconds, from which on a unit is taken; the longest that fits is."""


@dataclass(frozen=True)
class Dates:
    """The map between dates and numbers.

    Attributes
    ----------
    origin
        The date that is 0, without a time zone, in microseconds.
    unit
        What 1 stands for: an hour, a day or a mean year.
    """

    origin: np.datetime64
    unit: Unit

    @classmethod
    def of(cls, moments: Moments) -> Self:
        """Return the map for dates of a table, at least one of them not NaT: its first date is 0."""
        known = moments[~np.isnat(moments)].astype("datetime64[us]")
        span = float((known.max() - known.min()) / np.timedelta64(1, "us"))
        unit: Unit = next((unit for unit, least in LEAST.items() if span >= least), "hour")
        return cls(known.min(), unit)

    def numbers(self, moments: Moments) -> NDArray[np.float64]:
        """Return dates of any shape as numbers, NaT as nan."""
        return np.asarray((moments - self.origin) / np.timedelta64(1, "us") / MICROSECONDS[self.unit], np.float64)

    def moments(self, numbers: NDArray[np.float64]) -> Moments:
        """Return numbers of any shape, finite, as dates, to the microsecond."""
        since = np.rint(np.asarray(numbers, np.float64) * MICROSECONDS[self.unit]).astype(np.int64)
        return np.asarray(self.origin + since.astype("timedelta64[us]"))

    def text(self, number: float) -> str:
        """Write a number as a date, to the minute where the unit is an hour: 2021-03-04 or 2021-03-04 13:30."""
        moment = self.moments(np.array(number))
        return str(moment.astype("datetime64[m]" if self.unit == "hour" else "datetime64[D]")).replace("T", " ")

    def write(self, number: float) -> str:
        """Return `text`, as whatever writes the numbers of a column does."""
        return self.text(number)
