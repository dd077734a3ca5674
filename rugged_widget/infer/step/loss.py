"""What a fit minimizes: one of Pyro's ELBOs, an ELBO of one's own, or a function as `pyro.infer.SVI` takes it."""

import copy
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import torch
from pyro.infer import ELBO, TraceTailAdaptive_ELBO
from pyro.infer.elbo import ELBOModule

LossFunction: TypeAlias = Callable[..., Any]


@dataclass(frozen=True, eq=False)
class LossWithGradients:
    """A loss whose gradients are computed by a function of its own, as `SVI(..., loss_and_grads=...)` takes it.

    Attributes
    ----------
    loss
        Computes the loss from model, guide and what they are called with.
    loss_and_grads
        Computes the same, and adds the gradients to the parameters'.
    """

    loss: LossFunction
    loss_and_grads: LossFunction


Loss: TypeAlias = ELBO | LossFunction | LossWithGradients


def checked_loss(loss: object, name: str = "elbo") -> Loss:
    """Return what can be minimized; TypeError says what was given instead, and what is needed."""
    if isinstance(loss, (ELBO, LossWithGradients)):
        return loss
    if isinstance(loss, type) and issubclass(loss, ELBO):
        raise TypeError(f"{name} must be an object, got the class {loss.__name__}: write {loss.__name__}()")
    if isinstance(loss, ELBOModule):
        made_of = f"{type(loss.elbo).__name__}()"
        raise TypeError(f"{name} must be an ELBO that no model is bound to, got an ELBOModule: give {made_of} itself")
    if isinstance(loss, (type, torch.nn.modules.loss._Loss)) or not callable(loss):
        given = f"the class {loss.__name__}" if isinstance(loss, type) else f"{loss!r} of type {type(loss).__name__}"
        needed = "an ELBO such as pyro.infer.Trace_ELBO(), or a function loss(model, guide, *args, **kwargs)"
        raise TypeError(f"{name} must be {needed}, got {given}")
    return loss


def own_loss(loss: Loss) -> Loss:
    """Return the loss for one fit: a copy of one of Pyro's, which keep what they have compiled or guessed.

    A loss of the user's own class stays the same object, so that it may be looked at and changed during the training.
    """
    return copy.copy(loss) if type(loss).__module__.startswith("pyro.") else loss


def arguments_for_svi(loss: Loss) -> dict[str, Any]:
    """Return the keyword arguments of `pyro.infer.SVI` that say what is minimized."""
    if isinstance(loss, LossWithGradients):
        return {"loss": loss.loss, "loss_and_grads": loss.loss_and_grads}
    return {"loss": loss}


def differentiable(loss: Loss, *args: Any, **kwargs: Any) -> torch.Tensor:
    """Compute a loss that can be differentiated as a whole, shape (), called with model, guide and their arguments.

    NotImplementedError is raised where there is none.
    """
    if isinstance(loss, ELBO) and hasattr(loss, "differentiable_loss"):
        return torch.as_tensor(loss.differentiable_loss(*args, **kwargs))
    value = None if isinstance(loss, (ELBO, LossWithGradients)) else loss(*args, **kwargs)
    if not (isinstance(value, torch.Tensor) and value.requires_grad):
        raise NotImplementedError(name_of(loss))
    return value


def reason_against_capture(loss: Loss) -> str | None:
    """Say why the gradients are not those of one differentiable loss, in half a sentence; None where they may be."""
    if not isinstance(loss, ELBO):
        return "the loss has gradients of its own" if isinstance(loss, LossWithGradients) else None
    kinds, name = type(loss).__mro__, name_of(loss)
    whole, gradients = (_place_in(kinds, method) for method in ("differentiable_loss", "loss_and_grads"))
    if any(kind.__name__.startswith("Jit") and kind.__module__.startswith("pyro.") for kind in kinds):
        return f"{name} compiles its steps by itself"
    if not tells_loss(loss):
        return f"{name} tells no loss that could be compared"
    if whole is None:
        return f"{name} has no loss that can be differentiated as a whole"
    return f"{name} has gradients of its own" if gradients is not None and gradients < whole else None


def _place_in(kinds: tuple[type, ...], method: str) -> int | None:
    """Return how far up the classes a method is defined."""
    return next((place for place, kind in enumerate(kinds) if method in vars(kind)), None)


def tells_loss(loss: Loss) -> bool:
    """Return False for the one ELBO of Pyro's that computes gradients but no loss, and says inf for it."""
    return not isinstance(loss, TraceTailAdaptive_ELBO)


def name_of(loss: Loss) -> str:
    """Name a loss for the reader."""
    if isinstance(loss, LossWithGradients):
        return "the loss with gradients of its own"
    if inspect.isroutine(loss):
        return f"the loss function {getattr(loss, '__name__', '')}".rstrip()
    return type(loss).__name__


def first_number(value: Any) -> float:
    """Return a loss as one number: the first, the model's, of several such as ReweightedWakeSleep has."""
    return float(value[0] if isinstance(value, tuple) else value)
