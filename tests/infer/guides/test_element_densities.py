"""Densities of single elements of latents."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyro
import pyro.distributions as dist
import pytest
import torch
from pyro import poutine
from pyro.infer.autoguide import AutoDelta, AutoDiagonalNormal, AutoGuideList, AutoIAFNormal, AutoNormal

from rugged_widget.infer.guides.element_densities import element_densities

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rugged_widget.snapshot.values import Array, Latent

PROB = 0.9
LOW = torch.tensor([0.0, 5.0])


@pytest.fixture(autouse=True)
def _own_store() -> Any:
    with pyro.get_param_store().scope():
        pyro.set_rng_seed(1)
        yield


def model() -> None:
    pyro.sample("mu", dist.Normal(0.0, 1.0))
    pyro.sample("scale", dist.LogNormal(torch.zeros(3, 4), 1.0).to_event(2))
    pyro.sample("weights", dist.Dirichlet(torch.ones(3)))
    pyro.sample("between", dist.Uniform(LOW, LOW + 1.0).to_event(1))


def refuse() -> Mapping[str, Array]:
    raise AssertionError("no draws are needed")


def set_up(guide: Any) -> Any:
    guide()
    return guide


@pytest.mark.parametrize("kind", [AutoNormal, AutoDiagonalNormal])
def test_elements_of_a_normal_guide_have_a_formula(kind: Any) -> None:
    guide = set_up(kind(model))
    latents: list[Latent] = [("scale", (2, 1)), ("mu", ())]
    densities = element_densities(guide, latents, PROB, refuse)
    assert list(densities) == latents
    quantiles = guide.quantiles([0.05, 0.5, 0.95])
    for name, index in latents:
        found = densities[name, index]
        value = quantiles[name][(slice(None), *index)].detach().numpy()
        np.testing.assert_allclose((found.lower, found.median, found.upper), value, rtol=1e-4, atol=1e-6)


def test_elements_of_a_list_of_guides_and_of_a_point() -> None:
    guide = AutoGuideList(model)
    guide.append(AutoNormal(poutine.block(model, expose=["mu"])))
    guide.append(AutoDelta(poutine.block(model, hide=["mu"])))
    set_up(guide)
    densities = element_densities(guide, [("mu", ()), ("scale", (0, 0))], PROB, refuse)
    point = densities["scale", (0, 0)]
    assert point.median == pytest.approx(float(guide[1].median()["scale"][0, 0]))
    assert point.upper - point.lower < 1e-6
    assert densities["mu", ()].upper > densities["mu", ()].lower


def test_elements_without_a_formula_come_from_draws() -> None:
    guide = set_up(AutoNormal(model))
    draws = {
        "weights": np.random.default_rng(1).dirichlet(np.ones(3), 2000),
        "between": np.random.default_rng(2).uniform([0.0, 5.0], [1.0, 6.0], (2000, 2)),
    }
    latents: list[Latent] = [("weights", (1,)), ("between", (1,)), ("mu", ())]
    densities = element_densities(guide, latents, PROB, lambda: draws)
    assert list(densities) == latents
    assert densities["weights", (1,)].median == pytest.approx(0.29, abs=0.03)  # of a Beta(1, 2)
    assert densities["between", (1,)].median == pytest.approx(5.5, abs=0.03)


def test_a_flow_has_no_formula_at_all() -> None:
    guide = set_up(AutoIAFNormal(model, hidden_dim=[32]))
    draws = {"mu": np.random.default_rng(1).normal(size=1000)}
    assert list(element_densities(guide, [("mu", ())], PROB, lambda: draws)) == [("mu", ())]


def test_a_guide_that_is_not_set_up_has_no_formula_and_is_not_set_up() -> None:
    guide = AutoNormal(model)
    assert element_densities(guide, [("mu", ())], PROB, dict) == {}
    assert guide.prototype_trace is None


def test_elements_that_there_are_not_or_that_are_not_finite_are_left_out() -> None:
    draws = {"mu": np.zeros(10), "bad": np.full((10, 2), np.nan)}
    latents: list[Latent] = [("mu", (0,)), ("scale", (9, 9)), ("nobody", ()), ("bad", (1,)), ("bad", (2,))]
    assert element_densities(set_up(AutoNormal(model)), latents, PROB, lambda: draws) == {}


def test_one_of_very_many_elements_costs_no_array_of_all() -> None:
    def large() -> None:
        pyro.sample("theta", dist.Normal(torch.zeros(100_000), 1.0).to_event(1))

    (found,) = element_densities(set_up(AutoNormal(large)), [("theta", (99_999,))], PROB, refuse).values()
    assert found.x.shape == (128,)
