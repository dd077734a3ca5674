"""The frozen record of a run, as plain numbers."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from rugged_widget.snapshot.snapshot import Snapshot
from rugged_widget.snapshot.values import Approximation, Array, Averaged, ElboCurve, KLGap, Value

MAX_POINTS = 120  # points of a kept run's ELBO curve, its last one included


@dataclass(frozen=True, eq=False)
class SavedRun(Value):
    """A run that was kept.

    Attributes
    ----------
    number
        Number of the run, from 1, never given twice by the same widget.
    name
        Name for the reader; plain text, not empty.
    guide
        Key of its guide's family, "custom" for a hand-written one.
    steps
        Steps done, >= 1.
    num_steps
        Steps that were to be done, >= steps.
    learning_rate
        Learning rate of the last step, > 0.
    rate_changed
        Whether an earlier step had another one.
    seed
        Seed of its random numbers.
    num_rows
        Rows it was fitted to.
    elbo, elbo_error
        Expected ELBO at the end and its standard error, nats, total over all rows; of a guide without a density the
        last estimate and nan.
    approximation
        How good it was found to be; None where it was not judged.
    gap
        Distance to the exact posterior; None where that is not known.
    averaged
        Iterates that its parameters are the mean of; None where they are of the last step.
    seconds
        Time that its steps took.
    curve
        Its ELBO, at most 120 points.
    draws
        Draws of the guide at its end by site, shape (num_draws, *site shape).
    log_evidence
        Log evidence that its ELBO is a bound of, nats: that of its own priors; nan where it is not known.
    heldout_elbo
        ELBO of data that was not trained on, at the end, nats, on the scale of `elbo`; nan where there was none.
    """

    number: int
    name: str
    guide: str
    steps: int
    num_steps: int
    learning_rate: float
    rate_changed: bool
    seed: int
    num_rows: int
    elbo: float
    elbo_error: float
    approximation: Approximation | None
    gap: KLGap | None
    averaged: Averaged | None
    seconds: float
    curve: ElboCurve
    draws: Mapping[str, Array]
    log_evidence: float = math.nan
    heldout_elbo: float = math.nan

    @property
    def k_hat(self) -> float:
        """Median Pareto shape over the repeats; nan where there is none."""
        return math.nan if self.approximation is None else self.approximation.k_hat

    @property
    def worst_sd_ratio(self) -> float:
        """The guide's standard deviation over the exact one of the latent where that is furthest from 1; or nan."""
        return math.nan if self.approximation is None else self.approximation.worst_sd_ratio

    def is_bounded_by(self, log_evidence: float | None) -> bool:
        """Return whether a log evidence is that of its model, as it is not where its priors are others.

        What is not known, nan or None, is taken to be the same.
        """
        if log_evidence is None or math.isnan(log_evidence) or math.isnan(self.log_evidence):
            return True
        return math.isclose(log_evidence, self.log_evidence, rel_tol=1e-9)

    def renamed(self, name: str) -> SavedRun:
        """Return the same under another name."""
        return replace(self, name=name)


def run_of(  # what a run was
    snapshot: Snapshot,
    *,
    name: str,
    guide: str,
    num_steps: int,
    rate: float,
    rate_changed: bool,
    seed: int,
    seconds: float,
) -> SavedRun:
    """Return what is to be kept of a run, without a number as yet (0); parameters as of `SavedRun`.

    `snapshot` is its end, which holds draws, and an approximation where it could be judged.
    """
    heldout = snapshot.heldout
    judgement, elbo, error, gap = snapshot.approximation, snapshot.elbo, math.nan, snapshot.gap
    if judgement is not None:
        gap = judgement.gap or gap
        if math.isfinite(judgement.elbo):
            elbo, error = judgement.elbo, judgement.elbo_error
    return SavedRun(
        number=0,
        name=name,
        guide=guide,
        steps=snapshot.step,
        num_steps=num_steps,
        learning_rate=rate,
        rate_changed=rate_changed,
        seed=seed,
        num_rows=snapshot.num_rows,
        elbo=elbo,
        elbo_error=error,
        approximation=judgement,
        gap=gap,
        averaged=snapshot.averaged,
        seconds=seconds,
        curve=thinned(snapshot.curve),
        draws=snapshot.draws,
        log_evidence=_evidence(snapshot),
        heldout_elbo=math.nan if heldout is None or not len(heldout.elbo) else float(heldout.elbo[-1]),
    )


def _evidence(snapshot: Snapshot) -> float:
    exact = None if snapshot.reference is None else snapshot.reference.exact
    return math.nan if exact is None else exact.log_evidence


def thinned(curve: ElboCurve) -> ElboCurve:
    """Return a curve with at most 120 of its points, the first and the last among them."""
    count = len(curve.step)
    if count <= MAX_POINTS:
        return curve
    kept = np.unique(np.linspace(0, count - 1, MAX_POINTS).round().astype(int))
    return ElboCurve(curve.step[kept], curve.elbo[kept], curve.smoothed[kept])


def unique_name(name: str, others: Iterable[str]) -> str:
    """Return `name`, with a number behind it where another run is called so already."""
    names, count, unique = set(others), 2, name
    while unique in names:
        unique, count = f"{name} ({count})", count + 1
    return unique
