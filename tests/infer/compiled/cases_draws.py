"""Steps whose draws depend on what is learned: they are made inside the graph, which JAX cannot."""

from __future__ import annotations

from typing import Any

import pyro
import pyro.distributions as dist
import torch
from torch import Tensor
from torch.distributions import constraints

from tests.infer.compiled.case import Case, Problem
from tests.infer.compiled.cases_models import line
from tests.infer.compiled.cases_refused import changed


def gamma_guide(_: Any) -> Any:
    def guide(*_args: Any) -> None:
        shape = pyro.param("shape", torch.tensor(4.0), constraint=constraints.positive)
        pyro.sample("slope", dist.Gamma(shape, 2.0))
        pyro.sample("sigma", dist.LogNormal(pyro.param("log_sigma", torch.tensor(-1.0)), 0.1))

    return guide


def gamma() -> Problem:
    return changed(lambda slope, x, y: (slope, x, y), gamma_guide)


def coin() -> Problem:
    """A latent that is 0 or 1, so its gradient is estimated; its draw depends on a parameter."""

    def model(x: Tensor, y: Tensor) -> None:
        steep = pyro.sample("steep", dist.Bernoulli(0.5))
        pyro.sample("obs", dist.Normal((1 + steep) * x, 0.5).to_event(1), obs=y)

    def guide(*_args: Any) -> None:
        share = pyro.param("share", torch.tensor(0.5), constraint=constraints.unit_interval)
        pyro.sample("steep", dist.Bernoulli(share))

    return Problem(model, lambda _: guide, line())


DRAWS = (
    Case("draw that depends on a parameter", gamma, no_jax="counterpart", quick=True),
    Case("coin", coin, no_jax="counterpart"),
)
