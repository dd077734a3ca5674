"""The answer: how steep the line is in each group, and how probable it is that it rises."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

import bqplot
import ipywidgets

from rugged_widget.reference import Reference
from rugged_widget.snapshot import Density, Progress, Snapshot
from rugged_widget.view.chart import BANDS, GROUP_CLASSES, GROUPS, MUTED, Chart, Ruler, minus, shorten, text
from rugged_widget.view.overlay import dashed, legend, show_marks
from rugged_widget.view.quiet import QuietLines
from rugged_widget.view.stream import Changes

HEADROOM, EXACT_HEADROOM = 1.3, 1.45  # the texts lie above the curves
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
    reference
        What all figures are compared with: here the exact densities, and a legend of the marks.
    """

    def __init__(self, labels: Sequence[str], slope_label: str, why: str, reference: Reference | None = None) -> None:
        self._labels = tuple(labels)
        self._x = Ruler("slope", -1.0, 1.0, num_steps=7)
        self._y = Ruler("density", 0.0, 1.0, vertical=True, num_steps=4)
        scales = {"x": self._x.scale, "y": self._y.scale}
        self._curves = group_curves(scales)
        self._answers = () if reference is None or reference.exact is None else reference.exact.slopes
        self._exact = [dashed(answer.x, answer.density, scales) for answer in self._answers]
        self._shows_exact = False
        self._texts = [text(f"rw-corner-{number}", css) for number, css in enumerate(GROUP_CLASSES)]
        chart = Chart(
            "rw-slopes",
            f"Slope: {slope_label}",
            marks=[zero_line(self._x.scale), *self._curves, *self._exact],
            axes=[self._x.axis, self._y.axis],
            texts=self._texts,
        )
        self._card = text("rw-card")
        self._why = escape(why)
        self._legend = [] if reference is None else [ipywidgets.HTML(legend(exact=False))]
        self.boxes: tuple[ipywidgets.Widget, ...] = (chart.box, _side(self._card, self._legend))
        self.targets = (*self._x.targets, *self._y.targets, *self._curves, *self._texts, self._card)

    def update(self, snapshot: Snapshot, _progress: Progress) -> Changes:
        """Return what a frame has to change."""
        slopes, every = snapshot.slopes, (*snapshot.slopes, *self._answers)
        low, high = min(slope.x[0] for slope in every), max(slope.x[-1] for slope in every)
        top = (EXACT_HEADROOM if self._answers else HEADROOM) * max(float(slope.density.max()) for slope in every)
        return [
            *self._x.cover(min(0.0, float(low)), max(0.0, float(high))),
            *self._y.cover(0.0, top),
            *[(curve, {"x": s.x, "y": s.density}) for curve, s in zip(self._curves, slopes, strict=True)],
            *[
                (corner, {"value": f"{escape(shorten(label, 24))}<br>P(slope > 0) = {s.prob_positive:.2f}{exact}"})
                for corner, label, s, exact in zip(self._texts, self._labels, slopes, self._remarks(), strict=True)
            ],
            (self._card, {"value": self._words(slopes) if snapshot.step else START}),
        ]

    def show_exact(self, show: bool) -> None:  # noqa: FBT001  # it is what is switched
        """Show the exact densities, or hide them; what stands in the corners follows with the next frame."""
        self._shows_exact = show and bool(self._exact)
        show_marks(self._exact, show=show)
        for line in self._legend:
            line.value = legend(exact=self._shows_exact)

    def _remarks(self) -> list[str]:
        if not self._shows_exact:
            return [""] * len(self._labels)
        return [f' <span class="rw-exact">(exact {answer.prob_positive:.2f})</span>' for answer in self._answers]

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


def _side(card: ipywidgets.Widget, legends: Sequence[ipywidgets.Widget]) -> ipywidgets.VBox:
    for line in legends:
        line.add_class("rw-legend")
    side = ipywidgets.VBox([card, *legends])
    side.add_class("rw-side")
    return side


def _direction(slope: Density) -> str:
    sure = max(slope.prob_positive, 1.0 - slope.prob_positive)
    word = "falls" if slope.prob_positive < 0.5 else "rises"
    inside = f"{100 * slope.prob:g} % between {slope.lower:+.2f} and {slope.upper:+.2f}"
    return minus(f"slope {slope.median:+.2f}, {inside}. The line {word} with probability {sure:.2f}.")


def group_curves(scales: Mapping[str, bqplot.Scale]) -> list[QuietLines]:
    """Return a filled curve for each group, in its colours, to be given densities by frames."""
    return [
        QuietLines(
            x=[-1.0, 1.0],
            y=[0.0, 0.0],
            scales=dict(scales),
            colors=[color],
            fill="bottom",
            fill_colors=[band],
            stroke_width=2.0,
        )
        for color, band in zip(GROUPS, BANDS, strict=True)
    ]


def zero_line(across: bqplot.Scale) -> bqplot.Lines:
    """Return the line where there is no slope."""
    scales = {"x": across, "y": bqplot.LinearScale(min=0.0, max=1.0)}
    return bqplot.Lines(x=[0.0, 0.0], y=[0.0, 1.0], scales=scales, colors=[MUTED], stroke_width=1.0)
