"""The lesson's fit: its snapshots are of their moment and change nothing."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from rugged_widget.regression.data.regression_data import RegressionData
from rugged_widget.regression.infer.fit import RegressionFit
from rugged_widget.regression.snapshot import Point, RegressionRequest, RegressionSnapshot
from rugged_widget.snapshot.request import SnapshotRequest
from tests.infer.plain import FAMILIES, RUGGED, PlainLoop


@pytest.fixture(scope="module")
def trained() -> RegressionFit:
    fit = RegressionFit(RUGGED, seed=1)
    fit.advance(1500)
    return fit


def test_the_slopes_of_a_snapshot_are_those_of_the_draws(trained: RegressionFit) -> None:
    slopes = trained.slopes()
    assert list(slopes.columns) == ["Outside Africa", "Inside Africa"]
    assert slopes.shape == (800, 2)
    outside, inside = trained.snapshot().slopes
    # By formula there, by 800 draws here.
    assert outside.prob_positive == pytest.approx((slopes["Outside Africa"] > 0).mean(), abs=0.03)
    assert inside.prob_positive == pytest.approx((slopes["Inside Africa"] > 0).mean(), abs=0.03)


@pytest.mark.parametrize("name", FAMILIES)
@pytest.mark.parametrize(("engine", "rounding"), [("plain", 0.0), pytest.param("graph", 1e-4, marks=pytest.mark.slow)])
def test_any_number_of_snapshots_and_tables_changes_no_later_step(name: str, engine: str, rounding: float) -> None:
    fit = RegressionFit(RUGGED, guide=name, engine=engine)
    for count in (1, 2, 3):
        for _ in range(count):
            fit.snapshot()
        fit.slopes(5), fit.quantiles([0.1]), fit.param_store()
        fit.advance(4)
    assert fit.engine.name == engine
    losses = (-fit.history()["elbo"]).tolist()
    assert losses == pytest.approx(PlainLoop(FAMILIES[name]).step(12), rel=rounding, abs=0.0)


def test_a_snapshot_before_the_first_step_shows_where_the_guide_begins() -> None:
    fit = RegressionFit(RUGGED)
    snapshot = fit.snapshot()
    assert (snapshot.step, snapshot.learning_rate, snapshot.num_rows) == (0, 0.03, 170)
    assert np.isnan(snapshot.elbo)
    assert snapshot.curve.step.shape == (0,)
    plain = PlainLoop(FAMILIES["diagonal"])
    plain.step()
    start = plain.guide.prototype_trace.nodes["linear.bias"]["value"]
    assert snapshot.quantiles["linear.bias"][2] == pytest.approx(start.numpy(), abs=1e-5)


def test_a_snapshot_is_of_its_moment() -> None:
    fit = RegressionFit(RUGGED, probs=(0.1, 0.9), num_draws=50)
    fit.advance(10)
    snapshot = fit.snapshot()
    fit.learning_rate = 0.01
    kept = {site: value.copy() for site, value in snapshot.quantiles.items()}
    fit.advance(10)
    assert isinstance(snapshot, RegressionSnapshot)
    assert (snapshot.step, snapshot.learning_rate, snapshot.probs) == (10, 0.03, (0.1, 0.9))
    assert snapshot.elbo == fit.history()["elbo"][9]
    assert snapshot.curve.elbo.tolist() == fit.history()["elbo"][:10].tolist()
    assert all(np.array_equal(kept[site], value) for site, value in snapshot.quantiles.items())
    assert all(np.array_equal(fit.quantiles([0.1, 0.9])[s], v) for s, v in fit.snapshot().quantiles.items())


@pytest.mark.slow  # trains or integrates for seconds
@pytest.mark.parametrize("groups", [("cheap", "dear"), (False, True)])
def test_any_table_with_two_groups_can_be_fitted(groups: tuple[Any, Any]) -> None:
    rng = np.random.default_rng(3)
    group, x = rng.integers(0, 2, 40), rng.normal(size=40)
    frame = pd.DataFrame({"x": x, "kind": [groups[g] for g in group], "y": 1 + group + (0.5 - group) * x})
    fit = RegressionFit(RegressionData.from_frame(frame, predictor="x", group="kind", response="y"), learning_rate=0.1)
    fit.advance(250)
    snapshot = fit.snapshot()
    assert snapshot.num_rows == 40
    assert fit.slopes().columns.tolist() == [f"kind = {groups[0]}", f"kind = {groups[1]}"]
    assert fit.slopes().median().tolist() == pytest.approx([0.5, -0.5], abs=0.25)


def test_a_fit_says_where_it_is() -> None:
    fit = RegressionFit(RUGGED)
    fit.advance(2)
    assert repr(fit) == f"RegressionFit(step=2, elbo={fit.elbo:.2f}, learning_rate=0.03)"


def test_a_prediction_at_a_point_is_the_line_and_the_noise_of_the_draws(trained: RegressionFit) -> None:
    trained.request = RegressionRequest(what_if=Point(2.0, 1))
    found, trained.request = trained.snapshot().what_if, SnapshotRequest()
    assert found is not None
    assert found.point == Point(2.0, 1)
    summary = trained.quantiles([0.5])
    africa, rugged, product = summary["linear.weight"][0, 0]
    median = summary["linear.bias"][0, 0] + africa + 2 * (rugged + product)
    assert found.guide.median == pytest.approx(median, abs=0.02)
    sigma = summary["sigma"][0]
    assert found.guide.upper - found.guide.lower == pytest.approx(2 * 1.645 * sigma, rel=0.05)
    assert found.exact is not None
    assert found.exact.median == pytest.approx(median, abs=0.2)
