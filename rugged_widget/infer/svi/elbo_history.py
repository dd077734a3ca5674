"""Store the ELBO of all steps in little memory, with a thinned curve for drawing."""

import math
from array import array
from bisect import bisect_left
from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rugged_widget.snapshot.snapshot import Array, ElboCurve

MAX_POINTS = 400
"""Points of the thinned curve, the last step included."""

SMOOTHING_STEPS = 20
"""Steps that the exponential mean reaches back over."""

_DECAY = 1 - 1 / SMOOTHING_STEPS
_REMEMBERED = 50 * SMOOTHING_STEPS
_BLOCK = 128
_DECAYS = _DECAY ** np.arange(1, _BLOCK + 1)
_WEIGHTS = (1 - _DECAY) * np.tril(_DECAY ** np.maximum(0, np.subtract.outer(np.arange(_BLOCK), np.arange(_BLOCK))))


class History:
    """ELBO and learning rate of every step: 8 bytes a step, and a few for each change of the learning rate.

    The curve holds every stride-th step; when it is full, every other point goes and the stride doubles. The ELBO of a
    step that was skipped, or whose loss has no value, is nan, and counts in no mean.
    """

    def __init__(self) -> None:
        self._elbos = array("d")
        self._unknown: list[int] = []  # steps, from 0, whose ELBO is nan, increasing
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
    def num_unknown(self) -> int:
        """Steps whose ELBO is not known."""
        return len(self._unknown)

    @property
    def last(self) -> float:
        """ELBO of the last step where it is known; nan before the first."""
        return self._last_before(len(self._elbos))

    @property
    def last_rate(self) -> float:
        """Learning rate of the last step; nan before the first."""
        return self._rates[-1][1] if self._rates else math.nan

    def extend(self, elbos: Sequence[float], learning_rates: Sequence[float]) -> None:
        """Add steps, their ELBOs in nats, nan where it is not known, and their learning rates."""
        if len(elbos) == 1 and not math.isnan(elbos[0]):
            self._add(elbos[0], learning_rates[0])
            return
        done, values = len(self._elbos), np.asarray(elbos, dtype=np.float64)
        means, counts = self._means_after(values)
        self._elbos.extend(elbos)
        self._note_rates(done, np.asarray(learning_rates, dtype=np.float64))
        smoothed = means / _weights(counts)
        steps = np.arange(done + 1, done + len(means) + 1)
        place = 0
        while place < len(means):
            room = (MAX_POINTS - len(self._kept)) * self._stride - (done + place) % self._stride
            part = slice(place, place + room)
            due = steps[part] % self._stride == 0
            self._kept.extend(np.asarray(elbos[part])[due])
            self._kept_smoothed.extend(smoothed[part][due])
            place += room
            self._thin_out()
        self._mean = float(means[-1]) if len(means) else self._mean

    def _add(self, elbo: float, learning_rate: float) -> None:
        """Add one step whose ELBO is known: the same as for several, to the last bit, in a tenth of the time."""
        self._elbos.append(elbo)
        self._mean = (1 - _DECAY) * elbo + self._mean * _DECAY
        if learning_rate != self.last_rate:
            self._rates.append((len(self), learning_rate))
        if len(self) % self._stride == 0:
            self._kept.append(elbo)
            self._kept_smoothed.append(self._mean / _weights(np.array([len(self) - len(self._unknown)]))[0])
            self._thin_out()

    def _thin_out(self) -> None:
        """Drop every other point of the curve once it is full."""
        if len(self._kept) >= MAX_POINTS:
            self._kept, self._kept_smoothed = self._kept[1::2], self._kept_smoothed[1::2]
            self._stride *= 2

    def _means_after(self, values: Array) -> tuple[Array, NDArray[np.int64]]:
        """Return the exponential mean after each of the next steps, and of how many; note those without an ELBO."""
        done, before = len(self._elbos), len(self._elbos) - len(self._unknown)
        counts = np.arange(before + 1, before + len(values) + 1)
        unknown = np.isnan(values)
        if not unknown.any():
            return _exponential_means(self._mean, values), counts
        self._unknown += (done + np.flatnonzero(unknown)).tolist()
        counts -= np.cumsum(unknown)
        means = np.append(self._mean, _exponential_means(self._mean, values[~unknown]))
        return means[counts - before], counts

    def _note_rates(self, done: int, rates: NDArray[np.float64]) -> None:
        last = self._rates[-1][1] if self._rates else math.nan
        for place in np.flatnonzero(np.diff(rates, prepend=last) != 0):
            self._rates.append((done + int(place) + 1, float(rates[place])))

    def _smoothed(self) -> float:
        """Mean of all steps so far, a step weighing 0.95 of the one after it."""
        count = len(self._elbos) - len(self._unknown)
        return self._mean / (1 - _DECAY**count) if count else math.nan

    def _last_before(self, end: int) -> float:
        """Return the ELBO of the last step before `end`, from 0, where it is known; nan where there is none."""
        places = range(end - 1, -1, -1)
        return next((self._elbos[place] for place in places if not math.isnan(self._elbos[place])), math.nan)

    def curve(self) -> ElboCurve:
        """Return at most 400 points, the last step among them."""
        step = np.arange(1, len(self._kept) + 1, dtype=np.float64) * self._stride
        elbo, smoothed = np.array(self._kept), np.array(self._kept_smoothed)
        if len(self) % self._stride:
            step = np.append(step, len(self))
            elbo, smoothed = np.append(elbo, self._elbos[-1]), np.append(smoothed, self._smoothed())
        return ElboCurve(step, elbo, smoothed)

    def elbos(self, first: int, last: int) -> NDArray[np.float64]:
        """Return the ELBO of the steps from `first`, counted from 0, to `last`, that one not included; a copy.

        Where it is not known it is that of the step before here; the first steps have the first one of these that is
        known, and 0 where there is none.
        """
        values = np.array(self._elbos[first:last])
        if not self._unknown:
            return values
        known = ~np.isnan(values)
        before = self._last_before(first)
        if math.isnan(before):
            before = values[known][0] if known.any() else 0.0
        filled: Array = np.append(before, values[known])[np.cumsum(known)]
        return filled

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

    def truncate(self, num_steps: int) -> None:
        """Forget all but the first steps; the curve stays as coarse as it is."""
        if num_steps == len(self):
            return
        del self._elbos[num_steps:]
        del self._unknown[bisect_left(self._unknown, num_steps) :]
        self._rates = [(first, rate) for first, rate in self._rates if first <= num_steps]
        del self._kept[num_steps // self._stride :]
        del self._kept_smoothed[num_steps // self._stride :]
        recent = np.array(self._elbos[-_REMEMBERED - len(self._unknown) :])  # what lies further back weighs nothing
        recent = recent[~np.isnan(recent)][-_REMEMBERED:]
        self._mean = float(_exponential_means(0.0, recent)[-1]) if len(recent) else 0.0


def _weights(counts: NDArray[np.int64]) -> Array:
    """Return the total weight of so many steps in the exponential mean; nan of none."""
    weights = 1 - _DECAY**counts
    weights[counts == 0] = math.nan
    return np.asarray(weights)


def _exponential_means(before: float, values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return mean <- decay mean + (1 - decay) value after each value, a block at a time instead of value by value."""
    means = np.empty(len(values))
    for start in range(0, len(values), _BLOCK):
        block = values[start : start + _BLOCK]
        means[start : start + _BLOCK] = _WEIGHTS[: len(block), : len(block)] @ block
        means[start : start + _BLOCK] += before * _DECAYS[: len(block)]
        before = means[start + len(block) - 1]
    return means
