"""Mixtures of normal distributions with common weights, such as a posterior that is normal given sigma."""

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import torch
from numpy.typing import NDArray

from rugged_widget.infer.guides.predictive import DENSITY_POINTS, band_probs
from rugged_widget.snapshot.values import Array, Density

MAX_STEPS = 100
CLOSE = 1e-4
"""Where the probability is within this share of the smaller tail, the last step squares the error."""
KNOT_PROBS = tuple(0.5 * math.erfc(-score / math.sqrt(2)) for score in np.linspace(-3.75, 3.75, 17))
"""Probabilities of the quantiles that a density is drawn between: evenly spaced for a normal distribution."""


class Mixture:
    """Several mixtures of the same number of normal distributions.

    Attributes
    ----------
    shares
        Share of each part, shape (num_parts,), > 0; they sum to 1 and are the same in every mixture.
    mean, sd
        Mean and standard deviation of each part, shape (num_mixtures, num_parts); finite, sd > 0.
    """

    def __init__(self, shares: Array, mean: Array, sd: Array) -> None:
        self._shares, self._mean, self._sd = shares, mean, sd

    def mean(self) -> Array:
        """Return their means, shape (num_mixtures,)."""
        return np.asarray(self._mean @ self._shares)

    def sd(self) -> Array:
        """Return their standard deviations, shape (num_mixtures,)."""
        deviations = self._mean - self.mean()[:, None]
        return np.asarray(np.sqrt((self._sd**2 + deviations**2) @ self._shares))

    def positive(self) -> Array:
        """Return the probability above 0, shape (num_mixtures,)."""
        above: Array = normal_cdf(self._mean / self._sd) @ self._shares
        return np.minimum(above, 1.0)  # the shares sum to 1 but for rounding

    def density(self, x: Array) -> Array:
        """Return the density at x, shape (num_mixtures, num_points), both ways."""
        distance = (x[:, :, None] - self._mean[:, None]) / self._sd[:, None]
        heights = self._shares / (self._sd * np.sqrt(2 * np.pi))
        return np.asarray(np.einsum("ijk,ik->ij", np.exp(-0.5 * distance**2), heights))

    def quantiles(self, probs: Sequence[float]) -> Array:
        """Return quantiles of each, shape (len(probs), num_mixtures), all solved for together; probs are in (0, 1).

        Newton's method on the normal score of the probability, which is a straight line for one part, inside a bracket:
        a mixture's quantile lies between the least and the greatest of its parts'.
        """
        levels = np.asarray(probs, np.float64)
        score = normal_score(levels)
        spread = self._sd[None] * score[:, None, None] + self._mean
        low, high = spread.min(-1).ravel(), spread.max(-1).ravel()
        x = np.clip(self._guess(score[:, None]).ravel(), low, high)
        rows = np.tile(np.arange(len(self._mean)), len(levels))
        prob, score = np.repeat(levels, len(self._mean)), np.repeat(score, len(self._mean))
        active = np.arange(len(x))
        for _ in range(MAX_STEPS):
            inside = self._improve(x, low, high, rows, prob, score, active)
            active = active[inside]
            if not len(active):
                break
        return x.reshape(len(levels), -1)

    def _guess(self, score: Array) -> Array:
        """First guess of the quantiles at normal scores, shape (num_probs, 1): as far as skewness and kurtosis tell."""
        mean, sd = self.mean(), self.sd()
        deviations, part = (self._mean - mean[:, None]) / sd[:, None], (self._sd / sd[:, None]) ** 2
        skewness = (deviations * (3 * part + deviations**2)) @ self._shares
        kurtosis = np.minimum((3 * part**2 + deviations**2 * (6 * part + deviations**2)) @ self._shares - 3, 1.0)
        bend = skewness * (score**2 - 1) / 6 + kurtosis * (score**3 - 3 * score) / 24
        bend -= skewness**2 * (2 * score**3 - 5 * score) / 36
        return mean + sd * (score + np.clip(bend, -0.5, 0.5))

    def _improve(
        self,
        x: Array,
        low: Array,
        high: Array,
        rows: NDArray[np.intp],
        prob: Array,
        score: Array,
        active: NDArray[np.intp],
    ) -> NDArray[np.bool_]:
        """Move x at `active` one step nearer, in place, with its bracket; tell which are not there yet."""
        at, row, p = x[active], rows[active], prob[active]
        everything = len(active) == len(x)
        # While nothing is done yet, all mixtures are asked for each probability: no copies of the parts are made.
        mean = self._mean if everything else self._mean[row]
        sd = self._sd if everything else self._sd[row]
        points = at.reshape(-1, len(self._mean), 1) if everything else at[:, None]
        distance = (points - mean) / sd
        below = (normal_cdf(distance) @ self._shares).ravel()
        height = ((np.exp(-0.5 * distance**2) / sd) @ self._shares).ravel() / np.sqrt(2 * np.pi)
        low[active] = bottom = np.where(below <= p, at, low[active])
        high[active] = top = np.where(below >= p, at, high[active])
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            reached = normal_score(below)
            step = (score[active] - reached) * np.exp(-0.5 * reached**2) / (height * np.sqrt(2 * np.pi))
            next_one = at + step
        newton = (next_one >= bottom) & (next_one <= top)  # never where a number is not finite
        middle = bottom + 0.5 * (top - bottom)
        near = np.abs(below - p) <= CLOSE * np.minimum(p, 1 - p)
        x[active] = np.where(newton, next_one, np.where(near, at, middle))
        narrow = (middle <= bottom) | (middle >= top)
        done: NDArray[np.bool_] = near | narrow
        return ~done


def normal_cdf(x: Array) -> Array:
    """Return the standard normal probability below x, exact in both tails as far as float64 tells them apart."""
    at = torch.from_numpy(x * -np.sqrt(0.5))
    with _one_thread():
        return np.asarray(0.5 * torch.erfc(at).numpy())


@contextmanager
def _one_thread() -> Iterator[None]:
    """Let torch compute with one thread: to share out a millisecond costs ten where somebody else needs the cores."""
    count = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(count)


def normal_score(prob: Array) -> Array:
    """Return the x that the standard normal probability `prob` lies below."""
    return np.asarray(torch.special.ndtri(torch.from_numpy(prob)).numpy())


def densities(mixture: Mixture, prob: float) -> tuple[Density, ...]:
    """Draw the density of each mixture, at 128 points that lie where its probability does.

    They are spaced evenly for a normal distribution and closer in the middle of a longer tail. The probability `prob`
    between the quantiles that come with it is in (0, 1).
    """
    ends = band_probs(prob)
    quantiles = mixture.quantiles([*ends, *KNOT_PROBS])
    x = np.stack([curve_points(knots) for knots in quantiles[len(ends) :].T])
    heights = mixture.density(x)
    return tuple(
        Density(at, height, float(positive), float(lower), float(median), float(upper), prob)
        for at, height, positive, lower, median, upper in zip(
            x, heights, mixture.positive(), *quantiles[:3], strict=True
        )
    )


def curve_points(knots: Array) -> Array:
    """Spread points between quantiles of `KNOT_PROBS`, shape (num_knots,), so that no two fall together by rounding."""
    place = np.linspace(0, len(knots) - 1, DENSITY_POINTS)
    x = np.interp(place, np.arange(len(knots)), knots)
    least = 4 * np.spacing(np.abs(x).max())
    return np.asarray(np.maximum.accumulate(x) + least * (np.arange(DENSITY_POINTS) - DENSITY_POINTS / 2))
