"""A step written out by hand, which stands for a captured one, and can be made wrong."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import pyro
import pyro.distributions as dist
import torch
from torch import Tensor, fx

from rugged_widget.infer.compiled.compiled import Compiled
from rugged_widget.infer.compiled.link import Link
from rugged_widget.infer.compiled.noise import Noise
from rugged_widget.infer.compiled.program import State
from rugged_widget.infer.compiled.rules import Rule
from rugged_widget.infer.isolation import Isolation
from rugged_widget.infer.step import PlainStep

from .small import SEED, X, Y, flat, plain_step


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


def both(prelude: fx.GraphModule, **options: Any) -> Both:
    """Set up both steps, inside an isolation."""
    plain = plain_step(guide=guide, **options)
    guide()
    params = [pyro.get_param_store()._params[name] for name in ("mean", "log_scale")]
    link = Link(plain.optim, params)
    engine = ByHand(link.rule)
    return Both(plain, Compiled(link, Noise(prelude), engine, []), engine)


class Moment(NamedTuple):
    """What Pyro's own loop has after so many steps."""

    params: Tensor
    generator: Tensor
    learning_rate: float
    losses: list[float]


def plain_loop(num_steps: int, **options: Any) -> list[Moment]:
    """Return Pyro's own loop, step by step, from the start on."""
    with Isolation(SEED).inside():
        plain = plain_step(guide=guide, **options)
        guide()
        losses: list[float] = []
        moments = []
        for _ in range(num_steps + 1):
            moments.append(Moment(flat(plain), torch.get_rng_state(), plain.learning_rate, losses.copy()))
            losses.append(plain())
        return moments
