"""The exact answer for any number of covariates, with a group and without, against quadrature and Pyro's density."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from pyro import poutine

from rugged_widget.regression.data.regression_data import RegressionData
from rugged_widget.regression.infer.exact.correlation import latents_of, strongest_correlation
from rugged_widget.regression.infer.exact.posterior import ExactPosterior
from rugged_widget.regression.infer.model import BIAS, SIGMA, WEIGHT, BayesianRegression, Priors
from rugged_widget.regression.infer.reference import Comparison, comparison_of
from rugged_widget.regression.infer.scale import Scale
from rugged_widget.snapshot.values import Array
from tests.regression.infer.test_scale import flat
from tests.regression.shapes import COLUMNS, SHAPES, data_of, table

PROBS = (0.05, 0.25, 0.5, 0.75, 0.95)
KINDS = pytest.mark.parametrize("standardize", [False, True], ids=["as it is", "standardized"])
EVERY = pytest.mark.parametrize("shape", SHAPES)
FEW = 24
"""Rows, so that the prior counts."""


def compared(shape: str, *, standardize: bool) -> tuple[RegressionData, Comparison]:
    data = data_of(shape, FEW)
    priors = None if standardize else Priors(20.0, 5000.0, 3000.0)
    return data, comparison_of(data, priors, standardize=standardize)


class Quadrature:
    """The posterior by a grid over sigma in the units of the table, where weights and bias have a normal prior.

    The prior is that of the model, mapped. The map is found from rows alone: what the model's mean is at the features
    as the model sees them, a plane over the table's features has to be there.
    """

    def __init__(self, data: RegressionData, comparison: Comparison) -> None:
        scale, priors = comparison.scale, comparison.priors
        features = np.random.default_rng(3).normal(size=(200, data.design.num_features))
        features = np.vstack([features, data.features])
        if data.design.product is not None:
            features[:, data.design.product] = features[:, 0] * features[:, data.design.predictor]
        seen, table = (np.column_stack([part, np.ones(len(part))]) for part in (scale.features(features), features))
        matrix = scale.y_spread * np.linalg.lstsq(table, seen, rcond=None)[0]
        self.middle = np.append(np.zeros(len(matrix) - 1), scale.y_center)
        sds = np.array([priors.weight] * (len(matrix) - 1) + [priors.bias])
        self.spread = (matrix * sds**2) @ matrix.T
        self.design, self.upper = (
            np.column_stack([data.features, np.ones(data.num_rows)]),
            priors.sigma * scale.y_spread,
        )
        self.residuals = data.targets - self.design @ self.middle
        values, vectors = np.linalg.eigh(self.design @ self.spread @ self.design.T)
        step = 2e-3
        self.sigma = np.exp(np.arange(math.log(self.upper) - 9, math.log(self.upper), step) + step / 2)
        variance = np.maximum(values, 0) + self.sigma[:, None] ** 2
        logs = -0.5 * np.sum(np.log(2 * math.pi * variance) + (vectors.T @ self.residuals) ** 2 / variance, axis=1)
        logs += np.log(self.sigma * step / self.upper)
        self.log_evidence = float(np.logaddexp.reduce(logs))
        mass = np.exp(logs - self.log_evidence)
        kept = mass > 1e-10
        self.sigma, self.mass = self.sigma[kept], mass[kept]

    def given(self, sigma: float) -> tuple[Array, Array]:
        """Mean and covariance of weights and bias, given sigma."""
        covariance = np.linalg.inv(np.linalg.inv(self.spread) + self.design.T @ self.design / sigma**2)
        return self.middle + covariance @ self.design.T @ self.residuals / sigma**2, covariance

    def moments(self) -> tuple[Array, Array]:
        """Mean and standard deviation of weights, bias and sigma."""
        means, seconds = [], []
        for sigma in self.sigma:
            mean, covariance = self.given(sigma)
            means.append(np.append(mean, sigma))
            seconds.append(np.append(mean**2 + np.diag(covariance), sigma**2))
        mean = self.mass @ np.array(means)
        return mean, np.sqrt(self.mass @ np.array(seconds) - mean**2)

    def predicted_below(self, functional: Array, y: float) -> float:
        """Probability that a new response is below y, where the mean is a function of weights and bias."""
        total = 0.0
        for sigma, mass in zip(self.sigma, self.mass, strict=True):
            mean, covariance = self.given(sigma)
            variance = functional @ covariance @ functional + sigma**2
            total += mass * 0.5 * math.erfc((functional @ mean - y) / math.sqrt(2 * variance))
        return total


@EVERY
@KINDS
def test_the_exact_answer_is_that_of_an_independent_quadrature(shape: str, standardize: bool) -> None:
    data, comparison = compared(shape, standardize=standardize)
    exact, slow = comparison.exact, Quadrature(data, comparison)
    assert exact.log_evidence == pytest.approx(slow.log_evidence, abs=1e-4)
    mean, sd = slow.moments()
    np.testing.assert_allclose(flat(exact.mean()), mean, atol=1e-3 * sd.min(), rtol=1e-5)
    np.testing.assert_allclose(flat(exact.sd()), sd, rtol=1e-3)
    known = comparison.known()
    np.testing.assert_allclose(flat(dict(known.sd)), sd, rtol=1e-3)
    assert known.log_evidence == exact.log_evidence


@pytest.mark.slow  # trains or integrates for seconds
@EVERY
@KINDS
def test_predictions_and_bands_are_those_of_the_quadrature(shape: str, standardize: bool) -> None:
    data, comparison = compared(shape, standardize=standardize)
    exact, slow, design = comparison.exact, Quadrature(data, comparison), data.design
    others = data.covariate_values[3] + 0.25
    group = design.num_groups - 1
    density = exact.prediction(205.0, group, 0.8, others)
    functional = np.append(design.features(np.array([205.0]), float(group), others)[0], 1.0)
    below = [slow.predicted_below(functional, end) for end in (density.lower, density.median, density.upper)]
    np.testing.assert_allclose(below, [0.1, 0.5, 0.9], atol=1e-4)
    band, place = exact.bands(0.8)["prediction"][group], 40
    at = exact.prediction(float(band.x[place]), group, 0.8)
    ends = (band.lower[place], band.median[place], band.upper[place])
    np.testing.assert_allclose((at.lower, at.median, at.upper), ends, rtol=1e-9)
    means = exact.prediction(float(band.x[place]), group, 0.8, data.covariate_values.mean(0))
    assert means.median == pytest.approx(at.median, rel=1e-9)


@EVERY
@KINDS
def test_the_log_joint_is_pyros_on_the_scale_of_training_mapped_to_the_table(shape: str, standardize: bool) -> None:
    data, comparison = compared(shape, standardize=standardize)
    random, scale, size = np.random.default_rng(2), comparison.scale, data.design.num_features
    trained = {
        WEIGHT: random.normal(size=(3, 1, size)),
        BIAS: random.normal(size=(3, 1)),
        SIGMA: np.array([0.4, 1.0, 7.0]),
    }
    features, targets = comparison.tensors(torch.float64)
    model = BayesianRegression(None, comparison.priors, size)
    expected = []
    for place in range(3):
        latents = {site: torch.tensor(value[place]) for site, value in trained.items()}
        trace: Any = poutine.trace(poutine.condition(model, data=latents)).get_trace(features, targets)
        expected.append(float(trace.log_prob_sum()) + scale.log_unit(data.num_rows) - scale.log_volume)
    found = comparison.log_joint(scale.latents(trained))
    np.testing.assert_allclose(found, expected, rtol=1e-6)


@EVERY
def test_the_map_of_the_latents_keeps_the_mean_of_every_row_and_its_volume(shape: str) -> None:
    data, random = data_of(shape), np.random.default_rng(3)
    scale, size = Scale.of(data.features, data.targets, data.design), data.design.num_features
    trained = {WEIGHT: random.normal(size=(5, 1, size)), BIAS: random.normal(size=(5, 1)), SIGMA: np.full(5, 0.4)}
    mapped, seen = scale.latents(trained), scale.features(data.features)
    mean = trained[WEIGHT][:, 0] @ seen.T + trained[BIAS]
    np.testing.assert_allclose(
        mapped[WEIGHT][:, 0] @ data.features.T + mapped[BIAS], scale.y_center + scale.y_spread * mean
    )
    coefficients = np.column_stack([mapped[WEIGHT][:, 0], mapped[BIAS]])
    back = scale.coefficients(coefficients) / scale.y_spread
    np.testing.assert_allclose(back, np.column_stack([trained[WEIGHT][:, 0], trained[BIAS]]), atol=1e-9)
    whole = np.zeros((size + 2, size + 2))
    whole[:-1, :-1], whole[-1, -1] = scale.matrix * scale.y_spread, scale.y_spread
    assert scale.log_volume == pytest.approx(np.linalg.slogdet(whole)[1])
    for column, two in zip(seen[:, data.design.covariates].T, data.design.two_valued, strict=True):
        assert column.mean() == pytest.approx(0.0, abs=1e-9)
        assert (np.ptp(column) if two else column.std(ddof=1)) == pytest.approx(1.0)
    predictor = seen[:, data.design.predictor]
    np.testing.assert_allclose([predictor.mean(), predictor.std(ddof=1)], [0, 1], atol=1e-12)
    np.testing.assert_allclose(scale.targets(data.targets) * scale.y_spread + scale.y_center, data.targets)
    assert mapped[SIGMA] == pytest.approx(0.4 * data.targets.std(ddof=1))


def test_slopes_are_one_a_group_and_marginals_one_a_weight() -> None:
    for shape in SHAPES:
        exact = compared(shape, standardize=True)[1].exact
        slopes, marginals, size = exact.slopes(), exact.marginals(), exact.design.num_features
        assert (len(slopes), len(marginals[WEIGHT])) == (exact.design.num_groups, size)
        assert len(latents_of(exact)) == size + 2
        assert slopes[0].median == pytest.approx(exact.quantiles([0.5])[WEIGHT][0, 0, exact.design.predictor])
        assert abs(strongest_correlation(exact)[0]) < 1


def test_collinear_covariates_are_held_apart_by_the_prior() -> None:
    frame = table(FEW).assign(inches=lambda rows: rows["flipper"] / 25.4)
    data = RegressionData.from_frame(frame, **COLUMNS, covariates=["inches", "bill"])
    comparison = comparison_of(data, None, standardize=None)
    exact, slow = comparison.exact, Quadrature(data, comparison)
    assert exact.log_evidence == pytest.approx(slow.log_evidence, abs=1e-4)
    np.testing.assert_allclose(flat(exact.sd()), slow.moments()[1], rtol=1e-3)
    together = exact.mean()[WEIGHT][0] @ [25.4, 1.0, 0.0]  # they share the slope: what a millimetre adds is not split
    assert together / 25.4 == pytest.approx(47, abs=8)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda exact: exact.prediction(200.0, 1), "group must be 0, got 1"),
        (lambda exact: exact.prediction(200.0, 0, 0.9, [1.0]), "covariates must be 3 finite numbers"),
        (lambda exact: exact.prediction(200.0, 0, 0.9, [1.0, 0.0, math.nan]), "covariates must be 3 finite numbers"),
        (lambda exact: exact.log_joint(np.zeros((2, 1, 3)), np.zeros((2, 1)), np.ones(2)), "weight must be of shape"),
    ],
)
def test_what_does_not_fit_the_design_is_refused(call: Any, words: str) -> None:
    exact = compared("line and three", standardize=True)[1].exact
    with pytest.raises(ValueError, match=words):
        call(exact)
    with pytest.raises(ValueError, match="features must be of shape"):
        ExactPosterior(np.zeros((4, 3)), np.zeros(4), scale=exact.scale)
    with pytest.raises(ValueError, match="a center and a spread for 3"):
        Scale(design=exact.design)
