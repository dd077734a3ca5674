"""The log of a run: its ELBO, its iterates and its convergence."""

import math
from collections.abc import Callable
from typing import Any

from numpy.typing import NDArray

from rugged_widget.infer.diagnostics.convergence import (
    Assessment,
    ConvergenceMonitor,
    advice_for,
    next_assessment,
    state_of,
)
from rugged_widget.infer.step.pyro_step import Taken
from rugged_widget.infer.svi.elbo_history import History
from rugged_widget.infer.svi.iterate_averaging import Iterates, Mean
from rugged_widget.snapshot.values import Averaged, Convergence


class Record:
    """Everything known of the steps of a run; the same however the run was sliced.

    `parameters` returns the parameters as they are, flat, on the optimizer's unconstrained scale. `nats` is what a nat
    is on the scale of the ELBO, None where that is not known.

    Attributes
    ----------
    history
        ELBO and learning rate of every step.
    means
        Steps at which a mean of iterates took the place of the parameters, increasing, and of which iterates.
    """

    def __init__(self, parameters: Callable[[], NDArray[Any]], *, nats: float | None = None) -> None:
        self.history = History()
        self.means: list[tuple[int, Averaged]] = []
        self._parameters, self._nats = parameters, nats
        self._iterates = Iterates()
        self._monitor = ConvergenceMonitor(self.history.elbos, nats=nats)

    def __repr__(self) -> str:
        return f"Record({self.history!r}, {self._iterates!r}, {self._monitor!r})"

    def __len__(self) -> int:
        return len(self.history)

    def room(self, *, assessed: bool) -> int:
        """Return how many steps may be taken at once, >= 1, until something has to be recorded or assessed.

        Where convergence is not to be assessed at once, it is caught up with later.
        """
        step = len(self)
        until_next = self._iterates.until_next(step)
        return min(until_next, next_assessment(step) - step) if assessed else until_next

    def add(self, steps: Taken) -> None:
        """Note steps that were taken, once those that had to be taken back are forgotten."""
        if steps.start < len(self):
            self.truncate(steps.start)
        if not len(steps.losses):
            return
        self.history.extend((-steps.losses).tolist(), steps.learning_rates.tolist())
        if len(self) % self._iterates.stride == 0:
            self._iterates.record(len(self), self._parameters())

    def truncate(self, num_steps: int) -> None:
        """Forget all but the first steps."""
        self.means = [mean for mean in self.means if mean[0] <= num_steps]
        self.history.truncate(num_steps)
        self._iterates.truncate(num_steps)
        self._monitor.truncate(num_steps)

    def average(self, averaged: Averaged) -> None:
        """Note that the mean of these iterates has taken the place of the parameters."""
        self.means = [*(mean for mean in self.means if mean[0] != len(self)), (len(self), averaged)]

    @property
    def averaged(self) -> Averaged | None:
        """Which iterates the present parameters are the mean of; None where they are no mean."""
        return self.means[-1][1] if self.means and self.means[-1][0] == len(self) else None

    def convergence(self, noise_cost: float) -> Convergence:
        """Judge all steps; `noise_cost` are nats that the noise of converged iterates costs, nan where not known."""
        return convergence_of(self._monitor.catch_up(len(self)), noise_cost, self._steadiness(), nats=self._nats)

    @property
    def converged_at(self) -> int | None:
        """Step at which the run was found converged, and has not been found moving since; None where it is not."""
        assessment = self._monitor.catch_up(len(self))
        return None if assessment is None else assessment.since

    def mean(self) -> Mean | None:
        """Return the mean of the iterates since the run converged, but of the last quarter at least; None of too few.

        Where it has not converged, or these are too few, it is the mean of the last half.
        """
        since, half, quarter = self.converged_at, -(-len(self) // 2), len(self) - len(self) // 4
        converged = None if since is None else self._iterates.mean(min(since, quarter))
        return converged or self._iterates.mean(half)

    def _steadiness(self) -> float:
        way = self._iterates.way(len(self) - len(self) // 4)
        return math.nan if way is None else way / self.history.last_rate


def convergence_of(
    assessment: Assessment | None,
    noise_cost: float = math.nan,
    steadiness: float = math.nan,
    *,
    nats: float | None = None,
) -> Convergence:
    """Return what a page says of the last assessment, None before the first; see `advice_for` for the others."""
    if assessment is None:
        return Convergence("early", None, math.nan, math.nan, math.nan, "")
    return Convergence(
        state=state_of(assessment),
        since=assessment.since,
        drift=100 * assessment.drift,
        noise=assessment.noise,
        noise_cost=math.nan if assessment.since is None else noise_cost,
        advice=advice_for(assessment, noise_cost, steadiness, nats=nats),
        gain=assessment.gain,
        most=assessment.most,
    )
