"""Figures of data in any unit: the marks lie where they do in another unit, and a guide far from 0 is no point."""

from __future__ import annotations

import bqplot
import numpy as np
import pandas as pd
import pytest

from rugged_widget.regression.data.regression_data import RegressionData
from rugged_widget.regression.view.labels import subject_of
from rugged_widget.regression.view.panels import Panels
from rugged_widget.snapshot.snapshot import Density
from rugged_widget.view.figures.densities import NOWHERE, DensityFigure, is_point
from rugged_widget.view.i18n.catalogue import Catalogue
from tests.view import drawn

PROBS = (0.05, 0.25, 0.5, 0.75, 0.95)


def normal(mean: float, sd: float) -> Density:
    x = mean + sd * np.linspace(-4.0, 4.0, 128)
    height = np.exp(-0.5 * ((x - mean) / sd) ** 2) / (sd * np.sqrt(2 * np.pi))
    return Density(x, height, 0.5, mean - 1.645 * sd, mean, mean + 1.645 * sd, 0.9)


@pytest.mark.parametrize(("value", "spread"), [(1e9, 1.0), (1.7e9, 1e-3), (1e15, 10.0), (1e-14, 1e-20)])
def test_a_guide_that_is_narrow_beside_its_value_is_no_point(value: float, spread: float) -> None:
    assert not is_point(normal(value, spread))


@pytest.mark.parametrize("value", [2.5, 1e-300, 1e9, -1e15])
def test_draws_that_are_all_equal_are_a_point_whatever_rounding_adds(value: float) -> None:
    assert is_point(Density(np.arange(2.0), np.ones(2), 0.5, value, value, float(np.nextafter(value, np.inf)), 0.9))


@pytest.mark.parametrize("unit", [1e-14, 1e9, 1e15])
def test_a_density_is_drawn_alike_in_any_unit(unit: float) -> None:
    places = []
    for scale in (1.0, unit):
        figure = DensityFigure("rw-latent-0", "title")
        changes = figure.draw(normal(3.0 * scale, scale), normal(2.9 * scale, 1.2 * scale))
        low, high = drawn.bounds(changes, drawn.axis(figure.box))
        area = dict(changes)[drawn.density(figure.box).area]
        places.append((np.asarray(area["x"]) - low) / (high - low))
    assert places[1] == pytest.approx(places[0], abs=1e-9)


def test_an_exact_density_is_seen_before_the_guide_has_one() -> None:
    figure = DensityFigure("rw-latent-0", "title")
    low, high = drawn.bounds(figure.draw(NOWHERE, normal(1e-12, 1e-13)), drawn.axis(figure.box))
    assert 0.0 < low < 1e-12 < high < 2e-12


@pytest.mark.parametrize(("unit", "x_unit"), [(1e-14, 1e-6), (1e15, 1e9)])
def test_panels_are_drawn_alike_in_any_unit(unit: float, x_unit: float) -> None:
    shares = []
    for scale, x_scale in ((1.0, 1.0), (unit, x_unit)):
        x = np.arange(5.0, 17.0)
        frame = pd.DataFrame({"x": x * x_scale, "y": (40 + x % 5) * scale, "g": [0, 1] * 6})
        data = RegressionData.from_frame(frame, response="y", predictor="x", group="g")
        box = Panels(subject_of(data, PROBS), lambda: None, text=Catalogue()).boxes[0]
        points = drawn.mark(box, bqplot.Scatter, color="point")
        for side, values in (("bottom", points.x), ("left", points.y)):
            axis = drawn.axis(box, side)
            span = axis.scale.max - axis.scale.min
            ticks = (np.asarray(axis.tick_values) - axis.scale.min) / span
            shares.append(np.concatenate([(np.asarray(values) - axis.scale.min) / span, ticks]))
    assert shares[2] == pytest.approx(shares[0], abs=1e-9)
    assert shares[3] == pytest.approx(shares[1], abs=1e-9)


def test_a_response_that_does_not_vary_has_an_axis_around_it() -> None:
    frame = pd.DataFrame({"x": np.arange(8.0), "y": 1e15, "g": [0, 1] * 4})
    data = RegressionData.from_frame(frame, response="y", predictor="x", group="g")
    axis = drawn.axis(Panels(subject_of(data, PROBS), lambda: None, text=Catalogue()).boxes[0], "left")
    assert axis.scale.min < 1e15 < axis.scale.max
    assert len(set(axis.tick_labels.values())) == len(axis.tick_values) >= 2
