"""The exact posterior, against the published table, the long way round, NUTS and closed forms."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest

from rugged_widget.regression.infer.exact.posterior import ExactPosterior
from rugged_widget.regression.infer.model import BIAS, SIGMA, WEIGHT
from rugged_widget.regression.priors import Priors
from tests.infer.brute import brute
from tests.infer.plain import RUGGED

NUTS = json.loads((Path(__file__).parent / "nuts.json").read_text())
EXACT = ExactPosterior(RUGGED.features, RUGGED.targets, grid=RUGGED.grid(), group_labels=RUGGED.group_labels)
PROBS = (0.05, 0.25, 0.5, 0.75, 0.95)
TABLE = {  # mean, sd, quantiles at PROBS; the table of the lesson's exact posterior
    "weight[0]": (-1.8404, 0.2228, -2.2057, -1.9904, -1.8410, -1.6910, -1.4731),
    "weight[1]": (-0.1828, 0.0772, -0.3096, -0.2348, -0.1830, -0.1310, -0.0557),
    "weight[2]": (0.3458, 0.1301, 0.1315, 0.2585, 0.3461, 0.4334, 0.5592),
    "bias": (9.1803, 0.1392, 8.9510, 9.0868, 9.1805, 9.2739, 9.4087),
    "sigma": (0.9515, 0.0528, 0.8689, 0.9147, 0.9489, 0.9854, 1.0421),
}


def rows(seed: int, count: int, scale: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    group, x = np.arange(count) % 2.0, random.uniform(0, 5, count)
    targets = scale * (3 - group + 0.5 * x + random.normal(size=count))
    return np.column_stack([group, x, group * x]), targets


def flat(by_site: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    weight = {f"weight[{place}]": by_site[WEIGHT][..., 0, place] for place in range(3)}
    return {**weight, "bias": by_site[BIAS][..., 0], "sigma": by_site[SIGMA]}


def test_the_lessons_posterior_is_that_of_the_table() -> None:
    mean, sd, quantiles = flat(EXACT.mean()), flat(EXACT.sd()), flat(EXACT.quantiles(PROBS))
    for name, row in TABLE.items():
        np.testing.assert_allclose([mean[name], sd[name], *quantiles[name]], row, atol=2e-4)
    assert EXACT.log_evidence == pytest.approx(-247.6344, abs=1e-4)


def test_the_slopes_and_their_signs_are_those_of_the_table() -> None:
    outside, inside = EXACT.slopes()
    ends = [[slope.lower, slope.median, slope.upper, slope.prob_positive] for slope in (outside, inside)]
    expected = [[-0.3096, -0.1830, -0.0557, 0.0093], [-0.0119, 0.1631, 0.3373, 0.9375]]
    np.testing.assert_allclose(ends, expected, atol=1e-4)


def test_nuts_agrees_within_its_monte_carlo_error() -> None:
    mean, sd = flat(EXACT.mean()), flat(EXACT.sd())
    quantiles = flat(EXACT.quantiles(NUTS["probs"]))
    density = dict(zip(TABLE, flat_densities(), strict=True))
    for name in TABLE:
        found = NUTS["sites"][name]
        assert found["split_rhat"] < 1.001
        assert abs(mean[name] - found["mean"]) < 4 * found["mean_error"]
        assert abs(sd[name] - found["sd"]) < 4 * found["sd_error"]
        at = np.interp(found["quantiles"], density[name].x, density[name].density)
        error = np.array(found["below_error"]) / at
        assert np.all(np.abs(quantiles[name] - found["quantiles"]) < 4 * error)
    inside = EXACT.slopes()[1]
    count = 40_000
    error = math.sqrt(inside.prob_positive * (1 - inside.prob_positive) / count)
    assert abs(inside.prob_positive - NUTS["sites"]["slope inside"]["prob_positive"]) < 4 * error


def flat_densities() -> list:
    marginals = EXACT.marginals()
    return [*marginals[WEIGHT], *marginals[BIAS], *marginals[SIGMA]]


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 6, 9])
@pytest.mark.parametrize("priors", [Priors(), Priors(0.3, 2.0, 0.7), Priors(30.0, 100.0, 50.0)])
def test_few_rows_give_what_the_long_way_round_gives(count: int, priors: Priors) -> None:
    features, targets = rows(count, count)
    exact = ExactPosterior(features, targets, priors)
    log_sigma = np.linspace(math.log(1e-3), math.log(priors.sigma), 20001)
    slow = brute(features, targets, priors, log_sigma)
    assert exact.log_evidence == pytest.approx(slow.log_evidence, abs=2e-5)
    quantiles = exact.quantiles(PROBS)
    for place, functional in enumerate(np.eye(4)):
        found = np.concatenate([quantiles[WEIGHT][:, 0], quantiles[BIAS]], axis=1)[:, place]
        np.testing.assert_allclose([slow.cdf(functional, x) for x in found], PROBS, atol=2e-5)
    edges = np.concatenate([[0.0], np.cumsum(slow.mass)])
    below = np.interp(quantiles[SIGMA], [0.0, *np.exp(log_sigma)], edges)
    np.testing.assert_allclose(below, PROBS, atol=2e-5)


def test_bands_and_predictions_are_those_of_the_long_way_round() -> None:
    features, targets = rows(5, 7)
    exact = ExactPosterior(features, targets, grid=[-1.0, 2.0, 30.0])
    slow = brute(features, targets, Priors(), np.linspace(math.log(1e-3), math.log(10), 4001))
    for name, bands in exact.bands(0.8).items():
        for group, band in enumerate(bands):
            for place, x in enumerate(band.x):
                functional, noisy = np.array([group, x, group * x, 1.0]), name == "prediction"
                ends = (band.lower[place], band.median[place], band.upper[place])
                below = [slow.cdf(functional, end, noisy=noisy) for end in ends]
                np.testing.assert_allclose(below, [0.1, 0.5, 0.9], atol=2e-5)
    density = exact.prediction(2.0, 1, 0.8)
    assert density.lower == pytest.approx(exact.bands(0.8)["prediction"][1].lower[1])
    above = 1 - slow.cdf(np.array([1, 2.0, 2.0, 1.0]), 0.0, noisy=True)
    assert density.prob_positive == pytest.approx(above, abs=2e-5)


def test_two_explanations_far_apart_both_get_their_share() -> None:
    # A slope of 40 under a prior of scale 1: a steep line and little noise, or a flat line and much.
    features, _ = rows(1, 12)
    targets = 20 * features[:, 1] + np.random.default_rng(1).normal(size=12)
    shares = []
    for scale in (1.0, 1.9, 2.2, 4.0):
        priors = Priors(scale, 10.0, 1000.0)
        exact = ExactPosterior(features, targets, priors)
        slow = brute(features, targets, priors, np.linspace(math.log(0.1), math.log(1000), 3001))
        assert exact.log_evidence == pytest.approx(slow.log_evidence, abs=1e-4)
        np.testing.assert_allclose(exact.mean()[SIGMA], slow.sigma @ slow.mass, rtol=1e-4)
        shares.append(float(slow.mass[slow.sigma > 5].sum()))
    assert shares[0] > 0.9
    assert shares[-1] < 0.1


def test_densities_are_normalised_and_drawn_at_128_points() -> None:
    exact = ExactPosterior(*rows(4, 5))
    for density in [*exact.slopes(), *flat_densities(), exact.prediction(1.0, 0)]:
        assert density.x.shape == density.density.shape == (128,)
        assert np.all(np.diff(density.x) > 0)
        assert np.trapezoid(density.density, density.x) == pytest.approx(1, abs=3e-3)


def test_the_answer_holds_what_the_methods_give() -> None:
    answer = EXACT.answer(PROBS, 0.9)
    assert answer.log_evidence == EXACT.log_evidence
    for name, value in EXACT.quantiles(PROBS).items():
        np.testing.assert_array_equal(answer.quantiles[name], value)
    assert [answer.quantiles[name].shape for name in (WEIGHT, BIAS, SIGMA)] == [(5, 1, 3), (5, 1), (5,)]
    assert [len(answer.marginals[name]) for name in (WEIGHT, BIAS, SIGMA)] == [3, 1, 1]
    assert set(answer.bands) == {"line", "prediction"}
    assert answer.bands["line"][1].x.shape == (64,)
    assert answer.slopes[1].upper == EXACT.slopes()[1].upper
    assert "170 rows" in repr(EXACT)
