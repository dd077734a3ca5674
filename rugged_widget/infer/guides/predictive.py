"""Bands and densities from posterior draws."""

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rugged_widget.infer.diagnostics.weighted_quantiles import weighted_quantiles
from rugged_widget.infer.guides.sampling import NOISE_SEED, order_statistics
from rugged_widget.snapshot.snapshot import Band, Density

DENSITY_POINTS = 128
"""Points that a density is evaluated at."""

WIDER = (1.0, 1.2, 1.45, 1.75, 2.1)
"""Factors by which a kernel may become wider, for a density to be smooth."""


def evenly_below(num_draws: int) -> NDArray[np.float64]:
    """Return evenly spread probabilities in a random order: each one is uniform, together they leave no gaps."""
    return np.asarray((np.random.default_rng(NOISE_SEED).permutation(num_draws) + 0.5) / num_draws)


def band_probs(prob: float) -> tuple[float, float, float]:
    """Return the probabilities of the lower end, the middle and the upper end of what holds `prob`."""
    return (1 - prob) / 2, 0.5, (1 + prob) / 2


def bands(values: NDArray[Any], x: NDArray[np.float64], num_groups: int, prob: float) -> tuple[Band, ...]:
    """Return the credible bands, one a group, of groups that were predicted one after the other.

    `values` are of shape (num_draws, num_groups * num_points), the grid `x` (num_points,); the probability `prob`
    inside the bands is in (0, 1).
    """
    ends = order_statistics(values, band_probs(prob)).astype(np.float64).reshape(3, num_groups, len(x))
    return tuple(Band(x, low, median, high, prob) for low, median, high in ends.swapaxes(0, 1))


def density(draws: NDArray[np.float64], prob: float = 0.9, weights: NDArray[np.float64] | None = None) -> Density:
    """Estimate the density of one number from its draws, with a Gaussian kernel of Silverman's width.

    The draws, shape (num_draws,), finite, are shared out to the points first (linear binning), so that the cost is of
    the points, not of the draws: 128 points that reach four widths beyond the draws. Draws that are all equal become a
    narrow peak at their place. `prob`, in (0, 1), lies between the quantiles that come with it; the weights of the
    draws are >= 0 and sum to 1, or are equal where None.

    References
    ----------
    B. W. Silverman (1986), "Density Estimation for Statistics and Data Analysis", section 3.4.2; M. P. Wand (1994),
    "Fast Computation of Multivariate Kernel Estimators", on linear binning.
    """
    lower, median, upper = map(float, _ends(draws, weights, band_probs(prob)))
    width = _kernel_width(draws, weights)
    shares = np.ones(len(draws)) if weights is None else weights
    total = float(shares.sum())
    x = np.linspace(draws.min() - 4 * width, draws.max() + 4 * width, DENSITY_POINTS)
    spacing = (x[-1] - x[0]) / (DENSITY_POINTS - 1)
    place = (draws - x[0]) / spacing
    left = np.clip(place.astype(np.intp), 0, DENSITY_POINTS - 2)
    beyond = (place - left) * shares
    weight = np.bincount(left, shares - beyond, DENSITY_POINTS) + np.bincount(left + 1, beyond, DENSITY_POINTS)
    count = float(len(draws)) if weights is None else total**2 / float(weights @ weights)
    height = _smoothed(weight / total, spacing, width, count)
    positive = min(float(shares[draws > 0].sum()) / total, 1.0)
    return Density(x, height, positive, lower, median, upper, prob)


def _smoothed(shares: NDArray[np.float64], spacing: float, width: float, count: float) -> NDArray[np.float64]:
    """Return the density at the points that share out the draws, with no bump that chance explains.

    The kernel becomes wider, up to twice, while a valley between two peaks is less than three standard errors deep; the
    lower of two peaks that are left, as of a single draw in a tail, is cut off. `count` is how many draws there are in
    effect.
    """
    for wider in WIDER:
        distance = np.arange(1 - DENSITY_POINTS, DENSITY_POINTS) * (spacing / (wider * width))
        kernel = np.exp(-0.5 * distance**2) / (wider * width * np.sqrt(2 * np.pi))
        height = np.asarray(np.convolve(shares, kernel, mode="valid"))
        variance = 0.5 / (math.sqrt(math.pi) * count * wider * width)
        if _bump(height, variance) is None:
            return height
    while (bump := _bump(height, variance)) is not None:
        height[bump[0]] = bump[1]
    return height / float(height.sum() * spacing)


def _bump(height: NDArray[np.float64], variance: float) -> tuple[slice, float] | None:
    """Return where a peak lies that may be chance and how high its valley is; None where there is none.

    The variance of the estimate is `variance` times its height.
    """
    rises = np.diff(height) > 0
    peaks = np.flatnonzero(rises[:-1] & ~rises[1:]) + 1
    for left, right in pairwise(peaks.tolist()):
        valley = left + int(height[left:right].argmin())
        level, lower = float(height[valley]), left if height[left] < height[right] else right
        if 0 < height[lower] - level < 3 * math.sqrt(variance * float(height[lower])):  # 0 on a level part
            below = np.flatnonzero(height <= level)
            first, last = below[below < lower].max(initial=-1) + 1, below[below > lower].min(initial=len(height))
            return slice(int(first), int(last)), level
    return None


def _ends(
    draws: NDArray[np.float64], weights: NDArray[np.float64] | None, probs: Sequence[float]
) -> NDArray[np.float64]:
    if weights is None:
        return order_statistics(draws, probs)
    return weighted_quantiles(draws, weights, probs)


def _kernel_width(draws: NDArray[np.float64], weights: NDArray[np.float64] | None) -> float:
    """Silverman's width; a hundredth of the size of the number itself where the draws do not differ.

    Weighed draws count as many as their effective sample size.
    """
    lower, upper = _ends(draws, weights, [0.25, 0.75])
    if weights is None:
        sd, count = float(np.std(draws)), float(len(draws))
    else:
        sd, count = math.sqrt(weights @ (draws - weights @ draws) ** 2), 1 / float(weights @ weights)
    spread = min(sd, float(upper - lower) / 1.349)
    size = float(np.abs(draws).max()) or 1.0
    if spread <= 1e-6 * size:  # no more than rounding in single precision
        return 0.01 * size
    return float(0.9 * spread * count**-0.2)
