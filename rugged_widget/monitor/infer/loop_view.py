"""A loop of one's own as a monitor sees it: its losses, and model, guide and parameters as they are at a look."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, Final

import numpy as np
import torch
from pyro import poutine
from pyro.infer import SVI, Trace_ELBO, TraceEnum_ELBO
from pyro.infer.autoguide import AutoGuide
from pyro.poutine.block_messenger import BlockMessenger

from rugged_widget.defaults import PROBS
from rugged_widget.errors import CannotDrawError
from rugged_widget.infer.diagnostics.convergence import ConvergenceMonitor
from rugged_widget.infer.diagnostics.elbo_terms_average import AveragedTerms, Objective
from rugged_widget.infer.diagnostics.heldout import HeldoutLook
from rugged_widget.infer.diagnostics.log_joint import UnknownJointError
from rugged_widget.infer.diagnostics.parameter_table import ask_parameter_table
from rugged_widget.infer.diagnostics.structure import Trained, structure_of
from rugged_widget.infer.guides.local_parameters import enter_local_parameters
from rugged_widget.infer.guides.sampling import order_statistics
from rugged_widget.infer.guides.setup import remember_live
from rugged_widget.infer.step.arguments import Call
from rugged_widget.infer.step.isolation import Isolation, random_numbers_kept
from rugged_widget.infer.step.loss import Loss
from rugged_widget.infer.step.loss_arguments import call_of_model
from rugged_widget.infer.step.module_state import behind, copied_params, params_of, present_params, untouched
from rugged_widget.infer.step.svi_settings import loss_of_svi
from rugged_widget.infer.step.transfer import Later, Transfer, as_numpy
from rugged_widget.infer.svi.elbo_history import History
from rugged_widget.infer.svi.run_log import convergence_of
from rugged_widget.monitor.infer.fit import num_observations
from rugged_widget.monitor.infer.guide_judge import GuideJudge
from rugged_widget.monitor.infer.guide_look import GuideLook, listed_parameters
from rugged_widget.monitor.infer.loop_gradients import LoopGradients
from rugged_widget.monitor.infer.loop_heldout import heldout_calls_of_loop, heldout_look
from rugged_widget.snapshot.heldout import HeldoutElbo
from rugged_widget.snapshot.model_values import ElboTermsNote, ModelSite, ModelStructure
from rugged_widget.snapshot.request import SnapshotRequest
from rugged_widget.snapshot.snapshot import LoopPart, Snapshot
from rugged_widget.snapshot.values import Approximation, Array, Convergence

NOTHING: Final = ModelStructure((), ())


class LoopView:
    """What is known of a loop that its user runs: losses, the arguments of its steps, and draws where it gives them.

    A look takes no random numbers of the user's, and leaves modules and parameters as they are.

    Parameters
    ----------
    model, guide
        What the loop trains, as far as it was said; an automatic guide knows its model.
    loss
        What it minimizes; None where that was not said, and one of Pyro's ELBOs is assumed.
    heldout
        Data that is not trained on, whose ELBO is computed too, as of `watch`; None where there is none.

    Attributes
    ----------
    request
        What snapshots have to hold beyond what they always hold.
    problem
        Why the guide cannot be looked at, in a sentence; empty where it can.
    gradients
        Norms of the gradients.
    """

    def __init__(
        self,
        model: Callable[..., Any] | None,
        guide: Callable[..., Any] | None,
        loss: Loss | None = None,
        heldout: Any = None,
    ) -> None:
        self.model, self.guide = model or _model_of(guide), guide
        self.request = SnapshotRequest()
        self.problem = ""
        self._isolation = Isolation(0, dtype=torch.get_default_dtype())
        self._history = History()
        self._judge = ConvergenceMonitor(self._history.elbos)
        self._structure = NOTHING
        self._look: GuideLook | None = None
        self._judge_of_guide: GuideJudge | None = None
        self._draws: dict[str, Array] = {}
        self._loss = loss
        self._objective: Objective | None = None
        self._terms: AveragedTerms | None = None
        self.gradients = LoopGradients()
        self._heldout_data = heldout
        self._heldout: HeldoutLook | None = None

    def __repr__(self) -> str:
        return f"LoopView({len(self._history)} steps, {len(self._structure.sites)} sites)"

    @property
    def step(self) -> int:
        """Steps that were told of."""
        return len(self._history)

    @property
    def elbo(self) -> float:
        """Minus the last loss; nan before the first."""
        return self._history.last

    @property
    def history(self) -> History:
        """The ELBO of every step."""
        return self._history

    @property
    def structure(self) -> ModelStructure:
        """Sites of the model; of the guide where no model is known, of the draws where they were given."""
        return self._structure

    @property
    def heldout(self) -> HeldoutElbo | None:
        """The ELBO of held-out data so far; None where there is none, or before the first step."""
        return None if self._heldout is None else self._heldout.elbo(self.step)

    @property
    def parts(self) -> frozenset[LoopPart]:
        """What is known of the loop."""
        known: dict[LoopPart, bool] = {
            "model": self.model is not None,
            "model and guide": self.knows_both,
            "heldout": self._heldout_data is not None,
        }
        return frozenset(part for part, is_known in known.items() if is_known)

    @property
    def knows_both(self) -> bool:
        """True if model and guide are known."""
        return self.model is not None and self.guide is not None

    def add(self, losses: Sequence[float]) -> None:
        """Note the losses of steps, in their order."""
        values = -np.asarray(losses, dtype=np.float64)
        self._history.extend(values.tolist(), [1.0] * len(values))

    def meet(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> None:
        """Look at model and guide for the first time, after a step that was called with these arguments.

        Raises
        ------
        TypeError, ValueError
            Where the ELBO of held-out data cannot be computed.
        """
        subject = self.model or self.guide
        if subject is None:
            return
        step = Call(args, kwargs)
        of_model = step if self.model is None else call_of_model(step, self.model, self._loss)
        args, kwargs = of_model.args, of_model.kwargs
        with self._inside():
            trained = None if self.guide is None else Trained(self.guide, self._loss)
            self._structure = structure_of(subject, self.guide if self.model else None, args, kwargs, trained)
            if self.guide is None:
                return
            if self.model is not None:
                self._objective = Objective(self.model, self.guide, self._loss or _assumed_loss(self._structure))
                self._meet_heldout(self._objective, step)
                self._judge_of_guide = GuideJudge(self.model, args, kwargs)
            try:
                remember_live(self.guide, self.model or self.guide, args, kwargs, self._loss)
            except ValueError as error:
                self.problem = f"{error}. Give update() what svi.step() was given, behind the loss."
                return
        self._look = GuideLook(self.guide, self._structure)
        if self._objective is not None:
            self._terms = AveragedTerms(self._objective)
        self.called(step.args, step.kwargs)

    def _meet_heldout(self, objective: Objective, step: Call) -> None:
        if self._heldout_data is not None:
            calls = heldout_calls_of_loop(self._heldout_data, objective.model, step)
            self._heldout = heldout_look(calls, objective, self._structure, self._history.elbos)

    def look_at_heldout(self, *, thorough: bool = False) -> None:
        """Compute the ELBO of held-out data where that is due; where the look is `thorough`, in any case."""
        if self._heldout is not None and (thorough or self._heldout.is_due(self.step)):
            with self._inside():
                self._heldout.look(self.step)

    def _ask_heldout(self, transfer: Transfer, *, thorough: bool) -> Later[HeldoutElbo | None]:
        """Ask for the ELBO of held-out data, with a point more where `look_at_heldout` computes one."""
        if self._heldout is None or not (thorough or self._heldout.is_due(self.step)):
            return lambda: self.heldout
        note = self._heldout.ask(self.step, transfer)

        def with_point() -> HeldoutElbo | None:
            note()
            return self.heldout

        return with_point

    def called(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> None:
        """Take note of what the last step was called with."""
        if self._objective is not None:
            self._objective.call = Call(args, kwargs)

    def take(self, draws: Mapping[str, Any]) -> None:
        """Let these be the draws of the latents: by site, shape (number of draws, *site shape)."""
        self._draws = {name: _as_draws(value) for name, value in draws.items()}
        self._structure = ModelStructure(
            tuple(ModelSite(name, "latent", "real", value.shape[1:]) for name, value in self._draws.items())
        )

    def give_up(self, error: Exception) -> None:
        """Look at losses and parameters only from now on: the guide cannot be looked at, for this reason."""
        self._look = self._terms = None
        self.problem = f"The guide cannot be looked at: {type(error).__name__}: {error}"

    def convergence(self) -> Convergence:
        """Judge whether the losses have come to rest."""
        return convergence_of(self._judge.catch_up(self.step))

    def snapshot(self, *, listens: bool = False) -> Snapshot:
        """Return what is known now. Where it `listens`, the gradients of the next step are noted."""
        request, structure = self.request, self._structure
        judged, unjudged = self._verdict() if request.approximation else (None, self._never_judged())
        transfer = Transfer()
        with self._inside():
            asked = self._looked_at(request, transfer)
            if listens and request.gradient_norms:
                self.gradients.listen()
            looked_at = {name: read() for name, read in asked.items()}
        quantiles, draws = looked_at.pop("shown")
        return Snapshot(
            step=self.step,
            elbo=self.elbo,
            learning_rate=math.nan,
            num_rows=num_observations(structure),
            curve=self._history.curve(),
            probs=PROBS,
            convergence=self.convergence(),
            approximation=judged,
            unjudged=unjudged,
            structure=structure,
            elbo_terms_note=self._terms_note() if request.elbo_terms else None,
            gradient_norms=self.gradients.norms() if request.gradient_norms else None,
            quantiles=quantiles,
            draws=draws,
            **looked_at,
        )

    def _looked_at(self, request: SnapshotRequest, transfer: Transfer) -> dict[str, Later[Any]]:
        """Ask for the fields of a snapshot for which model, guide or parameters have to be looked at.

        `shown` are quantiles and draws. What is asked for crosses from a device in one copy.
        """
        asked: dict[str, Later[Any]] = {
            "shown": lambda: self._given(request),
            "heldout": self._ask_heldout(transfer, thorough=request.approximation),
        }
        look = None if self._draws else self._look
        if look is not None:
            asked["shown"] = look.shown(PROBS, transfer, draws=request.draws)
            asked["probabilities"] = look.probabilities(transfer)
        if request.elbo_terms and self._terms is not None:
            with poutine.trace(param_only=True) as used:
                asked["elbo_terms"] = self._terms.ask(self.step, transfer, thorough=request.approximation)
            self.gradients.use(used.trace.nodes)
        if request.parameter_table:
            asked["parameter_table"] = ask_parameter_table(transfer)
        if request.parameters:
            asked["parameters"] = listed_parameters(transfer)
        if look is not None and request.densities:
            asked["densities"] = look.densities(request.densities, transfer)
        return asked

    def _given(self, request: SnapshotRequest) -> tuple[dict[str, Array], Mapping[str, Array]]:
        """Return quantiles of draws that the user gave, and the draws where they are wanted."""
        quantiles = {name: order_statistics(value, PROBS) for name, value in self._draws.items()}
        return quantiles, self._draws if request.draws else {}

    def _terms_note(self) -> ElboTermsNote | None:
        """Return why there are no terms, or in what they differ from the loss."""
        if self._terms is None:
            return ElboTermsNote("failed", self.problem) if self.problem else None
        return self._terms.note

    def _never_judged(self) -> str:
        """Return why the guide can never be judged, a key of the catalogue's `unjudged`; empty where it can."""
        if not self.knows_both or self._draws:
            return "own_loop"
        return "" if self._look is not None else "undrawn"

    def _verdict(self) -> tuple[Approximation | None, str]:
        """Return the verdict on the guide, or else why there is none, a key of the catalogue's `unjudged`."""
        never = self._never_judged()
        if never or self._look is None or self._judge_of_guide is None:
            return None, never
        try:
            with self._inside():
                verdict = self._judge_of_guide.judge(self._look.guide)
            return verdict(), ""
        except UnknownJointError as error:
            return None, error.key
        except CannotDrawError:
            return None, "undrawn"

    @contextmanager
    def _inside(self) -> Iterator[None]:
        """Enter a world with the user's parameters in it, which keeps nothing of what is done there."""
        params = copied_params(present_params())
        things = [thing for thing in (self.guide, self.model) if thing is not None]
        with self._isolation.inside(), torch.no_grad(), params_of(params), untouched(behind(*things)):
            enter_local_parameters(things)
            with random_numbers_kept():
                yield


def parts_of_svi(svi: object) -> tuple[Any, Any, Loss] | None:
    """Return model, guide and loss of a `pyro.infer.SVI`, however it takes its steps; None for anything else."""
    return (svi.model, svi.guide, loss_of_svi(svi)) if isinstance(svi, SVI) else None


def as_number(loss: Any) -> float:
    """Return a loss as a number; TypeError where it is none, naming what was given."""
    if isinstance(loss, torch.Tensor) and loss.numel() == 1:
        return float(loss.detach())
    try:
        return float(loss)
    except (TypeError, ValueError) as error:
        raise TypeError(f"loss must be a number, as svi.step() returns it, got {type(loss).__name__}") from error


def _model_of(guide: Any) -> Callable[..., Any] | None:
    """Return the model that an automatic guide was made of; None where that was a part, with sites hidden from it."""
    model: Any = guide.model if isinstance(guide, AutoGuide) else None
    inner = model
    while isinstance(inner, partial) and len(inner.args) > 1:
        if isinstance(inner.args[0], BlockMessenger):
            return None
        inner = inner.args[1]
    return model  # type: ignore[no-any-return]


def check_draws(draws: Mapping[str, Any]) -> None:
    """Raise ValueError where draws of a site are not of shape (number of draws, *site shape)."""
    for name, value in draws.items():
        shape = tuple(np.shape(value))
        if not shape or not shape[0]:
            raise ValueError(f"draws[{name!r}] must be of shape (number of draws, *site shape), got shape {shape}")


def _as_draws(value: Any) -> Array:
    return np.asarray(as_numpy(value) if isinstance(value, torch.Tensor) else value, dtype=np.float64)


def _assumed_loss(structure: ModelStructure) -> Loss:
    """Return the ELBO that a model is trained by where nobody says which: one that sums where the model asks for it."""
    sums = any(site.role == "enumerated" for site in structure.sites)
    return TraceEnum_ELBO() if sums else Trace_ELBO()
