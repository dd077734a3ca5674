"""How many of Pyro's kinds of models run as a captured step, and how much faster than a loop of one's own.

The 29 configurations are those of Pyro's examples, tutorials and tests, rewritten small, that models are judged by.
"""

from __future__ import annotations

import statistics
import sys
import time
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

import pyro
import pyro.distributions as dist
import torch
from pyro.infer import SVI, TraceEnum_ELBO, config_enumerate
from pyro.infer.autoguide import AutoNormal
from pyro.optim import Adam, ExponentialLR, PyroLRScheduler
from torch import nn

from tests.benchmarks.figures import Figure
from tests.models import CASES
from tests.models.basic import EFFECTS, ERRORS, eight_schools
from tests.models.case import Case, Setup, counts, numbers
from tests.monitor.watched import made, watched

if TYPE_CHECKING:
    from collections.abc import Callable

ROUNDS = 3
SECONDS = 0.25
"""Time for which the steps of one side are taken in a round."""

NOISE = 0.95
"""How fast Pyro's own steps may look beside a loop of the same."""

WARM_STEPS = 100
"""Steps before anything is measured, in which the captured step is checked most often."""

TORCH: Any = pyro.optim  # makes its optimizers at import
BY_NAME = {case.name: case for case in CASES}


class Measured(NamedTuple):
    """What was measured of a configuration."""

    name: str
    captured: bool
    reason: str
    ratio: float
    rate: float


def cells() -> Setup:
    def model(x: torch.Tensor) -> None:
        with pyro.plate("cells", len(x)):
            z = pyro.sample("z", dist.Normal(0.0, 1.0))
            pyro.sample("x", dist.Normal(z, 0.5), obs=x)

    return Setup(model, AutoNormal(model), (torch.linspace(-2.0, 2.0, 10_000),))


def autoencoder() -> Setup:
    """A variational autoencoder of some 100,000 parameters, on 128 pictures."""
    encoder = nn.Sequential(nn.Linear(196, 200), nn.Softplus(), nn.Linear(200, 40))
    decoder = nn.Sequential(nn.Linear(20, 200), nn.Softplus(), nn.Linear(200, 196))

    def model(x: torch.Tensor) -> None:
        pyro.module("decoder", decoder)
        with pyro.plate("pictures", len(x)):
            z = pyro.sample("z", dist.Normal(torch.zeros(len(x), 20), 1.0).to_event(1))
            pyro.sample("x", dist.Bernoulli(logits=decoder(z), validate_args=False).to_event(1), obs=x)

    def guide(x: torch.Tensor) -> None:
        pyro.module("encoder", encoder)
        with pyro.plate("pictures", len(x)):
            loc, log_scale = encoder(x).chunk(2, -1)
            pyro.sample("z", dist.Normal(loc, log_scale.exp()).to_event(1))

    return Setup(model, guide, (counts(2, 128, 196).float(),), optimizer=Adam({"lr": 1e-3}))


def local_latents() -> Setup:
    """An automatic guide that makes its plate itself, of which each step sees some rows."""

    def plates(x: torch.Tensor) -> Any:
        return pyro.plate("rows", len(x), subsample_size=20)

    def model(x: torch.Tensor) -> None:
        centre = pyro.sample("centre", dist.Normal(0.0, 1.0))
        with plates(x) as rows:
            z = pyro.sample("z", dist.Normal(centre, 1.0))
            pyro.sample("x", dist.Normal(z, 0.5), obs=x[rows])

    return Setup(model, AutoNormal(model, create_plates=plates), (numbers(200),))


def vague_mixture() -> Setup:
    """Two components whose share has a guide of a Beta distribution; assignments are enumerated."""

    @config_enumerate
    def model(x: torch.Tensor) -> None:
        share = pyro.sample("share", dist.Beta(1.0, 1.0))
        with pyro.plate("data", len(x)):
            one = pyro.sample("one", dist.Bernoulli(share))
            pyro.sample("x", dist.Normal(4.0 * one - 2.0, 1.0), obs=x)

    def guide(_: torch.Tensor) -> None:
        positive = dist.constraints.positive
        first = pyro.param("first", torch.tensor(2.0), constraint=positive)
        pyro.sample("share", dist.Beta(first, pyro.param("second", torch.tensor(2.0), constraint=positive)))

    data = numbers(40) + 2.0 * torch.sign(numbers(40, seed=8))
    return Setup(model, guide, (data,), loss=TraceEnum_ELBO(max_plate_nesting=1))


def by_traces(model: Any, guide: Any, *args: Any) -> torch.Tensor:
    """Compute a loss of one's own."""
    guide_trace = pyro.poutine.trace(guide).get_trace(*args)
    model_trace = pyro.poutine.trace(pyro.poutine.replay(model, trace=guide_trace)).get_trace(*args)
    return guide_trace.log_prob_sum() - model_trace.log_prob_sum()


def schools_with(**changed: Any) -> Callable[[], Setup]:
    """Eight schools with an optimizer or a loss; each is made anew."""

    def make() -> Setup:
        setup = Setup(eight_schools, AutoNormal(eight_schools), (EFFECTS, ERRORS))
        return replace(setup, **{name: value() for name, value in changed.items()})

    return make


def _rates(name: str) -> dict[str, float]:
    return {"lr": 0.02 if name.endswith("eta") else 0.01}


def _plateau() -> Any:
    options = {"optimizer": torch.optim.Adam, "optim_args": {"lr": 0.02}}
    return TORCH.ReduceLROnPlateau(options)


def _falling() -> Any:
    return ExponentialLR({"optimizer": torch.optim.Adam, "optim_args": {"lr": 0.02}, "gamma": 0.999})


CONFIGURATIONS: dict[str, Case] = {
    "baseball, partially pooled": BY_NAME["batters"],
    "VAE of 10^5 parameters": Case("VAE", autoencoder),
    "mixture with a full guide": BY_NAME["mixture, assignments drawn"],
    "HMM, enumerated": BY_NAME["hidden Markov model"],
    "forecasting": BY_NAME["local level"],
    "sparse variational GP": BY_NAME["sparse variational Gaussian process"],
    "no latents": BY_NAME["maximum likelihood"],
    "eight schools by hand": replace(BY_NAME["eight schools by hand, decaying rate"], name="by hand"),
    "AutoStructured": BY_NAME["eight schools, structured"],
    "AutoGuideList": BY_NAME["mixture, list of guides"],
    "subsampling plate": BY_NAME["regression on samples of the rows"],
    "create_plates": Case("local latents", local_latents),
    "amortised, subsampled": BY_NAME["autoencoder of rows that the guide picks"],
    "required keywords": BY_NAME["eight schools, keywords"],
    "10,000 latents": Case("cells", cells),
    "LDA": BY_NAME["topics"],
    "toy mixture": Case("vague mixture", vague_mixture),
    "SVI part I": BY_NAME["coin"],
    "ProdLDA": BY_NAME["topics by a network"],
    "options by parameter": Case("rates", schools_with(optimizer=lambda: Adam(_rates))),
    "clip_args": Case("clipped", schools_with(optimizer=lambda: Adam({"lr": 0.01}, {"clip_norm": 10.0}))),
    "custom loss": Case("by traces", schools_with(loss=lambda: by_traces)),
    "JitTrace": BY_NAME["mixture, normal guide, jit"],
    "Renyi": BY_NAME["eight schools, Renyi"],
    "TraceGraph": BY_NAME["two states, drawn"],
    "latents that vary": BY_NAME["as many objects as it takes"],
    "ExponentialLR": Case("falling", schools_with(optimizer=_falling)),
    "ReduceLROnPlateau": Case("plateau", schools_with(optimizer=_plateau)),
    "AdagradRMSProp, EasyGuide": BY_NAME["deep exponential family"],
}


class BareLoop:
    """A loop of one's own, which steps a schedule as its documentation says."""

    def __init__(self, setup: Setup) -> None:
        self._setup = setup
        self._svi = SVI(setup.model, setup.guide, setup.optimizer, loss=setup.loss)
        self._scheduled = isinstance(setup.optimizer, PyroLRScheduler)
        constructor = setup.optimizer.pt_scheduler_constructor if self._scheduled else None
        self._watches = constructor is torch.optim.lr_scheduler.ReduceLROnPlateau

    def advance(self, num_steps: int) -> None:
        """Take steps."""
        for _ in range(num_steps):
            loss = self._svi.step(*self._setup.args, **self._setup.kwargs)
            if self._scheduled:
                self._setup.optimizer.step(*([loss] if self._watches else []))


def _seconds_a_step(advance: Callable[[int], object], num_steps: int) -> float:
    began = time.process_time()
    advance(num_steps)
    return (time.process_time() - began) / num_steps


def _num_steps(advance: Callable[[int], object]) -> int:
    return max(10, min(5000, int(SECONDS / max(_seconds_a_step(advance, 10), 1e-6))))


def measured(name: str, case: Case) -> Measured:
    """Take steps by the engine "auto" and by a loop in turns, in processor time and one thread."""
    with closing(watched(case, engine="auto", num_steps=10**9)) as monitor:
        fit = monitor._session.training.fit
        fit.advance(WARM_STEPS)
        engine = fit.engine
        pyro.clear_param_store()
        loop = BareLoop(made(case))
        loop.advance(10)
        sides = [(advance, _num_steps(advance)) for advance in (loop.advance, fit.advance)]
        pairs = [[_seconds_a_step(*side) for side in sides] for _ in range(ROUNDS)]
    ratio, seconds = (statistics.median(values) for values in zip(*((a / b, b) for a, b in pairs), strict=True))
    return Measured(name, engine.name == "graph", engine.reason, ratio, 1 / seconds)


def measure() -> list[Figure]:
    """Measure all configurations, some three minutes."""
    torch.set_num_threads(1)
    found = []
    for name, case in CONFIGURATIONS.items():
        found.append(measured(name, case))
        sys.stderr.write(f"{found[-1]}\n")
    captured = [one for one in found if one.captured]
    median, slowest = statistics.median(one.ratio for one in captured), min(found, key=lambda one: one.ratio)
    return [
        Figure("configurations captured, of 29", len(captured), 23, at_least=True, detail=_others(found)),
        Figure("captured over bare, median", median, 5, "x", at_least=True),
        Figure("the slowest of all over bare", slowest.ratio, NOISE, "x", at_least=True, detail=slowest.name),
        *(Figure(f"{one.name} over bare", one.ratio, _reach(one), "x", True, _detail(one)) for one in found),
    ]


def _reach(one: Measured) -> float:
    return 1.9 if one.name.startswith("VAE") else NOISE


def _others(found: list[Measured]) -> str:
    return "not: " + "; ".join(f"{one.name} ({one.reason})" for one in found if not one.captured)


def _detail(one: Measured) -> str:
    return f"{one.rate:,.0f} steps/s by {'graph' if one.captured else 'plain'}"
