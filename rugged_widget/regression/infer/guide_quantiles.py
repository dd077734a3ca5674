"""Quantiles and densities of a guide in the units of the table."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from rugged_widget.infer.guides.densities import band_scores, marginal_densities, normal_density
from rugged_widget.infer.guides.gaussian import Affine
from rugged_widget.infer.guides.predictive import density
from rugged_widget.infer.guides.sampling import as_float64, order_statistics
from rugged_widget.regression.infer.exact.normal_mixture import normal_score
from rugged_widget.regression.infer.model import BIAS, SIGMA, WEIGHT
from rugged_widget.regression.infer.scale import Scale
from rugged_widget.snapshot.values import Array, Band, Density


def original_quantiles(
    affine: Affine | None,
    closed: Mapping[str, Array],
    draws: Callable[[], tuple[Mapping[str, Array], object]],
    probs: Sequence[float],
    scale: Scale,
) -> dict[str, Array]:
    """Return quantiles by site, shape (len(probs), *site shape), in the units of the table.

    There a weight and the bias are sums of latents, which have a closed form where these are normal together.

    Parameters
    ----------
    affine
        The guide as one normal distribution of all latents, or a point; None where it is something else.
    closed
        Its quantiles as the model has the latents.
    draws
        Returns draws of the latents in the units of the table, shape (num_draws, *site shape), and something else.
    probs
        Probabilities, each in (0, 1).
    """
    if affine is None:
        quantiles = {site: order_statistics(value, probs) for site, value in draws()[0].items()}
    else:
        mean, factor = coefficients(affine, scale)
        values = mean + normal_score(np.asarray(probs, np.float64))[:, None] * np.linalg.norm(factor, axis=1)
        quantiles = {WEIGHT: values[:, None, :-1], BIAS: values[:, -1:]}
    return {site: closed[SIGMA] * scale.y_spread if site == SIGMA else quantiles[site] for site in closed}


def coefficients(affine: Affine, scale: Scale) -> tuple[Array, Array]:
    """Return mean and factor of the covariance of (weight, bias) in the table's units.

    Their shapes are (num_coefficients,) and (num_coefficients, num_noise).
    """
    rows, end = {}, 0
    for site in affine.sites:
        start, end = end, end + site.shape.numel()
        rows[site.name] = range(start, end)
    order = [*rows[WEIGHT], *rows[BIAS]]
    loc, factor = (as_float64(value)[order] * scale.y_spread for value in (affine.loc, affine.factor))
    return scale.matrix @ loc + scale.offset, scale.matrix @ factor


def line_bands(mean: Array, factor: Array, features: Array, x: Array, prob: float) -> tuple[Band, ...]:
    """Return the credible bands of the mean response, which is normal at each point, one a group.

    Parameters
    ----------
    mean, factor
        Mean of (weight, bias) and factor of their covariance, see `coefficients`.
    features
        Features of the points, group after group, shape (num_groups * num_points, num_features), in the table's units.
    x
        Grid of the predictor, shape (num_points,).
    prob
        Probability inside the bands, in (0, 1).
    """
    middle = features @ mean[:-1] + mean[-1]
    reach = band_scores(prob)[-1] * np.linalg.norm(features @ factor[:-1] + factor[-1], axis=1)
    ends = np.stack([middle - reach, middle, middle + reach]).reshape(3, -1, len(x))
    return tuple(Band(x, low, median, high, prob) for low, median, high in ends.swapaxes(0, 1))


def slope_densities(mean: Array, factor: Array, scale: Scale, prob: float) -> tuple[Density, ...]:
    """Return the densities of the slopes of the groups, which are sums of weights; of a point, a narrow peak.

    Mean and factor are those of `coefficients`.
    """
    of_slopes = scale.design.slopes
    return _normals(of_slopes @ mean[:-1], of_slopes @ factor[:-1], prob)


def latent_densities(affine: Affine, scale: Scale, prob: float) -> dict[str, tuple[Density, ...]]:
    """Return the densities of the latents by site, in the units of the table, but for sigma where that is a point."""
    known = marginal_densities(affine, prob, names={SIGMA})
    normal = _normals(*coefficients(affine, scale), prob)
    known |= {WEIGHT: normal[:-1], BIAS: normal[-1:]}
    if SIGMA in known:
        known[SIGMA] = tuple(_times(of_sigma, scale.y_spread) for of_sigma in known[SIGMA])
    return known


def _normals(mean: Array, factor: Array, prob: float) -> tuple[Density, ...]:
    pairs = zip(mean.tolist(), np.linalg.norm(factor, axis=1).tolist(), strict=True)
    return tuple(normal_density(at, sd, prob) if sd > 0 else density(np.array([at]), prob) for at, sd in pairs)


def _times(given: Density, spread: float) -> Density:
    """Return the density of a number times a spread > 0."""
    lower, median, upper = (value * spread for value in (given.lower, given.median, given.upper))
    x, height = given.x * spread, given.density / spread
    return Density(x, height, given.prob_positive, lower, median, upper, given.prob)
