"""Models and guides that compute gradients themselves, or rely on one another, are trained as svi.step() does."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any

import pyro
import pyro.distributions as dist
import pytest
import torch
from pyro.infer import SVI, Trace_ELBO
from pyro.infer.autoguide import AutoNormal
from pyro.optim import Adam
from torch.distributions import constraints

from rugged_widget import watch
from tests.models.case import numbers
from tests.monitor.watched import losses

if TYPE_CHECKING:
    from collections.abc import Callable

DATA = numbers(6)


def mean(data: torch.Tensor) -> None:
    loc = pyro.sample("loc", dist.Normal(0.0, 1.0))
    with pyro.plate("rows", len(data)):
        pyro.sample("data", dist.Normal(loc, 1.0), obs=data)


def newton(data: torch.Tensor) -> None:
    """Draw around the mode, to which a step of Newton's method leads."""
    start = torch.tensor(0.0, requires_grad=True)
    log_joint = dist.Normal(0.0, 1.0).log_prob(start) + dist.Normal(start, 1.0).log_prob(data).sum()
    (slope,) = torch.autograd.grad(log_joint, [start], create_graph=True)
    (curvature,) = torch.autograd.grad(slope, [start], create_graph=True)
    scale = pyro.param("scale", torch.tensor(1.0), constraint=constraints.positive)
    pyro.sample("loc", dist.Normal(start.detach() - slope / curvature, scale))


def speed(data: torch.Tensor) -> None:
    """Observe the derivative of a path."""
    loc = pyro.sample("loc", dist.Normal(0.0, 1.0))
    times = torch.linspace(0.0, 1.0, len(data), requires_grad=True)
    (velocity,) = torch.autograd.grad((loc * times**2).sum(), [times], create_graph=True)
    with pyro.plate("rows", len(data)):
        pyro.sample("data", dist.Normal(velocity, 1.0), obs=data)


def borrower(data: torch.Tensor) -> None:
    """Ask for a parameter that the guide makes."""
    scale = pyro.param("scale")
    loc = pyro.sample("loc", dist.Normal(0.0, 1.0))
    with pyro.plate("rows", len(data)):
        pyro.sample("data", dist.Normal(loc, scale), obs=data)


def lender(_data: torch.Tensor) -> None:
    scale = pyro.param("scale", torch.tensor(1.0), constraint=constraints.positive)
    pyro.sample("loc", dist.Normal(pyro.param("place", torch.tensor(0.0)), scale))


def bare(model: Any, guide: Any) -> list[float]:
    pyro.set_rng_seed(3)
    svi = SVI(model, guide, Adam({"lr": 0.01}), loss=Trace_ELBO())
    return [float(svi.step(DATA)) for _ in range(4)]


@pytest.mark.parametrize(
    ("model", "make_guide"),
    [(mean, lambda: newton), (speed, lambda: lender), (speed, lambda: AutoNormal(speed)), (borrower, lambda: lender)],
    ids=["guide that differentiates", "model that differentiates", "automatic guide of it", "parameter of the guide"],
)
def test_it_trains_as_a_bare_loop_does_and_its_page_is_whole(model: Any, make_guide: Callable[[], Any]) -> None:
    expected = bare(model, make_guide())
    pyro.clear_param_store()
    svi = SVI(model, make_guide(), Adam({"lr": 0.01}), loss=Trace_ELBO())
    with closing(watch(svi, DATA, seed=3, num_steps=4, engine="plain")) as monitor:
        assert monitor.snapshot is not None
        assert monitor.snapshot.structure is not None
        assert [site.name for site in monitor.snapshot.structure.sites if site.role != "parameter"] == ["loc", "data"]
        monitor.advance(4)
        snapshot = monitor.snapshot
        assert losses(monitor) == expected
        assert {*snapshot.quantiles} == {"loc"}
        assert snapshot.guide_warnings == ()
        assert snapshot.hints == ()
        assert snapshot.unjudged in {"", "slow"}  # what differentiates by itself is run draw by draw
        assert snapshot.elbo_terms_note is None
        assert {term.site for term in snapshot.elbo_terms} == {"loc", "data"}
