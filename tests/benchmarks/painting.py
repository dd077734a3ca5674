"""Prints what a painted frame costs the browser while the lesson trains at full speed, of two trees in turns.

`python -m tests.benchmarks.painting [--before PATH]`, three minutes: the tree at PATH, with its front end built, is the
one to compare with. Processor time is that of the renderer and the GPU process, less that of the page at rest.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from tests.benchmarks.figures import Figure, table
from tests.browser import chromium
from tests.browser.lab import notebook
from tests.browser.server import Server

if TYPE_CHECKING:
    from playwright.sync_api import Browser

    from tests.browser.kernel import Kernel

HERE = Path(__file__).parents[2]
CELL = "from rugged_widget import RuggedWidget\nwidget = RuggedWidget(num_steps=10**9, speed='max')\nwidget"
# In the kernel: counts the frames that the page says it has painted.
COUNTER = """
_stream, _painted = widget.children[-1], [0]
_hear = _stream._hear
_stream.on_msg(_hear, remove=True)

def _counting(widget, content, buffers):
    if content.get("k") == "ack":
        _painted[0] += int(content.get("painted", 1))
    _hear(widget, content, buffers)

_stream.on_msg(_counting)
"""
STATE = "[_painted[0], widget.step]"
ROUNDS = 4
SECONDS, REST_SECONDS, START_SECONDS = 10.0, 3.0, 2.0


class Run(NamedTuple):
    """Processor time of the browser in ms a painted frame, painted frames and steps a second."""

    milliseconds: float
    frames: float
    steps: float


def _processor_seconds(browser: Browser) -> float:
    session = browser.new_browser_cdp_session()
    processes = session.send("SystemInfo.getProcessInfo")["processInfo"]
    session.detach()
    return float(sum(process["cpuTime"] for process in processes if process["type"] in {"renderer", "GPU"}))


def _rate(browser: Browser, seconds: float) -> float:
    """Return the browser's processor seconds a second."""
    before, began = _processor_seconds(browser), time.monotonic()
    time.sleep(seconds)
    return (_processor_seconds(browser) - before) / (time.monotonic() - began)


def _run(browser: Browser, kernel: Kernel) -> Run:
    resting = _rate(browser, REST_SECONDS)
    kernel.run("widget.start()")
    time.sleep(START_SECONDS)
    before, began = kernel.value(STATE), time.monotonic()
    running = _rate(browser, SECONDS)
    after, seconds = kernel.value(STATE), time.monotonic() - began
    kernel.run("widget.pause()")
    frames, steps = ((new - old) / seconds for old, new in zip(before, after, strict=True))
    return Run(1e3 * (running - resting) / frames, frames, steps)


def measure(trees: dict[str, Path]) -> dict[str, list[Run]]:
    """Train in a page of each tree, one at a time, in turns."""
    with ExitStack() as stack:
        browser = stack.enter_context(chromium.launch())
        kernels = {}
        for name, path in trees.items():
            folder = Path(tempfile.mkdtemp())
            server = stack.enter_context(Server.jupyter("lab", python=sys.executable, folder=folder, path=path))
            lab, shown = stack.enter_context(notebook(browser, server, [CELL]))
            lab.page.wait_for_selector(".rugged-widget .rw-primary")
            shown.kernel.run(COUNTER)
            kernels[name] = shown.kernel
        runs: dict[str, list[Run]] = {name: [] for name in trees}
        for number in range(ROUNDS + 1):
            for name, kernel in kernels.items():
                run = _run(browser, kernel)
                if number:  # the first captures the step
                    runs[name].append(run)
        return runs


def _figures(runs: dict[str, list[Run]]) -> list[Figure]:
    now = [statistics.median(column) for column in zip(*runs["now"], strict=True)]
    told = [" ".join(f"{name} {run.milliseconds:.1f}" for run in of_tree) for name, of_tree in runs.items()]
    rates = [Figure("painted frames a second", now[1], 30, at_least=True, detail=f"beside {now[2]:.0f} steps/s")]
    if "before" not in runs:
        return rates
    ratio = now[0] / statistics.median(run.milliseconds for run in runs["before"])
    what = "processor time of the browser a painted frame / before"
    return [Figure(what, ratio, 0.42, "x", detail=f"ms: {'; '.join(told)}"), *rates]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--before", type=Path)
    before = parser.parse_args().before
    trees = {"now": HERE} if before is None else {"before": before.resolve(), "now": HERE}
    sys.stdout.write(table(_figures(measure(trees))))


if __name__ == "__main__":
    main()
