"""The exact posterior where numbers are huge, few, equal or perfectly explained."""

from __future__ import annotations

import math
import time

import numpy as np
import pytest

from rugged_widget.regression.infer.exact.posterior import ExactPosterior
from rugged_widget.regression.infer.model import BIAS, SIGMA, WEIGHT
from rugged_widget.regression.priors import Priors
from rugged_widget.snapshot.values import Density
from tests.infer.brute import brute
from tests.regression.infer.exact.test_posterior import PROBS, rows

SUITED = Priors(1e6, 1e7, 1e7)


def everything(exact: ExactPosterior) -> list[Density]:
    """Ask for all there is, and see that it is finite and in order."""
    answer = exact.answer(PROBS, 0.9)
    assert math.isfinite(answer.log_evidence)
    for value in answer.quantiles.values():
        assert np.isfinite(value).all()
        assert np.all(np.diff(value, axis=0) >= 0)
    for bands in answer.bands.values():
        for band in bands:
            assert np.isfinite([band.lower, band.median, band.upper]).all()
            assert np.all((band.lower <= band.median) & (band.median <= band.upper))
    curves = [*answer.slopes, *(density for densities in answer.marginals.values() for density in densities)]
    for curve in curves:
        assert np.all(np.diff(curve.x) > 0)
        assert np.isfinite(curve.density).all()
        assert 0 <= curve.prob_positive <= 1
        assert curve.lower <= curve.median <= curve.upper
    return curves


@pytest.mark.parametrize("priors", [Priors(), SUITED])
def test_three_rows_a_group(priors: Priors) -> None:
    exact = ExactPosterior(*rows(3, 6), priors)
    everything(exact)


@pytest.mark.parametrize("count", [6, 170])
def test_responses_of_a_million_press_sigma_against_its_bound(count: int) -> None:
    features, targets = rows(4, count, scale=1e6)
    exact = ExactPosterior(features, targets)
    for curve in everything(exact):
        assert np.trapezoid(curve.density, curve.x) == pytest.approx(1, abs=0.01)
    # Against a prior this wrong sigma falls off exponentially below its bound, at the rate of its log density there.
    design = np.column_stack([features, np.ones(count)])
    covariance = 100.0 * np.eye(count) + design @ np.diag([1.0, 1, 1, 100]) @ design.T
    solved = np.linalg.solve(covariance, targets)
    rate = 10.0 * (solved @ solved - np.trace(np.linalg.inv(covariance)))
    short = 10.0 - exact.quantiles(PROBS)[SIGMA]
    np.testing.assert_allclose(short, -np.log(PROBS) / rate, rtol=0.02, atol=4e-15)
    log_density = -0.5 * (targets @ solved + np.linalg.slogdet(2 * np.pi * covariance)[1])
    assert exact.log_evidence == pytest.approx(log_density - math.log(10 * rate), rel=1e-12, abs=1e-3)


def test_responses_of_a_million_under_priors_that_suit_are_as_of_one() -> None:
    features, targets = rows(4, 30)
    small = ExactPosterior(features, targets, Priors(1.0, 10.0, 10.0))
    large = ExactPosterior(features, 1e6 * targets, SUITED)
    everything(large)
    for name, value in small.quantiles(PROBS).items():
        np.testing.assert_allclose(large.quantiles(PROBS)[name], 1e6 * value, rtol=1e-8)
    assert large.log_evidence == pytest.approx(small.log_evidence - 30 * math.log(1e6), abs=1e-7)


def test_collinear_columns_leave_the_prior_where_the_rows_say_nothing() -> None:
    features, targets = rows(5, 12)
    features[:, 2] = 2 * features[:, 1]
    exact = ExactPosterior(features, targets)
    everything(exact)
    slow = brute(features, targets, Priors(), np.linspace(math.log(1e-3), math.log(10), 6001))
    assert exact.log_evidence == pytest.approx(slow.log_evidence, abs=1e-5)
    for place in range(3):
        below = [slow.cdf(np.eye(4)[place], x) for x in exact.quantiles(PROBS)[WEIGHT][:, 0, place]]
        np.testing.assert_allclose(below, PROBS, atol=1e-5)


def test_one_value_of_the_predictor_within_a_group_is_no_obstacle() -> None:
    features, targets = rows(5, 12)
    features[:, 1] = np.where(features[:, 0] == 1, 2.0, features[:, 1])
    features[:, 2] = features[:, 0] * features[:, 1]
    exact = ExactPosterior(features, targets)
    everything(exact)
    slow = brute(features, targets, Priors(), np.linspace(math.log(1e-3), math.log(10), 6001))
    assert exact.log_evidence == pytest.approx(slow.log_evidence, abs=1e-5)


def test_no_predictor_at_all_gives_the_prior_of_its_weights() -> None:
    _, targets = rows(5, 12)
    exact = ExactPosterior(np.zeros((12, 3)), targets)
    everything(exact)
    np.testing.assert_allclose(exact.sd()[WEIGHT], 1.0)
    np.testing.assert_allclose(exact.mean()[WEIGHT], 0.0, atol=1e-12)


@pytest.mark.parametrize("value", [0.0, 7.0, 100.0, -1e-6])
def test_a_constant_response_is_explained_to_its_rounding(value: float) -> None:
    features, _ = rows(6, 20)
    exact = ExactPosterior(features, np.full(20, value))
    everything(exact)
    assert exact.quantiles([0.999])[SIGMA][0] < 1e-13 * max(abs(value), 10.0) * 20
    np.testing.assert_allclose(exact.mean()[BIAS], value, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(exact.mean()[WEIGHT], 0.0, atol=1e-8 * max(abs(value), 1.0))


def test_a_perfect_fit_has_its_weights_for_certain() -> None:
    features, _ = rows(7, 20)
    exact = ExactPosterior(features, features @ [1.0, -0.5, 0.25] + 3)
    everything(exact)
    np.testing.assert_allclose(exact.mean()[WEIGHT], [[1.0, -0.5, 0.25]], rtol=1e-10)
    assert np.all(exact.sd()[WEIGHT] < 1e-12)


def test_a_predictor_in_huge_or_tiny_units_is_the_same_under_priors_in_the_same() -> None:
    features, targets = rows(8, 40)
    plain = ExactPosterior(features, targets)
    everything(ExactPosterior(features * [1, 1e9, 1e9], targets))
    everything(ExactPosterior(features * [1, 1e-9, 1e-9], targets))
    assert ExactPosterior(features * 1.0, targets * 1.0).log_evidence == plain.log_evidence


def test_a_million_rows_agree_with_their_summary() -> None:
    features, targets = rows(9, 1_000_000)
    exact = ExactPosterior(features, targets)
    everything(exact)
    design = np.column_stack([features, np.ones(len(targets))])
    gram, moment = design.T @ design, design.T @ targets
    solved = np.linalg.solve(gram, moment)
    spread = math.sqrt((targets @ targets - moment @ solved) / len(targets))
    np.testing.assert_allclose(exact.mean()[SIGMA], spread, rtol=1e-5)
    np.testing.assert_allclose(exact.mean()[WEIGHT][0], solved[:3], atol=1e-4)
    np.testing.assert_allclose(exact.sd()[SIGMA], spread / math.sqrt(2e6), rtol=1e-3)
    np.testing.assert_allclose(exact.sd()[WEIGHT][0], spread * np.sqrt(np.diag(np.linalg.inv(gram)))[:3], rtol=1e-3)


@pytest.mark.parametrize(
    ("features", "targets", "message"),
    [
        (np.zeros((3, 2)), np.zeros(3), "features must be of shape"),
        (np.zeros(3), np.zeros(3), "features must be of shape"),
        (np.zeros((3, 3)), np.zeros((3, 1)), "targets must be of shape"),
        (np.zeros((0, 3)), np.zeros(0), "at least 1 row"),
        (np.full((3, 3), np.inf), np.zeros(3), "features must be finite"),
        (np.zeros((3, 3)), np.full(3, np.nan), "targets must be finite"),
        (np.full((3, 3), 1e300), np.full(3, 1e300), "too large"),
    ],
)
def test_bad_rows_are_refused(features: np.ndarray, targets: np.ndarray, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ExactPosterior(features, targets)


def test_bad_questions_are_refused() -> None:
    exact = ExactPosterior(*rows(1, 6))
    with pytest.raises(ValueError, match="probs must be in"):
        exact.quantiles([0.5, 1.0])
    with pytest.raises(ValueError, match="prob must be in"):
        exact.bands(0.0)
    with pytest.raises(ValueError, match="x must be finite"):
        exact.prediction(math.nan, 0)
    with pytest.raises(ValueError, match="group must be 0 or 1"):
        exact.prediction(1.0, 2)
    with pytest.raises(ValueError, match="grid must be"):
        ExactPosterior(*rows(1, 6), grid=[1.0, 1.0])
    with pytest.raises(ValueError, match="weight must be of shape"):
        exact.log_joint(np.zeros((2, 3)), np.zeros((2, 1)), np.ones(2))


def test_the_answer_costs_the_same_for_a_million_rows() -> None:
    def seconds(exact: ExactPosterior) -> float:
        start = time.process_time()
        exact.answer(PROBS, 0.9)
        return time.process_time() - start

    few, many = ExactPosterior(*rows(9, 170)), ExactPosterior(*rows(9, 1_000_000))
    # The least of several, because neighbours only ever make it longer; anything done by row would be 1,000 times that.
    assert min(seconds(many) for _ in range(10)) < 10 * min(seconds(few) for _ in range(10))
