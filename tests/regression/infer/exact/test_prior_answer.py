"""What other priors say: the same as a posterior that was made with them, and priors without any data."""

from __future__ import annotations

from dataclasses import astuple

import numpy as np
import pytest

from rugged_widget.regression.data.regression_data import RegressionData
from rugged_widget.regression.infer.exact.posterior import ExactPosterior
from rugged_widget.regression.infer.exact.prior_answer import NUM_LINES, prior_densities, prior_lines
from rugged_widget.regression.infer.fit import RegressionFit
from rugged_widget.regression.infer.model import BIAS, SIGMA, WEIGHT
from rugged_widget.regression.infer.reference import MAX_LATEST, Comparison, comparison_of
from rugged_widget.regression.priors import Priors
from rugged_widget.regression.snapshot import RegressionRequest

DATA = RegressionData.rugged()
OTHER = Priors(weight=0.3, bias=20.0, sigma=3.0)
NUM_DRAWS = 200_000


@pytest.fixture(scope="module", params=[False, True], ids=["as it is", "standardized"])
def comparison(request: pytest.FixtureRequest) -> Comparison:
    return comparison_of(DATA, None, standardize=request.param)


def test_under_other_priors_it_is_what_it_were_had_it_been_made_with_them(comparison: Comparison) -> None:
    other = comparison.under(OTHER)
    fresh = ExactPosterior(DATA.features, DATA.targets, OTHER, DATA.grid(), DATA.group_labels, comparison.scale)
    assert other.exact.log_evidence == fresh.log_evidence != comparison.exact.log_evidence
    for site, value in fresh.quantiles([0.05, 0.5]).items():
        np.testing.assert_array_equal(other.exact.quantiles([0.05, 0.5])[site], value)
    assert other.priors == OTHER
    assert other.least_squares is comparison.least_squares


def test_answers_are_kept_for_the_latest_few_priors() -> None:
    first = comparison_of(DATA, None, standardize=None)
    other = first.under(OTHER)
    assert first.under(OTHER) is other
    assert other.under(first.priors) is first
    assert other.priors_answer(0.9) is other.priors_answer(0.9)
    assert other.reference((0.1, 0.9), 0.9) is other.reference((0.1, 0.9), 0.9)
    for number in range(MAX_LATEST):
        first.under(Priors(weight=2.0 + number))
    assert first.under(OTHER) is not other


def test_prior_densities_are_those_of_draws_of_the_prior_in_the_units_of_the_data(comparison: Comparison) -> None:
    weight, bias, sigma = astuple(comparison.priors)
    random = np.random.default_rng(3)
    draws = comparison.scale.latents(
        {
            WEIGHT: random.normal(0, weight, (NUM_DRAWS, 1, 3)),
            BIAS: random.normal(0, bias, (NUM_DRAWS, 1)),
            SIGMA: random.uniform(0, sigma, NUM_DRAWS),
        }
    )
    for site, densities in prior_densities(comparison.exact, 0.9).items():
        columns = draws[site].reshape(NUM_DRAWS, -1).T
        for density, column in zip(densities, columns, strict=True):
            spread = column.std()  # the Monte Carlo error of a quantile is about 1 % of it
            expected = np.quantile(column, [0.05, 0.5, 0.95])
            np.testing.assert_allclose([density.lower, density.median, density.upper], expected, atol=0.02 * spread)
            assert np.trapezoid(density.density, density.x) == pytest.approx(1.0, abs=1e-3)
            assert density.prob_positive == pytest.approx((column > 0).mean(), abs=0.005)


def test_prior_lines_are_the_same_each_time_and_stretch_with_the_priors(comparison: Comparison) -> None:
    lines = prior_lines(comparison.exact)
    assert [group.shape for group in lines] == [(NUM_LINES, 2)] * len(DATA.group_labels)
    np.testing.assert_array_equal(lines[0], prior_lines(comparison.exact)[0])
    doubled = comparison.under(Priors(*(2 * value for value in astuple(comparison.priors))))
    center = comparison.scale.y_center
    np.testing.assert_allclose(prior_lines(doubled.exact)[1] - center, 2 * (lines[1] - center))


def test_a_snapshot_answers_for_the_priors_that_are_requested_and_nothing_else_changes(comparison: Comparison) -> None:
    fit = RegressionFit(DATA, engine="plain", comparison=comparison)
    assert fit.snapshot().priors_answer is None
    fit.request = RegressionRequest(priors=OTHER)
    snapshot = fit.snapshot()
    answer = snapshot.priors_answer
    assert answer is not None
    assert answer.priors == OTHER
    assert answer is fit.snapshot().priors_answer
    assert answer.log_evidence == comparison.under(OTHER).exact.log_evidence
    assert fit.request.is_met_by(snapshot)
    assert snapshot.reference is comparison.reference(snapshot.probs, 0.9)
    assert snapshot.reference is not None
    assert snapshot.reference.priors == comparison.priors
    assert fit.comparison is comparison


def test_what_one_is_on_the_scale_of_the_model_is_told_in_the_units_of_the_data() -> None:
    assert comparison_of(DATA, None, standardize=None).reference((0.5,), 0.9).units == {}
    comparison = comparison_of(DATA, None, standardize=True)
    units, scale = comparison.reference((0.5,), 0.9).units, comparison.scale
    slope = scale.y_spread / scale.x_spread
    np.testing.assert_allclose(units[WEIGHT], [[scale.y_spread, slope, slope]])
    np.testing.assert_allclose(units[BIAS], [scale.y_spread])
    assert float(units[SIGMA]) == scale.y_spread
