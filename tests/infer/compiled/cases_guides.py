"""Guides, ELBOs and optimizers on the lesson's regression, each with the bundled data."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pyro
import pyro.distributions as dist
import torch
from pyro import poutine
from pyro.distributions.testing.fakes import NonreparameterizedNormal
from pyro.infer import (
    RenyiELBO,
    Trace_ELBO,
    TraceGraph_ELBO,
    TraceMeanField_ELBO,
    autoguide,
)
from pyro.infer.autoguide import init_to_median
from torch.distributions import constraints

from rugged_widget.regression.infer.model import BayesianRegression
from tests.infer.compiled.case import Case, Problem, diagonal, normal
from tests.infer.plain import tensors


def lesson(make_guide: Callable[[Any], Any] = diagonal) -> Problem:
    return Problem(BayesianRegression(), make_guide, tensors())


def of(make_guide: Callable[[Any], Any]) -> Callable[[], Problem]:
    return partial(lesson, make_guide)


def guide_list(model: Any) -> Any:
    guide = autoguide.AutoGuideList(model)
    guide.append(diagonal(poutine.block(model, hide=["sigma"])))
    guide.append(autoguide.AutoDelta(poutine.block(model, expose=["sigma"])))
    return guide


def structured(model: Any) -> Any:
    return autoguide.AutoStructured(
        model,
        conditionals={"sigma": "delta", "linear.weight": "mvn", "linear.bias": "normal"},
        dependencies={"linear.bias": {"linear.weight": "linear"}},
    )


def by_hand(_: Any) -> Any:
    def guide(*_args: Any) -> None:
        spread = pyro.param("spread", torch.tensor(0.1), constraint=constraints.positive)
        weight = pyro.param("weight", lambda: torch.randn(1, 3))
        pyro.sample("linear.weight", dist.Normal(weight, spread).to_event(2))
        bias = pyro.param("bias", torch.tensor([8.0]))
        pyro.sample("linear.bias", dist.Normal(bias, spread).to_event(1))
        sigma = pyro.param("sigma_loc", torch.tensor(1.0), constraint=constraints.interval(0.1, 9.0))
        pyro.sample("sigma", dist.LogNormal(sigma.log(), 0.05))
        pyro.param("unused", torch.ones(2))  # never has a gradient

    return guide


def reinforce(_: Any) -> Any:
    def guide(*_args: Any) -> None:
        weight = pyro.param("weight", torch.zeros(1, 3))
        pyro.sample("linear.weight", NonreparameterizedNormal(weight, 0.1).to_event(2))
        bias = pyro.param("bias", torch.tensor([8.0]))
        pyro.sample("linear.bias", dist.Normal(bias, 0.1).to_event(1))
        pyro.sample("sigma", dist.Delta(pyro.param("sigma_loc", torch.tensor(1.0), constraint=constraints.positive)))

    return guide


GUIDES = (
    Case("diagonal", lesson, quick=True),
    Case("normal", of(normal)),
    Case("multivariate", of(autoguide.AutoMultivariateNormal)),
    Case("low rank", of(autoguide.AutoLowRankMultivariateNormal)),
    Case("delta", of(autoguide.AutoDelta)),
    Case("inverse autoregressive flow", of(autoguide.AutoIAFNormal), learning_rate=0.005),
    Case("Laplace", of(autoguide.AutoLaplaceApproximation)),
    Case("list of guides", of(guide_list)),
    Case("structured", of(structured)),
    Case("messenger", of(autoguide.AutoNormalMessenger)),
    Case("guide by hand", of(by_hand)),
    Case("other initial values", of(partial(normal, init_loc_fn=init_to_median, init_scale=0.01))),
    Case("REINFORCE", of(reinforce), learning_rate=0.005),
)

ELBOS = (
    Case("mean-field ELBO", of(normal), TraceMeanField_ELBO),
    Case("4 particles", lesson, partial(Trace_ELBO, num_particles=4)),
    Case("Renyi bound of 3 particles", of(normal), partial(RenyiELBO, alpha=0.5, num_particles=3)),
    Case("graph of costs", of(reinforce), TraceGraph_ELBO, learning_rate=0.005),
    Case("graph of costs, 2 particles", of(normal), partial(TraceGraph_ELBO, num_particles=2)),
)

OPTIMIZERS = (
    Case("Adam with weight decay", lesson, options={"betas": (0.95, 0.99), "eps": 1e-6, "weight_decay": 0.1}),
    Case(
        "clipped Adam",
        lesson,
        optimizer="ClippedAdam",
        options={"lrd": 0.995, "clip_norm": 3.0},
        learning_rate=0.05,
    ),
    Case("SGD with momentum", lesson, optimizer="SGD", options={"momentum": 0.9}, learning_rate=1e-5, quick=True),
    Case("SGD", of(autoguide.AutoMultivariateNormal), optimizer="SGD", learning_rate=1e-5),
    Case("Nesterov", lesson, optimizer="SGD", options={"momentum": 0.9, "nesterov": True}, learning_rate=1e-5),
    Case("RMSprop", lesson, optimizer="RMSprop", options={"momentum": 0.5}, learning_rate=0.005),
    Case("AdamW", lesson, optimizer="AdamW", options={"weight_decay": 0.1}),
    Case("Rprop", lesson, optimizer="Rprop", refused="Rprop"),
    Case("AMSGrad", lesson, options={"amsgrad": True}, refused="amsgrad"),
)
