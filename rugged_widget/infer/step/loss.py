"""What a fit minimizes: one of Pyro's ELBOs, an ELBO of one's own, or a function as `pyro.infer.SVI` takes it."""

import copy
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import torch
from pyro.infer import ELBO, TraceTailAdaptive_ELBO
from pyro.infer.elbo import ELBOModule
from pyro.ops.jit import CompiledFunction

from rugged_widget.infer.step.own_gradients import whole_loss

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

    Its gradients are those of the steps, which some losses compute by themselves. NotImplementedError is raised where
    it cannot be had.
    """
    own = _own_gradients(loss)
    if own is not None and _is_pyros(own):
        return whole_loss(own, *args, **kwargs)
    if isinstance(loss, ELBO) and hasattr(loss, "differentiable_loss"):
        return torch.as_tensor(loss.differentiable_loss(*args, **kwargs))
    value = None if isinstance(loss, (ELBO, LossWithGradients)) else loss(*args, **kwargs)
    if not (isinstance(value, torch.Tensor) and value.requires_grad):
        raise NotImplementedError(name_of(loss))
    return value


def _own_gradients(loss: Loss) -> LossFunction | None:
    """Return what computes the gradients of steps; None where they are those of a loss that can be differentiated."""
    if isinstance(loss, LossWithGradients):
        return loss.loss_and_grads
    kinds = type(loss).__mro__
    whole, gradients = (_place_in(kinds, method) for method in ("differentiable_loss", "loss_and_grads"))
    if not isinstance(loss, ELBO) or gradients is None or (whole is not None and whole <= gradients):
        return None
    return loss.loss_and_grads  # type: ignore[attr-defined,no-any-return] # as `gradients` says


def _is_pyros(function: LossFunction) -> bool:
    """Return whether a function is Pyro's, which may be called more often than there are steps."""
    return (getattr(function, "__module__", None) or "").startswith("pyro.")


def reason_against_capture(loss: Loss) -> str | None:
    """Say why the steps cannot be those of one differentiable loss, in half a sentence; None where they may be."""
    if not isinstance(loss, (ELBO, LossWithGradients)):
        return None
    name, own = name_of(loss), _own_gradients(loss)
    if not tells_loss(loss):
        return f"{name} tells no loss that could be compared"
    if own is not None and not _is_pyros(own):
        has_other = isinstance(loss, LossWithGradients) or hasattr(loss, "differentiable_loss")
        return f"{name} has {'gradients of its own' if has_other else 'no loss that can be differentiated as a whole'}"
    if own is None and not hasattr(loss, "differentiable_loss"):
        return f"{name} has no loss that can be differentiated as a whole"
    return f"{name} compiles its steps by itself" if _is_compiling(uncompiled(loss)) else None


def uncompiled(loss: Loss) -> Loss:
    """Return a copy of a loss; of one of Pyro's that compile their steps, the one that computes the same without."""
    if not _is_compiling(loss) or not type(loss).__module__.startswith("pyro."):
        return copy.copy(loss)
    twin: Any = object.__new__(type(loss).__mro__[1])
    vars(twin).update(vars(loss))
    return twin  # type: ignore[no-any-return] # an ELBO, as the one given


def waits_for_compilation(loss: Loss) -> bool:
    """Return whether a loss will compile its steps in the next one, which draws other random numbers therefore."""
    return _is_compiling(loss) and not any(isinstance(value, CompiledFunction) for value in vars(loss).values())


def _is_compiling(loss: Loss) -> bool:
    owner = getattr(loss.loss_and_grads, "__self__", None) if isinstance(loss, LossWithGradients) else loss
    return any(kind.__name__.startswith("Jit") and kind.__module__.startswith("pyro.") for kind in type(owner).__mro__)


def _place_in(kinds: tuple[type, ...], method: str) -> int | None:
    """Return how far up the classes a method is defined."""
    return next((place for place, kind in enumerate(kinds) if method in vars(kind)), None)


def tells_loss(loss: Loss) -> bool:
    """Return False for the one ELBO of Pyro's that computes gradients but no loss, and says inf for it."""
    return not isinstance(loss, TraceTailAdaptive_ELBO)


def name_of(loss: Loss) -> str:
    """Name a loss for the reader."""
    if isinstance(loss, LossWithGradients):
        return "the given loss"
    if inspect.isroutine(loss):
        return f"the loss function {getattr(loss, '__name__', '')}".rstrip()
    return type(loss).__name__


def first_number(value: Any) -> float:
    """Return a loss as one number: the first, the model's, of several such as ReweightedWakeSleep has."""
    return float(first_of(value))


def first_of(value: Any) -> Any:
    """Return a loss, a number or a tensor of one: the first of several."""
    return value[0] if isinstance(value, tuple) else value
