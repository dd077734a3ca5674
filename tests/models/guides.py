"""Guides of every kind that a model may be given, and none: chosen, named, made of a class, of messengers, by hand.

They come without a loss, which is chosen for the model as well.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import pyro
import pyro.distributions as dist
import torch
from pyro import poutine
from pyro.contrib.easyguide import EasyGuide
from pyro.infer import autoguide
from pyro.nn import PyroModule, PyroParam
from torch.distributions import constraints

from tests.models import basic, discrete, networks, sequences
from tests.models.basic import EFFECTS, ERRORS, SCHOOLS, eight_schools
from tests.models.case import Case, Setup, case

if TYPE_CHECKING:
    from collections.abc import Callable


def by_hand(effects: torch.Tensor, errors: torch.Tensor) -> None:
    """Draw the latents of eight schools, from a place that begins at random."""
    loc = pyro.param("loc", lambda: 0.1 * torch.randn(10))
    scale = pyro.param("scale", torch.full((10,), 0.5), constraint=constraints.positive)
    pyro.sample("mu", dist.Normal(loc[0], scale[0]))
    pyro.sample("tau", dist.LogNormal(loc[1], scale[1]))
    with pyro.plate("schools", len(effects)):
        pyro.sample("eta", dist.Normal(loc[2:], scale[2:]))


class Schools:
    """Model and guide as methods of an object."""

    def model(self, effects: torch.Tensor, errors: torch.Tensor) -> None:
        eight_schools(effects, errors)

    def guide(self, effects: torch.Tensor, errors: torch.Tensor) -> None:
        by_hand(effects, errors)


def schools(guide: Any) -> Setup:
    """Return the model of eight schools with a guide of it, called with a keyword."""
    return Setup(eight_schools, guide, (EFFECTS,), {"errors": ERRORS}, loss=None)


_SCHOOLS: dict[str, Callable[[], Any]] = {
    "chosen": lambda: None,
    "family": lambda: "multivariate",
    "normal": lambda: autoguide.AutoNormal(eight_schools),
    "plates": lambda: autoguide.AutoNormal(
        eight_schools, create_plates=lambda effects, errors: pyro.plate("schools", len(effects))
    ),
    "structured": lambda: autoguide.AutoStructured(eight_schools),
    "laplace": lambda: autoguide.AutoLaplaceApproximation(eight_schools),
    "gaussian": lambda: autoguide.AutoGaussian(eight_schools),
    "messenger": lambda: autoguide.AutoNormalMessenger(eight_schools, init_loc_fn=autoguide.init_to_median),
    "hierarchical": lambda: autoguide.AutoHierarchicalNormalMessenger(
        eight_schools, init_loc_fn=autoguide.init_to_median, hierarchical_sites=["eta"]
    ),
    "regressive": lambda: autoguide.AutoRegressiveMessenger(eight_schools, init_loc_fn=autoguide.init_to_median),
    "class": lambda: autoguide.AutoStructured,
    "options": lambda: partial(autoguide.AutoLowRankMultivariateNormal, rank=2),
    "blocked": lambda: poutine.block(autoguide.AutoNormal(eight_schools), hide=["nothing"]),
    "function": lambda: by_hand,
    "lambda": lambda: lambda effects, errors: by_hand(effects, errors),  # noqa: PLW0108 a lambda is what is tried
    "method": lambda: Schools().guide,
}


def _of_schools(name: str, guide: Callable[[], Any]) -> Case:
    return Case(f"schools {name}", lambda: schools(guide()), frozenset(SCHOOLS))


def _other(name: str, of: Case, guide: str | None) -> Case:
    """Return a case of another file with no guide, or with a family, in place of its own."""
    return Case(name, lambda: replace(of.make(), guide=guide, loss=None), of.drawn)


class GammaGuide(EasyGuide):
    """Point estimates of the weights, normal numbers for the rest."""

    def guide(self, counts: torch.Tensor) -> None:
        with self.plate("columns", counts.shape[1], dim=-1), self.plate("weights", 2, dim=-2):
            self.map_estimate("w_top")
        group = self.group(match="z_top")
        with self.plate("rows", len(counts), dim=-2), self.plate("top", 2, dim=-1):
            loc = pyro.param("z_loc", lambda: torch.zeros(3, 2, *group.event_shape), event_dim=1)
            group.sample("z_aux", dist.Normal(loc, 0.1).to_event(1))


@case("gamma easy", "z_top", "w_top")
def gamma_easy() -> Setup:
    def model(counts: torch.Tensor) -> None:
        with pyro.plate("top", 2, dim=-1), pyro.plate("rows", len(counts), dim=-2):
            z = pyro.sample("z_top", dist.Gamma(0.5, 0.5))
        with pyro.plate("columns", counts.shape[1], dim=-1), pyro.plate("weights", 2, dim=-2):
            w = pyro.sample("w_top", dist.Gamma(0.3, 0.3))
        pyro.sample("obs", dist.Poisson(z @ w).to_event(2), obs=counts)

    counts = torch.tensor([[3.0, 1.0, 0.0, 2.0], [0.0, 1.0, 4.0, 2.0], [1.0, 0.0, 1.0, 5.0]])
    return Setup(model, GammaGuide(model), (counts,), loss=None)


class LazyGuide(PyroModule):
    """A module that makes its parameters, from random numbers, when it is first called."""

    @PyroParam
    def loc(self) -> torch.Tensor:
        return torch.randn(5)

    def forward(self, x: torch.Tensor, y: torch.Tensor | None = None) -> None:
        pyro.sample("hidden.weight", dist.Normal(self.loc[:, None], 0.1).to_event(2))
        pyro.sample("hidden.bias", dist.Normal(self.loc, 0.1).to_event(1))


@case("network lazy", "hidden.weight", "hidden.bias")
def network_lazy() -> Setup:
    drawn = networks.half_drawn.make()
    x, y = drawn.args
    return replace(drawn, guide=LazyGuide(), args=(x,), kwargs={"y": y})


GUIDES: tuple[Case, ...] = (
    *(_of_schools(name, guide) for name, guide in _SCHOOLS.items()),
    _other("mixture chosen", discrete.enumerated, None),
    _other("mixture family", discrete.enumerated, "diagonal"),
    _other("markov chosen", sequences.markov, None),
    _other("topics chosen", discrete.topics, None),
    _other("nothing chosen", basic.likelihood, None),
    gamma_easy,
    network_lazy,
)


def named(name: str) -> Setup:
    """Make one of these, under a seed."""
    torch.manual_seed(0)
    return next(case for case in GUIDES if case.name == name).make()
