"""Write out what a batch normalization does to its running statistics, which torch's operation does without saying."""

from collections.abc import Callable, Mapping
from typing import Any

import torch

aten = torch.ops.aten


def normalized(
    values: torch.Tensor,
    weight: torch.Tensor | None,
    bias: torch.Tensor | None,
    mean: torch.Tensor | None,
    variance: torch.Tensor | None,
    trains: bool,
    momentum: float,
    eps: float,
) -> Any:
    """Compute `native_batch_norm`; the running mean and variance are written into by operations that say so."""
    if not trains or mean is None or variance is None:
        return NotImplemented
    result = aten.native_batch_norm.default(values, weight, bias, None, None, trains, momentum, eps)
    others = [dim for dim in range(values.dim()) if dim != 1]
    mean.mul_(1 - momentum).add_(result[1], alpha=momentum)
    variance.mul_(1 - momentum).add_(values.var(others, correction=1), alpha=momentum)
    return result


def gradients(gradient: torch.Tensor, values: torch.Tensor, weight: torch.Tensor | None, *others: Any) -> Any:
    """Compute `native_batch_norm_backward` without the running statistics, which do not count in training."""
    mean, variance, saved_mean, saved_deviation, trains, *rest = others
    if not trains or (mean is None and variance is None):
        return NotImplemented
    return aten.native_batch_norm_backward.default(
        gradient, values, weight, None, None, saved_mean, saved_deviation, trains, *rest
    )


WRITTEN_OUT: Mapping[Any, Callable[..., Any]] = {
    aten.native_batch_norm.default: normalized,
    aten.native_batch_norm_backward.default: gradients,
}
"""What is computed in place of an operation; NotImplemented where that one does as it is."""
