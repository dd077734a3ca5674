"""Models and guides of the kinds that people train with SVI, small."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import pyro
import pyro.distributions as dist
import torch
from pyro import poutine
from pyro.contrib.easyguide import EasyGuide
from pyro.infer import TraceEnum_ELBO, autoguide, config_enumerate
from pyro.nn import PyroModule, PyroParam, PyroSample
from pyro.ops.indexing import Vindex
from torch import nn
from torch.distributions import constraints

EFFECTS = torch.tensor([28.0, 8.0, -3.0, 7.0, -1.0, 1.0, 18.0, 12.0])
ERRORS = torch.tensor([15.0, 10.0, 16.0, 11.0, 9.0, 11.0, 10.0, 18.0])
POINTS = torch.tensor([0.0, 1.0, 10.0, 11.0, 12.0, 0.5])
SERIES = torch.tensor([0, 1, 1, 0, 2, 2, 1])
WORDS = torch.tensor([[0, 1, 1, 3], [2, 2, 3, 4], [4, 0, 1, 2]])
COUNTS = torch.tensor([[3.0, 1.0, 0.0, 2.0], [0.0, 1.0, 4.0, 2.0], [1.0, 0.0, 1.0, 5.0]])
PICTURES = (torch.arange(60).reshape(10, 6) % 3 == 0).float()
INPUTS, TARGETS = torch.linspace(-1, 1, 12)[:, None], torch.linspace(-1, 1, 12).sin()


def eight_schools(errors: torch.Tensor, *, effects: torch.Tensor) -> None:
    mean = pyro.sample("mean", dist.Normal(0.0, 10.0))
    spread = pyro.sample("spread", dist.HalfNormal(10.0))
    with pyro.plate("schools", len(errors)):
        effect = pyro.sample("effect", dist.Normal(mean, spread))
        pyro.sample("y", dist.Normal(effect, errors), obs=effects)


def schools_by_hand(errors: torch.Tensor, *, effects: torch.Tensor) -> None:
    loc = pyro.param("loc", lambda: 0.1 * torch.randn(10))
    scale = pyro.param("scale", torch.full((10,), 0.5), constraint=constraints.positive)
    pyro.sample("mean", dist.Normal(loc[0], scale[0]))
    pyro.sample("spread", dist.LogNormal(loc[1], scale[1]))
    with pyro.plate("schools", len(errors)):
        pyro.sample("effect", dist.Normal(loc[2:], scale[2:]))


class Schools:
    """Model and guide as methods of an object."""

    def model(self, errors: torch.Tensor, *, effects: torch.Tensor) -> None:
        eight_schools(errors, effects=effects)

    def guide(self, errors: torch.Tensor, *, effects: torch.Tensor) -> None:
        schools_by_hand(errors, effects=effects)


@config_enumerate
def mixture(points: torch.Tensor) -> None:
    weights = pyro.sample("weights", dist.Dirichlet(0.5 * torch.ones(2)))
    with pyro.plate("components", 2):
        places = pyro.sample("places", dist.Normal(0.0, 10.0))
    with pyro.plate("points", len(points)):
        assignment = pyro.sample("assignment", dist.Categorical(weights))
        pyro.sample("obs", dist.Normal(places[assignment], 1.0), obs=points)


def mixture_guide(points: torch.Tensor) -> None:
    """A guide that sums over the assignments itself."""
    shares = pyro.param("shares", torch.full((len(points), 2), 0.5), constraint=constraints.simplex)
    at = pyro.param("at", lambda: torch.randn(2))
    pyro.sample("weights", dist.Dirichlet(torch.ones(2)))
    with pyro.plate("components", 2):
        pyro.sample("places", dist.Normal(at, 0.1))
    with pyro.plate("points", len(points)):
        pyro.sample("assignment", dist.Categorical(shares), infer={"enumerate": "parallel"})


@config_enumerate
def markov(series: torch.Tensor) -> None:
    with pyro.plate("states", 2):
        move = pyro.sample("move", dist.Dirichlet(torch.tensor([3.0, 1.0])))
        emit = pyro.sample("emit", dist.Dirichlet(torch.ones(3)))
    state: Any = 0
    for step in pyro.markov(range(len(series))):
        state = pyro.sample(f"state_{step}", dist.Categorical(move[state]))
        pyro.sample(f"word_{step}", dist.Categorical(Vindex(emit)[..., state, :]), obs=series[step])


def topics(words: torch.Tensor) -> None:
    """Latent Dirichlet allocation: the topic of each word is summed over."""
    with pyro.plate("topics", 2):
        vocabulary = pyro.sample("vocabulary", dist.Dirichlet(torch.ones(5)))
    with pyro.plate("documents", len(words), dim=-1):
        shares = pyro.sample("shares", dist.Dirichlet(torch.ones(2)))
        with pyro.plate("words", words.shape[1], dim=-2):
            topic = pyro.sample("topic", dist.Categorical(shares), infer={"enumerate": "parallel"})
            pyro.sample("word", dist.Categorical(vocabulary[topic]), obs=words.T)


def topics_guide(words: torch.Tensor) -> None:
    scale = pyro.param("vocabulary_q", lambda: torch.ones(2, 5), constraint=constraints.positive)
    with pyro.plate("topics", 2):
        pyro.sample("vocabulary", dist.Dirichlet(scale))
    shares = pyro.param("shares_q", lambda: torch.ones(len(words), 2), constraint=constraints.positive)
    with pyro.plate("documents", len(words), dim=-1):
        pyro.sample("shares", dist.Dirichlet(shares))


class VAE(nn.Module):
    """Amortised guide, in a plate of which each step looks at some rows, with a normalization that counts calls."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(6, 4), nn.BatchNorm1d(4), nn.Linear(4, 4))
        self.decoder = nn.Linear(2, 6)

    def model(self, x: torch.Tensor, rows: int = 4) -> None:
        pyro.module("decoder", self.decoder)
        with pyro.plate("data", len(x), subsample_size=rows) as index:
            z = pyro.sample("z", dist.Normal(torch.zeros(rows, 2), 1.0).to_event(1))
            pyro.sample("x", dist.Bernoulli(logits=self.decoder(z)).to_event(1), obs=x[index])

    def guide(self, x: torch.Tensor, rows: int = 4) -> None:
        pyro.module("encoder", self.encoder)
        with pyro.plate("data", len(x), subsample_size=rows) as index:
            loc, log_scale = self.encoder(x[index]).split(2, dim=-1)
            pyro.sample("z", dist.Normal(loc, log_scale.exp()).to_event(1))


def sparse_gamma(counts: torch.Tensor) -> None:
    with pyro.plate("top", 2, dim=-1), pyro.plate("rows", len(counts), dim=-2):
        z = pyro.sample("z_top", dist.Gamma(0.5, 0.5))
    with pyro.plate("columns", counts.shape[1], dim=-1), pyro.plate("weights", 2, dim=-2):
        w = pyro.sample("w_top", dist.Gamma(0.3, 0.3))
    pyro.sample("obs", dist.Poisson(z @ w).to_event(2), obs=counts)


class GammaGuide(EasyGuide):
    """Point estimates of the weights, normal numbers for the rest."""

    def guide(self, counts: torch.Tensor) -> None:
        with self.plate("columns", counts.shape[1], dim=-1), self.plate("weights", 2, dim=-2):
            self.map_estimate("w_top")
        group = self.group(match="z_top")
        with self.plate("rows", len(counts), dim=-2), self.plate("top", 2, dim=-1):
            loc = pyro.param("z_loc", lambda: torch.zeros(3, 2, *group.event_shape), event_dim=1)
            group.sample("z_aux", dist.Normal(loc, 0.1).to_event(1))


class Network(PyroModule):
    """Bayesian neural network."""

    def __init__(self) -> None:
        super().__init__()
        self.hidden: Any = PyroModule[nn.Linear](1, 3)
        self.out: Any = PyroModule[nn.Linear](3, 1)
        self.hidden.weight = PyroSample(dist.Normal(0.0, 1.0).expand([3, 1]).to_event(2))
        self.out.weight = PyroSample(dist.Normal(0.0, 1.0).expand([1, 3]).to_event(2))
        self.noise = PyroParam(torch.tensor(0.1), constraints.positive)

    def forward(self, x: torch.Tensor, y: torch.Tensor | None = None) -> Any:
        mean = self.out(self.hidden(x).tanh()).squeeze(-1)
        with pyro.plate("data", len(x)):
            return pyro.sample("obs", dist.Normal(mean, self.noise), obs=y)


class LazyGuide(PyroModule):
    """A module that makes its parameters, from random numbers, when it is first called."""

    @PyroParam
    def loc(self) -> torch.Tensor:
        return torch.randn(3, 1)

    def forward(self, x: torch.Tensor, y: torch.Tensor | None = None) -> None:
        pyro.sample("hidden.weight", dist.Normal(self.loc, 0.1).to_event(2))
        pyro.sample("out.weight", dist.Normal(self.loc.T, 0.1).to_event(2))


def likelihood(x: torch.Tensor) -> None:
    """A model without latents."""
    rate = pyro.param("rate", torch.tensor(1.0), constraint=constraints.positive)
    with pyro.plate("data", len(x)):
        pyro.sample("x", dist.Exponential(rate), obs=x)


def empty(x: torch.Tensor) -> None:
    """The guide of maximum likelihood."""


def branches(x: torch.Tensor) -> None:
    """A model whose latents vary from call to call."""
    if bool(pyro.sample("coin", dist.Bernoulli(0.5))):
        pyro.sample("extra", dist.Normal(0.0, 1.0))
    pyro.sample("obs", dist.Normal(x, 1.0).to_event(1), obs=x)


def branches_guide(x: torch.Tensor) -> None:
    if bool(pyro.sample("coin", dist.Bernoulli(pyro.param("p", torch.tensor(0.5), constraints.unit_interval)))):
        pyro.sample("extra", dist.Normal(pyro.param("at", torch.tensor(0.0)), 1.0))


def in_parts() -> Any:
    """Return a guide with probabilities of the assignments."""
    guide: Any = autoguide.AutoGuideList(mixture)
    guide.append(autoguide.AutoNormal(poutine.block(mixture, hide=["assignment"])))
    guide.append(autoguide.AutoDiscreteParallel(poutine.block(mixture, expose=["assignment"])))
    return guide


class Case(NamedTuple):
    """A model, a guide of it and the arguments of both."""

    model: Callable[..., Any]
    guide: Any
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    elbo: Any = None


def _schools() -> dict[str, Any]:
    """Return guides of every kind of the model of eight schools."""
    methods = Schools()
    return {
        "chosen": None,
        "family": "multivariate",
        "normal": autoguide.AutoNormal(eight_schools),
        "plates": autoguide.AutoNormal(
            eight_schools, create_plates=lambda errors, effects: pyro.plate("schools", len(errors))
        ),
        "structured": autoguide.AutoStructured(eight_schools),
        "laplace": autoguide.AutoLaplaceApproximation(eight_schools),
        "gaussian": autoguide.AutoGaussian(eight_schools),
        "messenger": autoguide.AutoNormalMessenger(eight_schools),
        "hierarchical": autoguide.AutoHierarchicalNormalMessenger(eight_schools),
        "regressive": autoguide.AutoRegressiveMessenger(eight_schools),
        "class": autoguide.AutoStructured,
        "options": partial(autoguide.AutoLowRankMultivariateNormal, rank=2),
        "blocked": poutine.block(autoguide.AutoNormal(eight_schools), hide=["nothing"]),
        "function": schools_by_hand,
        "lambda": lambda errors, effects: schools_by_hand(errors, effects=effects),
        "method": methods.guide,
    }


def _enumerated() -> dict[str, Case]:
    """Return models that sum over discrete latents."""
    one, two = TraceEnum_ELBO(max_plate_nesting=1), TraceEnum_ELBO(max_plate_nesting=2)
    of_mixture = autoguide.AutoDelta(poutine.block(mixture, expose=["weights", "places"]))
    of_markov = autoguide.AutoDelta(poutine.block(markov, expose=["move", "emit"]))
    return {
        "mixture chosen": Case(mixture, None, (POINTS,), {}),
        "mixture delta": Case(mixture, of_mixture, (POINTS,), {}, one),
        "mixture parts": Case(mixture, in_parts(), (POINTS,), {}, one),
        "mixture by hand": Case(mixture, mixture_guide, (POINTS,), {}, one),
        "mixture family": Case(mixture, "diagonal", (POINTS,), {}),
        "markov chosen": Case(markov, None, (SERIES,), {}),
        "markov delta": Case(markov, of_markov, (SERIES,), {}, one),
        "topics chosen": Case(topics, None, (WORDS,), {}),
        "topics function": Case(topics, topics_guide, (WORDS,), {}, two),
    }


def cases() -> dict[str, Case]:
    """Return the table, with objects of its own each time."""
    schools = {
        f"schools {name}": Case(eight_schools, guide, (ERRORS,), {"effects": EFFECTS})
        for name, guide in _schools().items()
    }
    torch.manual_seed(0)
    vae, network, positive = VAE(), Network(), POINTS.abs() + 0.1
    return {
        **schools,
        **_enumerated(),
        "vae": Case(vae.model, vae.guide, (PICTURES,), {"rows": 4}),
        "gamma easy": Case(sparse_gamma, GammaGuide(sparse_gamma), (COUNTS,), {}),
        "network normal": Case(network, autoguide.AutoNormal(network), (INPUTS, TARGETS), {}),
        "network flow": Case(network, autoguide.AutoIAFNormal(network), (INPUTS, TARGETS), {}),
        "network lazy": Case(network, LazyGuide(), (INPUTS,), {"y": TARGETS}),
        "nothing chosen": Case(likelihood, None, (positive,), {}),
        "nothing empty": Case(likelihood, empty, (positive,), {}),
        "branches": Case(branches, branches_guide, (POINTS,), {}),
    }
