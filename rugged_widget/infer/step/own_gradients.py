"""Turn a loss that computes its gradients itself, such as a Renyi bound, into one that can be differentiated."""

from collections.abc import Callable
from typing import Any

import torch
from pyro import get_param_store
from torch.overrides import TorchFunctionMode


class _Collecting(TorchFunctionMode):
    """Collects what `backward` is called on, in place of adding gradients to parameters."""

    def __init__(self) -> None:
        super().__init__()
        self.roots: list[torch.Tensor] = []

    def __torch_function__(self, func: Any, types: object, args: Any = (), kwargs: Any = None) -> Any:
        if func is not torch.Tensor.backward:
            return func(*args, **(kwargs or {}))
        root, *positional = args
        gradient = (kwargs or {}).get("gradient", positional[0] if positional else None)
        if (kwargs or {}).get("inputs") is not None:
            raise NotImplementedError("a backward pass to some of the parameters only")
        self.roots.append(root.reshape(()) if gradient is None else (root * gradient).sum())
        return None


def whole_loss(loss_and_grads: Callable[..., Any], *args: Any, **kwargs: Any) -> torch.Tensor:
    """Return a loss, shape (), with the value and the gradients of a function that calls `backward` itself.

    The gradients of parameters are as before. NotImplementedError is raised where the function computes gradients in
    another way. `loss_and_grads` returns the loss, or several of which the first counts, as `pyro.infer.SVI` takes it.
    """
    params = [param for _, param in get_param_store().named_parameters()]
    gradients = [param.grad for param in params]
    for param in params:
        param.grad = None  # so that one that is added in another way goes into no tensor that counts
    try:
        with _Collecting() as collecting:
            value = loss_and_grads(*args, **kwargs)
    finally:
        for param, gradient in zip(params, gradients, strict=True):
            param.grad = gradient
    if not collecting.roots:
        raise NotImplementedError("a loss without a backward pass")
    surrogate = torch.stack(collecting.roots).sum() if len(collecting.roots) > 1 else collecting.roots[0]
    loss = value[0] if isinstance(value, tuple) else value
    return torch.as_tensor(loss + (surrogate - surrogate.detach()))
