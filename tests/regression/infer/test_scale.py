"""A table that is standardized for training: its answers are those of the table's own units, by other ways too."""

from __future__ import annotations

import math
from functools import cache

import numpy as np
import pandas as pd
import pytest

from rugged_widget.infer.guides.families import GUIDE_LABELS
from rugged_widget.regression.data.regression_data import RegressionData
from rugged_widget.regression.infer.exact.contours import exact_contours
from rugged_widget.regression.infer.exact.correlation import covariance, latents_of, strongest_correlation
from rugged_widget.regression.infer.exact.posterior import ExactPosterior
from rugged_widget.regression.infer.fit import RegressionFit
from rugged_widget.regression.infer.model import BIAS, SIGMA, WEIGHT
from rugged_widget.regression.infer.reference import Comparison, comparison_of
from rugged_widget.regression.infer.scale import STANDARDIZED_PRIORS, Scale
from rugged_widget.regression.infer.tables import least_squares_of, predictions_of, summary_of
from rugged_widget.regression.priors import Priors
from rugged_widget.snapshot.request import SnapshotRequest
from rugged_widget.snapshot.values import Array
from tests.infer.plain import RUGGED

PROBS = (0.05, 0.25, 0.5, 0.75, 0.95)
SLOW = {"normal", "low_rank", "iaf", "laplace"}
FAMILIES = [pytest.param(name, marks=[pytest.mark.slow] if name in SLOW else []) for name in GUIDE_LABELS]


def penguins(count: int = 333, *, gram: float = 1.0, millimetre: float = 1.0, shift: float = 0.0) -> RegressionData:
    """Body mass by length of the flipper and sex, in grams and millimetres or other units; a made-up table.

    The slope is 47 g / mm in both groups.
    """
    random = np.random.default_rng(7)
    sex = np.arange(count) % 2
    flipper = random.normal(200, 14, count)
    mass = 4000 + 47 * (flipper - 200) + 350 * sex + random.normal(0, 330, count)
    frame = pd.DataFrame({"mass": mass * gram, "flipper": flipper * millimetre + shift, "sex": sex})
    return RegressionData.from_frame(frame, response="mass", predictor="flipper", group="sex")


def standardized(data: RegressionData) -> Comparison:
    return comparison_of(data, None, standardize=True)


def fitted(
    data: RegressionData, guide: str = "multivariate", steps: int = 1500, engine: str = "graph"
) -> RegressionFit:
    fit = RegressionFit(data, guide=guide, engine=engine, comparison=standardized(data))
    fit.advance(steps)
    return fit


@cache
def fit_of(guide: str) -> RegressionFit:
    return fitted(penguins(), guide)


class LongWay:
    """The posterior by a grid over sigma in the units of the table, where weights and bias have a normal prior.

    It is the model's prior, mapped: mean `middle`, covariance `spread`.
    """

    def __init__(self, data: RegressionData, scale: Scale, priors: Priors) -> None:
        x_ratio, y = scale.x_center / scale.x_spread, scale.y_spread
        matrix = y * np.array(
            [[1, 0, -x_ratio, 0], [0, 1 / scale.x_spread, 0, 0], [0, 0, 1 / scale.x_spread, 0], [0, -x_ratio, 0, 1]]
        )
        self.middle = np.array([0, 0, 0, scale.y_center])
        self.spread = matrix @ np.diag([priors.weight**2] * 3 + [priors.bias**2]) @ matrix.T
        self.design = np.column_stack([data.features, np.ones(data.num_rows)])
        self.targets, self.upper = data.targets, priors.sigma * y
        values, vectors = np.linalg.eigh(self.design @ self.spread @ self.design.T)
        self.values, residuals = np.maximum(values, 0), vectors.T @ (self.targets - self.design @ self.middle)
        step = 1e-3
        self.sigma = np.exp(np.arange(math.log(self.upper) - 9, math.log(self.upper), step) + step / 2)
        variance = self.values + self.sigma[:, None] ** 2
        logs = -0.5 * np.sum(np.log(2 * math.pi * variance) + residuals**2 / variance, axis=1)
        logs += np.log(self.sigma * step / self.upper)
        self.log_evidence = float(np.logaddexp.reduce(logs))
        self.mass = np.exp(logs - self.log_evidence)

    def moments(self) -> tuple[Array, Array]:
        """Mean and standard deviation of weights, bias and sigma, shape (5,)."""
        means, seconds = np.zeros(5), np.zeros(5)
        precision = np.linalg.inv(self.spread)
        for sigma, mass in zip(self.sigma, self.mass, strict=True):
            if mass < 1e-9:
                continue
            cov = np.linalg.inv(precision + self.design.T @ self.design / sigma**2)
            mean = cov @ (precision @ self.middle + self.design.T @ self.targets / sigma**2)
            means += mass * np.append(mean, sigma)
            seconds += mass * np.append(mean**2 + np.diag(cov), sigma**2)
        return means, np.sqrt(seconds - means**2)

    def log_joint(self, coefficients: Array, sigma: float) -> float:
        away, precision = coefficients - self.middle, np.linalg.inv(self.spread)
        prior = -0.5 * (away @ precision @ away + np.linalg.slogdet(2 * math.pi * self.spread)[1]) - math.log(
            self.upper
        )
        residuals = (self.targets - self.design @ coefficients) / sigma
        return float(prior - 0.5 * residuals @ residuals - len(residuals) * math.log(sigma * math.sqrt(2 * math.pi)))


def flat(by_site: dict[str, Array]) -> Array:
    return np.concatenate([by_site[WEIGHT][..., 0, :], by_site[BIAS], by_site[SIGMA][..., None]], axis=-1)


@pytest.mark.parametrize("count", [6, 20])
def test_the_exact_answer_is_that_of_the_mapped_prior_the_long_way_round(count: int) -> None:
    data = penguins(count)
    exact = standardized(data).exact
    slow = LongWay(data, exact.scale, STANDARDIZED_PRIORS)
    assert exact.log_evidence == pytest.approx(slow.log_evidence, abs=1e-4)
    mean, sd = slow.moments()
    np.testing.assert_allclose(flat(exact.mean()), mean, atol=1e-3 * sd.min(), rtol=1e-5)
    np.testing.assert_allclose(flat(exact.sd()), sd, rtol=1e-4)
    for sigma in (100.0, 400.0):
        point = mean[:4] + 0.3 * sd[:4]
        found = exact.log_joint(point[None, None, :3], point[None, 3:], np.array([sigma]))
        assert found == pytest.approx(slow.log_joint(point, sigma), rel=1e-7)


def test_bands_predictions_and_slopes_are_those_of_the_exact_draws() -> None:
    exact, random = standardized(penguins()).exact, np.random.default_rng(1)
    sigma = random.choice(exact.sigma.nodes, 40_000, p=exact.sigma.shares)
    mean, cov = exact.given_sigma(exact.sigma.nodes)
    assert np.all(np.linalg.eigvalsh(cov) > 0)
    np.testing.assert_allclose(exact.sigma.shares @ mean, flat(exact.mean())[:4], rtol=1e-9)
    units, none = np.eye(4), np.zeros(4)
    trained, spread = exact.functionals_given_sigma(units, sigma, none)
    draws = trained + (np.linalg.cholesky(spread) @ random.normal(size=(len(sigma), 4, 1)))[..., 0]
    draws = draws @ exact.scale.matrix.T + exact.scale.offset
    line = draws @ [1, 210.0, 210.0, 1]
    low, high = np.quantile(line, [0.05, 0.95])
    band = exact.bands(0.9)["line"][1]
    # The standard error of a 5 % quantile of 40,000 draws is 1 % of a standard deviation.
    close = {"abs": 0.06 * line.std()}
    assert np.interp(210.0, band.x, band.lower) == pytest.approx(low, **close)
    assert np.interp(210.0, band.x, band.upper) == pytest.approx(high, **close)
    new = line + sigma * random.normal(size=len(sigma))
    density = exact.prediction(210.0, 1)
    assert (density.lower, density.upper) == pytest.approx(np.quantile(new, [0.05, 0.95]), abs=0.06 * new.std())
    inside = exact.slopes()[1]
    slope = draws[:, 1] + draws[:, 2]
    assert inside.median == pytest.approx(np.median(slope), abs=0.03 * slope.std())
    np.testing.assert_allclose(covariance(exact)[:4, :4], np.cov(draws.T), rtol=0.06)


def test_the_strongest_correlation_is_that_on_the_scale_of_training() -> None:
    exact = standardized(penguins()).exact
    matrix = covariance(exact)
    assert abs(matrix[1, 3] / math.sqrt(matrix[1, 1] * matrix[3, 3])) > 0.99  # far from the center they are one
    assert strongest_correlation(exact)[0] == pytest.approx(-0.71, abs=0.05)


@pytest.mark.parametrize("shift", [0.0, 1e6])
def test_contours_of_nearly_the_same_latents_hold_what_they_say(shift: float) -> None:
    exact, random = standardized(penguins(shift=shift)).exact, np.random.default_rng(1)
    sigma = random.choice(exact.sigma.nodes, 4000, p=exact.sigma.shares)
    mean, spread = exact.functionals_given_sigma(np.eye(4), sigma, np.zeros(4))
    draws = mean + (np.linalg.cholesky(spread) @ random.normal(size=(len(sigma), 4, 1)))[..., 0]
    draws = np.column_stack([draws @ exact.scale.matrix.T + exact.scale.offset, sigma])
    for pair in [(0, 1), (0, 2), (3, 1), (2, 4)]:
        points = draws[:, pair]
        center, size = points.mean(0), points.std(0)
        contours = exact_contours(exact, *(latents_of(exact)[place] for place in pair))
        for prob, lines in zip(contours.probs, contours.lines, strict=True):
            (line,) = lines
            share = inside((line - center) / size, (points - center) / size).mean()
            assert share == pytest.approx(prob, abs=5 * math.sqrt(prob * (1 - prob) / len(points)))


def inside(line: Array, points: Array) -> Array:
    """Which points lie in a closed line: a ray from them crosses it an odd number of times."""
    one, two = line[:-1], line[1:]
    x, y = points[:, :1], points[:, 1:]
    crosses = (one[:, 1] > y) != (two[:, 1] > y)
    with np.errstate(all="ignore"):
        at = one[:, 0] + (y - one[:, 1]) / (two[:, 1] - one[:, 1]) * (two[:, 0] - one[:, 0])
    return np.asarray((crosses & (x < at)).sum(1) % 2 == 1)


def test_the_map_of_the_latents_keeps_the_mean_of_every_row() -> None:
    data, random = penguins(), np.random.default_rng(3)
    scale = Scale.of(data.features, data.targets)
    seen = scale.features(data.features)
    np.testing.assert_allclose([seen[:, 1].mean(), seen[:, 1].std(ddof=1)], [0, 1], atol=1e-12)
    trained = {WEIGHT: random.normal(size=(5, 1, 3)), BIAS: random.normal(size=(5, 1)), SIGMA: np.full(5, 0.4)}
    mapped = scale.latents(trained)
    mean = trained[WEIGHT][:, 0] @ seen.T + trained[BIAS]
    np.testing.assert_allclose(
        mapped[WEIGHT][:, 0] @ data.features.T + mapped[BIAS], scale.y_center + scale.y_spread * mean
    )
    np.testing.assert_allclose(scale.targets(data.targets) * scale.y_spread + scale.y_center, data.targets)
    back = scale.coefficients(np.column_stack([mapped[WEIGHT][:, 0], mapped[BIAS]])) / scale.y_spread
    np.testing.assert_allclose(back, np.column_stack([trained[WEIGHT][:, 0], trained[BIAS]]), atol=1e-12)
    assert mapped[SIGMA] == pytest.approx(0.4 * data.targets.std(ddof=1))
    whole = np.zeros((5, 5))
    whole[:4, :4], whole[4, 4] = scale.matrix * scale.y_spread, scale.y_spread
    assert scale.log_volume == pytest.approx(np.linalg.slogdet(whole)[1])


def test_the_identity_changes_no_bit() -> None:
    scale, draws = Scale(), {WEIGHT: np.full((2, 1, 3), 0.1), BIAS: np.full((2, 1), 0.1), SIGMA: np.full(2, 0.1)}
    assert scale.is_identity
    assert scale.features(RUGGED.features) is RUGGED.features
    assert scale.targets(RUGGED.targets) is RUGGED.targets
    assert all(value is draws[site] for site, value in scale.latents(draws).items())
    assert scale.log_volume == scale.log_unit(170) == 0.0


def test_a_response_that_does_not_vary_keeps_its_unit() -> None:
    scale = Scale.of(np.ones((4, 3)), np.full(4, 7.0))
    assert (scale.y_center, scale.y_spread) == (7.0, 1.0)


@pytest.mark.slow  # trains for seconds
@pytest.mark.parametrize("guide", FAMILIES)
def test_a_table_in_grams_converges_in_a_default_run(guide: str) -> None:
    fit = fit_of(guide)
    snapshot = fit.snapshot()
    if guide != "iaf":  # which has not converged on the lesson after as many steps
        assert fit.convergence().state == "converged"
    exact = fit.comparison.exact
    # Twice the posterior standard deviation of 2 in each group, and as much for the straying of the iterates.
    np.testing.assert_allclose(fit.slopes().mean(), 47, atol=8)
    for name, band in snapshot.bands.items():
        for one, other in zip(band, exact.bands()[name], strict=True):
            np.testing.assert_allclose(one.median, other.median, atol=150)
    assert snapshot.quantiles[SIGMA][2] == pytest.approx(exact.mean()[SIGMA], rel=0.1)


@pytest.mark.slow  # trains for seconds
@pytest.mark.parametrize("guide", ["diagonal", "multivariate", "parts"])
def test_draws_and_their_density_estimate_the_evidence_in_the_units_of_the_table(guide: str) -> None:
    fit = fit_of(guide)
    approximation = fit.approximation()
    assert approximation.gap is not None
    assert 0 < approximation.gap.nats < 4
    assert approximation.elbo + approximation.gap.nats == pytest.approx(fit.comparison.exact.log_evidence)
    # A step's estimate is of the ELBO too: their mean over the last steps is that of the present parameters or so.
    assert fit.history()["elbo"].tail(300).mean() == pytest.approx(approximation.elbo, abs=3)
    assert fit.curve().smoothed[-1] == pytest.approx(approximation.elbo, abs=6)
    assert fit.elbo == fit.history()["elbo"].iloc[-1]
    draws, log_density = fit._draws(20_000)
    ratios = fit.comparison.log_joint(draws) - log_density
    estimate = np.logaddexp.reduce(ratios) - math.log(len(ratios))
    assert estimate == pytest.approx(fit.comparison.exact.log_evidence, abs=0.5)  # the ratios have long tails


@pytest.mark.parametrize("guide", FAMILIES)
def test_quantiles_are_those_of_the_draws(guide: str) -> None:
    fit = fit_of(guide)
    draws = fit.latents(20_000)
    quantiles = fit.quantiles(PROBS)
    for site, value in draws.items():
        # The error of a 5 % quantile of 800 draws, which a flow has, is 8 % of a standard deviation.
        error = (0.25 if guide == "iaf" else 0.06) * value.std(0) + 1e-5 * np.abs(value).max(0)
        assert np.all(np.abs(quantiles[site] - np.quantile(value, PROBS, axis=0)) < error)
        np.testing.assert_allclose(fit.snapshot().quantiles[site], quantiles[site])


@pytest.mark.parametrize("gram", [1e-12, 1e9])
def test_other_units_give_the_same_run_in_those_units(gram: float) -> None:
    one, other = fitted(penguins(60), "parts", 40, "plain"), fitted(penguins(60, gram=gram), "parts", 40, "plain")
    before, after = one.snapshot(), other.snapshot()
    for site, value in before.quantiles.items():
        np.testing.assert_allclose(after.quantiles[site], value * gram, rtol=1e-5, atol=1e-5 * gram)
    for name, bands in before.bands.items():
        for band, scaled in zip(bands, after.bands[name], strict=True):
            np.testing.assert_allclose(scaled.lower, band.lower * gram, rtol=1e-5)
    assert after.elbo == pytest.approx(before.elbo - 60 * math.log(gram), rel=1e-6)
    evidence = one.comparison.exact.log_evidence - 60 * math.log(gram)
    assert other.comparison.exact.log_evidence == pytest.approx(evidence, rel=1e-9)
    assert after.gap is not None
    assert before.gap is not None
    assert after.gap.nats == pytest.approx(before.gap.nats, abs=1e-2)
    np.testing.assert_allclose(
        flat(other.comparison.exact.quantiles(PROBS)), gram * flat(one.comparison.exact.quantiles(PROBS))
    )


def test_units_of_the_predictor_change_the_slope_and_nothing_else() -> None:
    one, other = (fitted(penguins(60, millimetre=unit), "diagonal", 40, "plain") for unit in (1.0, 1e-12))
    np.testing.assert_allclose(other.slopes() * 1e-12, one.slopes(), rtol=1e-4)
    assert other.elbo == pytest.approx(one.elbo, rel=1e-6)
    assert other.comparison.exact.log_evidence == pytest.approx(one.comparison.exact.log_evidence)


def test_everything_that_a_snapshot_holds_is_in_the_units_of_the_table() -> None:
    fit, exact = fit_of("multivariate"), fit_of("multivariate").comparison.exact
    fit.request = SnapshotRequest(parameters=True, draws=True, approximation=True, correction=True)
    snapshot = fit.snapshot()
    fit.request = SnapshotRequest()
    mean, sd = exact.mean(), exact.sd()
    for site, draws in snapshot.draws.items():
        np.testing.assert_allclose(draws.mean(0), mean[site], atol=float(2 * np.max(sd[site])))
        np.testing.assert_allclose(draws.std(0), sd[site], rtol=0.35)
    assert [density.median for density in snapshot.marginals[WEIGHT]] == pytest.approx(
        np.quantile(fit.latents(800)[WEIGHT][:, 0], 0.5, axis=0), rel=0.02, abs=20
    )
    correction = snapshot.correction
    assert correction is not None
    assert correction.slopes[0].median == pytest.approx(exact.slopes()[0].median, abs=1.5)
    np.testing.assert_allclose(correction.bands["line"][0].median, exact.bands()["line"][0].median, atol=80)
    for parameter in snapshot.parameters:  # the guide's own, as they are trained
        assert np.abs(parameter.constrained).max() < 20


def test_tables_are_in_the_units_of_the_table() -> None:
    fit = fit_of("multivariate")
    table = predictions_of(fit, 800, 0.9)
    residuals = table["mu_mean"] - table["true_mass"]
    assert residuals.std() == pytest.approx(330, rel=0.1)
    within = (table["y_perc_5"] <= table["true_mass"]) & (table["true_mass"] <= table["y_perc_95"])
    assert within.mean() == pytest.approx(0.9, abs=0.06)
    by_site = summary_of(fit, 800, 0.9)
    assert by_site[WEIGHT].loc["flipper", "mean"] == pytest.approx(47, abs=4)
    np.testing.assert_allclose(by_site["_RETURN"]["mean"], table["mu_mean"])


def test_least_squares_is_that_of_the_table_and_adam_comes_to_it() -> None:
    data = penguins()
    fit = fitted(data, "diagonal", 1, "plain")
    np.testing.assert_array_equal(
        fit.comparison.least_squares[WEIGHT], Comparison(data, Priors()).least_squares[WEIGHT]
    )
    table = least_squares_of(fit, 1500)
    np.testing.assert_allclose(table["adam"], table["exact"], rtol=1e-3)


def test_the_exact_answer_of_an_unstandardized_table_is_the_limit_of_weak_priors() -> None:
    data = penguins()
    plain = ExactPosterior(data.features, data.targets, Priors(1e5, 1e7, 1e4))
    exact = ExactPosterior(data.features, data.targets, Priors(1e4, 1e4, 1e3), scale=standardized(data).scale)
    np.testing.assert_allclose(flat(exact.mean()), flat(plain.mean()), rtol=1e-3)
    np.testing.assert_allclose(flat(exact.sd()), flat(plain.sd()), rtol=1e-3)


def test_given_priors_are_of_the_units_of_the_table() -> None:
    priors = Priors(weight=100.0, bias=1e5, sigma=1e4)
    comparison = comparison_of(penguins(), priors, standardize=None)
    assert comparison.scale.is_identity
    assert comparison.priors == priors
    with pytest.raises(ValueError, match="not both"):
        comparison_of(penguins(), priors, standardize=True)


def test_the_lesson_is_not_standardized_unless_it_is_asked_for() -> None:
    comparison = comparison_of(RUGGED, None, standardize=None)
    assert (comparison.scale, comparison.priors) == (Scale(), Priors())
    own = comparison_of(penguins(), None, standardize=None)
    assert (own.scale.is_identity, own.priors) == (False, STANDARDIZED_PRIORS)
    plain = comparison_of(penguins(), None, standardize=False)
    assert (plain.scale, plain.priors) == (Scale(), Priors())
    asked = comparison_of(RUGGED, None, standardize=True)
    assert asked.exact.slopes()[1].median == pytest.approx(comparison.exact.slopes()[1].median, abs=0.03)
