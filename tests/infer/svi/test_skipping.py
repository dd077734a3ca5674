"""A step that is not finite may be skipped: parameters and optimizer stay, and too many in a row are a failure."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pyro
import pyro.distributions as dist
import pytest
import torch
from pyro import infer, optim
from pyro.infer import autoguide
from torch import nn

from rugged_widget.errors import FitError
from rugged_widget.infer.step.ownership import Ownership
from rugged_widget.infer.svi.elbo_history import History
from rugged_widget.infer.svi.fit import Fit

if TYPE_CHECKING:
    from collections.abc import Callable

DATA = torch.linspace(-1.0, 1.0, 20)
EDGE = 0.6
"""Means beyond which a step is not finite: some of a run, and fewer and fewer."""


def now_and_then(data: torch.Tensor) -> None:
    mean = pyro.sample("mean", dist.Normal(0.0, 1.0))
    broken = mean + torch.where(mean < EDGE, 0.0, math.nan)
    with pyro.plate("rows", len(data)):
        pyro.sample("seen", dist.Normal(broken, 1.0, validate_args=False), obs=data)


def without_slope(data: torch.Tensor) -> None:
    """Have a gradient that is not finite now and then, and always a loss that is."""
    mean = pyro.sample("mean", dist.Normal(0.0, 1.0))
    with pyro.plate("rows", len(data)):
        pyro.sample("seen", dist.Normal(mean + (mean - EDGE).clamp(max=0.0).mul(0.0).abs().sqrt(), 1.0), obs=data)


def wide(model: Any) -> autoguide.AutoNormal:
    return autoguide.AutoNormal(model, init_loc_fn=autoguide.init_to_median, init_scale=0.4)


def adam(options: dict[str, Any]) -> Any:
    return optim.Adam(options)  # type: ignore[attr-defined] # Pyro makes it at import


def fitted(
    skip: int, engine: str = "plain", model: Any = now_and_then, learning_rate: float | None = 0.03, **more: Any
) -> Fit:
    return Fit(model, wide, (DATA,), learning_rate=learning_rate, seed=3, engine=engine, skip_nonfinite=skip, **more)


def by_hand(num_steps: int, elbo: Any) -> tuple[list[float], dict[str, torch.Tensor], int]:
    """Take steps of Pyro's own, leaving out the optimizer's where the loss or a gradient is not finite."""
    pyro.set_rng_seed(3)
    pyro.clear_param_store()
    guide = wide(now_and_then)
    svi = infer.SVI(now_and_then, guide, adam({"lr": 0.03}), elbo)
    losses, optimizer, skipped = [], svi.optim, 0
    for _ in range(num_steps):
        moved: list[bool] = []

        def move(params: Any, moved: list[bool] = moved) -> None:
            if all(param.grad is None or bool(torch.isfinite(param.grad).all()) for param in params):
                optimizer(params)
                moved.append(True)

        svi.optim = move  # type: ignore[assignment]
        losses.append(svi.step(DATA))
        skipped += not moved
    return losses, dict(pyro.get_param_store().items()), skipped


@pytest.mark.filterwarnings("ignore:Encountered NaN")
@pytest.mark.parametrize(
    "elbo", [infer.Trace_ELBO, infer.TraceMeanField_ELBO, lambda: infer.Trace_ELBO(num_particles=2)]
)
def test_skipped_steps_change_nothing_but_the_random_numbers(elbo: Callable[[], Any]) -> None:
    fit = fitted(20, elbo=elbo())
    fit.advance(80)
    losses, params, skipped = by_hand(80, elbo())
    assert 0 < skipped == fit.skipped < 40
    found = (-fit.history()["elbo"]).to_numpy()
    assert np.array_equal(found, losses, equal_nan=True)
    assert all(np.array_equal(fit.param_store()[name], value.detach().numpy()) for name, value in params.items())


def test_a_step_whose_gradient_alone_is_not_finite_is_skipped() -> None:
    fit = fitted(20, model=without_slope)
    fit.advance(30)
    assert 0 < fit.skipped < 30
    assert all(np.isfinite(value).all() for value in fit.param_store().values())
    with pytest.raises(FitError, match=r"the gradient .* is not finite. 2 steps before it were skipped"):
        fitted(2, model=without_slope).advance(30)


def test_an_update_that_is_not_finite_is_taken_back() -> None:
    fit = fitted(5, model=now_and_then, learning_rate=None, optimizer=optim.SGD({"lr": 1e30}))
    start = fit.param_store()
    with pytest.raises(FitError, match="5 steps before it were skipped"):
        fit.advance(20)
    assert all((value == start[name]).all() for name, value in fit.param_store().items())


def test_no_step_is_skipped_unless_it_is_asked_for() -> None:
    fit = fitted(0)
    with pytest.raises(FitError, match="the log probability of site 'seen' is nan"):
        fit.advance(80)


def test_more_steps_in_a_row_than_may_be_skipped_are_a_failure_and_the_fit_is_back_before_them() -> None:
    calls = 0

    def model(data: torch.Tensor) -> None:
        nonlocal calls
        calls += 1
        mean = pyro.sample("mean", dist.Normal(0.0, 1.0))
        broken = mean * math.nan if calls > 13 else mean
        pyro.sample("seen", dist.Normal(broken, 1.0, validate_args=False), obs=data.mean())

    fit = fitted(7, model=model)
    with pytest.raises(
        FitError, match=r"^Step 20 failed: .* 7 steps before it were skipped .* back at step 10"
    ) as failure:
        fit.advance(80)
    assert (failure.value.step, failure.value.site, fit.step, fit.skipped) == (20, "seen", 10, 0)
    calls = -100
    fit.advance(20)
    assert (fit.step, fit.skipped) == (30, 0)


@pytest.mark.slow  # two captures
@pytest.mark.parametrize("slices", [1, 7, 100])
def test_captured_steps_are_skipped_like_plain_ones(slices: int) -> None:
    plain, captured = fitted(20), fitted(20, "graph")
    plain.advance(300)
    while captured.step < 300:
        captured.advance(min(slices, 300 - captured.step))
    assert captured.engine.name == "graph", captured.engine.reason
    assert captured.skipped == plain.skipped > 0
    one, other = (fit.history()["elbo"].to_numpy() for fit in (plain, captured))
    assert np.allclose(one, other, rtol=1e-4, equal_nan=True)


def test_curve_verdict_and_mean_bear_skipped_steps() -> None:
    fit = fitted(20)
    fit.advance(420)
    assert 0 < fit.skipped < 100
    assert math.isfinite(fit.elbo)
    curve, convergence = fit.curve(), fit.convergence()
    assert np.isfinite(curve.smoothed[5:]).all()
    assert convergence.state != "early"
    assert math.isfinite(convergence.noise)
    fit.average_iterates()
    assert all(np.isfinite(value).all() for value in fit.param_store().values())


@pytest.mark.parametrize("value", [-1, 1.5, True, "2", None])
def test_how_many_may_be_skipped_is_a_count(value: Any) -> None:
    with pytest.raises((TypeError, ValueError), match="skip_nonfinite must be"):
        fitted(value)


def test_a_history_leaves_skipped_steps_out_of_its_means_and_fills_them_for_the_verdict() -> None:
    values = np.random.default_rng(1).normal(size=900)
    skipped = np.random.default_rng(2).random(900) < 0.3
    skipped[:4] = [True, True, True, False]
    with_gaps, without = History(), History()
    elbos = np.where(skipped, math.nan, values)
    for part in np.array_split(np.arange(900), 7):
        with_gaps.extend(elbos[part].tolist(), [0.1] * len(part))
    without.extend(values[~skipped].tolist(), [0.1] * int((~skipped).sum()))
    assert with_gaps.num_unknown == skipped.sum()
    assert with_gaps.last == without.last
    assert math.isclose(with_gaps.curve().smoothed[-1], without.curve().smoothed[-1])
    assert np.array_equal(with_gaps.elbos(0, 900)[~skipped], values[~skipped])
    assert np.isfinite(with_gaps.elbos(0, 900)).all()
    assert with_gaps.elbos(0, 4).tolist() == [values[3]] * 4
    with_gaps.truncate(450)
    assert with_gaps.num_unknown == skipped[:450].sum()
    again = History()
    again.extend(elbos[:450].tolist(), [0.1] * 450)
    for history in (with_gaps, again):
        history.extend(elbos[450:].tolist(), [0.1] * 450)
    assert np.allclose(with_gaps.curve().smoothed[-1], again.curve().smoothed[-1], rtol=1e-12)


def test_a_history_of_nothing_but_skipped_steps_knows_no_elbo() -> None:
    history = History()
    history.extend([math.nan] * 5, [0.1] * 5)
    assert math.isnan(history.last)
    assert np.isnan(history.curve().smoothed).all()
    assert history.elbos(0, 5).tolist() == [0.0] * 5
    history.extend([2.0], [0.1])
    assert history.curve().smoothed[-1] == pytest.approx(2.0)


def test_a_batch_of_nans_is_skipped_though_pyro_validates_and_leaves_the_statistics_of_networks_alone() -> None:
    network = nn.BatchNorm1d(2)

    def model(x: torch.Tensor) -> None:
        pyro.module("network", network)
        with pyro.plate("rows", len(x)):
            pyro.sample("seen", dist.Normal(network(x), 1.0).to_event(1), obs=torch.zeros(len(x), 2))

    def guide(x: torch.Tensor) -> None:
        """Draw nothing."""

    generator = torch.Generator().manual_seed(1)
    batches = [torch.randn(8, 2, generator=generator) for _ in range(4)]
    batches[2] = batches[2] * math.nan
    fit = Fit(
        model,
        lambda _model: guide,
        batches=batches,
        learning_rate=0.01,
        seed=0,
        skip_nonfinite=1,
        ownership=Ownership(model, guide),
    )
    fit.advance(12)
    fit.hand_over()
    assert fit.skipped == 3
    assert network.num_batches_tracked == 9
    assert torch.isfinite(network.running_mean).all()
