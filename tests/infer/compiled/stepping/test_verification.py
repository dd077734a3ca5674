"""A captured step beside Pyro's own: agreement costs nothing but time, and no difference that matters goes unseen."""

from __future__ import annotations

import random
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor, fx

from rugged_widget.infer.compiled.program import State
from rugged_widget.infer.compiled.stepping.verification import DisagreementError, Verification
from tests.infer.compiled.by_hand import OPTIMIZERS, Both, both, plain_loop
from tests.infer.compiled.small import changed, flat

pytestmark = pytest.mark.usefixtures("inside")


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_steps_that_agree_leave_all_as_pyros_own_would(prelude: fx.GraphModule, name: str) -> None:
    plain, compiled, _ = both(prelude, name)
    shadow, expected = Verification(plain, compiled), plain_loop(name, 6)
    found = []
    for moment in expected[1:]:
        loss, rates = shadow()
        found.append(float(loss[0]))
        assert torch.equal(torch.get_rng_state(), moment.generator)
        assert plain.learning_rate == pytest.approx(moment.learning_rate)
        assert rates[0] == pytest.approx(moment.learning_rate)
        torch.testing.assert_close(compiled.state[0], moment.params)
        torch.testing.assert_close(flat(), moment.params)
        assert not compiled.link.touched
    assert found == pytest.approx(expected[-1].losses, rel=1e-5)


Spoil = Callable[[Tensor, Tensor, State], tuple[Tensor, State]]


def with_one_gradient_wrong(which: int) -> Spoil:
    def spoil(before: Tensor, loss: Tensor, state: State) -> tuple[Tensor, State]:
        factor = torch.ones(2)
        factor[which] = 1.02
        return loss, (before + (state[0] - before) * factor, *(moment * factor for moment in state[1:]))

    return spoil


WRONG: dict[str, tuple[Spoil, str]] = {
    "a loss that is a little larger": (lambda _, loss, state: (loss * 1.002, state), "the loss is"),
    "a loss that is no number": (lambda _, loss, state: (loss * torch.nan, state), "the loss is nan"),
    "the gradient of one parameter": (with_one_gradient_wrong(0), "the gradient is not"),
    "the gradient of the other": (with_one_gradient_wrong(1), "the gradient is not"),
    "a state that is no number": (
        lambda _, loss, state: (loss, tuple(vector * torch.nan for vector in state)),
        "the gradient is not",
    ),
    "parameters that stand still": (
        lambda before, loss, state: (loss, (before, *(moment * 0 for moment in state[1:]))),
        "the gradient is not",
    ),
}


@pytest.mark.parametrize("name", ["Adam", "ClippedAdam", "SGD"])
@pytest.mark.parametrize("what", WRONG)
def test_what_differs_is_told(prelude: fx.GraphModule, name: str, what: str) -> None:
    plain, compiled, engine = both(prelude, name)
    shadow = Verification(plain, compiled)
    shadow()
    generator, rate = torch.get_rng_state(), plain.learning_rate
    engine.spoil, reason = WRONG[what]
    with pytest.raises(DisagreementError, match=reason):
        shadow()
    assert torch.equal(torch.get_rng_state(), generator)
    assert plain.learning_rate == pytest.approx(rate, rel=1e-12)


def by_numpy(slope: Tensor) -> Tensor:
    return slope + np.random.rand()


def by_python(slope: Tensor) -> Tensor:
    return slope + random.random()


def by_torch(slope: Tensor) -> Tensor:
    torch.randn(2)
    return slope


@pytest.mark.parametrize(
    ("draw_more", "reason"),
    [(by_numpy, "the loss is"), (by_python, "the loss is"), (by_torch, "other random numbers")],
)
def test_random_numbers_that_the_graph_does_not_draw_are_told_and_given_back(
    prelude: fx.GraphModule, draw_more: Callable[[Tensor], Tensor], reason: str
) -> None:
    plain, compiled, _ = both(prelude, model=changed(draw_more))
    generators = torch.get_rng_state(), random.getstate(), repr(np.random.get_state())
    with pytest.raises(DisagreementError, match=reason):
        Verification(plain, compiled)()
    assert torch.equal(torch.get_rng_state(), generators[0])
    assert (random.getstate(), repr(np.random.get_state())) == generators[1:]


def moved_to(pair: Both, mean: float) -> None:
    """Put the slope's mean somewhere else."""
    with torch.no_grad():
        pair.compiled.link.params[0].fill_(mean)
    pair.compiled.load()


def off_by(difference: float) -> Spoil:
    return lambda _, loss, state: (loss + difference, state)


def test_a_loss_in_which_large_terms_cancel_is_compared_with_the_largest_seen(prelude: fx.GraphModule) -> None:
    pair = both(prelude)
    shadow = Verification(pair.plain, pair.compiled)
    moved_to(pair, 200.0)  # a loss of 160,000
    shadow()
    moved_to(pair, 2.0)
    pair.engine.spoil = off_by(0.5)
    shadow()
    pair.engine.spoil = off_by(5.0)
    with pytest.raises(DisagreementError, match="the loss is"):
        shadow()


def test_the_same_difference_is_told_where_no_large_loss_was_seen(prelude: fx.GraphModule) -> None:
    pair = both(prelude)
    shadow = Verification(pair.plain, pair.compiled)
    moved_to(pair, 2.0)
    pair.engine.spoil = off_by(0.5)
    with pytest.raises(DisagreementError, match="the loss is"):
        shadow()


def test_a_loss_near_zero_may_differ_by_a_thousandth(prelude: fx.GraphModule) -> None:
    pair = both(prelude)
    pair.engine.spoil = off_by(0.0005)
    Verification(pair.plain, pair.compiled)()


def test_a_gradient_that_vanishes_after_large_ones_is_no_alarm(prelude: fx.GraphModule) -> None:
    pair = both(prelude, "SGD")
    shadow = Verification(pair.plain, pair.compiled)
    moved_to(pair, 200.0)
    shadow()
    moved_to(pair, 2.0)
    pair.engine.spoil = with_one_gradient_wrong(0)
    shadow()


def test_what_pyros_own_step_raises_passes_and_leaves_rate_and_random_numbers_as_before(
    prelude: fx.GraphModule,
) -> None:
    def fail(_: Tensor) -> Tensor:
        torch.randn(7)
        raise KeyError("the model's own")

    plain, compiled, _ = both(prelude, "ClippedAdam", model=changed(fail))
    generator, rate, before = torch.get_rng_state(), plain.learning_rate, flat()
    with pytest.raises(KeyError, match="own"):
        Verification(plain, compiled)()
    assert torch.equal(torch.get_rng_state(), generator)
    assert plain.learning_rate == rate
    assert torch.equal(flat(), before)
