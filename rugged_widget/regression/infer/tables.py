"""Tables of a fit: what it predicts, its draws summed up, and the point estimate beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from rugged_widget.infer.guides.sampling import NOISE_SEED, as_float64, draw
from rugged_widget.regression.infer.least_squares import adam_least_squares
from rugged_widget.regression.infer.model import BIAS, SIGMA, WEIGHT
from rugged_widget.regression.infer.table import predictions_table, summary
from rugged_widget.validation import checked_count, checked_prob

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from rugged_widget.regression.infer.fit import RegressionFit

MAX_NUMBERS = 4_000_000
"""Draws times rows that are held at a time: 32 MB."""

MEAN, OBSERVATION = "_RETURN", "obs"
"""What Pyro calls the value that the model returns, the mean of the response; and the site of the response."""


def predictions_of(fit: RegressionFit, num_samples: int, prob: float) -> pd.DataFrame:
    """Return what the guide predicts for each row of the data; see `predictions_table`.

    Parameters
    ----------
    fit
        The fit; it is only looked at.
    num_samples
        Draws behind each number, >= 2.
    prob
        Probability between the percentiles, in (0, 1).
    """
    draws = _latents(fit, num_samples)
    checked = checked_prob(prob, "prob")
    return predictions_table(fit.data, draws[WEIGHT], draws[BIAS], draws[SIGMA], checked, rng_seed=NOISE_SEED)


def summary_of(fit: RegressionFit, num_samples: int, prob: float) -> dict[str, pd.DataFrame]:
    """Return mean, standard deviation and percentiles of every latent, of the mean response and of a new one.

    Parameters
    ----------
    fit
        The fit; it is only looked at.
    num_samples
        Draws, >= 2.
    prob
        Probability between the percentiles, in (0, 1).

    Returns
    -------
    dict
        By site, a row an element; the columns are those of `summary`.
    """
    draws, checked = _latents(fit, num_samples), checked_prob(prob, "prob")
    rows = pd.Index(fit.data.row_names, name=fit.data.label or None)
    names = {WEIGHT: list(fit.data.feature_names), BIAS: ["bias"], SIGMA: ["sigma"]}
    found = {
        site: pd.DataFrame({name: np.ravel(value) for name, value in columns.items()}, index=names[site])
        for site, columns in summary(draws, checked).items()
    }
    parts = [summary(part, checked) for part in _responses(fit, draws)]
    for site in (OBSERVATION, MEAN):
        columns = {name: np.concatenate([part[site][name] for part in parts]) for name in parts[0][site]}
        found[site] = pd.DataFrame(columns, index=rows)
    return found


def least_squares_of(fit: RegressionFit, num_steps: int) -> pd.DataFrame:
    """Return the least-squares estimate, exact and as Adam finds it, a row a coefficient.

    Parameters
    ----------
    fit
        The fit whose data it is of.
    num_steps
        Steps of Adam, >= 1.
    """
    count = checked_count(num_steps, "num_steps")
    by_adam = adam_least_squares(fit.data.features, fit.data.targets, num_steps=count)
    found = {"exact": fit.comparison.least_squares, "adam": by_adam}
    columns = {name: [*value[WEIGHT].ravel(), *value[BIAS].ravel()] for name, value in found.items()}
    return pd.DataFrame(columns, index=[*fit.data.feature_names, "bias"])


def _latents(fit: RegressionFit, num_samples: int) -> dict[str, NDArray[np.float64]]:
    count = checked_count(num_samples, "num_samples", 2)
    with fit.inspecting():
        draws = draw(fit.guide, count)
    return {site: as_float64(draws[site]) for site in (WEIGHT, BIAS, SIGMA)}


def _responses(fit: RegressionFit, draws: dict[str, NDArray[np.float64]]) -> Iterator[dict[str, NDArray[np.float64]]]:
    """Draw mean and response at some rows after the others, shape (num_draws, some)."""
    random = np.random.default_rng(NOISE_SEED)
    num_draws = len(draws[SIGMA])
    size = max(1, MAX_NUMBERS // num_draws)
    for start in range(0, fit.data.num_rows, size):
        mean = draws[WEIGHT][:, 0] @ fit.data.features[start : start + size].T + draws[BIAS]
        noise = random.standard_normal(mean.shape)
        yield {OBSERVATION: mean + draws[SIGMA][:, None] * noise, MEAN: mean}
