"""What a fit of the lesson's model is compared with: least squares and the exact posterior."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import asdict

import numpy as np
import torch
from numpy.typing import NDArray

from rugged_widget.infer.compiled.captures import Captures
from rugged_widget.infer.diagnostics.approximation import KnownPosterior
from rugged_widget.regression.data.regression_data import RegressionData
from rugged_widget.regression.infer.exact.correlation import strongest_correlation
from rugged_widget.regression.infer.exact.posterior import ExactPosterior
from rugged_widget.regression.infer.exact.prior_answer import prior_densities, prior_lines
from rugged_widget.regression.infer.least_squares import least_squares
from rugged_widget.regression.infer.model import BIAS, SIGMA, WEIGHT
from rugged_widget.regression.infer.prior_conflict import cautions_of
from rugged_widget.regression.infer.scale import STANDARDIZED_PRIORS, Scale
from rugged_widget.regression.priors import Priors, checked_priors
from rugged_widget.regression.snapshot import PriorsAnswer, RegressionReference
from rugged_widget.snapshot.values import Array, KLGap
from rugged_widget.validation import CUSTOM, checked_flag

LESSON = ("rugged", "cont_africa", "rgdppc_2000", True)
"""Predictor, group, response and whether its logarithm is taken, as the lesson has them."""


MAX_LATEST = 8
"""Comparisons of one table under other priors that are kept: a slider passes through many."""


class Comparison:
    """Least squares and the exact posterior of a table under a model with these priors, computed once.

    The model is trained on the data as `scale` makes them, and the priors are of that scale; all answers are in the
    units of the data.
    """

    def __init__(self, data: RegressionData, priors: Priors, scale: Scale | None = None) -> None:
        self.priors, self.scale = priors, Scale.identity(data.design) if scale is None else scale
        self._data, self._grid = data, data.grid()
        self._first = priors
        self._latest: dict[Priors, Comparison] = {priors: self}
        self._references: dict[tuple[tuple[float, ...], float], RegressionReference] = {}
        self._answers: dict[float, PriorsAnswer] = {}
        self._tensors: dict[torch.dtype, tuple[torch.Tensor, torch.Tensor]] = {}
        self._captures: dict[tuple[str, int | None], Captures] = {}
        self.least_squares = least_squares(data.features, data.targets, data.design.num_features)
        self.exact = ExactPosterior(data.features, data.targets, priors, self._grid, data.group_labels, self.scale)

    def tensors(self, dtype: torch.dtype) -> tuple[torch.Tensor, torch.Tensor]:
        """Return features, shape (n, number of features), and targets, shape (n,), as the model sees them.

        They are the same for every fit, as none writes to them.
        """
        if dtype not in self._tensors:
            seen = self.scale.features(self._data.features), self.scale.targets(self._data.targets)
            features, targets = (torch.tensor(array, dtype=dtype) for array in seen)
            self._tensors[dtype] = features, targets
        return self._tensors[dtype]

    def captures(self, guide: str, batch_size: int | None) -> Captures:
        """Return what fits of a family of guides, by its key, share where they see so many rows a step.

        A guide of the user's own may be another one each time: its fits share nothing.
        """
        if guide == CUSTOM:
            return Captures()
        return self._captures.setdefault((guide, batch_size), Captures())

    def under(self, priors: Priors) -> Comparison:
        """Return the comparison of the same table under other priors, on the same scale; the latest few are kept."""
        if priors not in self._latest:
            other = copy(self)
            other.priors, other.exact = priors, self.exact.under(priors)
            other._references, other._answers, other._captures = {}, {}, {}  # noqa: SLF001  # one of its own
            while len(self._latest) >= MAX_LATEST:
                del self._latest[next(iter(self._latest))]
            self._latest[priors] = other
        return self._latest[priors]

    @property
    def variant(self) -> str:
        """The priors as far as they are others than at first, such as "weight=0.5, sigma=20"; else empty."""
        first, present = asdict(self._first), asdict(self.priors)
        return ", ".join(f"{name}={value:g}" for name, value in present.items() if value != first[name])

    def __repr__(self) -> str:
        return f"Comparison(log_evidence={self.exact.log_evidence:.2f})"

    def reference(self, probs: Sequence[float], prob: float) -> RegressionReference:
        """Return it as it is drawn: quantiles at `probs`, bands and intervals that hold `prob`, each in (0, 1).

        It is the same object each time.
        """
        wanted = tuple(probs), prob
        if wanted not in self._references:
            self._references[wanted] = self._reference(*wanted)
        return self._references[wanted]

    def _reference(self, probs: Sequence[float], prob: float) -> RegressionReference:
        data, estimates = self._data, self.least_squares
        lines = data.points() @ estimates[WEIGHT][0] + estimates[BIAS][0]
        return RegressionReference(
            estimates=estimates,
            lines=tuple(np.split(lines, data.design.num_groups)),
            covariate_means=data.design.covariate_means(data.features),
            exact=self.exact.answer(probs, prob),
            cautions=cautions_of(self.exact, self.priors),
            priors=self.priors,
            units={} if self.scale.is_identity else self._units(),
        )

    def _units(self) -> dict[str, Array]:
        """Return what 1 on the scale of the model is in the units of the data, by site."""
        *weights, bias = np.diag(self.scale.matrix) * self.scale.y_spread
        return {WEIGHT: np.array([weights]), BIAS: np.array([bias]), SIGMA: np.array(self.scale.y_spread)}

    def priors_answer(self, prob: float) -> PriorsAnswer:
        """Return what the priors say without and with the data, with intervals that hold `prob` in (0, 1).

        It is the same object each time.
        """
        if prob not in self._answers:
            self._answers[prob] = PriorsAnswer(
                priors=self.priors,
                log_evidence=self.exact.log_evidence,
                prior=prior_densities(self.exact, prob),
                posterior=self.exact.marginals(prob),
                bands=self.exact.line(prob),
                lines=prior_lines(self.exact),
                cautions=cautions_of(self.exact, self.priors),
            )
        return self._answers[prob]

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


def is_lesson(data: RegressionData) -> bool:
    """Return whether the data are the lesson's columns of the bundled table."""
    columns = (data.predictor, data.group, data.response, data.log_response)
    return data.bundled and columns == LESSON and not data.covariates and data.group_texts == ("0", "1")


def comparison_of(data: RegressionData, priors: Priors | None, *, standardize: bool | None) -> Comparison:
    """Return the comparison of a table by the arguments of a widget.

    Parameters
    ----------
    priors
        Priors in the units of the table, which it is then trained in; None for those that go with the scale.
    standardize
        Center and scale predictor, covariates and response for training. None does so for a table of the user's own
        where no priors are given, and not for the lesson's data.

    Raises
    ------
    TypeError, ValueError
        If an argument is of another kind, or priors are given for a table that is to be standardized.
    """
    priors = checked_priors(priors)
    if standardize is None:
        standardize = priors is None and not is_lesson(data)
    if not checked_flag(standardize, "standardize"):
        return Comparison(data, priors or Priors())
    if priors is not None:
        raise ValueError(
            "standardize=True has priors of its own, on the standardized scale; priors that are independent in the "
            "units of the table would not be independent there, so give priors or standardize=True, not both"
        )
    return Comparison(data, STANDARDIZED_PRIORS, Scale.of(data.features, data.targets, data.design))
