"""Sufficient statistics of the data."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import ArrayLike

from rugged_widget.regression.priors import Priors
from rugged_widget.snapshot.values import Array

CHUNK = 32_768
"""Rows that are factorised at a time: their columns stay in the cache."""
LARGEST = 1e150
"""Largest number that a column may add up to: its square is still a number."""
ROUNDINGS = 10.0
"""A response that the features fit exactly is taken to be known to so many roundings of its size."""


def checked_rows(features: ArrayLike, targets: ArrayLike, num_features: int = 3) -> tuple[Array, Array]:
    """Return features (n, num_features) and targets (n,) as float64, or say what is wrong with them.

    ValueError is raised where a shape is another, there is no row, or a number is not finite.
    """
    x, y = np.asarray(features, np.float64), np.asarray(targets, np.float64)
    if x.ndim != 2 or x.shape[1] != num_features:
        raise ValueError(f"features must be of shape (n, {num_features}), got {x.shape}")
    if y.shape != (len(x),):
        raise ValueError(f"targets must be of shape ({len(x)},), one a row of the features, got {y.shape}")
    if not len(x):
        raise ValueError("features must have at least 1 row, got none")
    for name, values in (("features", x), ("targets", y)):
        if not np.isfinite(values).all():
            raise ValueError(f"{name} must be finite, {np.count_nonzero(~np.isfinite(values))} of them are not")
    return x, y


def triangle(features: Array, targets: Array) -> Array:
    """Factorise the rows [features, 1, targets] into an orthogonal matrix and a triangle, and return the triangle.

    It is R, shape (k + 2, k + 2), for finite features (n, k) and targets (n,): ||[features, 1, targets] v|| = ||R v||
    for every v, without the squares of a Gram matrix, which would lose half the digits of nearly collinear columns.
    Rows of zeros where n is less.
    """
    size = features.shape[1] + 2
    factor = np.zeros((size, size))
    for start in range(0, len(targets), CHUNK):
        rows = slice(start, start + CHUNK)
        y = targets[rows]
        stacked = np.concatenate([factor, np.column_stack([features[rows], np.ones(len(y)), y])])
        factor = np.asarray(np.linalg.qr(stacked, mode="r"))
    return factor


@dataclass(frozen=True, eq=False)
class Rows:
    """The rows, seen along the directions in which the latents w / prior scale act on the mean independently.

    The coefficients are weight and bias in units of their priors' scales, and z = rotation @ them. Given sigma, the
    likelihood of z is that of `scores` ~ Normal(stretch z, sigma) and of `excess`, which no z explains. With k features
    there are k + 1 coefficients.

    Attributes
    ----------
    count
        Number of rows, n >= 1.
    scale
        Scales of the priors of weight and bias, shape (k + 1,).
    triangle
        Shape (k + 2, k + 2): the triangle of the rows, as they are; see the function of that name.
    factor
        Shape (k + 2, k + 2): the same with its columns but for the last times `scale`.
    rotation
        Shape (k + 1, k + 1), orthogonal.
    stretch
        How much each z moves the mean, as a length over all rows, shape (rank,), > 0, decreasing; of the other
        directions the data say nothing.
    scores
        Shape (rank,).
    excess
        Sum of the squared residuals of least squares, > 0 where n > rank, 0 elsewhere.
    corner
        What of it no coefficients change, as rounding goes: the excess but for the other directions.
    """

    count: int
    scale: Array
    triangle: Array
    factor: Array
    rotation: Array
    stretch: Array
    scores: Array
    excess: float
    corner: float

    @classmethod
    def of(cls, features: Array, targets: Array, priors: Priors) -> Self:
        """Look at each row once; arguments as `checked_rows` returns them."""
        return cls._of_triangle(triangle(features, targets), len(targets), priors)

    def under(self, priors: Priors) -> Self:
        """Return the same rows seen under other priors."""
        return self._of_triangle(self.triangle, self.count, priors)

    @classmethod
    def _of_triangle(cls, triangle: Array, count: int, priors: Priors) -> Self:
        scale = np.array([priors.weight] * (len(triangle) - 2) + [priors.bias])
        factor = triangle.copy()
        with np.errstate(over="ignore"):
            factor[:, :-1] *= scale
        if not np.abs(factor).max() < LARGEST:
            raise ValueError("features and targets are too large: their squares must not overflow")
        left, stretch, rotation = np.linalg.svd(factor[:-1, :-1])
        scores = left.T @ factor[:-1, -1]
        epsilon = np.finfo(np.float64).eps
        rank = min(count, int(np.sum(stretch > 4 * epsilon * stretch[0])))
        corner = float(factor[-1, -1] ** 2)
        remainder, excess = corner + float(np.sum(scores[rank:] ** 2)), 0.0
        if count > rank:
            size = float(np.linalg.norm(factor[:, -1])) or float(priors.sigma)
            excess = max(remainder, (ROUNDINGS * epsilon * size) ** 2, float(np.finfo(np.float64).tiny))
            corner += excess - remainder
        return cls(count, scale, triangle, factor, rotation, stretch[:rank], scores[:rank], excess, corner)

    @property
    def rank(self) -> int:
        """Number of directions that the data say something of."""
        return len(self.stretch)

    def directions(self, functionals: Array) -> Array:
        """Write linear functions of (weight, bias), shape (count, k + 1), as functions of z, of that shape too."""
        return np.asarray((functionals * self.scale) @ self.rotation.T)

    def squared_residuals(self, coefficients: Array) -> Array:
        """Sum over the rows of (target - mean)^2, shape (n,), for (weight, bias) of shape (n, k + 1)."""
        residuals = (coefficients / self.scale) @ self.factor[:-1, :-1].T - self.factor[:-1, -1]
        return np.asarray(np.sum(residuals**2, axis=1) + self.corner)
