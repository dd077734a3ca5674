"""Take a `pyro.infer.SVI` apart into what a fit is made of."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from pyro.infer import ELBO, HMC, MCMC, NUTS, SVGD, SVI
from pyro.infer.elbo import ELBOModule
from pyro.optim import PyroOptim

from rugged_widget.infer.step.loss import Loss, LossWithGradients, checked_loss
from rugged_widget.infer.step.optimizer import checked_optimizer

NEEDED = "a pyro.infer.SVI"


@dataclass(frozen=True, eq=False)
class SviSettings:
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


def settings_of_svi(svi: object) -> SviSettings:
    """Return model, guide, optimizer and loss of a `pyro.infer.SVI`.

    Raises
    ------
    TypeError
        If it is something else, or takes its steps in a way of its own; the text says what it is and what is needed.
    """
    if not isinstance(svi, SVI):
        raise TypeError(_refusal(svi))
    for method in ("step", "evaluate_loss"):
        if getattr(type(svi), method) is not getattr(SVI, method) or method in vars(svi):
            name = type(svi).__name__
            raise TypeError(f"svi must step as pyro.infer.SVI does, got {name} with a {method}() of its own")
    return SviSettings(svi.model, svi.guide, checked_optimizer(svi.optim, "svi.optim"), _loss_of(svi))


def _loss_of(svi: SVI) -> Loss:
    loss: Any = svi.loss
    gradients: Any = svi.loss_and_grads
    elbo: Any = getattr(loss, "__self__", None)
    if isinstance(elbo, ELBO) and getattr(gradients, "__self__", None) is elbo and loss.__name__ == "loss":
        return checked_loss(elbo)
    if getattr(gradients, "__module__", "") == SVI.__module__ and getattr(gradients, "__closure__", None):
        return checked_loss(loss, "svi.loss")  # Pyro makes its gradients by differentiating it
    return LossWithGradients(loss, gradients)


def _refusal(given: object) -> str:
    kind = given if isinstance(given, type) else type(given)
    names = {base.__name__ for base in kind.__mro__}
    got = f"the class {kind.__name__}" if given is kind else f"{kind.__name__}"
    if given is kind and issubclass(kind, SVI):
        return f"svi must be an object, got the class {kind.__name__}: write {kind.__name__}(model, guide, optim, loss)"
    if isinstance(given, SVI | SVGD | MCMC | HMC | NUTS) or issubclass(kind, (SVGD, MCMC, HMC, NUTS)):
        return f"svi must be {NEEDED}, got {got}: it draws or moves samples and has no guide to train"
    if "LightningModule" in names:
        return f"svi must be {NEEDED}, got the LightningModule {kind.__name__}: give the model and the guide in it"
    if isinstance(given, ELBOModule):
        return f"svi must be {NEEDED}, got an ELBOModule: give its model, its guide and an optimizer of pyro.optim"
    if isinstance(given, torch.optim.Optimizer):
        return f"svi must be {NEEDED}, got torch's optimizer {kind.__name__}"
    return f"svi must be {NEEDED}, got {given!r} of type {kind.__name__}"
