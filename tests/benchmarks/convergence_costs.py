"""What averaging brings to the default run, and what the diagnostics cost in speed."""

from __future__ import annotations

import statistics
import time
from typing import TYPE_CHECKING

import numpy as np

from rugged_widget.infer.svi.run_log import Record
from rugged_widget.regression.data.regression_data import regression_data
from rugged_widget.regression.infer.fit import RegressionFit

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rugged_widget.infer.step.pyro_step import Taken

SEEDS = range(1, 21)
PAIRS = 200
STEPS = {"plain": 50, "graph": 500, "jax": 50_000}
"""Steps of one measurement by each engine; short ones, for what else the machine does to fall on both alike."""


def _fit(seed: int, engine: str) -> RegressionFit:
    names = {"response": None, "predictor": None, "group": None}
    return RegressionFit(regression_data(None, names, log_response=False, label=None), seed=seed, engine=engine)


def averaging() -> str:
    """Run the default run with 20 seeds; return the spread of its parameters before and after averaging."""
    before, after, gaps, converged = [], [], [], 0
    for seed in SEEDS:
        fit = _fit(seed, "graph")
        fit.advance(1500)
        converged += fit.convergence().state == "converged"
        gap = fit.snapshot().gap
        before.append(_parameters(fit))
        fit.average_iterates()
        averaged = fit.snapshot().gap
        after.append(_parameters(fit))
        if gap is not None and averaged is not None:
            gaps.append((gap.nats, averaged.nats))
    lines = [f"converged at step 1500: {converged} of {len(SEEDS)} seeds", ""]
    lines += ["| | before | after |", "|---|---|---|"]
    one, other = np.array(before), np.array(after)
    half = one.shape[1] // 2
    for name, part in (("loc, in posterior sd", slice(0, half)), ("log scale", slice(half, None))):
        unit = np.exp(other[:, half:].mean(axis=0)) if part.start == 0 else 1.0
        spread = [float(np.sqrt(np.mean((values[:, part].std(axis=0, ddof=1) / unit) ** 2))) for values in (one, other)]
        lines.append(f"| sd of {name}, over seeds | {spread[0]:.3f} | {spread[1]:.3f} |")
    means = np.mean(gaps, axis=0)
    worst = np.max(gaps, axis=0)
    lines.append(f"| gap, mean, nats | {means[0]:.3f} | {means[1]:.3f} |")
    lines.append(f"| gap, worst seed, nats | {worst[0]:.3f} | {worst[1]:.3f} |")
    return "\n".join(lines) + "\n"


def _parameters(fit: RegressionFit) -> list[float]:
    loc, scale = fit.param_store().values()
    return [*loc, *np.log(scale)]


class _Bare(Record):
    """Keeps the ELBO and nothing else, as if there were no diagnostics."""

    def room(self, *, judged: bool) -> int:
        return 1 << 30

    def add(self, taken: Taken) -> None:
        self.history.truncate(taken.start)
        self.history.extend((-taken.losses).tolist(), taken.learning_rates.tolist())


def speed() -> str:
    """Train with the diagnostics and without, in turns in one process; return the ratio of the speeds."""
    lines = ["| engine | steps/s without | with / without | quartiles |", "|---|---|---|---|"]
    for engine, num_steps in STEPS.items():
        ratios, bare = [], []
        for off, on in _pairs(engine, num_steps):
            bare.append(num_steps / off)
            ratios.append(off / on)
        low, median, high = statistics.quantiles(ratios, n=4)
        lines.append(f"| {engine} | {statistics.median(bare):,.0f} | {median:.3f} | {low:.3f} to {high:.3f} |")
    return "\n".join(lines) + "\n"


def _pairs(engine: str, num_steps: int) -> Iterator[tuple[float, float]]:
    """Yield seconds without and with diagnostics; which comes first changes."""
    with_them, without = _fit(1, engine), _fit(1, engine)
    without._record = _Bare(without._stepping.parameters)
    for fit in (with_them, without):
        fit.advance(100)
        fit.wait_for_engine(60)
    for turn in range(PAIRS):
        seconds = {}
        for fit in (with_them, without) if turn % 2 else (without, with_them):
            began = time.process_time()
            for _ in range(5):
                fit.advance(num_steps // 5)
                if fit is with_them:
                    fit.convergence()
            seconds[fit is with_them] = time.process_time() - began
        yield seconds[False], seconds[True]
