"""How long a snapshot of each guide takes: `python -m tests.benchmarks.guides`, a minute."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any

from rugged_widget import RegressionData
from rugged_widget.infer.guides.families import GUIDE_LABELS
from rugged_widget.regression.infer.fit import RegressionFit
from tests.infer.own_guides import OWN

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

REPEATS = 20
LIMIT = 16.0
"""Milliseconds for a snapshot between two frames; a guide that has to be called draw by draw is beyond it."""


def measure() -> Iterator[tuple[str, float, float, float]]:
    """Yield the name of each guide and milliseconds of a snapshot: before the first step, by Pyro, and captured."""
    data = RegressionData.rugged()
    for name, guide in {**{name: name for name in GUIDE_LABELS}, **OWN}.items():
        plain, captured = (RegressionFit(data, guide=guide, engine=engine) for engine in ("plain", "graph"))
        plain.snapshot()
        before = milliseconds(plain.snapshot)
        for fit in (plain, captured):
            fit.advance(5)
            while fit.prepare():
                pass
            fit.snapshot()
        yield name, before, milliseconds(plain.snapshot), milliseconds(captured.snapshot)


def milliseconds(call: Callable[[], Any]) -> float:
    """Return the time of the quickest of some calls: what others do on the machine only adds to it."""
    found = []
    for _ in range(REPEATS):
        began = time.perf_counter()
        call()
        found.append(time.perf_counter() - began)
    return 1e3 * min(found)


def main() -> None:
    """Print the table."""
    sys.stdout.write("| guide | at step 0, ms | by Pyro, ms | captured, ms |\n|---|---:|---:|---:|\n")
    for name, *times in measure():
        far = "" if times[-1] <= LIMIT else " (beyond a frame)"
        sys.stdout.write(f"| {name}{far} | {' | '.join(f'{value:.1f}' for value in times)} |\n")


if __name__ == "__main__":
    main()
