"""Time series, and models whose sites vary from call to call."""

from __future__ import annotations

import pyro
import pyro.distributions as dist
import torch
from pyro import poutine
from pyro.contrib.epidemiology.models import SimpleSIRModel
from pyro.infer import TraceEnum_ELBO, config_enumerate
from pyro.infer.autoguide import AutoDelta, AutoNormal
from pyro.optim import ClippedAdam
from torch import nn
from torch.distributions import constraints

from tests.models.case import Setup, case, counts, numbers


@case("hidden Markov model", "moving", "sounding")
def markov() -> Setup:
    @config_enumerate
    def model(notes: torch.Tensor, num_states: int = 3) -> None:
        with poutine.mask(mask=torch.tensor(True)):
            moving = pyro.sample("moving", dist.Dirichlet(0.9 * torch.eye(num_states) + 0.1).to_event(1))
            sounding = pyro.sample("sounding", dist.Beta(0.1, 0.9).expand([num_states, 4]).to_event(2))
        with pyro.plate("tunes", len(notes), dim=-2):
            state = torch.zeros((), dtype=torch.long)
            tones = pyro.plate("tones", 4, dim=-1)
            for time in pyro.markov(range(notes.shape[1])):
                state = pyro.sample(f"state_{time}", dist.Categorical(moving[state]))
                with tones as tone:
                    pyro.sample(f"note_{time}", dist.Bernoulli(sounding[state, tone]), obs=notes[:, time])

    guide = AutoDelta(poutine.block(model, expose=["moving", "sounding"]))
    return Setup(model, guide, (counts(2, 4, 6, 4).float(),), {"num_states": 2}, TraceEnum_ELBO(max_plate_nesting=2))


_tones: nn.Module | None = None


def _of_tones(state: torch.Tensor, heard: torch.Tensor) -> torch.Tensor:
    """Return logits of a network that the first call makes and leaves in a global variable."""
    global _tones  # noqa: PLW0603 what is tried
    if _tones is None:
        _tones = nn.Linear(5, 4)
    pyro.module("tones", _tones)
    return _tones(torch.cat([state.expand(*heard.shape[:-1], 1), heard], -1))


@case("network in a global variable", "state")
def late() -> Setup:
    global _tones  # noqa: PLW0603 begins anew
    _tones = None

    def model(notes: torch.Tensor) -> None:
        state = pyro.sample("state", dist.Normal(0.0, 1.0))
        with pyro.plate("tunes", len(notes)):
            for time in range(1, notes.shape[1]):
                logits = _of_tones(state, notes[:, time - 1])
                pyro.sample(f"note_{time}", dist.Bernoulli(logits=logits).to_event(1), obs=notes[:, time])

    return Setup(model, AutoDelta(poutine.block(model, expose=["state"])), (counts(2, 4, 3, 4).float(),))


@case("stochastic volatility", "persistence", "width", "steps")
def volatility() -> Setup:
    def model(returns: torch.Tensor) -> None:
        persistence = pyro.sample("persistence", dist.Beta(20.0, 1.5))
        width = pyro.sample("width", dist.LogNormal(-1.0, 0.5))
        steps = pyro.sample("steps", dist.Normal(torch.zeros(len(returns)), 1.0).to_event(1))
        level, levels = torch.zeros(()), []
        for step in steps.unbind(-1):
            level = persistence * level + width * step
            levels.append(level)
        pyro.sample("returns", dist.Normal(0.0, (0.5 * torch.stack(levels)).exp()).to_event(1), obs=returns)

    return Setup(model, AutoNormal(model), (numbers(20),))


@case("local level", "drift", "noise", "drift_scale")
def level() -> Setup:
    def model(series: torch.Tensor) -> None:
        drift_scale = pyro.sample("drift_scale", dist.LogNormal(-2.0, 1.0))
        noise = pyro.sample("noise", dist.LogNormal(-1.0, 1.0))
        with pyro.plate("time", len(series)):
            drift = pyro.sample("drift", dist.Normal(0.0, 1.0))
        path = pyro.deterministic("path", drift_scale * drift.cumsum(-1))
        with pyro.plate("time_seen", len(series)):
            pyro.sample("series", dist.StudentT(4.0, path, noise), obs=series)

    return Setup(model, AutoNormal(model, create_plates=None), (numbers(24).cumsum(0),))


@case("deep Markov model", "z_0", "z_1", "z_2")
def deep() -> Setup:
    mover, emitter, reader = nn.Linear(2, 4), nn.Linear(2, 3), nn.GRU(3, 4, batch_first=True)
    combiner = nn.Linear(6, 4)

    def model(x: torch.Tensor, annealing: float = 1.0) -> None:
        for name, network in (("mover", mover), ("emitter", emitter)):
            pyro.module(name, network)
        with pyro.plate("sequences", len(x)):
            z = pyro.param("z_begin", torch.zeros(2)).expand(len(x), 2)
            for time in pyro.markov(range(x.shape[1])):
                loc, log_scale = mover(z).chunk(2, -1)
                with poutine.scale(None, annealing):
                    z = pyro.sample(f"z_{time}", dist.Normal(loc, log_scale.exp()).to_event(1))
                pyro.sample(f"x_{time}", dist.Bernoulli(logits=emitter(z)).to_event(1), obs=x[:, time])

    def guide(x: torch.Tensor, annealing: float = 1.0) -> None:
        for name, network in (("reader", reader), ("combiner", combiner)):
            pyro.module(name, network)
        read, _ = reader(x.flip(1))
        with pyro.plate("sequences", len(x)):
            z = torch.zeros(len(x), 2)
            for time in pyro.markov(range(x.shape[1])):
                loc, log_scale = combiner(torch.cat([z, read[:, -1 - time]], -1)).chunk(2, -1)
                with poutine.scale(None, annealing):
                    z = pyro.sample(f"z_{time}", dist.Normal(loc, log_scale.exp()).to_event(1))

    optimizer = ClippedAdam({"lr": 0.003, "betas": (0.96, 0.999), "clip_norm": 10.0, "lrd": 0.9999})
    return Setup(model, guide, (counts(2, 5, 3, 3).float(),), {"annealing": 0.5}, optimizer=optimizer)


@case("as many objects as it takes", "more_0")
def varying() -> Setup:
    def model(total: torch.Tensor) -> None:
        value, step = torch.zeros(()), 0
        while step < 3:
            more = pyro.sample(f"more_{step}", dist.Bernoulli(0.5))
            if not more:
                break
            value = value + pyro.sample(f"size_{step}", dist.Normal(1.0, 1.0))
            step += 1
        pyro.sample("total", dist.Normal(value, 0.5), obs=total)

    def guide(total: torch.Tensor) -> None:
        step = 0
        while step < 3:
            share = pyro.param(f"share_{step}", torch.tensor(0.5), constraint=constraints.unit_interval)
            if not pyro.sample(f"more_{step}", dist.Bernoulli(share)):
                break
            pyro.sample(f"size_{step}", dist.Normal(pyro.param(f"loc_{step}", torch.tensor(1.0)), 0.3))
            step += 1

    return Setup(model, guide, (torch.tensor(2.0),))


@case("epidemic", "R0", "rho", "auxiliary")
def epidemic() -> Setup:
    """Make a model that is the method of an object of Pyro's, which computes in its first call and remembers."""
    model = SimpleSIRModel(40, 5.0, torch.tensor([0.0, 1.0, 2.0, 3.0, 2.0, 1.0]))._relaxed_model
    return Setup(model, AutoNormal(model, init_scale=0.01))


@case("states through one flow", "z_0", "z_1", "z_2")
def flowing() -> Setup:
    """The flow of all states keeps the last one only, so that the density of the others needs its slow inverse."""
    flow = dist.transforms.affine_autoregressive(3, hidden_dims=[4])
    emit, combine = nn.Linear(3, 5), nn.Linear(3 + 5, 6)

    def model(series: torch.Tensor) -> None:
        pyro.module("emit", emit)
        with pyro.plate("series", len(series)):
            z = torch.zeros(len(series), 3)
            for time in pyro.markov(range(series.shape[1])):
                z = pyro.sample(f"z_{time}", dist.Normal(0.9 * z, 0.5).to_event(1))
                pyro.sample(f"x_{time}", dist.Bernoulli(logits=emit(z)).to_event(1), obs=series[:, time])

    def guide(series: torch.Tensor) -> None:
        pyro.module("combine", combine)
        pyro.module("flow", flow)
        with pyro.plate("series", len(series)):
            z = torch.zeros(len(series), 3)
            for time in pyro.markov(range(series.shape[1])):
                loc, log_scale = combine(torch.cat([z, series[:, time]], -1)).split(3, -1)
                z = pyro.sample(f"z_{time}", dist.TransformedDistribution(dist.Normal(loc, log_scale.exp()), [flow]))

    return Setup(model, guide, ((numbers(6, 3, 5) > 0).float(),))


CASES = (markov, late, volatility, level, deep, varying, epidemic, flowing)
