"""Models of a few continuous latents, with automatic guides and guides by hand."""

from __future__ import annotations

import pyro
import pyro.distributions as dist
import torch
from pyro import poutine
from pyro.infer import RenyiELBO, Trace_ELBO, TraceMeanField_ELBO
from pyro.infer.autoguide import (
    AutoDelta,
    AutoDiagonalNormal,
    AutoIAFNormal,
    AutoLaplaceApproximation,
    AutoLowRankMultivariateNormal,
    AutoMultivariateNormal,
    AutoNormal,
    AutoStructured,
    init_to_median,
)
from pyro.nn import PyroModule, PyroSample
from pyro.optim import AdagradRMSProp, Adam, ClippedAdam, ExponentialLR
from torch import nn
from torch.distributions import constraints

from tests.models.case import Setup, case, counts, numbers

EFFECTS = torch.tensor([28.0, 8.0, -3.0, 7.0, -1.0, 1.0, 18.0, 12.0])
ERRORS = torch.tensor([15.0, 10.0, 16.0, 11.0, 9.0, 11.0, 10.0, 18.0])


def eight_schools(effects: torch.Tensor, errors: torch.Tensor) -> None:
    """Effects of coaching, noncentered."""
    mu = pyro.sample("mu", dist.Normal(0.0, 5.0))
    tau = pyro.sample("tau", dist.HalfCauchy(5.0))
    with pyro.plate("schools", len(effects)):
        eta = pyro.sample("eta", dist.Normal(0.0, 1.0))
        pyro.sample("y", dist.Normal(mu + tau * eta, errors), obs=effects)


SCHOOLS = ("mu", "tau", "eta")


@case("eight schools", *SCHOOLS)
def schools() -> Setup:
    return Setup(eight_schools, AutoNormal(eight_schools), (EFFECTS, ERRORS))


@case("eight schools, keywords", *SCHOOLS)
def keywords() -> Setup:
    return Setup(eight_schools, AutoDiagonalNormal(eight_schools), (), {"effects": EFFECTS, "errors": ERRORS})


@case("eight schools, structured", *SCHOOLS)
def structured() -> Setup:
    guide = AutoStructured(
        eight_schools,
        conditionals={"mu": "normal", "tau": "delta", "eta": "normal"},
        dependencies={"eta": {"mu": "linear"}},
    )
    return Setup(eight_schools, guide, (EFFECTS, ERRORS))


@case("eight schools, flow", *SCHOOLS)
def flow() -> Setup:
    return Setup(eight_schools, AutoIAFNormal(eight_schools), (EFFECTS, ERRORS))


@case("eight schools, Renyi", *SCHOOLS)
def renyi() -> Setup:
    guide = AutoLowRankMultivariateNormal(eight_schools, init_loc_fn=init_to_median)
    return Setup(eight_schools, guide, (EFFECTS, ERRORS), loss=RenyiELBO(alpha=0.5, num_particles=2))


@case("eight schools, Laplace", *SCHOOLS)
def laplace() -> Setup:
    return Setup(eight_schools, AutoLaplaceApproximation(eight_schools), (EFFECTS, ERRORS))


@case("eight schools by hand, decaying rate", *SCHOOLS)
def by_hand() -> Setup:
    def guide(effects: torch.Tensor, errors: torch.Tensor) -> None:
        loc, scale = pyro.param("loc", torch.zeros(2)), pyro.param("scale", torch.ones(2), constraints.positive)
        pyro.sample("mu", dist.Normal(loc[0], scale[0]))
        pyro.sample("tau", dist.LogNormal(loc[1], scale[1]))
        with pyro.plate("schools", len(effects)):
            place = pyro.param("place", torch.zeros(len(effects)))
            pyro.sample("eta", dist.Normal(place, pyro.param("width", torch.ones(8), constraints.positive)))

    optimizer = ExponentialLR({"optimizer": torch.optim.Adam, "optim_args": {"lr": 0.02}, "gamma": 0.99})
    return Setup(eight_schools, guide, (EFFECTS, ERRORS), optimizer=optimizer)


def coin(flips: torch.Tensor) -> None:
    """Fairness of a coin."""
    fairness = pyro.sample("fairness", dist.Beta(10.0, 10.0))
    with pyro.plate("flips", len(flips)):
        pyro.sample("flip", dist.Bernoulli(fairness), obs=flips)


@case("coin", "fairness")
def beta() -> Setup:
    def guide(flips: torch.Tensor) -> None:
        alpha = pyro.param("alpha", torch.tensor(15.0), constraint=constraints.positive)
        pyro.sample("fairness", dist.Beta(alpha, pyro.param("beta", torch.tensor(15.0), constraints.positive)))

    optimizer = Adam({"lr": 0.0005, "betas": (0.90, 0.999)})
    return Setup(coin, guide, (torch.tensor([1.0] * 6 + [0.0] * 4),), loss=Trace_ELBO(), optimizer=optimizer)


@case("gamma-Poisson", "rate")
def gamma() -> Setup:
    def model(events: torch.Tensor) -> None:
        rate = pyro.sample("rate", dist.Gamma(2.0, 1.0))
        with pyro.plate("days", len(events)):
            pyro.sample("events", dist.Poisson(rate), obs=events)

    def guide(events: torch.Tensor) -> None:
        shape = pyro.param("shape", torch.tensor(2.0), constraints.positive)
        pyro.sample("rate", dist.Gamma(shape, pyro.param("inverse", torch.tensor(1.0), constraints.positive)))

    return Setup(model, guide, (counts(7, 20).float(),), optimizer=AdagradRMSProp({"eta": 0.1}))


@case("dice", "shares")
def dirichlet() -> Setup:
    def model(faces: torch.Tensor) -> None:
        shares = pyro.sample("shares", dist.Dirichlet(torch.ones(6)))
        with pyro.plate("throws", len(faces)):
            pyro.sample("face", dist.Categorical(shares), obs=faces)

    def guide(faces: torch.Tensor) -> None:
        pyro.sample("shares", dist.Dirichlet(pyro.param("weights", torch.ones(6) * 2, constraints.positive)))

    return Setup(model, guide, (counts(6, 40),), loss=TraceMeanField_ELBO())


@case("batters", "m", "log_kappa", "skill")
def batters() -> Setup:
    def model(at_bats: torch.Tensor, hits: torch.Tensor) -> None:
        m = pyro.sample("m", dist.Uniform(0.0, 1.0))
        kappa = torch.exp(pyro.sample("log_kappa", dist.Exponential(0.5)))
        with pyro.plate("batters", len(at_bats)):
            skill = pyro.sample("skill", dist.Beta(m * kappa + 0.1, (1 - m) * kappa + 0.1))
            pyro.sample("hits", dist.Binomial(at_bats, skill), obs=hits)

    return Setup(
        model, AutoMultivariateNormal(model, init_scale=0.1), (torch.full((18,), 45.0), counts(20, 18).float())
    )


class Regression(PyroModule):
    """Linear regression whose weights are drawn."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = PyroModule[nn.Linear](3, 1)
        self.linear.weight = PyroSample(dist.Normal(0.0, 1.0).expand([1, 3]).to_event(2))
        self.linear.bias = PyroSample(dist.Normal(0.0, 10.0).expand([1]).to_event(1))

    def forward(self, x: torch.Tensor, y: torch.Tensor | None = None) -> torch.Tensor:
        sigma = pyro.sample("sigma", dist.Uniform(0.0, 10.0))
        mean = self.linear(x).squeeze(-1)
        with pyro.plate("data", len(x)):
            pyro.sample("obs", dist.Normal(mean, sigma), obs=y)
        return mean


@case("regression as a module", "sigma", "linear.weight", "linear.bias")
def regression() -> Setup:
    model = Regression()
    x = numbers(30, 3)
    return Setup(model, AutoDiagonalNormal(model), (x, x @ torch.tensor([1.0, -2.0, 0.5]) + 1.0))


@case("regression on samples of the rows", "weight", "bias")
def subsampled() -> Setup:
    def model(x: torch.Tensor, y: torch.Tensor) -> None:
        weight = pyro.sample("weight", dist.Normal(torch.zeros(3), 1.0).to_event(1))
        bias = pyro.sample("bias", dist.Normal(0.0, 1.0))
        with pyro.plate("data", len(x), subsample_size=10) as rows:
            pyro.sample("obs", dist.Normal(x[rows] @ weight + bias, 0.5), obs=y[rows])

    x = numbers(50, 3)
    return Setup(model, AutoNormal(model), (x, x.sum(1)), optimizer=ClippedAdam({"lr": 0.02, "lrd": 0.999}))


@case("sparse regression", "scale", "local", "weight", "noise")
def horseshoe() -> Setup:
    def model(x: torch.Tensor, y: torch.Tensor) -> None:
        scale = pyro.sample("scale", dist.HalfCauchy(1.0))
        local = pyro.sample("local", dist.HalfCauchy(torch.ones(x.shape[1])).to_event(1))
        weight = pyro.sample("weight", dist.Normal(0.0, scale * local).to_event(1))
        noise = pyro.sample("noise", dist.InverseGamma(3.0, 1.0))
        with pyro.plate("data", len(x)):
            pyro.sample("y", dist.Normal(x @ weight, noise), obs=y)

    x = numbers(40, 6)
    return Setup(model, AutoNormal(model), (x, 2 * x[:, 0]))


@case("maximum likelihood")
def likelihood() -> Setup:
    def model(values: torch.Tensor) -> None:
        loc, scale = pyro.param("loc", torch.zeros(())), pyro.param("scale", torch.ones(()), constraints.positive)
        with pyro.plate("data", len(values)):
            pyro.sample("value", dist.Normal(loc, scale), obs=values)

    def guide(values: torch.Tensor) -> None:
        pass

    return Setup(model, guide, (numbers(25) * 2 + 3,))


@case("maximum a posteriori", "mu", "tau", "eta")
def point() -> Setup:
    return Setup(eight_schools, AutoDelta(eight_schools), (EFFECTS, ERRORS))


@case("censored times", "rate", "shape")
def censored() -> Setup:
    def model(times: torch.Tensor, seen: torch.Tensor) -> None:
        rate = pyro.sample("rate", dist.LogNormal(0.0, 1.0))
        shape = pyro.sample("shape", dist.LogNormal(0.0, 0.5))
        life = dist.Weibull(rate, shape)
        with pyro.plate("patients", len(times)):
            with poutine.mask(mask=seen):
                pyro.sample("time", life, obs=times)
            with poutine.mask(mask=~seen):
                pyro.factor("alive", -((times / rate) ** shape))

    return Setup(model, AutoNormal(model), (numbers(30).exp(), counts(3, 30) > 0))


CASES = (
    schools,
    keywords,
    structured,
    flow,
    renyi,
    laplace,
    by_hand,
    beta,
    gamma,
    dirichlet,
    batters,
    regression,
    subsampled,
    horseshoe,
    likelihood,
    point,
    censored,
)
