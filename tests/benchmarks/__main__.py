"""Prints the table of the figures to reach, measured now. Some twenty minutes on two quiet cores; see README.md."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from tests.benchmarks import engines, fresh, live, process
from tests.benchmarks.figures import Figure, table
from tests.browser import chromium
from tests.browser.lab import notebook
from tests.browser.server import Server

CELL = "from rugged_widget import RuggedWidget\nwidget = RuggedWidget(num_steps=10**9, speed='max')\nwidget"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="leave out the million steps of the memory figure")
    quick = parser.parse_args().quick
    figures: list[Figure] = [process.import_seconds(), process.exact_milliseconds()]
    figures += [*engines.measure(), *fresh.measure()]
    figures += [process.cell_delay(engine) for engine in ("plain", "graph", "jax")]
    with (
        chromium.launch() as browser,
        Server.jupyter("lab", python=sys.executable, folder=_folder()) as server,
        notebook(browser, server, [CELL]) as (lab, shown),
    ):
        figures += live.measure(lab.page, shown.kernel)
    if not quick:
        figures.append(process.memory_growth())
    sys.stdout.write(table(figures))


def _folder() -> Path:
    return Path(tempfile.mkdtemp(prefix="rugged_widget_benchmark_"))


if __name__ == "__main__":
    main()
