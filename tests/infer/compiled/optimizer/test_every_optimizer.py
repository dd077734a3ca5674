"""The graph engine takes the steps of Pyro's optimizers and schedulers, or leaves them to Pyro and says why."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from pyro.infer.autoguide import AutoNormal
from pyro.optim import PyroLRScheduler

from rugged_widget.errors import FitError
from rugged_widget.infer.step.optimizer import OptimizerStart
from rugged_widget.infer.svi.fit import Fit
from tests.infer.plain import normal_model
from tests.infer.step.bare import BareLoop, fitted, losses, unconstrained, values
from tests.infer.step.test_optimizer import MADE, OPTIMIZERS, SCHEDULES, WATCHES, optimizer, scheduler

pytestmark = pytest.mark.slow

KNOWN = {"Adam", "AdamW", "AdagradRMSProp", "ClippedAdam", "DCTAdam", "RMSprop", "SGD"}
REASONS = {
    "OneCycleLR": "changes more than the learning rate",
    "ReduceLROnPlateau": "watches the loss",
    "a scheduler of options for each parameter": "rate of its own",
}


def assert_close(fit: Fit, loop: BareLoop) -> None:
    assert losses(fit) == pytest.approx(loop.losses, rel=1e-5, abs=1e-5)
    for name, value in values(fit).items():
        torch.testing.assert_close(value, unconstrained()[name], rtol=1e-4, atol=1e-5)


def in_pieces(optim: Any, **more: Any) -> Fit:
    """Take steps in slices, some of them by Pyro in between."""
    fit = fitted(optim, engine="graph", **more)
    fit.advance(17), fit.advance(20)
    fit.use_engine("plain")
    fit.advance(5)
    fit.use_engine("graph")
    fit.advance(8)
    return fit


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_an_optimizer(name: str) -> None:
    fit, loop = in_pieces(optimizer(name)), BareLoop(optimizer(name))
    loop.step(50)
    assert_close(fit, loop)
    assert fit.engine.name == ("graph" if name in KNOWN else "plain"), fit.engine
    if name not in KNOWN:
        assert f"the optimizer {name} is none of" in fit.engine.reason


@pytest.mark.parametrize("every", [1, 7])
@pytest.mark.parametrize("name", SCHEDULES)
def test_a_scheduler(name: str, every: int) -> None:
    fit, loop = in_pieces(scheduler(name), schedule_every=every), BareLoop(scheduler(name))
    loop.step(50, every, watches=name == WATCHES)
    assert_close(fit, loop)
    reason = REASONS.get(name)
    assert fit.engine.name == ("plain" if reason else "graph"), fit.engine
    assert reason is None or reason in fit.engine.reason
    plain = fitted(scheduler(name), schedule_every=every)
    plain.advance(50)
    assert fit.history()["learning_rate"].tolist() == pytest.approx(plain.history()["learning_rate"].tolist())
    assert fit.learning_rate == pytest.approx(plain.learning_rate)


@pytest.mark.parametrize("kind", MADE)
def test_options_and_clipping(kind: str) -> None:
    fit, loop = in_pieces(MADE[kind]()), BareLoop(MADE[kind]())
    loop.step(50, every=isinstance(loop.optim, PyroLRScheduler))
    assert_close(fit, loop)
    assert fit.engine.name == ("plain" if kind in REASONS else "graph"), fit.engine


@pytest.mark.parametrize("make", [lambda: scheduler("ExponentialLR"), lambda: optimizer("ClippedAdam")])
def test_the_factor_holds_in_the_graph_too(make: Any) -> None:
    fit, plain = fitted(make(), engine="graph"), fitted(make())
    for each in (fit, plain):
        for factor, steps in ((1.0, 10), (0.3, 20), (2.0, 15)):
            each.rate_factor = factor
            each.advance(steps)
    assert fit.engine.name == "graph"
    assert losses(fit) == pytest.approx(losses(plain), rel=1e-5)
    assert fit.history()["learning_rate"].tolist() == pytest.approx(plain.history()["learning_rate"].tolist())


@pytest.mark.parametrize("name", ["Adam", "AdagradRMSProp", "ExponentialLR", "StepLR"])
def test_what_the_graph_has_trained_is_given_back(name: str) -> None:
    make, every = (scheduler, 1) if name in SCHEDULES else (optimizer, 0)
    fit = fitted(make(name), engine="graph")
    fit.advance(23)
    loop = BareLoop(make(name))
    loop.step(23, every)
    given = make(name)
    fit.give_optimizer_back(given)
    result, expected = given.get_state(), loop.optim.get_state()
    assert result.keys() == expected.keys()
    for key in expected:
        one, other = (state.get("optimizer", state)["state"] for state in (result[key], expected[key]))
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)
        assert result[key].get("scheduler") == expected[key].get("scheduler")


def test_a_schedule_that_ends_is_told_by_pyros_own_step() -> None:
    make = {"optimizer": torch.optim.SGD, "optim_args": {"lr": 1e-3}, "max_lr": 1e-3, "total_steps": 30}
    once = {**make, "cycle_momentum": False}
    fit = fitted(scheduler("OneCycleLR", **once), engine="graph")
    with pytest.raises(Exception, match="Tried to step 31 times"):
        fit.advance(60)
    assert fit.step >= 20


@pytest.mark.parametrize("name", ["Adam", "ClippedAdam", "AdagradRMSProp", "ExponentialLR"])
def test_moments_of_an_optimizer_that_has_trained_count_in_the_graph_too(name: str) -> None:
    problem: dict[str, Any] = {"model": normal_model, "make_guide": AutoNormal, "args": (torch.linspace(-1, 2, 9),)}
    make, every = (scheduler, 1) if name in SCHEDULES else (optimizer, 0)
    loop = BareLoop(make(name), **problem)
    loop.step(10, every)
    warm = OptimizerStart.of(loop.optim)
    fit, plain = fitted(warm, engine="graph", **problem), fitted(warm, **problem)
    cold = fitted(make(name), **problem)
    assert fit.learning_rate == plain.learning_rate
    fit.advance(30), plain.advance(30), cold.advance(30)
    assert fit.engine.name == "graph"
    assert losses(fit) == pytest.approx(losses(plain), rel=1e-5)
    assert losses(plain)[1] != losses(cold)[1]
    rates = [each.history()["learning_rate"].tolist() for each in (fit, plain, cold)]
    assert rates[0] == pytest.approx(rates[1])
    assert rates[1] == rates[2] or name in {"ClippedAdam", "ExponentialLR"}, "a schedule goes on from where it was"


def test_after_running_away_the_schedule_is_back_with_the_parameters() -> None:
    def growing() -> Any:
        return scheduler("MultiStepLR", milestones=[33], gamma=1e40)

    fits = [fitted(growing(), engine=engine, schedule_every=2) for engine in ("plain", "graph")]
    for fit in fits:
        fit.advance(40)
        with pytest.raises(FitError, match="back at step 6"):
            fit.advance(60)
        assert fit.learning_rate == 0.05
        fit.rate_factor = 1e-41
        fit.advance(75 - fit.step)
    assert fits[0].history()["learning_rate"].tolist() == pytest.approx(fits[1].history()["learning_rate"].tolist())
    assert losses(fits[1]) == pytest.approx(losses(fits[0]), rel=1e-5)
