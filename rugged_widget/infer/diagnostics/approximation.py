"""Judge how well a guide approximates the posterior, by importance ratios and by what is known of the posterior."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

from rugged_widget.infer.diagnostics.psis import effective_share, smoothed, threshold
from rugged_widget.snapshot.values import Approximation, Array, KLGap, Latent, Quality

NUM_REPEATS = 10
REPEAT_DRAWS = 2000
"""Draws of a repeat: enough that the smallest threshold, 1 - 1 / log10(draws), is close to that of any number."""

FEW_DRAWS = 200
"""Draws of a repeat where each one costs a call of the guide."""

TOO_FAR = 1.25
"""A guide with a standard deviation off by this factor, an interval a fifth too narrow, is not called good."""

FAR_OFF = 1.5
"""A guide with a standard deviation off by this factor, an interval a third too narrow, is poor whatever its k-hat."""


@dataclass(frozen=True)
class KnownPosterior:
    """Properties of the exact posterior; the defaults stand for what is not known.

    Attributes
    ----------
    sd
        Standard deviation by site, of the site's shape, > 0.
    log_evidence
        Natural logarithm of the probability of the data under the model, nats.
    correlation, correlated
        The largest correlation of two latents, in [-1, 1], and those two.
    """

    sd: Mapping[str, Array] = field(default_factory=dict)
    log_evidence: float = math.nan
    correlation: float = math.nan
    correlated: tuple[Latent, Latent] | None = None


UNKNOWN = KnownPosterior()
"""Properties of a posterior without a closed form."""


def approximate(
    draws: Mapping[str, Array],
    log_density: Array | None,
    log_joint: Callable[[Mapping[str, Array]], Array],
    posterior: KnownPosterior = UNKNOWN,
    *,
    correlates: bool,
) -> Approximation:
    """Judge a guide by many of its draws; `correlates` says if it can correlate latents.

    Parameters
    ----------
    draws
        By site, on its support, shape (num_draws, *site shape); NUM_REPEATS times REPEAT_DRAWS of them, or fewer, a
        multiple of NUM_REPEATS, where draws are expensive.
    log_density
        Log density of each draw under the guide, shape (num_draws,), nats; None where it has none.
    log_joint
        Returns the log probability density of data and latents at each of the draws, shape (num_draws,), nats; -inf
        where the model rules a draw out.
    """
    if log_density is None:
        return _of_a_point(posterior, correlates=correlates)
    log_ratios = log_joint(draws) - log_density
    repeats = smoothed(log_ratios.reshape(NUM_REPEATS, -1))
    ratios = sd_ratios(draws, posterior.sd)
    worst, factor = furthest(ratios)
    limit = threshold(repeats.weights.shape[-1])
    elbo, error = _mean_with_error(log_ratios)
    nats = posterior.log_evidence - elbo
    return Approximation(
        quality=judged(repeats.k_hat, limit, factor),
        k_hats=repeats.k_hat,
        threshold=limit,
        num_draws=repeats.weights.shape[-1],
        effective=float(np.mean([effective_share(weights) for weights in repeats.weights])),
        elbo=elbo,
        elbo_error=error,
        gap=KLGap(nats, error) if math.isfinite(nats) else None,
        sd_ratios=ratios,
        worst=worst,
        correlation=posterior.correlation,
        correlated=posterior.correlated,
        correlates=correlates,
    )


def judged(k_hats: Array, limit: float, factor: float) -> Quality:
    """Return the verdict on k-hats, one a repeat, and on the factor >= 1 by which the worst standard deviation is off.

    It is good where every repeat is below the threshold `limit` and no standard deviation is off by TOO_FAR; poor where
    every repeat is above it, or one is off by FAR_OFF: k-hat looks at where the guide's draws are, so it can be small
    though they are not where half of the posterior is. It is borderline between the two. The factor is 1 where it is
    not known.
    """
    if factor >= FAR_OFF or (k_hats >= limit).all():
        return "poor"
    return "good" if factor < TOO_FAR and (k_hats < limit).all() else "borderline"


def sd_ratios(draws: Mapping[str, Array], exact: Mapping[str, Array]) -> dict[str, Array]:
    """Return by site the standard deviation of draws over the exact one, of the site's shape."""
    return {site: np.asarray(draws[site].std(0, ddof=1) / sd) for site, sd in exact.items()}


def furthest(ratios: Mapping[str, Array]) -> tuple[Latent | None, float]:
    """Return the latent whose ratio is furthest from 1 by factor, and that factor, >= 1; None and 1 without ratios."""
    by_latent = {(site, index): value for site, values in ratios.items() for index, value in np.ndenumerate(values)}
    if not by_latent:
        return None, 1.0
    with np.errstate(divide="ignore"):
        factors = {latent: float(max(value, np.divide(1.0, value))) for latent, value in by_latent.items()}
    worst = max(factors, key=factors.__getitem__)
    return worst, factors[worst]


def _mean_with_error(values: Array) -> tuple[float, float]:
    """Return mean and standard error; -inf and nan where a value is -inf."""
    mean = float(values.mean())
    return mean, float(values.std(ddof=1)) / math.sqrt(len(values)) if math.isfinite(mean) else math.nan


def _of_a_point(posterior: KnownPosterior, *, correlates: bool) -> Approximation:
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
        correlation=posterior.correlation,
        correlated=posterior.correlated,
        correlates=correlates,
    )
