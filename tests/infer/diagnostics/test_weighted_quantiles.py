"""Quantiles of weighted draws: those of draws repeated as often, whichever way they are estimated."""

from __future__ import annotations

import numpy as np

from rugged_widget.infer.diagnostics.weighted_quantiles import binned_quantiles, weighted_quantiles

PROBS = (0.05, 0.25, 0.5, 0.75, 0.95)


def test_a_whole_number_of_equal_draws_weighs_as_one_draw_of_that_weight() -> None:
    random = np.random.default_rng(1)
    values, counts = random.normal(size=(300, 2)), random.integers(1, 9, 300)
    repeated = np.quantile(np.repeat(values, counts, axis=0), PROBS, axis=0)
    for estimate in (weighted_quantiles, binned_quantiles):
        np.testing.assert_allclose(estimate(values, counts / counts.sum(), PROBS), repeated, atol=0.06)


def test_the_bins_tell_what_sorting_tells() -> None:
    random = np.random.default_rng(1)
    values = random.normal(size=(2000, 6)) * np.array([1, 1e-6, 1e6, 1, 1, 0]) + 3
    weights = random.gamma(0.5, size=2000)
    weights /= weights.sum()
    away = binned_quantiles(values, weights, PROBS) - weighted_quantiles(values, weights, PROBS)
    assert (np.abs(away) <= np.ptp(values, axis=0) / 256).all()
