"""The slope of the line in each group, as a density with the probability that it is positive."""

from collections.abc import Mapping, Sequence
from html import escape

import bqplot

from rugged_widget.regression.snapshot import RegressionReference, RegressionSnapshot
from rugged_widget.regression.view.labels import RegressionSubject
from rugged_widget.snapshot.snapshot import Density, Progress
from rugged_widget.view.figures.chart import (
    BANDS,
    GROUP_CLASSES,
    GROUPS,
    MUTED,
    Chart,
    Explained,
    Ruler,
    html_text,
    minus,
    shorten,
)
from rugged_widget.view.figures.overlays import dashed, dotted, show_marks
from rugged_widget.view.frames.silent_widgets import SilentLines
from rugged_widget.view.frames.stream import Changes
from rugged_widget.view.i18n.catalogue import Catalogue

HEADROOM = 1.3
"""Above the curves, for figures that write one line there."""
ROOM = 1.45
"""Above these curves: the corners hold three lines."""


class SlopeFigure:
    """Densities of both slopes; the corners say how steep each is and how probable it is that it rises."""

    def __init__(
        self,
        subject: RegressionSubject,
        reference: RegressionReference | None = None,
        *,
        text: Catalogue,
        explain: Explained | None = None,
    ) -> None:
        self._subject, self._text = subject, text
        self._x = Ruler(subject.slope_label, -1.0, 1.0, num_steps=7)
        self._y = Ruler(text("slopes.y"), 0.0, 1.0, vertical=True, num_steps=4)
        scales = {"x": self._x.scale, "y": self._y.scale}
        self._curves = group_curves(scales)
        self._answers = () if reference is None or reference.exact is None else reference.exact.slopes
        self._exact = [dashed(answer.x, answer.density, scales) for answer in self._answers]
        self._corrected = [dotted([-1.0, 1.0], [0.0, 0.0], scales) for _ in self._curves]
        self._shows_exact = self._corrects = False
        self._texts = [html_text(f"rw-corner-{number}", css) for number, css in enumerate(GROUP_CLASSES)]
        chart = Chart(
            "rw-slopes",
            text("slopes.title"),
            marks=[zero_line(self._x.scale), *self._curves, *self._exact, *self._corrected],
            axes=[self._x.axis, self._y.axis],
            texts=self._texts,
            explain=explain,
        )
        self.box = chart.box
        self.targets = (*self._x.targets, *self._y.targets, *self._curves, *self._corrected, *self._texts)
        text.follow(lambda: self._name(chart))

    def update(self, snapshot: RegressionSnapshot, _progress: Progress) -> Changes:
        """Return what a frame has to change."""
        slopes = snapshot.slopes
        corrected = None if snapshot.correction is None or not self._corrects else snapshot.correction.slopes
        every = (*slopes, *self._answers, *(corrected or ()))
        low, high = min(slope.x[0] for slope in every), max(slope.x[-1] for slope in every)
        top = ROOM * max(float(slope.density.max()) for slope in every)
        return [
            *self._x.cover(min(0.0, float(low)), max(0.0, float(high))),
            *self._y.cover(0.0, top),
            *[(curve, {"x": s.x, "y": s.density}) for curve, s in zip(self._curves, slopes, strict=True)],
            *self._correct_by(corrected, slopes),
            *[(corner, {"value": self._corner(number, slopes[number])}) for number, corner in enumerate(self._texts)],
        ]

    def show_exact(self, show: bool) -> None:
        """Show the exact densities, or hide them; what stands in the corners follows with the next frame."""
        self._shows_exact = show and bool(self._exact)
        show_marks(self._exact, show=show)

    def correct(self, on: bool) -> None:
        """Draw the corrected densities from the next frame on, or do not."""
        self._corrects = on

    def sentence(self, snapshot: RegressionSnapshot) -> str:
        """Return both probabilities as a sentence."""
        return ", ".join(
            self._text("slopes.sentence", name=group.label, prob=slope.prob_positive)
            for group, slope in zip(self._subject.groups, snapshot.slopes, strict=True)
        )

    def _name(self, chart: Chart) -> None:
        chart.rename(self._text("slopes.title"))
        self._x.rename(self._subject.slope_label)
        self._y.rename(self._text("slopes.y"))

    def _correct_by(self, corrected: Sequence[Density] | None, slopes: Sequence[Density]) -> Changes:
        """Return the changes of the dotted curves; what is not known is hidden at the guide's own."""
        shown: dict[str, object] = {"visible": corrected is not None}
        if not self._corrects:
            return [(mark, shown) for mark in self._corrected]
        drawn = slopes if corrected is None else corrected
        return [(mark, {"x": s.x, "y": s.density, **shown}) for mark, s in zip(self._corrected, drawn, strict=True)]

    def _corner(self, number: int, slope: Density) -> str:
        """Return the lines of a group as HTML: its name, P(slope > 0), and where the slope is."""
        positive = escape(self._text("slopes.positive", prob=slope.prob_positive))
        if self._shows_exact:
            exact = self._text.html("slopes.exact", prob=self._answers[number].prob_positive)
            positive += f' <span class="rw-exact">{exact}</span>'
        median, lower, upper = (minus(f"{value:+.2f}") for value in (slope.median, slope.lower, slope.upper))
        interval = self._text.html(
            "slopes.interval", median=median, percent=f"{100 * slope.prob:g}", lower=lower, upper=upper
        )
        return f"<b>{escape(shorten(self._subject.groups[number].label, 24))}</b><br>{positive}<br>{interval}"


def group_curves(scales: Mapping[str, bqplot.Scale]) -> list[SilentLines]:
    """Return a filled curve for each group, in its colours, to be given densities by frames."""
    return [
        SilentLines(
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
