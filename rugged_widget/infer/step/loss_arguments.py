"""Arguments of a step that the loss keeps to itself, and those that model and guide are called with."""

import inspect
from collections.abc import Callable, Collection
from dataclasses import replace
from typing import Any, Final

from pyro.infer import ELBO

from rugged_widget.infer.step.arguments import Call
from rugged_widget.infer.step.loss import LossWithGradients

_IN_ORDER: Final = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


def call_of_model(call: Call, model: Callable[..., Any], loss: Any) -> Call:
    """Return the call that a model gets of the one of a step: a loss of one's own may keep arguments to itself.

    What the model does not take by name is the loss's then. Where there are more arguments in order than the model
    takes, it gets those that the loss calls by the model's names, or else the first ones.
    """
    parameters = parameters_of(model)
    if parameters is None or loss is None or (isinstance(loss, ELBO) and type(loss).__module__.startswith("pyro.")):
        return call
    names = parameter_names(model)
    kwargs = call.kwargs if names is None else {name: call.kwargs[name] for name in call.kwargs if name in names}
    in_order = [parameter.name for parameter in parameters if parameter.kind in _IN_ORDER]
    takes_any = any(parameter.kind is inspect.Parameter.VAR_POSITIONAL for parameter in parameters)
    if takes_any or len(call.args) <= len(in_order):
        return replace(call, kwargs=kwargs)
    named = _named_by(loss, call.args)
    if in_order and named.keys() >= set(in_order):
        return replace(call, args=tuple(named[name] for name in in_order), kwargs=kwargs)
    return replace(call, args=call.args[: len(in_order)], kwargs=kwargs)


def parameter_names(model: Callable[..., Any]) -> Collection[str] | None:
    """Return the names of the arguments of a model; None where it takes any, or nothing is known."""
    parameters = parameters_of(model)
    if parameters is None or any(parameter.kind is inspect.Parameter.VAR_KEYWORD for parameter in parameters):
        return None
    return [parameter.name for parameter in parameters]


def names_in_order(model: Callable[..., Any]) -> list[str]:
    """Return the names of the arguments that a model takes by position; [] where nothing is known of them."""
    return [parameter.name for parameter in parameters_of(model) or [] if parameter.kind in _IN_ORDER]


def parameters_of(function: Any) -> list[inspect.Parameter] | None:
    """Return what a function, or the `forward` of a module, says of its arguments; None where nothing is known."""
    try:
        return [*inspect.signature(getattr(function, "forward", function)).parameters.values()]
    except (TypeError, ValueError):  # of what is written in C nothing is known
        return None


def _named_by(loss: Any, args: tuple[Any, ...]) -> dict[str, Any]:
    """Return arguments by the names that a loss has for them, behind model and guide; of those in order only."""
    function = getattr(loss, "loss", None) if isinstance(loss, (ELBO, LossWithGradients)) else loss
    parameters = parameters_of(function) or []
    names = [parameter.name for parameter in parameters if parameter.kind in _IN_ORDER][2:]
    return dict(zip(names, args, strict=False))
