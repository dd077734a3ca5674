"""Checks come often at first and rarely later, and calls are as long as their time allows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, fx

from rugged_widget.infer.compiled.program import State
from rugged_widget.infer.compiled.stepping import stepper as stepping
from rugged_widget.infer.compiled.stepping.stepper import CALL_SECONDS, CHECK_SHARE
from tests.infer.compiled.by_hand import Run, both

pytestmark = pytest.mark.usefixtures("inside")


class FakeTime:
    """A clock that engine and checks move on, and no wall has."""

    def __init__(self, step: float, check: float) -> None:
        self.now, self.step, self.check = 0.0, step, check

    def perf_counter(self) -> float:
        return self.now


class Idle:
    """Takes no steps, in the time that they would take."""

    name, max_steps = "graph", 64

    def __init__(self, clock: FakeTime) -> None:
        self._clock = clock

    def run(self, state: State, inputs: list[Tensor]) -> tuple[State, Tensor]:
        num_steps = len(inputs[0])
        self._clock.now += num_steps * self._clock.step
        return state, torch.zeros(num_steps)


def scheduled(
    prelude: fx.GraphModule, monkeypatch: pytest.MonkeyPatch, clock: FakeTime, num_steps: int
) -> tuple[list[int], list[int]]:
    """Return the steps that were checked, and how many steps each other call took."""
    run, checked, calls = Run(both(prelude)), [], []
    run.compiled.engine = Idle(clock)

    def check(_: int) -> tuple[Any, Any]:
        checked.append(len(run.losses))
        end = clock.now + clock.check
        run.compiled.run(1, 0.1)
        clock.now = end
        return np.zeros(1), np.full(1, 0.1)

    monkeypatch.setattr(stepping, "time", clock)
    monkeypatch.setattr(run.stepping, "_shadow", check)
    while len(run.losses) < num_steps:
        before = len(checked)
        count = run.take(num_steps - len(run.losses))
        calls += [count] * (len(checked) == before)
    return checked, calls


def test_each_gap_between_checks_is_twice_the_one_before_until_they_cost_their_share(
    prelude: fx.GraphModule, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = FakeTime(step=1e-4, check=2e-4)
    longest = round(clock.check / CHECK_SHARE / clock.step)
    checked, _ = scheduled(prelude, monkeypatch, clock, 1500)
    gaps = np.diff(checked) - 1
    doubling = int(np.log2(longest)) + 1
    assert checked[0] == 0
    assert gaps[:doubling].tolist() == [2**k for k in range(doubling)]
    assert set(gaps[doubling:].tolist()) <= {longest, longest - 1}
    late = [step for step in checked if step > checked[doubling]]
    assert len(late) * clock.check <= 1.1 * CHECK_SHARE * (checked[-1] - checked[doubling]) * clock.step
    assert len(late) > 5


def test_steps_that_take_long_are_checked_more_often_but_never_two_in_a_row(
    prelude: fx.GraphModule, monkeypatch: pytest.MonkeyPatch
) -> None:
    checked, _ = scheduled(prelude, monkeypatch, FakeTime(step=0.1, check=1e-3), 20)
    assert np.diff(checked).tolist() == [2] * (len(checked) - 1)


def test_a_call_takes_no_more_steps_than_fit_into_its_time(
    prelude: fx.GraphModule, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, calls = scheduled(prelude, monkeypatch, FakeTime(step=1e-4, check=1.0), 300)
    assert max(calls) == round(CALL_SECONDS["graph"] / 1e-4)
    _, calls = scheduled(prelude, monkeypatch, FakeTime(step=1e-9, check=1e-3), 300)
    assert max(calls) == Idle.max_steps
    _, calls = scheduled(prelude, monkeypatch, FakeTime(step=1.0, check=1e3), 10)
    assert set(calls) == {1}
