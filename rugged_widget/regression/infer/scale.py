"""The scale that the model is trained on, and the exact map from there to the units of the table."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import astuple, dataclass
from functools import cached_property
from typing import Self

import numpy as np

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
    """Center and spread of predictor and response, and the map between the model's latents and those of the table.

    The model sees z = (x - x_center) / x_spread and t = (y - y_center) / y_spread. With w', b', sigma' its latents,
    those in the units of the table are w0 = y_spread (w0' - w2' x_center / x_spread), w1 = y_spread w1' / x_spread, w2
    likewise, bias = y_center + y_spread (b' - w1' x_center / x_spread) and sigma = y_spread sigma'. The response is as
    the model sees it, after the logarithm where that is taken. With the defaults nothing is changed, to the last bit.

    Attributes
    ----------
    x_center, x_spread
        Mean and standard deviation of the predictor; the spread is > 0.
    y_center, y_spread
        Those of the response.
    """

    x_center: float = 0.0
    x_spread: float = 1.0
    y_center: float = 0.0
    y_spread: float = 1.0

    @classmethod
    def of(cls, predictor: Array, response: Array) -> Self:
        """Return the scale on which both, shape (n,), have mean 0 and standard deviation 1 (n - 1 below the line).

        What does not vary keeps its unit.
        """
        return cls(float(predictor.mean()), _spread(predictor), float(response.mean()), _spread(response))

    @cached_property
    def is_identity(self) -> bool:
        """True where the model sees the table as it is."""
        return astuple(self) == (0.0, 1.0, 0.0, 1.0)

    def features(self, features: Array) -> Array:
        """Return features in the units of the table, shape (n, 3), as the model sees them."""
        if self.is_identity:
            return features
        group, predictor = features[:, 0], (features[:, 1] - self.x_center) / self.x_spread
        return np.column_stack([group, predictor, group * predictor])

    def centered(self, targets: Array) -> Array:
        """Return targets less their center, still in the unit of the table."""
        return targets if self.is_identity else targets - self.y_center

    def targets(self, targets: Array) -> Array:
        """Return targets in the unit of the table, shape (n,), as the model sees them."""
        return targets if self.is_identity else self.centered(targets) / self.y_spread

    def response(self, values: Array) -> Array:
        """Return responses of the model, any shape, in the unit of the table."""
        return values if self.is_identity else self.y_center + self.y_spread * np.asarray(values, np.float64)

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
        """(weight, bias) in the units of the table by those of the model times y_spread, shape (4, 4); see `offset`."""
        matrix = np.diag([1.0, 1 / self.x_spread, 1 / self.x_spread, 1.0])
        matrix[0, 2] = matrix[3, 1] = -self.x_center / self.x_spread
        return matrix

    @property
    def offset(self) -> Array:
        """What is added to `matrix` times (weight, bias), shape (4,)."""
        return np.array([0.0, 0.0, 0.0, self.y_center])

    def functionals(self, functionals: Array) -> Array:
        """Return linear functions of (weight, bias), shape (k, 4), as functions of those of the model times y_spread.

        `functionals @ offset` is what is to be added to their values.
        """
        return functionals if self.is_identity else functionals @ self.matrix

    def coefficients(self, coefficients: Array) -> Array:
        """Return (weight, bias) in the units of the table, shape (k, 4), as those of the model times y_spread."""
        if self.is_identity:
            return coefficients
        group, predictor, product, bias = coefficients.T
        columns = [group + product * self.x_center, predictor * self.x_spread, product * self.x_spread]
        return np.column_stack([*columns, bias + predictor * self.x_center - self.y_center])

    def priors(self, priors: Priors) -> Priors:
        """Return priors of the model times y_spread: as they are in the unit of the response."""
        if self.is_identity:
            return priors
        return Priors(*(value * self.y_spread for value in astuple(priors)))

    @property
    def log_volume(self) -> float:
        """Logarithm of the volume that the map gives a unit of the model's latents; 0 where it is the identity."""
        return 5 * math.log(self.y_spread) - 2 * math.log(self.x_spread)

    def log_unit(self, num_rows: int) -> float:
        """Return what is added to a log density of the model's targets, nats, for that of `num_rows` in the table."""
        return -num_rows * math.log(self.y_spread)


IDENTITY = Scale()
"""The scale of a model that sees the table as it is."""


def _spread(values: Array) -> float:
    with np.errstate(over="ignore", invalid="ignore"):  # the exact posterior refuses what is too large
        spread = float(values.std(ddof=1)) if len(values) > 1 else 0.0
    return spread if math.isfinite(spread) and spread > 0 else 1.0
