"""The posterior of every latent, a row each: where it is, and how sure the guide is of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import bqplot
import numpy as np

from rugged_widget.reference import Reference
from rugged_widget.snapshot import Array, Progress, Snapshot
from rugged_widget.view.chart import ACCENT, BACKGROUND, GRID, MUTED, Chart, Ruler, minus, shorten
from rugged_widget.view.overlay import dashed, show_marks
from rugged_widget.view.quiet import QuietLines, QuietScatter
from rugged_widget.view.stream import Changes

LABEL_LENGTH = 20
HALF_BOX, HALF_STROKE, TRIANGLE = 0.31, 0.31, -0.4  # of the height of a row, from its middle


@dataclass(frozen=True)
class Row:
    """A scalar latent to draw.

    Attributes
    ----------
    site, index
        Which: an element of the sample site.
    label
        Its readable name; plain text.
    offset
        Subtracted from its values, so that a latent far from the others shares their axis; the label says so.
    """

    site: str
    index: tuple[int, ...]
    label: str
    offset: float = 0.0

    @property
    def caption(self) -> str:
        """The label of the row."""
        if not self.offset:
            return shorten(self.label, LABEL_LENGTH)
        sign = "+" if self.offset < 0 else "\N{MINUS SIGN}"
        return f"{shorten(self.label, LABEL_LENGTH - 4)} {sign} {abs(self.offset):g}"


class QuantileFigure:
    """A thin bar from the lowest to the highest quantile, a thick one between the middle two, a dot at the median.

    Parameters
    ----------
    rows
        Latents, top to bottom.
    probs
        Probabilities of a snapshot's quantiles: five, the middle one 0.5.
    reference
        What it is compared with: a triangle over each row at the least-squares estimate, and round each row a box from
        the lowest to the highest exact quantile with a stroke at the exact median.
    """

    def __init__(self, rows: Sequence[Row], probs: Sequence[float], reference: Reference | None = None) -> None:
        self._rows = tuple(rows)
        num_rows = len(self._rows)
        percent = [f"{100 * prob:g}" for prob in probs]
        ends, middle = (f"{percent[a]}\N{EN DASH}{percent[b]} %" for a, b in ((0, -1), (1, -2)))
        self._x = Ruler(f"value ({ends}, {middle}, median)", -1.0, 1.0, num_steps=6)
        y = bqplot.LinearScale(min=-0.6, max=num_rows - 0.4, reverse=True)
        scales = {"x": self._x.scale, "y": y}
        places = np.arange(float(num_rows))
        pairs = np.stack([places, places], axis=1)
        nowhere = np.zeros((num_rows, 2))
        common = {"x": nowhere, "y": pairs, "scales": scales, "colors": [ACCENT]}
        self._outer = QuietLines(stroke_width=2.0, **common)
        self._inner = QuietLines(stroke_width=7.0, **common)
        self._median = QuietScatter(
            x=np.zeros(num_rows), y=places, scales=scales, colors=[BACKGROUND], stroke=ACCENT, stroke_width=2.0
        )
        self._median.default_size, self._median.enable_hover = 26, False
        zero = bqplot.Lines(x=[0.0, 0.0], y=[-0.6, num_rows - 0.4], scales=scales, colors=[MUTED], stroke_width=1.0)
        estimates, self._exact = self._compare(reference, places, scales)
        names = bqplot.Axis(scale=y, side="left", grid_lines="none", color=GRID, tick_values=places)
        names.tick_labels = {f"{place:g}": row.caption for place, row in enumerate(self._rows)}
        chart = Chart(
            "rw-quantiles",
            "Posterior quantiles",
            marks=[zero, self._outer, self._inner, self._median, *self._exact, *estimates],
            axes=[self._x.axis, names],
            margin={"left": 24 + 7 * max(len(row.caption) for row in self._rows)},
        )
        self.box = chart.box
        self.targets = (*self._x.targets, self._outer, self._inner, self._median)

    def update(self, snapshot: Snapshot, _progress: Progress) -> Changes:
        """Return what a frame has to change."""
        values = self.values(snapshot.quantiles)
        low, high = self._compared
        return [
            *self._x.cover(min(low, float(values.min())), max(high, float(values.max()))),
            (self._outer, {"x": values[[0, -1]].T}),
            (self._inner, {"x": values[[1, -2]].T}),
            (self._median, {"x": values[len(values) // 2]}),
        ]

    def show_exact(self, show: bool) -> None:  # noqa: FBT001  # it is what is switched
        """Show the exact quantiles, or hide them."""
        show_marks(self._exact, show=show)

    def values(self, quantiles: Mapping[str, Array]) -> Array:
        """Return quantiles by site as they are drawn, shape (num_probs, num_rows)."""
        columns = [np.stack([value[row.index] for value in quantiles[row.site]]) for row in self._rows]
        return np.stack(columns, axis=1) - [row.offset for row in self._rows]

    def sentence(self, snapshot: Snapshot) -> str:
        """Return the medians as a sentence."""
        medians = self.values(snapshot.quantiles)[len(snapshot.probs) // 2]
        return ", ".join(
            f"{row.label} {minus(f'{median + row.offset:.2f}')}"
            for row, median in zip(self._rows, medians, strict=True)
        )

    def _compare(
        self, reference: Reference | None, places: Array, scales: Mapping[str, bqplot.Scale]
    ) -> tuple[list[bqplot.Mark], list[bqplot.Mark]]:
        """Return the marks of the estimates and those of the exact quantiles; keep what the axis has to cover."""
        self._compared = 0.0, 0.0
        if reference is None:
            return [], []
        estimates = self.values({site: value[np.newaxis] for site, value in reference.estimates.items()})[0]
        triangles = bqplot.Scatter(
            x=estimates, y=places + TRIANGLE, scales=scales, colors=[MUTED], stroke="transparent"
        )
        triangles.marker, triangles.default_size, triangles.enable_hover = "triangle-down", 30, False
        covered, exact = [np.zeros(1), estimates], []
        if reference.exact is not None:
            values = self.values(reference.exact.quantiles)
            left, median, right = values[0], values[len(values) // 2], values[-1]
            top, bottom = places - HALF_BOX, places + HALF_BOX
            outline = (
                np.stack([left, right, right, left, left], axis=1),
                np.stack([top, top, bottom, bottom, top], axis=1),
            )
            stroke = np.stack([median, median], axis=1), np.stack([places - HALF_STROKE, places + HALF_STROKE], axis=1)
            exact = [dashed(*outline, scales), dashed(*stroke, scales)]
            covered += [left, right]
        together = np.concatenate(covered)
        self._compared = float(together.min()), float(together.max())
        return [triangles], exact
