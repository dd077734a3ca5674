"""Correlations of the exact posterior, for each pair of latents."""

from typing import Final

import numpy as np

from rugged_widget.regression.infer.exact.posterior import ExactPosterior
from rugged_widget.regression.infer.model import BIAS, SIGMA, WEIGHT
from rugged_widget.snapshot.values import Array, Latent

LATENTS: Final[tuple[Latent, ...]] = (*((WEIGHT, (0, place)) for place in range(3)), (BIAS, (0,)), (SIGMA, ()))
"""All numbers of the model, in the order of the rows of `covariance`."""


def covariance(exact: ExactPosterior) -> Array:
    """Return the posterior covariance of `LATENTS`, shape (5, 5)."""
    return _total(exact, *exact.given_sigma(exact.sigma.nodes))


def _total(exact: ExactPosterior, mean: Array, conditional: Array) -> Array:
    """Return the covariance of coefficients and sigma, given mean and covariance of the former at the nodes."""
    shares, nodes = exact.sigma.shares, exact.sigma.nodes
    points = np.column_stack([mean, nodes])
    deviations = points - shares @ points
    total: Array = (deviations.T * shares) @ deviations
    total[:-1, :-1] += np.tensordot(shares, conditional, 1)
    return total


def strongest_correlation(exact: ExactPosterior) -> tuple[float, tuple[Latent, Latent]]:
    """Return the posterior correlation that is furthest from 0, in [-1, 1], and of which two latents it is.

    It is that of the latents on the scale that the model is trained on, where a guide may treat them as independent.
    """
    units, nodes = np.eye(len(LATENTS) - 1), exact.sigma.nodes
    matrix = _total(exact, *exact.functionals_given_sigma(units, nodes, np.zeros(len(units))))
    sd = np.sqrt(np.diag(matrix))
    below = np.tril(matrix / sd / sd[:, None], -1)
    place = int(np.abs(below).argmax())
    second, first = divmod(place, len(LATENTS))
    return float(np.clip(below.flat[place], -1.0, 1.0)), (LATENTS[first], LATENTS[second])
