"""What is measured in a process of its own."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Callable

from jupyter_client.manager import start_new_kernel

from tests.benchmarks.figures import Figure, percentile

IMPORT = """
import time
import torch, pyro, bqplot
began = time.perf_counter()
import rugged_widget
print(time.perf_counter() - began)
"""

MEMORY = """
import asyncio, gc, os, psutil
from rugged_widget import RuggedWidget

async def main():
    widget = RuggedWidget(num_steps=1_001_000, speed="max")
    widget.num_steps = 1000
    await widget.fit()
    gc.collect()
    before = psutil.Process().memory_info().rss
    widget.num_steps = 1_001_000
    await widget.fit()
    gc.collect()
    print((psutil.Process().memory_info().rss - before) / 1e6)

asyncio.run(main())
"""

EXACT = """
import time
from rugged_widget import load_rugged
from rugged_widget.regression.infer.exact.posterior import ExactPosterior
from rugged_widget.regression.data.regression_data import RegressionData
data = RegressionData.rugged()

def seconds():
    began = time.process_time()
    ExactPosterior(data.features, data.targets, grid=data.grid()).answer([0.05, 0.25, 0.5, 0.75, 0.95], 0.9)
    return time.process_time() - began

print(1e3 * min(seconds() for _ in range(50)))
"""


def _printed(script: str) -> float:
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return float(done.stdout.split()[-1])


def exact_milliseconds() -> Figure:
    """Measure the exact posterior of the lesson, with all that is drawn of it."""
    return Figure("exact posterior, all that is drawn", _printed(EXACT), 5.0, "ms", detail="processor time, best of 50")


def import_seconds() -> Figure:
    """Measure how long the import takes beyond those of torch, pyro and bqplot."""
    values = [_printed(IMPORT) for _ in range(5)]
    return Figure("import beyond torch, pyro, bqplot", statistics.median(values), 0.3, "s", detail="median of 5")


def memory_growth() -> Figure:
    """Measure how much a process grows over a million steps."""
    return Figure("memory over 10^6 steps", _printed(MEMORY), 10.0, "MB", detail="resident, after the first 1,000")


def cell_milliseconds(run: Callable[[str], object], count: int = 80) -> list[float]:
    """Measure how long a trivial cell takes, again and again."""
    times = []
    for _ in range(count):
        began = time.perf_counter()
        run("1 + 1")
        times.append(1e3 * (time.perf_counter() - began))
        time.sleep(0.05)
    return times


def cell_delay(engine: str) -> Figure:
    """Measure how much longer a trivial cell takes while a widget trains by an engine, in a kernel without a page."""
    manager, client = start_new_kernel()
    try:

        def run(code: str) -> None:
            sent = client.execute(code, silent=True, store_history=False)
            while client.get_shell_msg(timeout=60)["parent_header"].get("msg_id") != sent:
                pass

        run(
            "from rugged_widget import RuggedWidget\n"
            f"widget = RuggedWidget(num_steps=10**9, speed='max', engine={engine!r})"
        )
        idle = cell_milliseconds(run)
        run("widget.start()")
        time.sleep(2)
        run("widget._session.training.fit.wait_for_engine(60)")
        time.sleep(2)
        busy = cell_milliseconds(run)
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
    return cell_figure(f"a trivial cell while training by {engine}, 95 %, beyond idle", idle, busy)


def cell_figure(what: str, idle: list[float], busy: list[float]) -> Figure:
    """Return the figure of a cell's delay."""
    detail = f"idle {percentile(idle, 95):.0f} ms, training {percentile(busy, 95):.0f} ms"
    return Figure(what, percentile(busy, 95) - percentile(idle, 95), 5, "ms", detail=detail)
