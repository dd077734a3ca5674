"""Take one SVI step by Pyro: the reference for every other engine."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple, Self, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from pyro import get_param_store, optim
from pyro.infer import SVI, Trace_ELBO
from pyro.poutine.messenger import Messenger
from pyro.poutine.subsample_messenger import _Subsample

from rugged_widget.infer.step.arguments import Call
from rugged_widget.infer.step.loss import (
    Loss,
    arguments_for_svi,
    checked_loss,
    differentiable,
    first_number,
    own_loss,
    tells_loss,
)
from rugged_widget.infer.step.optimizer import (
    Optimizer,
    OptimizerCheckpoint,
    OptimizerStart,
    start_of,
)
from rugged_widget.infer.step.optimizer_state import rate_name, torch_optimizer
from rugged_widget.infer.step.step_guard import StepGuard
from rugged_widget.infer.step.traceback_reading import Program
from rugged_widget.infer.step.transfer import Later, Transfer
from rugged_widget.validation import checked_count

Array: TypeAlias = NDArray[np.float64]

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

    The loss is Pyro's estimate of the ELBO, or what `SVI` takes in its place; None is Trace_ELBO. The optimizer is the
    user's as it was, with rates of its own, or Adam where it is None, with a learning rate, finite and > 0, which is
    None for the former, and with `betas` where they are not torch's. Its scheduler, where it has one, is stepped after
    every `schedule_every` steps. `skip_nonfinite`, >= 0, is how many steps in a row may be skipped because they are not
    finite.
    """

    learning_rate: float | None
    elbo: Loss | None = None
    optimizer: OptimizerStart | None = None
    schedule_every: int = 1
    skip_nonfinite: int = 0
    betas: tuple[float, float] | None = None

    @classmethod
    def checked(
        cls,
        learning_rate: float | None,
        elbo: object,
        optimizer: object,
        every: object,
        skip: object,
        betas: tuple[float, float] | None,
    ) -> Self:
        """Return the settings that the user's arguments of `Fit` ask for; TypeError and ValueError name a wrong one."""
        return cls(
            learning_rate,
            None if elbo is None else checked_loss(elbo),
            start_of(optimizer, learning_rate),
            checked_count(every, "schedule_every"),
            checked_count(skip, "skip_nonfinite", 0),
            betas,
        )


@dataclass(frozen=True)
class _Checkpoint:
    """Unconstrained parameters, each with a copy of its value, and the optimizer's state."""

    params: Mapping[str, tuple[torch.Tensor, torch.Tensor]]
    optimizer: OptimizerCheckpoint


class PlainStep:
    """Pyro's own `SVI.step` of model and guide, both called with args and kwargs; always inside the fit's isolation.

    Attributes
    ----------
    call
        What the next step calls them with; it may be set before each.
    """

    def __init__(
        self,
        model: Callable[..., Any],
        guide: Callable[..., Any],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        settings: Settings,
    ) -> None:
        self.model, self.guide, self.call = model, guide, Call.fixed(args, kwargs)
        self.elbo: Loss = Trace_ELBO() if settings.elbo is None else own_loss(settings.elbo)
        self.optimizer = Optimizer(settings.optimizer, settings.learning_rate, settings.schedule_every, settings.betas)
        self._svi = SVI(model, guide, self.optim, **arguments_for_svi(self.elbo))
        self._svi.optim = self.optimizer  # which scales the rates
        self.skip_nonfinite, self._tells_loss = settings.skip_nonfinite, tells_loss(self.elbo)
        keep = self._keep if self.skip_nonfinite else None
        self.guard = StepGuard(self._svi, keep, tells_loss=self._tells_loss)

    @property
    def args(self) -> tuple[Any, ...]:
        """Positional arguments of the next step."""
        return self.call.args

    @property
    def kwargs(self) -> Mapping[str, Any]:
        """Keyword arguments of the next step."""
        return self.call.kwargs

    @property
    def program(self) -> Program:
        """What the step calls."""
        return Program(self.model, self.guide, self.args, self.kwargs)

    @property
    def optim(self) -> optim.PyroOptim:
        """Pyro's optimizer, this step's own."""
        return self.optimizer.optim

    @property
    def learning_rate(self) -> float:
        """Learning rate of the next step, finite; some optimizers and schedulers change it at each.

        Where parameters have rates of their own it is that of the first, and setting it scales all of them; nan before
        the first step where it depends on a parameter that the step has yet to make.
        """
        return self.optimizer.learning_rate

    @learning_rate.setter
    def learning_rate(self, value: float) -> None:
        self.optimizer.learning_rate = value

    def __call__(self) -> float:
        """Take one step; returns the loss in nats, before the parameters moved; nan where the ELBO tells none.

        NonFiniteError is raised where the loss, a gradient or a parameter is not finite, or a parameter is so far out
        that it cannot be used. Where steps may be skipped, parameters and optimizer then are as before the step.
        """
        with QuickSubsample(), self.guard.watching():
            loss = first_number(self._svi.step(*self.args, **self.kwargs))
        if not self._tells_loss:
            loss = math.nan
        self.optimizer.end_step(loss)
        return loss

    def loss(self, elbo: Loss) -> torch.Tensor:
        """Compute the loss that can be differentiated, shape (), by an ELBO of the same kind.

        NotImplementedError is raised where that kind of ELBO has none.
        """
        with QuickSubsample():
            return differentiable(elbo, self.model, self.guide, *self.args, **self.kwargs)

    def noise_cost(self) -> float:
        """Return the nats that the moving about of the parameters costs once the optimizer has converged.

        Adam divides the gradient of a parameter by s, the root of its mean square: near the optimum, where that is
        noise, the parameter goes lr (s noise - h x) / s at a distance x where the loss has the curvature h. Its
        variance then is lr s / (2 h), which costs h / 2 of that: lr s / 4 nats, whatever h is. Momentum changes nothing
        of that in the first order of lr. The cost is the sum over all parameters; nan for an optimizer that keeps no
        mean square.
        """
        return self.ask_noise_cost(Transfer())()

    def ask_noise_cost(self, transfer: Transfer) -> Later[float]:
        """Ask for what `noise_cost` returns."""
        sizes: list[_Size] = []
        for kept in self.optim.optim_objs.values():
            optimizer = torch_optimizer(kept)
            group = optimizer.param_groups[0]
            rate = rate_name(group)
            for state in optimizer.state.values():
                step = state.get("step", math.nan)  # a number, or a tensor: on a GPU where the optimizer is fused
                counted = not isinstance(step, torch.Tensor) or step.numel() == 1
                if "exp_avg_sq" not in state or "betas" not in group or rate is None or not counted:
                    return lambda: math.nan
                root = transfer.number(state["exp_avg_sq"].sqrt().sum())
                sizes.append(_Size(root, transfer.number(step), group["betas"][1], group[rate]))
        return partial(_cost, sizes, self.optimizer.rate_factor)

    def checkpoint(self) -> _Checkpoint:
        """Copy the parameters and the optimizer's state."""
        params = dict(get_param_store().named_parameters())
        values = {name: (value, value.detach().clone()) for name, value in params.items()}
        return _Checkpoint(values, self.optimizer.checkpoint(params.values()))

    def restore(self, checkpoint: _Checkpoint) -> None:
        """Go back to a checkpoint; parameters that were not there yet are forgotten."""
        store = get_param_store()
        for name in list(store.keys()):
            if name not in checkpoint.params:
                del store[name]
        for param, value in checkpoint.params.values():
            with torch.no_grad():
                param.copy_(value)
            if param.grad is not None:  # a step that was broken off may have left one, which the next would add to
                param.grad = torch.zeros_like(param.grad)
        self.optimizer.restore(checkpoint.optimizer)

    def _keep(self) -> Callable[[], None]:
        return partial(self.restore, self.checkpoint())


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


class _Size(NamedTuple):
    """Sum of the roots of a parameter's mean squares, which grow from 0 by a share of 1 - beta a step."""

    root: Later[float]
    step: Later[float]
    beta: float
    rate: float

    def cost(self) -> float:
        share = 1 - self.beta ** self.step()
        return self.root() / math.sqrt(share) * self.rate / 4 if share else math.nan


def _cost(sizes: Sequence[_Size], rate_factor: float) -> float:
    """Return the cost of all parameters; nan where there are none."""
    return float(sum(size.cost() for size in sizes) * rate_factor) if sizes else math.nan
