"""The Predict page, without a browser."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from rugged_widget.regression.data.regression_data import RegressionData
from rugged_widget.regression.snapshot import Point, RegressionRequest, WhatIf
from rugged_widget.regression.view.data_rows import rows_of
from rugged_widget.regression.view.labels import subject_of
from rugged_widget.regression.view.predict_page import PredictPage, exponential
from rugged_widget.view.figures.number_format import rounded
from rugged_widget.view.i18n.catalogue import Catalogue
from tests.view import drawn
from tests.view.page_fakes import PROBS, RUNNING, arrays, awkward, normal, reference, snapshot, value_of

WORDS = Catalogue()

DATA = RegressionData.rugged()
GUIDE, EXACT = normal(7.6, 0.96), normal(7.5, 1.0)
THERE = WhatIf(Point(1.21, 1), GUIDE, EXACT)


def page(data: RegressionData = DATA, *, exact: bool = True, calls: list[int] | None = None) -> PredictPage:
    called = [] if calls is None else calls
    subject, rows = subject_of(data, PROBS, WORDS), rows_of(data, WORDS)
    compared = reference(data, exact=exact)
    return PredictPage(subject, compared, rows, lambda: called.append(len(called)), text=WORDS)


def part(shown: PredictPage, name: str) -> Any:
    return drawn.part(shown.box, f"rw-{name}")


def figures(shown: PredictPage) -> list[Any]:
    """Return the densities: of the response as the model sees it, and in its original unit where that is another."""
    return drawn.parts(shown.box, "rw-density")


def test_it_begins_at_the_median_of_the_predictor_outside() -> None:
    shown = page()
    assert shown.request() == RegressionRequest(what_if=Point(round(float(np.median(DATA.predictor_values)), 2), 0))
    slider = part(shown, "what-if-x")
    assert slider.min <= DATA.predictor_values.min()
    assert DATA.predictor_values.max() <= slider.max
    assert slider.readout_format == ".2f"


@pytest.mark.parametrize(
    ("scale", "readout"),
    [(1e3, ".0f"), (1e-4, ".6f"), (1e-7, ".2f"), (1e-13, ".2f"), (1e-300, ".2f"), (1e17, ".2f"), (1.0, ".2f")],
)
def test_the_slider_is_as_fine_as_the_range_needs(scale: float, readout: str) -> None:
    rows = replace(rows_of(DATA, WORDS), x=DATA.predictor_values * scale - 2 * scale)
    shown = PredictPage(subject_of(DATA, PROBS, WORDS), None, rows, lambda: None, text=WORDS)
    slider = part(shown, "what-if-x")
    assert slider.readout_format == readout
    assert 100 <= (slider.max - slider.min) / slider.step <= 1100
    picked = []
    for place in (slider.value, slider.min, slider.max):
        slider.value = place
        picked.append(shown.request().what_if.x)  # type: ignore[union-attr]
    assert picked[0] == pytest.approx(float(np.median(rows.x)), abs=0.01 * float(np.ptp(rows.x)))
    assert picked[1] <= rows.x.min()
    assert picked[2] >= rows.x.max()


def test_where_the_slider_leaves_a_power_of_ten_out_its_name_says_so() -> None:
    rows = replace(rows_of(DATA, WORDS), x=DATA.predictor_values * 1e-9)
    shown = PredictPage(subject_of(DATA, PROBS, WORDS), None, rows, lambda: None, text=WORDS)
    part(shown, "what-if-x").value = 1.25
    assert shown.request().what_if == Point(1.25e-9, 0)
    name = "Terrain Ruggedness Index (100 m) (\N{MULTIPLICATION SIGN}\N{NO-BREAK SPACE}10⁻⁹)"
    assert (shown.labels["rw-what-if-x"], part(shown, "what-if-name").value) == (name, f"<p>{name}</p>")


def test_another_point_is_asked_for_and_wanted_and_nothing_else_happens() -> None:
    calls: list[int] = []
    shown = page(calls=calls)
    before = part(shown, "answer").value
    part(shown, "what-if-x").value = 3.5
    part(shown, "what-if-group").value = 1
    assert len(calls) == 2
    assert shown.request() == RegressionRequest(what_if=Point(3.5, 1))
    assert part(shown, "answer").value == before


def test_it_says_what_the_snapshot_says_though_the_slider_has_moved_on() -> None:
    shown = page()
    part(shown, "what-if-x").value = 4.0
    text = value_of(shown.update(snapshot(what_if=THERE), RUNNING), part(shown, "answer"), "value")
    assert "Inside Africa, a country with ruggedness 1.21: GDP between" in text


def test_the_interval_in_dollars_is_the_exponential_of_that_of_the_logarithm() -> None:
    shown = page()
    changes = shown.update(snapshot(what_if=THERE), RUNNING)
    text = value_of(changes, part(shown, "answer"), "value")
    low, high, middle = (
        f"<b>{rounded(WORDS, math.exp(value))}\N{NO-BREAK SPACE}$</b>"
        for value in (GUIDE.lower, GUIDE.upper, GUIDE.median)
    )
    assert f"between {low} and {high} with probability 0.90, median {middle}" in text
    assert f"logarithm: {GUIDE.lower:.2f} to {GUIDE.upper:.2f}" in text
    assert f"exact posterior: {rounded(WORDS, math.exp(EXACT.lower))}" in text
    inside = value_of(changes, drawn.density(figures(shown)[1]).inside, "x")
    assert (inside[0], inside[-1]) == pytest.approx((math.exp(GUIDE.lower), math.exp(GUIDE.upper)))


def test_the_density_in_dollars_is_that_of_a_log_normal() -> None:
    density = exponential(GUIDE)
    v, height = density.x[1:], density.density[1:]
    exact = np.exp(-0.5 * ((np.log(v) - 7.6) / 0.96) ** 2) / (v * 0.96 * math.sqrt(2 * math.pi))
    assert height == pytest.approx(exact, abs=2e-3 * exact.max())  # the log density is interpolated between 128 points
    assert (density.x[0], density.density[0]) == (0.0, 0.0)
    inside = (density.lower <= density.x) & (density.x <= density.upper)
    x, kept = density.x[inside], density.density[inside]
    assert np.sum(np.diff(x) * (kept[1:] + kept[:-1]) / 2) == pytest.approx(
        0.9, abs=0.02
    )  # its ends lie between points


@pytest.mark.parametrize("mean", [-500.0, -30.0, 30.0, 500.0])
def test_a_prediction_out_of_all_bounds_is_still_finite_in_single_precision(mean: float) -> None:
    shown = page()
    far = WhatIf(Point(1.0, 0), normal(mean, 60.0), None)
    changes = shown.update(snapshot(what_if=far), RUNNING)
    assert arrays(changes)
    low, high = drawn.bounds(changes, drawn.axis(figures(shown)[1]))
    assert low == 0.0
    assert 0.0 < high < 3e38


def test_the_axis_in_dollars_begins_at_zero_and_is_labelled_in_thousands() -> None:
    shown = page()
    changes = shown.update(snapshot(what_if=THERE), RUNNING)
    logarithm, dollars = (drawn.axis(figure) for figure in figures(shown))
    assert drawn.bounds(changes, dollars)[0] == 0.0
    ticks = [
        value_of(changes, dollars, "tick_labels")[f"{value:.0f}"] for value in value_of(changes, dollars, "tick_values")
    ]
    assert (ticks[0], ticks[-1][-1]) == ("0", "k")
    assert dollars.label == "GDP, $"
    assert "8" in value_of(changes, logarithm, "tick_labels")


def test_the_five_nearest_of_that_group_are_listed_with_where_they_lie() -> None:
    shown = page()
    table = value_of(shown.update(snapshot(what_if=THERE), RUNNING), part(shown, "nearest"), "value")
    mine = np.flatnonzero(DATA.group_values == 1)
    order = mine[np.argsort(np.abs(DATA.predictor_values[mine] - 1.21))][:5]
    names = [DATA.row_names[row] for row in order.tolist()]
    assert [part.split("</th>")[0] for part in table.split('<th scope="row">')[1:]] == names
    first = int(order[0])
    assert (
        f"<td>{DATA.targets[first]:.2f}</td><td>{rounded(WORDS, DATA.response_values[first])}</td><td>inside</td>"
        in table
    )
    narrow = WhatIf(Point(1.21, 1), normal(7.0, 1e-3), None)
    table = value_of(shown.update(snapshot(what_if=narrow), RUNNING), part(shown, "nearest"), "value")
    sides = ["above" if DATA.targets[row] > 7.0 else "below" for row in order]
    assert [part.split("<")[0] for part in table.split('<td class="rw-beyond">')[1:]] == sides


def test_without_a_logarithm_there_is_one_figure_and_the_response_as_it_is() -> None:
    data = awkward()
    shown = page(data)
    there = WhatIf(Point(0.5, 1), normal(-0.25, 1.0), normal(-0.2, 1.0))
    changes = shown.update(snapshot(what_if=there), RUNNING)
    assert len(figures(shown)) == 1
    text = value_of(changes, part(shown, "answer"), "value")
    assert f"between <b>\N{MINUS SIGN}{abs(there.guide.lower):.1f}</b>" in text
    assert "logarithm" not in text


def test_names_are_text_and_stay_so() -> None:
    shown = page(awkward())
    there = WhatIf(Point(0.5, 1), normal(-0.25, 1.0), None)
    changes = shown.update(snapshot(what_if=there), RUNNING)
    texts = [value_of(changes, part(shown, name), "value") for name in ("answer", "nearest")]
    texts += [part(shown, "what-if-name").value, *map(drawn.heading, figures(shown))]
    for tag in ("<b>x", "<i>g", "<u>b", "<s>y", "<em>who", "<q>"):
        assert all(tag not in text for text in texts)
    assert "&lt;q&gt;" in texts[1]
    assert "&lt;u&gt;b" in texts[0]


def test_every_frame_holds_the_same_arrays_with_and_without_an_exact_answer() -> None:
    shown = page()
    moments = [None, THERE, replace(THERE, exact=None), replace(THERE, point=Point(6.2))]
    kinds = [arrays(shown.update(snapshot(what_if=moment), RUNNING)) for moment in moments]
    assert all(kind == kinds[0] for kind in kinds)
    assert all(target in shown.targets for target, _ in shown.update(snapshot(what_if=THERE), RUNNING))


def test_the_exact_density_is_dashed_over_it_where_there_is_one_and_it_is_not_switched_off() -> None:
    shown = page()
    changes = shown.update(snapshot(what_if=THERE), RUNNING)
    exact = drawn.density(figures(shown)[0]).exact
    assert value_of(changes, exact, "y").tolist() == EXACT.density.tolist()
    assert value_of(changes, exact, "visible") is True
    changes = shown.update(snapshot(what_if=replace(THERE, exact=None)), RUNNING)
    assert value_of(changes, exact, "visible") is False
    shown.show_exact(False)
    assert value_of(shown.update(snapshot(what_if=THERE), RUNNING), exact, "visible") is False


def test_it_has_the_colour_of_its_group_and_the_mark_of_least_squares_on_the_line() -> None:
    shown = page()
    changes = shown.update(snapshot(what_if=THERE), RUNNING)
    first, second = (drawn.density(figure) for figure in figures(shown))
    assert value_of(changes, first.area, "colors") == ["var(--rw-inside)"]
    assert value_of(changes, first.estimate, "x") == pytest.approx([9.25 - 1.9 + 0.2 * 1.21])
    changes = shown.update(snapshot(what_if=replace(THERE, point=Point(1.21))), RUNNING)
    assert value_of(changes, second.area, "colors") == ["var(--rw-outside)"]
