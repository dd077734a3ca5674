"""Bands and densities, against closed forms and Pyro's own Predictive."""

from __future__ import annotations

from statistics import NormalDist
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from pyro.infer import Predictive

from rugged_widget.infer.guides.predictive import density
from rugged_widget.regression.infer.fit import RegressionFit
from tests.infer.plain import FAMILIES, RUGGED

if TYPE_CHECKING:
    from rugged_widget.snapshot.snapshot import Band

PROBS = np.array([0.05, 0.5, 0.95])
Z = np.array([NormalDist().inv_cdf(prob) for prob in PROBS])
QUANTILE_ERROR = np.sqrt(PROBS * (1 - PROBS)) / np.array([NormalDist().pdf(z) for z in Z])
"""Standard error of the quantile of one normal draw; divided by sqrt(num_draws), in units of its standard deviation."""


def features(x: np.ndarray, group: int) -> np.ndarray:
    return np.column_stack([np.full(len(x), group), x, group * x])


def lines(band: Band) -> np.ndarray:
    return np.stack([band.lower, band.median, band.upper])


@pytest.fixture(scope="module")
def fit() -> RegressionFit:
    made = RegressionFit(RUGGED, seed=2, engine="plain")
    made.advance(400)
    return made


@pytest.mark.slow  # trains or integrates for seconds
def test_the_band_of_the_line_is_that_of_the_closed_form(fit: RegressionFit) -> None:
    store = fit.param_store()
    loc, scale = (store[f"AutoDiagonalNormal.{name}"].astype(float)[1:] for name in ("loc", "scale"))
    for group, band in enumerate(fit.snapshot().bands["line"]):
        inputs = np.column_stack([features(band.x, group), np.ones(len(band.x))])
        mean, spread = inputs @ loc, np.sqrt(inputs**2 @ scale**2)
        np.testing.assert_allclose(lines(band), mean + Z[:, None] * spread, rtol=1e-5)  # by formula, not by draws


@pytest.mark.slow
def test_both_bands_agree_with_pyros_predictive(fit: RegressionFit) -> None:
    count, points = 1500, np.array([0, 20, 63])
    snapshot = fit.snapshot()
    inputs = np.concatenate([features(snapshot.bands["line"][0].x[points], group) for group in (0, 1)])
    with fit.inspecting():
        sites = ("obs", "_RETURN")
        predictive = Predictive(fit.model, guide=fit.guide, num_samples=count, return_sites=sites)
        found = predictive(torch.tensor(inputs, dtype=torch.float32))
    for name, site in (("line", "_RETURN"), ("prediction", "obs")):
        draws = found[site].detach().numpy().reshape(count, 6)
        ours = np.concatenate([lines(band)[:, points] for band in snapshot.bands[name]], axis=1)
        # both are estimates: 4 standard errors of their difference, for draws that are close to normal
        error = QUANTILE_ERROR[:, None] * draws.std(axis=0) * np.sqrt(1 / 800 + 1 / count)
        assert np.all(np.abs(np.quantile(draws, PROBS, axis=0) - ours) < 4 * error)


@pytest.mark.parametrize("name", FAMILIES)
@pytest.mark.parametrize("steps", [0, 30])
def test_every_family_has_bands_and_densities_that_are_finite_and_in_order(name: str, steps: int) -> None:
    made = RegressionFit(RUGGED, guide=name, seed=2, prob=0.5, engine="plain")
    made.advance(steps)
    snapshot = made.snapshot()
    for kind in ("line", "prediction"):
        for band in snapshot.bands[kind]:
            assert np.array_equal(band.x, RUGGED.grid())
            assert (band.prob, band.lower.shape) == (0.5, (64,))
            assert np.all(np.isfinite(lines(band)))
            assert np.all(np.diff(lines(band), axis=0) >= 0)
    for line, prediction in zip(snapshot.bands["line"], snapshot.bands["prediction"], strict=True):
        assert np.all(prediction.upper - prediction.lower > line.upper - line.lower)
    for slope in snapshot.slopes:
        assert slope.x.shape == slope.density.shape == (128,)
        assert np.all(np.isfinite(slope.density) & (slope.density >= 0))
        assert np.trapezoid(slope.density, slope.x) == pytest.approx(1, abs=0.01)


def test_a_point_predicts_with_its_sigma_alone() -> None:
    made = RegressionFit(RUGGED, guide="delta", engine="plain")
    made.advance(50)
    snapshot, sigma = made.snapshot(), float(made.param_store()["AutoDelta.sigma"])
    for line, prediction in zip(snapshot.bands["line"], snapshot.bands["prediction"], strict=True):
        np.testing.assert_allclose(line.lower, line.upper, rtol=1e-12)  # one product of matrices may round by column
        # ranks 40 and 761 of 800 evenly spread probabilities are off by half a step of 1/800 (and a little curvature)
        width = (prediction.upper - prediction.lower) / sigma
        assert np.all(np.abs(width - 2 * Z[2]) < 2 * 0.55 / 800 / NormalDist().pdf(Z[2]))


def test_the_density_is_the_kernel_estimate_of_the_draws() -> None:
    draws = np.random.default_rng(1).normal(0.2, 0.1, 800)
    found = density(draws)
    width = 0.9 * min(draws.std(), np.subtract(*np.quantile(draws, [0.75, 0.25])) / 1.349) * 800**-0.2
    kernel = np.exp(-0.5 * ((found.x[:, None] - draws) / width) ** 2) / (width * np.sqrt(2 * np.pi))
    # linear binning is off by about a twelfth of (spacing / width) squared; Silverman's quartiles are ranks here
    assert np.abs(found.density - kernel.mean(axis=1)).max() < 0.01 * found.density.max()
    assert found.prob_positive == (draws > 0).mean()
    order = np.sort(draws)  # the quantiles are draws, not of the kernel estimate, which is wider than they are
    assert (found.lower, found.median, found.upper, found.prob) == (order[39], order[399], order[760], 0.9)
    assert (found.x[0], found.x[-1]) == pytest.approx(
        (draws.min() - 4 * width, draws.max() + 4 * width), abs=0.1 * width
    )


@pytest.mark.parametrize("value", [0.0, 0.4, -3e-5, 7e6])
def test_the_density_of_equal_draws_is_a_narrow_peak_at_their_place(value: float) -> None:
    found = density(np.full(800, value))
    assert np.all(np.isfinite(found.density) & (found.density >= 0))
    assert np.trapezoid(found.density, found.x) == pytest.approx(1, abs=1e-3)
    peak = found.x[found.density.argmax()]
    assert abs(peak - value) <= found.x[1] - found.x[0]
    assert found.x[0] < value < found.x[-1]
    assert np.ptp(found.x) <= 0.1 * (abs(value) or 1)
    assert found.prob_positive == float(value > 0)


def test_draws_with_half_of_them_equal_still_have_a_density() -> None:
    found = density(np.concatenate([np.zeros(500), np.linspace(-1.0, 1.0, 300)]))
    assert np.all(np.isfinite(found.density))


def test_a_weighed_density_is_that_of_the_distribution_the_weights_lead_to() -> None:
    draws = np.random.default_rng(1).normal(size=4000)
    weights = np.exp(0.5 * draws)  # from a normal distribution around 0 to the one around 0.5
    found = density(draws, 0.9, weights / weights.sum())
    expected = np.exp(-0.5 * (found.x - 0.5) ** 2) / np.sqrt(2 * np.pi)
    np.testing.assert_allclose(found.density, expected, atol=0.03)
    assert [found.lower, found.median, found.upper] == pytest.approx([-1.145, 0.5, 2.145], abs=0.1)
    assert found.prob_positive == pytest.approx(0.691, abs=0.02)


def test_equal_weights_leave_a_density_as_it_is() -> None:
    draws = np.random.default_rng(1).normal(size=801)
    plain, weighed = density(draws), density(draws, 0.9, np.full(801, 1 / 801))
    np.testing.assert_allclose(weighed.density, plain.density, atol=0.01)
    assert weighed.prob_positive == pytest.approx(plain.prob_positive)
