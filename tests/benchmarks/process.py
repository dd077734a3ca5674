"""What is measured in a process of its own."""

from __future__ import annotations

import statistics
import subprocess
import sys

from tests.benchmarks.figures import Figure

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
    widget = RuggedWidget(num_steps=201_000, speed="max")
    widget.num_steps = 1000
    await widget.fit()
    gc.collect()
    before = psutil.Process().memory_info().rss
    widget.num_steps = 201_000
    await widget.fit()
    gc.collect()
    print((psutil.Process().memory_info().rss - before) / 1e6)

asyncio.run(main())
"""


def _printed(script: str) -> float:
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return float(done.stdout.split()[-1])


def import_seconds() -> Figure:
    """Measure how long the import takes beyond those of torch, pyro and bqplot."""
    values = [_printed(IMPORT) for _ in range(5)]
    return Figure("import beyond torch, pyro, bqplot", statistics.median(values), 0.3, "s", detail="median of 5")


def memory_growth() -> Figure:
    """Measure how much a process grows over 200,000 steps."""
    return Figure("memory over 200,000 steps", _printed(MEMORY), 10.0, "MB", detail="resident, after the first 1,000")
