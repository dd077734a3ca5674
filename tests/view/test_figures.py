"""What the figures make of a snapshot, without a page."""

from __future__ import annotations

import dataclasses
import math
import re

import numpy as np
import pytest

from rugged_widget.datasets import RegressionData
from rugged_widget.infer.lesson import RegressionFit
from rugged_widget.snapshot import Progress, Snapshot
from rugged_widget.view.chart import Ruler
from rugged_widget.view.elbo import ElboFigure
from rugged_widget.view.panels import Panels
from rugged_widget.view.quantiles import QuantileFigure, Row
from rugged_widget.view.slopes import SlopeFigure
from rugged_widget.view.story import story_of

STORY = story_of(RegressionData.rugged(), (0.05, 0.25, 0.5, 0.75, 0.95))
RUNNING = Progress("running", 40, 1500, -500.0, 150.0)


@pytest.fixture(scope="module")
def snapshots() -> dict[int, Snapshot]:
    fit = RegressionFit(RegressionData.rugged())
    found = {0: fit.snapshot()}
    for step in (1, 40, 700):
        fit.advance(step - fit.step)
        found[step] = fit.snapshot()
    return found


def figures() -> dict[str, ElboFigure | QuantileFigure | Panels | SlopeFigure]:
    return {
        "elbo": ElboFigure(1500, "countries", lambda: None),
        "quantiles": QuantileFigure(STORY.rows, STORY.probs),
        "panels": Panels(
            STORY.groups, STORY.grid, x_label="x", y_label="y", row_noun="countries", on_mode=lambda: None
        ),
        "slopes": SlopeFigure(["Outside", "Inside"], "slope", "because"),
    }


@pytest.mark.parametrize("name", ["elbo", "quantiles", "panels", "slopes"])
def test_every_frame_holds_the_same_arrays_and_only_finite_numbers(name: str, snapshots: dict[int, Snapshot]) -> None:
    figure = figures()[name]
    kinds = []
    for snapshot in snapshots.values():
        changes = figure.update(snapshot, RUNNING)
        assert {id(target) for target, _ in changes} <= {id(target) for target in figure.targets}
        arrays = [
            (id(target), trait, value)
            for target, values in changes
            for trait, value in values.items()
            if isinstance(value, np.ndarray)
        ]
        assert all(np.isfinite(value).all() for _, _, value in arrays)
        kinds.append([(target, trait, value.ndim) for target, trait, value in arrays])
    assert all(kind == kinds[0] for kind in kinds)


def values_of(figure: object, snapshot: Snapshot, target: object) -> dict[str, object]:
    found: dict[str, object] = {}
    for widget, values in figure.update(snapshot, RUNNING):  # type: ignore[attr-defined]
        if widget is target:
            found |= values
    return found


def test_the_elbo_is_total_or_per_observation(snapshots: dict[int, Snapshot]) -> None:
    figure = ElboFigure(1500, "countries", lambda: None)
    total = values_of(figure, snapshots[40], figure._raw)["y"]
    figure.unit.value = "observation"
    per_row = values_of(figure, snapshots[40], figure._raw)["y"]
    assert per_row == pytest.approx(np.asarray(total) / 170)
    assert figure._y.axis.label == "nats per observation"


def test_rows_are_named_after_the_columns_and_the_bias_is_brought_near() -> None:
    captions = [row.caption for row in STORY.rows]
    product, minus = "\N{MULTIPLICATION SIGN}", "\N{MINUS SIGN}"
    assert captions == ["cont_africa", "rugged", f"cont_africa {product} rugged", f"bias {minus} 9", "sigma"]
    assert Row("bias", (), "bias", -3.0).caption == "bias + 3"


def test_quantiles_are_drawn_less_their_offset(snapshots: dict[int, Snapshot]) -> None:
    figure = QuantileFigure(STORY.rows, STORY.probs)
    median = values_of(figure, snapshots[700], figure._median)["x"]
    assert np.asarray(median)[3] == pytest.approx(snapshots[700].quantiles["linear.bias"][2, 0] - 9)


def test_a_panel_says_where_a_band_is_that_cannot_be_seen(snapshots: dict[int, Snapshot]) -> None:
    panels = figures()["panels"]
    assert isinstance(panels, Panels)
    note = panels._panels[0]._note
    assert "the band is below this view" in str(values_of(panels, snapshots[0], note)["value"])
    text = str(values_of(panels, snapshots[700], note)["value"])
    found = re.fullmatch(r"in the 90 % bands: line (\d+) of 121, prediction (\d+)", text)
    assert found is not None
    assert int(found[1]) < 40  # a 90 % band of new observations holds most, that of the line few
    assert int(found[2]) > 90


def test_the_card_answers_in_words_once_there_is_an_answer(snapshots: dict[int, Snapshot]) -> None:
    figure = SlopeFigure(["<Outside>", "Inside"], "slope", "a < b")
    assert "Not trained yet" in str(values_of(figure, snapshots[0], figure._card)["value"])
    words = str(values_of(figure, snapshots[700], figure._card)["value"])
    slope = snapshots[700].slopes[0]
    assert "&lt;Outside&gt;" in words
    assert "a &lt; b" in words
    assert f"{abs(slope.median):.2f}" in words
    assert "falls with probability" in words


def test_the_format_of_ticks_goes_before_them() -> None:
    ruler = Ruler("x", -1.0, 1.0)  # bqplot draws ticks in the format that it knows when it learns of them
    changes = dict(ruler.cover(-30.0, 30.0))
    assert list(changes[ruler.axis]) == ["tick_format", "tick_values"]


def test_a_run_that_goes_far_out_still_has_axes(snapshots: dict[int, Snapshot]) -> None:
    far = dataclasses.replace(
        snapshots[40], quantiles={site: value * 1e12 for site, value in snapshots[40].quantiles.items()}
    )
    figure = QuantileFigure(STORY.rows, STORY.probs)
    figure.update(far, RUNNING)
    assert math.isfinite(figure._x._domain.low)
    assert figure._x._domain.high > 1e12
