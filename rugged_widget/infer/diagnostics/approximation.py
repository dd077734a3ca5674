"""Judge how well a guide approximates the posterior, by importance ratios and by what is known of the posterior."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

import numpy as np

from rugged_widget.infer.diagnostics.psis import smoothed, threshold
from rugged_widget.snapshot.values import Approximation, Array, KLGap, Latent, Quality, Reason

NUM_REPEATS = 10
REPEAT_DRAWS = 2000
"""Draws of a repeat: enough that the smallest threshold, 1 - 1 / log10(draws), is close to that of any number."""

FEW_DRAWS = 200
"""Draws of a repeat where each one costs a call of the guide."""

TOO_FAR: Final = 1.25
"""A guide with a standard deviation off by this factor, an interval a fifth too narrow, is not called good.

Its 90 % interval holds 81 % of a normal posterior.
"""

FAR_OFF: Final = 1.5
"""A guide with a standard deviation off by this factor, an interval a third too narrow, is poor whatever its k-hat.

Its 90 % interval holds 73 % of a normal posterior.
"""

TOO_FAR_SHIFT: Final = 0.75
"""A guide with a mean off by so many exact standard deviations is not called good.

Its 90 % interval holds 81 % of a normal posterior, as one that is too narrow by `TOO_FAR` does.
"""

FAR_OFF_SHIFT: Final = 1.5
"""A guide with a mean off by so many exact standard deviations is poor whatever its k-hat.

Its 90 % interval holds 56 % of a normal posterior, little more than half. A shift of one, 74 %, is what the noise of
a constant learning rate may do to a mean for a while, and averaging cures.
"""

TOO_FAR_GAP: Final = 1.0
"""A guide that is so many nats from the posterior is not called good.

A normal distribution is d^2 / 2 nats from itself moved by d standard deviations: 1 nat is a shift by 1.4 of some
combination of the latents, even where no latent by itself is off by much. The noise of a learning rate of 0.01 alone
costs the lesson's multivariate guide up to 0.5.
"""

FAR_OFF_GAP: Final = 4.5
"""A guide that is so many nats from the posterior is poor whatever its k-hat.

It is as far as a shift by three standard deviations, after which a 90 % interval holds 9 % of a normal posterior.
"""

FAR_OFF_SHARE: Final = 0.1
"""A guide is poor if the model rules out this share of its draws, as much as a 90 % interval leaves out.

It is not called good if the model rules out any, for its distance from the posterior is infinite then.
"""


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
    mean
        Mean by site, of the site's shape; for each site that `sd` has, or for none.
    """

    sd: Mapping[str, Array] = field(default_factory=dict)
    log_evidence: float = math.nan
    correlation: float = math.nan
    correlated: tuple[Latent, Latent] | None = None
    mean: Mapping[str, Array] = field(default_factory=dict)


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
    with np.errstate(all="ignore"):  # a guide that is far off has draws that overflow
        log_ratios = log_joint(draws) - log_density
        elbo, error = _mean_with_error(log_ratios)
        ratios, shifts = sd_ratios(draws, posterior.sd), mean_shifts(draws, posterior)
    repeats = smoothed(log_ratios.reshape(NUM_REPEATS, -1))
    limit = threshold(repeats.weights.shape[-1])
    (worst, factor), (shifted, shift) = furthest(ratios), most_shifted(shifts)
    gap, ruled_out = _gap(posterior.log_evidence, elbo, error), 1 - float(np.isfinite(log_ratios).mean())
    nats = 0.0 if gap is None else gap.nats
    quality, reason = judged(repeats.k_hat, limit, factor, shift=shift, gap=nats, ruled_out=ruled_out)
    return Approximation(
        quality=quality,
        k_hats=repeats.k_hat,
        threshold=limit,
        num_draws=repeats.weights.shape[-1],
        effective=float(repeats.effective.mean()),
        elbo=elbo,
        elbo_error=error,
        gap=gap,
        sd_ratios=ratios,
        worst=worst,
        correlation=posterior.correlation,
        correlated=posterior.correlated,
        correlates=correlates,
        mean_shifts=shifts,
        shifted=shifted,
        ruled_out=ruled_out,
        reason=reason,
    )


class Verdict(NamedTuple):
    """How good a guide is, and the worst that speaks against it, "" where nothing does."""

    quality: Quality
    reason: Reason


def judged(
    k_hats: Array, limit: float, factor: float = 1.0, *, shift: float = 0.0, gap: float = 0.0, ruled_out: float = 0.0
) -> Verdict:
    """Return the verdict on k-hats, one a repeat, and on what is known beside them; the defaults are for the unknown.

    It is good where every repeat is below the threshold `limit` and nothing else speaks against it, poor where every
    repeat is above it or something else is far off, borderline between the two. k-hat looks at where the guide's draws
    are, so it can be small though they are not where half of the posterior is.

    Parameters
    ----------
    factor
        Factor >= 1 by which the worst standard deviation is off.
    shift
        Distance >= 0 of the worst mean from the exact one, in exact standard deviations.
    gap
        KL(guide || posterior), nats.
    ruled_out
        Share of the draws that the model rules out, in [0, 1].
    """
    far_off: dict[Reason, bool] = {
        "ruled_out": ruled_out >= FAR_OFF_SHARE,
        "means": shift >= FAR_OFF_SHIFT,
        "widths": factor >= FAR_OFF,
        "weights": bool((k_hats >= limit).all()),
        "gap": gap >= FAR_OFF_GAP,
    }
    too_far: dict[Reason, bool] = {
        "ruled_out": ruled_out > 0,
        "means": shift >= TOO_FAR_SHIFT,
        "widths": factor >= TOO_FAR,
        "weights": not (k_hats < limit).all(),
        "gap": gap >= TOO_FAR_GAP,
    }
    poor, borderline = (next((reason for reason, holds in by.items() if holds), None) for by in (far_off, too_far))
    if poor is not None:
        return Verdict("poor", poor)
    return Verdict("good", "") if borderline is None else Verdict("borderline", borderline)


def sd_ratios(draws: Mapping[str, Array], exact: Mapping[str, Array]) -> dict[str, Array]:
    """Return by site the standard deviation of draws over the exact one, of the site's shape."""
    return {site: np.asarray(draws[site].std(0, ddof=1) / sd) for site, sd in exact.items()}


def mean_shifts(draws: Mapping[str, Array], posterior: KnownPosterior) -> dict[str, Array]:
    """Return by site the mean of draws less the exact one, in exact standard deviations, of the site's shape."""
    return {
        site: np.asarray((draws[site].mean(0) - mean) / posterior.sd[site]) for site, mean in posterior.mean.items()
    }


def furthest(ratios: Mapping[str, Array]) -> tuple[Latent | None, float]:
    """Return the latent whose ratio is furthest from 1 by factor, and that factor, >= 1; None and 1 without ratios."""
    with np.errstate(divide="ignore"):
        return _largest({site: np.maximum(value, 1 / np.asarray(value)) for site, value in ratios.items()}, 1.0)


def most_shifted(shifts: Mapping[str, Array]) -> tuple[Latent | None, float]:
    """Return the latent whose mean is furthest off, and how far, >= 0; None and 0 without shifts."""
    return _largest({site: np.abs(value) for site, value in shifts.items()}, 0.0)


def _largest(values: Mapping[str, Array], otherwise: float) -> tuple[Latent | None, float]:
    """Return the latent of the largest value, and that; what is no number, as where draws overflow, counts as inf."""
    by_latent = {
        (site, index): math.inf if math.isnan(value) else float(value)
        for site, array in values.items()
        for index, value in np.ndenumerate(array)
    }
    if not by_latent:
        return None, otherwise
    largest = max(by_latent, key=by_latent.__getitem__)
    return largest, by_latent[largest]


def _mean_with_error(log_ratios: Array) -> tuple[float, float]:
    """Return mean and standard error; -inf and nan where a draw is impossible, nan twice where one is no number."""
    if np.isfinite(log_ratios).all():
        return float(log_ratios.mean()), float(log_ratios.std(ddof=1)) / math.sqrt(len(log_ratios))
    return -math.inf if (log_ratios < math.inf).all() else math.nan, math.nan


def _gap(log_evidence: float, elbo: float, error: float) -> KLGap | None:
    nats = log_evidence - elbo
    return KLGap(nats, error) if math.isfinite(nats) else None


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
