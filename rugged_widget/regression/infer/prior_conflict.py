"""Conflicts of priors and data: where a prior, and not the data, decides what the posterior says."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from rugged_widget.regression.infer.exact.posterior import ExactPosterior
from rugged_widget.regression.infer.exact.sufficient_statistics import Rows
from rugged_widget.regression.infer.model import BIAS, SIGMA, WEIGHT
from rugged_widget.regression.priors import Priors
from rugged_widget.snapshot.values import Caution, Latent

NEAR_BOUND: Final = 0.9
"""From this share of its upper bound on, sigma counts as near it."""

BOUND_SHARE: Final = 0.1
"""Share of sigma's posterior mass near its bound from which on the bound matters. Sigma is known to about
sigma / sqrt(2 n): even of ten rows, less than that lies near a bound that is twice sigma."""

FAR: Final = 3.0
"""Distance of a least-squares estimate from its prior mean, in standard deviations of where the prior expects it, from
which on they conflict: by chance an estimate is so far off once in 370 times."""

DECIDED: Final = 0.5
"""Posterior standard deviation of a coefficient as a share of its least-squares standard error, below which the prior
decides it: less than a quarter of the precision is then the data's."""

ROOM: Final = 3.0
"""A bound that is proposed for sigma is so many times what least squares leave over."""

UNKNOWN: Final = 1e-6
"""Singular value of the features, each of length 1, below which the data say nothing of a direction."""


@dataclass(frozen=True)
class Coefficient:
    """A coefficient on the scale that the model is trained on: estimate and error by least squares, posterior sd."""

    latent: Latent
    estimate: float
    error: float
    sd: float


def cautions_of(exact: ExactPosterior, priors: Priors) -> tuple[Caution, ...]:
    """Return where priors and data conflict: at most one caution a prior, that of sigma first.

    Parameters
    ----------
    exact
        The exact posterior.
    priors
        Its priors, on the scale that the model is trained on.

    Returns
    -------
    tuple
        Cautions with numbers on that scale. `sigma_bound`: percent of sigma's posterior that is near its bound, `now`
        the bound, estimate by least squares, and `scale`, a bound to take instead. `far_weight`, `far_bias`: `sds`, how
        many prior standard deviations the estimate is from 0; `now`, the prior's scale, and `scale`, one to take
        instead. `decides_weight`, `decides_bias`: percent of the standard error that the posterior's standard deviation
        is, now and scale.

    References
    ----------
    M. Evans and H. Moshonov (2006), "Checking for prior-data conflict", Bayesian Analysis 1(4), 893-914: an estimate is
    compared with its distribution under the prior.
    """
    spread = residual_spread(exact.rows)
    if not spread:  # no degrees of freedom, or nothing is left over
        return ()
    coefficients = _coefficients(exact, spread)
    bound = _bound(exact, priors, spread / exact.scale.y_spread)
    cautions = [bound]
    for name, site, scale in (("weight", WEIGHT, priors.weight), ("bias", BIAS, priors.bias)):
        concerned = [coefficient for coefficient in coefficients if coefficient.latent[0] == site]
        caution = _far(name, concerned, scale)
        if caution is None and bound is None:  # a sigma that is too small makes every posterior too narrow
            caution = _decided(name, concerned, scale)
        cautions.append(caution)
    return tuple(caution for caution in cautions if caution is not None)


def residual_spread(rows: Rows) -> float:
    """Return what least squares leave over, the root of its sum of squares by degrees of freedom; 0 without any."""
    freedom = rows.count - rows.rank
    return math.sqrt(rows.excess / freedom) if freedom else 0.0


def round_up(value: float) -> float:
    """Return the next number above that is 1, 2 or 5 times a power of ten; `value` is > 0."""
    power = 10.0 ** math.floor(math.log10(value))
    return float(f"{next(step for step in (1, 2, 5, 10) if step * power >= value * (1 - 1e-9)) * power:.0e}")


def _coefficients(exact: ExactPosterior, spread: float) -> list[Coefficient]:
    """Return the coefficients that the data tell of."""
    rows, unit = exact.rows, exact.scale.y_spread
    design, response = rows.triangle[:-1, :-1], rows.triangle[:-1, -1]
    length = np.linalg.norm(design, axis=0)
    length[length == 0] = 1.0
    left, stretch, right = np.linalg.svd(design / length)
    known = stretch > UNKNOWN * stretch[0]
    inverse = (right[known].T / stretch[known]) / length[:, None]
    estimates, errors = inverse @ (left.T @ response)[known], spread * np.linalg.norm(inverse, axis=1)
    told = np.linalg.norm(right[~known], axis=0) < UNKNOWN
    sds = exact.mixtures(np.eye(len(length)), np.zeros(len(length))).sd()
    return [
        Coefficient(latent, *(float(values[place]) / unit for values in (estimates, errors, sds)))
        for place, latent in enumerate(_latents(len(length)))
        if told[place]
    ]


def _latents(count: int) -> list[Latent]:
    return [*[(WEIGHT, (0, place)) for place in range(count - 1)], (BIAS, (0,))]


def _bound(exact: ExactPosterior, priors: Priors, spread: float) -> Caution | None:
    """Return the caution that sigma's posterior lies at its bound, where another bound would change that."""
    near = float(exact.sigma.shares[exact.sigma.nodes > NEAR_BOUND * exact.sigma.upper].sum())
    scale = round_up(ROOM * spread)
    if near <= BOUND_SHARE or scale <= priors.sigma:
        return None
    numbers = {"percent": 100 * min(near, 1.0), "now": priors.sigma, "estimate": spread, "scale": scale}
    return Caution("sigma_bound", (SIGMA, ()), numbers)


def _far(name: str, coefficients: Sequence[Coefficient], scale: float) -> Caution | None:
    """Return the caution that an estimate is far from where the prior expects it, of that which is furthest off."""
    far = [one for one in coefficients if abs(one.estimate) > FAR * math.hypot(scale, one.error)]
    if not far:
        return None
    worst = max(far, key=lambda one: abs(one.estimate))
    numbers = {"sds": abs(worst.estimate) / scale, "now": scale, "scale": round_up(abs(worst.estimate))}
    return Caution(f"far_{name}", worst.latent, numbers)


def _decided(name: str, coefficients: Sequence[Coefficient], scale: float) -> Caution | None:
    """Return the caution that this prior decides a coefficient, of that which it decides most."""
    decided = [one for one in coefficients if one.sd < DECIDED * one.error and scale < one.error]
    if not decided:
        return None
    worst = min(decided, key=lambda one: one.sd / one.error)
    widest = max(one.error for one in decided)
    numbers = {"percent": 100 * worst.sd / worst.error, "now": scale, "scale": round_up(2 * widest)}
    return Caution(f"decides_{name}", worst.latent, numbers)
