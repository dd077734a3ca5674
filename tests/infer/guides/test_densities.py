"""The marginal densities of a normal guide are those of its transformed normals, smooth and without a draw."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.distributions import Normal, TransformedDistribution, biject_to, constraints

from rugged_widget.infer.guides.densities import marginal_densities, normal_density
from rugged_widget.infer.guides.gaussian import Affine, Site
from rugged_widget.infer.guides.predictive import density
from rugged_widget.snapshot.values import Density

SUPPORTS = {
    "real": constraints.real,
    "positive": constraints.positive,
    "unit": constraints.unit_interval,
    "interval": constraints.interval(-2.0, 5.0),
    "below": constraints.less_than(1.0),
    "vector": constraints.independent(constraints.real, 1),
}


def affine(support: constraints.Constraint, loc: float = 0.3, sd: float = 0.7) -> Affine:
    site = Site("x", biject_to(support), torch.Size([1]))
    return Affine([site], torch.tensor([loc]), torch.tensor([[0.6 * sd, 0.8 * sd]]))


def peaks(found: Density) -> int:
    steps = np.diff(found.density)
    rises = steps[steps != 0] > 0
    return int((rises[:-1] & ~rises[1:]).sum())


def test_a_normal_density_holds_its_probability_and_its_quantiles() -> None:
    found = normal_density(2.0, 3.0, 0.9)
    assert np.trapezoid(found.density, found.x) == pytest.approx(1.0, abs=1e-4)
    np.testing.assert_allclose([found.lower, found.median, found.upper], [2 - 3 * 1.644854, 2, 2 + 3 * 1.644854], 1e-6)
    assert found.prob_positive == pytest.approx(0.7475075, abs=1e-6)
    assert peaks(found) == 1


@pytest.mark.parametrize("support", SUPPORTS)
def test_a_marginal_is_the_normal_one_changed_to_its_support(support: str) -> None:
    (found,) = marginal_densities(affine(SUPPORTS[support]), 0.8)["x"]
    base = {"vector": constraints.real}.get(support, SUPPORTS[support])
    expected = TransformedDistribution(Normal(torch.tensor(0.3).double(), 0.7), [biject_to(base)])
    np.testing.assert_allclose(found.density, expected.log_prob(torch.tensor(found.x)).exp(), rtol=1e-5)
    assert (np.diff(found.x) > 0).all()
    draws = expected.sample((200_000,)).numpy()
    assert found.prob_positive == pytest.approx((draws > 0).mean(), abs=0.005)  # four standard errors
    ends = np.quantile(draws, [0.1, 0.5, 0.9])
    np.testing.assert_allclose([found.lower, found.median, found.upper], ends, atol=0.03)


def test_sites_that_no_formula_is_known_of_are_left_out() -> None:
    simplex = Site("s", biject_to(constraints.simplex), torch.Size([2]))
    point = Site("p", biject_to(constraints.real), torch.Size([]))
    known = Site("k", biject_to(constraints.positive), torch.Size([2]))
    factor = torch.eye(5)
    factor[2] = 0.0
    joint = Affine([simplex, point, known], torch.zeros(5), factor)
    found = marginal_densities(joint, 0.9)
    assert {name: len(densities) for name, densities in found.items()} == {"k": 2}
    assert marginal_densities(joint, 0.9, names={"s"}) == {}


def test_what_lies_at_the_edge_of_its_support_by_rounding_is_left_out() -> None:
    assert marginal_densities(affine(SUPPORTS["unit"], loc=60.0), 0.9) == {}


@pytest.mark.parametrize("seed", range(40))
def test_draws_of_one_peak_show_one_and_of_two_show_two(seed: int) -> None:
    random = np.random.default_rng(seed)
    draws = random.normal(size=800)
    assert peaks(density(draws)) == 1
    assert peaks(density(np.exp(0.5 * draws))) == 1
    assert peaks(density(np.where(random.random(800) < 0.4, draws - 2.5, draws + 2.5))) == 2
