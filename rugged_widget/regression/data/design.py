"""The columns of the features: group, predictor, their product, and covariates."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Design:
    """What the columns of the features are, in order: group, predictor, group x predictor, then the covariates.

    Without a group the first column is the predictor, and the covariates follow it. There is a weight a column.

    Attributes
    ----------
    grouped
        Whether the rows have a group, 0 or 1; without one there is a single line.
    two_valued
        One entry a covariate: whether its values are 0 and 1.
    """

    grouped: bool = True
    two_valued: tuple[bool, ...] = ()

    @property
    def num_groups(self) -> int:
        """Number of lines: 2 with a group, 1 without."""
        return 2 if self.grouped else 1

    @property
    def num_covariates(self) -> int:
        """Number of covariates, >= 0."""
        return len(self.two_valued)

    @property
    def num_features(self) -> int:
        """Number of columns, and of weights."""
        return self.first_covariate + self.num_covariates

    @property
    def predictor(self) -> int:
        """Column of the predictor."""
        return 1 if self.grouped else 0

    @property
    def product(self) -> int | None:
        """Column of group x predictor; None without a group."""
        return 2 if self.grouped else None

    @property
    def first_covariate(self) -> int:
        """Column of the first covariate, where there is one."""
        return 3 if self.grouped else 1

    @property
    def covariates(self) -> slice:
        """Columns of the covariates."""
        return slice(self.first_covariate, self.num_features)

    def features(self, x: Array, group: Array | float = 0.0, covariates: ArrayLike = ()) -> Array:
        """Return the features of points.

        Parameters
        ----------
        x
            Predictor, shape (n,).
        group
            0 or 1, one number or shape (n,); not read without a group.
        covariates
            Shape (n, number of covariates), or (number of covariates,) where all points have the same.

        Returns
        -------
        array
            Shape (n, number of features).
        """
        columns = [x]
        if self.grouped:
            groups = np.broadcast_to(np.asarray(group, np.float64), (len(x),))
            columns = [groups, x, groups * x]
        if self.num_covariates:
            columns += [*np.broadcast_to(np.asarray(covariates, np.float64), (len(x), self.num_covariates)).T]
        return np.column_stack(columns)

    def points(self, x: Array, covariates: ArrayLike = ()) -> Array:
        """Return the features of points in every group, group 0 first: shape (groups * len(x), number of features)."""
        return np.concatenate([self.features(x, float(group), covariates) for group in range(self.num_groups)])

    def covariate_means(self, features: Array) -> Array:
        """Return the mean of each covariate over rows of features, shape (number of covariates,)."""
        return np.array([np.ascontiguousarray(column).mean() for column in features[:, self.covariates].T])

    @cached_property
    def slopes(self) -> Array:
        """The slope d mean / d predictor of each group, as functions of the weight: shape (groups, features)."""
        functionals = np.zeros((self.num_groups, self.num_features))
        functionals[:, self.predictor] = 1.0
        if self.product is not None:
            functionals[1, self.product] = 1.0
        return functionals

    def slope_draws(self, weight: Array) -> tuple[Array, ...]:
        """Turn draws of `linear.weight`, (num_draws, 1, features), into draws of the slope of each group, (num_draws,).

        mean = ... + w1 predictor + w2 group predictor + ..., so the slope d mean / d predictor is w1 + w2 group.
        """
        predictor: Array = weight[:, 0, self.predictor]
        if self.product is None:
            return (predictor,)
        return predictor, predictor + weight[:, 0, self.product]


LESSON_DESIGN: Final = Design()
"""The lesson's: group, predictor, group x predictor."""
