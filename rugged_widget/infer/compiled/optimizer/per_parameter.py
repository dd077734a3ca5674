"""One rule of rules: parameters that have rates, options or clipping of their own."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from rugged_widget.infer.compiled.optimizer.update_rules import Array, Rule, Tensors
from rugged_widget.infer.compiled.program import UnsupportedError


@dataclass(frozen=True)
class Part:
    """A parameter, or some that follow one another and are stepped alike.

    Attributes
    ----------
    rule
        Its rule.
    size
        Number of its elements.
    ratio
        Its learning rate relative to that of the first part, >= 0.
    clip_norm
        Norm that its gradient is scaled down to, >= 0; None where that is not clipped. Only of a single parameter.
    clip_value
        Absolute value that its gradient is cut off at, after that; None where it is not.
    """

    rule: Rule
    size: int
    ratio: float = 1.0
    clip_norm: float | None = None
    clip_value: float | None = None

    def clipped(self, grads: torch.Tensor) -> torch.Tensor:
        """Clip a gradient as torch's clip_grad_norm_ and clip_grad_value_ do, one after the other."""
        if self.clip_norm is not None:
            grads = grads * (self.clip_norm / (torch.linalg.vector_norm(grads) + 1e-6)).clamp(max=1.0)
        return grads if self.clip_value is None else grads.clamp(-self.clip_value, self.clip_value)


@dataclass(frozen=True)
class PerParameter(Rule):
    """Steps every part of the parameters by its own rule; all keep the same moments, and decay their rates alike."""

    parts: tuple[Part, ...]

    @property
    def moments(self) -> tuple[str, ...]:
        """Names of the vectors that every part keeps."""
        return self.parts[0].rule.moments

    @property
    def num_rates(self) -> int:
        """Numbers a step, for all parts together."""
        return sum(part.rule.num_rates for part in self.parts)

    def decayed(self, learning_rate: float, num_steps: int) -> Array:
        """Return the learning rates of the first part in the next steps, given its present one."""
        return self.parts[0].rule.decayed(learning_rate, num_steps)

    def rates(self, learning_rates: Array, first: int) -> Array:
        """Return the rates of all parts, given the learning rates of the first."""
        return np.concatenate([part.rule.rates(part.ratio * learning_rates, first) for part in self.parts])

    def update(self, params: torch.Tensor, grads: torch.Tensor, moments: Tensors, rates: Tensors) -> Tensors:
        """Return parameters and moments after a step."""
        sizes = [part.size for part in self.parts]
        pieces = zip(*(torch.split(vector, sizes) for vector in (params, grads, *moments)), strict=True)
        results, start = [], 0
        for part, (values, gradient, *kept) in zip(self.parts, pieces, strict=True):
            own = rates[start : start + part.rule.num_rates]
            start += part.rule.num_rates
            results.append(part.rule.update(values, part.clipped(gradient), tuple(kept), own))
        return tuple(torch.cat(vectors) for vectors in zip(*results, strict=True))


def rule_of_parts(parts: Sequence[Part]) -> Rule:
    """Return the rule of parameters one after the other: simply theirs, where all are stepped alike and not clipped.

    UnsupportedError is raised where they do not keep the same moments, or their rates decay in different ways.
    """
    if len({part.rule.moments for part in parts}) > 1:
        raise UnsupportedError("parameters have optimizers that keep different moments")
    if len({float(part.rule.decayed(1.0, 1)[0]) for part in parts}) > 1:
        raise UnsupportedError("the learning rates of the parameters decay in different ways")
    merged = [parts[0]]
    for part in parts[1:]:
        last = merged[-1]
        if part.clip_norm is None and replace(last, size=part.size) == part:
            merged[-1] = replace(last, size=last.size + part.size)
        else:
            merged.append(part)
    whole = merged[0]
    if len(merged) == 1 and whole.clip_norm is None and whole.clip_value is None:
        return whole.rule
    return PerParameter(tuple(merged))
