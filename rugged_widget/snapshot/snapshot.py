"""A frozen snapshot of a fit: plain numbers, the only thing that passes from computing to showing."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from rugged_widget.snapshot.heldout import HeldoutElbo
from rugged_widget.snapshot.hints import Hint
from rugged_widget.snapshot.model_values import (
    ElboTerm,
    ElboTermsNote,
    GradientNorms,
    GuideNote,
    ModelStructure,
    ParameterTable,
    Prediction,
)
from rugged_widget.snapshot.reference import Reference
from rugged_widget.snapshot.values import (
    Approximation,
    Array,
    Averaged,
    Band,
    Convergence,
    Correction,
    Density,
    ElboCurve,
    Epoch,
    KLGap,
    Latent,
    Parameter,
    Value,
    nothing,
)

__all__ = [
    "Approximation",
    "Array",
    "Averaged",
    "Band",
    "Convergence",
    "Correction",
    "Density",
    "ElboCurve",
    "EngineInfo",
    "EngineName",
    "Epoch",
    "KLGap",
    "LoopPart",
    "Parameter",
    "Progress",
    "Snapshot",
    "Status",
]

Status: TypeAlias = Literal["ready", "running", "paused", "finished", "failed"]
EngineName: TypeAlias = Literal["plain", "graph", "jax"]
LoopPart: TypeAlias = Literal["model", "model and guide", "heldout"]
"""What may be known of a loop that its user runs, and has a place of its own on the page."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Snapshot(Value):
    """State of a fit after `step` steps. Numbers and numpy arrays only, none of them writable.

    Attributes
    ----------
    step
        Steps done, >= 0.
    elbo
        ELBO estimate of the last step in nats, total over all rows, higher is better; nan before the first.
    learning_rate
        Learning rate of the next step, > 0.
    num_rows
        Rows the model is fitted to; divides the ELBO where it is shown per observation.
    curve
        The ELBO of the whole run.
    probs
        Probabilities of `quantiles`, increasing, each in (0, 1).
    quantiles
        Quantiles by site, on the site's support, shape (num_probs, *site shape).
    gap
        Distance to the exact posterior; None where that is not known, or the guide is a point, which has none. It is
        computed when it is asked for.
    parameters
        The guide's parameters; empty unless they were requested.
    marginals
        Densities by site, of each of its elements on the site's support, in C order; empty unless requested.
    convergence
        Convergence of the optimizer; None where it is not assessed.
    averaged
        Iterates that the parameters are the mean of; None where they are those of the step itself.
    approximation
        How good the guide is; None unless requested, and before the first step.
    unjudged
        Why there is no approximation though it was requested, a key of the catalogue's `unjudged`; empty elsewhere.
    is_brief
        Whether what takes long was left out, which follows in a moment: the approximation, and more draws behind means.
    correction
        Summaries of the weighted draws; None unless requested, and where the guide has no density.
    draws
        Draws of the guide by site, on the site's support, shape (num_draws, *site shape), the same draws in every site;
        empty unless requested.
    reference
        Reference that the fit is compared with, the same one in all its snapshots; None where it never changes, or is
        not known.
    structure
        Sites and plates of the model, the same object in all snapshots of a fit; None where that is not known.
    probabilities
        Probabilities of the values 0, 1, ... of discrete sites by site, shape (num_values, *site shape); empty where
        there are none.
    elbo_terms
        What each site adds to the ELBO; empty unless requested.
    elbo_terms_note
        Why there are none, or in what they differ from the loss; None where there is nothing to say.
    gradient_norms
        Norms of the gradients so far; None unless requested.
    parameter_table
        Summaries of the parameters; None unless requested.
    densities
        Densities by element, on its support, of those that were requested and have one.
    predictions
        What the model predicts, a panel each; empty unless requested, and where nobody said what is to be predicted.
    guide_reason
        Why this guide was chosen; None where it was given.
    guide_warnings
        In what guide and model do not agree.
    hints
        What is probably not meant in model and guide, as the first step showed them.
    heldout
        The ELBO of data that is not trained on; None where there is none.
    """

    step: int
    elbo: float
    learning_rate: float
    num_rows: int
    curve: ElboCurve
    probs: tuple[float, ...]
    quantiles: Mapping[str, Array]
    gap: KLGap | None = field(default_factory=nothing)
    parameters: tuple[Parameter, ...] = ()
    marginals: Mapping[str, tuple[Density, ...]] = field(default_factory=dict)
    convergence: Convergence | None = None
    averaged: Averaged | None = None
    approximation: Approximation | None = None
    unjudged: str = ""
    is_brief: bool = False
    correction: Correction | None = None
    draws: Mapping[str, Array] = field(default_factory=dict)
    reference: Reference | None = None
    structure: ModelStructure | None = None
    probabilities: Mapping[str, Array] = field(default_factory=dict)
    elbo_terms: tuple[ElboTerm, ...] = ()
    elbo_terms_note: ElboTermsNote | None = None
    gradient_norms: GradientNorms | None = None
    parameter_table: ParameterTable | None = None
    densities: Mapping[Latent, Density] = field(default_factory=dict)
    predictions: tuple[Prediction, ...] = ()
    guide_reason: GuideNote | None = None
    guide_warnings: tuple[GuideNote, ...] = ()
    hints: tuple[Hint, ...] = ()
    heldout: HeldoutElbo | None = None

    def __repr__(self) -> str:
        elbo = "none yet" if math.isnan(self.elbo) else f"{self.elbo:.2f} nats"
        return f"{type(self).__name__}(step={self.step}, elbo={elbo}, sites={list(self.quantiles)})"


@dataclass(frozen=True)
class EngineInfo:
    """How the steps of a fit are computed.

    Attributes
    ----------
    name
        plain (Pyro's own step), graph (the captured step in TorchScript) or jax (the captured step in JAX).
    reason
        Why this one, in a few words for the reader.
    """

    name: EngineName
    reason: str

    def __str__(self) -> str:
        return f"{self.name}: {self.reason}"


@dataclass(frozen=True)
class Progress:
    """How far a training is.

    Attributes
    ----------
    status
        ready (no step done), running, paused, finished (all steps done) or failed.
    step, num_steps
        Steps done and steps to do, 0 <= step <= num_steps.
    elbo
        ELBO estimate of the last step in nats; nan before the first.
    steps_per_second
        Rate over the last seconds of running; nan where that is not known yet.
    error
        What happened and what to try, for the reader, where the status is failed; else empty.
    engine
        How the steps are computed; None where that is not known.
    converged_at
        Step at which the run ended because the optimizer had converged by then; None where it did not end for that.
    epoch
        Where in the data the fit is; None where every step has the same arguments, or batches come without end.
    own_loop
        Empty where the widget takes the steps. Where its user's loop does: "counted" if it is known how many there will
        be, "open" if not; `num_steps` then is only how far the axis goes.
    heldout
        Latest ELBO of held-out data in nats, where a loop's user has some; else nan.
    """

    status: Status
    step: int
    num_steps: int
    elbo: float
    steps_per_second: float
    error: str = ""
    engine: EngineInfo | None = None
    converged_at: int | None = None
    epoch: Epoch | None = None
    own_loop: Literal["", "counted", "open"] = ""
    heldout: float = math.nan
