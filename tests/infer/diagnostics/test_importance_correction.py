"""Quantiles of a guide's draws, corrected by their importance weights."""

from __future__ import annotations

import numpy as np
import pytest

from rugged_widget.infer.diagnostics.importance_correction import correct, without_impossible
from rugged_widget.infer.diagnostics.psis import smoothed

PROBS = (0.05, 0.5, 0.95)
DRAWS = {"a": np.random.default_rng(1).standard_normal(4000), "b": np.random.default_rng(2).standard_normal((4000, 2))}


def test_draws_of_the_posterior_itself_are_left_as_they_are() -> None:
    found = correct(DRAWS, smoothed(np.zeros(4000)), PROBS)
    assert (found.k_hat, found.effective, found.reliable) == (0.0, pytest.approx(1.0), True)
    for site, draws in DRAWS.items():
        np.testing.assert_allclose(found.quantiles[site], np.quantile(draws, PROBS, axis=0), atol=0.01)  # draws apart


def test_weights_move_the_quantiles_of_what_they_depend_on_and_no_others() -> None:
    found = correct(DRAWS, smoothed(0.5 * DRAWS["a"]), PROBS)  # a normal distribution around 0 to one around 0.5
    assert found.reliable
    np.testing.assert_allclose(found.quantiles["a"], [-1.145, 0.5, 2.145], atol=0.15)
    np.testing.assert_allclose(found.quantiles["b"][1], 0.0, atol=0.1)


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e3, 1e9])
def test_quantiles_are_numbers_whatever_the_ratios_and_reliable_only_where_k_hat_is_low(scale: float) -> None:
    found = correct(DRAWS, smoothed(scale * DRAWS["a"]), PROBS)
    assert all(np.isfinite(quantiles).all() for quantiles in found.quantiles.values())
    assert found.reliable == (scale <= 1)


@pytest.mark.parametrize("count", [1, 5, 10, 24])
def test_few_draws_are_never_reliable(count: int) -> None:
    few = {site: value[:count] for site, value in DRAWS.items()}
    assert not correct(few, smoothed(np.zeros(count)), PROBS).reliable


def test_draws_that_are_impossible_or_no_numbers_are_left_out() -> None:
    draws = {site: value[:50].copy() for site, value in DRAWS.items()}
    log_ratios = np.zeros(50)
    log_ratios[[0, 1, 2]] = -np.inf, np.nan, np.inf
    draws["a"][3], draws["b"][4, 1] = np.inf, np.nan
    left, ratios = without_impossible(draws, log_ratios)
    assert (len(left["a"]), left["b"].shape, len(ratios)) == (45, (45, 2), 45)
    assert len(without_impossible(draws, np.full(50, -np.inf))[1]) == 0
