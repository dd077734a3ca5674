"""Generalized Pareto distribution, against scipy and ArviZ."""

from __future__ import annotations

import math

import numpy as np
import pytest
from arviz_stats.base.array import array_stats
from scipy.special import logsumexp
from scipy.stats import genpareto

from rugged_widget.infer.diagnostics.pareto import Pareto, fitted_pareto, log_sum_exp
from rugged_widget.infer.diagnostics.psis import smoothed

PROBS = np.linspace(0, 0.99, 12)


@pytest.mark.parametrize("shape", [-0.7, 0.0, 0.4, 1.3])
def test_quantiles_are_those_of_scipy(shape: float) -> None:
    np.testing.assert_allclose(Pareto(shape, 2.0).quantiles(PROBS), genpareto.ppf(PROBS, shape, scale=2.0), rtol=1e-12)


@pytest.mark.parametrize("scale", [0.0, -1.0, math.nan])
def test_without_a_positive_scale_there_are_no_quantiles(scale: float) -> None:
    assert np.isnan(Pareto(0.5, scale).quantiles(PROBS)).all()


def test_the_scale_is_found() -> None:
    excesses = np.sort(genpareto.rvs(0.3, scale=5.0, size=20_000, random_state=np.random.default_rng(1)))
    fitted = fitted_pareto(excesses)
    assert fitted.shape == pytest.approx(0.3, abs=0.05)
    assert fitted.scale == pytest.approx(5.0, rel=0.05)


@pytest.mark.parametrize("values", [[0.0], [3.0, 3.0, -1.0], [-1e4, -1e4 - 2], [700.0, 710.0]])
def test_sums_of_exponentials_are_those_of_scipy(values: list[float]) -> None:
    assert log_sum_exp(np.array(values)) == pytest.approx(float(logsumexp(values)), rel=1e-14)


@pytest.mark.parametrize("spread", [0.01, 0.5, 2.0, 8.0])
@pytest.mark.parametrize("count", [40, 225, 226, 2000])
def test_smoothed_weights_and_shape_are_those_of_arviz(spread: float, count: int) -> None:
    log_ratios = spread * np.random.default_rng(count).standard_normal(count)
    log_weights, k_hat = array_stats.psislw(-log_ratios)  # made for leave-one-out, where it weighs by the inverse
    found = smoothed(log_ratios)
    np.testing.assert_allclose(found.weights, np.exp(log_weights), rtol=1e-12)
    assert found.k_hat == pytest.approx(float(k_hat), rel=1e-12)
