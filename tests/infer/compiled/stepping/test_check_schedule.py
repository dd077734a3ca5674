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
    """Clocks that engine and checks move on, and no wall has; the thread has a core for a part of the time."""

    def __init__(self, step: float, check: float, core: float = 1.0) -> None:
        self.now, self.step, self.check, self._core = 0.0, step, check, core

    def perf_counter(self) -> float:
        return self.now

    def thread_time(self) -> float:
        return self.now * self._core


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


@pytest.mark.parametrize(("core", "fitting"), [(1.0, 6), (0.5, 12), (0.25, 25), (0.01, 25)])
def test_a_call_that_waits_for_a_core_takes_as_many_steps_as_one_that_has_it(
    prelude: fx.GraphModule, monkeypatch: pytest.MonkeyPatch, core: float, fitting: int
) -> None:
    clock = FakeTime(step=0.31e-3, check=1e-3, core=core)
    _, calls = scheduled(prelude, monkeypatch, clock, 500)
    assert max(calls) == fitting, "by the thread's own time, but at least a quarter of the clock's"


def test_a_call_by_jax_is_as_long_as_the_clock_says(prelude: fx.GraphModule, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Idle, "name", "jax")
    _, calls = scheduled(prelude, monkeypatch, FakeTime(step=0.31e-3, check=1e-3, core=0.1), 500)
    assert max(calls) == int(CALL_SECONDS["jax"] / 0.31e-3)
