"""A reference made by hand: least squares, and a normal distribution in the place of the exact posterior."""

from __future__ import annotations

import numpy as np

from rugged_widget.regression.data.regression_data import RegressionData
from rugged_widget.regression.snapshot import RegressionAnswer, RegressionReference
from rugged_widget.snapshot.snapshot import Array, Band, Density

Z = {0.05: -1.645, 0.25: -0.674, 0.5: 0.0, 0.75: 0.674, 0.95: 1.645}


def reference_of(
    data: RegressionData, *, exact: bool = True, log_evidence: float = -247.63, times: float = 1.0
) -> RegressionReference:
    """Return a reference that is near the truth, its estimates and quantiles multiplied by `times`."""
    design = np.column_stack([data.features, np.ones(data.num_rows)])
    estimate = np.linalg.lstsq(design, data.targets, rcond=None)[0] * times
    sigma = float(np.std(data.targets - design @ estimate / times)) * times
    covariance = sigma**2 * np.linalg.inv(design.T @ design)
    estimates = {"linear.weight": estimate[np.newaxis, :3], "linear.bias": estimate[3:], "sigma": np.array(sigma)}
    grid = data.grid()
    rows = [np.column_stack([np.full_like(grid, g), grid, g * grid, np.ones_like(grid)]) for g in (0.0, 1.0)]
    lines = tuple(row @ estimate for row in rows)
    if not exact:
        return RegressionReference(estimates=estimates, lines=lines)
    sd = np.sqrt(np.diag(covariance))
    spread = {"linear.weight": sd[np.newaxis, :3], "linear.bias": sd[3:], "sigma": np.array(sigma / 18.4)}
    quantiles = {site: np.stack([estimates[site] + z * spread[site] for z in Z.values()]) for site in estimates}
    line_sd = [np.sqrt(np.einsum("ij,jk,ik->i", row, covariance, row)) for row in rows]
    bands = {
        "line": tuple(_band(grid, line, width) for line, width in zip(lines, line_sd, strict=True)),
        "prediction": tuple(
            _band(grid, line, np.hypot(width, sigma)) for line, width in zip(lines, line_sd, strict=True)
        ),
    }
    inside = np.array([0.0, 1.0, 1.0, 0.0])
    slopes = (
        _density(float(estimate[1]), float(sd[1]), 0.02),
        _density(float(inside @ estimate), float(np.sqrt(inside @ covariance @ inside)), 0.94),
    )
    answer = RegressionAnswer(log_evidence=log_evidence, quantiles=quantiles, bands=bands, slopes=slopes, marginals={})
    return RegressionReference(estimates=estimates, lines=lines, exact=answer)


def _band(grid: Array, median: Array, sd: Array) -> Band:
    return Band(grid, median - 1.645 * sd, median, median + 1.645 * sd, 0.9)


def _density(mean: float, sd: float, prob_positive: float) -> Density:
    x = np.linspace(mean - 4 * sd, mean + 4 * sd, 200)
    height = np.exp(-0.5 * ((x - mean) / sd) ** 2) / (sd * np.sqrt(2 * np.pi))
    return Density(x, height, prob_positive, mean - 1.645 * sd, mean, mean + 1.645 * sd, 0.9)
