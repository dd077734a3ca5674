"""The fit of any model, with a snapshot of what its page shows."""

import math
import weakref
from collections.abc import Iterable
from dataclasses import replace
from functools import cached_property, partial
from typing import Any, Final, TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rugged_widget.defaults import PROBS
from rugged_widget.errors import CannotDrawError
from rugged_widget.infer.diagnostics.heldout import HeldoutLook, HeldoutPart, with_heldout
from rugged_widget.infer.diagnostics.log_joint import UnknownJointError
from rugged_widget.infer.diagnostics.parameter_table import ask_parameter_table
from rugged_widget.infer.guides.setup import forget, rehearsal_of
from rugged_widget.infer.step.hints import structure_hints
from rugged_widget.infer.step.transfer import Later, Transfer
from rugged_widget.infer.svi.fit import Fit
from rugged_widget.infer.svi.preload import PRELOAD
from rugged_widget.monitor.infer.guide_judge import GuideJudge
from rugged_widget.monitor.infer.guide_look import GuideLook, listed_parameters
from rugged_widget.monitor.infer.heldout import check_heldout, heldout_part
from rugged_widget.monitor.infer.prediction import Predictor
from rugged_widget.monitor.infer.problem import Problem
from rugged_widget.snapshot.heldout import HeldoutElbo
from rugged_widget.snapshot.hints import Hint
from rugged_widget.snapshot.model_values import ModelStructure, Prediction
from rugged_widget.snapshot.request import SnapshotRequest
from rugged_widget.snapshot.snapshot import Snapshot
from rugged_widget.snapshot.values import Approximation, Averaged
from rugged_widget.validation import checked_probs, checked_seed

T = TypeVar("T")

BETTER: Final = "multivariate"
"""Guide that is advised where one that cannot correlate latents is not good enough."""

ANSWER_DRAWS: Final = 10_000
"""Draws behind quantiles that are asked for, where there is no formula: a quartile is known to 0.014 standard
deviations."""


class ModelFit(Fit):
    """Fit of any model, with the snapshots that its page shows.

    Parameters
    ----------
    problem
        What is trained.
    learning_rate
        As of `Fit`, where the problem has no optimizer of its own.
    seed, engine
        As of `Fit`.
    """

    def __init__(self, problem: Problem, *, learning_rate: float, seed: int, engine: str) -> None:
        self.problem, self.seed = problem, checked_seed(seed)
        self.request = SnapshotRequest()
        self.unjudged = ""
        self._judgement: tuple[int, Approximation | None] | None = None
        self._judge = GuideJudge(problem.choice.model, problem.example.args, problem.example.kwargs)
        self._structure: ModelStructure | None = None
        self._predictor: Predictor | None = None
        if problem.predict is not None:
            example = problem.example if problem.batches is None else None
            self._predictor = Predictor(problem.predict, problem.choice.model, example)
        self._known_hints: tuple[Hint, ...] | None = None
        self._looks_at_terms = False
        super().__init__(
            problem.choice.model,
            problem.choice.make,
            problem.args,
            problem.kwargs,
            batches=problem.batches,
            learning_rate=learning_rate if problem.optimizer is None else None,
            seed=seed,
            elbo=problem.choice.elbo if problem.loss is None else problem.loss,
            optimizer=problem.optimizer,
            schedule_every=problem.schedule_every,
            skip_nonfinite=problem.skip_nonfinite,
            engine=engine,
            captures=problem.captures,
            ownership=problem.ownership,
        )
        self._heldout: HeldoutLook | None = None
        rehearsal = rehearsal_of(self.guide)
        if rehearsal is not None:
            weakref.finalize(self, forget, self.guide, rehearsal).atexit = False

    @property
    def guide_name(self) -> str:
        """Key of the guide's family, "custom" where it is none."""
        return self.problem.choice.key

    @property
    def guide_label(self) -> str:
        """Name of a guide that is none of the families."""
        return self.problem.choice.label

    @property
    def variant(self) -> str:
        """What else tells its run from those of the same guide and seed: nothing."""
        return ""

    @property
    def structure(self) -> ModelStructure:
        """Structure of the model, from one run of it."""
        if self._structure is None:
            with self.inspecting():
                self._structure = self.problem.structure(self.guide)
        return self._structure

    @property
    def foreign(self) -> frozenset[str]:
        """Names of the parameters in the fit's store that belong neither to model nor guide, as one run shows."""
        return frozenset() if self._own is None or not self.structure else self._own.unused

    def advance(self, max_steps: int, seconds: float = math.inf, *args: Any) -> int:
        """Take steps as `Fit.advance` does, once nothing is being imported beside them."""
        PRELOAD.wait()
        self._judgement = None
        done = super().advance(max_steps, seconds, *args)
        if self.problem.heldout and self._heldout_look.is_due(self.step):
            self._look_at_heldout()
        return done

    def average_iterates(self) -> Averaged:
        """Put the mean of past iterates in place of the parameters; see `Fit.average_iterates`."""
        self._judgement = None
        averaged = super().average_iterates()
        if self.problem.heldout:
            self._heldout_look.forget(self.step)
        return averaged

    def history(self) -> pd.DataFrame:
        """Return all steps as `Fit.history` does; with held-out data its ELBO as heldout_elbo, nan where not computed.

        It is in nats, on the scale of elbo.
        """
        return with_heldout(super().history(), self.heldout)

    @property
    def heldout(self) -> HeldoutElbo | None:
        """The ELBO of held-out data so far; None where there is none."""
        return self._heldout_look.elbo(self.step) if self.problem.heldout else None

    def check_heldout(self) -> None:
        """Compute the ELBO of held-out data once, where there is some.

        Raises
        ------
        ValueError
            Where that does not work; the text says what was given and what is needed.
        """
        if self.problem.heldout:
            look, call = self._heldout_look, self.problem.heldout[0].call
            with self.inspecting():
                shape = self.problem.heldout_shape(self.guide, call)
                check_heldout(look, self.guide, self._plain.elbo, self.problem.call_of_model(call), shape)

    def rested(self) -> None:
        """Give the user what was trained, and the state of the optimizer that was given.

        Before the first step he has what he brought: after a reset that is given back to him.
        """
        if not self.step:
            self.problem.take_back()
            return
        super().rested()
        if self.problem.users_optimizer is not None:
            self.give_optimizer_back(self.problem.users_optimizer)

    def snapshot(self) -> Snapshot:
        """Return what is known now, also before the first step; it changes nothing."""
        return self._snapshot(self.request)

    def brief_snapshot(self) -> Snapshot | None:
        """Return what is known now, without a verdict on the guide; None where none is due, or it is known."""
        is_judged = self._judgement is not None and self._judgement[0] == self.step
        if not (self.request.approximation and self.step) or is_judged:
            return None
        return replace(self._snapshot(replace(self.request, approximation=False)), is_brief=True)

    def _snapshot(self, request: SnapshotRequest) -> Snapshot:
        structure, choice = self.structure, self.problem.choice
        if self.problem.heldout and request.approximation:
            self._look_at_heldout()
        judged = self._judged() if request.approximation and self.step else None
        transfer = Transfer()
        with self.visiting():
            asked = self._looked_at(request, transfer)
            convergence = self.ask_convergence(transfer)
            looked_at = {name: read() for name, read in asked.items()}
        quantiles, draws = looked_at.pop("shown")
        return Snapshot(
            step=self.step,
            elbo=self.elbo,
            learning_rate=self.learning_rate,
            num_rows=num_observations(structure),
            curve=self.curve(),
            probs=PROBS,
            convergence=convergence(),
            averaged=self.averaged,
            approximation=judged,
            unjudged=self.unjudged if request.approximation else "",
            structure=structure,
            elbo_terms_note=self.elbo_terms_note if request.elbo_terms else None,
            guide_reason=choice.reason,
            guide_warnings=choice.warnings,
            hints=self._hints(),
            heldout=self.heldout,
            quantiles=quantiles,
            draws=draws,
            **looked_at,
        )

    def _looked_at(self, request: SnapshotRequest, transfer: Transfer) -> dict[str, Later[Any]]:
        """Ask for the fields of a snapshot for which model or guide have to be called.

        `shown` are quantiles and draws. What is asked for crosses from a device in one copy. Gradients that are
        computed cross by themselves; so does the verdict, for which a fit rests that draws thousands of times.
        """
        look, thorough = self._look, request.approximation
        with self.inspecting():
            asked: dict[str, Later[Any]] = {
                "shown": look.shown(PROBS, transfer, draws=request.draws),
                "probabilities": look.probabilities(transfer),
            }
            if request.parameters:
                asked["parameters"] = listed_parameters(transfer, self.foreign)
            if request.parameter_table:
                asked["parameter_table"] = ask_parameter_table(transfer, self.foreign)
        # Where gradients have to be computed, these and the terms take turns: a frame pays for one of them.
        self._looks_at_terms = terms = not self._looks_at_terms
        alone = self.engine.name == "plain"
        if request.elbo_terms:
            asked["elbo_terms"] = self.ask_elbo_terms(transfer, thorough=thorough, anew=alone or terms)
        if request.gradient_norms:
            asked["gradient_norms"] = _known(self.gradient_norms(thorough=thorough, anew=not terms))
        if request.predictions:
            asked["predictions"] = self._ask_predictions(transfer, thorough=thorough)
        if request.densities:
            with self.inspecting():
                densities = look.densities(request.densities, transfer)
            asked["densities"] = partial(self._read_inside, densities)
        return asked

    def _read_inside(self, read: Later[T]) -> T:
        with self.inspecting():
            return read()

    def check_predictions(self) -> tuple[str, ...]:
        """Predict once, and return the titles; () where nothing is to be predicted.

        Raises
        ------
        ValueError
            Where that does not work; the text says what was given and what is needed.
        """
        if self._predictor is None:
            return ()
        with self.inspecting():
            return self._predictor.check(self.guide)

    def quantiles(self, probs: Iterable[float]) -> dict[str, NDArray[np.float64]]:
        """Return quantiles of each latent on its support: by site, shape (number of probs, *site shape).

        Parameters
        ----------
        probs
            Probabilities, each in (0, 1).

        Raises
        ------
        CannotDrawError
            Where the guide cannot be drawn from.
        """
        probs = checked_probs(probs, "probs")
        with self.inspecting():
            return self._look.quantiles(probs, ANSWER_DRAWS)

    def approximation(self) -> Approximation:
        """Judge the guide as it is now, by its draws and the model's log joint.

        Raises
        ------
        UnknownJointError
            Where the log joint cannot be computed.
        CannotDrawError
            Where the guide cannot be drawn from.
        """
        with self.inspecting():
            verdict = self._judge.judge(self.guide)
        approximation = verdict()
        if approximation.quality != "good" and not approximation.correlates and not self._has_better:
            return replace(approximation, correlates=True)
        return approximation

    @cached_property
    def _has_better(self) -> bool:
        """True if a guide that correlates latents can be had for the model, so that it can be advised."""
        try:
            self.problem.with_guide(BETTER)
        except Exception:  # a model whose latents vary, for example
            return False
        return True

    def _judged(self) -> Approximation | None:
        """Return the judgement of the parameters as they are, made once for a step; None where it cannot be made."""
        if self._judgement is None or self._judgement[0] != self.step:
            self.unjudged, judgement = "", None
            try:
                judgement = self.approximation()
            except UnknownJointError as error:
                self.unjudged = error.key
            except CannotDrawError:
                self.unjudged = "undrawn"
            self._judgement = self.step, judgement
        return self._judgement[1]

    @property
    def heldout_parts(self) -> tuple[HeldoutPart, ...]:
        """The held-out data with its size beside that of training; () where there is none."""
        return self._heldout_look.parts if self.problem.heldout else ()

    @property
    def _heldout_look(self) -> HeldoutLook:
        if self._heldout is None:
            structure, calls = self.structure, [one.call for one in self.problem.heldout]
            with self.inspecting():
                parts = [heldout_part(call, self.problem.heldout_shape(self.guide, call), structure) for call in calls]
            self._heldout = HeldoutLook(self._plain, parts, self._record.history.elbos)
        return self._heldout

    def _look_at_heldout(self) -> None:
        look = self._heldout_look
        with self.inspecting():
            look.look(self.step)

    @property
    def _look(self) -> GuideLook:
        return GuideLook(self.guide, self.structure)

    def _ask_predictions(self, transfer: Transfer, *, thorough: bool) -> Later[tuple[Prediction, ...]]:
        if self._predictor is None:
            return tuple
        with self.inspecting():
            return self._predictor.ask(self.guide, self.step, transfer, thorough=thorough)

    def _hints(self) -> tuple[Hint, ...]:
        """Return hints; how many rows a batch has is told by its first tensor."""
        if self._known_hints is None and self.step:
            rows = [len(tensor) for tensor in self.example.tensors if tensor.ndim] if self.problem.batches else []
            of_all = num_rows_of(self.problem.batches)
            self._known_hints = self.hints(rows[0] if rows else None, of_all)
        return structure_hints(self.structure) + (self._known_hints or ())


def _known(value: T) -> Later[T]:
    return lambda: value


def num_rows_of(batches: Any) -> int | None:
    """Return how many rows there are in all batches of a data loader; None where that is not known."""
    try:
        return len(batches.dataset)
    except (AttributeError, TypeError):
        return None


def num_observations(structure: ModelStructure) -> int:
    """Return how many observations the plates say that there are: 1 where no plate says it."""
    sizes = {plate.name: plate.size for plate in structure.plates}
    counts = [
        math.prod(sizes.get(plate, 1) for plate in site.plates) for site in structure.sites if site.role == "observed"
    ]
    return max(sum(counts), 1)
