"""Generalized Pareto distribution of the largest importance ratios."""

import math
from typing import Final, NamedTuple

import numpy as np

from rugged_widget.snapshot.values import Array

PRIOR_DRAWS: Final = 10
"""Draws that the prior of the shape counts for; without it the shape of a short tail scatters too much."""

PRIOR_SHAPE: Final = 0.5

FEWEST_CANDIDATES: Final = 30
QUARTILES: Final = 3
"""How far the candidates of the fit are spread, in inverse lower quartiles of the excesses."""

NO_SHARE: Final = 10 * float(np.finfo(np.float64).eps)
"""A candidate with a smaller share of the likelihood is left out."""


class Pareto(NamedTuple):
    """Distribution of excesses over a threshold, with the quantiles scale ((1 - p)^-shape - 1) / shape."""

    shape: float
    scale: float

    def quantiles(self, probs: Array) -> Array:
        """Return the quantiles at `probs`, in [0, 1); nan where the scale is not positive."""
        log_rest = np.log1p(-probs)
        if not self.scale > 0:
            return np.full_like(probs, math.nan)
        if self.shape == 0:
            return -self.scale * log_rest
        return self.scale * np.expm1(-self.shape * log_rest) / self.shape


def fitted_pareto(excesses: Array) -> Pareto:
    """Fit the distribution to excesses, shape (num_excesses,), increasing, those from the lower quartile on > 0.

    The rate b = -shape / scale has the mean of a posterior over candidates, and the likelihood is at its highest in the
    shape for each of them; then the prior draws the shape towards `PRIOR_SHAPE`.

    References
    ----------
    J. Zhang, M. A. Stephens (2009), "A New and Efficient Estimation Method for the Generalized Pareto Distribution",
    Technometrics 51(3), for the fit; A. Vehtari, D. Simpson, A. Gelman, Y. Yao, J. Gabry (2024), "Pareto Smoothed
    Importance Sampling", Journal of Machine Learning Research 25(72), appendix, for the prior.
    """
    count = len(excesses)
    num_candidates = FEWEST_CANDIDATES + int(math.sqrt(count))
    places = np.arange(1, num_candidates + 1) - 0.5
    lower_quartile = excesses[int(count / 4 + 0.5) - 1]
    rates = (1 - np.sqrt(num_candidates / places)) / (QUARTILES * lower_quartile) + 1 / excesses[-1]
    shapes = np.log1p(-rates[:, None] * excesses).mean(1)
    log_likelihoods = count * (np.log(-rates / shapes) - shapes - 1)
    shares = np.exp(log_likelihoods - log_sum_exp(log_likelihoods))
    counted = shares >= NO_SHARE
    shares = shares[counted]
    rate = np.sum(rates[counted] * (shares / shares.sum()))
    shape = np.log1p(-rate * excesses).mean()
    drawn = (count * shape + PRIOR_DRAWS * PRIOR_SHAPE) / (count + PRIOR_DRAWS)
    return Pareto(float(drawn), float(-shape / rate))


def log_sum_exp(values: Array) -> float:
    """Return log(sum(exp(values))) without overflow, of values of shape (num_values,)."""
    highest = values.max()
    tied = values == highest
    rest = np.exp(np.where(tied, -np.inf, values) - highest).sum()
    ties = tied.sum()
    return float(np.log1p(rest / ties) + np.log(ties) + highest)
