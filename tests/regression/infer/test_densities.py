"""Slopes and latents of a normal guide have the densities of its formula, in the units of the table."""

from __future__ import annotations

import numpy as np
import pytest

from rugged_widget.regression.data.design import LESSON_DESIGN
from rugged_widget.regression.data.regression_data import RegressionData
from rugged_widget.regression.infer.fit import RegressionFit
from rugged_widget.regression.infer.model import SIGMA, WEIGHT
from rugged_widget.regression.infer.reference import comparison_of
from rugged_widget.regression.snapshot import RegressionRequest, RegressionSnapshot
from rugged_widget.snapshot.values import Density
from tests.infer.plain import RUGGED
from tests.regression.infer.test_scale import penguins

pytestmark = pytest.mark.slow  # each fit is captured, and drawn from many times

TABLES = {"lesson": RUGGED, "own": penguins(gram=1000.0)}


def looked_at(data: RegressionData, guide: str, *, engine: str = "graph", steps: int = 60) -> RegressionFit:
    comparison = None if data is RUGGED else comparison_of(data, None, standardize=True)
    fit = RegressionFit(data, guide=guide, engine=engine, comparison=comparison)
    fit.request = RegressionRequest(parameters=True)
    fit.advance(steps)
    while engine != "plain" and fit.prepare():
        pass
    return fit


def curves(snapshot: RegressionSnapshot) -> list[Density]:
    return [*snapshot.slopes, *(density for densities in snapshot.marginals.values() for density in densities)]


def peaks(found: Density) -> int:
    steps = np.diff(found.density)
    rises = steps[steps != 0] > 0
    return int((rises[:-1] & ~rises[1:]).sum())


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("guide", ["diagonal", "multivariate", "parts"])
def test_densities_are_those_of_many_draws_and_smooth(table: str, guide: str) -> None:
    fit = looked_at(TABLES[table], guide)
    snapshot, draws = fit.snapshot(), fit.latents(100_000)
    values = [*LESSON_DESIGN.slope_draws(draws[WEIGHT])]
    values += [column for name in snapshot.marginals for column in draws[name].reshape(len(draws[name]), -1).T]
    for found, of_draws in zip(curves(snapshot), values, strict=True):
        assert peaks(found) == 1
        spread = of_draws.std()
        ends = np.quantile(of_draws, [0.05, 0.5, 0.95])
        np.testing.assert_allclose([found.lower, found.median, found.upper], ends, atol=0.02 * spread)
        assert found.prob_positive == pytest.approx((of_draws > 0).mean(), abs=0.01)
        below = np.interp(ends, found.x[1:], np.cumsum(found.density[1:] * np.diff(found.x)))
        np.testing.assert_allclose(below, [0.05, 0.5, 0.95], atol=0.02)


def test_a_captured_snapshot_has_the_densities_of_one_by_pyro() -> None:
    fits = [looked_at(RUGGED, "multivariate", engine=engine) for engine in ("graph", "plain")]
    for one, other in zip(*(curves(fit.snapshot()) for fit in fits), strict=True):
        np.testing.assert_allclose(one.x, other.x, rtol=1e-3, atol=1e-3)
        np.testing.assert_allclose(one.density, other.density, rtol=1e-2, atol=1e-3 * one.density.max())


def test_the_density_of_sigma_agrees_with_its_quantiles_and_stays_within_its_support() -> None:
    snapshot = looked_at(RUGGED, "diagonal").snapshot()
    (found,) = snapshot.marginals[SIGMA]
    middle = snapshot.quantiles[SIGMA][len(snapshot.probs) // 2]
    assert found.median == pytest.approx(float(middle), rel=1e-5)
    assert 0 < found.x[0] < found.x[-1] < 10
    assert found.prob_positive == 1.0


def test_a_point_and_a_guide_before_its_first_step_have_densities() -> None:
    for guide in ("delta", "laplace", "iaf"):
        for found in curves(looked_at(RUGGED, guide, steps=0).snapshot()):
            assert np.isfinite(found.density).all()
            assert np.trapezoid(found.density, found.x) == pytest.approx(1.0, abs=0.02)


@pytest.mark.slow
def test_a_flow_whose_latents_have_one_peak_each_shows_one() -> None:
    assert [peaks(found) for found in curves(looked_at(RUGGED, "iaf", steps=800).snapshot())] == [1] * 7
