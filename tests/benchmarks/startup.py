"""Measures what passes before a widget is there, and until its run is done or its picture painted; in pairs of trees.

`python -m tests.benchmarks.startup --before PATH` compares with the working tree at PATH, taking turns.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from tests.browser import chromium
from tests.browser.lab import LabPage, notebook
from tests.browser.server import Server

if TYPE_CHECKING:
    from playwright.sync_api import Browser

HERE = Path(__file__).parents[2]

IMPORTED = """
import time
now = time.process_time
began = now()
import torch
of_torch = now() - began
import pyro, bqplot, pyro.distributions as dist
began = now()
"""
RATIO = "print((now() - began) / of_torch)"
MODEL = """
def model(y):
    mean = pyro.sample("mean", dist.Normal(0.0, 1.0))
    pyro.sample("y", dist.Normal(mean, 1.0), obs=y)

arguments = torch.zeros(3)
began = now()
"""
SCRIPTS = {
    "import RuggedWidget / import torch": f"{IMPORTED}from rugged_widget import RuggedWidget\n{RATIO}",
    "import watch / import torch": f"{IMPORTED}from rugged_widget import watch\n{RATIO}",
    "RuggedWidget() / import torch": (
        f"{IMPORTED}from rugged_widget import RuggedWidget\nbegan = now()\nRuggedWidget()\n{RATIO}"
    ),
    "watch(...) / import torch": (
        f'{IMPORTED}from rugged_widget import watch{MODEL}watch(model, "multivariate", arguments)\n{RATIO}'
    ),
    "fresh process to 1,500 steps done, s": """
import asyncio, time
from rugged_widget import RuggedWidget
widget = RuggedWidget(num_steps=1500, speed="max")
asyncio.run(widget.fit())
print(time.process_time())
""",
}

FIRST_CELL = "import sys\nsys.path.insert(0, {tree!r})\nfrom rugged_widget import RuggedWidget\nRuggedWidget()"
RUN = """() => {
    const began = performance.now();
    const look = () => {
        const lines = document.querySelectorAll(".rugged-widget svg path.line:not([d=''])").length;
        const dots = document.querySelectorAll(".rugged-widget svg path.dot").length;
        if (lines < 10 || dots < 100) return requestAnimationFrame(look);
        const channel = new MessageChannel();
        channel.port1.onmessage = () => { window.painted = (performance.now() - began) / 1000; };
        channel.port2.postMessage(0);
    };
    requestAnimationFrame(look);
    void jupyterapp.commands.execute("notebook:run-cell");
}"""


def in_a_process(script: str, tree: Path) -> float:
    """Return what a script prints in a process of its own, with compiled modules, as a person has them."""
    environment = {**os.environ, "PYTHONPATH": str(tree)}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment, cwd=tree)
    return float(done.stdout.split()[-1])


def first_paint(browser: Browser, server: Server, tree: Path) -> float:
    """Return the seconds from running the first cell to a picture that is painted."""
    with notebook(browser, server, []) as (lab, _):
        return _painted(lab, FIRST_CELL.format(tree=str(tree)))


def _painted(lab: LabPage, cell: str) -> float:
    lab.replace_cells([cell])
    lab.wait_idle()
    lab.page.evaluate(RUN)
    lab.page.wait_for_function("window.painted > 0", timeout=120_000)
    return float(lab.page.evaluate("painted"))


def main() -> None:
    """Measure and print a row a figure: before, now, and the median of the pairs' ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--before", type=Path, default=HERE, help="a working tree to compare with")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--page", action="store_true", help="measure the first painted picture in JupyterLab too")
    given = parser.parse_args()
    trees = (given.before.resolve(), HERE)
    for name, script in SCRIPTS.items():
        _print(name, [[in_a_process(script, tree) for tree in trees] for _ in range(given.rounds)])
    if given.page:
        folder = Path(tempfile.mkdtemp(prefix="rugged_widget_benchmark_"))
        with chromium.launch() as browser, Server.jupyter("lab", python=sys.executable, folder=folder) as server:
            pairs = [[first_paint(browser, server, tree) for tree in trees] for _ in range(given.rounds)]
        _print("first cell run to first picture painted, s", pairs)


def _print(name: str, pairs: list[list[float]]) -> None:
    before, now = (statistics.median(values) for values in zip(*pairs, strict=True))
    ratio = statistics.median(after / first for first, after in pairs)
    sys.stdout.write(f"| {name} | {before:.3g} | {now:.3g} | {ratio:.2f} |\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
