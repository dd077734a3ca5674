"""Try guides and models that only a loss can call, as one that enumerates discrete latents does."""

import copy
import warnings
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pyro
import torch
from pyro import poutine
from pyro.infer import ELBO

from rugged_widget.infer.guides.agreement import disagreements
from rugged_widget.infer.guides.compatibility import raised, traced
from rugged_widget.infer.guides.enumerated_draws import ways_to_call
from rugged_widget.infer.step.isolation import Generators
from rugged_widget.infer.step.loss import LossWithGradients, name_of
from rugged_widget.infer.step.traceback_reading import Program
from rugged_widget.infer.step.undone import undone
from rugged_widget.snapshot.model_values import GuideNote


def can_call(loss: Any, program: Program) -> bool:
    """Return whether a loss can be computed of model and guide; nothing is left of the call."""
    return not problem_of_calling(loss, lambda: program)


def problem_of_calling(loss: Any, make: Callable[[], Program]) -> str:
    """Return what goes wrong when a loss, as of `checked_loss`, is computed once; "" where nothing does.

    `make` may make the guide. Random numbers, modules and the parameter store are as before afterwards.
    """
    generators = Generators.copied()
    program = make()
    looking = undone(program.guide, program.model, loss)
    try:
        with looking, torch.enable_grad(), pyro.validation_enabled(True), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            _compute(loss, program)
    except Exception as error:
        return raised(error)
    finally:
        generators.rewind()
    return ""


def _compute(loss: Any, program: Program) -> None:
    model, guide, args, kwargs = program
    if isinstance(loss, ELBO):
        # An ELBO may look at the model in its first step, and remember it.
        trial: Any = copy.copy(loss)
        trial.loss(model, guide, *args, **kwargs)
    else:
        function = loss.loss if isinstance(loss, LossWithGradients) else loss
        function(model, guide, *args, **kwargs)


def notes_as_called_by(loss: Any, program: Program) -> tuple[GuideNote, ...]:
    """Return in what a guide and its model do not agree, and that it cannot be drawn from where that is so.

    Both are called as the loss does; where that is not known, it is not told in what they do not agree.
    """
    notes: tuple[GuideNote, ...] = ()
    with suppress(Exception):
        notes = disagreements(program, loss)
    if _can_be_drawn(loss, program):
        return notes
    return (*notes, GuideNote("undrawn", {"loss": name_of(loss)}))


def _can_be_drawn(loss: Any, program: Program) -> bool:
    for called in ways_to_call(program.guide, loss):
        with suppress(Exception), undone(program.guide, program.model), torch.no_grad(), poutine.block():
            traced(called, program.args, program.kwargs)
            return True
    return False
