"""What optimizers do to flat vectors, as pure functions, and how to exchange state with the real ones.

A rule's rates are what changes from step to step without depending on a gradient: they are inputs of the graph, so that
neither the learning rate nor the count of steps is ever part of it.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from pyro.optim.adagrad_rmsprop import AdagradRMSProp as PyroAdagradRMSProp
from pyro.optim.clipped_adam import ClippedAdam as PyroClippedAdam
from pyro.optim.dct_adam import DCTAdam as PyroDCTAdam

from rugged_widget.infer.compiled.program import UnsupportedError

Array: TypeAlias = NDArray[np.float64]
Tensors: TypeAlias = tuple[torch.Tensor, ...]


SMALLEST_RATE = 1e-30
"""Step sizes below count as zero: single precision does not hold what is divided by them."""


def _divided(numerator: float, size: Array, otherwise: float) -> Array:
    """Return numerator / size; `otherwise` where the size is zero."""
    return np.divide(numerator, size, out=np.full_like(size, otherwise), where=size > SMALLEST_RATE)


class Rule(ABC):
    """An optimizer as a pure function; unless it says so, its learning rate is its one rate and stays as it is."""

    @property
    @abstractmethod
    def moments(self) -> tuple[str, ...]:
        """Names of the vectors it keeps a parameter, as in the state of the real optimizer."""

    @property
    def num_rates(self) -> int:
        """Numbers a step it is given."""
        return 1

    def decayed(self, learning_rate: float, num_steps: int) -> Array:
        """Return the learning rates of the next steps, shape (num_steps,), given the present one."""
        return np.full(num_steps, learning_rate)

    def rates(self, learning_rates: Array, first: int) -> Array:  # noqa: ARG002 every step is like the first
        """Return the rates of steps `first` (from 1), `first` + 1, ..., shape (num_rates, number of steps)."""
        return learning_rates[None]

    @abstractmethod
    def update(self, params: torch.Tensor, grads: torch.Tensor, moments: Tensors, rates: Tensors) -> Tensors:
        """Return the parameters and the moments after a step; all are vectors of one length, rates are numbers."""


@dataclass(frozen=True)
class Adam(Rule):
    """Adam, as torch does it (D. P. Kingma and J. Ba 2015, "Adam: A Method for Stochastic Optimization").

    Where the decay of the weights is decoupled, it is AdamW, and a third rate is what the parameters are multiplied by.
    """

    betas: tuple[float, float]
    eps: float
    weight_decay: float
    decoupled_weight_decay: bool = False

    moments = ("exp_avg", "exp_avg_sq")

    @property
    def num_rates(self) -> int:
        """Two, and one more where the weights decay by themselves."""
        return 3 if self._decays_alone else 2

    @property
    def _decays_alone(self) -> bool:
        return self.decoupled_weight_decay and self.weight_decay != 0

    def rates(self, learning_rates: Array, first: int) -> Array:
        """Return what the root of the second moment is multiplied with, and what is added to it.

        Together they hold step size, bias corrections and epsilon, so that the step is first moment / (root a + b).
        """
        count = np.arange(first, first + len(learning_rates), dtype=np.float64)
        size = learning_rates / (1 - self.betas[0] ** count)
        roots = _divided(1.0, size * np.sqrt(1 - self.betas[1] ** count), 0.0)
        rates = [roots, _divided(self.eps, size, np.inf)]
        return np.stack([*rates, *[1 - learning_rates * self.weight_decay] * self._decays_alone])

    def update(self, params: torch.Tensor, grads: torch.Tensor, moments: Tensors, rates: Tensors) -> Tensors:
        """Return parameters, first and second moment after a step."""
        (first, second), (scale, shift, *kept) = moments, rates
        if self._decays_alone:
            params = params * kept[0]
        elif self.weight_decay:
            grads = grads.add(params, alpha=self.weight_decay)
        first = torch.lerp(first, grads, 1 - self.betas[0])
        second = torch.addcmul(second * self.betas[1], grads, grads, value=1 - self.betas[1])
        return torch.addcdiv(params, first, torch.addcmul(shift, second.sqrt(), scale), value=-1), first, second


@dataclass(frozen=True)
class ClippedAdam(Rule):
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
        return np.stack([_divided(1.0, size, 0.0), _divided(self.eps, size, np.inf)])

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
class SGD(Rule):
    """Stochastic gradient descent with momentum, as torch does it."""

    momentum: float
    nesterov: bool
    weight_decay: float

    @property
    def moments(self) -> tuple[str, ...]:
        """The buffer of the momentum, where there is momentum."""
        return ("momentum_buffer",) if self.momentum else ()

    def update(self, params: torch.Tensor, grads: torch.Tensor, moments: Tensors, rates: Tensors) -> Tensors:
        """Return the parameters and the buffer, where there is one, after a step."""
        if self.weight_decay:
            grads = grads.add(params, alpha=self.weight_decay)
        moments = tuple(grads.add(buffer, alpha=self.momentum) for buffer in moments)
        if self.nesterov:
            grads = grads.add(moments[0], alpha=self.momentum)
        (direction,) = moments if moments and not self.nesterov else (grads,)
        return params - rates[0] * direction, *moments


@dataclass(frozen=True)
class AdagradRMSProp(Rule):
    """Pyro's mean square of the gradients, which begins with the first one (A. Kucukelbir et al. 2017, ADVI)."""

    delta: float
    t: float

    moments = ("sum",)
    num_rates = 3

    def rates(self, learning_rates: Array, first: int) -> Array:
        """Return the step size, what the mean square is multiplied by, and what the new square is."""
        count = np.arange(first, first + len(learning_rates), dtype=np.float64)
        sizes = learning_rates * count ** (-0.5 + self.delta)
        begins = count == 1
        return np.stack([sizes, np.where(begins, 0.0, 1 - self.t), np.where(begins, 1.0, self.t)])

    def update(self, params: torch.Tensor, grads: torch.Tensor, moments: Tensors, rates: Tensors) -> Tensors:
        """Return parameters and mean square after a step."""
        size, kept, share = rates
        mean = moments[0] * kept + share * grads * grads
        return params - size * grads / (1.0 + mean.sqrt()), mean


@dataclass(frozen=True)
class RMSprop(Rule):
    """RMSprop with momentum, as torch does it, without centering."""

    alpha: float
    eps: float
    weight_decay: float
    momentum: float

    @property
    def moments(self) -> tuple[str, ...]:
        """The mean square, and the buffer of the momentum where there is momentum."""
        return ("square_avg", "momentum_buffer") if self.momentum else ("square_avg",)

    def update(self, params: torch.Tensor, grads: torch.Tensor, moments: Tensors, rates: Tensors) -> Tensors:
        """Return parameters, mean square and buffer after a step."""
        if self.weight_decay:
            grads = grads.add(params, alpha=self.weight_decay)
        square = torch.addcmul(moments[0] * self.alpha, grads, grads, value=1 - self.alpha)
        direction = grads / (square.sqrt() + self.eps)
        buffers = tuple(buffer * self.momentum + direction for buffer in moments[1:])
        return params - rates[0] * (buffers[0] if buffers else direction), square, *buffers


_KNOWN: Mapping[type[torch.optim.Optimizer], tuple[Callable[..., Rule], frozenset[str]]] = {
    torch.optim.Adam: (Adam, frozenset({"betas", "eps", "weight_decay", "decoupled_weight_decay"})),
    torch.optim.AdamW: (Adam, frozenset({"betas", "eps", "weight_decay", "decoupled_weight_decay"})),
    PyroClippedAdam: (
        ClippedAdam,
        frozenset({"betas", "eps", "weight_decay", "clip_norm", "lrd", "centered_variance"}),
    ),
    PyroDCTAdam: (
        partial(ClippedAdam, weight_decay=0.0, centered_variance=False),
        frozenset({"betas", "eps", "clip_norm", "lrd"}),
    ),
    PyroAdagradRMSProp: (AdagradRMSProp, frozenset({"delta", "t"})),
    torch.optim.RMSprop: (RMSprop, frozenset({"alpha", "eps", "weight_decay", "momentum"})),
    torch.optim.SGD: (SGD, frozenset({"momentum", "nesterov", "weight_decay"})),
}

# What makes another algorithm of it; how the real one loops (foreach, fused, ...) makes none.
_MUST_BE_OFF = ("amsgrad", "maximize", "dampening", "differentiable", "centered")


def rule_of(optimizer: torch.optim.Optimizer) -> Rule:
    """Return the rule of an optimizer, if it is known; UnsupportedError for others, or for an unknown option."""
    name = type(optimizer).__name__
    if type(optimizer) not in _KNOWN:
        raise UnsupportedError(f"the optimizer {name} is none of {', '.join(kind.__name__ for kind in _KNOWN)}")
    group: dict[str, Any] = optimizer.param_groups[0]
    for option in _MUST_BE_OFF:
        if group.get(option):
            raise UnsupportedError(f"{name} has the option {option}={group[option]!r}")
    if any(getattr(param, "_pyro_dct_dim", None) is not None for param in group["params"]):
        raise UnsupportedError(f"{name} looks at a parameter by its frequencies")
    if group.get("subsample_aware"):
        raise UnsupportedError(f"{name} moves only the elements that a step looks at")
    make, options = _KNOWN[type(optimizer)]
    return make(**{option: group[option] for option in options})
