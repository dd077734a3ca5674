"""Call models and guides that compute gradients themselves where gradients are switched off."""

from collections.abc import Callable
from typing import Any

import torch


def needs_gradients(error: Exception) -> bool:
    """Return whether an exception says that a gradient was asked for where gradients are switched off."""
    return isinstance(error, RuntimeError) and "does not require grad" in str(error)


def called_with_gradients(function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
    """Call a function with gradients switched on, as a step does; use it in `functools.partial`."""
    with torch.enable_grad():
        return function(*args, **kwargs)
