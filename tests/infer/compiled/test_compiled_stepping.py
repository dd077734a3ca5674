"""Captured steps are checked often at first and rarely later, and whatever goes wrong ends where it was still right."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pyro.optim
import pytest
import torch
from torch import Tensor, fx

from rugged_widget.infer.compiled import stepping
from rugged_widget.infer.compiled.program import State
from rugged_widget.infer.compiled.shadow import DisagreementError
from rugged_widget.infer.compiled.stepping import CALL_SECONDS, CHECK_SHARE, CompiledStepping
from rugged_widget.infer.compiled.threads import Threads
from rugged_widget.infer.step import Taken

from .by_hand import Both, ByHand, Moment, both, draw, plain_loop
from .graphs import drawing
from .small import changed, flat, inside

pytestmark = pytest.mark.usefixtures(inside.__name__)

DECAYING: dict[str, Any] = {"optimizer": pyro.optim.ClippedAdam, "options": {"lrd": 0.95}}
ADAM: dict[str, Any] = {}
MOMENTUM: dict[str, Any] = {"optimizer": pyro.optim.SGD, "options": {"momentum": 0.9}, "learning_rate": 1e-4}  # type: ignore[attr-defined] # made at import


@pytest.fixture(scope="module")
def prelude() -> fx.GraphModule:
    return drawing(draw)


class Run:
    """A run of captured steps with its history, as a fit keeps it."""

    def __init__(self, pair: Both) -> None:
        self.plain, self.compiled, self.engine = pair
        self.stepping = CompiledStepping(self.plain, self.compiled, Threads(1, lambda _: None))
        self.losses: list[float] = []
        self.rates: list[float] = []

    def note(self, taken: Taken) -> int:
        for kept, new in ((self.losses, taken.losses), (self.rates, taken.learning_rates)):
            del kept[taken.start :]
            kept.extend(new.tolist())
        return len(taken.losses)

    def take(self, max_steps: int = 64, seconds: float = math.inf) -> int:
        return self.note(self.stepping.take(len(self.losses), max_steps, seconds))

    def until(self, num_steps: int) -> None:
        while len(self.losses) < num_steps:
            self.take(num_steps - len(self.losses))

    def assert_at(self, loop: list[Moment]) -> None:
        """Compare everything with Pyro's own loop after so many steps as there are here."""
        __tracebackhide__ = True
        moment = loop[len(self.losses)]
        self.stepping.leave()
        assert self.losses == pytest.approx(moment.losses, rel=1e-4)
        torch.testing.assert_close(flat(self.plain), moment.params, rtol=1e-4, atol=1e-5)
        assert torch.equal(torch.get_rng_state(), moment.generator)
        assert self.plain.learning_rate == pytest.approx(moment.learning_rate)


@pytest.mark.parametrize("options", [ADAM, DECAYING, MOMENTUM], ids=["Adam", "decaying rate", "momentum"])
def test_the_run_is_that_of_pyros_own_loop_and_pyro_can_go_on_from_it(
    prelude: fx.GraphModule, options: dict[str, Any]
) -> None:
    run, loop = Run(both(prelude, **options)), plain_loop(80, **options)
    run.until(60)
    run.assert_at(loop)
    for _ in range(20):
        run.losses.append(run.plain())
    run.assert_at(loop)


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

    def check() -> tuple[Any, Any]:
        checked.append(len(run.losses))
        end = clock.now + clock.check
        run.compiled.run(1, 0.1)
        clock.now = end
        return np.zeros(1), np.full(1, 0.1)

    monkeypatch.setattr(stepping.time, "perf_counter", clock.perf_counter)
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


def test_without_time_one_step_is_taken(prelude: fx.GraphModule) -> None:
    run = Run(both(prelude))
    run.until(10)
    for seconds in (0.0, -1.0, 1e-12):
        before = len(run.losses)
        run.take(seconds=seconds)
        assert len(run.losses) == before + 1


def beyond(limit: float, spoil: Callable[[Tensor, State], tuple[Tensor, State]]) -> Any:
    """Spoil the steps from parameters on of which the first is greater."""

    def spoiled(before: Tensor, loss: Tensor, state: State) -> tuple[Tensor, State]:
        return spoil(loss, state) if float(before[0]) > limit else (loss, state)

    return spoiled


def from_then_on(limit: float, spoil: Callable[[Tensor, State], tuple[Tensor, State]]) -> Any:
    """Spoil all steps from the first on of which the first parameter is greater."""
    passed: list[bool] = []

    def spoiled(before: Tensor, loss: Tensor, state: State) -> tuple[Tensor, State]:
        if float(before[0]) > limit:
            passed.append(True)
        return spoil(loss, state) if passed else (loss, state)

    return spoiled


def first_beyond(loop: list[Moment], limit: float) -> int:
    """Return how many steps lead to where `beyond` spoils the next."""
    return next(count for count, moment in enumerate(loop) if float(moment.params[0]) > limit)


SPOILED: dict[str, Callable[[Tensor, State], tuple[Tensor, State]]] = {
    "a loss that is no number": lambda loss, state: (loss * torch.nan, state),
    "a loss without end": lambda loss, state: (loss * math.inf, state),
    "a parameter that is no number": lambda loss, state: (loss, (state[0] * torch.nan, *state[1:])),
}


@pytest.mark.parametrize("options", [ADAM, DECAYING], ids=["Adam", "decaying rate"])
@pytest.mark.parametrize("what", SPOILED)
def test_where_steps_run_away_it_is_back_a_few_steps_before_and_pyros_own_come_next(
    prelude: fx.GraphModule, what: str, options: dict[str, Any]
) -> None:
    run, loop = Run(both(prelude, **options)), plain_loop(60, **options)
    bad = first_beyond(loop, 0.9)
    run.engine.spoil = beyond(0.9, SPOILED[what])
    while not run.stepping.careful_until:
        run.take()
    assert bad - 10 <= len(run.losses) <= bad - 1
    assert run.stepping.careful_until > bad
    assert run.stepping.ran_away
    run.assert_at(loop)


def test_what_runs_away_at_once_is_back_at_the_start(prelude: fx.GraphModule) -> None:
    run = Run(both(prelude))
    run.until(1)
    run.engine.spoil = beyond(-math.inf, SPOILED["a loss that is no number"])
    run.take()
    assert run.losses == []
    run.assert_at(plain_loop(1))


def half_the_gradient(loss: Tensor, state: State) -> tuple[Tensor, State]:
    return loss, tuple(0.5 * vector for vector in state)


@pytest.mark.parametrize("options", [ADAM, DECAYING, MOMENTUM], ids=["Adam", "decaying rate", "momentum"])
@pytest.mark.parametrize("limit", [-math.inf, 0.6])
def test_a_disagreement_ends_at_the_last_step_that_agreed(
    prelude: fx.GraphModule, limit: float, options: dict[str, Any]
) -> None:
    if options is MOMENTUM and limit > 0:
        limit = 0.501  # its steps are small
    run, loop = Run(both(prelude, **options)), plain_loop(150, **options)
    run.engine.spoil = from_then_on(limit, half_the_gradient)
    with pytest.raises(DisagreementError, match="not that of Pyro's own step|the loss is") as caught:
        run.until(150)
    del run.losses[caught.value.num_steps :]
    assert len(run.losses) <= first_beyond(loop, limit)
    run.assert_at(loop)
    before = len(run.losses)
    run.losses += [run.plain() for _ in range(10)]
    assert len(run.losses) == before + 10
    run.assert_at(loop)


def test_an_engine_that_fails_in_mid_run_is_a_disagreement(prelude: fx.GraphModule) -> None:
    def fail(_: Tensor, __: State) -> Any:
        raise RuntimeError("no such kernel")

    run, loop = Run(both(prelude)), plain_loop(80)
    run.engine.spoil = beyond(0.9, fail)
    with pytest.raises(DisagreementError, match="no such kernel") as caught:
        run.until(80)
    del run.losses[caught.value.num_steps :]
    run.assert_at(loop)


def test_what_the_model_raises_in_a_check_is_left_to_pyros_own_step_to_tell(prelude: fx.GraphModule) -> None:
    calls: list[int] = []

    def fail_later(slope: Tensor) -> Tensor:
        calls.append(1)
        if len(calls) > 4:
            raise KeyError("the model's own")
        return slope

    run, loop = Run(both(prelude, model=changed(fail_later))), plain_loop(60)
    while not run.stepping.careful_until:
        run.take()
    assert not run.stepping.ran_away
    assert len(run.losses) <= run.stepping.careful_until - 1
    run.assert_at(loop)


def test_after_an_interrupt_it_is_where_the_last_call_began(prelude: fx.GraphModule) -> None:
    def interrupt(_: Tensor, __: State) -> Any:
        raise KeyboardInterrupt

    run, loop = Run(both(prelude)), plain_loop(60)
    run.engine.spoil = beyond(0.9, interrupt)
    with pytest.raises(KeyboardInterrupt):
        run.until(60)
    assert run.stepping.go_back(len(run.losses)) == len(run.losses)
    run.assert_at(loop)
    run.engine.spoil = ByHand(run.compiled.link.rule).spoil
    run.until(60)
    run.assert_at(loop)


def test_parameters_that_somebody_writes_into_are_gone_on_from(prelude: fx.GraphModule) -> None:
    run = Run(both(prelude))
    run.until(20)
    run.stepping.store()
    with torch.no_grad():
        run.compiled.link.params[0].fill_(-3.0)
    run.take(1)
    run.stepping.leave()
    assert float(flat(run.plain)[0]) == pytest.approx(-3.0, abs=0.1)


def test_a_new_learning_rate_counts_from_the_next_call_on(prelude: fx.GraphModule) -> None:
    run = Run(both(prelude, **DECAYING))
    run.until(10)
    run.plain.learning_rate = 0.5
    run.until(13)
    assert run.rates[10:] == pytest.approx([0.5 * 0.95**k for k in (1, 2, 3)])


def test_another_engine_is_checked_at_its_first_step(prelude: fx.GraphModule) -> None:
    run, loop = Run(both(prelude)), plain_loop(40)
    run.until(25)
    other = ByHand(run.compiled.link.rule)
    other.spoil = beyond(-math.inf, half_the_gradient)
    run.stepping.use(other)
    with pytest.raises(DisagreementError) as caught:
        run.take()
    assert other.calls == [1]
    del run.losses[caught.value.num_steps :]
    run.assert_at(loop)


def test_memory_of_what_to_go_back_to_does_not_grow(prelude: fx.GraphModule) -> None:
    run = Run(both(prelude))
    for _ in range(80):
        run.take(1)
    assert len(run.stepping._places) < 15
