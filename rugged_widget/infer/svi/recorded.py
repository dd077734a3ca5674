"""The recorded part of a fit: history, convergence, averaging."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rugged_widget.infer.step.failure import too_few

if TYPE_CHECKING:
    import pandas as pd

    from rugged_widget.infer.step.isolation import Isolation
    from rugged_widget.infer.step.pyro_step import PlainStep
    from rugged_widget.infer.svi.engine_selection import Stepping
    from rugged_widget.infer.svi.run_log import Record
    from rugged_widget.snapshot.values import Averaged, Convergence, ElboCurve


class Recorded:
    """Base of a fit: it tells of the steps that were taken, and can put the mean of past parameters in their place."""

    _isolation: Isolation
    _stepping: Stepping
    _record: Record
    _plain: PlainStep

    @property
    def step(self) -> int:
        """Steps done."""
        return len(self._record)

    @property
    def elbo(self) -> float:
        """ELBO estimate of the last step in nats, total over all rows; nan before the first."""
        return self._record.history.last

    def history(self) -> pd.DataFrame:
        """Return all steps, a row each: step (from 1), elbo (nats, total over all rows) and learning_rate."""
        return self._record.history.frame()

    def curve(self) -> ElboCurve:
        """Return the ELBO of the whole run, thinned to at most 400 points."""
        return self._record.history.curve()

    def convergence(self) -> Convergence:
        """Judge whether the optimizer has converged, by the steps so far; in the same way however they were sliced."""
        return self._record.convergence(self._plain.noise_cost())

    @property
    def converged_at(self) -> int | None:
        """Step at which it was found to have converged, and has been found so since; None where it has not."""
        return self._record.converged_at

    @property
    def averaged(self) -> Averaged | None:
        """Which iterates the parameters are the mean of; None where they are none, as after every step."""
        return self._record.averaged

    @property
    def means(self) -> tuple[tuple[int, Averaged], ...]:
        """Steps after which a mean took the place of the parameters, increasing, and of which iterates each was."""
        return tuple(self._record.means)

    def average_iterates(self) -> Averaged:
        """Put the mean of past iterates, on the optimizer's unconstrained scale, in place of the parameters.

        The mean is over the steps since the optimizer converged, but at least the last quarter of the run; where it has
        not converged, over the last half. It has less of the noise that a learning rate leaves in the parameters. The
        optimizer's moments stay as they are.

        Returns
        -------
        Averaged
            Which iterates; `averaged` says the same until the next step.

        Raises
        ------
        FitError
            Where there are too few of them; nothing changes then.
        """
        mean = self._record.mean()
        if mean is None:
            raise too_few(self.step)
        with self._isolation.inside():
            self._stepping.put(mean.values)
        self._record.average(mean.averaged)
        return mean.averaged
