"""Correct the guide's draws by importance weights."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from rugged_widget.infer.diagnostics.weighted_quantiles import binned_quantiles, weighted_quantiles
from rugged_widget.infer.guides.predictive import band_probs, density, evenly_below
from rugged_widget.regression.infer.approximation import effective_share, smoothed, threshold
from rugged_widget.regression.infer.exact.normal_mixture import normal_score
from rugged_widget.regression.infer.model import BIAS, SIGMA, WEIGHT, slopes_by_group
from rugged_widget.regression.snapshot import RegressionCorrection
from rugged_widget.snapshot.values import Array, Band

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray


NUM_GROUPS = 2

EVERY = 3
"""Bands are straight between every third point of the grid, which nobody sees and takes a third of the time."""

WEIGHED_DRAWS = 2000
"""Draws that are weighed where draws are cheap: the weights make a fraction of them count."""


def correct(
    draws: Mapping[str, Array],
    log_ratios: Array,
    features: Array,
    probs: Sequence[float],
    prob: float,
) -> RegressionCorrection:
    """Weigh draws of the guide by their smoothed importance ratios.

    Parameters
    ----------
    draws
        Of the guide, by site, shape (num_draws, *site shape).
    log_ratios
        Log joint density less log density of the guide at each draw, shape (num_draws,), nats.
    features
        Of the points that bands are drawn at, the grid in group 0, then in group 1, shape (2 * num_points, 3): group,
        predictor, group x predictor.
    probs
        Of the quantiles, in (0, 1).
    prob
        Inside bands and intervals, in (0, 1).

    References
    ----------
    A. Vehtari, D. Simpson, A. Gelman, Y. Yao, J. Gabry (2024), "Pareto Smoothed Importance Sampling", Journal of
    Machine Learning Research 25(72).
    """
    weights, k_hat = smoothed(log_ratios)
    grid = features[: len(features) // NUM_GROUPS, 1]
    some = np.union1d(np.arange(0, len(grid), EVERY), len(grid) - 1)
    there = np.concatenate([group[some] for group in np.split(features, NUM_GROUPS)])
    mean = draws[WEIGHT][:, 0] @ there.T + draws[BIAS]
    observed = mean + (draws[SIGMA] * normal_score(evenly_below(len(weights))))[:, None]
    responses = {"line": mean, "prediction": observed}
    return RegressionCorrection(
        quantiles={site: weighted_quantiles(value, weights, probs) for site, value in draws.items()},
        bands={name: _bands(values, weights, grid, some, prob) for name, values in responses.items()},
        slopes=tuple(density(slope, prob, weights) for slope in slopes_by_group(draws[WEIGHT])),
        k_hat=float(k_hat),
        effective=effective_share(weights),
        reliable=bool(k_hat < threshold(len(weights))),
    )


def _bands(values: Array, weights: Array, grid: Array, some: NDArray[np.intp], prob: float) -> tuple[Band, ...]:
    """Take the bands at some points of the grid, and draw them over all of it."""
    ends = binned_quantiles(values, weights, band_probs(prob))
    found = []
    for group in np.split(ends, NUM_GROUPS, axis=1):
        lower, median, upper = (np.interp(grid, grid[some], end) for end in group)
        found.append(Band(grid, lower, median, upper, prob))
    return tuple(found)
