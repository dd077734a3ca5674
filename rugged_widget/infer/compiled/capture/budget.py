"""How many operations a loss may have to be captured where nobody has asked for it."""

import time
from functools import cache

import torch

from rugged_widget.infer.compiled.capture.recorder import record

MAX_SECONDS = 0.3
"""Time of the longest piece of a capture, while the kernel answers nobody: a step is recorded as a whole."""

MIN_OPERATIONS = 1500
"""Operations of a loss that is captured however slow the machine is at this moment."""

_CHAIN, _TRIALS = 50, 3
_SHARE = 2.0
"""Time of recording a step for each operation of its loss, relative to that of recording an operation of a chain."""


def max_operations() -> int:
    """Return how many operations a loss may have, by the time that this machine takes to record one."""
    return max(MIN_OPERATIONS, int(MAX_SECONDS / (_SHARE * _seconds_per_operation())))


@cache
def _seconds_per_operation() -> float:
    """Record a chain of operations, a few ms, and return the time for each; the shortest of some trials."""

    def chain(value: torch.Tensor) -> torch.Tensor:
        for _ in range(_CHAIN):
            value = value + 1.0
        return value

    def seconds() -> float:
        start = time.thread_time()
        with torch.no_grad():
            record(chain, [torch.zeros(())])
        return time.thread_time() - start

    return max(min(seconds() for _ in range(_TRIALS)), 1e-9) / _CHAIN
