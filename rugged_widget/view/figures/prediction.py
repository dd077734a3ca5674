"""What a model predicts: bands over a grid, with the observed points, in one panel or a few."""

from collections.abc import Sequence
from html import escape

import numpy as np

from rugged_widget.snapshot.model_values import INDEX, Prediction
from rugged_widget.snapshot.request import SnapshotRequest
from rugged_widget.snapshot.snapshot import Array, Progress, Snapshot
from rugged_widget.snapshot.values import Band
from rugged_widget.view.figures.axis_range import span_of, widened
from rugged_widget.view.figures.chart import ACCENT, POINT, Chart, Explained, Ruler, html_text
from rugged_widget.view.figures.explanation import Sentence
from rugged_widget.view.figures.figure import Figure
from rugged_widget.view.figures.number_format import level, within
from rugged_widget.view.frames.silent_widgets import SilentLines, SilentScatter
from rugged_widget.view.frames.stream import Changes
from rugged_widget.view.i18n.catalogue import Catalogue

COLORS = ("var(--rw-prediction-wide)", "var(--rw-prediction-narrow)")
OBSERVATIONS = "var(--rw-prediction-new)"
MARGIN = {"top": 26}
NOWHERE = np.full(2, -1e3)
"""Places below every axis before there is anything to draw."""

REACH = 0.75
"""How far beyond the observed points the axis follows a band, in ranges of the points."""


class PredictionFigure(Figure):
    """A panel a prediction: its median, bands, those of new observations, and the observed points.

    Parameters
    ----------
    titles
        Titles of the panels, plain text.
    explain
        What explains the figure; it stands in the first heading.
    """

    def __init__(self, titles: Sequence[str], *, text: Catalogue, explain: Explained | None = None) -> None:
        self._text = text
        self._panels = [_Panel(number, title, text, None if number else explain) for number, title in enumerate(titles)]
        self.boxes = tuple(panel.box for panel in self._panels)
        if len(self.boxes) % 2:
            self.boxes[-1].add_class("rw-wide")
        self.targets = tuple(target for panel in self._panels for target in panel.targets)
        text.follow(self._name)

    def __repr__(self) -> str:
        return f"PredictionFigure({[panel.title for panel in self._panels]})"

    @property
    def labels(self) -> dict[str, str]:
        """Accessible names by css class."""
        return {f"rw-prediction-{number}": panel.label for number, panel in enumerate(self._panels)}

    def request(self) -> SnapshotRequest:
        """Return what a snapshot has to hold for it."""
        return SnapshotRequest(predictions=True)

    def update(self, snapshot: Snapshot, _progress: Progress) -> Changes:
        """Return what a frame has to change."""
        pairs = self._pairs(snapshot)
        return [change for panel, prediction in pairs for change in panel.update(prediction)]

    def sentence(self, snapshot: Snapshot) -> str:
        """Return the medians at both ends of each grid as a sentence without its stop."""
        pairs = self._pairs(snapshot)
        return "; ".join(panel.sentence(prediction) for panel, prediction in pairs)

    def _pairs(self, snapshot: Snapshot) -> list[tuple["_Panel", Prediction]]:
        """Return each panel with its prediction, by the title; a failure without a title is that of all."""
        by_title = {prediction.title: prediction for prediction in snapshot.predictions}
        common = by_title.get("")
        if len(self._panels) == 1 and len(by_title) == 1:
            common = next(iter(by_title.values()))
        pairs = [(panel, by_title.get(panel.title, common)) for panel in self._panels]
        return [(panel, prediction) for panel, prediction in pairs if prediction is not None]

    def _name(self) -> None:
        for panel in self._panels:
            panel.name()


class _Panel:
    def __init__(self, number: int, title: str, text: Catalogue, explain: Explained | None) -> None:
        self.title, self._text = title, text
        self._x, self._y = Ruler("", 0.0, 1.0, num_steps=6), Ruler("", 0.0, 1.0, vertical=True, num_steps=6)
        scales = {"x": self._x.scale, "y": self._y.scale}
        below = np.stack([NOWHERE, NOWHERE])
        self._new, *self._bands = (
            SilentLines(x=NOWHERE, y=below, scales=scales, fill="between", fill_colors=[color], colors=["transparent"])
            for color in (OBSERVATIONS, *COLORS)
        )
        self._median = SilentLines(x=NOWHERE, y=NOWHERE, scales=scales, colors=[ACCENT], stroke_width=2.5)
        self._points = SilentScatter(x=NOWHERE, y=NOWHERE, scales=scales, colors=[POINT], stroke="transparent")
        self._points.default_size, self._points.enable_hover = 26, False
        self._about, self._problem = html_text("rw-prediction-about"), html_text("rw-empty", "rw-prediction-problem")
        self._x_label = ""
        self._chart = Chart(
            f"rw-prediction rw-prediction-{number}",
            self._heading(),
            marks=[self._new, *self._bands, self._points, self._median],
            axes=[self._x.axis, self._y.axis],
            margin=MARGIN,
            texts=[self._about, self._problem],
            explain=explain,
        )
        self.box = self._chart.box
        marks = (self._new, *self._bands, self._median, self._points)
        self.targets = (*self._x.targets, *self._y.targets, *marks, self._about, self._problem)

    @property
    def label(self) -> str:
        return self._text("prediction.label", title=self.title) if self.title else self._text("prediction.label_whole")

    def name(self) -> None:
        self._chart.rename(self._heading())
        self._name_axis()

    def sentence(self, prediction: Prediction) -> str:
        if prediction.problem:
            return self._failure(prediction)
        x, median = prediction.x, prediction.median
        dates, ends = prediction.dates, (float(x[0]), float(x[-1]))
        places = [within(self._text, end, *ends) if dates is None else dates.text(end) for end in ends]
        low, high = float(median.min()), float(median.max())
        first, last = (within(self._text, float(median[end]), low, high) for end in (0, -1))
        return self._text(
            "prediction.sentence", name=self._heading(), low=places[0], high=places[1], first=first, last=last
        )

    def update(self, prediction: Prediction) -> Changes:
        low, high = self._y.bounds
        if prediction.problem:  # what was there before would be taken for the present
            curve = np.full(2, 2 * low - high)
            marks = [(self._median, {"x": NOWHERE, "y": curve})]
            marks += [(band, {"x": NOWHERE, "y": np.stack([curve, curve])}) for band in (self._new, *self._bands)]
            problem = f"<p>{escape(self._failure(prediction))}</p>"
            return [*marks, (self._about, {"value": ""}), (self._problem, {"value": problem})]
        if prediction.x_label != self._x_label:
            self._x_label = prediction.x_label
            self._name_axis()
        self._x.show_dates(prediction.dates)
        about = escape(self._key(prediction))
        new, points = prediction.observations, prediction.points
        horizontal, vertical = self._x.fix(*_horizontal(prediction)), self._y.cover(*_vertical(prediction))
        low, high = self._y.bounds
        below = np.full((2, len(prediction.x)), 2 * low - high)  # out of sight
        x_points, y_points = points if points is not None and len(points[0]) else (prediction.x[:2], below[0, :2])
        bands = zip(self._bands, prediction.bands, strict=True)
        return [
            *horizontal,
            *vertical,
            (self._new, {"x": prediction.x, "y": below if new is None else _edges(new)}),
            *[(mark, {"x": band.x, "y": _edges(band)}) for mark, band in bands],
            (self._median, {"x": prediction.x, "y": prediction.median}),
            (self._points, {"x": x_points, "y": y_points}),
            (self._about, {"value": f'<p title="{about}">{about}</p>'}),
            (self._problem, {"value": ""}),
        ]

    def _key(self, prediction: Prediction) -> str:
        """Return what the bands are, plain text."""
        wide, narrow = (level(self._text, band.prob) for band in prediction.bands)
        fields = {"narrow": narrow, "wide": wide, "count": prediction.num_draws}
        if prediction.observations is None:
            return self._text("prediction.about", **fields)
        return self._text("prediction.about_new", new=level(self._text, prediction.observations.prob), **fields)

    def _name_axis(self) -> None:
        self._x.rename(self._text("prediction.index") if self._x_label == INDEX else self._x_label)

    def _heading(self) -> str:
        return self._text("prediction.title", name=self.title) if self.title else self._text("prediction.title_whole")

    def _failure(self, prediction: Prediction) -> str:
        return self._text("prediction.failed", problem=prediction.problem)


def prediction_facts(_key: str, snapshot: Snapshot) -> list[Sentence]:
    """Return the sentences of the explanation that hold at a moment, as `Explanation` asks for them."""
    told: list[Sentence] = [("what", {})]
    if any(prediction.observations is not None for prediction in snapshot.predictions):
        told.append(("new", {}))
    if any(prediction.points is not None for prediction in snapshot.predictions):
        told.append(("points", {}))
    return [*told, ("draws", {})]


def _edges(band: Band) -> Array:
    return np.stack([band.lower, band.upper])


def _horizontal(prediction: Prediction) -> tuple[float, float]:
    """Return the ends of the horizontal axis."""
    ends = [prediction.x] if prediction.points is None else [prediction.x, prediction.points[0]]
    values = np.concatenate(ends)
    low, high = float(values.min()), float(values.max())
    return (low, high) if low < high else widened(low, high, 0.5)


def _vertical(prediction: Prediction) -> tuple[float, float]:
    """Return what the vertical axis has to hold: all of it, but not a band that is far from the observed points."""
    bands = [*prediction.bands, *([] if prediction.observations is None else [prediction.observations])]
    low, high = min(float(band.lower.min()) for band in bands), max(float(band.upper.max()) for band in bands)
    if prediction.points is None or not len(prediction.points[1]):
        return low, high
    bottom, top = float(prediction.points[1].min()), float(prediction.points[1].max())
    reach = REACH * span_of(bottom, top)
    return min(bottom, max(low, bottom - reach)), max(top, min(high, top + reach))
