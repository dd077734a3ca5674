"""Rules that say when a run has converged: the one in use, and others that were tried."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import numpy as np

from rugged_widget.infer.diagnostics.convergence import ConvergenceMonitor, next_assessment
from tests.benchmarks.convergence_runs import EVERY

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from tests.benchmarks.convergence_runs import Runs

NEVER = sys.maxsize
BLOCK = 50


def ours(found: Runs) -> NDArray[np.int64]:
    """By `rugged_widget.infer.diagnostics.convergence`, which is told that the ELBO is in nats."""
    return np.array([_first(values.astype(np.float64), 1.0) for values in found.elbos])


def on_any_scale(found: Runs) -> NDArray[np.int64]:
    """By the same, of an ELBO whose scale is not known."""
    return np.array([_first(values.astype(np.float64), None) for values in found.elbos])


def _first(elbos: NDArray[np.float64], nats: float | None) -> int:
    monitor, step = ConvergenceMonitor(lambda first, last: elbos[first:last], nats=nats), 0
    while (step := next_assessment(step)) <= len(elbos):
        assessment = monitor.catch_up(step)
        if assessment is not None and assessment.since is not None:
            return assessment.since
    return NEVER


def relative_change(found: Runs) -> NDArray[np.int64]:
    """Median relative change of the ELBO over ten blocks of 50 steps below 0.01 (Kucukelbir et al. 2017, in Stan)."""
    means = _means(found, BLOCK)
    changes = np.abs(np.diff(means, axis=1) / means[:, 1:])
    return _earliest(
        (BLOCK * (i + 1), np.median(changes[:, i - 10 : i], axis=1) < 0.01) for i in range(10, changes.shape[1] + 1)
    )


def cumulative_sum(found: Runs) -> NDArray[np.int64]:
    """No alarm of a cumulative sum of the ELBO of blocks of ten steps in half of the run (Page 1954)."""
    means, size = _means(found, 10), found.elbos.shape[1] // 10
    blocks = found.elbos[:, : size * 10].reshape(len(found.elbos), size, 10)
    error = blocks.std(axis=2, ddof=1).astype(np.float64) / np.sqrt(10)

    def alarms() -> Iterator[tuple[int, NDArray[np.bool_]]]:
        level, total, count = means[:, 0].copy(), np.zeros(len(means)), np.ones(len(means))
        last, square = np.zeros(len(means)), error[:, 0] ** 2
        for i in range(1, size):
            square += 0.1 * (error[:, i] ** 2 - square)
            total = np.maximum(0, total + (means[:, i] - level) / np.sqrt(square) - 0.25)
            alarm = total > 5
            count = np.where(alarm, 1, count + 1)
            level = np.where(alarm, means[:, i], level + (means[:, i] - level) / count)
            total, last = np.where(alarm, 0, total), np.where(alarm, i, last)
            yield 10 * (i + 1), (i - last > i / 2) & (i >= 20)

    return _earliest(alarms())


def r_hat(found: Runs) -> NDArray[np.int64]:
    """Split R-hat of all parameters over the later half below 1.1 (Dhaka et al. 2020)."""

    def looks() -> Iterator[tuple[int, NDArray[np.bool_]]]:
        for count in range(24, found.iterates.shape[1] + 1, 4):
            half = count // 4
            window = found.iterates[:, count - 2 * half : count].astype(np.float64)
            first, second = window[:, :half], window[:, half:]
            within = (first.var(axis=1, ddof=1) + second.var(axis=1, ddof=1)) / 2
            between = np.stack([first.mean(axis=1), second.mean(axis=1)]).var(axis=0, ddof=1)
            ratio = np.sqrt((half - 1) / half + between / np.maximum(within, 1e-30))
            yield count * EVERY, ratio.max(axis=1) < 1.1

    return _earliest(looks())


RULES: dict[str, Callable[[Runs], NDArray[np.int64]]] = {
    "ours": ours,
    "ours, any scale": on_any_scale,
    "relative change": relative_change,
    "CUSUM": cumulative_sum,
    "R-hat": r_hat,
}


def _means(found: Runs, block: int) -> NDArray[np.float64]:
    values, count = found.elbos, found.elbos.shape[1] // block
    return values[:, : count * block].reshape(len(values), count, block).mean(axis=2, dtype=np.float64)


def _earliest(looks: Iterator[tuple[int, NDArray[Any]]]) -> NDArray[np.int64]:
    """Return the first step at which each run is found converged."""
    first: NDArray[np.int64] | None = None
    for step, converged in looks:
        first = np.full(len(converged), NEVER) if first is None else first
        first = np.where(converged & (first == NEVER), step, first)
    if first is None:
        raise ValueError("the runs are too short for an assessment")
    return first
