"""Steps that no graph can stand for: refused before the first step, or caught by the steps beside them."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import count, cycle
from typing import Any

import numpy as np
import pyro
import pyro.distributions as dist
import torch
from pyro import poutine
from pyro.infer import Trace_ELBO
from torch import Tensor

from tests.infer.compiled.case import Case, Problem, delta, normal
from tests.infer.compiled.cases_guides import lesson
from tests.infer.compiled.cases_models import line
from tests.infer.compiled.cases_neural import network, regression_with


def changed(
    change: Callable[[Tensor, Tensor, Tensor], tuple[Tensor, Tensor, Tensor]], make_guide: Any = normal
) -> Problem:
    """Regression with a slope; `change` sees slope, x and y in every call of the model."""

    def model(x: Tensor, y: Tensor) -> None:
        slope, x, y = change(pyro.sample("slope", dist.Normal(0.0, 2.0)), x, y)
        sigma = pyro.sample("sigma", dist.LogNormal(0.0, 1.0))
        with pyro.plate("rows", len(x)):
            pyro.sample("obs", dist.Normal(slope * x, sigma), obs=y)

    return Problem(model, make_guide, line())


def control_flow() -> Problem:
    return changed(lambda slope, x, y: (slope if slope > 0.5 else 0.5 * slope, x, y))


def item() -> Problem:
    return changed(lambda slope, x, y: (slope * math.exp(-0.1 * slope.item()), x, y))


def latent_in_numpy() -> Problem:
    return changed(lambda slope, x, y: (slope * float(np.exp(-0.1 * slope.detach().numpy())), x, y))


def list_of_latent() -> Problem:
    return changed(lambda slope, x, y: (slope * math.exp(-0.1 * slope.tolist()), x, y))


def flow_on_a_parameter() -> Problem:
    """AutoDelta draws the parameter itself, which is a leaf and no part of the graph until it is put there."""
    return changed(lambda slope, x, y: (slope if slope > 0.5 else 0.5 * slope, x, y), delta)


def number_of_a_parameter() -> Problem:
    def change(slope: Tensor, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        offset = pyro.param("offset", torch.tensor(0.1))
        return slope + offset, x * math.exp(-float(offset.detach())), y

    return changed(change)


def chosen() -> Problem:
    """How many rows there are depends on a latent; a graph has the number of rows it was captured with."""

    def change(slope: Tensor, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        rows = x > slope - 2.2
        return slope, x[rows], y[rows]

    return changed(change)


def seen_through_numpy() -> Problem:
    """The weights are read behind torch's back. They change slowly: the first steps agree within the tolerance."""
    net = network()
    model, make_guide, (x, y), _ = regression_with(net)
    weights = net[0].weight.detach().numpy()
    return Problem(lambda x, y: model(x + 0.01 * float(weights.sum()), y), make_guide, (x, y))


class Halved(Trace_ELBO):
    """An ELBO whose steps take another loss than the one it says can be differentiated."""

    def differentiable_loss(self, model: Any, guide: Any, *args: Any, **kwargs: Any) -> Any:
        return super().differentiable_loss(poutine.scale(model, 0.5), guide, *args, **kwargs)


class OfItsOwn(Trace_ELBO):
    """An ELBO whose steps take another loss than Pyro's, and that says nothing of what can be differentiated."""

    def loss_and_grads(self, model: Any, guide: Any, *args: Any, **kwargs: Any) -> Any:
        return super().loss_and_grads(poutine.scale(model, 0.5), guide, *args, **kwargs)


def own_generator() -> Problem:
    generator = torch.Generator().manual_seed(1)

    def change(slope: Tensor, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        chosen = torch.randint(len(x), (20,), generator=generator)
        return slope, x[chosen], y[chosen]

    return changed(change)


def counted() -> Problem:
    calls = count(1)
    return changed(lambda slope, x, y: (slope * (1 - 0.5 * math.exp(-next(calls) / 50)), x, y))


def generated() -> Problem:
    schedule = (1 - 0.5 * math.exp(-call / 50) for call in count())
    return changed(lambda slope, x, y: (slope * next(schedule), x, y))


class Schedule:
    """Counts its calls where nobody looks, and starts late."""

    __slots__ = ("calls",)

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self) -> float:
        self.calls += 1
        return 1 - 0.5 * math.exp(-max(0, self.calls - 12) / 50)


def scheduled_late() -> Problem:
    schedule = Schedule()
    return changed(lambda slope, x, y: (slope * schedule(), x, y))


def noise_of_numpy() -> Problem:
    return changed(lambda slope, x, y: (slope, x + 0.1 * float(np.random.randn()), y))


def batches() -> Problem:
    starts = cycle(range(0, 60, 25))  # the last batch is shorter

    def change(slope: Tensor, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        rows = slice(start := next(starts), start + 25)
        return slope, x[rows], y[rows]

    return changed(change)


NEVER = (
    Case("control flow on a latent", control_flow, refused="value", quick=True),
    Case("item of a latent in mathematics", item, refused="value"),
    Case("control flow on a parameter", flow_on_a_parameter, refused="value"),
    Case("latent in NumPy", latent_in_numpy, refused="value"),
    Case("latent in a list", list_of_latent, refused="value"),
    Case("number of a parameter", number_of_a_parameter, refused="value"),
    Case("gradients of its own", lesson, OfItsOwn, refused="gradients of its own"),
    Case("generator of the model's own", own_generator, refused="differ", exact=False),
    Case("counter that anneals", counted, refused="calls", exact=False),
    Case("schedule of a generator", generated, refused="iterator", exact=False),
    Case("randomness of NumPy", noise_of_numpy, refused="NumPy"),
    Case("batches of changing shape", batches, refused="starts", exact=False),
)

CAUGHT = (
    Case("rows chosen by a latent", chosen, refused="disagree"),
    Case("other loss than its own", lesson, Halved, refused="own step"),
    Case("parameter seen through NumPy", seen_through_numpy, refused="own step", tolerance=0.05),
    Case("late schedule", scheduled_late, refused="own step", exact=False, quick=True),
)
