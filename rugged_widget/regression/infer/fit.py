"""The lesson's fit: a regression, with two groups as a rule, and a snapshot of all that is shown of it."""

import math
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cache, partial
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from pyro import get_param_store

from rugged_widget.defaults import LEARNING_RATE, NUM_DRAWS, PROB, PROBS, SNAPSHOT_DRAWS
from rugged_widget.infer.diagnostics.approximation import FEW_DRAWS, NUM_REPEATS, REPEAT_DRAWS, approximate
from rugged_widget.infer.diagnostics.importance_correction import WEIGHTED_DRAWS
from rugged_widget.infer.guides.families import Guide, checked_guide, correlates, guide_key, guide_label, make_guide
from rugged_widget.infer.guides.gaussian import Affine, affine_of
from rugged_widget.infer.guides.predictive import bands, density
from rugged_widget.infer.guides.sampling import (
    as_float64,
    closed_quantiles,
    draw,
    draw_with_density,
    draws_at_once,
    order_statistics,
)
from rugged_widget.infer.guides.setup import set_up
from rugged_widget.infer.step.isolation import Isolation
from rugged_widget.infer.svi.fit import Fit
from rugged_widget.infer.svi.preload import PRELOAD
from rugged_widget.infer.svi.snapshot_tensors import Closed, GuideTensors, SnapshotTensors
from rugged_widget.regression.data.regression_data import RegressionData
from rugged_widget.regression.infer.exact.normal_mixture import Mixture, densities
from rugged_widget.regression.infer.guide_quantiles import (
    coefficients,
    latent_densities,
    line_bands,
    original_quantiles,
    slope_densities,
)
from rugged_widget.regression.infer.importance_correction import correct
from rugged_widget.regression.infer.model import BIAS, SIGMA, WEIGHT, BayesianRegression
from rugged_widget.regression.infer.rate_decay import BETAS, RateDecay
from rugged_widget.regression.infer.reference import Comparison
from rugged_widget.regression.infer.responses import mean_response, observed_response
from rugged_widget.regression.infer.scale import Scale
from rugged_widget.regression.priors import Priors
from rugged_widget.regression.snapshot import (
    Bands,
    Point,
    PriorsAnswer,
    RegressionCorrection,
    RegressionReference,
    RegressionRequest,
    RegressionSnapshot,
    WhatIf,
)
from rugged_widget.snapshot.request import SnapshotRequest
from rugged_widget.snapshot.values import (
    Approximation,
    Array,
    Averaged,
    Band,
    Convergence,
    Density,
    ElboCurve,
    KLGap,
    LateMapping,
    Parameter,
    late,
)
from rugged_widget.validation import (
    checked_batch_size,
    checked_count,
    checked_increasing,
    checked_learning_rate,
    checked_prob,
    checked_probs,
    checked_seed,
)

Draws: TypeAlias = Callable[[], tuple[dict[str, Array], Array | None]]
"""Returns draws by site and the guide's log density of each, in the units of the table."""


class RegressionFit(Fit):
    """Fit of `BayesianRegression` to a table.

    Parameters
    ----------
    data
        The rows.
    guide
        A key of `GUIDE_LABELS`, a subclass of AutoGuide, or a guide that is called as the model is.
    learning_rate
        Learning rate of Adam, finite, > 0. None lets it fall as of `RateDecay`, with other betas of Adam.
    seed
        Seed of the fit's random numbers, in [0, 2**32).
    engine
        One of `ENGINES`.
    batch_size
        Rows that a step looks at, >= 1; all where it is None or no less than their number.
    comparison
        Least squares and the exact posterior of the data, whose priors the model gets; the lesson's where it is None.
    probs
        Probabilities of the quantiles in a snapshot, increasing, each in (0, 1).
    num_draws
        Draws behind bands and densities, >= 2.
    prob
        Probability inside a band, in (0, 1).

    Raises
    ------
    TypeError, ValueError
        If an argument is not as said here.
    """

    betas: tuple[float, float] | None = None
    _judgement: Approximation | None = None

    def __init__(
        self,
        data: RegressionData,
        *,
        guide: Guide = "diagonal",
        learning_rate: float | None = LEARNING_RATE,
        seed: int = 1,
        engine: str = "auto",
        batch_size: int | None = None,
        comparison: Comparison | None = None,
        probs: Sequence[float] = PROBS,
        num_draws: int = NUM_DRAWS,
        prob: float = PROB,
    ) -> None:
        if not isinstance(data, RegressionData):
            raise TypeError(f"data must be a RegressionData, got {type(data).__name__}")
        self.data = data
        self._probs, self._prob = checked_increasing(probs, "probs"), checked_prob(prob, "prob")
        self._num_draws = checked_count(num_draws, "num_draws", 2)
        self.guide_given, self.guide_name = checked_guide(guide), guide_key(guide)
        self.batch_size, self.seed = checked_batch_size(batch_size), checked_seed(seed)
        self.comparison = comparison or Comparison(data, Priors())
        self.request = SnapshotRequest()
        self._grid, self._points = data.grid(), data.points()
        with Isolation(0).inside():  # a linear layer draws initial weights, which the priors then replace
            model = BayesianRegression(self.batch_size, self.comparison.priors, data.design.num_features)
            features, targets = self.comparison.tensors(torch.get_default_dtype())
        super().__init__(
            model,
            partial(make_guide, self.guide_given, args=(features, targets)),
            (features, targets),
            **self._adam(learning_rate),
            seed=seed,
            engine=engine,
            captures=self.comparison.captures(self.guide_name, self.batch_size),
            nats=1.0,
        )
        self._pictured_next = False
        self._tensors = SnapshotTensors(self.guide, self._num_draws, self._probs, self._captures)

    def _adam(self, learning_rate: float | None) -> dict[str, Any]:
        """Note how the learning rate goes, and return what the optimizer begins with."""
        self._decay, self.decays = RateDecay.of(self.guide_name), learning_rate is None
        if learning_rate is not None:
            return {"learning_rate": learning_rate}
        self.betas = BETAS
        return {"learning_rate": self._decay.rate(0), "betas": BETAS}

    @property
    def _scale(self) -> Scale:
        """The scale that the model is trained on."""
        return self.comparison.scale

    @property
    def _log_unit(self) -> float:
        """What an ELBO on that scale lacks of that in the units of the table, nats."""
        return self._scale.log_unit(self.data.num_rows)

    @property
    def guide_label(self) -> str:
        """Name of the guide: the English label of its family, or its own where it is none."""
        return guide_label(self.guide_given)

    @property
    def variant(self) -> str:
        """Scales of the priors that are others than those that the table came with, such as "weight=0.5"."""
        return self.comparison.variant

    @property
    def learning_rate(self) -> float:
        """Learning rate of the next step; finite, > 0. One that is set at any time stays, and does not decay."""
        return self._decay.rate(self.step) if self.decays else self._plain.learning_rate

    @learning_rate.setter
    def learning_rate(self, value: float) -> None:
        self._plain.learning_rate, self.decays = checked_learning_rate(value), False

    def let_decay(self, on: bool) -> None:
        """Let the learning rate fall as of `RateDecay` from the next step on, or stay what it is."""
        self._plain.learning_rate, self.decays = self.learning_rate, on

    @property
    def elbo(self) -> float:
        """ELBO estimate of the last step in nats, total over all rows; nan before the first.

        It is that of the response in its own unit: what the standardized model is trained on, less the logarithm of the
        response's spread for each row. So the ELBOs of one table compare, standardized or not.
        """
        return super().elbo + self._log_unit

    def history(self) -> pd.DataFrame:
        """Return all steps, a row each: step (from 1), elbo (nats, total over all rows) and learning_rate."""
        return super().history().assign(elbo=lambda frame: frame["elbo"] + self._log_unit)

    def curve(self) -> ElboCurve:
        """Return the ELBO of the whole run, thinned to at most 400 points."""
        curve = super().curve()
        if not self._log_unit:
            return curve
        return ElboCurve(curve.step, curve.elbo + self._log_unit, curve.smoothed + self._log_unit)

    def advance(self, max_steps: int, seconds: float = math.inf, clock: Callable[[], float] = time.perf_counter) -> int:
        """Take steps as `Fit.advance` does, once nothing is being imported beside them."""
        PRELOAD.wait()
        self._judgement = None
        if not self.decays:
            return super().advance(max_steps, seconds, clock)
        start, begun = self.step, clock()
        while True:
            self._plain.learning_rate = self.learning_rate
            change, left = self._decay.next_change(self.step), start + max_steps - self.step
            super().advance(int(min(left, change - self.step)), seconds - (clock() - begun), clock)
            if self.step != change or self.step == start + max_steps or clock() - begun >= seconds or self._stops():
                return self.step - start

    def convergence(self) -> Convergence:
        """Say how far the optimizer has converged; no higher rate is advised while the rate falls by itself.

        What the ELBO gained by the fall looks like a way that larger steps would shorten.
        """
        found = super().convergence()
        return replace(found, advice="more_steps") if self.decays and found.advice == "raise" else found

    def average_iterates(self) -> Averaged:
        """Put the mean of past iterates in place of the parameters; see `Fit.average_iterates`."""
        self._judgement = None
        return super().average_iterates()

    def prepare(self) -> bool:
        """Do the next piece of what training and looking at it need; see `Fit.prepare`."""
        if super().prepare():
            return True
        if self.engine.name == "plain" or self._tensors.captured:
            return False
        if not self._pictured_next:
            self._pictured_next = True  # a piece of its own
            return True
        with self.inspecting():
            return self._tensors.capture()

    def release(self) -> None:
        """Let go of what can be made anew; see `Fit.release`."""
        super().release()
        self._pictured_next = False
        self._tensors.release()

    def brief_snapshot(self) -> None:
        """Return None: a snapshot has nothing that could follow later."""

    def snapshot(self) -> RegressionSnapshot:
        """Return what is known now, also before the first step; it changes nothing."""
        request = RegressionRequest.of(self.request)
        whole = request.draws or request.parameters or request.what_if is not None
        closed, tensors = self._looked_at(whole=whole)
        known = None if closed.normal is None else coefficients(closed.normal, self._scale)
        draws = cache(lambda: self._mapped(tensors().draws, tensors().log_density))
        gap = partial(_gap, self.comparison, draws)
        return RegressionSnapshot(
            step=self.step,
            elbo=self.elbo,
            learning_rate=self.learning_rate,
            num_rows=self.data.num_rows,
            curve=self.curve(),
            probs=self._probs,
            quantiles=self._quantiles(closed, draws, self._probs),
            bands=self._bands(draws, known, late=not request.draws),
            slopes=self._slopes(draws, known),
            gap=gap() if request.draws else late(gap),
            parameters=self._parameters() if request.parameters else (),
            marginals=self._marginals(draws()[0], closed.normal) if request.parameters else {},
            what_if=None if request.what_if is None else self._what_if(draws()[0], request.what_if),
            priors_answer=None if request.priors is None else self._priors_answer(request.priors),
            convergence=self.convergence(),
            averaged=self.averaged,
            approximation=self._judged() if request.approximation and self.step else None,
            correction=self._correction() if request.correction else None,
            draws={name: value[:SNAPSHOT_DRAWS] for name, value in draws()[0].items()} if request.draws else {},
            reference=self.reference(),
        )

    def _looked_at(self, *, whole: bool) -> tuple[Closed, Callable[[], GuideTensors]]:
        """Return what has a closed form, and all tensors at these parameters: computed later where no page shows them.

        All of them are computed now where `whole`, or where quantiles take draws.
        """
        closed = None if whole else self._tensors.closed()
        if closed is not None:
            return closed, cache(self._tensors.later())
        with self.inspecting():
            tensors = self._tensors()
        return Closed(tensors.quantiles, tensors.normal), lambda: tensors

    def _bands(self, draws: Draws, known: tuple[Array, Array] | None, *, late: bool) -> Bands:
        """Return the bands: while frames stream most of them show only one of the two."""
        points, grid, num_groups, prob = self._points, self._grid, self.data.design.num_groups, self._prob

        def line() -> tuple[Band, ...]:
            if known is None:
                return bands(mean_response(draws()[0], points), grid, num_groups, prob)
            return line_bands(*known, points, grid, prob)

        def prediction() -> tuple[Band, ...]:
            return bands(observed_response(draws()[0], points), grid, num_groups, prob)

        found = LateMapping({"line": line, "prediction": prediction})
        return found if late else dict(found)

    def approximation(self) -> Approximation:
        """Judge the guide as it is now, by 20,000 draws of it, or 2,000 where each costs a call; it changes nothing.

        The noise behind the draws is the same each time, so that the verdict changes with the parameters only.
        """
        draws, log_density = self._draws(NUM_REPEATS * (REPEAT_DRAWS if draws_at_once(self.guide) else FEW_DRAWS))
        with self.inspecting():
            ties = correlates(self.guide)
        comparison = self.comparison
        return approximate(draws, log_density, comparison.log_joint, comparison.known(), correlates=ties)

    def _judged(self) -> Approximation:
        """Return the judgement of the parameters as they are, made once: a slider at rest asks for many snapshots."""
        if self._judgement is None:
            self._judgement = self.approximation()
        return self._judgement

    def _draws(self, count: int) -> tuple[dict[str, NDArray[np.float64]], NDArray[np.float64] | None]:
        with self.inspecting():
            tensors, log_density = draw_with_density(self.guide, count)
        return self._mapped(tensors, log_density)

    def _mapped(
        self, tensors: Mapping[str, torch.Tensor], log_density: torch.Tensor | None
    ) -> tuple[dict[str, NDArray[np.float64]], NDArray[np.float64] | None]:
        """Return draws and their log density in the units of the table."""
        draws = self._scale.latents({name: as_float64(value) for name, value in tensors.items()})
        return draws, None if log_density is None else as_float64(log_density) - self._scale.log_volume

    def _quantiles(self, closed: Closed, draws: Draws, probs: Sequence[float]) -> dict[str, Array]:
        """Return quantiles in the units of the table: by formula, or by draws where the guide has no closed form."""
        quantiles = {name: as_float64(value) for name, value in closed.quantiles.items()}
        if not quantiles:
            return {name: order_statistics(value, probs) for name, value in draws()[0].items()}
        if self._scale.is_identity:
            return quantiles
        affine = closed.normal
        if affine is None:
            with self.inspecting(), set_up(self.guide) as ready:
                affine = affine_of(ready)
        return original_quantiles(affine, quantiles, draws, probs, self._scale)

    def reference(self) -> RegressionReference:
        """Return what the fit is compared with, for the same probs, grid and prob as its snapshots."""
        return self.comparison.reference(self._probs, self._prob)

    def _parameters(self) -> tuple[Parameter, ...]:
        with self.inspecting():
            store = get_param_store()
            constrained = {name: as_float64(value) for name, value in store.items()}
            free = {name: as_float64(value) for name, value in store.named_parameters()}
        return tuple(Parameter(name, value, free[name]) for name, value in constrained.items())

    def _slopes(self, draws: Draws, known: tuple[Array, Array] | None) -> tuple[Density, ...]:
        """Return the densities of the slopes: by formula where the guide is normal, else from the draws."""
        if known is not None:
            return slope_densities(*known, self._scale, self._prob)
        return tuple(density(slope, self._prob) for slope in self.data.design.slope_draws(draws()[0][WEIGHT]))

    def _marginals(
        self, draws: Mapping[str, NDArray[np.float64]], normal: Affine | None
    ) -> dict[str, tuple[Density, ...]]:
        """Return the densities of the latents, likewise."""
        with self.inspecting():
            closed = {} if normal is None else latent_densities(normal, self._scale, self._prob)
        return {name: closed.get(name) or self._estimated(value) for name, value in draws.items()}

    def _estimated(self, draws: NDArray[np.float64]) -> tuple[Density, ...]:
        return tuple(density(column, self._prob) for column in draws.reshape(len(draws), -1).T)

    def _correction(self) -> RegressionCorrection | None:
        draws, log_density = self._draws(WEIGHTED_DRAWS if draws_at_once(self.guide) else self._num_draws)
        if log_density is None:
            return None
        log_ratios = self.comparison.log_joint(draws) - log_density
        return correct(draws, log_ratios, self._points, self._probs, self._prob, self.data.design)

    def _what_if(self, draws: Mapping[str, NDArray[np.float64]], point: Point) -> WhatIf:
        (features,) = self.data.design.features(np.array([point.x]), float(point.group), point.covariates)
        mean = draws[WEIGHT][:, 0] @ features + draws[BIAS][:, 0]
        shares = np.full(len(mean), 1 / len(mean))
        (guide,) = densities(Mixture(shares, mean[None], draws[SIGMA][None]), self._prob)
        exact = self.comparison.exact.prediction(point.x, point.group, self._prob, point.covariates)
        return WhatIf(point, guide, exact)

    def _priors_answer(self, priors: Priors) -> PriorsAnswer:
        return self.comparison.under(priors).priors_answer(self._prob)

    def quantiles(self, probs: Iterable[float]) -> dict[str, NDArray[np.float64]]:
        """Return quantiles of each latent, in the units of the table.

        Parameters
        ----------
        probs
            Probabilities, each in (0, 1).

        Returns
        -------
        dict
            By site, on its support, shape (number of probs, *site shape).
        """
        checked = checked_probs(probs, "probs")
        with self.inspecting():
            closed = Closed(closed_quantiles(self.guide, checked) or {}, None)
        return self._quantiles(closed, lambda: (self.latents(self._num_draws), None), checked)

    def latents(self, num_samples: int) -> dict[str, NDArray[np.float64]]:
        """Return >= 1 draws of the latents by site, shape (num_samples, *site shape), in the units of the table."""
        with self.inspecting():
            tensors = draw(self.guide, num_samples)
        return self._mapped(tensors, None)[0]

    def slopes(self, num_samples: int = NUM_DRAWS) -> pd.DataFrame:
        """Return draws of the slope d response / d predictor.

        The mean is w0 group + w1 predictor + w2 group predictor + ... + bias: its slope is w1 in group 0, w1 + w2 in
        group 1. Covariates change the height of the line, not its slope.

        Parameters
        ----------
        num_samples
            Number of rows, >= 2.

        Returns
        -------
        DataFrame
            A column a group, named by the group's label, outside first; without a group one column, "slope".
        """
        count = checked_count(num_samples, "num_samples", 2)
        weight = self.latents(count)[WEIGHT]
        names = self.data.group_labels or ("slope",)
        return pd.DataFrame(dict(zip(names, self.data.design.slope_draws(weight), strict=True)))


def _gap(comparison: Comparison, draws: Draws) -> KLGap | None:
    return comparison.gap(*draws())
