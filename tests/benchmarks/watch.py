"""Prints what it costs to watch a model: steps, pages and memory. Some twenty minutes; see README.md."""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from contextlib import closing
from typing import TYPE_CHECKING

import pyro
import torch
from pyro.infer import SVI

from rugged_widget import watch
from tests.benchmarks import watch_captured, watch_memory, watch_page, watch_verdict
from tests.benchmarks.figures import Figure, table
from tests.benchmarks.watch_verdict import cells
from tests.models import CASES
from tests.monitor.watched import made, watched

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.models.case import Case

NUM_STEPS = 300
ROUNDS = 3


def _seconds(work: Callable[[], object]) -> float:
    began = time.process_time()
    work()
    return time.process_time() - began


def steps(case: Case) -> Figure:
    """Measure steps by the engine plain against a loop of one's own, in turns, in processor time."""
    ratios, rates = [], []
    for _ in range(ROUNDS):
        setup = made(case)
        svi = SVI(setup.model, setup.guide, setup.optimizer, loss=setup.loss)

        def loop(svi: SVI = svi, args: tuple[object, ...] = setup.args) -> None:
            for _ in range(NUM_STEPS):
                svi.step(*args)

        bare = _seconds(loop)
        with closing(watched(case, num_steps=NUM_STEPS + 1)) as monitor:
            monitor.advance(1)
            ours = _seconds(lambda monitor=monitor: monitor.advance(NUM_STEPS))
        ratios.append(bare / ours)
        rates.append(NUM_STEPS / ours)
    detail = f"{statistics.median(rates):.0f} steps/s"
    return Figure(f"{case.name}: plain over a bare loop", statistics.median(ratios), 0.8, at_least=True, detail=detail)


def opening() -> Figure:
    """Measure opening a window on 10,000 latents."""
    pyro.clear_param_store()
    began = time.perf_counter()
    monitor = watch(cells, None, torch.linspace(-2.0, 2.0, 10_000), engine="plain", num_steps=20)
    seconds = time.perf_counter() - began
    monitor.close()
    return Figure("10,000 latents: from watch(...) to the first snapshot", seconds, 2.0, "s")


def without_a_page() -> list[Figure]:
    """Measure what needs no page, some two minutes."""
    torch.set_num_threads(1)
    by_name = {case.name: case for case in CASES}
    return [*(steps(by_name[name]) for name in ("eight schools", "autoencoder")), opening()]


PARTS = {
    "steps": without_a_page,
    "captured": watch_captured.measure,
    "verdict": watch_verdict.measure,
    "page": watch_page.measure,
    "memory": watch_memory.measure,
}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--part", choices=PARTS, help="only this one")
    part = parser.parse_args().part
    figures = [figure for name, measure in PARTS.items() if part in {None, name} for figure in measure()]
    sys.stdout.write(table(figures))


if __name__ == "__main__":
    main()
