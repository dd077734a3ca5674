"""Guides as a user would write them."""

from __future__ import annotations

from functools import partial
from typing import Any

import pyro
import pyro.distributions as dist
import torch
from pyro.infer import autoguide
from pyro.nn import PyroModule, PyroParam
from torch.distributions import constraints

SHAPES = {"sigma": (), "linear.weight": (1, 3), "linear.bias": (1,)}
"""Of the sites of the lesson's model."""

UNIT = [dist.transforms.SigmoidTransform(), dist.transforms.AffineTransform(0.0, 10.0)]


def mean_field(x: torch.Tensor, y: torch.Tensor | None = None) -> None:
    weight = pyro.param("weight", lambda: 0.1 * torch.randn(1, 3))  # random, so that the first step has to draw it
    spread = pyro.param("spread", torch.full((5,), 0.1), constraint=constraints.positive)
    bias, sigma = pyro.param("bias", torch.zeros(1)), pyro.param("sigma_at", torch.tensor(-1.0))
    pyro.sample("linear.weight", dist.Normal(weight, spread[:3]).to_event(2))
    pyro.sample("linear.bias", dist.Normal(bias, spread[3:4]).to_event(1))
    pyro.sample("sigma", dist.TransformedDistribution(dist.Normal(sigma, spread[4]), UNIT))


class Correlated(PyroModule):
    """Draws all latents but sigma together, and sigma where the bias says."""

    def __init__(self) -> None:
        super().__init__()
        self.loc = PyroParam(torch.zeros(4))
        self.tril = PyroParam(0.1 * torch.eye(4) + 0.05 * torch.ones(4, 4).tril(-1), constraints.lower_cholesky)

    def forward(self, x: torch.Tensor, y: torch.Tensor | None = None) -> None:
        all_four = pyro.sample(
            "all_four", dist.MultivariateNormal(self.loc, scale_tril=self.tril), infer={"is_auxiliary": True}
        )
        pyro.sample("linear.weight", dist.Delta(all_four[None, :3], torch.zeros(()), event_dim=2))
        pyro.sample("linear.bias", dist.Delta(all_four[3:], torch.zeros(()), event_dim=1))
        pyro.sample("sigma", dist.TransformedDistribution(dist.Normal(0.01 * all_four[3] - 1.0, 0.1), UNIT))


class Branching(PyroModule):
    """Looks at what it draws, so that it has to be called once a draw."""

    def forward(self, x: torch.Tensor, y: torch.Tensor | None = None) -> None:
        weight = pyro.sample("linear.weight", dist.Normal(torch.zeros(1, 3), 0.3).to_event(2))
        far = 1.0 if weight[0, 0] > 0 else 2.0
        pyro.sample("linear.bias", dist.Normal(torch.full((1,), far), 0.1).to_event(1))
        pyro.sample("sigma", dist.Uniform(1.0, 2.0))


class Narrow(autoguide.AutoNormal):
    """An automatic guide of the user's own class."""

    def __init__(self, model: object) -> None:
        super().__init__(model, init_scale=0.01)


OWN: dict[str, Any] = {
    "function": mean_field,
    "module": Correlated(),
    "branching": Branching(),
    "class": Narrow,
    "options": partial(autoguide.AutoMultivariateNormal, init_scale=0.2),
}
