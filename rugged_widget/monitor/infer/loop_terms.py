"""Terms of the ELBO beside a loop of one's own."""

from collections.abc import Callable, Collection
from typing import Any

from pyro import poutine
from pyro.infer import Trace_ELBO, TraceEnum_ELBO

from rugged_widget.infer.diagnostics.elbo_terms_average import AveragedTerms
from rugged_widget.infer.step.arguments import Call
from rugged_widget.infer.step.loss import Loss
from rugged_widget.infer.step.transfer import Later, Transfer
from rugged_widget.snapshot.model_values import ElboTerm, ElboTermsNote, ModelStructure


class LoopTerms:
    """What each site adds to the ELBO, by draws at the parameters as they are: call its methods in a fit's world.

    Parameters
    ----------
    model, guide
        What the loop trains.
    loss
        What it minimizes; None for the ELBO that sums over latents where the model asks for that, else the plain one.
    structure
        Sites of the model.

    Attributes
    ----------
    model, guide, elbo
        What is looked at.
    call
        What model and guide are called with; it may be set before each look.
    asked
        Names of the parameters that model and guide asked for at the last look.
    """

    def __init__(
        self, model: Callable[..., Any], guide: Callable[..., Any], loss: Loss | None, structure: ModelStructure
    ) -> None:
        self.model, self.guide, self.call = model, guide, Call((), {})
        self.elbo = loss or assumed_loss(structure)
        self.asked: Collection[str] = ()
        self._terms = AveragedTerms(self)

    def __repr__(self) -> str:
        return f"LoopTerms({self._terms!r})"

    @property
    def note(self) -> ElboTermsNote | None:
        """Why there are no terms, or in what they differ from the loss; None where there is nothing to say."""
        return self._terms.note

    def ask(self, step: int, transfer: Transfer, *, thorough: bool) -> Later[tuple[ElboTerm, ...]]:
        """Ask for the terms after `step` steps, by some more draws; by more of them where the look is `thorough`."""
        with poutine.trace(param_only=True) as asked:
            terms = self._terms.ask(step, transfer, thorough=thorough)
        self.asked = asked.trace.nodes.keys()
        return terms


def assumed_loss(structure: ModelStructure) -> Loss:
    """Return the ELBO that a model is trained by where nobody says which: one that sums where the model asks for it."""
    sums = any(site.role == "enumerated" for site in structure.sites)
    return TraceEnum_ELBO() if sums else Trace_ELBO()
