"""Tables of a fit: predictions by row, draws summarized by site, and point estimates."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from rugged_widget.infer.guides.sampling import NOISE_SEED
from rugged_widget.regression.data.regression_data import RegressionData
from rugged_widget.regression.infer.fit import RegressionFit
from rugged_widget.regression.infer.least_squares import adam_least_squares
from rugged_widget.regression.infer.model import BIAS, SIGMA, WEIGHT
from rugged_widget.snapshot.values import Array
from rugged_widget.validation import checked_count, checked_prob

MAX_NUMBERS = 4_000_000
"""Draws times rows that are held at a time: 32 MB."""

MEAN, OBSERVATION = "_RETURN", "obs"
"""What Pyro calls the value that the model returns, the mean of the response; and the site of the response."""


def predictions_of(fit: RegressionFit, num_samples: int, prob: float) -> pd.DataFrame:
    """Return what the guide predicts for each row of the data, by >= 2 draws; see `predictions_table`."""
    draws = _latents(fit, num_samples)
    checked = checked_prob(prob, "prob")
    return predictions_table(fit.data, draws[WEIGHT], draws[BIAS], draws[SIGMA], checked, rng_seed=NOISE_SEED)


def summary_of(fit: RegressionFit, num_samples: int, prob: float) -> dict[str, pd.DataFrame]:
    """Return mean, standard deviation and percentiles of every latent, of the mean response and of a new one.

    A table a site, a row an element; the columns are those of `summary`, the draws >= 2.
    """
    draws, checked = _latents(fit, num_samples), checked_prob(prob, "prob")
    rows = pd.Index(fit.data.row_names, name=fit.data.label or None)
    names = {WEIGHT: list(fit.data.feature_names), BIAS: ["bias"], SIGMA: ["sigma"]}
    tables = {
        site: pd.DataFrame({name: np.ravel(value) for name, value in columns.items()}, index=names[site])
        for site, columns in summary(draws, checked).items()
    }
    parts = [summary(part, checked) for part in _responses(fit, draws)]
    for site in (OBSERVATION, MEAN):
        columns = {name: np.concatenate([part[site][name] for part in parts]) for name in parts[0][site]}
        tables[site] = pd.DataFrame(columns, index=rows)
    return tables


def least_squares_of(fit: RegressionFit, num_steps: int) -> pd.DataFrame:
    """Return the least-squares estimate, exact and as >= 1 steps of Adam find it, a row a coefficient."""
    count = checked_count(num_steps, "num_steps")
    by_adam = _by_adam(fit, count)
    estimates = {"exact": fit.comparison.least_squares, "adam": by_adam}
    columns = {name: [*value[WEIGHT].ravel(), *value[BIAS].ravel()] for name, value in estimates.items()}
    return pd.DataFrame(columns, index=[*fit.data.feature_names, "bias"])


def _by_adam(fit: RegressionFit, num_steps: int) -> dict[str, Array]:
    """Train on the scale that the fit is trained on, and return the estimate in the units of the table."""
    scale, data = fit.comparison.scale, fit.data
    seen, num_features = (scale.features(data.features), scale.targets(data.targets)), data.design.num_features
    estimate = adam_least_squares(*seen, num_features, num_steps=num_steps)
    mapped = scale.latents({site: value[None] for site, value in estimate.items()})
    return {site: value[0] for site, value in mapped.items()}


def predictions_table(
    data: RegressionData,
    weight: ArrayLike,
    bias: ArrayLike,
    sigma: ArrayLike,
    prob: float = 0.9,
    *,
    rng_seed: int = 1,
    truth_name: str | None = None,
) -> pd.DataFrame:
    """Sum up the draws of the mean and of a new observation at each row.

    Parameters
    ----------
    weight, bias, sigma
        Draws of the latents, shapes (num_draws, 1, number of features), (num_draws, 1) and (num_draws,); num_draws is
        at least 1.
    prob
        Probability between the two percentiles, in (0, 1).
    rng_seed
        Seed of the noise of the new observations, >= 0.
    truth_name
        Name of the last column; `true_` and the short name of the response if None.

    Returns
    -------
    DataFrame
        One row a row of the data, named as those are. Columns: the group (0 or 1, where there is one), the predictor
        and the covariates by the names of their columns; mean and the two percentiles of the mean (`mu_`) and of a new
        observation (`y_`); the response. All in the unit the model sees, which is the logarithm where that was taken.

    Raises
    ------
    TypeError, ValueError
        If prob is no probability, the shapes do not fit, or two columns would have the same name.
    """
    low, high = percentiles(checked_prob(prob, "prob"))
    draws = _coefficients(weight, bias, sigma, data.design.num_features)
    parts = [f"{name}_{what}" for name in ("mu", "y") for what in ("mean", f"perc_{low:g}", f"perc_{high:g}")]
    truth = f"true_{data.short_response}" if truth_name is None else truth_name
    inputs = _inputs(data)
    names = [*(name for name, _ in inputs), *parts, truth]
    _refuse_clashes(names)
    summaries = np.empty((data.num_rows, len(parts)))
    random = np.random.default_rng(rng_seed)
    size = max(1, MAX_NUMBERS // len(draws))
    for start in range(0, data.num_rows, size):
        place = slice(start, start + size)
        mean = data.features[place] @ draws[:, :-2].T + draws[:, -2]
        noise = random.standard_normal(mean.shape)
        observation = mean + draws[:, -1] * noise
        summaries[place] = np.concatenate([_summed_up(mean, low, high), _summed_up(observation, low, high)], axis=1)
    columns = [*(values for _, values in inputs), *summaries.T, data.targets]
    index = pd.Index(list(data.row_names), name=data.label or None)
    return pd.DataFrame(dict(zip(names, columns, strict=True)), index=index)


def summary(draws: Mapping[str, ArrayLike], prob: float = 0.9) -> dict[str, dict[str, Array]]:
    """Sum up draws by site, such as linear.weight, obs and _RETURN: shape (num_draws, *site shape), num_draws >= 1.

    By site there are "mean", "std" (of the draws, with num_draws - 1 below the line; nan for one draw) and the two
    percentiles around `prob` in (0, 1), "5%" and "95%" for 0.9, of the site's shape each. TypeError or ValueError is
    raised where prob is no probability, or a site has no draws.
    """
    low, high = percentiles(checked_prob(prob, "prob"))
    summaries = {}
    for name, values in draws.items():
        array = np.asarray(values, np.float64)
        if not array.ndim or not len(array):
            raise ValueError(f"draws of {name!r} must have at least one draw, got shape {array.shape}")
        spread = array.std(0, ddof=1) if len(array) > 1 else np.full(array.shape[1:], np.nan)
        lower, upper = kth_smallest(np.moveaxis(array, 0, -1), (low, high))
        summaries[name] = {"mean": array.mean(0), "std": spread, f"{low:g}%": lower, f"{high:g}%": upper}
    return summaries


def percentiles(prob: float) -> tuple[float, float]:
    """Return the two percentiles, in per cent, that hold `prob` in the middle, rid of what rounding adds to them."""
    return tuple(round(50 * (1 + sign * prob), 9) for sign in (-1, 1))  # type: ignore[return-value] # of two


def kth_smallest(values: NDArray[Any], per_cent: tuple[float, ...]) -> list[NDArray[Any]]:
    """Return the k-th smallest value along the last axis, with k = int(number of values * p), from 1 on.

    Values are of shape (*shape, num_draws), the result an array of shape `shape` for each 100 p of `per_cent`.
    """
    count = values.shape[-1]
    # Multiplied first: 800 * 0.95 is exactly 760, but 800 * (1 - 0.05) need not be.
    ranks = [min(max(int(round(count * share / 100, 6)), 1), count) - 1 for share in per_cent]
    ordered = np.sort(values, axis=-1)
    return [ordered[..., rank] for rank in ranks]


def _latents(fit: RegressionFit, num_samples: int) -> dict[str, NDArray[np.float64]]:
    count = checked_count(num_samples, "num_samples", 2)
    draws = fit.latents(count)
    return {site: draws[site] for site in (WEIGHT, BIAS, SIGMA)}


def _responses(fit: RegressionFit, draws: dict[str, NDArray[np.float64]]) -> Iterator[dict[str, NDArray[np.float64]]]:
    """Draw mean and response at some rows after the others, shape (num_draws, some)."""
    random = np.random.default_rng(NOISE_SEED)
    num_draws = len(draws[SIGMA])
    size = max(1, MAX_NUMBERS // num_draws)
    for start in range(0, fit.data.num_rows, size):
        mean = draws[WEIGHT][:, 0] @ fit.data.features[start : start + size].T + draws[BIAS]
        noise = random.standard_normal(mean.shape)
        yield {OBSERVATION: mean + draws[SIGMA][:, None] * noise, MEAN: mean}


def _inputs(data: RegressionData) -> list[tuple[str, NDArray[Any]]]:
    """Return names and values of group, predictor and covariates, as far as there are any."""
    group: list[tuple[str, NDArray[Any]]] = [] if data.group is None else [(data.group, data.group_values)]
    names = [covariate.column for covariate in data.covariates]
    covariates = zip(names, data.covariate_values.T, strict=True)
    predictor = data.predictor_values if data.dates is None else data.dates.moments(data.predictor_values)
    return [*group, (data.predictor, predictor), *covariates]


def _summed_up(values: Array, low: float, high: float) -> Array:
    """Mean and percentiles over the draws, shape (num_rows, 3), of values of shape (num_rows, num_draws)."""
    return np.stack([values.mean(1), *kth_smallest(values, (low, high))], axis=1)


def _coefficients(weight: ArrayLike, bias: ArrayLike, sigma: ArrayLike, num_features: int) -> Array:
    """Join draws to columns, shape (num_draws, num_features + 2), or say which has another shape than it needs."""
    draws = {"weight": weight, "bias": bias, "sigma": sigma}
    arrays = {name: np.asarray(value, np.float64) for name, value in draws.items()}
    count = len(arrays["weight"]) if arrays["weight"].ndim else 0
    for name, shape in (("weight", (count, 1, num_features)), ("bias", (count, 1)), ("sigma", (count,))):
        if not count or arrays[name].shape != shape:
            text = ", ".join(["num_draws", *map(str, shape[1:])])
            raise ValueError(f"{name} must be of shape ({text}), num_draws >= 1, got {arrays[name].shape}")
    return np.column_stack([arrays["weight"][:, 0], arrays["bias"], arrays["sigma"]])


def _refuse_clashes(names: list[str]) -> None:
    """Refuse two columns of one name: one of them would be lost."""
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"the table would have two columns {', '.join(map(repr, twice))}; rename those of the data")
