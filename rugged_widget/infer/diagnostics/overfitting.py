"""Tell from a held-out ELBO that a model begins to fit what is only in its training data."""

from collections.abc import Callable
from typing import Final

import numpy as np

from rugged_widget.snapshot.heldout import HeldoutFall
from rugged_widget.snapshot.values import Array

SHARE: Final = 0.25
"""Share of the points in a window: the last one, and the one in which the held-out ELBO was highest."""

FEWEST: Final = 6
"""Points of a window, at least; three windows have to be there."""

ERRORS: Final = 6.0
"""Standard errors that the mean of the last window is below the best one's, at least."""

DEVIATIONS: Final = 3.0
"""Standard deviations of a point about its trend that it is below, at least: less cannot be seen in the figure."""

RISE_ERRORS: Final = 4.0
"""Standard errors that the ELBO of training has risen by, at least."""

LEAST: Final = 1.0
"""Nats of a fall, at least, on the scale of the training ELBO."""


def fall_of(step: Array, elbo: Array, training: Callable[[int, int], Array]) -> HeldoutFall | None:
    """Return how far a held-out ELBO has fallen while that of training rose; None where it has not, or may not have.

    The mean of the last quarter of the points is compared with that of the best quarter before it, wherever that lies.
    The fall has to be `ERRORS` standard errors, of points that are correlated with their neighbours, as the parameters
    are; `DEVIATIONS` standard deviations of a single point; and every point of the last quarter has to be below the
    best mean. In simulated runs that are flat or still rise, with 300 points that are correlated by up to 0.8 from one
    to the next, 1 run of 100 at most has a false alarm at any time, and none at its end. What is returned is of means
    of `FEWEST` points, which are nearer to the top and to the present.

    Parameters
    ----------
    step
        Steps of the points, increasing, shape (num_points,).
    elbo
        The held-out ELBO, nats, shape (num_points,); points that are not finite are left out.
    training
        Returns the ELBO of the steps from the first argument, counted from 0, to the second, that one not included.
    """
    known = np.isfinite(elbo)
    step, elbo = step[known], elbo[known]
    count = len(elbo)
    size = max(FEWEST, int(count * SHARE))
    if count < 3 * size:
        return None
    sums = np.concatenate([[0.0], np.cumsum(elbo - elbo[0])])
    means = (sums[size:] - sums[:-size]) / size + elbo[0]
    best = int(np.argmax(means[: count - 2 * size + 1]))
    fall = float(means[best] - means[-1])
    windows = slice(best, best + size), slice(count - size, count)
    error, deviation = _errors([_detrended(elbo[window]) for window in windows])
    if fall < LEAST or fall < max(ERRORS * error, DEVIATIONS * deviation) or elbo[windows[1]].max() >= means[best]:
        return None
    before, after = (_means_between(step, window, training) for window in windows)
    rise = float(after.mean() - before.mean())
    variance = sum(float(np.square(np.diff(values)).mean()) / 2 for values in (before, after))  # whatever the trend is
    if not rise > RISE_ERRORS * np.sqrt(variance / size):
        return None
    short = (sums[FEWEST:] - sums[:-FEWEST]) / FEWEST + elbo[0]
    highest = int(np.argmax(short))
    return HeldoutFall(int(step[highest + FEWEST // 2]), float(short[highest]), float(short[highest] - short[-1]), rise)


def _detrended(values: Array) -> Array:
    """Return what a straight line leaves of values."""
    time = np.arange(len(values)) - (len(values) - 1) / 2
    centered = values - values.mean()
    return np.asarray(centered - (time @ centered) / (time @ time) * time)


def _errors(residuals: list[Array]) -> tuple[float, float]:
    """Return the standard error of the difference of two means, and the standard deviation of a point, by residuals.

    Neighbours are correlated as in an autoregression of order one, whose coefficient is estimated with the bias of so
    few residuals about a line taken out.
    """
    size = len(residuals[0])
    squares = sum(float(values @ values) for values in residuals)
    products = sum(float(values[1:] @ values[:-1]) for values in residuals)
    if squares == 0.0:
        return 0.0, 0.0
    raw = products / squares
    correlation = min(max(raw + (1 + 4 * raw) / size, 0.0), 0.95)
    variance = squares / (2 * size - 4)
    error = np.sqrt(2 * variance / size * (1 + correlation) / (1 - correlation))
    return float(error), float(np.sqrt(variance))


def _means_between(step: Array, window: slice, training: Callable[[int, int], Array]) -> Array:
    """Return the mean ELBO of training between each point of a window and the one before it."""
    first = int(step[window.start - 1]) if window.start else 0
    ends = step[window].astype(np.intp) - first
    starts = np.concatenate([[0], ends[:-1]])
    values = training(first, first + int(ends[-1]))
    return np.asarray(np.add.reduceat(values, starts) / (ends - starts))
