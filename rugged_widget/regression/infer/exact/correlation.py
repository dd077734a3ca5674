"""Correlations of the exact posterior, for each pair of latents."""

import numpy as np

from rugged_widget.regression.infer.exact.posterior import ExactPosterior
from rugged_widget.regression.infer.model import BIAS, SIGMA, WEIGHT
from rugged_widget.snapshot.values import Array, Latent


def latents_of(exact: ExactPosterior) -> tuple[Latent, ...]:
    """Return all numbers of the model, in the order of the rows of `covariance`."""
    return (*((WEIGHT, (0, place)) for place in range(exact.design.num_features)), (BIAS, (0,)), (SIGMA, ()))


def covariance(exact: ExactPosterior) -> Array:
    """Return the posterior covariance of `latents_of`, a row and a column each."""
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
    latents = latents_of(exact)
    units, nodes = np.eye(len(latents) - 1), exact.sigma.nodes
    matrix = _total(exact, *exact.functionals_given_sigma(units, nodes, np.zeros(len(units))))
    sd = np.sqrt(np.diag(matrix))
    below = np.tril(matrix / sd / sd[:, None], -1)
    place = int(np.abs(below).argmax())
    second, first = divmod(place, len(latents))
    return float(np.clip(below.flat[place], -1.0, 1.0)), (latents[first], latents[second])
