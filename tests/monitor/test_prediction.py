"""What `predict=` of `watch` computes, draws and refuses."""

from __future__ import annotations

import asyncio
from contextlib import closing
from typing import TYPE_CHECKING, Any

import bqplot
import numpy as np
import pandas as pd
import pyro
import pyro.distributions as dist
import pytest
import torch
from pyro.contrib import gp
from pyro.infer.autoguide import AutoNormal

from rugged_widget import ModelWidget, watch
from rugged_widget.infer.step.transfer import Transfer
from rugged_widget.monitor.infer.predict_form import SitePrediction
from rugged_widget.monitor.infer.prediction import Predictor
from rugged_widget.monitor.infer.site_prediction import SitePredictor
from rugged_widget.snapshot.model_values import INDEX, Prediction
from tests.monitor.watched import losses
from tests.view import drawn

if TYPE_CHECKING:
    from collections.abc import Callable

X = torch.linspace(-2.0, 2.0, 30)
Y = 1.0 + 0.7 * X + 0.3 * torch.sin(7.0 * X)
GRID = torch.linspace(-3.0, 3.0, 25)
ALONE = {"seed": 3, "engine": "plain", "num_steps": 5}


def line(x: torch.Tensor, y: torch.Tensor | None = None) -> None:
    a, b = (pyro.sample(name, dist.Normal(0.0, 2.0)) for name in "ab")
    mean = pyro.deterministic("mean", a + b * x)
    with pyro.plate("rows", len(x)):
        pyro.sample("y", dist.Normal(mean, 0.3), obs=y)


def lines(draws: dict[str, torch.Tensor]) -> torch.Tensor:
    return draws["a"][:, None] + draws["b"][:, None] * GRID


def predicted(predict: Any, model: Callable[..., Any] = line, *args: Any) -> tuple[Prediction, ...]:
    """Return the predictions of a model, of the line where no arguments are given."""
    pyro.clear_param_store()
    with closing(watch(model, None, *(args or (X, Y)), predict=predict, **ALONE)) as monitor:
        return monitor.snapshot.predictions


def test_a_function_of_the_draws_and_a_site_predict_the_same() -> None:
    own = predicted(lambda draws: (GRID, lines(draws), (X, Y)))[0]
    mean = predicted(("mean", {"x": GRID}))[0]
    response = predicted(("y", (GRID, None)))[0]
    assert (own.title, mean.title, response.title) == ("", "mean", "y")
    for other in (mean, response):
        assert other.x_label == "x"
        np.testing.assert_allclose(other.x, GRID)
        if other.num_draws == own.num_draws:
            np.testing.assert_allclose(other.median, own.median, rtol=1e-5, atol=1e-5)
    assert mean.observations is None
    assert [band.prob for band in response.bands] == [0.9, 0.5]


def test_a_new_observation_scatters_more_than_the_mean() -> None:
    prediction = predicted(("y", (GRID, None)))[0]
    wide, new = prediction.bands[0], prediction.observations
    assert new is not None
    assert new.prob == 0.9
    assert (new.upper - new.lower > wide.upper - wide.lower).all()


def test_the_observed_values_of_the_site_are_points() -> None:
    points = predicted(("y", (GRID, None)))[0].points
    assert points is not None
    np.testing.assert_allclose(points, (X, Y), rtol=1e-6)


def test_points_of_a_function_are_kept_and_a_grid_is_put_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Predictor.__init__, "__defaults__", (lambda: 0.0,))  # as many draws, however slow the machine
    backwards = GRID.flip(0)
    prediction = predicted(lambda draws: (backwards, lines(draws).flip(1), (X.numpy(), Y.tolist())))[0]
    np.testing.assert_allclose(prediction.x, GRID)
    np.testing.assert_allclose(prediction.median, predicted(lambda draws: (GRID, lines(draws)))[0].median)
    assert prediction.points is not None


@pytest.mark.parametrize("zone", [None, "Asia/Seoul"])
def test_a_grid_and_points_of_dates_share_an_axis_of_dates(zone: str | None) -> None:
    days = pd.date_range("2020-01-01", periods=30, tz=zone, name="day")
    prediction = predicted(lambda draws: (days[:25], lines(draws), (days, Y)))[0]
    assert prediction.dates is not None
    assert prediction.x_label == "day"
    assert prediction.points is not None
    np.testing.assert_allclose(prediction.x, np.arange(25.0))
    np.testing.assert_allclose(prediction.points[0], np.arange(30.0))
    assert prediction.dates.text(24.0) == "2020-01-25"


@pytest.mark.parametrize(
    "months",
    [
        pd.period_range("2020-01", periods=25, freq="M"),
        np.arange("2020-01", "2022-02", dtype="datetime64[M]"),
        [moment.to_pydatetime() for moment in pd.date_range("2020-01-01", periods=25, freq="MS")],
    ],
    ids=["periods", "array", "list"],
)
def test_every_kind_of_date_is_one(months: Any) -> None:
    prediction = predicted(lambda draws: (months, lines(draws)))[0]
    assert prediction.dates is not None
    assert [prediction.dates.text(float(prediction.x[end])) for end in (0, -1)] == ["2020-01-01", "2022-01-01"]


def test_the_name_of_a_series_is_that_of_the_axis() -> None:
    prediction = predicted(lambda draws: (pd.Series(GRID.numpy(), name="height, m"), lines(draws)))[0]
    assert (prediction.x_label, prediction.dates) == ("height, m", None)


def test_as_many_draws_are_taken_at_rest_as_cost_hardly_more_than_the_fewest(monkeypatch: pytest.MonkeyPatch) -> None:
    seconds = [0.0]
    monkeypatch.setattr(Predictor.__init__, "__defaults__", (lambda: seconds[0],))

    def num_draws(cost: Callable[[int], float]) -> int:
        def slow(draws: dict[str, torch.Tensor]) -> Any:
            seconds[0] += cost(len(draws["a"]))
            return GRID, lines(draws)

        return predicted(slow)[0].num_draws

    assert num_draws(lambda count: 0.15 + 0.0001 * count) == 400
    assert num_draws(lambda count: 0.15 + 0.001 * count) == 100
    assert num_draws(lambda count: 0.01 * count) == 20
    assert num_draws(lambda _count: 3.0) == 20


def test_a_function_that_draws_by_itself_returns_as_many_curves_as_it_likes() -> None:
    assert predicted(lambda draws: (GRID, lines(draws)[:1] + torch.randn(70, 1)))[0].num_draws == 70


def test_a_dict_has_a_prediction_for_each_title() -> None:
    predictions = predicted(lambda draws: {"line": (GRID, lines(draws)), "slope": (GRID, lines(draws) - lines(draws))})
    assert [prediction.title for prediction in predictions] == ["line", "slope"]


def test_counts_without_a_grid_are_drawn_over_their_index() -> None:
    def counts(size: int, values: torch.Tensor | None = None) -> None:
        rate = pyro.sample("rate", dist.Gamma(3.0, 1.0))
        with pyro.plate("rows", size):
            pyro.sample("count", dist.Poisson(rate), obs=values)

    prediction = predicted(("count", (6,)), counts, 6, torch.ones(6))[0]
    assert prediction.x_label == INDEX
    np.testing.assert_array_equal(prediction.x, np.arange(6))
    assert prediction.observations is not None
    assert prediction.points is not None


def test_observed_values_are_not_drawn_over_themselves() -> None:
    def level(y: torch.Tensor, x: torch.Tensor | None = None) -> None:
        a = pyro.sample("a", dist.Normal(0.0, 1.0))
        with pyro.plate("rows", len(y)):
            pyro.sample("y", dist.Normal(a if x is None else a + x, 0.1), obs=y)

    assert predicted(("y", (Y,)), level, Y)[0].x_label == INDEX
    assert predicted(("y", (Y, X)), level, Y, X)[0].x_label == "x"


def test_a_site_without_a_mean_is_drawn() -> None:
    def robust(x: torch.Tensor, y: torch.Tensor | None = None) -> None:
        a = pyro.sample("a", dist.Normal(0.0, 1.0))
        with pyro.plate("rows", len(x)):
            pyro.sample("y", dist.Cauchy(a + x, 0.1), obs=y)

    prediction = predicted(("y", (GRID, None)), robust, X, Y)[0]
    assert not prediction.problem
    assert prediction.observations is None


def test_a_model_that_branches_on_a_value_is_called_once_a_draw() -> None:
    def branching(x: torch.Tensor, y: torch.Tensor | None = None) -> None:
        a = pyro.sample("a", dist.Normal(0.0, 1.0))
        mean = x * a if float(a) > 0 else x - a
        with pyro.plate("rows", len(x)):
            pyro.sample("y", dist.Normal(mean, 0.1), obs=y)

    prediction = predicted(("y", (GRID, None)), branching, X, Y)[0]
    assert not prediction.problem
    assert prediction.num_draws >= 20


def test_a_model_that_keeps_what_it_is_called_with_is_left_as_it_was() -> None:
    """Many draws at once are in tensors of vmap, which nobody can read afterwards."""

    class Keeps(torch.nn.Module):
        def forward(self, x: torch.Tensor, y: torch.Tensor | None = None) -> None:
            self.mean = pyro.sample("a", dist.Normal(0.0, 1.0)) + x
            with pyro.plate("rows", len(x)):
                pyro.sample("y", dist.Normal(self.mean, 0.1), obs=y)

    module = Keeps()
    predictor = SitePredictor(SitePrediction("y", (GRID, None), {}), module, None)
    predictor.ask({"a": torch.zeros(20)}, 20, Transfer())()
    assert torch.equal(module.mean.data, GRID)


def test_a_model_without_latents_is_predicted_by_its_parameters() -> None:
    process = gp.models.GPRegression(X, Y, gp.kernels.RBF(1), noise=torch.tensor(0.1))

    def curves(_draws: dict[str, torch.Tensor]) -> Any:
        mean, variance = process(GRID)
        return GRID, mean + variance.sqrt() * torch.randn(50, 1)

    with closing(watch(process.model, process.guide, predict=curves, **{**ALONE, "num_steps": 40})) as monitor:
        before = monitor.snapshot.predictions[0]
        monitor.advance(40)
        after = monitor.snapshot.predictions[0]
    assert before.num_draws == after.num_draws == 50
    assert not np.allclose(before.median, after.median)


@pytest.mark.parametrize("predict", [("y", (GRID, None)), lambda draws: (GRID, lines(draws) + torch.randn(25))])
def test_steps_are_the_same_with_a_prediction(predict: Any) -> None:
    def trained(**more: Any) -> list[float]:
        pyro.clear_param_store()
        pyro.set_rng_seed(0)
        with closing(watch(line, AutoNormal(line), X, Y, **ALONE, **more)) as monitor:
            for _ in range(5):
                monitor.advance(1)
            return losses(monitor)

    assert trained(predict=predict) == trained()


def test_what_fails_later_is_said_in_the_prediction_and_training_goes_on() -> None:
    calls: list[int] = []

    def fails(draws: dict[str, torch.Tensor]) -> Any:
        calls.append(1)
        if len(calls) > 8:
            raise RuntimeError("<b>too late</b>")
        return GRID, lines(draws)

    with closing(watch(line, None, X, Y, predict=fails, **ALONE, language="en")) as monitor:
        for _ in range(5):
            monitor.advance(1)
        assert monitor.step == 5
        assert monitor.status == "finished"
        prediction = monitor.snapshot.predictions[0]
        assert prediction.problem == "RuntimeError: <b>too late</b>"
        shown = drawn.part(drawn.part(monitor, "rw-prediction-0"), "rw-prediction-problem").value
    assert "&lt;b&gt;too late" in shown


def test_curves_that_are_not_finite_are_left_out() -> None:
    def some(draws: dict[str, torch.Tensor]) -> Any:
        curves = lines(draws)
        curves[0, 3] = torch.nan
        return GRID, curves

    prediction = predicted(some)[0]
    assert prediction.num_draws % 10 == 9
    assert np.isfinite(prediction.bands[0].lower).all()
    assert predicted(lambda draws: (GRID, lines(draws) * torch.nan))[0].problem


@pytest.mark.parametrize(
    ("predict", "error", "said"),
    [
        (3, TypeError, "got int"),
        (("y",), ValueError, "got 1 entries"),
        ((3, (GRID,)), TypeError, "name of a site"),
        (("y", GRID), TypeError, "args as a tuple"),
        (("z", (GRID,)), ValueError, "no site 'z'.*'a', 'b', 'mean', 'y'"),
        (("a", (GRID,)), ValueError, r"'a' has the shape \(\)"),
        (("y", (GRID, None, 3)), ValueError, "TypeError"),
        (lambda _draws: 3, ValueError, "returns int"),
        (lambda draws: (GRID, draws["a"]), ValueError, r"shape \(20, 25\).*they have \(20,\)"),
        (lambda draws: (GRID, lines(draws).T), ValueError, r"they have \(25, 20\)"),
        (lambda draws: (GRID[None], lines(draws)), ValueError, r"x of shape \(num_points,\)"),
        (lambda draws: (GRID * torch.nan, lines(draws)), ValueError, "finite x"),
        (lambda draws: (GRID, lines(draws), (X, Y[1:])), ValueError, r"\(30,\) and \(29,\)"),
        (lambda draws: (GRID, draws["slope"]), ValueError, "KeyError: 'slope'"),
        (lambda _draws: {}, ValueError, "1 to 4"),
        (lambda draws: dict.fromkeys("abcde", (GRID, lines(draws))), ValueError, "1 to 4 .* 5"),
        (
            lambda draws: (pd.date_range("2020", periods=25), lines(draws), (X, Y)),
            ValueError,
            "both numbers or both dates",
        ),
        (lambda draws: (pd.DatetimeIndex(["NaT"] * 25), lines(draws)), ValueError, "finite x, 25 of 25"),
        (lambda draws: {1: (GRID, lines(draws))}, ValueError, "titles, str"),
        (lambda draws: ("grid", lines(draws)), ValueError, "x as a tensor"),
    ],
)
def test_what_has_another_form_is_refused_at_once(predict: Any, error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=f"predict.*{said}"):
        watch(line, None, X, Y, predict=predict)


def panels(monitor: ModelWidget) -> list[Any]:
    return drawn.parts(monitor, "rw-prediction")


def test_there_is_no_panel_without_a_prediction() -> None:
    with closing(watch(line, None, X, Y, **ALONE)) as monitor:
        assert panels(monitor) == []
        assert monitor.snapshot.predictions == ()


def test_it_trains_and_draws_without_a_browser() -> None:
    monitor = watch(line, None, X, Y, predict=("y", (GRID, None)), learning_rate=0.1, num_steps=200, seed=1)
    with closing(monitor):
        asyncio.run(monitor.fit())
        (panel,) = panels(monitor)
        prediction = monitor.snapshot.predictions[0]
        median = drawn.marks(panel, bqplot.Lines, color="accent")[0]
        np.testing.assert_array_equal(median.y, prediction.median)
        np.testing.assert_allclose(prediction.median, 1.0 + 0.7 * GRID, atol=0.2)
        monitor.reset()
        assert not np.allclose(monitor.snapshot.predictions[0].median, prediction.median)
