"""A prediction in words, in the unit of the data, and beside the rows that are nearest."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape

import numpy as np

from rugged_widget.regression.view.data_rows import Place, Rows
from rugged_widget.snapshot.snapshot import Density, WhatIf
from rugged_widget.view.figures.chart import minus, shorten
from rugged_widget.view.figures.number_format import decimals_for, rounded
from rugged_widget.view.frames.stream import Changes
from rugged_widget.view.i18n.catalogue import Catalogue

LIMIT = 80.0
"""Logarithms are kept within this on either side: what they stand for is then a finite number in single precision."""

BEYOND = 1.4
"""How far an axis in the original unit goes, as a multiple of the upper end of the interval: the tail has no end."""

NAME_LENGTH = 28


def exponential(density: Density) -> Density:
    """Return the density of v = exp(x) where `density` is that of x: density(log v) / v.

    Returns
    -------
    Density
        At as many points, from 0 to a little beyond the interval; its quantiles are those of x, transformed.
    """
    lower, median, upper = (_exp(value) for value in (density.lower, density.median, density.upper))
    end = max(min(float(density.x[-1]), math.log(BEYOND) + min(density.upper, LIMIT)), 1.0 - LIMIT)
    start = min(max(float(density.x[0]), -LIMIT), end - 1.0)
    x = np.linspace(start, end, len(density.x) - 1)
    v = np.exp(x)
    height = np.interp(x, density.x, density.density, left=0.0, right=0.0) / v
    # From 0 on, where there is nothing: the axis then begins there too.
    return Density(np.append(0.0, v), np.append(0.0, height), 1.0, lower, median, upper, density.prob)


def unit_ticks(changes: Changes) -> Changes:
    """Return changes of an axis whose ticks are amounts: 20k instead of 20000."""
    return [(target, _short(values) if "tick_values" in values else values) for target, values in changes]


def answer(text: Catalogue, rows: Rows, what_if: WhatIf, decimals: int) -> str:
    """Return the prediction as sentences, HTML.

    Parameters
    ----------
    text
        In which language.
    rows
        The words.
    what_if
        The prediction.
    decimals
        Of the predictor.
    """
    guide, exact = what_if.guide, what_if.exact
    low, high, middle = (amount(rows, value) for value in (guide.lower, guide.upper, guide.median))
    first = text.html(
        "predict.answer",
        group=rows.group_labels[what_if.group],
        row=rows.noun,
        predictor=rows.predictor,
        x=plain(what_if.x, decimals),
        response=rows.response,
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
    """Return the rows nearest to the point as a table, HTML: where they are, and whether inside the interval.

    Parameters
    ----------
    text
        In which language.
    rows
        The words.
    places
        Rows to list.
    guide
        The prediction.
    decimals
        Of the predictor.
    """
    original = f"<th>{escape(shorten(with_unit(rows), 20))}</th>" if rows.log else ""
    model = text("predict.log", response=rows.response) if rows.log else with_unit(rows)
    head = (
        f"<tr><th>{text.html('predict.nearest')}</th><th>{escape(shorten(rows.predictor, 16))}</th>"
        f"<th>{escape(shorten(model, 20))}</th>{original}<th>{100 * guide.prob:g} %</th></tr>"
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
    name, x, y = escape(shorten(place.name, NAME_LENGTH)), plain(place.x, digits[0]), plain(place.y, digits[1])
    return f'<tr><th scope="row">{name}</th><td>{x}</td><td>{y}</td>{original}{side}</tr>'


def amount(rows: Rows, value: float) -> str:
    """Write a response, given as the model sees it, in its original unit; plain text."""
    unit = f"\N{NO-BREAK SPACE}{rows.unit}" if rows.unit else ""
    return rounded(_exp(value) if rows.log else value) + unit


def plain(value: float, decimals: int) -> str:
    """Write a number with so many decimals."""
    return minus(f"{value:,.{decimals}f}") if abs(value) < 1e9 else rounded(value)


def with_unit(rows: Rows) -> str:
    """Return what the response is in its original unit; plain text."""
    return f"{rows.response}, {rows.unit}" if rows.unit else rows.response


def _exp(value: float) -> float:
    return math.exp(min(max(value, -LIMIT), LIMIT))


def _short(values: Mapping[str, object]) -> Mapping[str, object]:
    ticks = values["tick_values"]
    return {**values, "tick_format": "~s"} if isinstance(ticks, list) and ticks[-1] >= 1000 else values
