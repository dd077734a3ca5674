"""A model of one slope that any test can fit in no time, and Pyro's own steps of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pyro
import pyro.distributions as dist
import pyro.optim
import torch
from pyro.infer.autoguide import AutoNormal

from rugged_widget.infer.step.optimizer import OptimizerStart
from rugged_widget.infer.step.pyro_step import PlainStep, Settings

X = torch.linspace(-1.0, 1.0, 5)
Y = 2 * X + 0.1
SEED = 5


def line(x: torch.Tensor, y: torch.Tensor) -> None:
    slope = pyro.sample("slope", dist.Normal(0.0, 2.0))
    pyro.sample("seen", dist.Normal(slope * x, 0.5).to_event(1), obs=y)


def changed(change: Callable[[torch.Tensor], Any]) -> Callable[..., None]:
    """Let a function see the slope in every call of the model, and change it."""

    def model(x: torch.Tensor, y: torch.Tensor) -> None:
        slope = change(pyro.sample("slope", dist.Normal(0.0, 2.0)))
        pyro.sample("seen", dist.Normal(slope * x, 0.5).to_event(1), obs=y)

    return model


def plain_step(
    model: Callable[..., Any] = line,
    guide: Callable[..., Any] | type = AutoNormal,
    args: tuple[Any, ...] = (X, Y),
    optimizer: pyro.optim.PyroOptim | None = None,
) -> PlainStep:
    """Make Pyro's step, its guide set up, inside an isolation; its optimizer is Adam where none is given."""
    if isinstance(guide, type):
        guide = guide(model)
        with torch.random.fork_rng(devices=[]):
            guide(*args)
    settings = Settings(0.05) if optimizer is None else Settings(None, None, OptimizerStart.of(optimizer))
    return PlainStep(model, guide, args, {}, settings)


def flat() -> torch.Tensor:
    """Return all unconstrained parameters, one after the other."""
    values = [value.detach().reshape(-1) for _, value in pyro.get_param_store().named_parameters()]
    return torch.cat(values)
