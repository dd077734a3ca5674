"""The slopes of the guide, and over them those that came out of a file."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import numpy as np

from rugged_widget.snapshot import Density
from rugged_widget.view.chart import FOREGROUND, GROUP_CLASSES, GROUPS, Chart, Ruler, shorten, text
from rugged_widget.view.quiet import QuietLines
from rugged_widget.view.slopes import HEADROOM, group_curves, zero_line
from rugged_widget.view.stream import Changes

NUM_POINTS = 128
UNSEEN = Density(np.linspace(-1.0, 1.0, NUM_POINTS), np.full(NUM_POINTS, -1.0), 0.5, 0.0, 0.0, 0.0, 0.9)
"""What is drawn while nothing is loaded: a line below the foot of the figure."""


class ServedFigure:
    """Both slope densities, filled, and thin lines over them once a file was loaded.

    Parameters
    ----------
    labels
        Names of the groups, outside and inside; plain text.
    slope_label
        What a slope is, with its unit; plain text.
    """

    def __init__(self, labels: Sequence[str], slope_label: str) -> None:
        self._labels = tuple(labels)
        self._loaded: tuple[Density, Density] | None = None
        self._x = Ruler("slope", -1.0, 1.0, num_steps=8)
        self._y = Ruler("density", 0.0, 1.0, vertical=True, num_steps=4)
        scales = {"x": self._x.scale, "y": self._y.scale}
        self._live = group_curves(scales)
        self._file = [
            QuietLines(x=UNSEEN.x, y=UNSEEN.density, scales=scales, colors=[FOREGROUND], stroke_width=1.2)
            for _ in GROUPS
        ]
        self._texts = [text(f"rw-corner-{number}", css) for number, css in enumerate(GROUP_CLASSES)]
        chart = Chart(
            "rw-served",
            f"Slope: {slope_label}",
            marks=[zero_line(self._x.scale), *self._live, *self._file],
            axes=[self._x.axis, self._y.axis],
            texts=self._texts,
        )
        self.box = chart.box
        self.targets = (*self._x.targets, *self._y.targets, *self._live, *self._file, *self._texts)

    def load(self, densities: tuple[Density, Density]) -> None:
        """Draw these over the live ones from the next frame on."""
        self._loaded = densities

    def update(self, live: Sequence[Density]) -> Changes:
        """Return what a frame has to change."""
        every = [*live, *(self._loaded or ())]
        low, high = min(float(one.x[0]) for one in every), max(float(one.x[-1]) for one in every)
        lines = [(one.x, one.density) for one in self._loaded or (UNSEEN, UNSEEN)]
        return [
            *self._x.cover(min(0.0, low), max(0.0, high)),
            *self._y.cover(0.0, HEADROOM * max(float(one.density.max()) for one in every)),
            *[(curve, {"x": one.x, "y": one.density}) for curve, one in zip(self._live, live, strict=True)],
            *[(curve, {"x": x, "y": y}) for curve, (x, y) in zip(self._file, lines, strict=True)],
            *[(corner, {"value": self._words(number, live[number])}) for number, corner in enumerate(self._texts)],
        ]

    def _words(self, number: int, live: Density) -> str:
        words = f"{escape(shorten(self._labels[number], 24))}<br>P(slope > 0) = {live.prob_positive:.2f}"
        if self._loaded is None:
            return words
        return f'{words} <span class="rw-from-file">file {self._loaded[number].prob_positive:.2f}</span>'
