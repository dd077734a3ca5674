"""Models and guides that count on the dimensions in which the values of discrete sites are enumerated."""

from __future__ import annotations

import pyro
import pyro.distributions as dist
import torch
from pyro import poutine
from pyro.infer import TraceEnum_ELBO, config_enumerate
from torch.distributions import constraints

from tests.models.case import Setup, case, numbers


@case("a guide that only enumeration can call", "kind", "level")
def levels() -> Setup:
    """Make a guide that lists its values of each kind by itself."""
    data = torch.cat([numbers(4) - 3.0, numbers(4, seed=7) + 3.0])

    def model(data: torch.Tensor) -> None:
        with pyro.plate("rows", len(data)):
            kind = pyro.sample("kind", dist.Categorical(torch.tensor([0.5, 0.5])))
            level = pyro.sample("level", dist.Normal(torch.tensor([-2.0, 2.0])[kind], 1.0))
            pyro.sample("data", dist.Normal(level, 0.5), obs=data)

    @config_enumerate
    def guide(data: torch.Tensor) -> None:
        shares = pyro.param("shares", torch.full((len(data), 2), 0.5), constraint=constraints.simplex)
        locs = pyro.param("locs", lambda: torch.randn(2, 1))
        with pyro.plate("rows", len(data)):
            kind = pyro.sample("kind", dist.Categorical(shares))
            pyro.sample("level", dist.Normal(locs + kind.reshape(2, 1), 0.7))

    return Setup(model, guide, (data,), loss=TraceEnum_ELBO(max_plate_nesting=1))


@case("tracks of some objects", "exists", "place", "owner")
def tracks() -> Setup:
    """Make a model that adds a place to those of the objects in the dimension where owners are listed."""
    num_objects = 2
    heard = numbers(3, 4)

    def model(heard: torch.Tensor) -> None:
        with pyro.plate("objects", num_objects):
            exists = pyro.sample("exists", dist.Bernoulli(0.7))
            with poutine.mask(mask=exists.bool()):
                place = pyro.sample("place", dist.Normal(0.0, 1.0))
        with pyro.plate("sounds", heard.shape[1], dim=-1), pyro.plate("times", len(heard), dim=-2):
            owner = pyro.sample("owner", dist.Categorical(torch.ones(num_objects + 1)))
            is_real = owner < num_objects
            pyro.sample("is_real", dist.Bernoulli(0.8), obs=is_real.float())
            places = torch.cat([place, torch.zeros(1)])[owner.reshape(num_objects + 1, 1, 1)]
            with poutine.mask(mask=is_real):
                pyro.sample("heard", dist.Normal(places, 0.3), obs=heard)

    def guide(heard: torch.Tensor) -> None:
        locs = pyro.param("locs", torch.linspace(-1.0, 1.0, num_objects))
        shares = pyro.param("shares", torch.ones(*heard.shape, num_objects + 1) / 3, constraint=constraints.simplex)
        enumerated = {"enumerate": "parallel"}
        with pyro.plate("objects", num_objects):
            exists = pyro.sample("exists", dist.Bernoulli(torch.full((num_objects,), 0.6)), infer=enumerated)
            with poutine.mask(mask=exists.bool()):
                pyro.sample("place", dist.Normal(locs, 0.2))
        with pyro.plate("sounds", heard.shape[1], dim=-1), pyro.plate("times", len(heard), dim=-2):
            pyro.sample("owner", dist.Categorical(shares), infer=enumerated)

    return Setup(model, guide, (heard,), loss=TraceEnum_ELBO(max_plate_nesting=2))


CASES = (levels, tracks)
