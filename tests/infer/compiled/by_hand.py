"""A step written out by hand, which stands for a captured one, and can be made wrong."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, NamedTuple

import pyro
import pyro.distributions as dist
import pytest
import torch
from torch import Tensor, fx

from rugged_widget.infer.compiled.capture.feasibility import Watch
from rugged_widget.infer.compiled.optimizer.flat_state import Link
from rugged_widget.infer.compiled.optimizer.update_rules import Rule
from rugged_widget.infer.compiled.program import State
from rugged_widget.infer.compiled.stepping.captured_step import Compiled
from rugged_widget.infer.compiled.stepping.random_prefetch import Noise
from rugged_widget.infer.compiled.stepping.stepper import CompiledStepping
from rugged_widget.infer.compiled.stepping.thread_tuning import Threads
from rugged_widget.infer.step.isolation import Isolation
from rugged_widget.infer.step.pyro_step import PlainStep, Taken
from tests.infer.compiled.small import SEED, X, Y, flat, plain_step

_SGD: Any = pyro.optim.SGD  # type: ignore[attr-defined] # made at import
OPTIMIZERS: dict[str, dict[str, Any]] = {
    "Adam": {},
    "ClippedAdam": {"optimizer": pyro.optim.ClippedAdam({"lr": 0.05, "lrd": 0.95})},
    "SGD": {"optimizer": _SGD({"lr": 1e-4})},
    "SGD with momentum": {"optimizer": _SGD({"lr": 1e-4, "momentum": 0.9})},
}


def guide(*_: Any) -> None:
    mean = pyro.param("mean", torch.tensor(0.5))
    log_scale = pyro.param("log_scale", torch.tensor(-1.0))
    pyro.sample("slope", dist.Normal(mean, log_scale.exp()))


def loss_of(params: Tensor, noise: Tensor) -> Tensor:
    """Return the loss of `small.line` with this guide."""
    mean, log_scale = params
    slope = mean + noise * log_scale.exp()
    prior, seen = 0.5 * (slope / 2.0) ** 2 + math.log(2.0), 0.5 * ((Y - slope * X) / 0.5) ** 2 + math.log(0.5)
    entropy = 0.5 * noise**2 + log_scale
    return prior + seen.sum() - entropy + 0.5 * len(X) * math.log(2 * math.pi)


def draw() -> tuple[Tensor]:
    return (torch.empty(()).normal_(),)


class ByHand:
    """Takes the steps of Pyro on the slope's two parameters.

    Attributes
    ----------
    spoil
        Called with the parameters before a step, its loss and the state after it; returns these two as they are wanted.
    """

    name, max_steps = "graph", 64

    def __init__(self, rule: Rule) -> None:
        self._rule = rule
        self.spoil: Callable[[Tensor, Tensor, State], tuple[Tensor, State]] = lambda _, loss, state: (loss, state)
        self.calls: list[int] = []

    def run(self, state: State, inputs: Sequence[Tensor]) -> tuple[State, Tensor]:
        self.calls.append(len(inputs[0]))
        losses = []
        for *rates, noise in zip(*inputs, strict=True):
            params = state[0].detach().requires_grad_()
            loss = loss_of(params, noise)
            (grads,) = torch.autograd.grad(loss, params)
            after = self._rule.update(state[0], grads, state[1:], tuple(rates))
            loss, state = self.spoil(state[0], loss.detach(), after)
            losses.append(loss)
        return state, torch.stack(losses)


class Both(NamedTuple):
    """Pyro's step, the one by hand, and its engine."""

    plain: PlainStep
    compiled: Compiled
    engine: ByHand


def both(prelude: fx.GraphModule, optimizer: str = "Adam", **others: Any) -> Both:
    """Set up both steps, inside an isolation."""
    plain = plain_step(guide=guide, **OPTIMIZERS[optimizer], **others)
    guide()
    params = [pyro.get_param_store()._params[name] for name in ("mean", "log_scale")]
    link = Link(plain.optim, params)
    engine = ByHand(link.rule)
    return Both(plain, Compiled(link, Noise(prelude), engine, [], Watch({})), engine)


class Moment(NamedTuple):
    """What Pyro's own loop has after so many steps."""

    params: Tensor
    generator: Tensor
    learning_rate: float
    losses: list[float]


@cache
def plain_loop(optimizer: str = "Adam", num_steps: int = 60) -> list[Moment]:
    """Return Pyro's own loop, step by step, from the start on."""
    with Isolation(SEED).inside():
        plain = plain_step(guide=guide, **OPTIMIZERS[optimizer])
        guide()
        losses: list[float] = []
        moments = []
        for _ in range(num_steps + 1):
            moments.append(Moment(flat(), torch.get_rng_state(), plain.learning_rate, losses.copy()))
            losses.append(plain())
        return moments


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
        torch.testing.assert_close(flat(), moment.params, rtol=1e-4, atol=1e-5)
        assert torch.equal(torch.get_rng_state(), moment.generator)
        assert self.plain.learning_rate == pytest.approx(moment.learning_rate)
