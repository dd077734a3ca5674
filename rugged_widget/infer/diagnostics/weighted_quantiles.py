"""Quantiles of weighted draws."""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from rugged_widget.snapshot.values import Array

NUM_BINS: Final = 256


def weighted_quantiles(values: NDArray[Any], weights: Array, probs: Sequence[float]) -> Array:
    """Estimate quantiles of weighed draws by sorting them.

    A draw stands in the middle of its weight, and between two of them the quantile is on the straight line. Values of
    shape (num_draws, *shape), finite, with weights (num_draws,), >= 0, summing to 1, and probs in (0, 1) give quantiles
    of shape (len(probs), *shape).
    """
    columns = np.ascontiguousarray(values.reshape(len(values), -1).T)
    quantiles = np.empty((len(probs), len(columns)))
    for place, (column, order) in enumerate(zip(columns, np.argsort(columns, axis=1), strict=True)):
        mass = weights[order]
        quantiles[:, place] = np.interp(probs, np.cumsum(mass) - 0.5 * mass, column[order])
    return quantiles.reshape(len(probs), *values.shape[1:])


def binned_quantiles(values: NDArray[Any], weights: Array, probs: Sequence[float]) -> Array:
    """Estimate quantiles of weighed draws by sharing them out to bins, a third of the time where columns are many.

    Parameters are as of `weighted_quantiles`, values of shape (num_draws, num_columns). The result is of shape
    (len(probs), num_columns), off by no more than a bin, which is 1 / 256 of the range of a column.
    """
    num_columns = values.shape[1]
    low = values.min(0).astype(np.float64)
    width = (values.max(0) - low) / NUM_BINS
    bins = ((values - low) * (1 / np.where(width > 0, width, 1.0))).astype(np.intp)
    np.minimum(bins, NUM_BINS - 1, out=bins)
    bins += np.arange(num_columns) * NUM_BINS
    shares = np.bincount(bins.ravel(), np.repeat(weights, num_columns), NUM_BINS * num_columns)
    shares = shares.reshape(num_columns, NUM_BINS)
    below, columns = np.cumsum(shares, axis=1), np.arange(num_columns)
    quantiles = np.empty((len(probs), num_columns))
    for row, prob in zip(quantiles, probs, strict=True):
        target = prob * below[:, -1]
        place = np.minimum((below < target[:, None]).sum(1), NUM_BINS - 1)
        share = shares[columns, place]
        within = (target - below[columns, place] + share) / np.where(share > 0, share, 1.0)
        row[:] = low + width * (place + within)
    return quantiles
