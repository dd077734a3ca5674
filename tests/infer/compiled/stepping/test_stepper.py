"""Captured steps are those of Pyro, and whatever goes wrong in them ends where they still were."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, fx

from rugged_widget.infer.compiled.program import State
from rugged_widget.infer.compiled.stepping.verification import DisagreementError
from rugged_widget.infer.step.checkpoints import EVERY
from tests.infer.compiled.by_hand import ByHand, Moment, Run, both, plain_loop
from tests.infer.compiled.small import changed, flat

pytestmark = pytest.mark.usefixtures("inside")


@pytest.mark.parametrize("optimizer", ["Adam", "ClippedAdam", "SGD with momentum"])
def test_the_run_is_that_of_pyros_own_loop_and_pyro_can_go_on_from_it(prelude: fx.GraphModule, optimizer: str) -> None:
    run, loop = Run(both(prelude, optimizer)), plain_loop(optimizer)
    run.until(40)
    run.assert_at(loop)
    for _ in range(20):
        run.losses.append(run.plain())
    run.assert_at(loop)


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


@pytest.mark.parametrize(
    ("what", "optimizer"), [*((what, "Adam") for what in SPOILED), ("a loss that is no number", "ClippedAdam")]
)
def test_where_steps_run_away_it_is_back_a_few_steps_before_and_pyros_own_come_next(
    prelude: fx.GraphModule, what: str, optimizer: str
) -> None:
    run, loop = Run(both(prelude, optimizer)), plain_loop(optimizer)
    bad = first_beyond(loop, 0.9) + (what == "a parameter that is no number")  # the loss of which the next step shows
    run.engine.spoil = beyond(0.9, SPOILED[what])
    while not run.stepping.careful_until:
        run.take()
    assert len(run.losses) == bad // EVERY * EVERY - EVERY  # where Pyro's own steps would have a checkpoint
    assert run.stepping.careful_until > bad
    assert run.stepping.ran_away
    run.assert_at(loop)


def test_what_runs_away_at_once_is_back_at_the_start(prelude: fx.GraphModule) -> None:
    run = Run(both(prelude))
    run.until(1)
    run.engine.spoil = beyond(-math.inf, SPOILED["a loss that is no number"])
    run.take()
    assert run.losses == []
    run.assert_at(plain_loop())


def half_the_gradient(loss: Tensor, state: State) -> tuple[Tensor, State]:
    return loss, tuple(0.5 * vector for vector in state)


@pytest.mark.parametrize("optimizer", ["Adam", "ClippedAdam", "SGD with momentum"])
@pytest.mark.parametrize("limit", [-math.inf, 0.6])
def test_a_disagreement_ends_at_the_last_step_that_agreed(
    prelude: fx.GraphModule, limit: float, optimizer: str
) -> None:
    if optimizer == "SGD with momentum" and limit > 0:
        limit = 0.501  # its steps are small
    run, loop = Run(both(prelude, optimizer)), plain_loop(optimizer)
    run.engine.spoil = from_then_on(limit, half_the_gradient)
    with pytest.raises(DisagreementError, match=r"not that of Pyro's own step|the loss is") as caught:
        run.until(50)
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

    run, loop = Run(both(prelude)), plain_loop()
    run.engine.spoil = beyond(0.9, fail)
    with pytest.raises(DisagreementError, match="no such kernel") as caught:
        run.until(50)
    del run.losses[caught.value.num_steps :]
    run.assert_at(loop)


def test_what_the_model_raises_in_a_check_is_left_to_pyros_own_step_to_tell(prelude: fx.GraphModule) -> None:
    calls: list[int] = []

    def fail_later(slope: Tensor) -> Tensor:
        calls.append(1)
        if len(calls) > 4:
            raise KeyError("the model's own")
        return slope

    run, loop = Run(both(prelude, model=changed(fail_later))), plain_loop()
    while not run.stepping.careful_until:
        run.take()
    assert not run.stepping.ran_away
    assert len(run.losses) <= run.stepping.careful_until - 1
    run.assert_at(loop)


def test_after_an_interrupt_it_is_where_the_last_call_began(prelude: fx.GraphModule) -> None:
    def interrupt(_: Tensor, __: State) -> Any:
        raise KeyboardInterrupt

    run, loop = Run(both(prelude)), plain_loop()
    run.engine.spoil = beyond(0.9, interrupt)
    with pytest.raises(KeyboardInterrupt):
        run.until(50)
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
    assert float(flat()[0]) == pytest.approx(-3.0, abs=0.1)


def test_a_new_learning_rate_counts_from_the_next_call_on(prelude: fx.GraphModule) -> None:
    run = Run(both(prelude, "ClippedAdam"))
    run.until(10)
    run.plain.learning_rate = 0.5
    run.until(13)
    assert run.rates[10:] == pytest.approx([0.5 * 0.95**k for k in (1, 2, 3)])


def test_another_engine_is_checked_at_its_first_step(prelude: fx.GraphModule) -> None:
    run, loop = Run(both(prelude)), plain_loop()
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
