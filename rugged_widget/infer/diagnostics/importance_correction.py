"""Correct summaries of the guide's draws by importance weights."""

import math
from collections.abc import Mapping, Sequence

import numpy as np

from rugged_widget.infer.diagnostics.psis import Smoothed, threshold
from rugged_widget.infer.diagnostics.weighted_quantiles import weighted_quantiles
from rugged_widget.snapshot.values import Array, Correction

WEIGHTED_DRAWS = 2000
"""Draws that are weighted where draws are cheap: the weights make a fraction of them count."""


def correct(draws: Mapping[str, Array], importance: Smoothed, probs: Sequence[float]) -> Correction:
    """Summarize draws of the guide, (num_draws, *site shape) by site, by their smoothed importance weights.

    The draws are finite, `probs` of the quantiles in (0, 1). The method is Pareto-smoothed importance sampling, as of
    `psis.threshold`.
    """
    k_hat = float(importance.k_hat)
    return Correction(
        quantiles={site: weighted_quantiles(value, importance.weights, probs) for site, value in draws.items()},
        k_hat=k_hat,
        effective=float(importance.effective),
        reliable=math.isfinite(k_hat) and k_hat < threshold(len(importance.weights)),
    )


def without_impossible(draws: Mapping[str, Array], log_ratios: Array) -> tuple[dict[str, Array], Array]:
    """Return the draws, and their log ratios, that are finite and that the model does not rule out: none may be left.

    The draws are by site, (num_draws, *site shape), the log importance ratios (num_draws,).
    """
    possible = np.isfinite(log_ratios)
    for value in draws.values():
        possible &= np.isfinite(value).reshape(len(value), -1).all(1)
    return {site: value[possible] for site, value in draws.items()}, log_ratios[possible]
