"""What optimizers do to flat vectors, as pure functions, and how to exchange state with the real ones.

A rule's rates are what changes from step to step without depending on a gradient: they are inputs of the graph, so that
neither the learning rate nor the count of steps is ever part of it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from pyro.optim.clipped_adam import ClippedAdam as PyroClippedAdam

from rugged_widget.infer.compiled.program import UnsupportedError

Array: TypeAlias = NDArray[np.float64]
Tensors: TypeAlias = tuple[torch.Tensor, ...]


class Rule(Protocol):
    """An optimizer as a pure function."""

    @property
    def moments(self) -> tuple[str, ...]:
        """Names of the vectors it keeps a parameter, as in the state of the real optimizer."""
        ...

    @property
    def num_rates(self) -> int:
        """Numbers a step it is given."""
        ...

    def decayed(self, learning_rate: float, num_steps: int) -> Array:
        """Return the learning rates of the next steps, shape (num_steps,), given the present one."""
        ...

    def rates(self, learning_rates: Array, first: int) -> Array:
        """Return the rates of steps `first` (from 1), `first` + 1, ..., shape (num_rates, number of steps)."""
        ...

    def update(self, params: torch.Tensor, grads: torch.Tensor, moments: Tensors, rates: Tensors) -> Tensors:
        """Return the parameters and the moments after a step; all are vectors of one length, rates are numbers."""
        ...


@dataclass(frozen=True)
class Adam:
    """Adam, as torch does it (D. P. Kingma and J. Ba 2015, "Adam: A Method for Stochastic Optimization")."""

    betas: tuple[float, float]
    eps: float
    weight_decay: float

    moments = ("exp_avg", "exp_avg_sq")
    num_rates = 2

    def decayed(self, learning_rate: float, num_steps: int) -> Array:
        """Return the learning rates of the next steps: all the same."""
        return np.full(num_steps, learning_rate)

    def rates(self, learning_rates: Array, first: int) -> Array:
        """Return what the root of the second moment is multiplied with, and what is added to it.

        Together they hold step size, bias corrections and epsilon, so that the step is first moment / (root a + b).
        """
        count = np.arange(first, first + len(learning_rates), dtype=np.float64)
        size = learning_rates / (1 - self.betas[0] ** count)
        return np.stack([1 / (size * np.sqrt(1 - self.betas[1] ** count)), self.eps / size])

    def update(self, params: torch.Tensor, grads: torch.Tensor, moments: Tensors, rates: Tensors) -> Tensors:
        """Return parameters, first and second moment after a step."""
        (first, second), (scale, shift) = moments, rates
        if self.weight_decay:
            grads = grads.add(params, alpha=self.weight_decay)
        first = torch.lerp(first, grads, 1 - self.betas[0])
        second = torch.addcmul(second * self.betas[1], grads, grads, value=1 - self.betas[1])
        return torch.addcdiv(params, first, torch.addcmul(shift, second.sqrt(), scale), value=-1), first, second


@dataclass(frozen=True)
class ClippedAdam:
    """Pyro's Adam with clipped gradients and a learning rate that decays; epsilon is not corrected for bias."""

    betas: tuple[float, float]
    eps: float
    weight_decay: float
    clip_norm: float
    lrd: float
    centered_variance: bool

    moments = ("exp_avg", "exp_avg_sq")
    num_rates = 2

    def decayed(self, learning_rate: float, num_steps: int) -> Array:
        """Return the learning rates of the next steps: each `lrd` times the one before."""
        return np.multiply(learning_rate, self.lrd ** np.arange(1, num_steps + 1, dtype=np.float64))

    def rates(self, learning_rates: Array, first: int) -> Array:
        """Return what the root of the second moment is multiplied with, and what is added to it."""
        count = np.arange(first, first + len(learning_rates), dtype=np.float64)
        size = learning_rates * np.sqrt(1 - self.betas[1] ** count) / (1 - self.betas[0] ** count)
        return np.stack([1 / size, self.eps / size])

    def update(self, params: torch.Tensor, grads: torch.Tensor, moments: Tensors, rates: Tensors) -> Tensors:
        """Return parameters, first and second moment after a step."""
        (first, second), (scale, shift) = moments, rates
        grads = grads.clamp(-self.clip_norm, self.clip_norm)
        if self.weight_decay:
            grads = grads.add(params, alpha=self.weight_decay)
        first = (first * self.betas[0]).add(grads, alpha=1 - self.betas[0])
        spread = grads - first if self.centered_variance else grads
        second = torch.addcmul(second * self.betas[1], spread, spread, value=1 - self.betas[1])
        return torch.addcdiv(params, first, torch.addcmul(shift, second.sqrt(), scale), value=-1), first, second


@dataclass(frozen=True)
class SGD:
    """Stochastic gradient descent with momentum, as torch does it."""

    momentum: float
    nesterov: bool
    weight_decay: float

    num_rates = 1

    @property
    def moments(self) -> tuple[str, ...]:
        """The buffer of the momentum, where there is momentum."""
        return ("momentum_buffer",) if self.momentum else ()

    def decayed(self, learning_rate: float, num_steps: int) -> Array:
        """Return the learning rates of the next steps: all the same."""
        return np.full(num_steps, learning_rate)

    def rates(self, learning_rates: Array, first: int) -> Array:  # noqa: ARG002 every step is like the first
        """Return the learning rate."""
        return learning_rates[None]

    def update(self, params: torch.Tensor, grads: torch.Tensor, moments: Tensors, rates: Tensors) -> Tensors:
        """Return the parameters and the buffer, where there is one, after a step."""
        if self.weight_decay:
            grads = grads.add(params, alpha=self.weight_decay)
        moments = tuple(grads.add(buffer, alpha=self.momentum) for buffer in moments)
        if self.nesterov:
            grads = grads.add(moments[0], alpha=self.momentum)
        (direction,) = moments if moments and not self.nesterov else (grads,)
        return params - rates[0] * direction, *moments


_KNOWN: Mapping[type[torch.optim.Optimizer], tuple[Callable[..., Rule], frozenset[str]]] = {
    torch.optim.Adam: (Adam, frozenset({"betas", "eps", "weight_decay"})),
    PyroClippedAdam: (
        ClippedAdam,
        frozenset({"betas", "eps", "weight_decay", "clip_norm", "lrd", "centered_variance"}),
    ),
    torch.optim.SGD: (SGD, frozenset({"momentum", "nesterov", "weight_decay"})),
}

# What makes another algorithm of it; how the real one loops (foreach, fused, ...) makes none.
_MUST_BE_OFF = ("amsgrad", "maximize", "dampening", "decoupled_weight_decay", "differentiable")


def rule_of(optimizer: torch.optim.Optimizer) -> Rule:
    """Return the rule of Adam, Pyro's ClippedAdam or SGD; UnsupportedError for others, or for an unknown option."""
    name = type(optimizer).__name__
    if type(optimizer) not in _KNOWN:
        raise UnsupportedError(f"the optimizer {name} is none of {', '.join(kind.__name__ for kind in _KNOWN)}")
    group: dict[str, Any] = optimizer.param_groups[0]
    for option in _MUST_BE_OFF:
        if group.get(option):
            raise UnsupportedError(f"{name} has the option {option}={group[option]!r}")
    make, options = _KNOWN[type(optimizer)]
    return make(**{option: group[option] for option in options})
