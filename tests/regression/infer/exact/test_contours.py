"""Contours of the exact posterior hold the probability they say."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import numpy as np
import pytest

from rugged_widget.regression.data.regression_data import RegressionData
from rugged_widget.regression.infer.exact.contours import exact_contours
from rugged_widget.regression.infer.exact.correlation import latents_of
from rugged_widget.regression.infer.exact.posterior import ExactPosterior
from rugged_widget.regression.infer.model import BIAS, SIGMA, WEIGHT
from rugged_widget.regression.infer.reference import comparison_of
from rugged_widget.regression.priors import Priors
from rugged_widget.snapshot.values import Array, Latent
from tests.regression.infer.test_approximation import EXACT
from tests.regression.infer.test_scale import penguins
from tests.regression.shapes import data_of

if TYPE_CHECKING:
    from collections.abc import Callable

LATENTS = latents_of(EXACT)
FEW_ROWS = ExactPosterior(
    [[0.0, 1.0, 0.0], [1.0, 2.0, 2.0], [0.0, 3.0, 0.0]], [1.0, 0.5, 2.0], Priors(1.0, 10.0, 3.0), np.linspace(1, 3, 5)
)
"""A posterior with long tails, and with mass at the upper end of sigma."""


def draws_of(exact: ExactPosterior, count: int = 20_000) -> Array:
    """Exact draws of all latents in the units of the table, shape (count, number of latents)."""
    random, size = np.random.default_rng(1), exact.design.num_features + 1
    sigma = np.ravel(exact.quantiles((np.arange(count) + 0.5) / count)[SIGMA])
    mean, covariance = exact.functionals_given_sigma(np.eye(size), sigma, np.zeros(size))
    trained = mean + np.einsum("kij,kj->ki", np.linalg.cholesky(covariance), random.standard_normal((count, size)))
    return np.column_stack([trained @ exact.scale.matrix.T + exact.scale.offset, sigma])


def share_inside(points: Array, line: Array) -> float:
    """Share of the points that a ray to the right crosses the closed line from an odd number of times."""
    inside = np.zeros(len(points), bool)
    for (x0, y0), (x1, y1) in itertools.pairwise([*line, line[0]]):
        if y0 != y1:
            crosses = (points[:, 1] < y0) != (points[:, 1] < y1)
            inside ^= crosses & (points[:, 0] < x0 + (points[:, 1] - y0) / (y1 - y0) * (x1 - x0))
    return float(inside.mean())


def standardized(data: RegressionData) -> ExactPosterior:
    return comparison_of(data, None, standardize=True).exact


@pytest.mark.parametrize(
    ("make", "pairs"),
    [
        (lambda: EXACT, [(0, 1), (1, 3), (2, 4), (4, 0)]),
        (lambda: standardized(penguins()), [(0, 1), (0, 2), (3, 1), (2, 4)]),
        (lambda: standardized(penguins(shift=1e6)), [(0, 1), (0, 2), (3, 1), (2, 4)]),
        (lambda: standardized(data_of("groups and three", 24)), [(3, 4), (5, 1), (5, 6)]),
    ],
    ids=["the lesson", "standardized", "nearly the same latents", "covariates"],
)
def test_each_line_holds_its_probability(make: Callable[[], ExactPosterior], pairs: list[tuple[int, int]]) -> None:
    exact = make()
    draws, latents = draws_of(exact), latents_of(exact)
    for first, second in pairs:
        points = draws[:, [first, second]]
        center, size = points.mean(0), points.std(0)
        found = exact_contours(exact, latents[first], latents[second])
        assert found.probs == (0.5, 0.9)
        for prob, lines in zip(found.probs, found.lines, strict=True):
            (line,) = ((line - center) / size for line in lines)
            np.testing.assert_allclose(line[0], line[-1])
            assert share_inside((points - center) / size, line) == pytest.approx(prob, abs=0.012)


@pytest.mark.slow
def test_long_tails_are_on_the_grid() -> None:
    points = draws_of(FEW_ROWS, 5000)[:, [1, 3]]
    (line,) = exact_contours(FEW_ROWS, LATENTS[1], LATENTS[3], [0.9]).lines[0]
    assert share_inside(points, line) == pytest.approx(0.9, abs=0.02)


def test_a_line_ends_where_the_support_of_sigma_does() -> None:
    found = exact_contours(FEW_ROWS, LATENTS[0], LATENTS[4], [0.9])
    points = np.concatenate(found.lines[0])
    assert points[:, 1].min() > 0
    assert points[:, 1].max() == pytest.approx(3.0)


def test_the_axes_change_places_with_the_latents() -> None:
    for first, second in ((0, 3), (1, 4)):
        one = exact_contours(EXACT, LATENTS[first], LATENTS[second])
        other = exact_contours(EXACT, LATENTS[second], LATENTS[first])
        for lines, turned in zip(one.lines, other.lines, strict=True):
            np.testing.assert_allclose(lines[0].min(0), turned[0].min(0)[::-1], rtol=1e-3)
            np.testing.assert_allclose(lines[0].max(0), turned[0].max(0)[::-1], rtol=1e-3)


@pytest.mark.parametrize(
    ("first", "second", "probs", "said"),
    [
        ((WEIGHT, (0, 3)), (BIAS, (0,)), (0.9,), "a must be one of"),
        ((BIAS, (0,)), ("slope", ()), (0.9,), "b must be one of"),
        ((BIAS, (0,)), (BIAS, (0,)), (0.9,), "two latents"),
        ((BIAS, (0,)), (SIGMA, ()), (0.9, 0.5), "probs"),
        ((BIAS, (0,)), (SIGMA, ()), (1.0,), "probs"),
    ],
)
def test_what_there_are_no_contours_of_is_said(
    first: Latent, second: Latent, probs: tuple[float, ...], said: str
) -> None:
    with pytest.raises(ValueError, match=said):
        exact_contours(EXACT, first, second, probs)
