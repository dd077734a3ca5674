"""Draws and quantiles of every family, against closed forms."""

from __future__ import annotations

from statistics import NormalDist

import numpy as np
import pyro
import pyro.distributions as dist
import pytest
import torch
from pyro.infer import autoguide

from rugged_widget.infer.guides.sampling import (
    as_float64,
    draw,
    order_statistics,
    quantiles,
)
from rugged_widget.infer.svi.fit import Fit
from rugged_widget.regression.infer.fit import RegressionFit
from tests.infer.plain import FAMILIES, RUGGED

PROBS = (0.05, 0.25, 0.5, 0.75, 0.95)
Z = np.array([NormalDist().inv_cdf(prob) for prob in PROBS])
SHAPES = {"sigma": (), "linear.weight": (1, 3), "linear.bias": (1,)}


def unconstrained(by_site: dict[str, np.ndarray]) -> np.ndarray:
    """Put sites side by side in the order of the guide: the logit of sigma / 10, the weights, the bias."""
    sigma = np.log(by_site["sigma"] / (10 - by_site["sigma"]))
    return np.column_stack([sigma, by_site["linear.weight"][:, 0], by_site["linear.bias"]])


def trained(name: str, steps: int = 60) -> RegressionFit:
    fit = RegressionFit(RUGGED, guide=name, seed=3, engine="plain")
    fit.advance(steps)
    return fit


def gaussian(fit: RegressionFit) -> tuple[np.ndarray, np.ndarray]:
    """Mean and covariance of a normal guide on the unconstrained scale, from its parameters."""
    store = {name.split(".")[1]: value.astype(float) for name, value in fit.param_store().items()}
    loc, scale = store["loc"], store["scale"]
    if "scale_tril" in store:
        factor = scale[:, None] * store["scale_tril"]
        return loc, factor @ factor.T
    factor = store.get("cov_factor", np.zeros((len(loc), 1))) * scale[:, None]
    return loc, factor @ factor.T + np.diag(scale**2)


@pytest.mark.parametrize("name", ["diagonal", "multivariate", "low_rank"])
def test_quantiles_of_a_normal_guide_are_those_of_the_closed_form(name: str) -> None:
    fit = trained(name)
    loc, covariance = gaussian(fit)
    found = fit.quantiles(PROBS)
    np.testing.assert_allclose(unconstrained(found), loc + Z[:, None] * np.sqrt(np.diag(covariance)), atol=2e-5)


@pytest.mark.parametrize("name", ["diagonal", "multivariate", "low_rank"])
def test_draws_of_a_normal_guide_have_its_mean_and_covariance(name: str) -> None:
    fit, count = trained(name), 20_000
    loc, covariance = gaussian(fit)
    with fit.inspecting():
        draws = unconstrained({site: as_float64(value) for site, value in draw(fit.guide, count).items()})
    scale = np.sqrt(np.diag(covariance))
    # 5 standard errors: of a mean scale / sqrt(count), of a covariance at most scale_i scale_j sqrt(2 / count)
    assert np.all(np.abs(draws.mean(0) - loc) < 5 * scale / np.sqrt(count))
    error = np.abs(np.cov(draws.T) - covariance) / np.outer(scale, scale)
    assert np.all(error < 5 * np.sqrt(2 / count))


def test_a_point_has_neither_spread_nor_other_quantiles() -> None:
    fit = trained("delta")
    found = fit.quantiles(PROBS)
    for site, value in found.items():
        assert np.all(value == value[0])
        np.testing.assert_allclose(value[0], fit.param_store()[f"AutoDelta.{site}"], rtol=1e-6)
    assert fit.slopes().nunique().tolist() == [1, 1]


@pytest.mark.parametrize("name", FAMILIES)
@pytest.mark.parametrize("steps", [0, 40])
def test_quantiles_have_the_shape_of_the_site_increase_and_stay_on_its_support(name: str, steps: int) -> None:
    found = trained(name, steps).quantiles(iter([0.001, 0.5, 0.999]))
    assert {site: value.shape for site, value in found.items()} == {site: (3, *s) for site, s in SHAPES.items()}
    assert all(value.dtype == np.float64 and np.all(np.diff(value, axis=0) >= 0) for value in found.values())
    assert np.all((found["sigma"] > 0) & (found["sigma"] < 10))


def test_the_same_noise_is_behind_every_draw_and_draws_move_with_the_guide() -> None:
    fit = trained("diagonal", 5)
    first, again = fit.slopes(), fit.slopes()
    assert first.equals(again)
    loc, covariance = gaussian(fit)
    noise = (first["Outside Africa"] - loc[2]) / np.sqrt(covariance[2, 2])
    fit.advance(10)
    loc, covariance = gaussian(fit)
    expected = loc[2] + noise * np.sqrt(covariance[2, 2])
    np.testing.assert_allclose(fit.slopes()["Outside Africa"], expected, atol=1e-5)


def test_a_site_in_a_plate_can_be_drawn() -> None:
    def model(data: torch.Tensor) -> None:
        with pyro.plate("rows", len(data)):
            rate = pyro.sample("rate", dist.Gamma(2.0, 1.0))
            pyro.sample("seen", dist.Poisson(rate), obs=data)

    fit = Fit(
        model,
        autoguide.AutoDiagonalNormal,
        (torch.tensor([1.0, 4.0, 2.0]),),
        learning_rate=0.01,
        seed=1,
        engine="plain",
    )
    with fit.inspecting():
        draws = draw(fit.guide, 7)
        found = quantiles(fit.guide, [0.25, 0.75], 7)
    assert draws["rate"].shape == (7, 3)
    assert found["rate"].shape == (2, 3)
    assert bool((draws["rate"] > 0).all())


def test_order_statistics_are_ranks_of_the_draws() -> None:
    draws = np.random.default_rng(0).permutation(np.arange(1.0, 100.0))[:, None]
    assert order_statistics(draws, [0.05, 0.5, 0.95, 1e-9, 1 - 1e-9])[:, 0].tolist() == [5, 50, 95, 1, 99]
    assert order_statistics(np.array([3.0]), [0.05, 0.95]).tolist() == [3.0, 3.0]
