"""The posterior of every latent, a row each: where it is, and how sure the guide is of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import bqplot
import numpy as np

from rugged_widget.snapshot import Array, Progress, Snapshot
from rugged_widget.view.chart import ACCENT, BACKGROUND, GRID, MUTED, Chart, Ruler, minus, shorten
from rugged_widget.view.quiet import QuietLines, QuietScatter
from rugged_widget.view.stream import Changes

LABEL_LENGTH = 20


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
    """

    def __init__(self, rows: Sequence[Row], probs: Sequence[float]) -> None:
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
        names = bqplot.Axis(scale=y, side="left", grid_lines="none", color=GRID, tick_values=places)
        names.tick_labels = {f"{place:g}": row.caption for place, row in enumerate(self._rows)}
        chart = Chart(
            "rw-quantiles",
            "Posterior quantiles",
            marks=[zero, self._outer, self._inner, self._median],
            axes=[self._x.axis, names],
            margin={"left": 24 + 7 * max(len(row.caption) for row in self._rows)},
        )
        self.box = chart.box
        self.targets = (*self._x.targets, self._outer, self._inner, self._median)

    def update(self, snapshot: Snapshot, _progress: Progress) -> Changes:
        """Return what a frame has to change."""
        values = self.values(snapshot)
        return [
            *self._x.cover(min(0.0, float(values.min())), max(0.0, float(values.max()))),
            (self._outer, {"x": values[[0, -1]].T}),
            (self._inner, {"x": values[[1, -2]].T}),
            (self._median, {"x": values[len(values) // 2]}),
        ]

    def values(self, snapshot: Snapshot) -> Array:
        """Return the quantiles as they are drawn, shape (num_probs, num_rows)."""
        columns = [np.stack([value[row.index] for value in snapshot.quantiles[row.site]]) for row in self._rows]
        return np.stack(columns, axis=1) - [row.offset for row in self._rows]

    def sentence(self, snapshot: Snapshot) -> str:
        """Return the medians as a sentence."""
        medians = self.values(snapshot)[len(snapshot.probs) // 2]
        return ", ".join(
            f"{row.label} {minus(f'{median + row.offset:.2f}')}"
            for row, median in zip(self._rows, medians, strict=True)
        )
