"""Correct summaries of the guide's draws by importance weights."""

from collections.abc import Mapping, Sequence

from rugged_widget.infer.diagnostics.psis import Smoothed, effective_share, threshold
from rugged_widget.infer.diagnostics.weighted_quantiles import weighted_quantiles
from rugged_widget.snapshot.values import Array, Correction

WEIGHTED_DRAWS = 2000
"""Draws that are weighted where draws are cheap: the weights make a fraction of them count."""


def correct(draws: Mapping[str, Array], importance: Smoothed, probs: Sequence[float]) -> Correction:
    """Summarize draws of the guide by their importance weights.

    Parameters
    ----------
    draws
        Of the guide, by site, shape (num_draws, *site shape).
    importance
        Smoothed importance weights of the draws, weights of shape (num_draws,), and their k-hat.
    probs
        Of the quantiles, in (0, 1).

    References
    ----------
    A. Vehtari, D. Simpson, A. Gelman, Y. Yao, J. Gabry (2024), "Pareto Smoothed Importance Sampling", Journal of
    Machine Learning Research 25(72).
    """
    weights, k_hat = importance
    return Correction(
        quantiles={site: weighted_quantiles(value, weights, probs) for site, value in draws.items()},
        k_hat=float(k_hat),
        effective=effective_share(weights),
        reliable=bool(k_hat < threshold(len(weights))),
    )
