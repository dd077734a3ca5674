"""Posterior quantiles, one row a latent."""

from collections.abc import Mapping, Sequence
from html import escape

import bqplot
import numpy as np

from rugged_widget.snapshot.reference import Reference
from rugged_widget.snapshot.snapshot import Array, Progress, Snapshot
from rugged_widget.view.figures.chart import ACCENT, BACKGROUND, GRID, MUTED, Chart, Explained, Ruler, html_text
from rugged_widget.view.figures.figure import Figure
from rugged_widget.view.figures.number_format import level, within
from rugged_widget.view.figures.overlays import correct_by, dashed, dotted, show_marks
from rugged_widget.view.figures.row_scales import followed, row_scales, values_of
from rugged_widget.view.frames.silent_widgets import LateText, SilentLines, SilentScatter
from rugged_widget.view.frames.stream import Changes
from rugged_widget.view.i18n.catalogue import Catalogue
from rugged_widget.view.subject import Subject

HALF_BOX, HALF_CORRECTED, TRIANGLE = 0.31, 0.22, -0.4  # of the height of a row, from its middle
TOP, BOTTOM = -0.6, -0.4  # ends of the vertical axis, in rows: the first row is at 0, the last at num_rows - 1
NARROW, NARROWER = 185.0, 95.0  # pixels of the axis in a narrow column, beside names; beside names and values
VALUES = 118  # pixels of the column of values
FAR = 8.0  # standard deviations from the exact median from which on least squares are outside the axis
TWO_LINES = 6  # rows at most whose height has room for a median and an interval under it


class QuantileFigure(Figure):
    """A thin bar from the lowest to the highest quantile, a thick one between the middle two, a dot at the median.

    Latents whose exact posteriors are of very different width share no axis: each row has its own scale then, centered
    on its exact median, and its median and interval are written at its right.

    Parameters
    ----------
    subject
        Its latents, top to bottom, and the probabilities of a snapshot's quantiles: five, the middle one 0.5.
    reference
        What it is compared with: a triangle over each row at the least-squares estimate, and round each row a box from
        the lowest to the highest exact quantile with a stroke at the exact median.
    """

    def __init__(
        self, subject: Subject, reference: Reference | None = None, *, text: Catalogue, explain: Explained | None = None
    ) -> None:
        self._rows, self._subject, self._text = subject.rows, subject, text
        self._scales = row_scales(self._rows, subject.probs, reference)
        num_rows = len(self._rows)
        width = NARROWER if self._scales.own else NARROW
        self._x = Ruler(self._axis_label(), -1.0, 1.0, num_steps=6, width=width)
        y = bqplot.LinearScale(min=TOP, max=num_rows + BOTTOM, reverse=True)
        scales = {"x": self._x.scale, "y": y}
        places = np.arange(float(num_rows))
        self._outer, self._inner, self._median = self._bars(places, scales)
        self._triangles, self._exact = self._compare(reference, places, scales)
        self._corrected = [dotted(x, y, scales) for x, y in _boxes(np.zeros((5, num_rows)), places, HALF_CORRECTED)]
        self._corrects = False
        self._names = bqplot.Axis(scale=y, side="left", grid_lines="none", color=GRID, tick_values=places)
        self._values = html_text("rw-row-values")
        self._zero = self._zeros(places, scales)
        guide = [*self._corrected, self._outer, self._inner, self._median]
        chart = Chart(
            "rw-quantiles",
            text("quantiles.title"),
            marks=[self._zero, *self._exact, *guide, *self._triangles],
            axes=[self._x.axis, self._names],
            margin=self._margin(),
            texts=[self._values] if self._scales.own else [],
            explain=explain,
        )
        self.box, self.boxes = chart.box, (chart.box,)
        self.targets = (*self._x.targets, self._outer, self._inner, self._median, *self._corrected, self._values)
        text.follow(lambda: self._name(chart))

    @property
    def labels(self) -> Mapping[str, str]:
        """Accessible names by css class."""
        return {"rw-quantiles": self._text("train.label.quantiles")}

    def update(self, snapshot: Snapshot, _progress: Progress) -> Changes:
        """Return what a frame has to change."""
        values = self.values(snapshot.quantiles)
        low, high = self._compared
        correction = snapshot.correction if self._corrects else None
        corrected = values if correction is None else self.values(correction.quantiles)
        covered = values if correction is None else np.stack([values, corrected])
        places = np.arange(float(len(self._rows)))
        boxes = _boxes(corrected, places, HALF_CORRECTED) if self._corrects else [(values, places)] * 2
        return [
            *self._x.cover(min(low, float(covered.min())), max(high, float(covered.max()))),
            (self._outer, {"x": values[[0, -1]].T}),
            (self._inner, {"x": values[[1, -2]].T}),
            (self._median, {"x": values[len(values) // 2]}),
            (self._values, {"value": LateText(self._written, snapshot)}),
            *correct_by(self._corrected, [{"x": x} for x, _ in boxes], on=self._corrects, known=correction is not None),
        ]

    def show_reference(self, reference: Reference) -> None:
        """Draw other exact quantiles."""
        if self._exact and reference.exact is not None:
            self._scales = followed(self._scales, self._rows, self._subject.probs, reference)
            if self._scales.own:
                self._zero.x = np.repeat(self._scales.zeros[:, None], 2, axis=1)
                self._triangles[0].x = self._estimates(reference)[0]
            values = self.values(reference.exact.quantiles)
            boxes = _boxes(values, np.arange(float(len(self._rows))), HALF_BOX)
            for mark, (x, _) in zip(self._exact, boxes, strict=True):
                mark.x = x
            self._compared = self._covered(reference)

    def show_exact(self, show: bool) -> None:
        """Show the exact quantiles, or hide them."""
        show_marks(self._exact, show=show)

    def correct(self, on: bool) -> None:
        """Draw the corrected quantiles from the next frame on, or do not."""
        self._corrects = on

    def values(self, quantiles: Mapping[str, Array]) -> Array:
        """Return quantiles by site as they are drawn, shape (num_probs, num_rows)."""
        return self._scales.places(values_of(self._rows, quantiles))

    def sentence(self, snapshot: Snapshot) -> str:
        """Return the medians as a sentence."""
        values = values_of(self._rows, snapshot.quantiles)
        return ", ".join(
            self._text("quantiles.median", name=row.label, median=within(self._text, median, lower, upper))
            for row, median, lower, upper in zip(
                self._subject.rows,
                values[len(values) // 2].tolist(),
                values[0].tolist(),
                values[-1].tolist(),
                strict=True,
            )
        )

    def _name(self, chart: Chart) -> None:
        chart.rename(self._text("quantiles.title"))
        self._x.rename(self._axis_label())
        self._names.tick_labels = {f"{place}": name for place, name in enumerate(self._captions())}

    def _captions(self) -> list[str]:
        return [row.title if self._scales.own else row.caption for row in self._subject.rows]

    def _margin(self) -> Mapping[str, int]:
        left = {"left": 24 + 7 * max(map(len, self._captions()))}
        return {**left, "right": VALUES} if self._scales.own else left

    def _axis_label(self) -> str:
        if self._scales.own:
            return self._text("quantiles.axis_own")
        percent = [level(self._text, prob) for prob in self._subject.probs]
        ends, middle = (f"{percent[a]}\N{EN DASH}{percent[b]} %" for a, b in ((0, -1), (1, -2)))
        return self._text("quantiles.axis", ends=ends, middle=middle)

    def _bars(
        self, places: Array, scales: Mapping[str, bqplot.Scale]
    ) -> tuple[SilentLines, SilentLines, SilentScatter]:
        """Return the marks of the guide: thin bars, thick bars and dots, at nothing yet."""
        num_rows = len(places)
        pairs = np.stack([places, places], axis=1)
        common = {"x": np.zeros((num_rows, 2)), "y": pairs, "scales": scales, "colors": [ACCENT]}
        dots = SilentScatter(
            x=np.zeros(num_rows), y=places, scales=scales, colors=[BACKGROUND], stroke=ACCENT, stroke_width=2.0
        )
        dots.default_size, dots.enable_hover = 26, False
        return SilentLines(stroke_width=2.0, **common), SilentLines(stroke_width=7.0, **common), dots

    def _zeros(self, places: Array, scales: Mapping[str, bqplot.Scale]) -> bqplot.Lines:
        """Return the mark of 0: one line, or a stroke in each row."""
        look = {"scales": scales, "colors": [MUTED], "stroke_width": 1.0}
        if not self._scales.own:
            return bqplot.Lines(x=[0.0, 0.0], y=[TOP, len(places) + BOTTOM], **look)
        zeros = self._scales.zeros
        return bqplot.Lines(x=np.stack([zeros, zeros], 1), y=np.stack([places - 0.5, places + 0.5], 1), **look)

    def _written(self, snapshot: Snapshot) -> str:
        """Return the values that stand at the right of the rows, HTML; "" where the axis tells them."""
        if not self._scales.own:
            return ""
        quantiles, num_rows = values_of(self._rows, snapshot.quantiles), len(self._rows)
        lines = []
        for row in range(num_rows):
            median, interval = map(escape, self._scales.told(self._text, quantiles, row))
            under = f"<span>{interval}</span>" if num_rows <= TWO_LINES else ""
            height = (row - TOP) / (num_rows + BOTTOM - TOP)
            lines.append(f'<div style="--rw-row: {round(height, 4)}"><b>{median}</b>{under}</div>')
        return "".join(lines)

    def _compare(
        self, reference: Reference | None, places: Array, scales: Mapping[str, bqplot.Scale]
    ) -> tuple[list[bqplot.Mark], list[bqplot.Mark]]:
        """Return the marks of the estimates and those of the exact quantiles; keep what the axis has to cover."""
        self._compared = 0.0, 0.0
        if reference is None:
            return [], []
        estimates = self._estimates(reference)[0]
        triangles = bqplot.Scatter(
            x=estimates, y=places + TRIANGLE, scales=scales, colors=[MUTED], stroke="transparent"
        )
        triangles.marker, triangles.default_size, triangles.enable_hover = "triangle-down", 30, False
        exact = []
        if reference.exact is not None:
            values = self.values(reference.exact.quantiles)
            exact = [dashed(x, y, scales) for x, y in _boxes(values, places, HALF_BOX)]
        self._compared = self._covered(reference)
        return [triangles], exact

    def _covered(self, reference: Reference) -> tuple[float, float]:
        """Return the ends of what the axis has to cover of a reference, zero included.

        Where rows have scales of their own, least squares far from the exact answer would leave no room for it.
        """
        estimates = self._estimates(reference)
        if self._scales.own:
            estimates = np.where(np.abs(estimates) <= FAR, estimates, 0.0)
        covered = [np.zeros((1, len(self._rows))), estimates]
        if reference.exact is not None:
            covered.append(self.values(reference.exact.quantiles)[[0, -1]])
        together = np.concatenate(covered)
        return float(together.min()), float(together.max())

    def _estimates(self, reference: Reference) -> Array:
        return self.values({site: value[np.newaxis] for site, value in reference.estimates.items()})


def _boxes(values: Array, places: Array, half: float) -> Sequence[tuple[Array, Array]]:
    """Return x and y of a box round each row from its lowest to its highest quantile, and of a stroke at its median.

    `values` are quantiles, shape (num_probs, num_rows), `places` the middles of the rows, shape (num_rows,), and `half`
    is half the height of a box.
    """
    left, median, right = values[0], values[len(values) // 2], values[-1]
    top, bottom = places - half, places + half
    return (
        (np.stack([left, right, right, left, left], axis=1), np.stack([top, top, bottom, bottom, top], axis=1)),
        (np.stack([median, median], axis=1), np.stack([top, bottom], axis=1)),
    )
