"""The Predict page: what a new observation would be, at a point that the reader picks."""

from __future__ import annotations

import math
from collections.abc import Callable
from html import escape

import ipywidgets
import numpy as np

from rugged_widget.regression.view.data_rows import Place, Rows
from rugged_widget.regression.view.labels import RegressionSubject
from rugged_widget.regression.view.outcome import answer, exponential, nearest_table, unit_ticks, with_unit
from rugged_widget.snapshot.reference import Reference, SnapshotRequest
from rugged_widget.snapshot.snapshot import Progress, Snapshot, WhatIf
from rugged_widget.view.figures.chart import GROUPS, html_text
from rugged_widget.view.figures.densities import NOWHERE, DensityFigure, legend
from rugged_widget.view.figures.number_format import decimals_for
from rugged_widget.view.frames.stream import Changes
from rugged_widget.view.i18n.captions import Choice
from rugged_widget.view.i18n.catalogue import Catalogue

MAX_DECIMALS = 12


class PredictPage:
    """A point to pick, the predictive density there in each unit of the response, and the rows nearest to it.

    Parameters
    ----------
    subject
        Says where the least-squares lines are known.
    reference
        What the density is compared with; None where nothing is known.
    rows
        All rows, and the words for them.
    changed
        Called, in any thread, when another point is picked.
    text
        In which language.
    """

    def __init__(
        self,
        subject: RegressionSubject,
        reference: Reference | None,
        rows: Rows,
        changed: Callable[[], None],
        *,
        text: Catalogue,
    ) -> None:
        self._rows, self._grid, self._text, self._reference = rows, subject.grid, text, reference
        self._lines = () if reference is None else reference.lines
        digits = min(decimals_for(float(np.ptp(rows.x))), MAX_DECIMALS)
        self._decimals = max(digits, 0)
        self._exact_shown = True
        self._near: tuple[tuple[float, int], tuple[Place, ...]] | None = None
        self._slider = _slider(rows, digits)
        self._slider.observe(lambda _change: changed(), "value")
        self._group = ipywidgets.ToggleButtons(style={"button_width": "auto"})
        self._group.add_class("rw-what-if-group")
        Choice(
            self._group, lambda: [(name, at) for at, name in enumerate(rows.group_labels)], lambda _: changed(), text
        )
        self._answer, self._nearest = html_text("rw-answer"), html_text("rw-nearest")
        names = ("rw-what-if", "rw-what-if-original") if rows.log else ("rw-what-if",)
        self._figures = [DensityFigure(name, name, rows.y_label, num_steps=7) for name in names]
        self._x_name, self._key = ipywidgets.HTML(""), ipywidgets.HTML("")
        self.box = self._layout()
        self.targets = (
            self._answer,
            self._nearest,
            *(target for figure in self._figures for target in figure.targets),
        )
        text.follow(self._name)

    @property
    def labels(self) -> dict[str, str]:
        """Accessible names by css class."""
        say, rows = self._text, self._rows
        return {
            "rw-what-if-x": rows.x_label,
            "rw-what-if-group": say("predict.label.group"),
            "rw-what-if": say("predict.label.density", response=rows.y_label),
            "rw-what-if-original": say("predict.label.density", response=with_unit(rows)),
            "rw-nearest": say("predict.label.nearest", predictor=rows.x_label),
        }

    def __repr__(self) -> str:
        return f"PredictPage({self._slider.value:g}, {self._rows.group_labels[self._group.value]!r})"

    def wanted(self) -> SnapshotRequest:
        """Return what the snapshots of this page must hold: the prediction at the point that is picked."""
        return SnapshotRequest(what_if=(float(self._slider.value), int(self._group.value)))

    def update(self, snapshot: Snapshot, _progress: Progress) -> Changes:
        """Return what a frame has to change; it is about the point of the snapshot, which may be that of before."""
        what_if = snapshot.what_if
        if what_if is None:
            what_if = WhatIf(float(self._slider.value), int(self._group.value), NOWHERE, None)
        guide, exact = what_if.guide, what_if.exact
        changes = [*self._figures[0].draw(guide, exact), *self._figures[0].compare(exact or guide)]
        if self._lines:
            changes += self._figures[0].mark(float(np.interp(what_if.x, self._grid, self._lines[what_if.group])))
        if self._rows.log:
            guide, exact = exponential(guide), exact and exponential(exact)
            figure = self._figures[1]
            changes += [*unit_ticks(figure.draw(guide, exact)), *figure.compare(exact or guide)]
        for figure in self._figures:
            changes += figure.show_exact(shown=self._exact_shown and exact is not None)
            changes += figure.paint(GROUPS[what_if.group])
        known = what_if.guide is not NOWHERE
        said = table = ""
        if known:
            said = answer(self._text, self._rows, what_if, self._decimals)
            table = nearest_table(self._text, self._rows, self._places(what_if), what_if.guide, self._decimals)
        return [*changes, (self._answer, {"value": said}), (self._nearest, {"value": table})]

    def show_exact(self, show: bool) -> None:  # noqa: FBT001  # it is what is switched
        """Draw the exact densities from the next frame on, or do not."""
        self._exact_shown = show

    def _places(self, what_if: WhatIf) -> tuple[Place, ...]:
        point = what_if.x, what_if.group
        if self._near is None or self._near[0] != point:  # sorting all rows anew for each frame would take its time
            self._near = point, self._rows.nearest(*point)
        return self._near[1]

    def _names(self) -> list[tuple[str, object]]:
        return [(name, number) for number, name in enumerate(self._rows.group_labels)]

    def _name(self) -> None:
        say, rows = self._text, self._rows
        self._x_name.value = f"<p>{escape(rows.x_label)}</p>"
        self._key.value = legend(say, self._reference)
        self._figures[0].rename(say("predict.title", row=rows.noun), rows.y_label)
        if rows.log:
            key = "predict.title_unit" if rows.unit else "predict.title_original"
            self._figures[1].rename(say(key, unit=rows.unit), with_unit(rows))

    def _layout(self) -> ipywidgets.Box:
        self._x_name.add_class("rw-what-if-name")
        self._key.add_class("rw-legend")
        side = ipywidgets.VBox([self._x_name, self._slider, self._group, self._answer, self._nearest])
        side.add_class("rw-pane")
        main = ipywidgets.VBox([*[figure.box for figure in self._figures], self._key])
        main.add_class("rw-main")
        box = ipywidgets.Box([side, main])
        box.add_class("rw-columns")
        box.add_class("rw-predict")
        return box


def _slider(rows: Rows, digits: int) -> ipywidgets.FloatSlider:
    """Return a slider over the predictor that begins at its median, in steps that its readout tells apart."""
    step = 10.0**-digits
    low, high = math.floor(float(rows.x.min()) / step) * step, math.ceil(float(rows.x.max()) / step) * step
    slider = ipywidgets.FloatSlider(
        value=round(float(np.median(rows.x)), digits),
        min=round(low, digits),
        max=round(high, digits),
        step=step,
        readout_format=f".{max(digits, 0)}f",
    )
    slider.add_class("rw-what-if-x")
    return slider
