"""Print how well rules detect convergence, what averaging gains, and what both cost; see README.md."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

import numpy as np

from tests.benchmarks import convergence_costs
from tests.benchmarks.convergence_rules import NEVER, RULES
from tests.benchmarks.convergence_runs import RATES, models, runs

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tests.benchmarks.convergence_runs import Runs

NUM_RUNS = 200
SEED = 11
SMOOTHED = 101
"""Steps that the mean curve of all runs is smoothed over."""


def converged_from(found: Runs) -> int:
    """Return the step from which on the mean ELBO of all runs stays within the tolerance of its last quarter.

    The tolerance is half a nat, or a tenth of the noise of one step where that is more.
    """
    curve = found.elbos.mean(axis=0, dtype=np.float64)
    quarter = len(curve) // 4
    level, tolerance = curve[-quarter:].mean(), max(0.5, 0.1 * found.elbos[:, -quarter:].std())
    smooth = np.convolve(curve, np.full(SMOOTHED, 1 / SMOOTHED), "valid")
    below = np.flatnonzero(smooth < level - tolerance)
    return int(below[-1]) + SMOOTHED // 2 + 2 if len(below) else 1


def _said(steps: NDArray[np.int64], truth: int) -> str:
    """Say false alarms, the median of the steps at which it is said, and the runs in which it never is."""
    median, never = float(np.median(steps)), float(np.mean(steps == NEVER))
    reached = f"{median:,.0f}" if median < NEVER else "-"
    missed = f", {100 * never:.0f} % never" if never else ""
    return f"{100 * np.mean(steps < truth):.1f} %, {reached}{missed}"


def table(num_runs: int) -> str:
    """Measure all rules over all models and learning rates; return a table in Markdown."""
    head = ["model", "rate", "converged from", *RULES, "noise cost"]
    lines = ["| " + " | ".join(head) + " |", "|---" * len(head) + "|"]
    false = dict.fromkeys(RULES, 0.0)
    for name, model in models().items():
        for rate, num_steps in RATES.items():
            found = runs(model, rate, num_steps, num_runs, SEED)
            truth, cells = converged_from(found), []
            for rule, judge in RULES.items():
                steps = judge(found)
                false[rule] += float(np.mean(steps < truth)) / len(models()) / len(RATES)
                cells.append(_said(steps, truth))
            cost = rate / 4 * np.sqrt(found.squares).sum(axis=1).mean()
            level = found.elbos[:, -num_steps // 4 :].mean()
            lines.append(f"| {name} | {rate} | {truth:,} | {' | '.join(cells)} | {cost:.2f} at {level:.2f} |")
    lines.append("| all | | | " + " | ".join(f"{100 * share:.1f} %" for share in false.values()) + " | |")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=NUM_RUNS, help="of each model at each learning rate")
    parser.add_argument("--part", choices=["rules", "averaging", "speed"], help="measure this alone")
    chosen = parser.parse_args()
    parts = {
        "rules": lambda: table(chosen.runs),
        "averaging": convergence_costs.averaging,
        "speed": convergence_costs.speed,
    }
    for name, measure in parts.items():
        if chosen.part in {None, name}:
            sys.stdout.write(measure() + "\n")


if __name__ == "__main__":
    main()
