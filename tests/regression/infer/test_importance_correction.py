"""Draws that are weighed by their importance ratios say more of the posterior than they do by themselves."""

from __future__ import annotations

import numpy as np
import pytest

from rugged_widget.regression.infer.exact.correlation import covariance
from rugged_widget.regression.infer.fit import RegressionFit
from rugged_widget.regression.infer.importance_correction import correct
from rugged_widget.regression.infer.model import BIAS, WEIGHT
from rugged_widget.regression.snapshot import RegressionCorrection
from rugged_widget.snapshot.request import SnapshotRequest
from rugged_widget.snapshot.values import Array
from tests.infer.plain import RUGGED
from tests.regression.infer.test_approximation import COMPARISON, EXACT, independent, normal_draws

PROBS = (0.05, 0.25, 0.5, 0.75, 0.95)


def corrected(spread: Array, count: int = 2000) -> RegressionCorrection:
    draws, log_density = normal_draws(spread, count)
    log_ratios = COMPARISON.log_joint(draws) - log_density
    found = correct(draws, log_ratios, features(), PROBS, 0.9)
    assert found is not None
    return found


def features() -> Array:
    grid = RUGGED.grid()
    group, x = np.repeat([0.0, 1.0], len(grid)), np.tile(grid, 2)
    return np.column_stack([group, x, group * x])


def width(values: Array) -> float:
    return float(values[-1] - values[0])


def test_the_correction_of_a_good_guide_is_reliable_and_gives_the_posterior() -> None:
    found = corrected(1.2 * covariance(EXACT))
    assert found.reliable
    assert found.effective > 0.5
    exact = EXACT.quantiles(PROBS)
    for site, sd in EXACT.sd().items():
        assert (np.abs(found.quantiles[site] - exact[site]) < 0.25 * sd).all()
    for name, bands in EXACT.bands(0.9).items():
        for band, expected in zip(found.bands[name], bands, strict=True):
            np.testing.assert_array_equal(band.x, expected.x)
            unit = np.asarray(expected.upper - expected.lower) / 3.3
            for end in ("lower", "median", "upper"):
                assert (np.abs(getattr(band, end) - getattr(expected, end)) < 0.25 * unit).all()
    for slope, expected in zip(found.slopes, EXACT.slopes(0.9), strict=True):
        assert slope.lower == pytest.approx(expected.lower, abs=0.03)
        assert slope.prob_positive == pytest.approx(expected.prob_positive, abs=0.03)


def test_the_correction_of_a_guide_that_is_too_narrow_is_wider_and_not_to_be_trusted() -> None:
    draws, _ = normal_draws(independent(), 2000)
    found, exact = corrected(independent()), EXACT.quantiles(PROBS)
    assert not found.reliable
    assert found.effective < 0.3
    for site in (WEIGHT, BIAS):
        before = np.quantile(draws[site], PROBS, axis=0)
        for index in np.ndindex(draws[site].shape[1:]):
            widths = [width(values[(slice(None), *index)]) for values in (before, found.quantiles[site], exact[site])]
            assert widths[0] < widths[1]
            assert abs(np.log(widths[1] / widths[2])) < abs(np.log(widths[0] / widths[2]))


def test_a_fits_correction_has_the_shapes_of_its_snapshot() -> None:
    fit = RegressionFit(RUGGED, engine="plain")
    fit.request = SnapshotRequest(correction=True)
    fit.advance(2)
    snapshot = fit.snapshot()
    found = snapshot.correction
    assert found is not None
    assert {site: value.shape for site, value in found.quantiles.items()} == {
        site: value.shape for site, value in snapshot.quantiles.items()
    }
    for name, bands in snapshot.bands.items():
        for band, other in zip(found.bands[name], bands, strict=True):
            np.testing.assert_array_equal(band.x, other.x)
            assert band.lower.shape == other.lower.shape
            assert (band.lower <= band.median).all()
            assert (band.median <= band.upper).all()
    assert len(found.slopes) == len(snapshot.slopes)


@pytest.mark.parametrize("scale", [1e-3, 1e3, 1e6, 1e9])
def test_a_correction_draws_numbers_only_and_is_not_reliable_where_one_draw_has_all_the_weight(scale: float) -> None:
    draws, _ = normal_draws(covariance(EXACT), 2000)
    log_ratios = scale * np.random.default_rng(1).standard_normal(2000)
    log_ratios[:5] = -np.inf
    draws[BIAS][:3, 0] = np.inf, -np.inf, np.nan
    found = correct(draws, log_ratios, features(), PROBS, 0.9)
    assert found is not None
    drawn = [*found.quantiles.values()]
    drawn += [end for bands in found.bands.values() for band in bands for end in (band.lower, band.median, band.upper)]
    drawn += [value for slope in found.slopes for value in (slope.density, slope.x, slope.lower, slope.upper)]
    assert all(np.isfinite(value).all() for value in drawn)
    assert found.reliable == (scale < 1)


def test_without_a_possible_draw_there_is_no_correction() -> None:
    draws, _ = normal_draws(covariance(EXACT), 2000)
    assert correct(draws, np.full(2000, -np.inf), features(), PROBS, 0.9) is None
