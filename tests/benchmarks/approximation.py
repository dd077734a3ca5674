"""The verdict on the guide over 20 seeds, and what the correction does to its standard deviations.

    python -m tests.benchmarks.approximation [--seeds 20]

prints the tables of README.md; some ten minutes.
"""

from __future__ import annotations

import argparse
import math
import statistics
import sys
import time
from collections import Counter
from typing import NamedTuple

import numpy as np

from rugged_widget.infer.diagnostics.approximation import furthest
from rugged_widget.infer.diagnostics.importance_correction import WEIGHTED_DRAWS
from rugged_widget.infer.diagnostics.psis import smoothed
from rugged_widget.infer.guides.sampling import as_float64, draw_with_density
from rugged_widget.regression.data.regression_data import RegressionData
from rugged_widget.regression.infer.fit import RegressionFit
from rugged_widget.regression.infer.model import BIAS, SIGMA, WEIGHT
from rugged_widget.snapshot.request import SnapshotRequest
from rugged_widget.snapshot.values import Approximation, Array

DRAW_COUNTS = (800, WEIGHTED_DRAWS, 4000)
"""Of the corrections compared; the one that is shown is the second."""

SHOWN = 1


class Case(NamedTuple):
    """A run."""

    guide: str
    learning_rate: float
    num_steps: int

    def __str__(self) -> str:
        return f"{self.guide}, {self.learning_rate:g}, {self.num_steps:,}"


CASES = (
    Case("diagonal", 0.03, 1500),
    Case("normal", 0.03, 1500),
    Case("multivariate", 0.03, 1500),
    Case("multivariate", 0.01, 3000),
    Case("parts", 0.01, 3000),
    Case("low_rank", 0.01, 3000),
    Case("laplace", 0.01, 3000),
    Case("iaf", 0.01, 3000),
)


class Outcome(NamedTuple):
    """Of one seed: the verdict, the error of standard deviations by draw count, and times."""

    verdict: Approximation
    plain: float
    corrected: tuple[float, ...]
    means: tuple[float, float]
    verdict_seconds: float
    frame_seconds: tuple[float, float]


def measure(case: Case, seed: int) -> Outcome:
    """Train and judge."""
    fit = RegressionFit(
        RegressionData.rugged(), guide=case.guide, learning_rate=case.learning_rate, seed=seed, engine="graph"
    )
    fit.advance(case.num_steps)
    fit.approximation()
    began = time.perf_counter()
    verdict = fit.approximation()
    seconds = time.perf_counter() - began
    weighed = [_moments(fit, count) for count in DRAW_COUNTS]
    return Outcome(
        verdict,
        weighed[SHOWN][0],
        tuple(after for _, after, _, _ in weighed),
        weighed[SHOWN][2:],
        seconds,
        (_frame(fit, SnapshotRequest()), _frame(fit, SnapshotRequest(correction=True))),
    )


def _frame(fit: RegressionFit, request: SnapshotRequest) -> float:
    fit.request = request
    times = []
    for _ in range(20):
        began = time.perf_counter()
        fit.snapshot()
        times.append(time.perf_counter() - began)
    return min(times)


def _moments(fit: RegressionFit, count: int) -> tuple[float, float, float, float]:
    """Root mean square over the latents of log(sd / exact sd), and of (mean - exact) / exact sd, before and after."""
    with fit.inspecting():
        drawn, density = draw_with_density(fit.guide, count)
    if density is None:
        return np.nan, np.nan, np.nan, np.nan
    draws = {name: as_float64(value) for name, value in drawn.items()}
    exact = fit.comparison.exact
    log_ratios = exact.log_joint(draws[WEIGHT], draws[BIAS], draws[SIGMA]) - as_float64(density)
    found = [_errors(draws, weights, fit) for weights in (np.full(count, 1 / count), smoothed(log_ratios).weights)]
    (sd, mean), (sd_after, mean_after) = found
    return sd, sd_after, mean, mean_after


def _errors(draws: dict[str, Array], weights: Array, fit: RegressionFit) -> tuple[float, float]:
    exact = fit.comparison.exact
    spread, place = [], []
    for site, exact_sd in exact.sd().items():
        mean = np.tensordot(weights, draws[site], 1)
        sd = np.sqrt(np.tensordot(weights, (draws[site] - mean) ** 2, 1))
        spread += np.log(sd / exact_sd).ravel().tolist()
        place += ((mean - exact.mean()[site]) / exact_sd).ravel().tolist()
    return float(np.sqrt(np.mean(np.square(spread)))), float(np.sqrt(np.mean(np.square(place))))


def _worst(verdict: Approximation) -> float:
    site, index = furthest(verdict.sd_ratios)[0] or ("", ())
    return float(verdict.sd_ratios[site][index]) if site else math.nan


def _span(values: list[float], digits: int = 2) -> str:
    return f"{statistics.median(values):.{digits}f} ({min(values):.{digits}f} to {max(values):.{digits}f})"


def rows(case: Case, outcomes: list[Outcome]) -> tuple[str, str]:
    """Return the case's row in each of the two tables."""
    verdicts = [outcome.verdict for outcome in outcomes]
    counts = Counter(verdict.quality for verdict in verdicts)
    named = ", ".join(f"{counts[name]} {name}" for name in ("good", "borderline", "poor", "point") if counts[name])
    judged = [outcome for outcome in outcomes if len(outcome.verdict.k_hats)]
    every = [float(value) for outcome in judged for value in outcome.verdict.k_hats]
    worst = [_worst(outcome.verdict) for outcome in judged]
    gaps = [outcome.verdict.gap.nats for outcome in judged if outcome.verdict.gap]
    milliseconds = 1000 * statistics.median(outcome.verdict_seconds for outcome in outcomes)
    first = f"| {case} | {named} | {_span(every)} | {_span(worst)} | {_span(gaps)} | {milliseconds:.0f} ms |"
    before = statistics.median(outcome.plain for outcome in judged)
    after = [statistics.median(outcome.corrected[place] for outcome in judged) for place in range(len(DRAW_COUNTS))]
    means = [statistics.median(outcome.means[place] for outcome in judged) for place in range(2)]
    better = sum(outcome.corrected[SHOWN] < outcome.plain for outcome in judged)
    frames = [1000 * statistics.median(outcome.frame_seconds[place] for outcome in outcomes) for place in range(2)]
    second = f"| {case} | {before:.3f} | {after[1]:.3f} | {after[0]:.3f} | {after[2]:.3f} | {better} of {len(judged)} |"
    second += f" {means[0]:.3f} | {means[1]:.3f} | {frames[0]:.1f} | {frames[1]:.1f} ms |"
    return first, second


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--guides", nargs="*", default=sorted({case.guide for case in CASES}))
    options = parser.parse_args()
    second = []
    sys.stdout.write("| guide, learning rate, steps | verdicts | k-hat | worst sd ratio | gap, nats | time |\n")
    sys.stdout.write("|---|---|---|---|---|---|\n")
    for case in CASES:
        if case.guide in options.guides:
            first, later = rows(case, [measure(case, seed) for seed in range(1, options.seeds + 1)])
            sys.stdout.write(first + "\n")
            sys.stdout.flush()
            second.append(later)
    sys.stdout.write(
        "\n| the same | sd error | corrected | by 800 draws | by 4,000 | nearer"
        " | mean error | corrected | frame | with it |\n"
    )
    sys.stdout.write("|---|---|---|---|---|---|---|---|---|---|\n" + "\n".join(second) + "\n")


if __name__ == "__main__":
    main()
