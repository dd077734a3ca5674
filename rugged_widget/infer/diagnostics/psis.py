"""Pareto-smoothed importance sampling."""

import math
from typing import NamedTuple

import numpy as np

from rugged_widget.snapshot.values import Array

EQUAL = 1e-9
"""Log ratios that differ by less are equal."""


class Smoothed(NamedTuple):
    """Pareto-smoothed importance weights.

    The weights of all draws lie along the last axis, where they sum to 1. `k_hat`, of the shape of the other axes, is
    the Pareto shape of the largest ratios: 0 where they are all equal, and so have no tail, inf where no shape could be
    told.
    """

    weights: Array
    k_hat: Array


def threshold(num_draws: int) -> float:
    """Return the k-hat below which importance sampling can be trusted: min(1 - 1 / log10(num_draws), 0.7).

    There have to be >= 11 draws, as fewer have no such threshold.

    References
    ----------
    A. Vehtari, D. Simpson, A. Gelman, Y. Yao, J. Gabry (2024), "Pareto Smoothed Importance Sampling", Journal of
    Machine Learning Research 25(72), section 3.2.4, for the threshold; Y. Yao, A. Vehtari, D. Simpson, A. Gelman
    (2018), "Yes, but Did It Work?: Evaluating Variational Inference", ICML, for judging a guide by it.
    """
    return float(min(1 - 1 / math.log10(num_draws), 0.7))


def smoothed(log_ratios: Array) -> Smoothed:
    """Smooth importance ratios: the largest become the quantiles of a Pareto distribution that is fitted to them.

    `log_ratios` are the log of target over proposal at each draw, shape (..., num_draws), any constant added. Where one
    is not finite, because the target is impossible there, the draw has no weight.
    """
    usable = np.where(np.isfinite(log_ratios), log_ratios, -np.inf)
    rows = [_smoothed(row) for row in usable.reshape(-1, usable.shape[-1])]
    weights = np.stack([weights for weights, _ in rows]).reshape(usable.shape)
    return Smoothed(weights, np.array([k_hat for _, k_hat in rows]).reshape(usable.shape[:-1]))


def _smoothed(log_ratios: Array) -> tuple[Array, float]:
    """Smooth ratios of shape (num_draws,), < inf."""
    # Importing it takes a second, which a page that is only drawn does not wait for.
    from arviz_stats.base.array import array_stats

    count, highest = len(log_ratios), float(log_ratios.max())
    if highest == -math.inf:
        return np.full(count, 1 / count), math.inf
    # What is 700 nats below the highest has no weight in float64, and the fit of the tail takes finite numbers only.
    relative = np.maximum(log_ratios - highest, -700.0)
    tail = int(min(count / 5, 3 * math.sqrt(count)))
    if np.sort(relative)[-tail - 1] > -EQUAL:
        log_weights, k_hat = relative, 0.0
    else:
        # It is made for leave-one-out cross-validation: it takes log likelihoods and weighs by their inverse.
        log_weights, k_hat = array_stats.psislw(-relative)  # type: ignore[no-untyped-call] # it has no annotations
    weights = np.exp(np.asarray(log_weights, np.float64))
    return weights / weights.sum(), float(k_hat) if math.isfinite(k_hat) else math.inf


def effective_share(weights: Array) -> float:
    """Return the effective sample size 1 / sum(w^2) of weights that sum to 1, as a share of their number, in (0, 1]."""
    return float(min(1 / (np.sum(weights**2) * len(weights)), 1.0))
