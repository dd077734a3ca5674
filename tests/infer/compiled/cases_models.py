"""Models of other kinds than the lesson's, all of whose steps can be captured."""

from __future__ import annotations

from functools import partial
from typing import Any

import pyro
import pyro.distributions as dist
import torch
from pyro import poutine
from pyro.infer import Trace_ELBO, TraceEnum_ELBO, TraceMeanField_ELBO, config_enumerate
from pyro.infer.reparam import LocScaleReparam
from torch import Tensor
from torch.distributions import constraints

from tests.infer.compiled.case import Case, Problem, normal


def line(count: int = 60) -> tuple[Tensor, Tensor]:
    x = torch.linspace(-1.0, 1.0, count)
    return x, 2.0 * x + 0.5 + 0.3 * torch.randn(count)


def linear(x: Tensor, y: Tensor) -> None:
    slope = pyro.sample("slope", dist.Normal(0.0, 2.0))
    intercept = pyro.sample("intercept", dist.Normal(0.0, 2.0))
    sigma = pyro.sample("sigma", dist.HalfNormal(1.0))
    with pyro.plate("rows", len(x)):
        pyro.sample("obs", dist.Normal(slope * x + intercept, sigma), obs=y)


def vectorized() -> Problem:
    return Problem(linear, normal, line())


def mixture() -> Problem:
    @config_enumerate
    def model(data: Tensor) -> None:
        weights = pyro.sample("weights", dist.Dirichlet(torch.full((2,), 0.5)))
        scale = pyro.sample("scale", dist.LogNormal(0.0, 2.0))
        with pyro.plate("components", 2):
            locs = pyro.sample("locs", dist.Normal(0.0, 10.0))
        with pyro.plate("rows", len(data)):
            kind = pyro.sample("kind", dist.Categorical(weights))
            pyro.sample("obs", dist.Normal(locs[kind], scale), obs=data)

    data = torch.cat([torch.randn(30) - 4.0, torch.randn(30) + 4.0])
    return Problem(model, lambda model: normal(poutine.block(model, hide=["kind"])), (data,))


def hidden_markov() -> Problem:
    @config_enumerate
    def model(data: Tensor) -> None:
        stay = pyro.sample("stay", dist.Beta(torch.tensor([4.0, 4.0]), 2.0).to_event(1))
        locs = pyro.sample("locs", dist.Normal(torch.tensor([-1.0, 1.0]), 1.0).to_event(1))
        rows = torch.stack([torch.stack([stay[0], 1 - stay[0]]), torch.stack([1 - stay[1], stay[1]])])
        state: Any = 0
        for t in pyro.markov(range(len(data))):
            state = pyro.sample(f"state{t}", dist.Categorical(rows[state]))
            pyro.sample(f"obs{t}", dist.Normal(locs[state], 0.5), obs=data[t])

    data = torch.tensor([-1.0, 0.9, 1.1])
    return Problem(model, lambda model: normal(poutine.block(model, expose=["stay", "locs"])), (data,))


def subsampled() -> Problem:
    def model(x: Tensor, y: Tensor) -> None:
        slope = pyro.sample("slope", dist.Normal(0.0, 2.0))
        sigma = pyro.sample("sigma", dist.LogNormal(0.0, 1.0))
        with pyro.plate("rows", len(x), subsample_size=20) as chosen:
            pyro.sample("obs", dist.Normal(slope * x[chosen], sigma), obs=y[chosen])

    return Problem(model, normal, line(200))


def hierarchical() -> Problem:
    def model(x: Tensor, y: Tensor, *, group: Tensor) -> None:
        centre = pyro.sample("centre", dist.Normal(0.0, 5.0))
        spread = pyro.sample("spread", dist.HalfCauchy(1.0))
        with pyro.plate("groups", 8):
            effect = pyro.sample("effect", dist.Normal(centre, spread))
        with pyro.plate("rows", len(x)):
            own = pyro.sample("own", dist.Normal(effect[group], 1.0))
            pyro.sample("obs", dist.Normal(own + x, 0.5), obs=y)

    x, y = line(80)
    return Problem(model, normal, (x, y), {"group": torch.arange(80) % 8})


def reparametrized() -> Problem:
    """Centring of the groups' effects is learnt: a parameter that a handler of the model makes."""
    model, _, args, kwargs = hierarchical()
    return Problem(poutine.reparam(model, config={"effect": LocScaleReparam()}), normal, args, kwargs)


def one_by_one() -> Problem:
    def model(y: Tensor) -> None:
        mean = pyro.sample("mean", dist.Normal(0.0, 2.0))
        for i in pyro.plate("rows", len(y)):
            pyro.sample(f"obs_{i}", dist.Normal(mean, 1.0), obs=y[i])

    return Problem(model, normal, (torch.tensor([0.3, -0.2, 1.1]),))


def views_written_to() -> Problem:
    """Writes into copies, through views of them, and noise of a latent's shape."""

    def model(x: Tensor, y: Tensor) -> None:
        slope = pyro.sample("slope", dist.Normal(0.0, 2.0))
        moved = y.clone()
        moved[10:20] += slope
        rows = moved.view(6, 10)
        rows[0].zero_()
        rows.t()[3].mul_(torch.randn_like(slope))
        with pyro.plate("rows", len(x)):
            pyro.sample("obs", dist.Normal(slope * x, 0.5), obs=moved)

    return Problem(model, normal, line())


def chosen() -> Problem:
    """How many rows count depends on a latent; their sum has one shape all the same."""

    def model(x: Tensor, y: Tensor) -> None:
        slope = pyro.sample("slope", dist.Normal(0.0, 2.0))
        pyro.factor("chosen", -0.1 * slope * y[x > slope - 2.0].sum())
        with pyro.plate("rows", len(x)):
            pyro.sample("obs", dist.Normal(slope * x, 0.5), obs=y)

    return Problem(model, normal, line())


def correlated() -> Problem:
    def model(data: Tensor) -> None:
        with pyro.plate("dimensions", 3):
            scale = pyro.sample("scale", dist.HalfCauchy(1.0))
        factor = pyro.sample("factor", dist.LKJCholesky(3, 2.0))
        with pyro.plate("rows", len(data)):
            pyro.sample(
                "obs", dist.MultivariateNormal(torch.zeros(3), scale_tril=scale.diag_embed() @ factor), obs=data
            )

    return Problem(model, normal, (torch.randn(60, 3) @ torch.tensor([[1.0, 0.5, 0.0], [0.0, 1.0, 0.3], [0, 0, 1.0]]),))


def positive_and_shares() -> Problem:
    def model(counts: Tensor, successes: Tensor) -> None:
        rate = pyro.sample("rate", dist.Gamma(2.0, 0.5))
        share = pyro.sample("share", dist.Beta(2.0, 2.0))
        with pyro.plate("rows", len(counts)):
            pyro.sample("counts", dist.Poisson(rate), obs=counts)
            pyro.sample("successes", dist.Binomial(20, share), obs=successes)

    return Problem(model, normal, (torch.poisson(torch.full((50,), 6.0)), torch.randint(3, 9, (50,)).float()))


def robust() -> Problem:
    def model(x: Tensor, y: Tensor) -> None:
        weight = pyro.sample("weight", dist.Normal(0.0, 2.0).expand([2]).to_event(1))
        freedom = pyro.sample("freedom", dist.Gamma(4.0, 0.5))
        pyro.factor("pull", -0.1 * (weight * weight.data.exp()).sum())
        mean = pyro.deterministic("mean", weight[0] + weight[1] * x)
        with poutine.scale(scale=0.5), pyro.plate("rows", len(x)):
            pyro.sample("obs", dist.StudentT(freedom, mean, 0.5), obs=y)

    return Problem(model, normal, line())


def masked() -> Problem:
    def model(x: Tensor, y: Tensor, seen: Tensor) -> None:
        slope = pyro.sample("slope", dist.Normal(0.0, 2.0))
        sigma = pyro.sample("sigma", dist.LogNormal(0.0, 1.0))
        with pyro.plate("rows", len(x)), poutine.mask(mask=seen):
            pyro.sample("obs", dist.Normal(slope * x, sigma), obs=y)

    x, y = line()
    return Problem(model, normal, (x, y, torch.arange(60) % 3 > 0))


def imputed() -> Problem:
    """Responses that are missing are latents, put in their places by writing into a copy."""
    seen = torch.arange(60) % 3 > 0

    def model(x: Tensor, y: Tensor) -> None:
        slope = pyro.sample("slope", dist.Normal(0.0, 2.0))
        with pyro.plate("missing", 20):
            missing = pyro.sample("missing_y", dist.Normal(slope * x[~seen], 1.0))
        full = y.clone()
        full[~seen] = missing
        with pyro.plate("rows", len(x)):
            pyro.sample("obs", dist.Normal(slope * x, 1.0), obs=full)

    return Problem(model, normal, line())


def parameters_of_the_model() -> Problem:
    def model(x: Tensor, y: Tensor) -> None:
        spread = pyro.param("prior spread", torch.tensor(1.0), constraint=constraints.positive)
        weights = pyro.param("weights", torch.tensor([0.5, 0.5]), constraint=constraints.simplex)
        slope = pyro.sample("slope", dist.Normal(0.0, spread))
        noise = dist.MixtureSameFamily(
            dist.Categorical(weights), dist.Normal(slope * x[:, None], torch.tensor([0.3, 2.0]))
        )
        with pyro.plate("rows", len(x)):
            pyro.sample("obs", noise, obs=y)

    return Problem(model, normal, line())


def process() -> Problem:
    """A Gaussian process: a covariance, and its Cholesky factor in every step."""

    def model(x: Tensor, y: Tensor) -> None:
        length = pyro.sample("length", dist.LogNormal(-1.0, 0.5))
        noise = pyro.sample("noise", dist.LogNormal(-1.0, 0.5)).clamp(min=0.05)
        covariance = (-0.5 * ((x[:, None] - x) / length) ** 2).exp() + (noise**2 + 1e-3) * torch.eye(len(x))
        pyro.sample("obs", dist.MultivariateNormal(torch.zeros(len(x)), covariance), obs=y)

    return Problem(model, normal, line(20))


def double() -> Problem:
    def model(x: Tensor, y: Tensor) -> None:
        zero, one = torch.zeros((), dtype=torch.float64), torch.ones((), dtype=torch.float64)
        slope = pyro.sample("slope", dist.Normal(zero, 2 * one))
        sigma = pyro.sample("sigma", dist.LogNormal(zero, one))
        with pyro.plate("rows", len(x)):
            pyro.sample("obs", dist.Normal(slope * x, sigma), obs=y)

    x, y = line()
    return Problem(model, normal, (x.double(), y.double()))


MODELS = (
    Case(
        "4 particles at once",
        vectorized,
        partial(Trace_ELBO, num_particles=4, vectorize_particles=True, max_plate_nesting=1),
    ),
    Case("enumerated mixture", mixture, partial(TraceEnum_ELBO, max_plate_nesting=1)),
    Case("hidden Markov model", hidden_markov, partial(TraceEnum_ELBO, max_plate_nesting=0)),
    Case("subsampling plate", subsampled, quick=True),
    Case("local plates", hierarchical),
    Case("reparametrized plates", reparametrized),
    Case("sequential plate", one_by_one),
    Case("views written to", views_written_to),
    Case("rows chosen by a latent and summed", chosen, no_jax="index"),
    Case("LKJ", correlated),
    Case("Gamma and Beta", positive_and_shares),
    Case("mean-field ELBO of a hierarchy", hierarchical, TraceMeanField_ELBO),
    Case("factor and scale", robust),
    Case("mask", masked),
    Case("imputed rows", imputed),
    Case("parameters in the model", parameters_of_the_model),
    Case("Gaussian process", process),
    Case("double precision", double),
)
