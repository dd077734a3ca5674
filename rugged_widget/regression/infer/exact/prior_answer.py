"""What priors say without the data: densities of the latents and lines, in the units of the data."""

from __future__ import annotations

import numpy as np

from rugged_widget.infer.guides.predictive import DENSITY_POINTS, band_probs
from rugged_widget.regression.infer.exact.normal_mixture import normal_cdf, normal_score
from rugged_widget.regression.infer.exact.posterior import ExactPosterior
from rugged_widget.regression.infer.model import BIAS, SIGMA, WEIGHT
from rugged_widget.snapshot.values import Array, Density

NUM_LINES = 30
"""Lines that are drawn from the priors."""

LINES_SEED = 12
"""Seed of the lines: other scales of the priors stretch the same draws."""

REACH = 4.0
"""Standard deviations to either side over which a normal density is drawn."""


def prior_densities(exact: ExactPosterior, prob: float) -> dict[str, tuple[Density, ...]]:
    """Return by site the prior density of each of its elements in C order, with quantiles that hold `prob`.

    A prior that is independent on the scale that the model is trained on need not be so in the units of the data;
    these are its marginals there.
    """
    functionals = np.eye(len(exact.rows.scale))
    sds = np.linalg.norm(exact.scale.functionals(functionals) * exact.rows.scale, axis=1)
    centers = functionals @ exact.scale.offset
    *weights, bias = (_normal(float(center), float(sd), prob) for center, sd in zip(centers, sds, strict=True))
    return {WEIGHT: tuple(weights), BIAS: (bias,), SIGMA: (_uniform(exact.sigma.upper, prob),)}


def prior_lines(exact: ExactPosterior) -> tuple[Array, ...]:
    """Return lines drawn from the priors, a group each: at both ends of the grid of the bands, shape (num_lines, 2)."""
    scale, random = exact.scale, np.random.default_rng(LINES_SEED)
    draws = random.standard_normal((NUM_LINES, len(exact.rows.scale))) * exact.rows.scale
    ends = [functionals[[0, -1]] for functionals in exact.lines_at_grid()]
    return tuple(draws @ scale.functionals(both).T + both @ scale.offset for both in ends)


def _normal(center: float, sd: float, prob: float) -> Density:
    score = np.linspace(-REACH, REACH, DENSITY_POINTS)
    height = np.exp(-0.5 * score**2) / (sd * np.sqrt(2 * np.pi))
    lower, median, upper = (center + sd * float(end) for end in normal_score(np.array(band_probs(prob))))
    positive = float(normal_cdf(np.array([center / sd]))[0])
    return Density(center + sd * score, height, positive, lower, median, upper, prob)


def _uniform(upper: float, prob: float) -> Density:
    """Return the uniform density on (0, upper), with its steep sides."""
    x = np.concatenate([[0.0], np.linspace(1e-6, 1 - 1e-6, DENSITY_POINTS - 2), [1.0]]) * upper
    height = np.full(DENSITY_POINTS, 1 / upper)
    height[[0, -1]] = 0.0
    low, middle, high = (upper * end for end in band_probs(prob))
    return Density(x, height, 1.0, low, middle, high, prob)
