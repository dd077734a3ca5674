"""Judge from the ELBO of its steps whether an optimizer has converged.

The rule looks at the later half of the run: by how much is the mean ELBO of its later half above that of its earlier
half? The run has converged where that rise, with its standard error, is below a tolerance. So a run is not called
converged because there is too much noise to see it move, and a slow one has to last longer before it is. The standard
error is by batch means, because neighbouring steps move together (Geweke 1992 compares parts of a chain so; Flegal and
Jones 2010 on batch means). The same is asked of the last third and the last quarter, where no rise at all may be seen:
that finds sooner what has come to rest quickly after a long way.

It was chosen by its false alarms and delay over runs of five models at three learning rates, beside the relative change
of the ELBO (Kucukelbir et al. 2017), a cumulative sum of the ELBO (Page 1954) and R-hat of the iterates (Dhaka et al.
2020, as in viabel): `python -m tests.benchmarks.convergence` prints the table.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rugged_widget.snapshot.values import Advice, ConvergenceState

FIRST_ASSESSMENT = 208
"""Steps before the first assessment."""

MIN_BETWEEN, BETWEEN_SHARE = 16, 0.05
"""Steps from one assessment to the next: so many at least, and at most this share of those done beyond that."""

MAX_CELLS = 2048
"""Parts of a run whose means are kept; where they would be more, neighbours are merged."""

BLOCKS = 16
"""Parts of a window whose means are compared."""

TOLERANCE = 0.6
"""Nats that the mean ELBO may rise from one quarter of the run to the next."""

NOISE_TOLERANCE = 0.1
"""The same as a share of the noise of a step, where that is more, as of small batches of many rows."""

CERTAINTY = 1.64
"""Standard errors that are added to the rise before it is compared."""

SHORTER = ((3, 1.0), (4, 0.8))
"""Shorter windows, as one over their share of the run, and what the tolerance is multiplied by for them."""

FALLEN = 1.0
"""Nats that the ELBO may fall below what it had reached in the later half of the run, before it is called unstable."""

SLOW_STEPS = 1000
"""Steps after which a run whose parameters still move steadily could do with a higher learning rate."""

STEADY = 0.25
"""Share of the longest possible way that a parameter goes in a run which only needs larger steps."""

AVERAGE_NATS, LOWER_NATS = 0.25, 2.0
"""Nats of noise from which on the iterates are worth averaging, and from which on the learning rate is too high."""


class Assessment(NamedTuple):
    """Convergence of a run as assessed at one step.

    Attributes
    ----------
    since
        Step of the assessment that first found it converged, if none has found it moving since.
    drift, noise
        As of `Convergence`, the drift for one step; of the later half where that is flat, else of the last quarter.
    level, error
        Mean ELBO of the last quarter, and a standard error of it, rather too large.
    unstable
        True if it has fallen.
    noisy
        True if the noise of the last quarter hides what would be a rise.
    """

    step: int
    since: int | None
    drift: float
    noise: float
    level: float
    error: float
    unstable: bool
    noisy: bool


class Rise(NamedTuple):
    """Rise of the ELBO within a window.

    Attributes
    ----------
    nats, error
        From its earlier half to its later, and the standard error of that.
    noise
        Standard deviation of a step's ELBO within a sixteenth of the window.
    level
        Mean of the later half.
    """

    nats: float
    error: float
    noise: float
    level: float

    @property
    def tolerance(self) -> float:
        """Nats that it may rise."""
        return max(TOLERANCE, NOISE_TOLERANCE * self.noise)

    def is_below(self, share: float) -> bool:
        """Return whether it is surely below a share of the tolerance."""
        return max(self.nats, 0.0) + CERTAINTY * self.error < share * self.tolerance


def next_assessment(step: int) -> int:
    """Return the first step after `step` at which a run is assessed; the same steps in every run."""
    if step < FIRST_ASSESSMENT:
        return FIRST_ASSESSMENT
    gap = _gap(step)
    return (step // gap + 1) * gap


def _gap(step: int) -> int:
    return max(MIN_BETWEEN, 1 << math.floor(math.log2(max(1.0, step * BETWEEN_SHARE))))


class Cells:
    """A series as the means of equal parts, at most 2,048 of them, so that a rise costs the same at any length.

    A part has one step at first. Where there are too many, neighbours are merged; as assessments are further apart in
    longer runs, each is still at the end of a part.
    """

    def __init__(self) -> None:
        self._means, self._squares = np.empty(0), np.empty(0)
        self.size = 1

    def __repr__(self) -> str:
        return f"Cells({len(self._means)} of {self.size} steps)"

    def __len__(self) -> int:
        return len(self._means) * self.size

    def extend(self, values: NDArray[np.float64]) -> None:
        """Add values, a multiple of the size of a part."""
        parts = values.reshape(-1, self.size)
        means = parts.mean(axis=1)
        squares = ((parts - means[:, None]) ** 2).sum(axis=1)
        self._means, self._squares = np.append(self._means, means), np.append(self._squares, squares)
        while len(self._means) > MAX_CELLS and len(self._means) % 2 == 0:
            first, second = self._means[::2], self._means[1::2]
            self._squares = self._squares[::2] + self._squares[1::2] + (first - second) ** 2 * self.size / 2
            self._means = (first + second) / 2
            self.size *= 2

    def truncate(self, num_steps: int) -> None:
        """Forget all but the first steps, and a part that they end in."""
        kept = num_steps // self.size
        self._means, self._squares = self._means[:kept], self._squares[:kept]

    def rise(self, num_steps: int) -> Rise:
        """Compare the halves of the last steps, >= 32."""
        of_block = num_steps // self.size // BLOCKS
        count = of_block * BLOCKS
        blocks = self._means[-count:].reshape(BLOCKS, of_block)
        means = blocks.mean(axis=1)
        deviations = blocks - means[:, None]
        steps = of_block * self.size
        squares = float(self._squares[-count:].sum()) + self.size * float((deviations * deviations).sum())
        noise = math.sqrt(squares / (BLOCKS * (steps - 1)))
        slope = float(_AT @ means)
        residuals = means - means.mean() - slope * _AT / _AT_SQUARED
        spread = math.sqrt(float(residuals @ residuals) / (BLOCKS - 2))
        error = max(spread, noise / math.sqrt(steps)) * 2 / math.sqrt(BLOCKS)
        earlier, later = float(means[: BLOCKS // 2].mean()), float(means[BLOCKS // 2 :].mean())
        return Rise(later - earlier, error, noise, later)


_AT = np.arange(BLOCKS) - (BLOCKS - 1) / 2
_AT_SQUARED = float(_AT @ _AT)


class ConvergenceMonitor:
    """Assesses a run at fixed steps, so that the outcome is the same however the run was sliced.

    `elbos` returns the ELBO of the steps from the first, counted from 0, to the last, that one not included.
    """

    def __init__(self, elbos: Callable[[int, int], NDArray[np.float64]]) -> None:
        self._elbos = elbos
        self._cells = Cells()
        self._assessments: list[Assessment] = []

    def __repr__(self) -> str:
        return f"ConvergenceMonitor({self._assessments[-1] if self._assessments else 'no assessment yet'})"

    def catch_up(self, num_steps: int) -> Assessment | None:
        """Assess the run at the steps up to `num_steps` that are due; return the last one, None before the first.

        The more steps are done, the rarer assessments are; each costs the same.
        """
        while (step := next_assessment(self._assessments[-1].step if self._assessments else 0)) <= num_steps:
            self._cells.extend(self._elbos(len(self._cells), step))
            self._assessments.append(self._assess(step))
        return self._assessments[-1] if self._assessments else None

    def truncate(self, num_steps: int) -> None:
        """Forget what was found after the first steps."""
        if num_steps < len(self._cells):
            self._cells.truncate(num_steps)
            if self._cells.size > _gap(num_steps):
                self._cells = Cells()  # an assessment would fall into a part
        while self._assessments and self._assessments[-1].step > num_steps:
            self._assessments.pop()

    def _assess(self, step: int) -> Assessment:
        half = self._cells.rise(step // 2)
        flat, last, size, noisy = half.is_below(1.0), half, step / 2, False
        if not flat:
            shorter = [(self._cells.rise(step // parts), share) for parts, share in SHORTER]
            flat = any(part.nats < 0 and part.is_below(share) for part, share in shorter)
            last, size = shorter[-1][0], step / SHORTER[-1][0]
            noisy = last.error > last.tolerance
        unstable = self._has_fallen(step, half)
        moves = half.nats - CERTAINTY * half.error > 0 and half.nats > half.tolerance
        before = self._assessments[-1].since if self._assessments else None
        since = None if unstable or moves else before or (step if flat else None)
        return Assessment(step, since, 2 * last.nats / size, last.noise, half.level, half.error, unstable, noisy)

    def _has_fallen(self, step: int, half: Rise) -> bool:
        allowed = max(FALLEN, 2 * NOISE_TOLERANCE * half.noise) + CERTAINTY * half.error
        recent = (past for past in reversed(self._assessments) if 2 * past.step >= step)
        return any(past.level - CERTAINTY * past.error - half.level > allowed for past in recent)


def state_of(assessment: Assessment) -> ConvergenceState:
    """Return what an assessment says of the run, in one word."""
    return "unstable" if assessment.unstable else "drifting" if assessment.since is None else "converged"


def advice_for(assessment: Assessment, noise_cost: float, steadiness: float) -> Advice:
    """Return what to do, given the last assessment and the nats that the noise of the iterates costs, or nan.

    `steadiness` is the way of the parameter that goes furthest over the last quarter of the run, as a share of the way
    it would go by a full step of the learning rate in one direction each time; nan where that is not known.
    """
    if assessment.unstable:
        return "lower"
    if assessment.since is None:
        if assessment.step < SLOW_STEPS:
            return "more_steps"
        lower = assessment.noisy and noise_cost > LOWER_NATS
        return "raise" if steadiness > STEADY else "lower" if lower else "more_steps"
    return "lower" if noise_cost > LOWER_NATS else "average" if noise_cost > AVERAGE_NATS else ""
