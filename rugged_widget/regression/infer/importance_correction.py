"""Correct the lesson's bands and slopes by importance weights."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from rugged_widget.infer.diagnostics import importance_correction
from rugged_widget.infer.diagnostics.psis import smoothed
from rugged_widget.infer.diagnostics.weighted_quantiles import binned_quantiles
from rugged_widget.infer.guides.predictive import band_probs, density
from rugged_widget.regression.data.design import LESSON_DESIGN, Design
from rugged_widget.regression.infer.model import WEIGHT
from rugged_widget.regression.infer.responses import mean_response, observed_response
from rugged_widget.regression.snapshot import RegressionCorrection
from rugged_widget.snapshot.values import Array, Band

EVERY = 3
"""Bands are straight between every third point of the grid, which nobody sees and takes a third of the time."""


def correct(
    draws: Mapping[str, Array],
    log_ratios: Array,
    features: Array,
    probs: Sequence[float],
    prob: float,
    design: Design = LESSON_DESIGN,
) -> RegressionCorrection | None:
    """Summarize draws of the guide, (num_draws, *site shape) by site, by their smoothed importance ratios.

    Draws that are not finite, or that the model rules out, are left out; None is returned where no other is left.

    `log_ratios` are the log joint density less the log density of the guide at each draw, shape (num_draws,), nats.
    `features` are of the points that bands are drawn at, the grid in each group, as of `Design.points`. Probabilities
    of the quantiles, and inside bands and intervals, are in (0, 1).
    """
    draws, log_ratios = importance_correction.without_impossible(draws, log_ratios)
    if not len(log_ratios):
        return None
    importance = smoothed(log_ratios)
    general, weights = importance_correction.correct(draws, importance, probs), importance.weights
    grid = features[: len(features) // design.num_groups, design.predictor]
    places = np.union1d(np.arange(0, len(grid), EVERY), len(grid) - 1)
    points = np.concatenate([group[places] for group in np.split(features, design.num_groups)])
    responses = {"line": mean_response(draws, points), "prediction": observed_response(draws, points)}
    return RegressionCorrection(
        quantiles=general.quantiles,
        bands={
            name: _bands(np.split(values, design.num_groups, axis=1), weights, grid, places, prob)
            for name, values in responses.items()
        },
        slopes=tuple(density(slope, prob, weights) for slope in design.slope_draws(draws[WEIGHT])),
        k_hat=general.k_hat,
        effective=general.effective,
        reliable=general.reliable,
    )


def _bands(
    groups: Sequence[Array], weights: Array, grid: Array, places: NDArray[np.intp], prob: float
) -> tuple[Band, ...]:
    """Take the bands of each group at some points of the grid, and draw them over all of it."""
    bands = []
    for values in groups:
        ends = binned_quantiles(values, weights, band_probs(prob))
        lower, median, upper = (np.interp(grid, grid[places], end) for end in ends)
        bands.append(Band(grid, lower, median, upper, prob))
    return tuple(bands)
