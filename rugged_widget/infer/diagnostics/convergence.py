"""Judge from the ELBO of its steps whether an optimizer has converged.

The run has converged where as many steps again are expected to gain less than a tolerance. What they would gain is
extrapolated from rises: of the mean ELBO of the later half of a window above that of its earlier half. The last half,
three quarters and seven eighths of the run are each looked at as if what is left to gain fell as one over the number of
steps; that is slower than where an optimizer comes to rest, so it says rather too much. The last quarter and the last
three eighths are compared with as many steps before, and what is left is taken to shrink by the same factor again and
again, as that of a geometric series; that finds at once what has come to rest after a long way. One of the five is
enough: long windows have little noise, short ones forget the way. To each rise 1.64 standard errors are added, so that
a run is not called converged because there is too much noise to see it move; by batch means, because neighbouring steps
move together (Geweke 1992 compares parts of a chain so; Flegal and Jones 2010 on batch means).

The tolerance is a share of the noise of a step. So the verdict is the same on every scale: of a loss divided by the
number of rows as of the loss. Where it is known what a nat is on that scale, a third of one is allowed at least, which
calls a run with little noise converged sooner.

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

TOLERANCE = 0.35
"""Nats that as many steps again may gain, where it is known what a nat is."""

NOISE_TOLERANCE = 0.07
"""The same as a share of the noise of a step, where that is more or a nat is not known."""

CERTAINTY = 1.64
"""Standard errors that are added to the gain before it is compared."""

FALLEN, NOISE_FALLEN = 1.0, 0.2
"""Nats, and share of the noise of a step, that the ELBO may fall below what it had reached in the later half of the
run, before it is called unstable; the greater one counts, or the second where a nat is not known."""

SLOW_STEPS = 1000
"""Steps after which a run whose parameters still move steadily could do with a higher learning rate."""

STEADY = 0.25
"""Share of the longest possible way that a parameter goes in a run which only needs larger steps."""

AVERAGE_NATS, LOWER_NATS = 0.25, 2.0
"""Nats of noise from which on the iterates are worth averaging, and from which on the learning rate is too high."""

AVERAGE_NOISE, LOWER_NOISE = 0.25, 1.0
"""The same as shares of the noise of a step, where a nat is not known."""


WINDOWS = (1 / 2, 3 / 4, 7 / 8)
"""Last parts of a run whose rise is extrapolated by itself, as shares of it; the later half comes first."""

COMPARED = (1 / 4, 3 / 8)
"""Last parts of a run whose rise is compared with that of as many steps before, as shares of it."""


class Assessment(NamedTuple):
    """Convergence of a run as assessed at one step.

    Attributes
    ----------
    since
        Step of the assessment that first found it converged, if none has found it moving since.
    drift, noise
        As of `Convergence`, the drift for one step; of the last quarter, where the run has not converged, else of the
        later half.
    gain, most
        As of `Convergence`, by the window that bounds the gain best; by the later half where it still rises.
    level, error
        Mean ELBO of the last quarter, and a standard error of it, rather too large.
    unstable
        True if it has fallen.
    noisy
        True if nothing but noise stands against that it has converged: the expected gain is small enough, its bound is
        not.
    """

    step: int
    since: int | None
    drift: float
    noise: float
    level: float
    error: float
    unstable: bool
    noisy: bool
    gain: float
    most: float


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
    def most(self) -> float:
        """Upper bound of the rise, >= 0."""
        return max(self.nats, 0.0) + CERTAINTY * self.error

    @property
    def least(self) -> float:
        """Lower bound of the rise."""
        return self.nats - CERTAINTY * self.error


class Gain(NamedTuple):
    """What as many steps again are expected to gain, and what they may at most; the first is < 0 where the ELBO falls.

    Up to the tolerance a run counts as converged.
    """

    expected: float
    most: float
    tolerance: float

    @property
    def excess(self) -> float:
        """How much too much they may gain; <= 0 where the run has converged."""
        return self.most - self.tolerance


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

    def rise(self, num_steps: int, *, later: int = 0) -> Rise:
        """Compare the halves of the last steps, >= 32, before `later` ones that are left out."""
        of_block, end = num_steps // self.size // BLOCKS, len(self._means) - later // self.size
        part = slice(end - of_block * BLOCKS, end)
        blocks = self._means[part].reshape(BLOCKS, of_block)
        means = blocks.mean(axis=1)
        deviations = blocks - means[:, None]
        steps = of_block * self.size
        squares = float(self._squares[part].sum()) + self.size * float((deviations * deviations).sum())
        noise = math.sqrt(squares / (BLOCKS * (steps - 1)))
        slope = float(_AT @ means)
        residuals = means - means.mean() - slope * _AT / _AT_SQUARED
        spread = math.sqrt(float(residuals @ residuals) / (BLOCKS - 2))
        error = max(spread, noise / math.sqrt(steps)) * 2 / math.sqrt(BLOCKS)
        first, second = float(means[: BLOCKS // 2].mean()), float(means[BLOCKS // 2 :].mean())
        return Rise(second - first, error, noise, second)


_AT = np.arange(BLOCKS) - (BLOCKS - 1) / 2
_AT_SQUARED = float(_AT @ _AT)


class ConvergenceMonitor:
    """Assesses a run at fixed steps, so that the outcome is the same however the run was sliced.

    Parameters
    ----------
    elbos
        Returns the ELBO of the steps from the first, counted from 0, to the last, that one not included.
    nats
        What a nat is on its scale, > 0: 1 where it is that of all rows, 1 / N where it is divided by their number N.
        None where that is not known; the run then is judged by its noise alone, in the same way on every scale.
    """

    def __init__(self, elbos: Callable[[int, int], NDArray[np.float64]], *, nats: float | None = None) -> None:
        self._elbos, self._nats = elbos, nats
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
        rises = [self._cells.rise(int(step * share)) for share in WINDOWS]
        half = rises[0]
        gains = [self._by_itself(rise, share) for rise, share in zip(rises, WINDOWS, strict=True)]
        if all(gain.excess > 0 for gain in gains):
            gains += [self._by_comparison(int(step * share)) for share in COMPARED]
        best = min(gains, key=lambda gain: gain.excess)
        flat, unstable = best.excess <= 0, self._has_fallen(step, half)
        noisy = not flat and best.expected <= best.tolerance
        shown = best if flat or noisy else gains[0]  # the best of five would say too little of what still rises
        moves = not flat and _extrapolation(WINDOWS[0]) * half.least > gains[0].tolerance
        last, size = (half, step / 2) if flat else (self._cells.rise(step // 4), step / 4)
        before = self._assessments[-1].since if self._assessments else None
        return Assessment(
            step=step,
            since=None if unstable or moves else before or (step if flat else None),
            drift=2 * last.nats / size,
            noise=last.noise,
            level=half.level,
            error=half.error,
            unstable=unstable,
            noisy=noisy,
            gain=shown.expected,
            most=shown.most,
        )

    def _by_itself(self, rise: Rise, share: float) -> Gain:
        """Extrapolate the rise within the last part of a run."""
        factor = _extrapolation(share)
        return Gain(factor * rise.nats, factor * rise.most, self._tolerance(rise))

    def _by_comparison(self, num_steps: int) -> Gain:
        """Extrapolate the rise within the last steps by how much smaller it is than that within as many before."""
        rise, before = self._cells.rise(num_steps), self._cells.rise(num_steps, later=num_steps)
        expected = _rest(max(rise.nats, 0.0), before.nats)
        return Gain(expected, _rest(rise.most, before.least), self._tolerance(rise))

    def _tolerance(self, rise: Rise) -> float:
        return self._at_least(TOLERANCE, NOISE_TOLERANCE * rise.noise)

    def _at_least(self, nats: float, by_noise: float) -> float:
        return by_noise if self._nats is None else max(nats * self._nats, by_noise)

    def _has_fallen(self, step: int, half: Rise) -> bool:
        allowed = self._at_least(FALLEN, NOISE_FALLEN * half.noise) + CERTAINTY * half.error
        recent = (past for past in reversed(self._assessments) if 2 * past.step >= step)
        return any(past.level - CERTAINTY * past.error - half.level > allowed for past in recent)


def _extrapolation(share: float) -> float:
    """Return what as many steps again gain for each nat that the ELBO rises within the last part of a run.

    What is left falls as 1 / t, where the run is t = 1 long: from its end on it falls by a half, and the mean of 1 / t
    over a part of the run is that of the logarithm's increase.
    """
    start = 1 - share
    middle = (start + 1) / 2
    return 0.5 * (1 - middle) / math.log(middle * middle / start)


def _rest(rise: float, before: float) -> float:
    """Return what is left to gain after two rises, of windows of one length, one after the other.

    The gains of one half of a window after another are taken for a geometric series; between the two rises lie two of
    its terms. What is left is infinite where the rise did not shrink.
    """
    if not 0 <= rise < before:
        return math.inf
    factor = math.sqrt(rise / before)
    return rise * factor / (1 - factor)


def state_of(assessment: Assessment) -> ConvergenceState:
    """Return what an assessment says of the run, in one word."""
    return "unstable" if assessment.unstable else "drifting" if assessment.since is None else "converged"


def advice_for(assessment: Assessment, noise_cost: float, steadiness: float, *, nats: float | None = None) -> Advice:
    """Return what to do, given the last assessment and what the noise of the iterates costs, or nan.

    `steadiness` is the way of the parameter that goes furthest over the last quarter of the run, as a share of the way
    it would go by a full step of the learning rate in one direction each time; nan where that is not known. `nats` is
    what a nat is on the scale of the ELBO, None where that is not known.
    """
    if assessment.unstable:
        return "lower"
    average, lower = _worth_averaging(assessment.noise, nats)
    if assessment.since is None:
        if assessment.step < SLOW_STEPS:
            return "more_steps"
        costly = assessment.noisy and noise_cost > lower
        return "raise" if steadiness > STEADY else "lower" if costly else "more_steps"
    return "lower" if noise_cost > lower else "average" if noise_cost > average else ""


def _worth_averaging(noise: float, nats: float | None) -> tuple[float, float]:
    """Return what noise may cost before averaging is worth it, and before the learning rate is too high."""
    if nats is None:
        return AVERAGE_NOISE * noise, LOWER_NOISE * noise
    return AVERAGE_NATS * nats, LOWER_NATS * nats
