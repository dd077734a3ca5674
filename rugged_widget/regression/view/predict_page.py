"""The Predict page: a new observation at a point that the reader picks, drawn, and told in words."""

import math
from collections.abc import Callable, Sequence
from html import escape

import ipywidgets
import numpy as np

from rugged_widget.names import shown
from rugged_widget.regression.snapshot import RegressionReference, RegressionRequest, RegressionSnapshot, WhatIf
from rugged_widget.regression.view.data_rows import Place, Rows
from rugged_widget.regression.view.labels import RegressionSubject
from rugged_widget.snapshot.snapshot import Density, Progress
from rugged_widget.view.figures.chart import GROUPS, html_text, minus
from rugged_widget.view.figures.densities import NOWHERE, DensityFigure, legend
from rugged_widget.view.figures.number_format import decimals_for, rounded
from rugged_widget.view.frames.stream import Changes
from rugged_widget.view.i18n.captions import Choice
from rugged_widget.view.i18n.catalogue import Catalogue
from rugged_widget.view.widgets import box, classed, toggle_buttons, vbox

MAX_DECIMALS = 12
LIMIT = 80.0
"""Logarithms are kept within this on either side: what they stand for is then a finite number in single precision."""

BEYOND = 1.4
"""How far an axis in the original unit goes, as a multiple of the upper end of the interval: the tail has no end."""

NAME_LENGTH = 28


class PredictPage:
    """A point to pick, the predictive density there in each unit of the response, and the rows nearest to it."""

    def __init__(
        self,
        subject: RegressionSubject,
        reference: RegressionReference | None,
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
        self._slider.observe(lambda _change: self._slid(changed), "value")
        self._group = toggle_buttons("rw-what-if-group")
        Choice(
            self._group,
            lambda: [(name, at) for at, name in enumerate(rows.labels.group_labels)],
            lambda _: changed(),
            text,
        )
        self._answer, self._nearest = html_text("rw-answer"), html_text("rw-nearest")
        names = ("rw-what-if", "rw-what-if-original") if rows.log else ("rw-what-if",)
        self._figures = [DensityFigure(name, name, rows.labels.y_label, num_steps=7) for name in names]
        self._x_name, self._key = (classed(ipywidgets.HTML(""), css) for css in ("rw-what-if-name", "rw-legend"))
        self.box = self._layout()
        self.targets = (self._answer, self._nearest, *(target for figure in self._figures for target in figure.targets))
        text.follow(self._name)

    @property
    def labels(self) -> dict[str, str]:
        """Accessible names by css class."""
        text, rows = self._text, self._rows
        return {
            "rw-what-if-x": rows.labels.x_label,
            "rw-what-if-group": text("predict.label.group"),
            "rw-what-if": text("predict.label.density", response=rows.labels.y_label),
            "rw-what-if-original": text("predict.label.density", response=with_unit(rows)),
            "rw-nearest": text("predict.label.nearest", predictor=rows.labels.x_label),
        }

    def __repr__(self) -> str:
        return f"PredictPage({self._slider.value:g}, {self._rows.labels.group_labels[self._group.value]!r})"

    def request(self) -> RegressionRequest:
        """Return what the snapshots of this page must hold: the prediction at the point that is picked."""
        return RegressionRequest(what_if=(float(self._slider.value), int(self._group.value)))

    def update(self, snapshot: RegressionSnapshot, _progress: Progress) -> Changes:
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
            changes += [*figure.draw(guide, exact), *figure.compare(exact or guide)]
        for figure in self._figures:
            changes += figure.show_exact(shown=self._exact_shown and exact is not None)
            changes += figure.paint(GROUPS[what_if.group])
        prediction = table = ""
        if what_if.guide is not NOWHERE:
            prediction = answer(self._text, self._rows, what_if, self._decimals)
            table = nearest_table(self._text, self._rows, self._places(what_if), what_if.guide, self._decimals)
        return [*changes, (self._answer, {"value": prediction}), (self._nearest, {"value": table})]

    def show_exact(self, show: bool) -> None:
        """Draw the exact densities from the next frame on, or do not."""
        self._exact_shown = show

    def _places(self, what_if: WhatIf) -> tuple[Place, ...]:
        point = what_if.x, what_if.group
        if self._near is None or self._near[0] != point:  # sorting all rows anew for each frame would take its time
            self._near = point, self._rows.nearest(*point)
        return self._near[1]

    def _slid(self, changed: Callable[[], None]) -> None:
        if self._rows.dates is not None:
            self._name_slider()
        changed()

    def _name_slider(self) -> None:
        """Write what the slider is of, and where it stands where its own readout cannot say that: at a date."""
        name = escape(self._rows.labels.x_label)
        if self._rows.dates is not None:
            name = f"{name} <b>{self._rows.dates.text(float(self._slider.value))}</b>"
        self._x_name.value = f"<p>{name}</p>"

    def _name(self) -> None:
        text, rows = self._text, self._rows
        self._name_slider()
        self._key.value = legend(text, self._reference)
        self._figures[0].rename(text("predict.title", row=rows.labels.noun), rows.labels.y_label)
        if rows.log:
            key = "predict.title_unit" if rows.unit else "predict.title_original"
            self._figures[1].rename(text(key, unit=rows.unit), with_unit(rows))

    def _layout(self) -> ipywidgets.Box:
        side = vbox("rw-pane", self._x_name, self._slider, self._group, self._answer, self._nearest)
        main = vbox("rw-main", *[figure.box for figure in self._figures], self._key)
        return box("rw-columns rw-predict", side, main)


def _slider(rows: Rows, digits: int) -> ipywidgets.FloatSlider:
    """Return a slider over the predictor that begins at its median, in steps that its readout tells apart."""
    step = 10.0**-digits
    low, high = math.floor(float(rows.x.min()) / step) * step, math.ceil(float(rows.x.max()) / step) * step
    return classed(
        ipywidgets.FloatSlider(
            value=round(float(np.median(rows.x)), digits),
            min=round(low, digits),
            max=round(high, digits),
            step=step,
            readout_format=f".{max(digits, 0)}f",
            readout=rows.dates is None,
        ),
        "rw-what-if-x",
    )


def exponential(density: Density) -> Density:
    """Return the density of v = exp(x) where `density` is that of x: density(log v) / v.

    It has as many points, from 0 to a little beyond the interval; its quantiles are those of x, transformed.
    """
    lower, median, upper = (_exp(value) for value in (density.lower, density.median, density.upper))
    end = max(min(float(density.x[-1]), math.log(BEYOND) + min(density.upper, LIMIT)), 1.0 - LIMIT)
    start = min(max(float(density.x[0]), -LIMIT), end - 1.0)
    x = np.linspace(start, end, len(density.x) - 1)
    v = np.exp(x)
    height = np.interp(x, density.x, density.density, left=0.0, right=0.0) / v
    # From 0 on, where there is nothing: the axis then begins there too.
    return Density(np.append(0.0, v), np.append(0.0, height), 1.0, lower, median, upper, density.prob)


def answer(text: Catalogue, rows: Rows, what_if: WhatIf, decimals: int) -> str:
    """Return the prediction as sentences, HTML; the predictor with so many decimals."""
    guide, exact = what_if.guide, what_if.exact
    low, high, middle = (amount(rows, value) for value in (guide.lower, guide.upper, guide.median))
    first = text.html(
        "predict.answer",
        group=rows.labels.group_labels[what_if.group],
        row=rows.labels.noun,
        predictor=rows.labels.predictor,
        x=predictor_text(rows, what_if.x, decimals),
        response=rows.labels.response,
        low=low,
        high=high,
        middle=middle,
        prob=guide.prob,
        percent=f"{100 * guide.prob:g}",
    )
    more = []
    if rows.log:
        lower, upper = (plain(value, 2) for value in (guide.lower, guide.upper))
        more.append(text.html("predict.logarithm", low=lower, high=upper))
    if exact is not None:
        lower, upper = (amount(rows, value) for value in (exact.lower, exact.upper))
        more.append(text.html("predict.exact", low=lower, high=upper))
    return f"<p>{first}</p>" + (f'<p class="rw-why">{" ".join(more)}</p>' if more else "")


def nearest_table(text: Catalogue, rows: Rows, places: Sequence[Place], guide: Density, decimals: int) -> str:
    """Return the rows nearest to the point as a table, HTML: where they are, and whether inside the interval."""
    original = f"<th>{escape(shown(with_unit(rows), 20))}</th>" if rows.log else ""
    model = text("predict.log", response=rows.labels.response) if rows.log else with_unit(rows)
    head = (
        f"<tr><th>{text.html('predict.nearest')}</th><th>{escape(shown(rows.labels.predictor, 16))}</th>"
        f"<th>{escape(shown(model, 20))}</th>{original}<th>{100 * guide.prob:g} %</th></tr>"
    )
    digits = min(max(decimals_for(max(guide.upper - guide.lower, 1e-12)), 0), 6)
    body = "".join(_row(text, rows, place, guide, (decimals, digits)) for place in places)
    return f"<table><thead>{head}</thead><tbody>{body}</tbody></table>"


def _row(text: Catalogue, rows: Rows, place: Place, guide: Density, digits: tuple[int, int]) -> str:
    if guide.lower <= place.y <= guide.upper:
        side = f"<td>{text.html('predict.inside')}</td>"
    else:
        key = "predict.above" if place.y > guide.upper else "predict.below"
        side = f'<td class="rw-beyond">{text.html(key)}</td>'
    original = f"<td>{rounded(place.original)}</td>" if rows.log else ""
    name, x = escape(shown(place.name, NAME_LENGTH)), predictor_text(rows, place.x, digits[0])
    y = plain(place.y, digits[1])
    return f'<tr><th scope="row">{name}</th><td>{x}</td><td>{y}</td>{original}{side}</tr>'


def amount(rows: Rows, value: float) -> str:
    """Write a response, given as the model sees it, in its original unit; plain text."""
    unit = f"\N{NO-BREAK SPACE}{rows.unit}" if rows.unit else ""
    return rounded(_exp(value) if rows.log else value) + unit


def predictor_text(rows: Rows, value: float, decimals: int) -> str:
    """Write a value of the predictor, with so many decimals where it is a number."""
    return plain(value, decimals) if rows.dates is None else rows.dates.text(value)


def plain(value: float, decimals: int) -> str:
    """Write a number with so many decimals."""
    return minus(f"{value:,.{decimals}f}") if abs(value) < 1e9 else rounded(value)


def with_unit(rows: Rows) -> str:
    """Return what the response is in its original unit; plain text."""
    return f"{rows.labels.response}, {rows.unit}" if rows.unit else rows.labels.response


def _exp(value: float) -> float:
    return math.exp(min(max(value, -LIMIT), LIMIT))
