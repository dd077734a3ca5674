"""Precision of written numbers: which digit is the last one, and whether a power of ten is written.

All texts are English ones here, with "," between thousands and "." before decimals; a catalogue turns them into those
of another language.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

NONE = "\N{EN DASH}"
"""Stands for a number that is not known."""

MINUS = "\N{MINUS SIGN}"  # as wide as a plus
MOST_ZEROS = 5  # in front of the first figure of a decimal fraction; 0.000031 has five
MANY = 9  # from this power of ten on an amount that is known to so few figures is written with it
MOST_DIGITS = 15  # before the point
FIGURES = 2
ALONE = 3  # figures of a number that has no interval
SAMPLE = 1000  # rows that are looked at for the resolution of a column
FINEST = 16  # decimals among which it is looked for
SPACE, CROSS = "\N{NO-BREAK SPACE}", "\N{MULTIPLICATION SIGN}"
SUPERSCRIPTS = str.maketrans("-0123456789", "\N{SUPERSCRIPT MINUS}⁰¹²³⁴⁵⁶⁷⁸⁹")


@dataclass(frozen=True)
class Precision:
    """How numbers that belong together are written, so that they can be compared digit by digit.

    Attributes
    ----------
    decimals
        Digits behind the point; -1 where tens are the last that are told, -2 for hundreds.
    exponent
        The power of ten that all of them are written with; None where they are written out.
    """

    decimals: int
    exponent: int | None = None

    @property
    def power(self) -> str:
        """The power of ten as it stands behind a number, with its multiplication sign; empty where there is none."""
        return "" if self.exponent is None else f"{CROSS}{SPACE}10{str(self.exponent).translate(SUPERSCRIPTS)}"

    def write(self, value: float, *, sign: bool = False, power: bool = True) -> str:
        """Return the number as a text; one that is not known is a dash.

        With `sign`, a positive one has a plus; without `power`, the power of ten is left to be written elsewhere.
        """
        if math.isnan(value):
            return NONE
        if math.isinf(value):
            return _signed("\N{INFINITY}", value, sign=sign)
        exact = abs(Decimal(float(value)))
        if self.exponent is None:
            digits = _digits(exact, self.decimals)
        else:
            digits = _digits(exact.scaleb(-self.exponent), self.decimals + self.exponent)
        behind = f"{SPACE}{self.power}" if power and self.exponent is not None else ""
        if not digits.strip("0.,"):
            return "0" if behind else digits
        return _signed(digits, value, sign=sign) + behind


def _digits(value: Decimal, decimals: int) -> str:
    if decimals < 0:  # whole tens or hundreds
        value = Decimal(f"{value.scaleb(decimals):.0f}").scaleb(-decimals)
    return f"{value:,.{max(decimals, 0)}f}"


def _signed(digits: str, value: float, *, sign: bool) -> str:
    return f"{MINUS if value < 0 else '+' if sign else ''}{digits}"


def without_zeros(number: str) -> str:
    """Return a written number without the zeros at the end of its decimals."""
    digits, times, power = number.partition(f"{SPACE}{CROSS}")
    return (digits.rstrip("0").rstrip(".") if "." in digits else digits) + times + power


def of_interval(lower: float, upper: float, *others: float, figures: int = FIGURES) -> Precision:
    """Return the precision that an interval tells: so many significant figures of its width.

    Parameters
    ----------
    lower, upper
        Its ends. Where they are the same, or no numbers, the largest of all decides: three figures of it.
    others
        What else is written with that precision, such as the value in the middle.
    figures
        Significant figures of the width.
    """
    largest = max((abs(value) for value in (lower, upper, *others) if math.isfinite(value)), default=0.0)
    half = upper / 2 - lower / 2  # the width itself may be more than a number can hold
    if not (math.isfinite(half) and half > 0):
        return of_figures(largest, ALONE)
    return _precision(figures - 1 - order(Decimal(half) * 2, figures), largest)


def of_figures(value: float, figures: int) -> Precision:
    """Return the precision that writes `value` with so many significant figures."""
    if not value or not math.isfinite(value):
        return Precision(0)
    return _precision(figures - 1 - order(Decimal(value), figures), value)


def exactly(value: float) -> str:
    """Write a number with all its digits: 9, 4,200 or 0.25."""
    digits = Decimal(repr(float(value))).normalize()
    return _precision(-int(digits.as_tuple().exponent), value).write(value)


def of_decimals(decimals: int, largest: float) -> Precision:
    """Return the precision of so many decimals; `largest` is the largest number that is written with it."""
    return _precision(decimals, largest)


def of_error(error: float, *values: float) -> Precision:
    """Return the precision that a standard error leaves, > 0 and finite: its first figure is the last one."""
    largest = max(abs(value) for value in (error, *values))
    return _precision(-math.floor(math.log10(error)), largest)


def order(value: Decimal, figures: int) -> int:
    """Return the power of ten of the first figure of a number that is rounded to `figures`; it is not 0."""
    return int(f"{value:.{figures - 1}e}".split("e")[1])


def _precision(decimals: int, largest: float) -> Precision:
    """Return the precision with so many decimals, and with a power of ten where that saves zeros."""
    if not largest:
        return Precision(decimals)
    first = order(Decimal(largest), FIGURES)
    few_figures = first >= MANY and first + decimals < ALONE
    return Precision(decimals, first if first < -MOST_ZEROS or few_figures or first >= MOST_DIGITS else None)


@dataclass(frozen=True)
class ColumnPrecision:
    """How each number of a column is written: no finer than the column is, and as finely as its spread needs.

    Attributes
    ----------
    resolution
        Decimals that all of its numbers have at most; None where there is no end to them.
    spread
        Decimals that tell a thousandth of its spread, >= 0.
    """

    resolution: int | None
    spread: int

    def of(self, value: float) -> Precision:
        """Return the precision of one of its numbers: three figures at least, all digits of an integer."""
        if not math.isfinite(value):
            return Precision(0)
        if abs(value) >= 10.0**MOST_DIGITS:
            return of_figures(value, 2 * ALONE)
        decimals = max(self.spread, of_figures(value, ALONE).decimals)
        return _precision(decimals if self.resolution is None else min(self.resolution, decimals), value)

    def write(self, value: float) -> str:
        """Return one of its numbers as a text."""
        return self.of(value).write(value)


def of_column(values: NDArray[np.float64]) -> ColumnPrecision:
    """Return the precision of a column, shape (number of rows,), from its spread and a sample of its numbers."""
    finite = values[np.isfinite(values)]
    if not finite.size:
        return ColumnPrecision(0, 0)
    half = float(finite.max()) / 2 - float(finite.min()) / 2
    spread = max(0, ALONE - order(Decimal(half) * 2, 1)) if half > 0 else 0
    sample = finite[:: max(1, len(finite) // SAMPLE)]
    tolerance = np.minimum(1e-7 * np.abs(sample), 1e-4 * half)  # half a digit of single precision
    first = max(0, spread - FINEST // 2)
    with np.errstate(all="ignore"):  # large numbers have no such places
        places = (
            at for at in range(first, first + FINEST) if np.all(np.abs(np.round(sample, at) - sample) <= tolerance)
        )
        return ColumnPrecision(next(places, None), spread)
