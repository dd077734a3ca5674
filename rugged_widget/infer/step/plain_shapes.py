"""Broadcast shapes of plain integers without sympy, which torch imports for it."""

import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import torch

SYMBOLIC = "torch.fx.experimental.symbolic_shapes"
"""What `torch.broadcast_shapes` of torch 2.13 imports at its first call, with sympy: 0.4 of the time that torch itself
takes. Where a later one does not, this module can go."""


def broadcasting_plainly() -> AbstractContextManager[None]:
    """Return a context to compute in until torch has imported what it broadcasts with: it need not meanwhile.

    Shapes of plain integers are broadcast here, with the same result; all others, and errors, are left to torch.
    """
    module = sys.modules.get(SYMBOLIC)
    if module is None or getattr(module.__spec__, "_initializing", False):  # the latter: by another thread
        return _broadcasting_here()
    return nullcontext()


@contextmanager
def _broadcasting_here() -> Iterator[None]:
    refs: Any = torch._refs
    original = getattr(refs, "_broadcast_shapes", None)
    if original is None:
        yield
        return
    refs._broadcast_shapes = lambda *shapes: _broadcast(shapes, original)
    try:
        yield
    finally:
        refs._broadcast_shapes = original


def _broadcast(shapes: tuple[Any, ...], original: Callable[..., Any]) -> Any:
    given = [(shape,) if type(shape) is int else shape for shape in shapes if shape is not None]
    if not given or not all(map(_is_plain, given)):
        return original(*shapes)
    common = [1] * max(map(len, given))
    for shape in given:
        for place in range(-len(shape), 0):
            if shape[place] != 1:
                if common[place] not in {1, shape[place]}:
                    return original(*shapes)
                common[place] = shape[place]
    return common


def _is_plain(shape: Any) -> bool:
    return isinstance(shape, (tuple, list)) and all(type(size) is int and size >= 0 for size in shape)
