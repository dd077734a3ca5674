"""Take a `pyro.infer.SVI` apart into what a fit is made of."""

from collections.abc import Callable
from typing import Any, NamedTuple

from pyro.infer import ELBO, SVI
from pyro.optim import PyroOptim

from rugged_widget.infer.step.loss import Loss, LossWithGradients, checked_loss
from rugged_widget.infer.step.optimizer import checked_optimizer


class SviSettings(NamedTuple):
    """What a `pyro.infer.SVI` was made of.

    Attributes
    ----------
    model, guide
        As they were given to it.
    optimizer
        The user's object; a fit makes its own from it.
    loss
        What `Fit` takes as `elbo`.
    """

    model: Callable[..., Any]
    guide: Callable[..., Any]
    optimizer: PyroOptim
    loss: Loss


def settings_of_svi(svi: SVI) -> SviSettings:
    """Return model, guide, optimizer and loss of a `pyro.infer.SVI`.

    Raises
    ------
    TypeError
        If it takes its steps in a way of its own.
    """
    for method in ("step", "evaluate_loss"):
        if getattr(type(svi), method) is not getattr(SVI, method) or method in vars(svi):
            name = type(svi).__name__
            raise TypeError(f"svi must step as pyro.infer.SVI does, got {name} with a {method}() of its own")
    return SviSettings(svi.model, svi.guide, checked_optimizer(svi.optim, "svi.optim"), loss_of_svi(svi))


def loss_of_svi(svi: SVI) -> Loss:
    """Return what a `pyro.infer.SVI` minimizes: its ELBO or function, with the gradients where they are others."""
    loss: Any = svi.loss
    gradients: Any = svi.loss_and_grads
    elbo: Any = getattr(loss, "__self__", None)
    if isinstance(elbo, ELBO) and getattr(gradients, "__self__", None) is elbo and loss.__name__ == "loss":
        return checked_loss(elbo)
    if getattr(gradients, "__module__", "") == SVI.__module__ and getattr(gradients, "__closure__", None):
        return checked_loss(loss, "svi.loss")  # Pyro makes its gradients by differentiating it
    return LossWithGradients(loss, gradients)
