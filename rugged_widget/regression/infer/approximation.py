"""Judge the approximation by importance ratios and by the exact posterior."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from rugged_widget.regression.infer.exact.correlation import strongest_correlation
from rugged_widget.regression.infer.model import BIAS, SIGMA, WEIGHT
from rugged_widget.snapshot.values import Approximation, Array, KLGap, Latent, Quality

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rugged_widget.regression.infer.exact.posterior import ExactPosterior

NUM_REPEATS = 10
REPEAT_DRAWS = 2000
"""Draws of a repeat: enough that the smallest threshold, 1 - 1 / log10(draws), is close to that of any number."""

FEW_DRAWS = 200
"""Draws of a repeat where each one costs a call of the guide."""

TOO_FAR = 1.25
"""A guide with a standard deviation off by this factor, an interval a fifth too narrow, is not called good."""

FAR_OFF = 1.5
"""A guide with a standard deviation off by this factor, an interval a third too narrow, is poor whatever its k-hat."""

EQUAL = 1e-9
"""Log ratios that differ by less are equal."""


class Smoothed(NamedTuple):
    """Pareto-smoothed importance weights.

    Attributes
    ----------
    weights
        Of each draw, along the last axis, where they sum to 1.
    k_hat
        Pareto shape of the largest ratios, of the shape of the other axes; 0 where they are all equal, and so have no
        tail, inf where no shape could be told.
    """

    weights: Array
    k_hat: Array


def threshold(num_draws: int) -> float:
    """Return the k-hat below which importance sampling with so many draws can be trusted.

    Parameters
    ----------
    num_draws
        >= 11, as fewer draws have no such threshold.

    Returns
    -------
    float
        min(1 - 1 / log10(num_draws), 0.7).

    References
    ----------
    A. Vehtari, D. Simpson, A. Gelman, Y. Yao, J. Gabry (2024), "Pareto Smoothed Importance Sampling", Journal of
    Machine Learning Research 25(72), section 3.2.4, for the threshold; Y. Yao, A. Vehtari, D. Simpson, A. Gelman
    (2018), "Yes, but Did It Work?: Evaluating Variational Inference", ICML, for judging a guide by it.
    """
    return float(min(1 - 1 / math.log10(num_draws), 0.7))


def smoothed(log_ratios: Array) -> Smoothed:
    """Smooth importance ratios: the largest become the quantiles of a Pareto distribution that is fitted to them.

    Parameters
    ----------
    log_ratios
        Log of target over proposal at each draw, shape (..., num_draws), any constant added. Where one is not finite,
        because the target is impossible there, the draw has no weight.
    """
    usable = np.where(np.isfinite(log_ratios), log_ratios, -np.inf)
    rows = [_smoothed(row) for row in usable.reshape(-1, usable.shape[-1])]
    weights = np.stack([weights for weights, _ in rows]).reshape(usable.shape)
    return Smoothed(weights, np.array([k_hat for _, k_hat in rows]).reshape(usable.shape[:-1]))


def _smoothed(log_ratios: Array) -> tuple[Array, float]:
    """Smooth ratios of shape (num_draws,), < inf."""
    # Importing it takes a second, which a page that is only drawn does not wait for.
    from arviz_stats.base.array import array_stats  # noqa: PLC0415

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


def approximate(
    draws: Mapping[str, Array], log_density: Array | None, exact: ExactPosterior, *, correlates: bool
) -> Approximation:
    """Judge a guide by many of its draws.

    Parameters
    ----------
    draws
        By site, on its support, shape (num_draws, *site shape); NUM_REPEATS times REPEAT_DRAWS of them, or fewer, a
        multiple of NUM_REPEATS, where draws are dear.
    log_density
        Of each draw under the guide, shape (num_draws,), nats; None where it has none.
    exact
        The posterior that is approximated.
    correlates
        Whether the guide can correlate latents.
    """
    correlation, correlated = strongest_correlation(exact)
    if log_density is None:
        return _of_a_point(correlation, correlated, correlates=correlates)
    log_ratios = exact.log_joint(draws[WEIGHT], draws[BIAS], draws[SIGMA]) - log_density
    repeats = smoothed(log_ratios.reshape(NUM_REPEATS, -1))
    ratios = sd_ratios(draws, exact)
    worst, factor = furthest(ratios)
    limit = threshold(repeats.weights.shape[-1])
    elbo, error = _mean_with_error(log_ratios)
    return Approximation(
        quality=judged(repeats.k_hat, limit, factor),
        k_hats=repeats.k_hat,
        threshold=limit,
        num_draws=repeats.weights.shape[-1],
        effective=float(np.mean([effective_share(weights) for weights in repeats.weights])),
        elbo=elbo,
        elbo_error=error,
        gap=KLGap(exact.log_evidence - elbo, error) if math.isfinite(elbo) else None,
        sd_ratios=ratios,
        worst=worst,
        correlation=correlation,
        correlated=correlated,
        correlates=correlates,
    )


def judged(k_hats: Array, limit: float, factor: float) -> Quality:
    """Return the verdict.

    Parameters
    ----------
    k_hats
        One a repeat, shape (num_repeats,).
    limit
        Their threshold.
    factor
        By which the worst standard deviation is off, >= 1; 1 where that is not known.

    Returns
    -------
    str
        good where every repeat is below the threshold and no standard deviation is off by TOO_FAR; poor where every
        repeat is above it, or one is off by FAR_OFF: k-hat looks at where the guide's draws are, so it can be small
        though they are not where half of the posterior is. Borderline between the two.
    """
    if factor >= FAR_OFF or (k_hats >= limit).all():
        return "poor"
    return "good" if factor < TOO_FAR and (k_hats < limit).all() else "borderline"


def sd_ratios(draws: Mapping[str, Array], exact: ExactPosterior) -> dict[str, Array]:
    """Return by site the standard deviation of draws over the exact one, of the site's shape."""
    return {site: np.asarray(draws[site].std(0, ddof=1) / sd) for site, sd in exact.sd().items()}


def furthest(ratios: Mapping[str, Array]) -> tuple[Latent, float]:
    """Return the latent whose ratio is furthest from 1 by factor, and that factor, >= 1."""
    by_latent = {(site, index): value for site, values in ratios.items() for index, value in np.ndenumerate(values)}
    with np.errstate(divide="ignore"):
        factors = {latent: float(max(value, np.divide(1.0, value))) for latent, value in by_latent.items()}
    worst = max(factors, key=factors.__getitem__)
    return worst, factors[worst]


def _mean_with_error(values: Array) -> tuple[float, float]:
    """Return mean and standard error; -inf and nan where a value is -inf."""
    mean = float(values.mean())
    return mean, float(values.std(ddof=1)) / math.sqrt(len(values)) if math.isfinite(mean) else math.nan


def _of_a_point(correlation: float, correlated: tuple[Latent, Latent], *, correlates: bool) -> Approximation:
    """Return what can be said of a guide without a density."""
    nothing = np.empty(0)
    return Approximation(
        quality="point",
        k_hats=nothing,
        threshold=math.nan,
        num_draws=0,
        effective=math.nan,
        elbo=math.nan,
        elbo_error=math.nan,
        gap=None,
        sd_ratios={},
        worst=None,
        correlation=correlation,
        correlated=correlated,
        correlates=correlates,
    )
