"""What a fit of the lesson's model is compared with: least squares and the exact posterior."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from rugged_widget.infer.diagnostics.approximation import KnownPosterior
from rugged_widget.regression.data.regression_data import RegressionData
from rugged_widget.regression.infer.exact.correlation import strongest_correlation
from rugged_widget.regression.infer.exact.posterior import ExactPosterior
from rugged_widget.regression.infer.least_squares import least_squares
from rugged_widget.regression.infer.model import BIAS, SIGMA, WEIGHT, Priors
from rugged_widget.regression.snapshot import RegressionReference
from rugged_widget.snapshot.values import KLGap


class Comparison:
    """Least squares and the exact posterior of a table under a model with these priors, computed once."""

    def __init__(self, data: RegressionData, priors: Priors) -> None:
        self.priors = priors
        self._data, self._grid = data, data.grid()
        self._tensors: dict[torch.dtype, tuple[torch.Tensor, torch.Tensor]] = {}
        self.least_squares = least_squares(data.features, data.targets)
        self.exact = ExactPosterior(data.features, data.targets, priors, self._grid, data.group_labels)

    def tensors(self, dtype: torch.dtype) -> tuple[torch.Tensor, torch.Tensor]:
        """Return features, shape (n, 3), and targets, shape (n,): the same for every fit, as none writes to them."""
        if dtype not in self._tensors:
            features, targets = (
                torch.tensor(array, dtype=dtype) for array in (self._data.features, self._data.targets)
            )
            self._tensors[dtype] = features, targets
        return self._tensors[dtype]

    def __repr__(self) -> str:
        return f"Comparison(log_evidence={self.exact.log_evidence:.2f})"

    def reference(self, probs: Sequence[float], prob: float) -> RegressionReference:
        """Return it as it is drawn: quantiles at `probs`, bands and intervals that hold `prob`, each in (0, 1)."""
        group, predictor, product = self.least_squares[WEIGHT][0]
        outside = self.least_squares[BIAS][0] + predictor * self._grid
        inside = outside + group + product * self._grid
        exact = self.exact.answer(probs, prob)
        return RegressionReference(estimates=self.least_squares, lines=(outside, inside), exact=exact)

    def log_joint(self, draws: Mapping[str, NDArray[np.float64]]) -> NDArray[np.float64]:
        """Return the log probability density of the targets and the latents together, nats, shape (num_draws,).

        The draws are by site, of shape (num_draws, *site shape).
        """
        return self.exact.log_joint(draws[WEIGHT], draws[BIAS], draws[SIGMA])

    def known(self) -> KnownPosterior:
        """Return what a guide's approximation is judged by."""
        correlation, correlated = strongest_correlation(self.exact)
        exact = self.exact
        return KnownPosterior(exact.sd(), exact.log_evidence, correlation, correlated, exact.mean())

    def gap(self, draws: Mapping[str, NDArray[np.float64]], log_density: NDArray[np.float64] | None) -> KLGap | None:
        """Estimate KL(guide || posterior) = log evidence - ELBO from draws of the guide, at least 2.

        They are by site, of shape (num_draws, *site shape), their log density under the guide (num_draws,), None where
        it has none. The gap is None where the guide has no density, or a draw is so far out that the model gives it
        none.
        """
        if log_density is None:
            return None
        ratio = self.log_joint(draws) - log_density
        if not np.isfinite(ratio).all():
            return None
        return KLGap(self.exact.log_evidence - float(ratio.mean()), float(ratio.std(ddof=1)) / math.sqrt(len(ratio)))


def checked_priors(value: Priors | None) -> Priors:
    """Return the priors, the lesson's where there are none, or say what is wrong."""
    if value is None:
        return Priors()
    if not isinstance(value, Priors):
        raise TypeError(f"priors must be Priors, such as Priors(weight=2.0), got {value!r}")
    return value
