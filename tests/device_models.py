"""Models whose tensors are all on a device, as they are written for a GPU."""

from __future__ import annotations

from typing import Any

import pyro
import pyro.distributions as dist
import torch
from pyro.infer import SVI, TraceEnum_ELBO
from pyro.infer.autoguide import AutoDelta, AutoLaplaceApproximation, AutoNormal
from pyro.optim import Adam

from rugged_widget import watch
from tests.models.case import Setup, numbers
from tests.models.networks import Autoencoder

SEED = 3


def schools(device: torch.device, guide: Any = AutoNormal) -> Setup:
    y = torch.tensor([28.0, 8.0, -3.0, 7.0, -1.0, 1.0, 18.0, 12.0], device=device)
    errors = torch.tensor([15.0, 10.0, 16.0, 11.0, 9.0, 11.0, 10.0, 18.0], device=device)

    def model(errors: torch.Tensor, y: torch.Tensor | None = None) -> None:
        zero, one = errors.new_zeros(()), errors.new_ones(())
        mean = pyro.sample("mean", dist.Normal(zero, 5 * one))
        spread = pyro.sample("spread", dist.HalfCauchy(5 * one))
        with pyro.plate("schools", len(errors)):
            effect = pyro.sample("effect", dist.Normal(mean, spread))
            pyro.sample("seen", dist.Normal(effect, errors), obs=y)

    return Setup(model, guide(model), (errors, y), optimizer=Adam({"lr": 0.05}))


def laplace_schools(device: torch.device) -> Setup:
    return schools(device, AutoLaplaceApproximation)


def autoencoder(device: torch.device) -> Setup:
    networks = Autoencoder(6).to(device)
    x = (numbers(20, 6) > 0).float().to(device)
    return Setup(networks.model, networks.guide, (x,), optimizer=Adam({"lr": 0.01}))


def mixture(device: torch.device) -> Setup:
    x = torch.cat([numbers(10), numbers(10) + 4]).to(device)

    def model(x: torch.Tensor) -> None:
        shares = pyro.sample("shares", dist.Dirichlet(x.new_ones(2)))
        with pyro.plate("groups", 2):
            places = pyro.sample("places", dist.Normal(x.new_zeros(2), 10 * x.new_ones(2)))
        with pyro.plate("rows", len(x)):
            group = pyro.sample("group", dist.Categorical(shares), infer={"enumerate": "parallel"})
            pyro.sample("x", dist.Normal(places[group], x.new_ones(())), obs=x)

    guide = AutoDelta(pyro.poutine.block(model, expose=["shares", "places"]))
    return Setup(model, guide, (x,), loss=TraceEnum_ELBO(max_plate_nesting=1), optimizer=Adam({"lr": 0.05}))


def bounded(device: torch.device) -> Setup:
    y, low = numbers(12).to(device), torch.full((3,), -2.0, device=device)

    def model(y: torch.Tensor) -> None:
        with pyro.plate("elements", 3):
            places = pyro.sample("places", dist.Uniform(low, -low))
        with pyro.plate("rows", len(y)):
            pyro.sample("y", dist.Normal(places.sum(), y.new_ones(())), obs=y)

    return Setup(model, AutoNormal(model), (y,), optimizer=Adam({"lr": 0.05}))


def by_hand(device: torch.device) -> Setup:
    y = numbers(30).to(device)

    def model(y: torch.Tensor) -> None:
        level = pyro.sample("level", dist.Normal(y.new_zeros(()), y.new_ones(())))
        with pyro.plate("rows", len(y), subsample_size=10, device=y.device) as rows:
            pyro.sample("y", dist.Normal(level, y.new_ones(())), obs=y[rows])

    def guide(y: torch.Tensor) -> None:
        loc = pyro.param("loc", lambda: y.new_zeros(()))
        scale = pyro.param("scale", lambda: y.new_ones(()), constraint=dist.constraints.positive)
        pyro.sample("level", dist.Normal(loc, scale))

    return Setup(model, guide, (y,), optimizer=Adam({"lr": 0.05}))


MODELS = {made.__name__: made for made in (schools, laplace_schools, autoencoder, mixture, bounded, by_hand)}


def data_beside(name: str, device: torch.device) -> dict[str, Any]:
    """Return what there is to predict of a model, and its held-out data, as arguments of `watch`."""
    grid = torch.tensor([15.0, 10.0, 16.0, 11.0, 9.0, 11.0, 10.0, 18.0], device=device)
    if name == "schools":
        return {"predict": ("seen", (grid,))}
    if name == "by_hand":
        return {"predict": lambda draws: (grid, draws["level"][:, None] + grid), "heldout": (numbers(12).to(device),)}
    return {"heldout": (torch.ones(3, 6, device=device),)} if name == "autoencoder" else {}


def made(name: str, device: torch.device) -> Setup:
    pyro.set_rng_seed(0)
    pyro.clear_param_store()
    return MODELS[name](device)


def losses_of_loop(name: str, device: torch.device, num_steps: int) -> list[float]:
    """Return the losses of a loop of one's own."""
    setup = made(name, device)
    pyro.set_rng_seed(SEED)
    svi = SVI(setup.model, setup.guide, setup.optimizer, loss=setup.loss)
    return [float(svi.step(*setup.args)) for _ in range(num_steps)]


def watched(name: str, device: torch.device, **options: Any) -> Any:
    """Return the dashboard of a model, before its first step; it trains by Pyro unless another engine is named."""
    setup = made(name, device)
    svi = SVI(setup.model, setup.guide, setup.optimizer, loss=setup.loss)
    return watch(svi, *setup.args, seed=SEED, **{"engine": "plain", **options})


def losses_of(dashboard: Any) -> list[float]:
    return [-float(value) for value in dashboard.history()["elbo"]]
