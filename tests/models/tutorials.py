"""Models of the kinds that Pyro's tutorials train: guides written piece by piece, losses and data of their own."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import pyro
import pyro.distributions as dist
import torch
from pyro import poutine
from pyro.contrib.easyguide import EasyGuide
from pyro.infer import Trace_ELBO, TraceEnum_ELBO
from torch.distributions import constraints

from tests.models.case import Setup, case, counts, numbers

if TYPE_CHECKING:
    from collections.abc import Callable


@case("walks, an easy guide", "drift", "place_0", "place_1", "place_2")
def walks() -> Setup:
    def model(steps: torch.Tensor) -> None:
        drift = pyro.sample("drift", dist.LogNormal(-1.0, 0.5))
        with pyro.plate("walkers", steps.shape[1]):
            place = torch.zeros(())
            for time, row in enumerate(steps):
                place = pyro.sample(f"place_{time}", dist.Normal(place, drift))
                pyro.sample(f"step_{time}", dist.Bernoulli(logits=place), obs=row)

    class Guide(EasyGuide):
        def guide(self, steps: torch.Tensor) -> None:
            self.map_estimate("drift")
            places = self.group(match="place_[0-9]+")
            size = places.event_shape.numel()
            width = pyro.param("width", lambda: torch.full((size,), 0.1), constraint=constraints.positive)
            with self.plate("walkers", steps.shape[1]):
                loc = pyro.param("loc", lambda: torch.zeros(steps.shape[1], size), event_dim=1)
                places.sample("places", dist.Normal(loc, width).to_event(1))

    return Setup(model, Guide(model), ((numbers(3, 12) > 0).float(),))


@case("a component of a boosted guide", "z")
def boosted() -> Setup:
    def model(data: torch.Tensor) -> None:
        z = pyro.sample("z", dist.Normal(0.0, 5.0))
        with pyro.plate("rows", len(data)):
            pyro.sample("x", dist.Normal(z * z, 0.5), obs=data)

    def component(data: torch.Tensor, number: int) -> None:
        scale = pyro.param(f"scale_{number}", torch.tensor(1.0), constraint=constraints.positive)
        pyro.sample("z", dist.Normal(pyro.param(f"loc_{number}", torch.tensor(0.0)), scale))

    def residual(model: Any, guide: Any, *args: Any, before: Callable[..., Any]) -> torch.Tensor:
        """Reward what the components so far do not cover."""
        traced = poutine.trace(guide)
        loss = Trace_ELBO(max_plate_nesting=1).differentiable_loss(model, traced, *args)
        replayed = poutine.replay(poutine.block(before, expose=["z"]), traced.trace)
        return torch.as_tensor(loss + poutine.trace(replayed).get_trace(*args).log_prob_sum())

    return Setup(
        model,
        partial(component, number=1),
        (numbers(20) * 0.5 + 4,),
        {"before": partial(component, number=0)},
        loss=residual,
    )


@case("a guide that is the prior", "flip_0", "flip_1", "flip_2")
def prior() -> Setup:
    def model() -> None:
        for number in pyro.plate("flips", 3):
            pyro.sample(f"flip_{number}", dist.Bernoulli(0.5))

    def guide() -> None:
        chance = pyro.param("chance", torch.tensor(0.5), constraint=constraints.unit_interval)
        for number in pyro.plate("flips", 3):
            pyro.sample(f"flip_{number}", dist.Bernoulli(chance))

    return Setup(model, guide)


@case("probabilities that start at 0", "group", "kind")
def certain() -> Setup:
    """Behind a probability of 0 is a parameter of minus infinity, which no step moves."""

    def model(data: torch.Tensor) -> None:
        shares = pyro.param("shares", torch.tensor([[0.4, 0.6], [0.7, 0.3]]), constraint=constraints.simplex)
        seen = pyro.param("seen", torch.tensor([[0.8, 0.2], [0.3, 0.7]]), constraint=constraints.simplex)
        group = pyro.sample("group", dist.Categorical(torch.tensor([0.5, 0.5])))
        with pyro.plate("rows", len(data)):
            kind = pyro.sample("kind", dist.Categorical(shares[group]))
            pyro.sample("x", dist.Categorical(seen[kind]), obs=data)

    def guide(data: torch.Tensor) -> None:
        kinds = pyro.param("kinds", torch.tensor([[0.0, 1.0], [1.0, 0.0]]), constraint=constraints.simplex)
        groups = pyro.param("groups", torch.tensor([0.35, 0.65]), constraint=constraints.simplex)
        group = pyro.sample("group", dist.Categorical(groups), infer={"enumerate": "parallel"})
        with pyro.plate("rows", len(data)):
            pyro.sample("kind", dist.Categorical(kinds[group]))

    return Setup(model, guide, (counts(2, 2),), loss=TraceEnum_ELBO(max_plate_nesting=1))


@case("a step of Newton's method in the guide", "mean")
def newton() -> Setup:
    """The guide takes gradients itself, and makes a parameter that the model reads."""

    def model(data: torch.Tensor) -> None:
        mean = pyro.sample("mean", dist.Normal(0.0, 10.0))
        with pyro.plate("rows", len(data)):
            pyro.sample("x", dist.Normal(mean, pyro.param("noise")), obs=data)

    def guide(data: torch.Tensor) -> None:
        noise = pyro.param("noise", torch.tensor(1.0), constraint=constraints.positive)
        width = pyro.param("width", torch.tensor(1.0), constraint=constraints.positive)
        start = torch.tensor(0.0, requires_grad=True)
        log_joint = dist.Normal(0.0, 10.0).log_prob(start) + dist.Normal(start, noise).log_prob(data).sum()
        (slope,) = torch.autograd.grad(log_joint, start, create_graph=True)
        (curvature,) = torch.autograd.grad(slope, start, create_graph=True)
        pyro.sample("mean", dist.Normal(start.detach() - slope / curvature, width))

    return Setup(model, guide, (numbers(6) + 2,))


CASES = (walks, boosted, prior, certain, newton)
