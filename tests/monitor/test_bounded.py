"""Densities from draws of latents that have a bound."""

from __future__ import annotations

import numpy as np
import pytest

from rugged_widget.infer.guides.predictive import density
from rugged_widget.monitor.infer.bounded import within_bounds

DRAWS = np.random.default_rng(0).exponential(0.1, 4000)


@pytest.mark.parametrize(("kind", "draws"), [("positive", DRAWS), ("simplex", 1.0 - DRAWS[DRAWS < 1.0])])
def test_no_density_lies_beyond_a_bound_and_none_is_lost(kind: str, draws: np.ndarray) -> None:
    found = density(draws)
    assert found.x[0] < 0.0 or found.x[-1] > 1.0
    bounded = within_bounds(found, kind)
    assert bounded.x[0] >= 0.0
    assert bounded.x[-1] <= (1.0 if kind == "simplex" else np.inf)
    assert len(bounded.x) == len(found.x)
    assert np.trapezoid(bounded.density, bounded.x) == pytest.approx(1.0, abs=0.02)
    assert (bounded.lower, bounded.median, bounded.upper) == (found.lower, found.median, found.upper)


def test_other_densities_stay_as_they_are() -> None:
    below, above, point = density(DRAWS - 0.05), density(DRAWS + 10.0), density(np.full(9, 0.5))
    assert within_bounds(below, "positive") is below
    assert within_bounds(below, "real") is below
    assert within_bounds(above, "positive") is above
    assert within_bounds(point, "simplex") is point
