"""A panel a group, with one y axis: the points of the group and the credible band of its line."""

from collections.abc import Callable, Mapping

import bqplot
import numpy as np

from rugged_widget.regression.snapshot import RegressionReference, RegressionSnapshot
from rugged_widget.regression.view.labels import RegressionSubject
from rugged_widget.snapshot.snapshot import Array, Band, Progress
from rugged_widget.view.figures.axis_range import widened
from rugged_widget.view.figures.chart import BANDS, GROUPS, POINT, Chart, Explained, Ruler, html_text
from rugged_widget.view.figures.figure import Figure
from rugged_widget.view.figures.number_format import level, within
from rugged_widget.view.figures.overlays import correct_by, dashed, dotted, least_squares_line, show_marks
from rugged_widget.view.frames.silent_widgets import LateText, SilentLines, SilentText
from rugged_widget.view.frames.stream import Changes
from rugged_widget.view.i18n.captions import Choice
from rugged_widget.view.i18n.catalogue import Catalogue
from rugged_widget.view.widgets import toggle_buttons

MODES = ("line", "prediction")


class Panels(Figure):
    """The panels, or one for all rows, and the switch between the band of the line and that of a prediction.

    The least-squares lines lie over them, and the ends of the exact band. One explanation stands in the first heading.
    """

    def __init__(
        self,
        subject: RegressionSubject,
        on_mode: Callable[[], None],
        reference: RegressionReference | None = None,
        *,
        text: Catalogue,
        explain: Explained | None = None,
    ) -> None:
        values = np.concatenate([group.y for group in subject.groups])
        low, high = widened(float(values.min()), float(values.max()), 0.12)
        ends = float(subject.grid[0]), float(subject.grid[-1])
        self._x = Ruler(subject.labels.x_label, *ends, num_steps=6, dates=subject.dates)
        self._y = Ruler(subject.labels.y_label, low, high, vertical=True, num_steps=7)
        self._subject, self._reference, self._text = subject, reference, text
        self.mode = toggle_buttons("rw-mode", MODES)
        self._panels = [
            _Panel(number, subject, (self._x, self._y), (low, high), reference, text, None if number else explain)
            for number in range(len(subject.groups))
        ]
        self._panels[-1].head.children = (*self._panels[-1].head.children, self.mode)
        self.boxes = tuple(panel.box for panel in self._panels)
        if len(self.boxes) == 1:
            self.boxes[0].add_class("rw-wide")
        self.targets = tuple(target for panel in self._panels for target in panel.targets)
        Choice(
            self.mode,
            lambda: [(text(f"panels.mode.{mode}"), mode) for mode in MODES],
            lambda _mode: self._switch(on_mode),
            text,
            tips=lambda: [text(f"panels.mode.{mode}_tip") for mode in MODES],
        )
        text.follow(self._name)

    @property
    def hover(self) -> list[dict[str, object]]:
        """Tooltips of the rows drawn, by figure."""
        return [panel.hover for panel in self._panels]

    @property
    def labels(self) -> dict[str, str]:
        """Accessible names by css class."""
        x, y = self._subject.labels.x_label, self._subject.labels.y_label
        key = "panels.label" if self._subject.design.grouped else "panels.label_whole"
        panels = {
            f"rw-panel-{number}": self._text(key, group=group.label, x=x, y=y)
            for number, group in enumerate(self._subject.groups)
        }
        return panels | {"rw-mode": self._text("train.label.mode")}

    def update(self, snapshot: RegressionSnapshot, _progress: Progress) -> Changes:
        """Return what a frame has to change."""
        correction = snapshot.correction
        return [
            change
            for number, panel in enumerate(self._panels)
            for change in panel.update(
                snapshot,
                self.mode.value,
                None if correction is None else correction.bands[self.mode.value][number],
            )
        ]

    def show_reference(self, reference: RegressionReference) -> None:
        """Draw the ends of other exact bands."""
        self._reference = reference
        self._draw_exact()

    def show_exact(self, show: bool) -> None:
        """Show the ends of the exact bands, or hide them."""
        for panel in self._panels:
            show_marks(panel.exact, show=show)

    def correct(self, on: bool) -> None:
        """Draw the ends of the corrected bands from the next frame on, or do not."""
        for panel in self._panels:
            panel.corrects = on

    def _name(self) -> None:
        self._x.rename(self._subject.labels.x_label)
        self._y.rename(self._subject.labels.y_label)
        for panel in self._panels:
            panel.name()

    def _switch(self, on_mode: Callable[[], None]) -> None:
        self._draw_exact()
        on_mode()

    def _draw_exact(self) -> None:
        if self._reference is not None and self._reference.exact is not None:
            bands = self._reference.exact.bands[self.mode.value]
            for panel, band in zip(self._panels, bands, strict=True):
                for mark in panel.exact:
                    mark.y = _ends(band)


class _Panel:
    def __init__(
        self,
        number: int,
        subject: RegressionSubject,
        rulers: tuple[Ruler, Ruler],
        view: tuple[float, float],
        reference: RegressionReference | None,
        text: Catalogue,
        explain: Explained | None,
    ) -> None:
        self._number, self._subject, self._view, self._text = number, subject, view, text
        self._group, grid = subject.groups[number], subject.grid
        start = np.full((2, len(grid)), 2 * view[0] - view[1])  # below the view
        scales = {"x": rulers[0].scale, "y": rulers[1].scale}
        self._band = SilentLines(x=grid, y=start, scales=scales, fill="between")
        self._band.fill_colors, self._band.colors = [BANDS[number]], ["transparent"]
        self._median = SilentLines(x=grid, y=start[0], scales=scales, colors=[GROUPS[number]], stroke_width=2.5)
        self._corrected, self.corrects = dotted(grid, start, scales), False
        points = bqplot.Scatter(x=self._group.x, y=self._group.y, scales=scales, colors=[POINT], stroke="transparent")
        points.default_size, points.enable_hover = 26, False
        estimate, self.exact = _compare(reference, number, grid, scales)
        self._note: SilentText = html_text("rw-note")
        self._chart = Chart(
            f"rw-panel-{number}",
            self._group.heading(text, subject.row_noun),
            marks=[self._band, points, *estimate, self._median, *self.exact, self._corrected],
            axes=[ruler.axis for ruler in rulers],
            texts=[self._note],
            explain=explain,
        )
        self.box, self.head = self._chart.box, self._chart.box.children[0]
        self.targets = (self._band, self._median, self._corrected, self._note)

    @property
    def hover(self) -> dict[str, object]:
        group = self._subject.groups[self._number]
        rows = [{"title": title, "text": line} for title, line in zip(group.names, group.details, strict=True)]
        return {"figure": f"rw-panel-{self._number}", "rows": rows}

    def name(self) -> None:
        self._chart.rename(self._subject.groups[self._number].heading(self._text, self._subject.row_noun))

    def update(self, snapshot: RegressionSnapshot, mode: str, corrected: Band | None) -> Changes:
        band = snapshot.bands[mode][self._number]
        return [
            (self._band, {"y": _ends(band)}),
            (self._median, {"y": band.median}),
            *correct_by([self._corrected], [{"y": _ends(corrected or band)}], on=self.corrects, known=bool(corrected)),
            (self._note, {"value": LateText(self._remark, snapshot, band)}),
        ]

    def _remark(self, snapshot: RegressionSnapshot, shown: Band) -> str:
        low, high = self._view
        if shown.upper.max() < low or shown.lower.min() > high:
            key = "panels.below" if shown.upper.max() < low else "panels.above"
            return self._text(key, value=within(self._text, float(shown.median.mean()), low, high))
        if self._subject.design.num_covariates:  # rows with other ones lie about other lines: no counting says much
            return self._text("panels.covariates")
        num_drawn = len(self._group.y)
        return self._text(
            "panels.note" if num_drawn == self._group.num_rows else "panels.note_drawn",
            percent=level(self._text, shown.prob),
            count=num_drawn,
            line=self._inside(snapshot.bands["line"][self._number]),
            prediction=self._inside(snapshot.bands["prediction"][self._number]),
        )

    def _inside(self, band: Band) -> int:
        x, y = self._group.x, self._group.y
        inside = (np.interp(x, band.x, band.lower) <= y) & (y <= np.interp(x, band.x, band.upper))
        return int(inside.sum())


def _ends(band: Band) -> Array:
    return np.stack([band.lower, band.upper])


def _compare(
    reference: RegressionReference | None, number: int, grid: Array, scales: Mapping[str, bqplot.Scale]
) -> tuple[list[bqplot.Mark], list[bqplot.Mark]]:
    """Return the mark of the least-squares line of a group, and that of its exact band's ends."""
    if reference is None:
        return [], []
    estimate = [least_squares_line(grid, reference.lines[number], scales)]
    if reference.exact is None:
        return estimate, []
    band = reference.exact.bands["line"][number]
    return estimate, [dashed(band.x, _ends(band), scales)]
