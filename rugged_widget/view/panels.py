"""The regression in the world: two panels with one axis, the points of a group and the credible band of its line."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import bqplot
import ipywidgets
import numpy as np

from rugged_widget.snapshot import Array, Band, Progress, Snapshot
from rugged_widget.view.chart import BANDS, GROUPS, POINT, Chart, Ruler, minus, text
from rugged_widget.view.quiet import QuietLines, QuietText
from rugged_widget.view.stream import Changes

MODES = {"line": "line", "prediction": "prediction"}


@dataclass(frozen=True, eq=False)
class Group:
    """The rows of one group, all of them or a random sample to draw.

    Attributes
    ----------
    label
        Its name; plain text.
    num_rows
        How many rows it has; at least as many as are drawn.
    x, y
        Predictor and response of those drawn, as the model sees them, shape (num_drawn,).
    names, details
        What the tooltip of each row drawn says, a title and a line; plain text.
    """

    label: str
    num_rows: int
    x: Array
    y: Array
    names: tuple[str, ...]
    details: tuple[str, ...]

    def heading(self, row_noun: str) -> str:
        """Return what the group is called and how much of it is seen; plain text."""
        drawn = len(self.x)
        count = f"{drawn:,}" if drawn == self.num_rows else f"{drawn:,} of {self.num_rows:,}"
        return f"{self.label} \N{MIDDLE DOT} {count} {row_noun}{'' if drawn == self.num_rows else ' drawn'}"


class Panels:
    """Both panels, and the switch between the band of the line and that of a prediction.

    Parameters
    ----------
    groups
        Outside and inside, in the order of a snapshot's bands.
    grid
        Where the bands are evaluated, shape (num_points,).
    x_label, y_label, row_noun
        Words for predictor, response and rows; plain text.
    on_mode
        Called when the other band is picked.
    """

    def __init__(
        self,
        groups: Sequence[Group],
        grid: Array,
        *,
        x_label: str,
        y_label: str,
        row_noun: str,
        on_mode: Callable[[], None],
    ) -> None:
        values = np.concatenate([group.y for group in groups])
        margin = 0.12 * max(float(np.ptp(values)), 1e-9)
        low, high = float(values.min()) - margin, float(values.max()) + margin
        x = Ruler(x_label, float(grid[0]), float(grid[-1]), num_steps=6)
        y = Ruler(y_label, low, high, vertical=True, num_steps=7)
        self.mode = ipywidgets.ToggleButtons(
            options=MODES,
            tooltips=["where the mean of the response lies", "where a new observation would lie"],
            style={"button_width": "auto"},
        )
        self.mode.add_class("rw-mode")
        self.mode.observe(lambda _change: on_mode(), "value")
        self._panels = [
            _Panel(number, group, (x, y), grid, (low, high), row_noun) for number, group in enumerate(groups)
        ]
        self._panels[-1].head.children = (*self._panels[-1].head.children, self.mode)
        self.boxes = tuple(panel.box for panel in self._panels)
        self.targets = tuple(target for panel in self._panels for target in panel.targets)
        self.hover = [panel.hover for panel in self._panels]
        self.labels = {
            f"rw-panel-{number}": f"{group.label}: {y_label} by {x_label}" for number, group in enumerate(groups)
        }

    def update(self, snapshot: Snapshot, _progress: Progress) -> Changes:
        """Return what a frame has to change."""
        bands = snapshot.bands[self.mode.value]
        return [
            change
            for panel, band in zip(self._panels, bands, strict=True)
            for change in panel.update(band, self.mode.value)
        ]


class _Panel:
    def __init__(
        self,
        number: int,
        group: Group,
        rulers: tuple[Ruler, Ruler],
        grid: Array,
        view: tuple[float, float],
        row_noun: str,
    ) -> None:
        self._group, self._view = group, view
        start = np.full((2, len(grid)), view[0] - 1.0)
        colors = [GROUPS[number]]
        scales = {"x": rulers[0].scale, "y": rulers[1].scale}
        self._band = QuietLines(x=grid, y=start, scales=scales, fill="between")
        self._band.fill_colors, self._band.colors = [BANDS[number]], ["transparent"]
        self._median = QuietLines(x=grid, y=start[0], scales=scales, colors=colors, stroke_width=2.5)
        points = bqplot.Scatter(x=group.x, y=group.y, scales=scales, colors=[POINT], stroke="transparent")
        points.default_size, points.enable_hover = 26, False
        self._note: QuietText = text("rw-note")
        name = f"rw-panel-{number}"
        chart = Chart(
            name,
            group.heading(row_noun),
            marks=[self._band, points, self._median],
            axes=[ruler.axis for ruler in rulers],
            texts=[self._note],
        )
        self.box, self.head = chart.box, chart.box.children[0]
        self.targets = (self._band, self._median, self._note)
        rows = [{"title": title, "text": line} for title, line in zip(group.names, group.details, strict=True)]
        self.hover = {"figure": name, "rows": rows}

    def update(self, band: Band, mode: str) -> Changes:
        return [
            (self._band, {"y": np.stack([band.lower, band.upper])}),
            (self._median, {"y": band.median}),
            (self._note, {"value": self._remark(band, mode)}),
        ]

    def _remark(self, band: Band, mode: str) -> str:
        low, high = self._view
        if band.upper.max() < low or band.lower.min() > high:
            side, arrow = ("below", "\N{DOWNWARDS ARROW}") if band.upper.max() < low else ("above", "\N{UPWARDS ARROW}")
            return f"{arrow} the band is {side} this view, around {minus(f'{band.median.mean():.1f}')}"
        x, y = self._group.x, self._group.y
        inside = (np.interp(x, band.x, band.lower) <= y) & (y <= np.interp(x, band.x, band.upper))
        drawn = "" if len(y) == self._group.num_rows else " drawn"
        return f"{inside.sum():,} of {len(y):,}{drawn} inside the {100 * band.prob:g} % band of the {MODES[mode]}"
