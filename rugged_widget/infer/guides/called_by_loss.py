"""Try guides and models that only a loss can call, as one that enumerates discrete latents does."""

import copy
import warnings
from collections.abc import Callable, Mapping
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
from rugged_widget.infer.step.undone import undone
from rugged_widget.snapshot.model_values import GuideNote


def can_call(
    loss: Any, guide: Callable[..., Any], model: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> bool:
    """Return whether a loss can be computed of model and guide; nothing is left of the call."""
    return not problem_of_calling(loss, lambda: guide, model, args, kwargs)


def problem_of_calling(
    loss: Any,
    make_guide: Callable[[], Any],
    model: Callable[..., Any],
    args: tuple[Any, ...],
    kwargs: Mapping[str, Any],
) -> str:
    """Return what goes wrong when a loss, as of `checked_loss`, is computed once; "" where nothing does.

    Random numbers, modules and the parameter store are as before afterwards.
    """
    generators = Generators.copied()
    guide = make_guide()
    try:
        with undone(guide, model, loss), torch.enable_grad(), pyro.validation_enabled(True), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            _compute(loss, model, guide, args, kwargs)
    except Exception as error:
        return raised(error)
    finally:
        generators.rewind()
    return ""


def _compute(
    loss: Any, model: Callable[..., Any], guide: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> None:
    if isinstance(loss, ELBO):
        # An ELBO may look at the model in its first step, and remember it.
        trial: Any = copy.copy(loss)
        trial.loss(model, guide, *args, **kwargs)
    else:
        function = loss.loss if isinstance(loss, LossWithGradients) else loss
        function(model, guide, *args, **kwargs)


def notes_as_called_by(
    loss: Any, guide: Callable[..., Any], model: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> tuple[GuideNote, ...]:
    """Return in what a guide and its model do not agree, and that it cannot be drawn from where that is so.

    Both are called as the loss does; where that is not known, it is not told in what they do not agree.
    """
    notes: tuple[GuideNote, ...] = ()
    with suppress(Exception):
        notes = disagreements(guide, model, args, kwargs, loss)
    if _can_be_drawn(guide, model, args, kwargs, loss):
        return notes
    return (*notes, GuideNote("undrawn", {"loss": name_of(loss)}))


def _can_be_drawn(
    guide: Callable[..., Any], model: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any], loss: Any
) -> bool:
    for called in ways_to_call(guide, loss):
        with suppress(Exception), undone(guide, model), torch.no_grad(), poutine.block():
            traced(called, args, kwargs)
            return True
    return False
