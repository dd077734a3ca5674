"""Contour lines of the exact density of two latents."""

from collections.abc import Sequence

import numpy as np
from contourpy import LineType, contour_generator

from rugged_widget.regression.infer.exact.correlation import latents_of
from rugged_widget.regression.infer.exact.posterior import ExactPosterior
from rugged_widget.regression.infer.model import SIGMA
from rugged_widget.snapshot.values import Array, Contours, Latent
from rugged_widget.validation import checked_increasing

POINTS = 96
"""Points of the grid, along each axis."""

BEYOND = 1e-4
"""Probability that the grid leaves out at either end of each axis."""

NUM_NODES = 48
"""Values of sigma at most that the density is a mixture over."""


def exact_contours(exact: ExactPosterior, a: Latent, b: Latent, probs: Sequence[float] = (0.5, 0.9)) -> Contours:
    """Draw the smallest regions that hold some probability of two latents; a line ends where it leaves sigma's support.

    The latents are two different ones of `latents_of`, the first along x. The probabilities inside the lines increase,
    each in (0, 1). ValueError is raised where they do not, or the latents are not as said.
    """
    checked = checked_increasing(probs, "probs")
    for name, latent in (("a", a), ("b", b)):
        if latent not in (latents := latents_of(exact)):
            raise ValueError(f"{name} must be one of {', '.join(map(repr, latents))}, got {latent!r}")
    if a == b:
        raise ValueError(f"a and b must be two latents, got {a!r} twice")
    if not exact.scale.is_identity and SIGMA not in (a[0], b[0]):
        return _along_the_posterior(exact, _coefficients(exact, a, b), checked)
    x, y = _axis(exact, a), _axis(exact, b)
    return Contours(checked, _lines(x, y, _joint(exact, a, b, x, y), checked))


def _lines(x: Array, y: Array, density: Array, probs: Sequence[float]) -> tuple[tuple[Array, ...], ...]:
    """Return the lines of a density on a grid, by the probability inside them."""
    generator = contour_generator(x, y, density, line_type=LineType.Separate)
    levels = _levels(density, probs)
    return tuple(tuple(np.asarray(line, np.float64) for line in generator.lines(level)) for level in levels)


def _coefficients(exact: ExactPosterior, a: Latent, b: Latent) -> Array:
    """Return two latents as functions of (weight, bias), a row each."""
    latents = latents_of(exact)
    return np.eye(len(latents) - 1)[[latents.index(a), latents.index(b)]]


def _along_the_posterior(exact: ExactPosterior, pair: Array, probs: tuple[float, ...]) -> Contours:
    """Draw contours of two coefficients on a grid along their covariance.

    Far from the predictor's center, in the units of the table, a weight and the bias are nearly the same number: a grid
    along their axes would miss what is between its points.
    """
    scale, units, nodes = exact.scale, np.eye(exact.design.num_features + 1), exact.sigma.nodes
    means, conditional = exact.functionals_given_sigma(units, nodes, np.zeros(len(units)))
    middle = exact.sigma.shares @ means
    deviations = means - middle
    total = (deviations.T * exact.sigma.shares) @ deviations + np.tensordot(exact.sigma.shares, conditional, 1)
    functionals = scale.functionals(pair)
    # Of a triangle and not of the two variances, which would lose twice the digits.
    triangle: Array = np.asarray(np.linalg.qr((functionals @ np.linalg.cholesky(total)).T, mode="r"))
    factor = triangle.T * np.sign(np.diag(triangle))
    along = np.asarray(np.linalg.solve(factor, functionals), np.float64)
    offset = -along @ middle
    ends = exact.mixtures(along, offset).quantiles([BEYOND, 0.5, 1 - BEYOND])
    x, y = (_points(*map(float, values)) for values in ends.T)
    shares, few = _few_nodes(exact)
    density = _of_normals(shares, *exact.functionals_given_sigma(along, few, offset), x, y)
    center = functionals @ middle + pair @ scale.offset
    lines = _lines(x, y, density, probs)
    return Contours(probs, tuple(tuple(line @ factor.T + center for line in level) for level in lines))


def _points(low: float, middle: float, high: float) -> Array:
    return np.linspace(low - 0.2 * (middle - low), high + 0.2 * (high - middle), POINTS)


def _axis(exact: ExactPosterior, latent: Latent) -> Array:
    """Points from one end of a latent's distribution to the other, shape (POINTS,)."""
    site, index = latent
    quantiles = exact.quantiles([BEYOND, 0.5, 1 - BEYOND])[site]
    low, middle, high = (float(values[index]) for values in quantiles)
    low, high = low - 0.2 * (middle - low), high + 0.2 * (high - middle)
    if site == SIGMA:
        low, high = max(low, 1e-9 * middle), min(high, exact.sigma.upper)
    return np.linspace(low, high, POINTS)


def _joint(exact: ExactPosterior, a: Latent, b: Latent, x: Array, y: Array) -> Array:
    """Density of the two at the points of the grid but for a factor, shape (len(y), len(x))."""
    if b[0] == SIGMA:
        mean, covariance = exact.given_sigma(y)
        place = latents_of(exact).index(a)
        variance = covariance[:, place, place, None]
        distance = (x - mean[:, place, None]) ** 2 / variance
        return np.asarray(exact.sigma.density_at(y)[:, None] * np.exp(-0.5 * distance) / np.sqrt(variance))
    if a[0] == SIGMA:
        return _joint(exact, b, a, y, x).T
    pair = [latents_of(exact).index(latent) for latent in (a, b)]
    shares, nodes = _few_nodes(exact)
    mean, covariance = exact.given_sigma(nodes)
    return _of_normals(shares, mean[:, pair], covariance[:, pair][:, :, pair], x, y)


def _of_normals(shares: Array, mean: Array, covariance: Array, x: Array, y: Array) -> Array:
    """Density of a mixture of normals of two numbers, shapes (k,), (k, 2) and (k, 2, 2), but for a factor."""
    factor = np.linalg.cholesky(covariance)
    # Along the triangle's first direction the density is a factor of x alone, which leaves one square a point.
    along = (x - mean[:, 0, None]) / factor[:, 0, 0, None]
    across = (y - mean[:, 1, None]) / factor[:, 1, 1, None]
    tilt = (factor[:, 1, 0] / factor[:, 1, 1])[:, None, None] * along[:, None]
    heights = shares / (factor[:, 0, 0] * factor[:, 1, 1])
    exponent = (across[:, :, None] - tilt) ** 2 + along[:, None] ** 2
    return np.tensordot(heights, np.exp(-0.5 * exponent), 1)


def _few_nodes(exact: ExactPosterior) -> tuple[Array, Array]:
    """Return shares and values of nodes of sigma, runs of them in one where there are many; shape (k,) both."""
    shares, nodes = exact.sigma.shares, exact.sigma.nodes
    order = np.argsort(nodes)
    shares, nodes = shares[order], nodes[order]
    run = np.minimum((np.cumsum(shares) - 0.5 * shares) * NUM_NODES, NUM_NODES - 1).astype(np.intp)
    mass = np.bincount(run, shares, NUM_NODES)
    kept = mass > 0
    # The mean of sigma^2 in a run keeps the variance of what is normal given sigma.
    squares: Array = np.bincount(run, shares * nodes**2, NUM_NODES)[kept] / mass[kept]
    return np.asarray(mass[kept], np.float64), np.sqrt(squares)


def _levels(density: Array, probs: Sequence[float]) -> list[float]:
    """Density at the edge of the smallest regions of the grid that hold each of the probabilities."""
    falling = np.sort(density, axis=None)[::-1]
    inside = np.cumsum(falling)
    return [float(level) for level in np.interp(probs, inside / inside[-1], falling)]
