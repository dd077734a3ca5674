"""Take one SVI step by Pyro: the reference for every other engine."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from pyro import get_param_store, optim
from pyro.infer import ELBO, SVI, Trace_ELBO
from pyro.poutine.messenger import Messenger
from pyro.poutine.subsample_messenger import _Subsample

from rugged_widget.infer.step.step_guard import StepGuard
from rugged_widget.infer.step.traceback_reading import Program

Array: TypeAlias = NDArray[np.float64]


ADAM: Callable[[dict[str, Any]], optim.PyroOptim] = optim.Adam  # type: ignore[attr-defined] # Pyro makes it at import

LARGE_PLATE = 10_000
"""Rows from which on a minibatch is drawn here. Below, a permutation of all, as Pyro takes it, is as quick, and the fit
takes the very rows that Pyro's own loop would take."""


class Taken(NamedTuple):
    """Steps that were taken.

    They start after `start` steps done, fewer than there were where some had to be taken back. Losses, in nats, and
    learning rates of each step are of shape (n,), n >= 0.
    """

    start: int
    losses: Array
    learning_rates: Array


@dataclass(frozen=True)
class Settings:
    """What a fit minimizes, and how.

    The learning rate of the first step is finite and > 0. The ELBO is Pyro's estimate; None is Trace_ELBO. The
    optimizer is one of Pyro's, to be made of a dictionary of options: `optimizer_options` are all of them but the
    learning rate. `skip_nonfinite`, >= 0, is how many steps in a row may be skipped because they are not finite.
    """

    learning_rate: float
    elbo: ELBO | None = None
    optimizer: Callable[[dict[str, Any]], optim.PyroOptim] = ADAM
    optimizer_options: Mapping[str, Any] = field(default_factory=dict)
    skip_nonfinite: int = 0


@dataclass(frozen=True)
class _Param:
    """An unconstrained parameter: the tensor itself, a copy of its value, a copy of the optimizer's state of it."""

    tensor: torch.Tensor
    value: torch.Tensor
    moments: Mapping[str, Any] | None


class PlainStep:
    """Pyro's own `SVI.step` of model and guide, both called with args and kwargs; always inside the fit's isolation."""

    def __init__(
        self,
        model: Callable[..., Any],
        guide: Callable[..., Any],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        settings: Settings,
    ) -> None:
        self.model, self.guide, self.args, self.kwargs = model, guide, args, kwargs
        self.elbo: ELBO = settings.elbo or Trace_ELBO()
        self._options = {**settings.optimizer_options, "lr": settings.learning_rate}
        self.optim: optim.PyroOptim = settings.optimizer(self._options)
        self._svi = SVI(model, guide, self.optim, loss=self.elbo)
        self.skip_nonfinite = settings.skip_nonfinite
        self.guard = StepGuard(self._svi, self._keep if self.skip_nonfinite else None)

    @property
    def program(self) -> Program:
        """What the step calls."""
        return Program(self.model, self.guide, self.args, self.kwargs)

    @property
    def learning_rate(self) -> float:
        """Learning rate of the next step, finite, > 0; some optimizers lower it at each."""
        for optimizer in self.optim.optim_objs.values():
            return float(optimizer.param_groups[0]["lr"])
        return float(self._options["lr"])

    @learning_rate.setter
    def learning_rate(self, value: float) -> None:
        self._options["lr"] = value  # of parameters yet to come
        for optimizer in self.optim.optim_objs.values():
            for group in optimizer.param_groups:
                group["lr"] = value

    def __call__(self) -> float:
        """Take one step; returns the loss in nats, before the parameters moved.

        NonFiniteError is raised where the loss, a gradient or a parameter is not finite, or a parameter is so far out
        that it cannot be used. Where steps may be skipped, parameters and optimizer then are as before the step.
        """
        with QuickSubsample(), self.guard.watching():
            return float(self._svi.step(*self.args, **self.kwargs))

    def loss(self, elbo: ELBO) -> torch.Tensor:
        """Compute the loss that can be differentiated, shape (), by an ELBO of the same kind.

        NotImplementedError is raised where that kind of ELBO has none.
        """
        if not hasattr(elbo, "differentiable_loss"):
            raise NotImplementedError(type(elbo).__name__)
        with QuickSubsample():
            return torch.as_tensor(elbo.differentiable_loss(self.model, self.guide, *self.args, **self.kwargs))

    def noise_cost(self) -> float:
        """Return the nats that the moving about of the parameters costs once the optimizer has converged.

        Adam divides the gradient of a parameter by s, the root of its mean square: near the optimum, where that is
        noise, the parameter goes lr (s noise - h x) / s at a distance x where the loss has the curvature h. Its
        variance then is lr s / (2 h), which costs h / 2 of that: lr s / 4 nats, whatever h is. Momentum changes nothing
        of that in the first order of lr. The cost is the sum over all parameters; nan for an optimizer that keeps no
        mean square.
        """
        total = math.nan
        for optimizer in self.optim.optim_objs.values():
            group = optimizer.param_groups[0]
            for state in optimizer.state.values():
                if "exp_avg_sq" not in state or "betas" not in group:
                    return math.nan
                share = 1 - group["betas"][1] ** float(state["step"])
                size = float((state["exp_avg_sq"] / share).sqrt().sum())
                total = size * group["lr"] / 4 + (0.0 if math.isnan(total) else total)
        return float(total)

    def checkpoint(self) -> dict[str, _Param]:
        """Copy the parameters and the optimizer's moments."""
        return {
            name: _Param(value, value.detach().clone(), self._moments(value))
            for name, value in get_param_store().named_parameters()
        }

    def restore(self, checkpoint: dict[str, _Param]) -> None:
        """Go back to a checkpoint; parameters that were not there yet are forgotten."""
        store = get_param_store()
        for name, value in list(store.named_parameters()):
            if name not in checkpoint:
                self._forget(value)
                del store[name]
        for param in checkpoint.values():
            with torch.no_grad():
                param.tensor.copy_(param.value)
            # A step that was broken off may have left a gradient, which the next one would add to.
            param.tensor.grad = None
            if param.moments is None:
                self._forget(param.tensor)
            else:
                self.optim.optim_objs[param.tensor].state[param.tensor].update(
                    {key: _copied(moment) for key, moment in param.moments.items()}
                )

    def _keep(self) -> Callable[[], None]:
        return partial(self.restore, self.checkpoint())

    def _moments(self, value: torch.Tensor) -> dict[str, Any] | None:
        optimizer = self.optim.optim_objs.get(value)
        return optimizer and {key: _copied(moment) for key, moment in optimizer.state[value].items()}

    def _forget(self, value: torch.Tensor) -> None:
        self.optim.optim_objs.pop(value, None)
        self.optim.grad_clip.pop(value, None)


def _copied(moment: Any) -> Any:
    return moment.clone() if isinstance(moment, torch.Tensor) else moment


def _subsample(size: int, count: int) -> torch.Tensor:
    """Draw `count` different numbers of [0, size), from torch's generator; shape (count,).

    One number of torch's stream seeds a generator of NumPy's, whose choice without replacement costs no more than it
    returns.
    """
    seed = torch.empty((), dtype=torch.int64).random_()
    return torch.from_numpy(np.random.default_rng(int(seed)).choice(size, count, replace=False, shuffle=False))


# An operation of torch, so that a captured graph shows it as one draw. A module may be imported again; a name may not.
if not hasattr(torch.ops.rugged_widget, "subsample"):
    torch.library.define(
        "rugged_widget::subsample", "(int size, int count) -> Tensor", tags=[torch.Tag.nondeterministic_seeded]
    )
    torch.library.impl("rugged_widget::subsample", "CompositeExplicitAutograd", _subsample)


class QuickSubsample(Messenger):
    """Draws the rows of large plates in place of Pyro's permutation of all rows."""

    def _pyro_sample(self, msg: Any) -> None:
        plate = msg["fn"]
        if type(plate) is _Subsample and msg["value"] is None and plate.size >= LARGE_PLATE:
            count = plate.subsample_size
            if count is not None and count < plate.size and torch.device(plate.device).type == "cpu":
                msg["value"], msg["done"] = torch.ops.rugged_widget.subsample(plate.size, count), True
