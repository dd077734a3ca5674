"""Figures of the Priors page: each prior with its exact posterior, and the lines that the priors expect."""

from __future__ import annotations

import bqplot
import numpy as np

from rugged_widget.regression.snapshot import PriorsAnswer, RegressionReference
from rugged_widget.regression.view.labels import RegressionSubject
from rugged_widget.snapshot.snapshot import Array, Band, Density
from rugged_widget.view.figures.axis_range import SteppingDomain, widened
from rugged_widget.view.figures.chart import ACCENT, BANDS, FOREGROUND, GROUPS, POINT, Chart, Ruler, html_text
from rugged_widget.view.figures.densities import MARGIN, NARROW, SLACK
from rugged_widget.view.figures.number_format import share
from rugged_widget.view.figures.overlays import least_squares_line
from rugged_widget.view.frames.silent_widgets import SilentLines, SilentScale
from rugged_widget.view.frames.stream import Changes
from rugged_widget.view.i18n.catalogue import Catalogue

SPANS = 4.0
"""How far an axis follows the prior to either side of the posterior, as a multiple of the posterior's own span: it has
to stay visible under the widest prior."""

HEADROOM = 1.15
PRIOR_LINE = "var(--rw-prior-line)"
POSTERIOR_PALE = "var(--rw-posterior-pale)"


class PriorFigure:
    """The prior density of a latent, and its exact posterior dashed over it, each drawn to its own height."""

    def __init__(self, name: str, title: str, text: Catalogue) -> None:
        self._text = text
        self._x = Ruler("", -1.0, 1.0, num_steps=4, width=NARROW, labelled=False)
        self._across = SteppingDomain(-1.0, 1.0, slack=SLACK)
        scales = {"x": self._x.scale, "y": SilentScale(min=0.0, max=HEADROOM)}
        nothing = {"x": np.array([-1.0, 1.0]), "y": np.zeros(2), "scales": scales}
        self._posterior = SilentLines(
            colors=[FOREGROUND], line_style="dashed", stroke_width=1.4, fill="bottom", **nothing
        )
        self._posterior.fill_colors = [POSTERIOR_PALE]
        self._prior = SilentLines(colors=[ACCENT], stroke_width=2.0, **nothing)
        self._width = html_text("rw-value")
        self._chart = Chart(
            name,
            title,
            marks=[self._posterior, self._prior],
            axes=[self._x.axis],
            margin=MARGIN,
            controls=[self._width],
        )
        self.box = self._chart.box
        self.box.add_class("rw-density")
        self.targets = (*self._x.targets, self._posterior, self._prior, self._width)

    def rename(self, title: str) -> None:
        """Write the title anew, as plain text."""
        self._chart.rename(title)

    def draw(self, prior: Density, posterior: Density) -> Changes:
        """Return the changes that draw both, and say how wide the posterior is by the prior."""
        percent = share(self._text, (posterior.upper - posterior.lower) / (prior.upper - prior.lower))
        return [
            *self._x.fix(*self._across.cover(*window(prior, posterior))),
            (self._posterior, {"x": posterior.x, "y": _to_its_height(posterior)}),
            (self._prior, {"x": prior.x, "y": _to_its_height(prior)}),
            (self._width, {"value": self._text.html("priors.width", percent=percent)}),
        ]


def window(prior: Density, posterior: Density) -> tuple[float, float]:
    """Return the ends of an axis that shows a posterior, and of a prior as much as leaves the posterior visible.

    All of the prior is shown where the two conflict, for then it is seen how far apart they are.
    """
    low, high = float(posterior.x[0]), float(posterior.x[-1])
    first, last = float(prior.x[0]), float(prior.x[-1])
    room = SPANS * (high - low)
    start = first if posterior.lower > prior.upper else max(first, low - room)
    end = last if posterior.upper < prior.lower else min(last, high + room)
    return min(low, start), max(high, end)


def _to_its_height(density: Density) -> Array:
    return density.density / (float(density.density.max()) or 1.0)


class PriorPanels:
    """The points of each group with the exact band of the line, and under it the lines that the priors expect."""

    def __init__(self, subject: RegressionSubject, reference: RegressionReference, text: Catalogue) -> None:
        values = np.concatenate([group.y for group in subject.groups])
        self._view = widened(float(values.min()), float(values.max()), 0.12)
        self._x = Ruler(
            subject.labels.x_label, float(subject.grid[0]), float(subject.grid[-1]), num_steps=6, dates=subject.dates
        )
        self._y = Ruler(subject.labels.y_label, *self._view, vertical=True, num_steps=6)
        self._subject, self._text = subject, text
        self._panels = [
            _Panel(number, subject, (self._x, self._y), reference, text) for number in range(len(subject.groups))
        ]
        self.boxes = tuple(panel.box for panel in self._panels)
        self.targets = tuple(target for panel in self._panels for target in panel.targets)
        text.follow(self._name)

    @property
    def labels(self) -> dict[str, str]:
        """Accessible names by css class."""
        return {
            f"rw-prior-panel-{number}": self._text("priors.label.panel", group=group.label)
            for number, group in enumerate(self._subject.groups)
        }

    def update(self, answer: PriorsAnswer, *, lines: bool) -> Changes:
        """Return what a frame has to change; the lines of the prior are drawn where `lines` is true."""
        return [
            change
            for panel, band, drawn in zip(self._panels, answer.bands, answer.lines, strict=True)
            for change in panel.update(band, drawn, self._view, shown=lines)
        ]

    def _name(self) -> None:
        self._x.rename(self._subject.labels.x_label)
        self._y.rename(self._subject.labels.y_label)
        for panel in self._panels:
            panel.name()


class _Panel:
    def __init__(
        self,
        number: int,
        subject: RegressionSubject,
        rulers: tuple[Ruler, Ruler],
        reference: RegressionReference,
        text: Catalogue,
    ) -> None:
        self._number, self._subject, self._text = number, subject, text
        group, grid = subject.groups[number], subject.grid
        scales = {"x": rulers[0].scale, "y": rulers[1].scale}
        nowhere = np.full((2, len(grid)), rulers[1].bounds[0])
        color = number % len(GROUPS)
        self._band = SilentLines(x=grid, y=nowhere, scales=scales, fill="between", colors=["transparent"])
        self._band.fill_colors = [BANDS[color]]
        self._median = SilentLines(x=grid, y=nowhere[0], scales=scales, colors=[GROUPS[color]], stroke_width=2.5)
        self._lines = SilentLines(x=grid[[0, -1]], y=nowhere[:, [0, -1]], scales=scales, colors=[PRIOR_LINE])
        self._lines.stroke_width = 1.0
        points = bqplot.Scatter(x=group.x, y=group.y, scales=scales, colors=[POINT], stroke="transparent")
        points.default_size, points.enable_hover = 26, False
        estimate = least_squares_line(grid, reference.lines[number], scales)
        self._note = html_text("rw-note")
        self._chart = Chart(
            f"rw-prior-panel-{number}",
            group.heading(text, subject.row_noun),
            marks=[self._lines, self._band, points, estimate, self._median],
            axes=[ruler.axis for ruler in rulers],
            texts=[self._note],
        )
        self.box = self._chart.box
        self.targets = (self._band, self._median, self._lines, self._note)

    def name(self) -> None:
        self._chart.rename(self._subject.groups[self._number].heading(self._text, self._subject.row_noun))

    def update(self, band: Band, lines: Array, view: tuple[float, float], *, shown: bool) -> Changes:
        note = self._text("priors.crossing", count=_crossing(lines, view), all=len(lines)) if shown else ""
        return [
            (self._band, {"y": np.stack([band.lower, band.upper])}),
            (self._median, {"y": band.median}),
            (self._lines, {"y": lines, "visible": shown}),
            (self._note, {"value": note}),
        ]


def _crossing(lines: Array, view: tuple[float, float]) -> int:
    """Return how many lines, shape (num_lines, 2), pass through a view of the response."""
    low, high = view
    return int(((lines.max(1) >= low) & (lines.min(1) <= high)).sum())
