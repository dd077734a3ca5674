"""Models with discrete latents: summed over, drawn, or both."""

from __future__ import annotations

import pyro
import pyro.distributions as dist
import torch
from pyro import poutine
from pyro.infer import JitTraceEnum_ELBO, TraceEnum_ELBO, TraceGraph_ELBO, config_enumerate
from pyro.infer.autoguide import AutoDelta, AutoDiscreteParallel, AutoGuideList, AutoNormal
from pyro.optim import Adam
from torch.distributions import constraints

from tests.models.case import Setup, case, counts, numbers

POINTS = torch.tensor([0.0, 1.0, 10.0, 11.0, 12.0])


@config_enumerate
def mixture(data: torch.Tensor) -> None:
    """Two normal distributions, mixed."""
    weights = pyro.sample("weights", dist.Dirichlet(0.5 * torch.ones(2)))
    scale = pyro.sample("scale", dist.LogNormal(0.0, 2.0))
    with pyro.plate("components", 2):
        locs = pyro.sample("locs", dist.Normal(0.0, 10.0))
    with pyro.plate("data", len(data)):
        assignment = pyro.sample("assignment", dist.Categorical(weights))
        pyro.sample("obs", dist.Normal(locs[assignment], scale), obs=data)


def _globals() -> AutoDelta:
    return AutoDelta(poutine.block(mixture, expose=["weights", "locs", "scale"]))


@case("mixture, enumerated", "weights", "locs", "scale")
def enumerated() -> Setup:
    return Setup(mixture, _globals(), (POINTS,), loss=TraceEnum_ELBO(max_plate_nesting=1))


@case("mixture, normal guide, jit", "weights", "locs", "scale")
def jitted() -> Setup:
    guide = AutoNormal(poutine.block(mixture, expose=["weights", "locs", "scale"]))
    return Setup(mixture, guide, (POINTS,), loss=JitTraceEnum_ELBO(max_plate_nesting=1, ignore_jit_warnings=True))


@case("mixture, assignments drawn", "weights", "locs", "scale", "assignment")
def full() -> Setup:
    def guide(data: torch.Tensor) -> None:
        with poutine.block(hide_types=["param"]):
            point(data)
        with pyro.plate("data", len(data)):
            probs = pyro.param("probs", torch.ones(len(data), 2) / 2, constraint=constraints.unit_interval)
            pyro.sample("assignment", dist.Categorical(probs))

    point = _globals()
    return Setup(mixture, config_enumerate(guide), (POINTS,), loss=TraceEnum_ELBO(max_plate_nesting=1))


@case("mixture, list of guides", "weights", "locs", "scale", "assignment")
def listed() -> Setup:
    guide = AutoGuideList(mixture)
    guide.append(AutoNormal(poutine.block(mixture, expose=["weights", "locs", "scale"])))
    guide.append(AutoDiscreteParallel(poutine.block(mixture, expose=["assignment"])))
    return Setup(mixture, guide, (POINTS,), loss=TraceEnum_ELBO(max_plate_nesting=1))


@case("two states, drawn", "state", "loc")
def graph() -> Setup:
    def model(data: torch.Tensor) -> None:
        state = pyro.sample("state", dist.Bernoulli(0.4))
        loc = pyro.sample("loc", dist.Normal(2.0 * state, 1.0))
        with pyro.plate("data", len(data)):
            pyro.sample("obs", dist.Normal(loc, 1.0), obs=data)

    def guide(data: torch.Tensor) -> None:
        share = pyro.param("share", torch.tensor(0.5), constraint=constraints.unit_interval)
        baseline = {"use_decaying_avg_baseline": True, "baseline_beta": 0.9}
        pyro.sample("state", dist.Bernoulli(share), infer={"baseline": baseline})
        pyro.sample("loc", dist.Normal(pyro.param("place", torch.tensor(1.0)), 0.3))

    return Setup(model, guide, (numbers(15) + 1.5,), loss=TraceGraph_ELBO())


@case("captured and seen again", "survival", "seen")
def recapture() -> Setup:
    @config_enumerate
    def model(history: torch.Tensor) -> None:
        survival = pyro.sample("survival", dist.Uniform(0.0, 1.0))
        seen = pyro.sample("seen", dist.Uniform(0.0, 1.0))
        with pyro.plate("animals", len(history)):
            alive, first = torch.ones(()), torch.zeros(len(history), dtype=torch.bool)
            for time in pyro.markov(range(history.shape[1])):
                with poutine.mask(mask=first):
                    alive = pyro.sample(f"alive_{time}", dist.Bernoulli(alive * survival))
                    pyro.sample(f"seen_{time}", dist.Bernoulli(alive * seen), obs=history[:, time])
                first = first | history[:, time].bool()

    guide = AutoNormal(poutine.block(model, expose=["survival", "seen"]))
    return Setup(model, guide, (counts(2, 12, 5).float(),), loss=TraceEnum_ELBO(max_plate_nesting=1))


@case("topics", "topics", "shares")
def topics() -> Setup:
    num_topics, num_words = 3, 12

    @config_enumerate
    def model(words: torch.Tensor) -> None:
        with pyro.plate("topics_plate", num_topics):
            topic = pyro.sample("topics", dist.Dirichlet(torch.ones(num_words) / num_words))
        with pyro.plate("documents", words.shape[1]):
            shares = pyro.sample("shares", dist.Dirichlet(torch.ones(num_topics)))
            with pyro.plate("words", len(words)):
                picked = pyro.sample("topic", dist.Categorical(shares))
                pyro.sample("word", dist.Categorical(topic[picked]), obs=words)

    def guide(words: torch.Tensor) -> None:
        positive = constraints.positive
        with pyro.plate("topics_plate", num_topics):
            weights = pyro.param("weights", torch.ones(num_topics, num_words), constraint=positive)
            pyro.sample("topics", dist.Dirichlet(weights))
        with pyro.plate("documents", words.shape[1]):
            of_document = pyro.param("of_document", torch.ones(words.shape[1], num_topics), constraint=positive)
            pyro.sample("shares", dist.Dirichlet(of_document))

    loss = TraceEnum_ELBO(max_plate_nesting=2)
    return Setup(model, guide, (counts(num_words, 8, 5),), loss=loss, optimizer=Adam({"lr": 0.05}))


CASES = (enumerated, jitted, full, listed, graph, recapture, topics)
