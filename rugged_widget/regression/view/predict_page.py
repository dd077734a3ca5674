"""The Predict page: a new observation at a point that the reader picks, drawn, and told in words."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape

import ipywidgets
import numpy as np

from rugged_widget.names import shown
from rugged_widget.precision import ColumnPrecision, Precision, of_column, of_interval
from rugged_widget.regression.snapshot import Point, RegressionReference, RegressionRequest, RegressionSnapshot, WhatIf
from rugged_widget.regression.view.covariate_controls import CovariateControls
from rugged_widget.regression.view.data_rows import Place, Rows
from rugged_widget.regression.view.labels import RegressionSubject
from rugged_widget.regression.view.value_slider import ValueSlider
from rugged_widget.snapshot.snapshot import Density, Progress
from rugged_widget.view.figures.chart import GROUPS, html_text
from rugged_widget.view.figures.densities import NOWHERE, DensityFigure, legend
from rugged_widget.view.figures.number_format import (
    chosen,
    estimate,
    level,
    proportions,
    rounded,
)
from rugged_widget.view.frames.stream import Changes
from rugged_widget.view.i18n.captions import Choice
from rugged_widget.view.i18n.catalogue import Catalogue
from rugged_widget.view.widgets import box, classed, toggle_buttons, vbox

LOG_DECIMALS = 2
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
        self._exact_shown = True
        self._near: tuple[Point, tuple[Place, ...]] | None = None
        self._x = ValueSlider("rw-what-if-x", rows.x, float(np.median(rows.x)), rows.dates)
        self._written = RowTexts(self._x, of_column(rows.y))
        self._x.widget.observe(lambda _change: self._slid(changed), "value")
        self._grouped = bool(rows.labels.group_labels)
        self._group = classed(toggle_buttons("rw-what-if-group"), "rw-what-if-switch")
        if self._grouped:
            Choice(
                self._group,
                lambda: [(name, at) for at, name in enumerate(rows.labels.group_labels)],
                lambda _: changed(),
                text,
            )
        self._covariates = CovariateControls(rows, changed, text)
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
        nearest = "predict.label.nearest_all" if rows.covariates else "predict.label.nearest"
        group = {"rw-what-if-group": text("predict.label.group")} if self._grouped else {}
        return {
            **group,
            **self._covariates.labels,
            "rw-what-if-x": self._x_label,
            "rw-what-if": text("predict.label.density", response=rows.labels.y_label),
            "rw-what-if-original": text("predict.label.density", response=with_unit(rows)),
            "rw-nearest": text(nearest, predictor=rows.labels.x_label),
        }

    def __repr__(self) -> str:
        return f"PredictPage({self._point!r})"

    @property
    def _point(self) -> Point:
        """The point that is picked."""
        group = int(self._group.value) if self._grouped else 0
        return Point(self._x.value, group, self._covariates.values)

    @property
    def _x_label(self) -> str:
        """The predictor with its unit, and the power of ten that the slider leaves out."""
        label = self._rows.labels.x_label
        return f"{label} ({self._x.power})" if self._x.power else label

    def request(self) -> RegressionRequest:
        """Return what the snapshots of this page must hold: the prediction at the point that is picked."""
        return RegressionRequest(what_if=self._point)

    def update(self, snapshot: RegressionSnapshot, _progress: Progress) -> Changes:
        """Return what a frame has to change; it is about the point of the snapshot, which may be that of before."""
        what_if = snapshot.what_if
        if what_if is None:
            what_if = WhatIf(self._point, NOWHERE, None)
        point, guide, exact = what_if.point, what_if.guide, what_if.exact
        changes = [*self._figures[0].draw(guide, exact), *self._figures[0].compare(exact or guide)]
        if self._reference is not None:
            changes += self._figures[0].mark(self._estimate(self._reference, point))
        if self._rows.log:
            guide, exact = exponential(guide), exact and exponential(exact)
            figure = self._figures[1]
            changes += [*figure.draw(guide, exact), *figure.compare(exact or guide)]
        for figure in self._figures:
            changes += figure.show_exact(shown=self._exact_shown and exact is not None)
            changes += figure.paint(GROUPS[point.group])
        prediction = table = ""
        if what_if.guide is not NOWHERE:
            x, told = self._x.write(self._text, point.x), self._covariates.told(point.covariates)
            prediction = answer(self._text, self._rows, what_if, f"{x}, {told}" if told else x)
            table = nearest_table(self._text, self._rows, self._places(point), what_if.guide, self._written)
        return [*changes, (self._answer, {"value": prediction}), (self._nearest, {"value": table})]

    def show_exact(self, show: bool) -> None:
        """Draw the exact densities from the next frame on, or do not."""
        self._exact_shown = show

    def _estimate(self, reference: RegressionReference, point: Point) -> float:
        """Return where the least-squares line is at a point: that of the means, moved to the covariates."""
        line = float(np.interp(point.x, self._grid, reference.lines[point.group]))
        if not point.covariates:
            return line
        weights = np.asarray(reference.estimates["linear.weight"])[0, -len(point.covariates) :]
        return line + float(weights @ (np.array(point.covariates) - reference.covariate_means))

    def _places(self, point: Point) -> tuple[Place, ...]:
        if self._near is None or self._near[0] != point:  # sorting all rows anew for each frame would take its time
            self._near = point, self._rows.nearest(point)
        return self._near[1]

    def _slid(self, changed: Callable[[], None]) -> None:
        if self._rows.dates is not None:
            self._name_slider()
        changed()

    def _name_slider(self) -> None:
        """Write what the slider is of, and where it stands where its own readout cannot say that: at a date."""
        name = escape(self._x_label)
        if self._rows.dates is not None:
            name = f"{name} <b>{self._rows.dates.text(self._x.value)}</b>"
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
        group = [self._group] if self._grouped else []
        covariates = [self._covariates.box] if self._rows.covariates else []
        side = vbox("rw-pane", self._x_name, self._x.widget, *group, *covariates, self._answer, self._nearest)
        main = vbox("rw-main", *[figure.box for figure in self._figures], self._key)
        return box("rw-columns rw-predict", side, main)


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


@dataclass(frozen=True)
class RowTexts:
    """How predictor and response of rows are written.

    Attributes
    ----------
    x
        The slider of the predictor, which knows how finely that is given.
    y
        The precision of the response where the model sees it as it is.
    """

    x: ValueSlider
    y: ColumnPrecision


def answer(text: Catalogue, rows: Rows, what_if: WhatIf, where: str) -> str:
    """Return the prediction as sentences, HTML; `where` are predictor and covariates in words, plain text."""
    guide, exact, groups = what_if.guide, what_if.exact, rows.labels.group_labels
    middle, low, high = amounts(text, rows, guide)
    first = text.html(
        "predict.answer" if groups else "predict.answer_whole",
        group=groups[what_if.point.group] if groups else "",
        row=rows.labels.noun,
        predictor=rows.labels.predictor,
        x=where,
        response=rows.labels.response,
        low=low,
        high=high,
        middle=middle,
        prob=chosen(text, guide.prob),
        percent=level(text, guide.prob),
    )
    more = []
    if rows.log:
        _, lower, upper = logarithms(text, guide.median, guide)
        more.append(text.html("predict.logarithm", low=lower, high=upper))
    if exact is not None:
        _, lower, upper = amounts(text, rows, exact)
        more.append(text.html("predict.exact", low=lower, high=upper))
    return f"<p>{first}</p>" + (f'<p class="rw-why">{" ".join(more)}</p>' if more else "")


def nearest_table(text: Catalogue, rows: Rows, places: Sequence[Place], guide: Density, written: RowTexts) -> str:
    """Return the rows nearest to the point as a table, HTML: where they are, and whether inside the interval."""
    original = f"<th>{escape(shown(with_unit(rows), 20))}</th>" if rows.log else ""
    model = text("predict.log", response=rows.labels.response) if rows.log else with_unit(rows)
    nearest = "predict.nearest_all" if rows.covariates else "predict.nearest"
    head = (
        f"<tr><th>{text.html(nearest)}</th><th>{escape(shown(rows.labels.predictor, 16))}</th>"
        f"<th>{escape(shown(model, 20))}</th>{original}<th>{level(text, guide.prob)} %</th></tr>"
    )
    body = "".join(_row(text, rows, place, guide, written) for place in places)
    return f"<table><thead>{head}</thead><tbody>{body}</tbody></table>"


def _row(text: Catalogue, rows: Rows, place: Place, guide: Density, written: RowTexts) -> str:
    if guide.lower <= place.y <= guide.upper:
        side = f"<td>{text.html('predict.inside')}</td>"
    else:
        key = "predict.above" if place.y > guide.upper else "predict.below"
        side = f'<td class="rw-beyond">{text.html(key)}</td>'
    original = f"<td>{rounded(text, place.original)}</td>" if rows.log else ""
    y = logarithms(text, place.y, guide)[0] if rows.log else text.number(written.y.write(place.y))
    name, x = escape(shown(place.name, NAME_LENGTH)), written.x.write_given(text, place.x)
    return f'<tr><th scope="row">{name}</th><td>{x}</td><td>{y}</td>{original}{side}</tr>'


def amounts(text: Catalogue, rows: Rows, density: Density) -> tuple[str, str, str]:
    """Write the median of a response and the ends of its interval in its original unit; plain text."""
    unit = f"\N{NO-BREAK SPACE}{rows.unit}" if rows.unit else ""
    values = density.median, density.lower, density.upper
    median, lower, upper = proportions(text, *map(_exp, values)) if rows.log else estimate(text, *values)
    return median + unit, lower + unit, upper + unit


def logarithms(text: Catalogue, value: float, density: Density) -> tuple[str, str, str]:
    """Write a logarithm and the ends of an interval of it: a hundredth of one is a per cent of what it is of."""
    precision = of_interval(density.lower, density.upper)
    fine = precision if precision.decimals > LOG_DECIMALS else Precision(LOG_DECIMALS)
    first, second, third = (text.number(fine.write(one)) for one in (value, density.lower, density.upper))
    return first, second, third


def with_unit(rows: Rows) -> str:
    """Return what the response is in its original unit; plain text."""
    return f"{rows.labels.response}, {rows.unit}" if rows.unit else rows.labels.response


def _exp(value: float) -> float:
    return math.exp(min(max(value, -LIMIT), LIMIT))
