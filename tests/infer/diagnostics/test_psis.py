"""Pareto-smoothed importance weights, on ratios with known tails and on ratios that have none to be fitted."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import genpareto

from rugged_widget.infer.diagnostics.psis import effective_share, smoothed, threshold

if TYPE_CHECKING:
    from rugged_widget.infer.diagnostics.psis import Smoothed

NUM_DRAWS = 2000
TAIL = 134  # 3 * sqrt(2000), the draws that the fit takes
REPEATS = 200


def in_order(found: Smoothed) -> bool:
    """Return whether weights are finite and sum to 1, and k-hats and shares are numbers."""
    summed = bool(np.isfinite(found.weights).all() and np.allclose(found.weights.sum(-1), 1, rtol=1e-9))
    shares = (found.effective >= 0) & (found.effective <= 1)
    return summed and bool((found.weights >= 0).all() and shares.all() and (found.k_hat > -math.inf).all())


@pytest.mark.parametrize("shape", [0.2, 0.5, 0.9])
def test_the_shape_of_a_known_tail_is_found(shape: float) -> None:
    log_ratios = shape * np.random.default_rng(1).exponential(size=(10, 2000))  # a ratio has the Pareto shape
    assert smoothed(log_ratios).k_hat.mean() == pytest.approx(shape, abs=0.1)


def test_weights_sum_to_1_whatever_the_constant_and_what_is_impossible_has_none() -> None:
    log_ratios = np.random.default_rng(1).normal(size=500)
    log_ratios[3] = -np.inf
    weights, k_hat, _ = smoothed(log_ratios)
    assert weights.sum() == pytest.approx(1)
    assert weights[3] < 1e-200
    assert (np.argsort(weights) == np.argsort(log_ratios)).all()
    shifted = smoothed(log_ratios - 2000)
    np.testing.assert_allclose(shifted.weights, weights, rtol=1e-6)
    assert shifted.k_hat == pytest.approx(float(k_hat), abs=1e-6)


def test_equal_ratios_have_equal_weights_and_no_tail() -> None:
    weights, k_hat, _ = smoothed(np.full(500, -247.0))
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


# Ratios of any spread: the fit must not take what underflows for a tail that is light.


@pytest.mark.parametrize("sd", [10.0**power for power in range(-3, 10)])
@pytest.mark.parametrize("shape", ["normal", "bounded above", "Pareto"])
def test_no_spread_of_the_log_ratios_makes_a_hopeless_guide_look_good(sd: float, shape: str) -> None:
    noise = np.random.default_rng(1).standard_normal((10, NUM_DRAWS))
    by_shape = {"normal": noise, "bounded above": -0.5 * (noise + 3) ** 2, "Pareto": np.abs(noise)}
    found = smoothed(-8e6 + sd * by_shape[shape])
    assert in_order(found)
    if sd >= 10:
        assert (found.k_hat > 1).all()
        assert (found.effective < 0.02).all()
    if sd <= 0.1:
        assert (found.k_hat < 0.5).all()
        assert (found.effective > 0.9).all()


def test_k_hat_only_grows_with_the_spread_of_normal_log_ratios() -> None:
    noise = np.random.default_rng(1).standard_normal(NUM_DRAWS)
    k_hats = [float(smoothed(sd * noise).k_hat) for sd in np.geomspace(0.5, 1e9, 60)]
    assert k_hats == sorted(k_hats)
    assert k_hats[-1] == math.inf


@settings(deadline=None, max_examples=60)
@given(
    count=st.integers(1, 300),
    power=st.floats(-3, 9),
    offset=st.floats(-1e9, 1e9),
    different=st.integers(1, 300),
    impossible=st.floats(0, 1),
    seed=st.integers(0, 2**32 - 1),
)
def test_any_ratios_have_weights_that_sum_to_1_and_a_k_hat_that_is_a_number(
    count: int, power: float, offset: float, different: int, impossible: float, seed: int
) -> None:
    """They are tied, spread, few or impossible in any share; a warning would be an error."""
    rng = np.random.default_rng(seed)
    log_ratios = offset + 10**power * rng.choice(rng.standard_normal(different), count)
    log_ratios[rng.random(count) < impossible] = -np.inf
    found = smoothed(log_ratios)
    assert in_order(found)
    possible = np.isfinite(log_ratios)
    if possible.any():
        assert (found.weights[~possible] == 0).all()
        if possible.all() and np.ptp(log_ratios) == 0:
            np.testing.assert_allclose(found.weights, 1 / count)


@pytest.mark.parametrize(
    ("largest", "others", "k_hat"),
    [
        ([0.0], -np.inf, math.inf),  # one is possible
        ([0.0, -1.0, -2.0, -3.0], -np.inf, math.inf),
        ([0.0] * 20, -1000.0, math.inf),  # twenty draws have all the weight, and tie
        ([0.0] * 20, -5.0, math.inf),
        ([0.0] * 20, -0.05, 0.0),  # nearly equal to the others: no tail, be it tied or not
        ([0.0] * 200, -1000.0, 0.0),  # the whole tail is tied
        ([0.0] * 200, -np.inf, 0.0),
        ([], 3.0, 0.0),
        ([], -np.inf, math.inf),
        ([np.nan, np.inf], 0.0, 0.0),  # no number, no weight
    ],
)
def test_a_tail_of_too_few_different_ratios_has_no_shape(largest: list[float], others: float, k_hat: float) -> None:
    log_ratios = np.full(NUM_DRAWS, others)
    log_ratios[: len(largest)] = largest
    found = smoothed(log_ratios)
    assert in_order(found)
    assert found.k_hat == k_hat
    if not np.isfinite(log_ratios).any():
        assert found.effective == 0


def test_ties_at_the_foot_of_a_tail_are_not_fitted_and_rounded_ratios_are() -> None:
    log_ratios = np.random.default_rng(1).standard_normal((10, NUM_DRAWS))
    rounded = smoothed(np.round(64 * log_ratios) / 64)
    np.testing.assert_allclose(rounded.k_hat, smoothed(log_ratios).k_hat, atol=0.1)
    flat = np.where(log_ratios > 1.7, log_ratios, 0.0)  # 90 of the 134 in the tail stand out
    assert (smoothed(flat).k_hat == math.inf).all()


def test_numpys_error_state_does_not_matter() -> None:
    log_ratios = 100 * np.random.default_rng(1).standard_normal(NUM_DRAWS)
    with np.errstate(all="raise"):
        assert in_order(smoothed(log_ratios))


# An independent check: tails of known shape, drawn by scipy.


@pytest.mark.parametrize("shape", [0.2, 0.5, 0.7, 0.9, 1.2])
def test_on_pareto_tails_k_hat_has_the_mean_and_the_spread_that_theory_gives(shape: float) -> None:
    """The fit draws k towards 0.5 as ten more draws would; without that it scatters by (1 + k) / sqrt(tail) about k.

    The tolerances are three Monte Carlo standard errors of 200 repeats, and 0.01 for the bias of the estimate.
    """
    ratios = genpareto.rvs(shape, size=(REPEATS, NUM_DRAWS), random_state=np.random.default_rng(1))
    k_hat = smoothed(np.log(ratios)).k_hat
    without_prior = (k_hat * (TAIL + 10) - 10 * 0.5) / TAIL
    sd = (1 + shape) / math.sqrt(TAIL)
    assert without_prior.mean() == pytest.approx(shape, abs=3 * sd / math.sqrt(REPEATS) + 0.01)
    assert without_prior.std() == pytest.approx(sd, rel=3 / math.sqrt(2 * REPEATS))


def test_the_threshold_parts_light_tails_from_heavy_ones() -> None:
    """Of 200 repeats; a share p has the standard error sqrt(p (1 - p) / 200), at most 0.035."""
    shares = {}
    for shape in (0.2, 0.5, 0.7, 0.9, 1.2):
        ratios = genpareto.rvs(shape, size=(REPEATS, NUM_DRAWS), random_state=np.random.default_rng(2))
        shares[shape] = float((smoothed(np.log(ratios)).k_hat < threshold(NUM_DRAWS)).mean())
    assert shares[0.2] == 1.0
    assert shares[0.5] > 0.85
    assert shares[0.7] == pytest.approx(0.5, abs=0.12)
    assert shares[0.9] < 0.2
    assert shares[1.2] < 0.02


def test_below_the_threshold_weighted_draws_find_the_mean_and_above_it_they_do_not() -> None:
    """Uniform draws are weighed to follow Beta(1 - k, 1), with the ratios u^-k and the mean (1 - k) / (2 - k)."""
    draws = np.random.default_rng(3).random((REPEATS, NUM_DRAWS))
    errors = {}
    for shape in (0.2, 0.5, 0.7, 0.9):
        found = (smoothed(-shape * np.log(draws)).weights * draws).sum(-1)
        errors[shape] = math.sqrt(np.mean((found * (2 - shape) / (1 - shape) - 1) ** 2))
    assert errors[0.2] < errors[0.5] < 0.05
    assert 0.05 < errors[0.7] < 0.15
    assert errors[0.9] > 0.5
