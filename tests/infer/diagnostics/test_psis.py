"""Pareto-smoothed importance weights, on ratios with known tails."""

from __future__ import annotations

import numpy as np
import pytest

from rugged_widget.infer.diagnostics.psis import effective_share, smoothed, threshold


@pytest.mark.parametrize("shape", [0.2, 0.5, 0.9])
def test_the_shape_of_a_known_tail_is_found(shape: float) -> None:
    log_ratios = shape * np.random.default_rng(1).exponential(size=(10, 2000))  # a ratio has the Pareto shape
    assert smoothed(log_ratios).k_hat.mean() == pytest.approx(shape, abs=0.1)


def test_weights_sum_to_1_whatever_the_constant_and_what_is_impossible_has_none() -> None:
    log_ratios = np.random.default_rng(1).normal(size=500)
    log_ratios[3] = -np.inf
    weights, k_hat = smoothed(log_ratios)
    assert weights.sum() == pytest.approx(1)
    assert weights[3] < 1e-200
    assert (np.argsort(weights) == np.argsort(log_ratios)).all()
    shifted = smoothed(log_ratios - 2000)
    np.testing.assert_allclose(shifted.weights, weights, rtol=1e-6)
    assert shifted.k_hat == pytest.approx(float(k_hat), abs=1e-6)


def test_equal_ratios_have_equal_weights_and_no_tail() -> None:
    weights, k_hat = smoothed(np.full(500, -247.0))
    np.testing.assert_allclose(weights, 1 / 500)
    assert (float(k_hat), effective_share(weights)) == (0.0, pytest.approx(1.0))


def test_a_guide_that_is_nowhere_near_has_weights_and_no_shape_to_speak_of() -> None:
    far = smoothed(-1000 * np.random.default_rng(1).exponential(size=2000))
    assert far.weights.sum() == pytest.approx(1)
    assert far.k_hat > 1
    nowhere = smoothed(np.full(2000, -np.inf))
    np.testing.assert_allclose(nowhere.weights, 1 / 2000)
    assert nowhere.k_hat == np.inf


def test_the_threshold_is_that_of_the_paper() -> None:
    assert [threshold(count) for count in (100, 1000, 10**6)] == pytest.approx([0.5, 2 / 3, 0.7])
