"""Take Pyro's own steps with checkpoints, and go back to one after a failure."""

import math
from typing import Any, NamedTuple

import numpy as np

from rugged_widget.infer.step.first_fault import NonFiniteError
from rugged_widget.infer.step.isolation import Generators
from rugged_widget.infer.step.module_state import ModuleState
from rugged_widget.infer.step.ownership import OwnState
from rugged_widget.infer.step.pyro_step import PlainStep, Taken

EVERY = 5
"""Steps from one checkpoint to the next: more would be lost by a failure, fewer would be felt in the speed."""


class _Checkpoint(NamedTuple):
    """Everything that steps change."""

    num_steps: int
    step: Any
    generators: Generators
    modules: ModuleState | None


class PlainStepping:
    """Takes Pyro's steps one by one.

    A step says whether the parameters that it finds are good, not those that it leaves: where the first step after a
    checkpoint fails, the one before it has led astray, and going back to its result would only fail again. So two
    checkpoints are kept, and none is taken after a step that was skipped. They hold what the fit makes of the user's
    modules too, where there is such an `own` state.
    """

    def __init__(self, step: PlainStep, own: OwnState | None = None) -> None:
        self._step, self._own = step, own
        self._num_skipped = 0  # just before the next step
        self._good: _Checkpoint | None = None
        self._latest: _Checkpoint | None = None

    def __repr__(self) -> str:
        return f"PlainStepping(checkpoint at step {self._latest.num_steps if self._latest else None})"

    @property
    def oldest(self) -> int | None:
        """Steps done at the earliest checkpoint; None where there is none."""
        return None if self._good is None else self._good.num_steps

    def forget(self) -> None:
        """Drop the checkpoints: other steps than these were taken since."""
        self._good = self._latest = None

    def take(self, num_steps: int) -> Taken:
        """Take one step after `num_steps`, and return it; whatever it raises is raised, and `go_back` mends it.

        The loss of a step that was skipped, because it was not finite, is nan.
        """
        if self._latest is None or self._good is None:
            self._good = self._latest = self._checkpoint(num_steps)
        elif num_steps - self._latest.num_steps >= EVERY and not self._num_skipped:
            self._good, self._latest = self._latest, self._checkpoint(num_steps)
        modules = self._own.checkpoint() if self._own is not None and self._step.skip_nonfinite else None
        try:
            loss, self._num_skipped = self._step(), 0
        except NonFiniteError as error:
            error.num_skipped = self._num_skipped
            if self._num_skipped >= self._step.skip_nonfinite:
                raise
            loss, self._num_skipped = math.nan, self._num_skipped + 1
            if modules is not None:  # statistics of a batch that was not finite would stay so
                modules.restore()
        return Taken(num_steps, np.array([loss]), np.array([self._step.optimizer.last_rate]))

    def go_back(self, num_steps: int) -> int:
        """Return to where steps still worked, after a failure of step `num_steps` + 1; returns the steps done there."""
        self._num_skipped = 0
        if self._latest is None or self._good is None:
            return num_steps
        self._latest = self._latest if num_steps > self._latest.num_steps else self._good
        self._step.restore(self._latest.step)
        if self._latest.modules is not None:
            self._latest.modules.restore()
        self._latest.generators.rewind()
        return self._latest.num_steps

    def _checkpoint(self, num_steps: int) -> _Checkpoint:
        modules = None if self._own is None else self._own.checkpoint()
        return _Checkpoint(num_steps, self._step.checkpoint(), Generators.copied(), modules)
