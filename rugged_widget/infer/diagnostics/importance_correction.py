"""Correct summaries of the guide's draws by importance weights."""

from collections.abc import Mapping, Sequence

from rugged_widget.infer.diagnostics.psis import Smoothed, effective_share, threshold
from rugged_widget.infer.diagnostics.weighted_quantiles import weighted_quantiles
from rugged_widget.snapshot.values import Array, Correction

WEIGHTED_DRAWS = 2000
"""Draws that are weighted where draws are cheap: the weights make a fraction of them count."""


def correct(draws: Mapping[str, Array], importance: Smoothed, probs: Sequence[float]) -> Correction:
    """Summarize draws of the guide, (num_draws, *site shape) by site, by their smoothed importance weights.

    `probs` of the quantiles are in (0, 1). The method is Pareto-smoothed importance sampling, as of `psis.threshold`.
    """
    weights, k_hat = importance
    return Correction(
        quantiles={site: weighted_quantiles(value, weights, probs) for site, value in draws.items()},
        k_hat=float(k_hat),
        effective=effective_share(weights),
        reliable=bool(k_hat < threshold(len(weights))),
    )
