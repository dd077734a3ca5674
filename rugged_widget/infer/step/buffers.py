"""Keep the buffers of modules, such as the running means of a batch norm, as they are while a model is looked at."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn
from torch.nn.modules.module import register_module_forward_pre_hook

MAX_COPIED = 1 << 16
"""Elements of the largest buffer that is copied: larger ones hold data, which calls leave as it is."""


@contextmanager
def buffers_kept(*things: object) -> Iterator[None]:
    """Let modules write into copies of their buffers for the time of a with statement.

    The buffers themselves are put back afterwards: the same tensors, which nobody has written into. Every module that
    is called inside is seen, wherever the model keeps it; of `things` that are modules, all modules in them.
    """
    held: dict[nn.Module, dict[str, torch.Tensor | None]] = {}

    def put_aside(module: nn.Module, _inputs: Any = None) -> None:
        if module not in held and module._buffers:
            held[module] = dict(module._buffers)
            for name, buffer in held[module].items():
                if buffer is not None and buffer.numel() <= MAX_COPIED:
                    module._buffers[name] = buffer.clone()

    handle = register_module_forward_pre_hook(put_aside)
    try:
        for thing in things:
            for module in thing.modules() if isinstance(thing, nn.Module) else ():
                put_aside(module)
        yield
    finally:
        handle.remove()
        for module, buffers in held.items():
            module._buffers.update(buffers)
