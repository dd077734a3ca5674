"""What a model and its guide are called with outside a step, where the loss may keep arguments to itself."""

import inspect
from collections.abc import Callable, Collection
from dataclasses import replace
from typing import Any

from pyro.infer import ELBO

from rugged_widget.infer.step.arguments import Call


def call_of_model(call: Call, model: Callable[..., Any], loss: Any) -> Call:
    """Return the call that a model gets of the one of a step: a loss that is a function may keep arguments to itself.

    What the model does not take by name is the loss's then.
    """
    if loss is None or isinstance(loss, ELBO):
        return call
    names = argument_names(model)
    if names is None:
        return call
    return replace(call, kwargs={name: value for name, value in call.kwargs.items() if name in names})


def argument_names(model: Callable[..., Any]) -> Collection[str] | None:
    """Return the names of the arguments of a model; None where it takes any, or nothing is known."""
    try:
        parameters = inspect.signature(getattr(model, "forward", model)).parameters
    except (TypeError, ValueError):  # of what is written in C nothing is known
        return None
    takes_any = any(parameter.kind is inspect.Parameter.VAR_KEYWORD for parameter in parameters.values())
    return None if takes_any else parameters.keys()
