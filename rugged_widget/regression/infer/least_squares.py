"""Least squares, exact and as a linear layer learns it by Adam."""

from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike
from pyro.nn import PyroModule
from torch import nn

from rugged_widget.defaults import NUM_STEPS
from rugged_widget.infer.step.isolation import Isolation
from rugged_widget.regression.infer.exact.sufficient_statistics import checked_rows, triangle
from rugged_widget.regression.infer.model import BIAS, SIGMA, WEIGHT
from rugged_widget.snapshot.values import Array
from rugged_widget.validation import checked_count

MANY_ROWS = 10_000


def least_squares(features: ArrayLike, targets: ArrayLike, num_features: int = 3) -> dict[str, Array]:
    """Return the line with the least sum of squared residuals; of several, that with the least coefficients.

    The estimate is by site, of the site's shape; sigma is the root of the mean squared residual, >= 0. ValueError is
    raised where a shape is another, or a number is not finite.

    Parameters
    ----------
    features
        Shape (n, num_features), n >= 1, finite, such as group, predictor, group x predictor.
    targets
        Shape (n,), finite.
    """
    x, y = checked_rows(features, targets, num_features)
    factor = triangle(x, y)
    # Columns of equal length, so that which of them count as collinear does not depend on their units.
    length = np.linalg.norm(factor[:, :-1], axis=0)
    length[length == 0] = 1.0
    design, response = factor[:, :-1] / length, factor[:, -1]
    coefficients = np.linalg.lstsq(design, response, rcond=None)[0]
    return _by_site(coefficients / length, response - design @ coefficients, len(y))


def adam_least_squares(
    features: ArrayLike,
    targets: ArrayLike,
    num_features: int = 3,
    *,
    num_steps: int = NUM_STEPS,
    learning_rate: float = 0.05,
    seed: int = 1,
) -> dict[str, Array]:
    """Train a linear layer by Adam on the summed squared error, as the lesson does; nothing of the user's is touched.

    With more than 10,000 rows, the triangle R of a QR decomposition of the rows takes their place: a few rows with the
    same sum of squares for every line, and so with the same gradients up to rounding. Features, targets and the result
    are as of `least_squares`, computed in single precision as torch does by default. There are >= 1 steps; the learning
    rate is finite and > 0, the seed of the layer's first values in [0, 2**32). Other arguments raise TypeError or
    ValueError.
    """
    x, y = checked_rows(features, targets, num_features)
    count = checked_count(num_steps, "num_steps")
    if not (np.isfinite(learning_rate) and learning_rate > 0):
        raise ValueError(f"learning_rate must be finite and > 0, got {learning_rate!r}")
    rows = np.column_stack([x, np.ones(len(y)), y]) if len(y) <= MANY_ROWS else triangle(x, y)
    with Isolation(seed).inside(), torch.enable_grad():
        layer: Any = PyroModule[nn.Linear]
        linear = layer(num_features, 1)
        inputs = torch.as_tensor(rows[:, :-2], dtype=torch.float32)
        ones, response = (torch.as_tensor(rows[:, place], dtype=torch.float32) for place in (-2, -1))
        linear.to(torch.float32)
        optimizer = torch.optim.Adam(linear.parameters(), lr=learning_rate)
        weight, bias = linear.weight, linear.bias  # a PyroModule looks them up slowly
        for _ in range(count):
            optimizer.zero_grad()
            # The bias is an input of its own: the rows of R hold another number than 1 there.
            mean = torch.nn.functional.linear(inputs, weight).squeeze(-1) + ones * bias
            loss = torch.sum((mean - response) ** 2)
            loss.backward()
            optimizer.step()
        coefficients = torch.cat([weight.detach()[0], bias.detach()]).double().numpy()
    return _by_site(coefficients, y - x @ coefficients[:-1] - coefficients[-1], len(y))


def _by_site(coefficients: Array, residuals: Array, count: int) -> dict[str, Array]:
    """Give (weight, bias), in one array, the shapes of their sites, with the sigma of residuals of `count` rows."""
    spread = np.asarray(np.linalg.norm(residuals) / np.sqrt(count), np.float64)
    return {WEIGHT: coefficients[None, :-1], BIAS: coefficients[-1:], SIGMA: spread}
