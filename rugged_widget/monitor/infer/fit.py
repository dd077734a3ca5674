"""The fit of any model, with a snapshot of what its page shows."""

import math
from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from pyro import get_param_store

from rugged_widget.defaults import PROB, PROBS, SNAPSHOT_DRAWS
from rugged_widget.infer.diagnostics.approximation import NUM_REPEATS, approximate
from rugged_widget.infer.diagnostics.log_joint import LogJoint, UnknownJointError, affordable_draws
from rugged_widget.infer.guides.families import correlates, guide_key, guide_label, make_guide
from rugged_widget.infer.guides.predictive import density
from rugged_widget.infer.guides.sampling import as_float64, closed_quantiles, draw_with_density, order_statistics
from rugged_widget.infer.svi.fit import Fit
from rugged_widget.monitor.infer.problem import Problem
from rugged_widget.snapshot.request import SnapshotRequest
from rugged_widget.snapshot.snapshot import Snapshot
from rugged_widget.snapshot.values import Approximation, Array, Density, Parameter
from rugged_widget.validation import checked_probs, checked_seed

FEW_ELEMENTS: Final = 200
"""Elements of all latents up to which their densities are computed, and it is told from draws if the guide correlates
them."""

DRAWN_NUMBERS: Final = 200_000
"""Numbers that the draws behind a snapshot hold at most."""

JUDGE_SECONDS: Final = 0.4
"""Time that the verdict on the guide may take whenever training rests."""


class ModelFit(Fit):
    """Fit of any model, with the snapshots that its page shows.

    Parameters
    ----------
    problem
        What is trained.
    guide
        What `watch` was given, resolved.
    learning_rate, seed, engine
        As of `Fit`.
    """

    def __init__(self, problem: Problem, guide: Any, *, learning_rate: float, seed: int, engine: str) -> None:
        self.problem, self.guide_given, self.seed = problem, guide, checked_seed(seed)
        self.request = SnapshotRequest()
        self.unjudged = ""
        self._judgement: tuple[int, Approximation | None] | None = None
        super().__init__(
            problem.model,
            partial(make_guide, guide, args=problem.args),
            problem.args,
            problem.kwargs,
            learning_rate=learning_rate,
            seed=seed,
            elbo=problem.elbo,
            optimizer=problem.optimizer,
            engine=engine,
        )

    @property
    def guide_name(self) -> str:
        """Key of the guide's family, "custom" where it is none."""
        return guide_key(self.guide_given)

    @property
    def guide_label(self) -> str:
        """Name of a guide that is none of the families."""
        return guide_label(self.guide_given)

    @property
    def variant(self) -> str:
        """What else tells its run from those of the same guide and seed: nothing."""
        return ""

    def snapshot(self) -> Snapshot:
        """Return what is known now, also before the first step; it changes nothing."""
        request = self.request
        quantiles = self.quantiles(PROBS)
        draws = self._draws(self._affordable(quantiles))[0] if request.draws or request.parameters else {}
        return Snapshot(
            step=self.step,
            elbo=self.elbo,
            learning_rate=self.learning_rate,
            num_rows=1,
            curve=self.curve(),
            probs=PROBS,
            quantiles=quantiles,
            parameters=self._parameters() if request.parameters else (),
            marginals=self._marginals(draws) if request.parameters else {},
            convergence=self.convergence(),
            averaged=self.averaged,
            approximation=self._judged() if request.approximation and self.step else None,
            draws={name: value[:SNAPSHOT_DRAWS] for name, value in draws.items()} if request.draws else {},
        )

    def quantiles(self, probs: Iterable[float]) -> dict[str, NDArray[np.float64]]:
        """Return quantiles of each latent on its support: by site, shape (number of probs, *site shape).

        Parameters
        ----------
        probs
            Probabilities, each in (0, 1).
        """
        checked = checked_probs(probs, "probs")
        with self.inspecting():
            closed = closed_quantiles(self.guide, checked)
        if closed is not None:
            return {name: as_float64(value) for name, value in closed.items()}
        return {name: order_statistics(value, checked) for name, value in self._draws(SNAPSHOT_DRAWS)[0].items()}

    def approximation(self) -> Approximation:
        """Judge the guide as it is now, by its draws and the model's log joint.

        Raises
        ------
        UnknownJointError
            Where the log joint cannot be computed.
        """
        with self.inspecting():
            example, log_density = draw_with_density(self.guide, 10)
            if log_density is None:
                return approximate({}, None, lambda _draws: np.empty(0), correlates=False)
            joint = LogJoint(self.model, self.problem.args, self.problem.kwargs, example)
            elements = sum(value[0].numel() for value in example.values())
            count = affordable_draws(joint.seconds, elements, budget=JUDGE_SECONDS, repeats=NUM_REPEATS)
            if not count:
                raise UnknownJointError("slow")
            draws, log_density = draw_with_density(self.guide, NUM_REPEATS * count)
            ties = elements > FEW_ELEMENTS or correlates(self.guide)
            log_joint = joint(draws)
        values = {name: as_float64(value) for name, value in draws.items()}
        density_of = None if log_density is None else as_float64(log_density)
        return approximate(values, density_of, lambda _draws: log_joint, correlates=ties)

    def _judged(self) -> Approximation | None:
        """Return the judgement of the parameters as they are, made once for a step; None where it cannot be made."""
        if self._judgement is None or self._judgement[0] != self.step:
            self.unjudged, judgement = "", None
            try:
                judgement = self.approximation()
            except UnknownJointError as error:
                self.unjudged = error.key
            self._judgement = self.step, judgement
        return self._judgement[1]

    def _affordable(self, quantiles: Mapping[str, Array]) -> int:
        elements = sum(math.prod(value.shape[1:]) for value in quantiles.values())
        return max(20, min(SNAPSHOT_DRAWS, DRAWN_NUMBERS // max(elements, 1)))

    def _draws(self, count: int) -> tuple[dict[str, Array], Array | None]:
        with self.inspecting():
            draws, log_density = draw_with_density(self.guide, count)
        values = {name: as_float64(value) for name, value in draws.items()}
        return values, None if log_density is None else as_float64(log_density)

    def _parameters(self) -> tuple[Parameter, ...]:
        with self.inspecting():
            store = get_param_store()
            constrained = {name: as_float64(value) for name, value in store.items()}
            free = {name: as_float64(value) for name, value in store.named_parameters()}
        return tuple(Parameter(name, value, free[name]) for name, value in constrained.items())

    def _marginals(self, draws: Mapping[str, Array]) -> dict[str, tuple[Density, ...]]:
        if sum(math.prod(value.shape[1:]) for value in draws.values()) > FEW_ELEMENTS:
            return {}
        return {
            name: tuple(density(column, PROB) for column in value.reshape(len(value), -1).T)
            for name, value in draws.items()
        }
