"""The ELBO of all steps in little memory, and a thinned curve of it for drawing."""

from __future__ import annotations

import math
from array import array
from typing import NamedTuple

import numpy as np
import pandas as pd

from rugged_widget.snapshot import ElboCurve

MAX_POINTS = 400
"""Points of the thinned curve, the last step included."""

SMOOTHING_STEPS = 20
"""Steps that the exponential mean reaches back over."""

_DECAY = 1 - 1 / SMOOTHING_STEPS


class _Checkpoint(NamedTuple):
    num_steps: int
    num_rates: int
    kept: array[float]
    kept_smoothed: array[float]
    stride: int
    mean: float


class History:
    """ELBO and learning rate of every step: 8 bytes a step, and a few for each change of the learning rate.

    The curve holds every stride-th step; when it is full, every other point goes and the stride doubles.
    """

    def __init__(self) -> None:
        self._elbos = array("d")
        self._rates: list[tuple[int, float]] = []  # (first step, learning rate), only where it changed
        self._kept = array("d")
        self._kept_smoothed = array("d")
        self._stride = 1
        self._mean = 0.0

    def __len__(self) -> int:
        return len(self._elbos)

    def __repr__(self) -> str:
        return f"History({len(self)} steps, {len(self._kept)} kept)"

    @property
    def last(self) -> float:
        """ELBO of the last step; nan before the first."""
        return self._elbos[-1] if self._elbos else math.nan

    def append(self, elbo: float, learning_rate: float) -> None:
        """Add a step, its ELBO in nats and its learning rate."""
        self._elbos.append(elbo)
        step = len(self._elbos)
        if not self._rates or self._rates[-1][1] != learning_rate:
            self._rates.append((step, learning_rate))
        self._mean = _DECAY * self._mean + (1 - _DECAY) * elbo
        if step % self._stride == 0:
            self._kept.append(elbo)
            self._kept_smoothed.append(self._smoothed())
            if len(self._kept) >= MAX_POINTS:
                self._kept, self._kept_smoothed = self._kept[1::2], self._kept_smoothed[1::2]
                self._stride *= 2

    def _smoothed(self) -> float:
        """Mean of all steps so far, a step weighing 0.95 of the one after it."""
        return self._mean / (1 - _DECAY ** len(self._elbos))

    def curve(self) -> ElboCurve:
        """Return at most 400 points, the last step among them."""
        step = np.arange(1, len(self._kept) + 1, dtype=np.float64) * self._stride
        elbo, smoothed = np.array(self._kept), np.array(self._kept_smoothed)
        if len(self) % self._stride:
            step = np.append(step, len(self))
            elbo, smoothed = np.append(elbo, self.last), np.append(smoothed, self._smoothed())
        return ElboCurve(step, elbo, smoothed)

    def frame(self) -> pd.DataFrame:
        """Return every step: step (from 1), elbo in nats, learning_rate."""
        first = [step for step, _ in self._rates]
        lengths = np.diff([*first, len(self) + 1])
        return pd.DataFrame(
            {
                "step": np.arange(1, len(self) + 1),
                "elbo": np.array(self._elbos),
                "learning_rate": np.repeat([rate for _, rate in self._rates], lengths),
            }
        )

    def checkpoint(self) -> _Checkpoint:
        """Remember where the history is."""
        return _Checkpoint(
            len(self._elbos), len(self._rates), self._kept[:], self._kept_smoothed[:], self._stride, self._mean
        )

    def restore(self, checkpoint: _Checkpoint) -> None:
        """Forget the steps since a checkpoint."""
        del self._elbos[checkpoint.num_steps :]
        del self._rates[checkpoint.num_rates :]
        self._kept, self._kept_smoothed = checkpoint.kept[:], checkpoint.kept_smoothed[:]
        self._stride, self._mean = checkpoint.stride, checkpoint.mean
