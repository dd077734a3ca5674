"""Rates of a scheduler are known ahead of the steps, and Pyro's schedulers are brought to where the steps are."""

from __future__ import annotations

from typing import Any

import pyro
import pytest
import torch

from rugged_widget.infer.compiled.optimizer.per_parameter import Part, PerParameter
from rugged_widget.infer.compiled.optimizer.schedule import Schedule
from rugged_widget.infer.compiled.optimizer.update_rules import Adam
from rugged_widget.infer.compiled.program import UnsupportedError
from rugged_widget.infer.step.optimizer import Optimizer, OptimizerStart
from tests.infer.step.test_optimizer import scheduler

ADAM = Adam((0.9, 0.999), 1e-8, 0.0)


@pytest.fixture(autouse=True)
def params() -> list[torch.Tensor]:
    for name in "ab":
        pyro.param(name, torch.ones(2))
    return [value for _, value in pyro.get_param_store().named_parameters()]


def optimizer_of(name: str, every: int = 1, **options: Any) -> Optimizer:
    return Optimizer(OptimizerStart.of(scheduler(name, **options)), None, every)


def stepped(optimizer: Optimizer, params: list[torch.Tensor], count: int) -> list[float]:
    """Take real steps, and return the learning rate of each."""
    rates = []
    for _ in range(count):
        for param in params:
            param.grad = torch.ones(2)
        optimizer(params)
        optimizer.end_step(1.0)
        rates.append(optimizer.last_rate)
    return rates


@pytest.mark.parametrize("every", [1, 3])
@pytest.mark.parametrize("before", [0, 4])
def test_rates_are_known_in_any_order_and_going_back_needs_nothing(
    every: int, before: int, params: list[torch.Tensor]
) -> None:
    optimizer, alone = optimizer_of("ExponentialLR", every), optimizer_of("ExponentialLR", every)
    stepped(optimizer, params, before)
    expected = stepped(alone, params, before + 20)[before:]
    schedule = Schedule(optimizer, params, ADAM)
    schedule.load(before)
    for start, count in ((0, 3), (3, 12), (1, 5), (15, 5)):
        rates = schedule.rates(before + start, count).tolist()
        assert rates == pytest.approx(expected[start : start + count])
    for place in (12, 7):
        schedule.store(before + place)
        assert optimizer.learning_rate == pytest.approx(expected[place])
    assert stepped(optimizer, params, 6) == pytest.approx(expected[7:13])


def test_the_factor_multiplies_the_rates(params: list[torch.Tensor]) -> None:
    optimizer = optimizer_of("StepLR")
    schedule = Schedule(optimizer, params, ADAM)
    rates = schedule.rates(0, 5)
    optimizer.rate_factor = 0.1
    assert schedule.rates(0, 5) == pytest.approx(0.1 * rates)


def test_a_schedule_that_ends_says_so(params: list[torch.Tensor]) -> None:
    schedule = Schedule(optimizer_of("OneCycleLR", total_steps=9, cycle_momentum=False), params, ADAM)
    assert len(schedule.rates(0, 8)) == 8
    with pytest.raises(RuntimeError, match="the schedule cannot go on: Tried to step"):
        schedule.rates(8, 5)


class Growing:
    def __call__(self, epoch: int) -> float:
        return 1.0 + epoch


@pytest.mark.parametrize(
    ("name", "options", "rule", "reason"),
    [
        ("ReduceLROnPlateau", {}, ADAM, "watches the loss"),
        ("OneCycleLR", {}, ADAM, "changes more than the learning rate"),
        ("LambdaLR", {"lr_lambda": Growing()}, ADAM, "asks an object of one's own"),
        ("ExponentialLR", {}, PerParameter((Part(ADAM, 2), Part(ADAM, 2, 0.1))), "a learning rate of its own"),
    ],
)
def test_rates_that_cannot_be_known_ahead_are_refused(
    name: str, options: dict[str, Any], rule: Any, reason: str, params: list[torch.Tensor]
) -> None:
    with pytest.raises(UnsupportedError, match=reason):
        Schedule(optimizer_of(name, **options), params, rule)


def test_schedules_that_began_at_different_times_are_refused(params: list[torch.Tensor]) -> None:
    optimizer = optimizer_of("ExponentialLR")
    stepped(optimizer, params[:1], 3)
    with pytest.raises(UnsupportedError, match="a learning rate of its own"):
        Schedule(optimizer, params, ADAM)
