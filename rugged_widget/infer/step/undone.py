"""Run a model to look at it, and undo what that changes."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pyro
import torch
from torch import nn
from torch.nn.modules.module import register_module_forward_pre_hook

from rugged_widget.infer.step.isolation import Generators


@contextmanager
def undone() -> Iterator[None]:
    """Run models and guides inside; afterwards parameter store, random numbers and modules are as before.

    Parameters that are made inside are forgotten. Buffers of every module that is called inside, such as the running
    means of a batch normalization, get their values back. What else a model changes stays changed.
    """
    generators, store, buffers = Generators.copied(), pyro.get_param_store(), _Buffers()
    held = store._params, store._param_to_name, store._constraints
    store._params, store._param_to_name, store._constraints = dict(held[0]), dict(held[1]), dict(held[2])
    hook = register_module_forward_pre_hook(buffers.keep)
    try:
        yield
    finally:
        hook.remove()
        buffers.restore()
        store._params, store._param_to_name, store._constraints = held
        generators.rewind()


class _Buffers:
    """The buffers of modules as they were before a module's first call."""

    def __init__(self) -> None:
        self._kept: dict[nn.Module, dict[str, tuple[Any, Any]]] = {}

    def keep(self, module: nn.Module, _inputs: object) -> None:
        """Keep the buffers of a module, unless they are kept already."""
        if module._buffers and module not in self._kept:
            self._kept[module] = {
                name: (buffer, buffer.detach().clone()) if isinstance(buffer, torch.Tensor) else (buffer, None)
                for name, buffer in module._buffers.items()
            }

    def restore(self) -> None:
        """Give every module its buffers back: the same tensors with the same values."""
        with torch.no_grad():
            for module, buffers in self._kept.items():
                for name, (buffer, value) in buffers.items():
                    module._buffers[name] = buffer
                    if value is not None and not torch.equal(buffer, value):
                        buffer.copy_(value)
