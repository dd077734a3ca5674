"""The scale that the model is trained on, and the exact map from there to the units of the table."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import astuple, dataclass
from functools import cached_property
from typing import Self

import numpy as np

from rugged_widget.regression.data.design import LESSON_DESIGN, Design
from rugged_widget.regression.infer.model import BIAS, SIGMA, WEIGHT
from rugged_widget.regression.priors import Priors
from rugged_widget.snapshot.values import Array

STANDARDIZED_PRIORS = Priors(weight=2.5)
"""Priors of a table that is standardized: weights ~ Normal(0, 2.5), bias ~ Normal(0, 10), sigma ~ Uniform(0, 10).

References
----------
B. Goodrich, J. Gabry, I. Ali and S. Brilleman, "rstanarm: Bayesian applied regression modeling via Stan"; its vignette
"Prior Distributions for rstanarm Models" has 2.5 as the default scale of coefficients, times sd(y) / sd(x).
"""


@dataclass(frozen=True)
class Scale:
    """Center and spread of predictor, covariates and response, and the map between the latents of model and table.

    The model sees z = (x - x_center) / x_spread, a covariate v = (u - center) / spread and t = (y - y_center) /
    y_spread. With w', b', sigma' its latents, those in the units of the table are, for group, predictor, product and
    covariates, w0 = y_spread (w0' - w2' x_center / x_spread), w1 = y_spread w1' / x_spread, w2 likewise, w = y_spread
    w' / spread, and bias = y_center + y_spread (b' - w1' x_center / x_spread - sum of w' center / spread) and sigma =
    y_spread sigma'. The response is as the model sees it, after the logarithm where that is taken. With the defaults
    nothing is changed, to the last bit.

    Attributes
    ----------
    x_center, x_spread
        Mean and standard deviation of the predictor; the spread is > 0.
    y_center, y_spread
        Those of the response.
    design
        Which column of the features is what.
    covariate_centers, covariate_spreads
        Those of the covariates, one entry each; a covariate of two values keeps its unit and is only centered.

    References
    ----------
    A. Gelman, A. Jakulin, M. G. Pittau and Y.-S. Su (2008), "A weakly informative default prior distribution for
    logistic and other regression models", The Annals of Applied Statistics 2(4), section 2.2: inputs of two values are
    shifted to mean 0 and stay one unit apart.
    """

    x_center: float = 0.0
    x_spread: float = 1.0
    y_center: float = 0.0
    y_spread: float = 1.0
    design: Design = LESSON_DESIGN
    covariate_centers: tuple[float, ...] = ()
    covariate_spreads: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        counts = len(self.covariate_centers), len(self.covariate_spreads)
        if set(counts) != {self.design.num_covariates}:
            raise ValueError(f"there must be a center and a spread for {self.design.num_covariates}, got {counts}")

    @classmethod
    def of(cls, features: Array, response: Array, design: Design = LESSON_DESIGN) -> Self:
        """Return the scale on which predictor and response have mean 0 and standard deviation 1, covariates mean 0.

        Covariates of more than two values have standard deviation 1 too, n - 1 below the line. What does not vary keeps
        its unit. Features and response are of shapes (n, number of features) and (n,).
        """
        predictor, *covariates = (
            np.ascontiguousarray(features[:, place])
            for place in (design.predictor, *range(design.first_covariate, design.num_features))
        )
        spreads = [1.0 if two else _spread(u) for u, two in zip(covariates, design.two_valued, strict=True)]
        return cls(
            float(predictor.mean()),
            _spread(predictor),
            float(response.mean()),
            _spread(response),
            design,
            tuple(float(values.mean()) for values in covariates),
            tuple(spreads),
        )

    @classmethod
    def identity(cls, design: Design) -> Self:
        """Return the scale of a model that sees the table as it is."""
        zeros, ones = (0.0,) * design.num_covariates, (1.0,) * design.num_covariates
        return cls(design=design, covariate_centers=zeros, covariate_spreads=ones)

    @cached_property
    def is_identity(self) -> bool:
        """True where the model sees the table as it is."""
        return self == Scale.identity(self.design)

    def features(self, features: Array) -> Array:
        """Return features in the units of the table, shape (n, number of features), as the model sees them."""
        if self.is_identity:
            return features
        design = self.design
        group = features[:, 0] if design.grouped else 0.0
        predictor = (features[:, design.predictor] - self.x_center) / self.x_spread
        covariates = (features[:, design.covariates] - self.covariate_centers) / np.array(self.covariate_spreads)
        return design.features(predictor, group, covariates)

    def centered(self, targets: Array) -> Array:
        """Return targets less their center, still in the unit of the table."""
        return targets if self.is_identity else targets - self.y_center

    def targets(self, targets: Array) -> Array:
        """Return targets in the unit of the table, shape (n,), as the model sees them."""
        return targets if self.is_identity else self.centered(targets) / self.y_spread

    def latents(self, draws: Mapping[str, Array]) -> dict[str, Array]:
        """Return draws of the model's latents, by site (num_draws, *site shape), in the units of the table.

        Sites that are not those of the regression stay as they are.
        """
        if self.is_identity:
            return dict(draws)
        coefficients = np.concatenate([draws[WEIGHT][:, 0], draws[BIAS]], axis=1) * self.y_spread
        mapped = coefficients @ self.matrix.T + self.offset
        return {**draws, WEIGHT: mapped[:, None, :-1], BIAS: mapped[:, -1:], SIGMA: draws[SIGMA] * self.y_spread}

    @cached_property
    def matrix(self) -> Array:
        """(weight, bias) in the units of the table by those of the model times y_spread; see `offset`.

        The shape is (number of features + 1, number of features + 1).
        """
        matrix = np.diag(1 / self._spreads)
        moved = -self.x_center / self.x_spread
        matrix[-1, self.design.predictor] = moved
        if self.design.product is not None:
            matrix[0, self.design.product] = moved
        matrix[-1, self.design.covariates] = -np.array(self.covariate_centers) / np.array(self.covariate_spreads)
        return matrix

    @cached_property
    def offset(self) -> Array:
        """What is added to `matrix` times (weight, bias), shape (number of features + 1,)."""
        return np.append(np.zeros(self.design.num_features), self.y_center)

    def functionals(self, functionals: Array) -> Array:
        """Return linear functions of (weight, bias), a row each, as functions of those of the model times y_spread.

        `functionals @ offset` is what is to be added to their values.
        """
        return functionals if self.is_identity else functionals @ self.matrix

    def coefficients(self, coefficients: Array) -> Array:
        """Return (weight, bias) in the units of the table, a row each, as those of the model times y_spread."""
        if self.is_identity:
            return coefficients
        design, result = self.design, coefficients * self._spreads
        if design.product is not None:
            result[:, 0] += coefficients[:, design.product] * self.x_center
        result[:, -1] += coefficients[:, design.predictor] * self.x_center
        result[:, -1] += coefficients[:, :-1][:, design.covariates] @ np.array(self.covariate_centers)
        result[:, -1] -= self.y_center
        return result

    def priors(self, priors: Priors) -> Priors:
        """Return priors of the model times y_spread: as they are in the unit of the response."""
        if self.is_identity:
            return priors
        return Priors(*(value * self.y_spread for value in astuple(priors)))

    @property
    def log_spreads(self) -> float:
        """Sum over the weights of the logarithm of the unit of their features; 0 where it is the identity."""
        return self.design.num_groups * math.log(self.x_spread) + sum(map(math.log, self.covariate_spreads))

    @property
    def log_volume(self) -> float:
        """Logarithm of the volume that the map gives a unit of the model's latents; 0 where it is the identity."""
        return (self.design.num_features + 2) * math.log(self.y_spread) - self.log_spreads

    def log_unit(self, num_rows: int) -> float:
        """Return what is added to a log density of the model's targets, nats, for that of `num_rows` in the table."""
        return -num_rows * math.log(self.y_spread)

    @property
    def _spreads(self) -> Array:
        """Unit of the feature of each weight, and 1 for the bias."""
        line = [1.0, self.x_spread, self.x_spread] if self.design.grouped else [self.x_spread]
        return np.array([*line, *self.covariate_spreads, 1.0])


IDENTITY = Scale()
"""The scale of the lesson's model, which sees the table as it is."""


def _spread(values: Array) -> float:
    with np.errstate(over="ignore", invalid="ignore"):  # the exact posterior refuses what is too large
        spread = float(values.std(ddof=1)) if len(values) > 1 else 0.0
    return spread if math.isfinite(spread) and spread > 0 else 1.0
