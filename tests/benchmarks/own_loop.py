"""Prints what a monitor costs a loop of one's own: an update, and the share of the loop; a minute, see README.md."""

from __future__ import annotations

import statistics
import sys
import time
from contextlib import closing
from unittest import mock

import pyro
from pyro.infer import SVI, Trace_ELBO
from pyro.infer.autoguide import AutoNormal
from pyro.optim import Adam

from rugged_widget import Monitor
from rugged_widget.monitor import own_loop
from rugged_widget.monitor.view import loop_window
from tests.benchmarks.figures import Figure, table
from tests.models.basic import EFFECTS, ERRORS, eight_schools

NUM_STEPS = 3000
ROUNDS = 9


def update() -> Figure:
    """Measure an update where nothing is due."""
    with closing(Monitor()) as monitor, mock.patch.object(own_loop, "LOOK_SECONDS", 1e9):
        monitor.update(1.0)
        began = time.process_time()
        for _ in range(100_000):
            monitor.update(1.0, EFFECTS, ERRORS)
        return Figure("update, nothing due", (time.process_time() - began) * 10, 20, "us")


def _loop(*, monitored: bool) -> float:
    """Return the processor time of a loop, with a window whose frames go out unheard, as in a cell that blocks."""
    pyro.clear_param_store()
    pyro.set_rng_seed(1)
    svi = SVI(eight_schools, AutoNormal(eight_schools), Adam({"lr": 0.01}), Trace_ELBO())
    with closing(Monitor(svi)) as monitor:
        monitor._repr_mimebundle_()
        monitor.update(svi.step(EFFECTS, ERRORS), EFFECTS, ERRORS)  # opens the window
        began = time.process_time()
        for _ in range(NUM_STEPS):
            loss = svi.step(EFFECTS, ERRORS)
            if monitored:
                monitor.update(loss, EFFECTS, ERRORS)
        return time.process_time() - began


def share() -> Figure:
    """Measure how much longer a loop takes with its window, in turns."""
    with mock.patch.object(loop_window, "in_notebook", return_value=True):
        pairs = [(_loop(monitored=False), _loop(monitored=True)) for _ in range(ROUNDS)]
    shares = [100 * (with_window / bare - 1) for bare, with_window in pairs]
    note = ", ".join(f"{one:.1f}" for one in sorted(shares))
    return Figure(
        "eight schools: a loop with its window over a bare one", statistics.median(shares), 3, "%", detail=note
    )


if __name__ == "__main__":
    sys.stdout.write(table([update(), share()]))
