"""The slope of the line in each group, or of the only line, with the probability that it is positive."""

from collections.abc import Sequence
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
)
from rugged_widget.view.figures.densities import is_point
from rugged_widget.view.figures.figure import Figure
from rugged_widget.view.figures.number_format import factored, is_probability, level, probability
from rugged_widget.view.figures.overlays import correct_by, dashed, dotted, show_marks
from rugged_widget.view.frames.silent_widgets import LateText, SilentLines
from rugged_widget.view.frames.stream import Changes
from rugged_widget.view.i18n.catalogue import Catalogue

ROOM = 1.45  # above the curves, as a multiple of their height: the corners hold three lines


class SlopeChart:
    """The densities of the slopes, filled, with a text in a corner for each; other curves may lie over them.

    The figure's css class is `name`. The axis is as high as the curves, times `room`.
    """

    def __init__(
        self,
        name: str,
        subject: RegressionSubject,
        room: float,
        *,
        num_steps: int,
        text: Catalogue,
        explain: Explained | None = None,
    ) -> None:
        self._subject, self._text, self._room = subject, text, room
        self._x = Ruler(subject.labels.slope_label, -1.0, 1.0, num_steps=num_steps)
        self._y = Ruler(text("slopes.y"), 0.0, 1.0, vertical=True, num_steps=4)
        self.scales = {"x": self._x.scale, "y": self._y.scale}
        zero = {"x": self._x.scale, "y": bqplot.LinearScale(min=0.0, max=1.0)}
        self._zero = bqplot.Lines(x=[0.0, 0.0], y=[0.0, 1.0], scales=zero, colors=[MUTED], stroke_width=1.0)
        nothing = {"x": [-1.0, 1.0], "y": [0.0, 0.0], "scales": self.scales, "fill": "bottom", "stroke_width": 2.0}
        self._curves = [
            SilentLines(colors=[color], fill_colors=[band], **nothing)
            for color, band, _ in zip(GROUPS, BANDS, subject.groups, strict=False)
        ]
        self._corners = [html_text(f"rw-corner-{at}", GROUP_CLASSES[at]) for at in range(len(self._curves))]
        self._chart = Chart(
            name,
            text("slopes.title"),
            marks=[self._zero, *self._curves],
            axes=[self._x.axis, self._y.axis],
            texts=self._corners,
            explain=explain,
        )
        self.box = self._chart.box
        self.targets = (*self._x.targets, *self._y.targets, *self._curves, *self._corners)
        text.follow(self._name)

    def add(self, marks: Sequence[bqplot.Mark]) -> None:
        """Draw marks over the curves."""
        self._chart.figure.marks = [*self._chart.figure.marks, *marks]

    def label(self, number: int) -> str:
        """Return the name of a group as a line of HTML; nothing where there is none."""
        name = escape(self._subject.groups[number].label)
        return f"<b>{name}</b><br>" if name else ""

    def update(self, slopes: Sequence[Density], others: Sequence[Density], corners: Sequence[LateText]) -> Changes:
        """Return the changes that draw slopes, with room for others too, and write the corners, HTML."""
        every = (*slopes, *others)
        low, high = min(float(slope.x[0]) for slope in every), max(float(slope.x[-1]) for slope in every)
        return [
            *self._x.cover(min(0.0, low), max(0.0, high)),
            *self._y.cover(0.0, self._room * max(float(slope.density.max()) for slope in every)),
            *[(curve, {"x": s.x, "y": s.density}) for curve, s in zip(self._curves, slopes, strict=True)],
            *[(corner, {"value": html}) for corner, html in zip(self._corners, corners, strict=True)],
        ]

    def _name(self) -> None:
        self._chart.rename(self._text("slopes.title"))
        self._x.rename(self._subject.labels.slope_label)
        self._y.rename(self._text("slopes.y"))


class SlopeFigure(Figure):
    """Densities of the slopes; the corners say how steep each is and how probable it is that it rises."""

    def __init__(
        self,
        subject: RegressionSubject,
        reference: RegressionReference | None = None,
        *,
        text: Catalogue,
        explain: Explained | None = None,
    ) -> None:
        self._subject, self._text = subject, text
        self._slopes = SlopeChart("rw-slopes", subject, ROOM, num_steps=7, text=text, explain=explain)
        scales = self._slopes.scales
        self._answers = () if reference is None or reference.exact is None else reference.exact.slopes
        self._exact = [dashed(answer.x, answer.density, scales) for answer in self._answers]
        self._corrected = [dotted([-1.0, 1.0], [0.0, 0.0], scales) for _ in subject.groups]
        self._shows_exact = self._corrects = False
        self._slopes.add([*self._exact, *self._corrected])
        self.box, self.boxes = self._slopes.box, (self._slopes.box,)
        self.targets = (*self._slopes.targets, *self._corrected)

    def update(self, snapshot: RegressionSnapshot, _progress: Progress) -> Changes:
        """Return what a frame has to change."""
        slopes = snapshot.slopes
        corrected = None if snapshot.correction is None or not self._corrects else snapshot.correction.slopes
        corners = [LateText(self._corner, number, slope) for number, slope in enumerate(slopes)]
        drawn = [{"x": slope.x, "y": slope.density} for slope in corrected or slopes]
        return [
            *self._slopes.update(slopes, (*self._answers, *(corrected or ())), corners),
            *correct_by(self._corrected, drawn, on=self._corrects, known=corrected is not None),
        ]

    def show_reference(self, reference: RegressionReference) -> None:
        """Draw other exact densities; room for them and the corners come with the next frame."""
        if self._exact and reference.exact is not None:
            self._answers = reference.exact.slopes
            for mark, answer in zip(self._exact, self._answers, strict=True):
                with mark.hold_sync():
                    mark.x, mark.y = answer.x, answer.density

    def show_exact(self, show: bool) -> None:
        """Show the exact densities, or hide them; what stands in the corners follows with the next frame."""
        self._shows_exact = show and bool(self._exact)
        show_marks(self._exact, show=show)

    def correct(self, on: bool) -> None:
        """Draw the corrected densities from the next frame on, or do not."""
        self._corrects = on

    @property
    def labels(self) -> dict[str, str]:
        """Accessible name by css class."""
        key = "train.label.slopes" if self._subject.design.grouped else "train.label.slope"
        return {"rw-slopes": self._text(key)}

    def sentence(self, snapshot: RegressionSnapshot) -> str:
        """Return the probabilities as a sentence."""
        key = "slopes.sentence" if self._subject.design.grouped else "slopes.sentence_one"
        return ", ".join(
            self._text(key, name=group.label, prob=is_positive(self._text, slope))
            for group, slope in zip(self._subject.groups, snapshot.slopes, strict=True)
        )

    def _corner(self, number: int, slope: Density) -> str:
        """Return the lines of a group as HTML: its name, P(slope > 0), and where the slope is."""
        text = self._text
        positive = escape(text("slopes.positive", prob=is_positive(text, slope)))
        if self._shows_exact:
            exact = text.html("slopes.exact", prob=probability(text, self._answers[number].prob_positive))
            positive += f' <span class="rw-exact">{exact}</span>'
        median, lower, upper, power = factored(text, slope.median, slope.lower, slope.upper)
        fields = {"median": median, "percent": level(text, slope.prob), "lower": lower, "upper": upper}
        interval = text.html("slopes.interval", **fields)
        if power:
            interval = f"({interval})\N{NO-BREAK SPACE}{power}"
        return f"{self._slopes.label(number)}{positive}<br>{interval}"


def is_positive(text: Catalogue, slope: Density) -> str:
    """Write the probability that a slope is positive with its sign of equality: = 0.98 or > 0.999."""
    return is_probability(text, slope.prob_positive, certain=is_point(slope))
