"""The still picture: its ends and margins follow the data."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest

from rugged_widget.regression.data.regression_data import RegressionData
from rugged_widget.regression.snapshot import RegressionSnapshot
from rugged_widget.regression.view.labels import subject_of
from rugged_widget.regression.view.static_html import CHARACTER, still
from rugged_widget.snapshot.snapshot import Band, Density, ElboCurve
from rugged_widget.view.figures.axis_range import text_width
from rugged_widget.view.i18n.catalogue import Catalogue

PROBS = (0.05, 0.25, 0.5, 0.75, 0.95)


def picture(scale: float, offset: float = 0.0) -> str:
    x = np.arange(12.0)
    table = pd.DataFrame({"x": x * 10, "y": offset + scale * (x % 5), "g": [0, 1] * 6})
    data = RegressionData.from_frame(table, response="y", predictor="x", group="g")
    grid = data.grid()
    level = np.full_like(grid, offset + scale)
    band = Band(grid, level, level, level, 0.9)
    slope = Density(np.linspace(-1.0, 1.0, 9), np.ones(9), 0.5, -1.0, 0.0, 1.0, 0.9)
    snapshot = RegressionSnapshot(
        step=1,
        elbo=-1.0,
        learning_rate=0.1,
        num_rows=12,
        curve=ElboCurve(np.ones(1), np.ones(1), np.ones(1)),
        probs=PROBS,
        quantiles={},
        bands={"line": (band, band)},
        slopes=(slope, slope),
    )
    text = Catalogue()
    return still(subject_of(data, PROBS, text), snapshot, "finished", text=text)


def circles(html: str) -> list[tuple[float, float]]:
    return [(float(x), float(y)) for x, y in re.findall(r'<circle cx="(.+?)" cy="(.+?)"', html)]


@pytest.mark.parametrize("scale", [1e-14, 1e-3, 1e9, 1e15])
def test_a_table_in_another_unit_has_the_same_heights(scale: float) -> None:
    heights = [[y for _, y in circles(picture(unit))] for unit in (1.0, scale)]
    assert heights[1] == pytest.approx(heights[0], abs=0.11)
    assert max(heights[1]) - min(heights[1]) > 100


@pytest.mark.parametrize(("scale", "offset"), [(1.0, 0.0), (1e-14, 0.0), (-3e4, 0.0), (0.01, 1e6), (1e15, 0.0)])
def test_no_tick_is_cut_off(scale: float, offset: float) -> None:
    html = picture(scale, offset)
    texts = re.findall(r'<text x="([\d.]+)" y="[\d.]+" text-anchor="(end|middle)">([^<]+)</text>', html)
    assert len(texts) > 10
    for x, anchor, text in texts:
        width = CHARACTER * text_width(text)
        start = float(x) - (width if anchor == "end" else width / 2)
        assert start >= 0 or "(" in text or text == "x"
        assert start + width <= 380


def test_what_is_taken_out_of_the_ticks_is_told() -> None:
    assert "y (1,000,000 + \N{HORIZONTAL ELLIPSIS})" in picture(0.01, 1e6)
    assert ">y (\N{MULTIPLICATION SIGN} 10⁻¹⁵)<" in picture(1e-14)
