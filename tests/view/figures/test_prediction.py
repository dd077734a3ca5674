"""The figure of predictions: bands, points, axes, and what is said of them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import bqplot
import numpy as np
import pytest

from rugged_widget.snapshot.dates import Dates
from rugged_widget.snapshot.model_values import INDEX, Prediction
from rugged_widget.snapshot.snapshot import ElboCurve, Progress, Snapshot
from rugged_widget.snapshot.values import Band
from rugged_widget.view.figures.explanation import Explanation
from rugged_widget.view.figures.prediction import PredictionFigure, prediction_facts
from rugged_widget.view.i18n.catalogue import LANGUAGES, Catalogue
from tests.view import drawn

NOTHING = ElboCurve(np.zeros(0), np.zeros(0), np.zeros(0))
RUNNING = Progress("running", 5, 100, -5.0, 10.0)
X = np.linspace(0.0, 4.0, 9)


def band(half: float, prob: float) -> Band:
    return Band(X, X - half, X, X + half, prob)


def prediction(title: str = "y", **more: Any) -> Prediction:
    given = {"bands": (band(1.0, 0.9), band(0.4, 0.5)), "num_draws": 50, "x_label": "time"}
    return Prediction(title, X, X, **{**given, **more})


def snapshot(*predictions: Prediction) -> Snapshot:
    known = {"step": 5, "elbo": -5.0, "learning_rate": 0.01, "num_rows": 1, "curve": NOTHING, "probs": (0.5,)}
    return Snapshot(**known, quantiles={}, predictions=predictions)


def shown(figure: PredictionFigure, *predictions: Prediction) -> None:
    """Let a frame change the figure."""
    for target, values in figure.update(snapshot(*predictions), RUNNING):
        target.keep(values)


def figure_of(*titles: str, language: str = "en") -> PredictionFigure:
    return PredictionFigure(titles, text=Catalogue(language))


def lines(root: Any) -> list[Any]:
    """Return the bands of new observations, the wide and the narrow one, and the median."""
    return drawn.marks(root, bqplot.Lines)


def test_bands_median_and_points_are_drawn() -> None:
    figure = figure_of("y")
    given = prediction(observations=band(2.0, 0.9), points=(X[:3], X[:3] + 0.5))
    shown(figure, given)
    new, wide, narrow, median = lines(figure.boxes[0])
    for mark, half in ((new, 2.0), (wide, 1.0), (narrow, 0.4)):
        np.testing.assert_array_equal(mark.y, [X - half, X + half])
    np.testing.assert_array_equal(median.y, X)
    (points,) = drawn.marks(figure.boxes[0], bqplot.Scatter)
    np.testing.assert_array_equal(points.y, X[:3] + 0.5)


def test_what_there_is_not_lies_out_of_sight_and_is_finite() -> None:
    figure = figure_of("y")
    shown(figure, prediction())
    new, *_ = lines(figure.boxes[0])
    (points,) = drawn.marks(figure.boxes[0], bqplot.Scatter)
    lowest = new.scales["y"].min
    for mark in (new, points):
        assert np.isfinite(mark.y).all()
        assert (np.asarray(mark.y) < lowest).all()
        assert np.abs(mark.y).max() < 1e6


def test_the_axis_does_not_follow_a_band_far_from_the_points() -> None:
    figure = figure_of("y")
    points = (X, X)
    shown(figure, prediction(bands=(band(500.0, 0.9), band(200.0, 0.5)), points=points))
    scale = lines(figure.boxes[0])[0].scales["y"]
    assert -5.0 <= scale.min < 0.0
    assert 4.0 < scale.max <= 10.0
    shown(figure, prediction(points=points))
    assert scale.min <= -1.0
    assert scale.max >= 5.0


def test_a_failure_is_said_as_plain_text_in_place_of_the_bands() -> None:
    figure = figure_of("y")
    shown(figure, prediction())
    empty = np.zeros(0)
    failed = Prediction("", empty, empty, (), 0, problem="ValueError: <script>")
    shown(figure, failed)
    problem = drawn.part(figure.boxes[0], "rw-prediction-problem").value
    assert "ValueError: &lt;script&gt;" in problem
    assert "<script>" in figure.sentence(snapshot(failed))
    for mark in lines(figure.boxes[0]):
        assert (np.asarray(mark.y) < mark.scales["y"].min).all()
    shown(figure, prediction())
    assert drawn.part(figure.boxes[0], "rw-prediction-problem").value == ""


def test_each_panel_has_the_prediction_of_its_title() -> None:
    figure = figure_of("one", "two", "three")
    assert [("rw-wide" in drawn.classes(box)) for box in figure.boxes] == [False, False, True]
    shown(figure, prediction("two"))
    assert [len(lines(box)[-1].y) for box in figure.boxes] == [2, len(X), 2]
    assert list(figure.labels) == ["rw-prediction-0", "rw-prediction-1", "rw-prediction-2"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_it_says_what_the_bands_are_and_names_the_axis(language: str) -> None:
    text = Catalogue(language)
    figure = PredictionFigure(["<y>"], text=text)
    shown(figure, prediction("<y>", observations=band(2.0, 0.9), x_label=INDEX))
    about = drawn.part(figure.boxes[0], "rw-prediction-about").value
    assert all(number in about for number in ("50", "90"))
    axis = figure.boxes[0].children[1].children[0].axes[0]
    assert axis.label == text("prediction.index")
    assert "&lt;y&gt;" in drawn.heading(figure.boxes[0])
    assert "0" in figure.sentence(snapshot(prediction("<y>")))
    assert figure.request().predictions


def test_nothing_changes_where_a_snapshot_has_no_prediction() -> None:
    figure = figure_of("y")
    assert figure.update(snapshot(), RUNNING) == []
    assert figure.sentence(snapshot()) == ""


def test_the_explanation_says_only_what_is_to_be_seen() -> None:
    bare = [key for key, _ in prediction_facts("prediction", snapshot(prediction()))]
    full = replace(prediction(), observations=band(2.0, 0.9), points=(X, X))
    assert bare == ["what", "draws"]
    assert [key for key, _ in prediction_facts("prediction", snapshot(full))] == ["what", "new", "points", "draws"]
    for language in LANGUAGES:
        explanation = Explanation(Catalogue(language), "prediction", prediction_facts)
        ((panel, values),) = explanation.update(snapshot(full), RUNNING)
        assert panel is explanation.panel
        assert str(values["value"]).count("<p>") == 4


def test_dates_are_ticks_of_the_axis_and_stand_in_the_sentence() -> None:
    figure = figure_of("y")
    shown(figure, prediction())
    (chart,) = [widget for widget in drawn.widgets(figure.boxes[0]) if isinstance(widget, bqplot.Figure)]
    axis = chart.axes[0]
    assert "2" in axis.tick_labels.values()
    dates = Dates(np.datetime64("2020-01-01", "us"), "year")
    shown(figure, prediction(dates=dates))
    assert {"2021", "2022", "2023"} <= set(axis.tick_labels.values())
    assert "at 2020-01-01" in figure.sentence(snapshot(prediction(dates=dates)))
    shown(figure, prediction())
    assert [axis.tick_labels[str(value)] for value in (1, 2)] == ["1", "2"]
