"""A vertical axis of powers of ten, for values that are drawn as their logarithms."""

import math

import numpy as np

from rugged_widget.snapshot.snapshot import Array
from rugged_widget.view.figures.axis_range import ten_to
from rugged_widget.view.figures.chart import GRID, MUTED
from rugged_widget.view.figures.number_format import short
from rugged_widget.view.frames.silent_widgets import SilentAxis, SilentScale
from rugged_widget.view.frames.stream import Changes
from rugged_widget.view.i18n.catalogue import Catalogue

FEWEST = 2
"""Decades that the axis has at least."""

DEEPEST = 12
"""Decades under the highest one that the axis has at most."""

MOST_TICKS = 6

PLAIN = 4
"""Power of ten from which on, to both sides, a tick is written as one."""


class Decades:
    """A scale of logarithms to the base 10, with its axis; the bounds are whole and change by decades.

    They grow with the values at once, and shrink where the values leave two decades of them empty.
    """

    def __init__(self, text: Catalogue) -> None:
        self._text = text
        self._low, self._high = -1, 1
        self._empty = True
        self.scale = SilentScale(min=-1.0, max=1.0)
        self.axis = SilentAxis(scale=self.scale, side="left", color=GRID, grid_color=GRID, label_color=MUTED)
        self.targets = (self.scale, self.axis)
        self.rename()

    def __repr__(self) -> str:
        return f"Decades({self._low}, {self._high})"

    def cover(self, logs: Array) -> tuple[float, float]:
        """Make the bounds hold these logarithms, of which nan are none; return the bounds."""
        finite = logs[np.isfinite(logs)]
        if finite.size:
            top = math.ceil(float(finite.max()) + 1e-9)
            bottom = min(max(math.floor(float(finite.min())), top - DEEPEST), top - FEWEST)
            inside = self._low <= bottom and top <= self._high
            if self._empty or not inside or self._high - top > 1 or bottom - self._low > 1:
                self._low, self._high, self._empty = bottom, top, False
        return float(self._low), float(self._high)

    def changes(self) -> Changes:
        """Return what a frame has to change for the bounds."""
        return [(self.scale, {"min": float(self._low), "max": float(self._high)}), (self.axis, self._drawn())]

    def rename(self) -> None:
        """Write the ticks in the present language."""
        for name, value in self._drawn().items():
            setattr(self.axis, name, value)

    def _drawn(self) -> dict[str, object]:
        stride = math.ceil((self._high - self._low) / (MOST_TICKS - 1))
        powers = [power for power in range(self._low, self._high + 1) if power % stride == 0]
        labels = {str(power): self._written(power) for power in powers}
        return {"tick_labels": labels, "tick_values": [float(power) for power in powers]}

    def _written(self, power: int) -> str:
        return ten_to(power) if abs(power) >= PLAIN else short(self._text, 10.0**power)
