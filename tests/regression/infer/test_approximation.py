"""The verdict on a guide of the lesson, on draws of known distributions and on fits."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

from rugged_widget.infer.diagnostics.approximation import approximate
from rugged_widget.infer.diagnostics.psis import threshold
from rugged_widget.infer.guides.families import GUIDE_LABELS
from rugged_widget.regression.data.regression_data import RegressionData
from rugged_widget.regression.infer import fit as lesson
from rugged_widget.regression.infer.exact.correlation import covariance, latents_of, strongest_correlation
from rugged_widget.regression.infer.fit import RegressionFit
from rugged_widget.regression.infer.model import BIAS, SIGMA, WEIGHT
from rugged_widget.regression.infer.reference import Comparison
from rugged_widget.regression.priors import Priors
from rugged_widget.snapshot.request import SnapshotRequest
from tests.infer.brute import brute
from tests.infer.plain import RUGGED

if TYPE_CHECKING:
    from rugged_widget.snapshot.values import Approximation, Array

COMPARISON = Comparison(RUGGED, Priors())
EXACT = COMPARISON.exact
NUM_DRAWS = 20_000


def normal_draws(wanted: Array, count: int = NUM_DRAWS, seed: int = 1) -> tuple[dict[str, Array], Array]:
    """Draws of a normal distribution of all latents with the exact means, and their log density."""
    mean = np.array([*EXACT.mean()[WEIGHT].ravel(), *EXACT.mean()[BIAS], EXACT.mean()[SIGMA]])
    lower = np.linalg.cholesky(wanted)
    noise = np.random.default_rng(seed).standard_normal((count, len(mean)))
    points = mean + noise @ lower.T
    log_density = -0.5 * (noise**2).sum(1) - np.log(np.diag(lower)).sum() - 0.5 * len(mean) * math.log(2 * math.pi)
    return {WEIGHT: points[:, None, :3], BIAS: points[:, 3:4], SIGMA: points[:, 4]}, log_density


def approximation(draws: dict[str, Array], log_density: Array | None, *, correlates: bool) -> Approximation:
    return approximate(draws, log_density, COMPARISON.log_joint, COMPARISON.known(), correlates=correlates)


def independent() -> Array:
    """The covariance of the best normal distribution whose latents are independent."""
    return np.diag(1 / np.diag(np.linalg.inv(covariance(EXACT))))


def test_a_guide_with_the_posteriors_covariance_is_good() -> None:
    found = approximation(*normal_draws(covariance(EXACT)), correlates=True)
    assert (found.quality, found.num_draws, len(found.k_hats)) == ("good", 2000, 10)
    assert found.effective > 0.8
    assert found.gap is not None
    assert 0 < found.gap.nats < 0.05
    assert found.elbo == pytest.approx(EXACT.log_evidence - found.gap.nats)
    assert all((abs(shift) < 0.05).all() for shift in found.mean_shifts.values())
    assert (found.reason, found.ruled_out) == ("", 0.0)
    assert found.elbo_error == found.gap.standard_error == pytest.approx(0.0015, rel=0.5)
    assert all(np.allclose(ratio, 1, atol=0.03) for ratio in found.sd_ratios.values())


def test_the_best_independent_guide_is_poor_and_too_narrow_by_what_the_correlations_make_it() -> None:
    found = approximation(*normal_draws(independent()), correlates=False)
    assert found.quality == "poor"
    expected = np.sqrt(np.diag(independent()) / np.diag(covariance(EXACT)))
    np.testing.assert_allclose(found.sd_ratios[WEIGHT].ravel(), expected[:3], rtol=0.03)
    assert found.worst == latents_of(EXACT)[int(np.abs(np.log(expected)).argmax())]
    assert found.worst is not None
    assert found.sd_ratios[found.worst[0]][found.worst[1]] == pytest.approx(0.53, abs=0.03)
    assert found.correlated == ((WEIGHT, (0, 1)), (BIAS, (0,)))
    assert found.correlation == pytest.approx(-0.784, abs=0.001)
    assert not found.correlates
    gap = -0.5 * np.log(np.linalg.det(independent()) / np.linalg.det(covariance(EXACT)))
    assert found.gap is not None
    assert found.gap.nats == pytest.approx(gap, abs=0.1)


def test_a_draw_that_is_impossible_leaves_no_gap_but_a_verdict() -> None:
    draws, log_density = normal_draws(covariance(EXACT))
    draws[SIGMA][7] = -1.0
    found = approximation(draws, log_density, correlates=True)
    assert (found.gap, found.elbo, math.isnan(found.elbo_error)) == (None, -math.inf, True)
    assert np.isfinite(found.k_hats).all()
    assert (found.quality, found.reason, found.ruled_out) == ("borderline", "ruled_out", pytest.approx(1 / NUM_DRAWS))


def test_a_point_is_called_one() -> None:
    draws, _ = normal_draws(covariance(EXACT), 100)
    found = approximation(draws, None, correlates=False)
    assert (found.quality, found.worst, found.gap, len(found.k_hats)) == ("point", None, None, 0)
    assert math.isnan(found.threshold)


def test_the_covariance_is_that_of_the_long_way_round() -> None:
    slow = brute(RUGGED.features, RUGGED.targets, Priors(), np.linspace(np.log(0.72), np.log(1.3), 301))
    points = np.column_stack([slow.mean, slow.sigma])
    away = points - slow.mass @ points
    expected = (away.T * slow.mass) @ away
    expected[:-1, :-1] += np.tensordot(slow.mass, slow.covariance, 1)
    np.testing.assert_allclose(covariance(EXACT), expected, rtol=2e-3, atol=1e-6)
    assert strongest_correlation(EXACT)[0] == pytest.approx(
        expected[3, 1] / math.sqrt(expected[3, 3] * expected[1, 1]), abs=1e-3
    )


def grams_on_millimetres() -> RegressionData:
    """A table of the scale of penguins, flipper length in mm and body mass in g: slopes of 50, bias near -6,000."""
    rng = np.random.default_rng(1)
    length, sex = rng.normal(200, 14, 300), rng.integers(0, 2, 300)
    mass = 50 * length - 5800 + 400 * sex + rng.normal(0, 300, 300)
    table = pd.DataFrame({"mass": mass, "length": length, "sex": sex})
    return RegressionData.from_frame(table, predictor="length", group="sex", response="mass")


@pytest.mark.parametrize("sd", [0.01, 0.3, 3.0])
@pytest.mark.parametrize("trained", [True, False])
def test_a_guide_that_is_millions_of_nats_away_is_poor_whether_or_not_the_answer_is_known(
    sd: float, trained: bool
) -> None:
    comparison = Comparison(grams_on_millimetres(), Priors())
    noise = np.random.default_rng(1).standard_normal((NUM_DRAWS, 5))
    log_density = -0.5 * (noise**2).sum(1) - 5 * math.log(sd) - 2.5 * math.log(2 * math.pi)
    points = sd * noise + ([0, 21, 0, 0, 0] if trained else 0)
    sigma = 10 / (1 + np.exp(-points[:, 4]))
    log_density -= np.log(sigma * (1 - sigma / 10))
    draws = {WEIGHT: points[:, None, :3], BIAS: points[:, 3:4], SIGMA: sigma}
    known = approximate(draws, log_density, comparison.log_joint, comparison.known(), correlates=False)
    assert (known.quality, known.reason) == ("poor", "means")
    assert abs(known.worst_mean_shift) > 10
    assert known.gap is not None
    assert known.gap.nats > 1e5
    blind = approximate(draws, log_density, comparison.log_joint, correlates=False)
    assert (blind.quality, blind.reason) == ("poor", "weights")
    assert (blind.k_hats > 1).all()


@pytest.mark.parametrize("name", ["diagonal", "multivariate", "iaf"])
def test_a_fit_in_units_that_do_not_suit_it_is_poor_and_its_correction_not_reliable(name: str) -> None:
    fit = RegressionFit(grams_on_millimetres(), guide=name, engine="plain")
    fit.request = SnapshotRequest(approximation=True, correction=True)
    fit.advance(2)
    snapshot = fit.snapshot()
    assert snapshot.approximation is not None
    assert (snapshot.approximation.quality, snapshot.approximation.reason) == ("poor", "means")
    assert not np.isnan(snapshot.approximation.k_hats).any()
    assert snapshot.correction is not None
    assert not snapshot.correction.reliable
    assert all(np.isfinite(values).all() for values in snapshot.correction.quantiles.values())


@pytest.mark.slow
def test_the_default_run_is_poor_and_its_verdict_the_same_each_time() -> None:
    fit = RegressionFit(RUGGED, seed=1, engine="graph")
    fit.advance(1500)
    first, again = fit.approximation(), fit.approximation()
    assert first.quality == "poor"
    assert first.worst is not None
    assert 0.4 < first.sd_ratios[first.worst[0]][first.worst[1]] < 0.6
    assert 0.6 < first.k_hats.mean() < 1.1
    np.testing.assert_array_equal(first.k_hats, again.k_hats)
    assert not first.correlates


def test_a_snapshot_holds_what_is_wanted_and_nothing_else() -> None:
    fit = RegressionFit(RUGGED, engine="plain")
    fit.request = SnapshotRequest(approximation=True, correction=True, draws=True)
    assert fit.snapshot().approximation is None  # nothing has been learnt that could be judged
    fit.advance(3)
    whole = fit.snapshot()
    assert whole.approximation is not None
    assert whole.correction is not None
    assert {site: value.shape for site, value in whole.draws.items()} == {
        WEIGHT: (400, 1, 3),
        BIAS: (400, 1),
        SIGMA: (400,),
    }
    fit.request = SnapshotRequest()
    bare = fit.snapshot()
    assert (bare.approximation, bare.correction, dict(bare.draws)) == (None, None, {})
    assert bare.convergence is not None
    assert bare.convergence.state == "early"
    assert bare.averaged is None


@pytest.mark.parametrize("name", GUIDE_LABELS)
def test_a_guide_of_any_family_is_judged_after_its_first_step(name: str) -> None:
    fit = RegressionFit(RUGGED, guide=name, engine="plain")
    fit.request = SnapshotRequest(approximation=True, correction=True, draws=True)
    fit.advance(1)
    snapshot = fit.snapshot()
    found = snapshot.approximation
    assert found is not None
    assert found.correlates == (name not in {"diagonal", "normal", "delta"})
    if found.quality == "point":  # a Laplace approximation is one as long as it is not at the maximum
        assert name in {"delta", "laplace"}
        assert snapshot.correction is None
    else:
        assert {site: value.shape for site, value in found.sd_ratios.items()} == {WEIGHT: (1, 3), BIAS: (1,), SIGMA: ()}
        assert found.quality == "poor"  # it has hardly begun
        assert snapshot.correction is not None
        assert not snapshot.correction.reliable


def test_a_guide_that_is_called_for_each_draw_is_called_less_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lesson, "draws_at_once", lambda _: False)
    fit = RegressionFit(RUGGED, engine="plain")
    fit.advance(1)
    found = fit.approximation()
    assert (found.num_draws, found.threshold) == (200, pytest.approx(threshold(200)))


def test_a_point_has_a_verdict_and_no_correction() -> None:
    fit = RegressionFit(RUGGED, guide="delta", engine="plain")
    fit.request = SnapshotRequest(approximation=True, correction=True, draws=True)
    fit.advance(1)
    found = fit.snapshot()
    assert found.approximation is not None
    assert (found.approximation.quality, found.correction) == ("point", None)
    assert np.ptp(found.draws[SIGMA]) == 0


def test_to_judge_and_to_correct_changes_no_later_step() -> None:
    looked_at, left_alone = (RegressionFit(RUGGED, engine="plain", seed=3) for _ in range(2))
    looked_at.request = SnapshotRequest(approximation=True, correction=True, draws=True)
    for _ in range(3):
        looked_at.advance(2)
        looked_at.snapshot()
    left_alone.advance(6)
    np.testing.assert_array_equal(looked_at.history()["elbo"], left_alone.history()["elbo"])
