"""The ELBO as training goes on: the objective climbs, and flattens where there is no more to gain."""

from __future__ import annotations

from collections.abc import Callable

import ipywidgets
import numpy as np

from rugged_widget.snapshot import Array, ElboCurve, Progress, Snapshot
from rugged_widget.view.chart import ACCENT, ACCENT_FAINT, Chart, Ruler, text
from rugged_widget.view.quiet import QuietLines
from rugged_widget.view.stream import Changes

OUTLIERS = 0.02  # share of the lowest single-step estimates that may lie below the axis
EMPTY = "No step is done yet. Press Start."


class ElboFigure:
    """The whole run: every estimate thinned to a light line, and their smoothed course.

    Parameters
    ----------
    num_steps
        Steps to do: the end of the horizontal axis.
    row_noun
        What a row is, in the plural, for "per ...".
    on_unit
        Called when another unit is picked.
    """

    def __init__(self, num_steps: int, row_noun: str, on_unit: Callable[[], None]) -> None:
        self._x = Ruler("step", 0.0, float(num_steps), num_steps=6)
        self._y = Ruler("nats, total", -1.0, 0.0, vertical=True)
        scales = {"x": self._x.scale, "y": self._y.scale}
        self._raw = QuietLines(x=[0.0, 0.0], y=[0.0, 0.0], scales=scales, colors=[ACCENT_FAINT])
        self._smooth = QuietLines(x=[0.0, 0.0], y=[0.0, 0.0], scales=scales, colors=[ACCENT])
        self._raw.stroke_width, self._smooth.stroke_width = 1.0, 2.0
        self.unit = ipywidgets.ToggleButtons(
            options=[("total", "total"), ("per observation", "observation")],
            tooltips=["nats, summed over all " + row_noun, "nats, divided by the number of " + row_noun],
            style={"button_width": "auto"},
        )
        self.unit.add_class("rw-unit")
        self.unit.observe(lambda _change: on_unit(), "value")
        self._empty = text("rw-empty")
        chart = Chart(
            "rw-elbo",
            "ELBO",
            marks=[self._raw, self._smooth],
            axes=[self._x.axis, self._y.axis],
            controls=[self.unit],
            texts=[self._empty],
        )
        self.box = chart.box
        self.targets = (*self._x.targets, *self._y.targets, self._raw, self._smooth, self._empty)
        self._shown_unit = self.unit.value

    def update(self, snapshot: Snapshot, progress: Progress) -> Changes:
        """Return what a frame has to change."""
        unit = self.unit.value
        if unit != self._shown_unit:
            self._shown_unit = unit
            self._y.fix(-1.0, 0.0)
            self._y.axis.label = "nats, total" if unit == "total" else "nats per observation"
        scale = 1.0 if unit == "total" else 1.0 / snapshot.num_rows
        curve = _drawable(snapshot.curve)
        raw, smooth = curve.elbo * scale, curve.smoothed * scale
        low = min(float(np.quantile(raw, OUTLIERS)), float(smooth.min()))
        high = float(max(raw.max(), smooth.max()))
        return [
            *self._x.fix(0.0, progress.num_steps),
            *(self._y.cover(low, high) if len(snapshot.curve.step) else self._y.fix(-1.0, 0.0)),
            (self._raw, {"x": curve.step, "y": raw}),
            (self._smooth, {"x": curve.step, "y": smooth}),
            (self._empty, {"value": "" if len(snapshot.curve.step) else EMPTY}),
        ]


def _drawable(curve: ElboCurve) -> ElboCurve:
    # A line needs two points, and finite ones.
    if len(curve.step) == 0:
        below = np.array([-1e3, -1e3])  # under the axis
        return ElboCurve(np.array([0.0, 1.0]), below, below)
    if len(curve.step) == 1:
        step: Array = np.repeat(curve.step, 2) - (1.0, 0.0)
        return ElboCurve(step, np.repeat(curve.elbo, 2), np.repeat(curve.smoothed, 2))
    return curve
