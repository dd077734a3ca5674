"""Pareto-smoothed importance sampling."""

import math
from typing import Final, NamedTuple

import numpy as np

from rugged_widget.snapshot.values import Array

EQUAL: Final = 1e-9
"""Log ratios that differ by less are equal."""

NEARLY_EQUAL: Final = 0.1
"""Largest ratios within so many nats, 10 % of one another, have no tail to speak of, whatever shape it has."""

MOST_NATS: Final = 700.0
"""What is this far below the highest log ratio has no weight in float64."""

FEWEST: Final = 5
"""Different ratios that a tail must hold for its shape to be told, as in the paper of `threshold`."""


class Smoothed(NamedTuple):
    """Pareto-smoothed importance weights, along the last axis, and what they are worth, of the shape of the other axes.

    Attributes
    ----------
    weights
        Finite, >= 0, with the sum 1 along the last axis. They are the guide's own equal ones where no draw is possible.
    k_hat
        Pareto shape of the largest ratios, never nan: 0 where they are all equal, and so have no tail; inf where no
        shape can be told, be it that few draws have all the weight, or none has any. Then the weights are the ratios as
        they are, of no use for a correction.
    effective
        Effective sample size 1 / sum(weights^2), a share of the draws in [0, 1]; 0 where no draw is possible.
    """

    weights: Array
    k_hat: Array
    effective: Array


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
    with np.errstate(all="ignore"):  # what lies far below underflows, and the fit of a tail may try what overflows
        rows = [_smoothed(row) for row in usable.reshape(-1, usable.shape[-1])]
        weights = np.stack([weights for weights, _ in rows]).reshape(usable.shape)
        shares = np.where((usable > -np.inf).any(-1), effective_share(weights), 0.0)
    return Smoothed(weights, np.array([k_hat for _, k_hat in rows]).reshape(usable.shape[:-1]), shares)


def _smoothed(log_ratios: Array) -> tuple[Array, float]:
    """Smooth ratios of shape (num_draws,), < inf."""
    count, highest = len(log_ratios), float(log_ratios.max())
    if highest == -math.inf:
        return np.full(count, 1 / count), math.inf
    relative = log_ratios - highest
    shape = _shape_without_a_fit(relative)
    log_weights = relative
    if shape is None:
        log_weights, shape = _fitted(relative)
    weights = np.exp(log_weights)
    return weights / weights.sum(), shape


def _shape_without_a_fit(relative: Array) -> float | None:
    """Return the shape of a tail that cannot be fitted, None of one that can; the highest of the log ratios is 0.

    The fit takes the excess of the ratios in the tail over the highest below it, its cutoff, and begins with their
    lower quartile. Where a tail spans hundreds of nats all but a few excesses are 0 in float64, and equal: fitted all
    the same, it would have a shape near 0, as if it were light.
    """
    count = len(relative)
    tail = int(min(count / 5, 3 * math.sqrt(count)))
    if tail < FEWEST:
        return math.inf
    cutoff, *largest = np.sort(relative)[-tail - 1 :]
    if largest[0] > -EQUAL:
        return 0.0
    if cutoff < -MOST_NATS:
        return math.inf
    excess = np.exp(largest) - np.exp(cutoff)
    if excess[int(tail / 4 + 0.5) - 1] > 0 and len(np.unique(excess[excess > 0])) >= FEWEST:
        return None
    return 0.0 if cutoff > -NEARLY_EQUAL else math.inf


def _fitted(relative: Array) -> tuple[Array, float]:
    """Return smoothed log weights and the fitted shape; the ratios as they are and inf where the fit fails."""
    # Importing it takes a second, which a page that is only drawn does not wait for.
    from arviz_stats.base.array import array_stats

    # It is made for leave-one-out cross-validation: it takes log likelihoods and weighs by their inverse.
    log_weights, shape = array_stats.psislw(-relative)  # type: ignore[no-untyped-call] # it has no annotations
    log_weights = np.asarray(log_weights, np.float64)
    if not math.isfinite(shape) or np.isnan(log_weights).any() or not np.isfinite(log_weights.max()):
        return relative, math.inf
    return log_weights, float(shape)


def effective_share(weights: Array) -> Array:
    """Return the effective sample size 1 / sum(w^2) of weights that sum to 1, as a share of their number, in (0, 1].

    The weights lie along the last axis.
    """
    return np.asarray(np.minimum(1 / (np.sum(weights**2, axis=-1) * weights.shape[-1]), 1.0))
