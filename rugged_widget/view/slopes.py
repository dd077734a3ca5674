"""The answer: how steep the line is in each group, and how probable it is that it rises."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import bqplot
import ipywidgets

from rugged_widget.snapshot import Density, Progress, Snapshot
from rugged_widget.view.chart import BANDS, GROUP_CLASSES, GROUPS, MUTED, Chart, Ruler, minus, shorten, text
from rugged_widget.view.quiet import QuietLines
from rugged_widget.view.stream import Changes

HEADROOM = 1.3  # the texts lie above the curves
START = (
    "<p><b>Not trained yet.</b> What stands here is where the guide starts, which says nothing about the data.</p>"
    "<p>Training moves it towards the posterior: the slopes outside and inside then say whether they differ.</p>"
)


class SlopeFigure:
    """Densities of both slopes with P(slope > 0), and a card that says the same in words.

    Parameters
    ----------
    labels
        Names of the groups, outside and inside; plain text.
    slope_label
        What a slope is, with its unit; plain text.
    why
        Why the slope inside is a sum; plain text.
    """

    def __init__(self, labels: Sequence[str], slope_label: str, why: str) -> None:
        self._labels = tuple(labels)
        self._x = Ruler("slope", -1.0, 1.0, num_steps=7)
        self._y = Ruler("density", 0.0, 1.0, vertical=True, num_steps=4)
        scales = {"x": self._x.scale, "y": self._y.scale}
        self._curves = [
            QuietLines(
                x=[-1.0, 1.0],
                y=[0.0, 0.0],
                scales=scales,
                colors=[color],
                fill="bottom",
                fill_colors=[band],
                stroke_width=2.0,
            )
            for color, band in zip(GROUPS, BANDS, strict=True)
        ]
        zero = bqplot.Lines(
            x=[0.0, 0.0], y=[0.0, 1.0], scales={"x": self._x.scale, "y": bqplot.LinearScale(min=0.0, max=1.0)}
        )
        zero.colors, zero.stroke_width = [MUTED], 1.0
        self._texts = [text(f"rw-corner-{number}", css) for number, css in enumerate(GROUP_CLASSES)]
        chart = Chart(
            "rw-slopes",
            f"Slope: {slope_label}",
            marks=[zero, *self._curves],
            axes=[self._x.axis, self._y.axis],
            texts=self._texts,
        )
        self._card = text("rw-card")
        self._why = escape(why)
        self.boxes: tuple[ipywidgets.Widget, ...] = (chart.box, self._card)
        self.targets = (*self._x.targets, *self._y.targets, *self._curves, *self._texts, self._card)

    def update(self, snapshot: Snapshot, _progress: Progress) -> Changes:
        """Return what a frame has to change."""
        slopes = snapshot.slopes
        low, high = min(slope.x[0] for slope in slopes), max(slope.x[-1] for slope in slopes)
        top = HEADROOM * max(float(slope.density.max()) for slope in slopes)
        return [
            *self._x.cover(min(0.0, float(low)), max(0.0, float(high))),
            *self._y.cover(0.0, top),
            *[(curve, {"x": s.x, "y": s.density}) for curve, s in zip(self._curves, slopes, strict=True)],
            *[
                (corner, {"value": f"{escape(shorten(label, 24))}<br>P(slope > 0) = {s.prob_positive:.2f}"})
                for corner, label, s in zip(self._texts, self._labels, slopes, strict=True)
            ],
            (self._card, {"value": self._words(slopes) if snapshot.step else START}),
        ]

    def sentence(self, snapshot: Snapshot) -> str:
        """Return both probabilities as a sentence."""
        return ", ".join(
            f"P(slope > 0) {label} {slope.prob_positive:.2f}"
            for label, slope in zip(self._labels, snapshot.slopes, strict=True)
        )

    def _words(self, slopes: Sequence[Density]) -> str:
        lines = [
            f'<p class="{css}"><b>{escape(label)}</b>: {_direction(slope)}</p>'
            for css, label, slope in zip(GROUP_CLASSES, self._labels, slopes, strict=True)
        ]
        return "".join(lines) + f'<p class="rw-why">{self._why}</p>'


def _direction(slope: Density) -> str:
    sure = max(slope.prob_positive, 1.0 - slope.prob_positive)
    word = "falls" if slope.prob_positive < 0.5 else "rises"
    inside = f"{100 * slope.prob:g} % between {slope.lower:+.2f} and {slope.upper:+.2f}"
    return minus(f"slope {slope.median:+.2f}, {inside}. The line {word} with probability {sure:.2f}.")
