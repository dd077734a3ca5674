"""Draws of two latents in the plane: bounds that hold most of them, and ellipses."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from rugged_widget.snapshot.values import Array, Latent

NUM_CORNERS = 72
"""Points of an ellipse."""

PROB = 0.9
"""Probability inside an ellipse, were the draws normal."""

EDGE = 0.005  # share of the draws at either end that an axis need not hold


def ellipse(points: Array) -> Array:
    """Return the ellipse that holds 90 % of a normal distribution with the mean and covariance of draws.

    Parameters
    ----------
    points
        Shape (2, num_draws), at least 2 draws.

    Returns
    -------
    array
        Its outline, closed, shape (2, 72); all at one place where the draws are.
    """
    # The radius of the region of probability p of a standard normal in the plane: 1 - exp(-r^2 / 2) = p.
    radius = math.sqrt(-2.0 * math.log(1.0 - PROB))
    values, axes = np.linalg.eigh(np.cov(points))
    angle = np.linspace(0.0, 2.0 * np.pi, NUM_CORNERS)
    circle = np.stack([np.cos(angle), np.sin(angle)])
    outline: Array = points.mean(1)[:, None] + radius * (axes * np.sqrt(np.maximum(values, 0.0))) @ circle
    return outline


def pick(draws: Mapping[str, Array], pair: tuple[Latent, Latent]) -> Array:
    """Return draws of two latents, shape (2, num_draws)."""
    picked: Array = np.stack([_element(draws[site], index) for site, index in pair])
    return picked


def middle(points: Array) -> Array:
    """Return where all but the outermost draws lie, shape (2, 2)."""
    middle: Array = np.quantile(points, [EDGE, 1.0 - EDGE], axis=1).T
    return middle


def resized(points: Array, count: int) -> Array:
    """Return exactly `count` draws, the last one again and again where there are fewer."""
    resized: Array = np.pad(points, ((0, 0), (0, count - points.shape[1])), mode="edge")
    return resized


def _element(draws: Array, index: tuple[int, ...]) -> Array:
    element: Array = np.asarray(draws).reshape(len(draws), -1)
    return element[:, np.ravel_multi_index(index, draws.shape[1:]) if index else 0]
