"""What holds of every exact posterior, whatever the data and the priors."""

from __future__ import annotations

import math

import numpy as np
import pyro.distributions as dist
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pyro import poutine

from rugged_widget.regression.data.design import LESSON_DESIGN
from rugged_widget.regression.infer.exact.normal_mixture import normal_cdf
from rugged_widget.regression.infer.exact.posterior import ExactPosterior, curves_of
from rugged_widget.regression.infer.model import BIAS, SIGMA, WEIGHT, BayesianRegression
from rugged_widget.regression.priors import Priors
from tests.infer.plain import RUGGED
from tests.regression.infer.exact.test_posterior import rows

SCALES = st.sampled_from([0.01, 0.5, 1.0, 10.0, 1e4])
CASES = st.tuples(st.integers(0, 10_000), st.integers(1, 40), SCALES, st.builds(Priors, SCALES, SCALES, SCALES))


def made(case: tuple[int, int, float, Priors]) -> tuple[np.ndarray, np.ndarray, Priors]:
    seed, count, scale, priors = case
    return (*rows(seed, count, scale), priors)


@settings(max_examples=40)
@given(CASES)
def test_quantiles_increase_and_the_probability_below_them_is_theirs(case: tuple[int, int, float, Priors]) -> None:
    exact = ExactPosterior(*made(case))
    probs = np.array([1e-6, 0.01, 0.3, 0.5, 0.9, 0.99999])
    mixture = exact._mixture(curves_of(LESSON_DESIGN))
    quantiles = mixture.quantiles(probs)
    assert np.all(np.diff(quantiles, axis=0) > 0)
    for prob, x in zip(probs, quantiles, strict=True):
        below = normal_cdf((x[:, None] - mixture._mean) / mixture._sd) @ mixture._shares
        np.testing.assert_allclose(below, prob, rtol=1e-7)
    sigma = exact.quantiles(probs)[SIGMA]
    assert np.all((sigma > 0) & (sigma <= case[3].sigma))
    assert np.all(np.diff(sigma) >= 0)


@settings(max_examples=20)
@given(CASES)
def test_the_order_of_the_rows_does_not_matter(case: tuple[int, int, float, Priors]) -> None:
    features, targets, priors = made(case)
    order = np.random.default_rng(1).permutation(len(targets))
    one, other = ExactPosterior(features, targets, priors), ExactPosterior(features[order], targets[order], priors)
    np.testing.assert_allclose(one.log_evidence, other.log_evidence, rtol=1e-9, atol=1e-7)
    sd = one.sd()
    for name, mean in one.mean().items():
        assert np.all(np.abs(mean - other.mean()[name]) <= 1e-5 * sd[name] + 1e-12 * np.abs(mean))


@settings(max_examples=20)
@given(CASES)
def test_no_elbo_is_above_the_log_evidence(case: tuple[int, int, float, Priors]) -> None:
    exact = ExactPosterior(*made(case))
    # A guide: normal (weight, bias), and sigma uniform between two quantiles of its posterior.
    loc = np.concatenate([exact.mean()[WEIGHT][0], exact.mean()[BIAS]])
    scale = np.concatenate([exact.sd()[WEIGHT][0], exact.sd()[BIAS]])
    low, high = exact.quantiles([0.1, 0.9])[SIGMA]
    random = np.random.default_rng(2)
    noise, where = random.normal(size=(4000, 4)), random.uniform(size=4000)
    draws = loc + scale * noise
    log_guide = -0.5 * np.sum(noise**2, axis=1) - 2 * math.log(2 * math.pi) - np.sum(np.log(scale))
    log_guide = log_guide - (math.log(high - low) if high > low else -math.inf)
    terms = exact.log_joint(draws[:, None, :3], draws[:, 3:], low + (high - low) * where) - log_guide
    if np.isfinite(terms).all():  # a sliver that is one number has no density
        assert terms.mean() < exact.log_evidence + 5 * terms.std() / math.sqrt(len(terms)) + 1e-6 * abs(terms.mean())


def test_log_joint_is_pyros() -> None:
    priors = Priors(2.0, 5.0, 3.0)
    exact = ExactPosterior(RUGGED.features, RUGGED.targets, priors)
    random = np.random.default_rng(3)
    weight, bias = random.normal(size=(5, 1, 3)), random.normal(size=(5, 1))
    sigma = np.array([0.5, 1.0, 2.5, 3.5, -1.0])
    found = exact.log_joint(weight, bias, sigma)
    assert np.all(found[3:] == -np.inf)
    model = BayesianRegression(priors=priors).double()
    inputs = torch.tensor(RUGGED.features), torch.tensor(RUGGED.targets)
    for place in range(3):
        values = {WEIGHT: weight[place], BIAS: bias[place], SIGMA: sigma[place]}
        fixed = {name: torch.tensor(value) for name, value in values.items()}
        expected = poutine.trace(poutine.condition(model, data=fixed)).get_trace(*inputs).log_prob_sum()
        np.testing.assert_allclose(found[place], float(expected), rtol=1e-6)  # the model's scales are in float32


def test_importance_weights_average_to_the_evidence() -> None:
    exact = ExactPosterior(*rows(2, 8))
    count = 200_000
    random = np.random.default_rng(4)
    loc = np.concatenate([exact.mean()[WEIGHT][0], exact.mean()[BIAS]])
    scale = 1.5 * np.concatenate([exact.sd()[WEIGHT][0], exact.sd()[BIAS]])
    noise = random.standard_t(4, size=(count, 4))
    student = dist.StudentT(torch.tensor(4.0, dtype=torch.float64)).log_prob(torch.from_numpy(noise)).sum(1).numpy()
    draws, sigma = loc + scale * noise, random.uniform(0, 10, count)
    log_guide = student - np.sum(np.log(scale)) - math.log(10)
    ratios = np.exp(exact.log_joint(draws[:, None, :3], draws[:, 3:], sigma) - log_guide - exact.log_evidence)
    assert abs(ratios.mean() - 1) < 4 * ratios.std() / math.sqrt(count)
    assert ratios.std() / math.sqrt(count) < 0.05
