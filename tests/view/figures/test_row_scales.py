"""Which rows of the quantile figure share an axis, and what is written beside those that do not."""

from __future__ import annotations

import re
from types import SimpleNamespace

import bqplot
import numpy as np
import pandas as pd
import pytest

from rugged_widget.regression.data.regression_data import RegressionData
from rugged_widget.regression.view.labels import RegressionSubject, subject_of
from rugged_widget.snapshot.reference import ExactAnswer, Reference
from rugged_widget.snapshot.snapshot import Array, ElboCurve, Progress, Snapshot
from rugged_widget.view.figures.facts import Facts
from rugged_widget.view.figures.quantiles import QuantileFigure
from rugged_widget.view.figures.row_scales import row_scales
from rugged_widget.view.i18n.catalogue import Catalogue
from rugged_widget.view.subject import Row
from tests.view import drawn
from tests.view.references import reference_of

PROBS = (0.05, 0.25, 0.5, 0.75, 0.95)
Z = np.array([-1.645, -0.674, 0.0, 0.674, 1.645])
RUNNING = Progress("running", 1, 10, -5.0, 10.0)
LESSON = RegressionData.rugged()


def penguins(scale: float = 1.0, x_scale: float = 1.0) -> RegressionData:
    """Return body masses in grams on flipper lengths in mm, in other units."""
    random, count = np.random.default_rng(1), 333
    male = random.integers(0, 2, count)
    x = random.normal(200 + 3 * male, 13)
    y = -5400 + 47 * x + 350 * male + random.normal(0, 340, count)
    table = pd.DataFrame({"mass": y * scale, "flipper": x * x_scale, "sex": np.where(male, "m", "f")})
    return RegressionData.from_frame(table, response="mass", predictor="flipper", group="sex")


def snapshot_of(quantiles: dict[str, Array]) -> Snapshot:
    nothing = np.zeros(0)
    return Snapshot(
        step=1,
        elbo=-5.0,
        learning_rate=0.03,
        num_rows=3,
        curve=ElboCurve(nothing, nothing, nothing),
        probs=PROBS,
        quantiles=quantiles,
    )


def figure_of(data: RegressionData) -> tuple[QuantileFigure, RegressionSubject, Reference]:
    subject, reference = subject_of(data, PROBS, Catalogue()), reference_of(data)
    return QuantileFigure(subject, reference, text=subject.text), subject, reference


def test_the_lesson_s_rows_share_an_axis_in_units_of_their_own() -> None:
    scales = row_scales(subject_of(LESSON, PROBS).rows, PROBS, reference_of(LESSON))
    assert not scales.own
    assert scales.center.tolist() == [0, 0, 0, 9, 0]
    assert scales.unit.tolist() == [1] * 5


@pytest.mark.parametrize(("scale", "x_scale"), [(1.0, 1.0), (1e-15, 1e-12), (1e9, 1e9), (1.0, 1e-6)])
def test_rows_of_very_different_width_have_scales_of_their_own_in_any_unit(scale: float, x_scale: float) -> None:
    figure, _, reference = figure_of(penguins(scale, x_scale))
    assert reference.exact is not None
    exact = figure.values(reference.exact.quantiles)
    assert exact == pytest.approx(np.repeat(Z[:, None], 5, axis=1), abs=2e-3)


def test_without_an_exact_posterior_the_rows_share_an_axis() -> None:
    rows = (Row("a", (), "a"), Row("b", (), "b", 2.0))
    for reference in (None, Reference(estimates={"a": np.array(1e9), "b": np.array(1e-9)})):
        scales = row_scales(rows, PROBS, reference)
        assert not scales.own
        assert scales.places(np.array([1.0, 5.0])).tolist() == [1.0, 3.0]


def test_a_row_that_is_a_point_does_not_spoil_the_axis_of_the_others() -> None:
    rows = (Row("a", (), "a"), Row("b", (), "b"))
    quantiles = {"a": np.full(5, 3.0), "b": np.arange(5.0)}
    reference = Reference(estimates={}, exact=ExactAnswer(log_evidence=0.0, quantiles=quantiles, marginals={}))
    assert not row_scales(rows, PROBS, reference).own


def test_each_row_with_a_scale_of_its_own_has_its_median_and_interval_beside_it() -> None:
    figure, subject, reference = figure_of(penguins())
    assert reference.exact is not None
    values = dict(figure.update(snapshot_of(dict(reference.exact.quantiles)), RUNNING))
    written = str(values[drawn.part(figure.box, "rw-row-values")]["value"])
    lines = re.findall(r"<b>(.+?)</b><span>\[(.+?), (.+?)\]</span>", written)
    numbers = [[float(part.replace("\N{MINUS SIGN}", "-").replace(",", "")) for part in line] for line in lines]
    for (median, low, high), row in zip(numbers, subject.rows, strict=True):
        exact = [float(np.asarray(value)[row.index]) for value in reference.exact.quantiles[row.site]]
        assert (low, median, high) == pytest.approx((exact[0], exact[2], exact[4]), abs=0.06 * (exact[4] - exact[0]))
        assert low < median < high
    assert all("\N{MINUS SIGN} " not in row for row in drawn.axis(figure.box, "left").tick_labels.values())
    assert drawn.axis(figure.box).label == "standard deviations from the exact median"


def test_a_large_value_keeps_the_digits_that_its_interval_needs() -> None:
    rows = (Row("a", (), "a"), Row("b", (), "b"))
    quantiles = {"a": 1.7e9 + Z, "b": 1e-14 * (3 + Z)}
    reference = Reference(estimates={}, exact=ExactAnswer(log_evidence=0.0, quantiles=quantiles, marginals={}))
    scales = row_scales(rows, PROBS, reference)
    told = np.stack([quantiles["a"], quantiles["b"]], axis=1)
    assert scales.told(Catalogue(), told, 0) == ("1,700,000,000.0", "\N{PLUS-MINUS SIGN} 1.6")
    assert scales.told(Catalogue(), told, 1)[0].startswith("3.0")


def test_least_squares_far_from_the_exact_answer_leave_room_for_it() -> None:
    rows = (Row("a", (), "a"), Row("b", (), "b"))
    quantiles = {"a": 1.0 + 0.1 * Z, "b": 1e-3 * (3 + Z)}
    estimates = {"a": np.array(380.0), "b": np.array(3.1e-3)}
    reference = Reference(estimates=estimates, exact=ExactAnswer(log_evidence=0.0, quantiles=quantiles, marginals={}))
    figure = QuantileFigure(SimpleNamespace(rows=rows, probs=PROBS), reference, text=Catalogue())  # type: ignore[arg-type]
    low, high = figure._compared
    assert -2.0 < low < -1.6
    assert 1.6 < high < 2.0


def test_zero_is_marked_once_or_in_every_row() -> None:
    lesson, _, _ = figure_of(LESSON)
    own, _, reference = figure_of(penguins())
    (line,) = [mark for mark in drawn.marks(lesson.box, bqplot.Lines, color="muted") if mark.stroke_width == 1.0]
    assert np.ravel(line.x).tolist() == [0.0, 0.0]
    (strokes,) = [mark for mark in drawn.marks(own.box, bqplot.Lines, color="muted") if mark.stroke_width == 1.0]
    zero = {site: np.zeros_like(value)[np.newaxis] for site, value in reference.estimates.items()}
    assert np.asarray(strokes.x)[:, 0] == pytest.approx(own.values(zero)[0])


@pytest.mark.parametrize(("scale", "x_scale"), [(1e-15, 1e-12), (1e12, 1e9)])
def test_a_table_in_other_units_is_drawn_alike(scale: float, x_scale: float) -> None:
    places = []
    for data in (penguins(), penguins(scale, x_scale)):
        figure, _, reference = figure_of(data)
        assert reference.exact is not None
        changes = figure.update(snapshot_of(dict(reference.exact.quantiles)), RUNNING)
        low, high = drawn.bounds(changes, drawn.axis(figure.box))
        medians = dict(changes)[drawn.mark(figure.box, bqplot.Scatter, color="background")]["x"]
        places.append((np.asarray(medians) - low) / (high - low))
    assert places[1] == pytest.approx(places[0], abs=1e-6)


def test_the_explanation_says_where_rows_have_scales_of_their_own() -> None:
    said = []
    for data in (LESSON, penguins()):
        subject, reference = subject_of(data, PROBS), reference_of(data)
        assert reference.exact is not None
        facts = Facts(subject, reference, Catalogue())("quantiles", snapshot_of(dict(reference.exact.quantiles)))
        said.append("own" in [key for key, _ in facts])
    assert said == [False, True]
