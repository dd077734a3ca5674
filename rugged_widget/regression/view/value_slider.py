"""A slider over the values of a column, and the texts of values that may be picked with it."""

from __future__ import annotations

import math

import ipywidgets
import numpy as np

from rugged_widget.precision import MOST_DIGITS, of_column, of_decimals, without_zeros
from rugged_widget.snapshot.dates import Dates
from rugged_widget.snapshot.values import Array
from rugged_widget.view.figures.number_format import decimals_for
from rugged_widget.view.i18n.catalogue import Catalogue
from rugged_widget.view.widgets import classed


class ValueSlider:
    """A slider over the values of a column, shape (n,), in steps that its readout tells apart.

    It shows values divided by a power of ten where steps would be below 1e-6, which keys would not move it by. What it
    stands for is no number where the values are `dates`; then it has no readout.

    Attributes
    ----------
    widget
        The slider, under the css class `css`; it begins at the value nearest to `start`.
    """

    def __init__(self, css: str, values: Array, start: float, dates: Dates | None = None) -> None:
        digits = decimals_for(float(np.ptp(values)))
        largest, column = float(np.abs(values).max()), of_column(values)
        decimals = digits if largest >= 10.0**MOST_DIGITS else max(digits, 0)  # else integers are written out
        fewest = decimals if column.resolution is None else min(decimals, column.resolution)
        self._picked, self._given = of_decimals(decimals, largest), of_decimals(fewest, largest)
        self._dates, self._exponent = dates, 0 if dates else self._picked.exponent or 0
        unit = 10.0**self._exponent
        self.widget = _slider(css, values / unit, start / unit, digits + self._exponent)
        self.widget.readout = dates is None

    def __repr__(self) -> str:
        return f"ValueSlider({self.value:g})"

    @property
    def value(self) -> float:
        """The value that is picked, in the unit of the column."""
        return float(f"{self.widget.value!r}e{self._exponent}")

    @property
    def power(self) -> str:
        """The power of ten that the slider leaves out, as text; empty where it leaves none out."""
        return self._picked.power if self._exponent else ""

    def write(self, text: Catalogue, value: float) -> str:
        """Write a value that is picked: as those of the column are where it could be one of them."""
        if self._dates is not None:
            return self._dates.text(value)
        same = without_zeros(self._picked.write(value)) == without_zeros(self._given.write(value))
        return text.number((self._given if same else self._picked).write(value))

    def write_given(self, text: Catalogue, value: float) -> str:
        """Write a value of the column: no finer than these are."""
        return text.number(self._given.write(value)) if self._dates is None else self._dates.text(value)


def _slider(css: str, values: Array, start: float, digits: int) -> ipywidgets.FloatSlider:
    step = 10.0**-digits
    low, high = math.floor(float(values.min()) / step) * step, math.ceil(float(values.max()) / step) * step
    return classed(
        ipywidgets.FloatSlider(
            value=round(start, digits),
            min=round(low, digits),
            max=round(high, digits),
            step=step,
            readout_format=f".{max(digits, 0)}f",
        ),
        css,
        "rw-what-if-slider",
    )
