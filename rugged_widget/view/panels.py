"""The regression in the world: two panels with one axis, the points of a group and the credible band of its line."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import bqplot
import ipywidgets
import numpy as np

from rugged_widget.reference import Reference
from rugged_widget.snapshot import Array, Band, Progress, Snapshot
from rugged_widget.view.chart import BANDS, GROUPS, POINT, Chart, Ruler, minus, text
from rugged_widget.view.overlay import dashed, least_squares_line, show_marks
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
    reference
        What it is compared with: the least-squares lines, and the ends of the exact band.
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
        reference: Reference | None = None,
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
        self.mode.observe(lambda _change: self._switch(on_mode), "value")
        self._reference = reference
        self._panels = [
            _Panel(number, group, (x, y), grid, (low, high), row_noun, reference) for number, group in enumerate(groups)
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
        return [
            change
            for number, panel in enumerate(self._panels)
            for change in panel.update({mode: bands[number] for mode, bands in snapshot.bands.items()}, self.mode.value)
        ]

    def show_exact(self, show: bool) -> None:  # noqa: FBT001  # it is what is switched
        """Show the ends of the exact bands, or hide them."""
        for panel in self._panels:
            show_marks(panel.exact, show=show)

    def _switch(self, on_mode: Callable[[], None]) -> None:
        if self._reference is not None and self._reference.exact is not None:
            bands = self._reference.exact.bands[self.mode.value]
            for panel, band in zip(self._panels, bands, strict=True):
                panel.exact[0].y = _ends(band)
        on_mode()


class _Panel:
    def __init__(
        self,
        number: int,
        group: Group,
        rulers: tuple[Ruler, Ruler],
        grid: Array,
        view: tuple[float, float],
        row_noun: str,
        reference: Reference | None,
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
        estimate, self.exact = _compare(reference, number, grid, scales)
        self._note: QuietText = text("rw-note")
        name = f"rw-panel-{number}"
        chart = Chart(
            name,
            group.heading(row_noun),
            marks=[self._band, points, *estimate, self._median, *self.exact],
            axes=[ruler.axis for ruler in rulers],
            texts=[self._note],
        )
        self.box, self.head = chart.box, chart.box.children[0]
        self.targets = (self._band, self._median, self._note)
        rows = [{"title": title, "text": line} for title, line in zip(group.names, group.details, strict=True)]
        self.hover = {"figure": name, "rows": rows}

    def update(self, bands: Mapping[str, Band], mode: str) -> Changes:
        band = bands[mode]
        return [
            (self._band, {"y": np.stack([band.lower, band.upper])}),
            (self._median, {"y": band.median}),
            (self._note, {"value": self._remark(bands, band)}),
        ]

    def _remark(self, bands: Mapping[str, Band], shown: Band) -> str:
        low, high = self._view
        if shown.upper.max() < low or shown.lower.min() > high:
            side, arrow = (
                ("below", "\N{DOWNWARDS ARROW}") if shown.upper.max() < low else ("above", "\N{UPWARDS ARROW}")
            )
            return f"{arrow} the band is {side} this view, around {minus(f'{shown.median.mean():.1f}')}"
        num_drawn = len(self._group.y)
        line, prediction = self._inside(bands["line"]), self._inside(bands["prediction"])
        counts = f"line {line:,} of {num_drawn:,}{' drawn' if num_drawn < self._group.num_rows else ''}"
        return f"in the {100 * shown.prob:g} % bands: {counts}, prediction {prediction:,}"

    def _inside(self, band: Band) -> int:
        x, y = self._group.x, self._group.y
        inside = (np.interp(x, band.x, band.lower) <= y) & (y <= np.interp(x, band.x, band.upper))
        return int(inside.sum())


def _ends(band: Band) -> Array:
    ends: Array = np.stack([band.lower, band.upper])
    return ends


def _compare(
    reference: Reference | None, number: int, grid: Array, scales: Mapping[str, bqplot.Scale]
) -> tuple[list[bqplot.Mark], list[bqplot.Mark]]:
    """Return the mark of the least-squares line of a group, and that of its exact band's ends."""
    if reference is None:
        return [], []
    estimate = [least_squares_line(grid, reference.lines[number], scales)]
    if reference.exact is None:
        return estimate, []
    band = reference.exact.bands["line"][number]
    return estimate, [dashed(band.x, _ends(band), scales)]
