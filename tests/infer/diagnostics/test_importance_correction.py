"""Quantiles of a guide's draws, corrected by their importance weights."""

from __future__ import annotations

import numpy as np
import pytest

from rugged_widget.infer.diagnostics.importance_correction import correct
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
