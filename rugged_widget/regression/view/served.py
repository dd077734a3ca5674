"""The slopes of the guide, and over them those that came out of a file."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import numpy as np

from rugged_widget.regression.view.labels import RegressionSubject
from rugged_widget.regression.view.slopes import HEADROOM, group_curves, zero_line
from rugged_widget.snapshot.snapshot import Density
from rugged_widget.view.figures.chart import FOREGROUND, GROUP_CLASSES, GROUPS, Chart, Ruler, html_text, shorten
from rugged_widget.view.frames.silent_widgets import SilentLines
from rugged_widget.view.frames.stream import Changes
from rugged_widget.view.i18n.catalogue import Catalogue

NUM_POINTS = 128
UNSEEN = Density(np.linspace(-1.0, 1.0, NUM_POINTS), np.full(NUM_POINTS, -1.0), 0.5, 0.0, 0.0, 0.0, 0.9)
"""What is drawn while nothing is loaded: a line below the foot of the figure."""


class ServedFigure:
    """Both slope densities, filled, and thin lines over them once a file was loaded.

    Parameters
    ----------
    subject
        Names of the groups, and what a slope is.
    text
        In which language.
    """

    def __init__(self, subject: RegressionSubject, *, text: Catalogue) -> None:
        self._subject, self._text = subject, text
        self._loaded: tuple[Density, Density] | None = None
        self._x = Ruler(subject.slope_label, -1.0, 1.0, num_steps=8)
        self._y = Ruler(text("slopes.y"), 0.0, 1.0, vertical=True, num_steps=4)
        scales = {"x": self._x.scale, "y": self._y.scale}
        self._live = group_curves(scales)
        self._file = [
            SilentLines(x=UNSEEN.x, y=UNSEEN.density, scales=scales, colors=[FOREGROUND], stroke_width=1.2)
            for _ in GROUPS
        ]
        self._texts = [html_text(f"rw-corner-{number}", css) for number, css in enumerate(GROUP_CLASSES)]
        self._chart = chart = Chart(
            "rw-served",
            text("slopes.title"),
            marks=[zero_line(self._x.scale), *self._live, *self._file],
            axes=[self._x.axis, self._y.axis],
            texts=self._texts,
        )
        self.box = chart.box
        self.targets = (*self._x.targets, *self._y.targets, *self._live, *self._file, *self._texts)
        text.follow(self._name)

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
            *[(corner, {"value": self._corner(number, live[number])}) for number, corner in enumerate(self._texts)],
        ]

    def _name(self) -> None:
        self._chart.rename(self._text("slopes.title"))
        self._x.rename(self._subject.slope_label)
        self._y.rename(self._text("slopes.y"))

    def _corner(self, number: int, live: Density) -> str:
        label = shorten(self._subject.groups[number].label, 24)
        said = f"{escape(label)}<br>{self._text.html('slopes.positive', prob=live.prob_positive)}"
        if self._loaded is None:
            return said
        file = self._text.html("serve.from_file", prob=self._loaded[number].prob_positive)
        return f'{said} <span class="rw-from-file">{file}</span>'
