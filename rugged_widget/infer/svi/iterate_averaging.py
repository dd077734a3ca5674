"""Keep some iterates of a run in bounded memory, and average them."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rugged_widget.snapshot.values import Averaged

FIRST_STRIDE = 8
"""Steps from one iterate to the next, at first. Neighbours closer than that say nearly the same: Adam's own memory
reaches back over ten steps."""

MAX_KEPT = 128
"""Iterates that are kept; where they are so many, every other one goes and the stride doubles."""

MAX_NUMBERS = 1 << 23
"""Numbers in all iterates together: of very many parameters fewer are kept."""

MIN_KEPT = 16
"""Iterates that fit into MAX_NUMBERS, or none are kept: of fewer the mean would not be worth its name."""

MIN_AVERAGED = 8
"""Iterates that a mean is taken of, at least."""


class Mean(NamedTuple):
    """A mean of iterates: which, and the parameters, flat, on the optimizer's unconstrained scale."""

    averaged: Averaged
    values: NDArray[np.float64]


class Iterates:
    """The parameters at every multiple of a stride, from the first step to the last.

    Which steps these are follows from the number of steps and of parameters alone, so that a script can do the same.
    """

    def __init__(self) -> None:
        self._kept: list[NDArray[Any]] = []
        self._last = 0  # step of the last one
        self._limit = MAX_KEPT
        self.stride = FIRST_STRIDE

    def __repr__(self) -> str:
        return f"Iterates({len(self._kept)}, every {self.stride} steps up to step {self._last})"

    def until_next(self, step: int) -> int:
        """Return how many steps there are from `step` to the next that is to be recorded, >= 1."""
        return self.stride - step % self.stride

    def record(self, step: int, values: NDArray[Any]) -> None:
        """Keep the parameters after `step`, a multiple of the stride: flat, (num_params,); they are not copied."""
        if self._kept and (len(self._kept[-1]) != len(values) or step != self._last + self.stride):
            self._kept.clear()  # other parameters, or steps are missing: no mean across that
        if len(values) * MIN_KEPT > MAX_NUMBERS:
            return
        self._limit = MAX_KEPT
        while self._limit * len(values) > MAX_NUMBERS:
            self._limit //= 2
        self._kept.append(values)
        self._last = step
        while len(self._kept) >= self._limit:
            wider = 2 * self.stride
            first = step - (len(self._kept) - 1) * self.stride
            self._kept = self._kept[(-first // self.stride) % 2 :: 2]
            self.stride, self._last = wider, step // wider * wider

    def truncate(self, num_steps: int) -> None:
        """Forget what was recorded after the first steps; the stride stays as it is."""
        kept = len(self._kept) - max(0, -(-(self._last - num_steps) // self.stride))
        if kept < len(self._kept):
            del self._kept[max(0, kept) :]
            self._last = num_steps // self.stride * self.stride

    def mean(self, since: int) -> Mean | None:
        """Return the mean of the iterates from a step on; None where they are fewer than eight.

        Where the iterate of step `since` is not kept, it is the step of the one before the first that is taken.
        """
        count = min(len(self._kept), (self._last - since) // self.stride + 1)
        if count < MIN_AVERAGED:
            return None
        first = self._last - (count - 1) * self.stride
        total = np.sum(self._kept[-count:], axis=0, dtype=np.float64)
        return Mean(Averaged(first, self._last, self.stride), np.asarray(total / count))

    def way(self, since: int) -> float | None:
        """Return how far the parameter that moved most has come since a step, for each step; None of too few."""
        count = min(len(self._kept), (self._last - since) // self.stride + 1)
        if count < MIN_AVERAGED:
            return None
        distance = np.abs(self._kept[-1].astype(np.float64) - self._kept[-count])
        return float(distance.max(initial=0.0)) / ((count - 1) * self.stride)
