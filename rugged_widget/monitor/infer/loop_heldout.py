"""The ELBO of data that is not trained on, beside a loop of one's own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import torch

from rugged_widget.infer.diagnostics.elbo_terms_average import Objective
from rugged_widget.infer.diagnostics.heldout import Budget, HeldoutLook
from rugged_widget.infer.step.arguments import Call
from rugged_widget.infer.step.heldout_arguments import HeldoutCall, heldout_calls
from rugged_widget.infer.step.loss_arguments import call_of_model
from rugged_widget.monitor.infer.heldout import check_heldout, heldout_part, shape_of
from rugged_widget.snapshot.model_values import ModelStructure
from rugged_widget.snapshot.values import Array

BUDGET: Final = Budget(seconds=0.003, share=0.01, pause=0.2, ahead=0.03)
"""Time for the points: half of what all looks beside a loop may take, and some points more in the first steps."""


def heldout_calls_of_loop(given: Any, model: Callable[..., Any], step: Call) -> tuple[HeldoutCall, ...]:
    """Return the calls of held-out data beside a loop whose last step had these arguments.

    Numbers, texts and whatever else holds no data may be left out of it; they are then those of the step.

    Raises
    ------
    TypeError, ValueError
        As `heldout_calls`.
    """
    every: dict[int | str, Any] = dict([*enumerate(step.args), *step.kwargs.items()])
    constant = {name: value for name, value in every.items() if not _is_data(value)}
    return heldout_calls(given, model, Call(step.args, step.kwargs, constant))


def heldout_look(
    calls: tuple[HeldoutCall, ...], objective: Objective, training: ModelStructure, elbos: Callable[[int, int], Array]
) -> HeldoutLook:
    """Return what computes the ELBO of held-out data, once that has worked; inside a world with the loop's parameters.

    Parameters
    ----------
    calls, objective
        The data, and what is trained.
    training
        The model with what a step was called with.
    elbos
        As `training` of `HeldoutLook`.

    Raises
    ------
    ValueError
        Where it does not work; the text says what was given and what is needed.
    """
    if not training.sites:
        raise ValueError(
            "the ELBO of heldout= is brought to the scale of training, and the model does not run with what update() "
            "was given: give it what svi.step() was given, behind the loss"
        )
    model, guide, loss = objective.model, objective.guide, objective.elbo
    of_model = [call_of_model(one.call, model, loss) for one in calls]
    shapes = [shape_of(model, guide, call) for call in of_model]
    parts = [heldout_part(one.call, shape, training) for one, shape in zip(calls, shapes, strict=True)]
    look = HeldoutLook(objective, parts, elbos, BUDGET)
    check_heldout(look, guide, loss, of_model[0], shapes[0])
    return look


def _is_data(value: Any) -> bool:
    """Return whether an argument of a step is data, which a batch may bring."""
    if isinstance(value, (tuple, list)):
        return any(map(_is_data, value))
    if isinstance(value, Mapping):
        return any(map(_is_data, value.values()))
    return isinstance(value, torch.Tensor) or (hasattr(value, "__len__") and not isinstance(value, (str, bytes)))
