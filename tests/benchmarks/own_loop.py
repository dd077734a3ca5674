"""Prints what a monitor costs a loop of one's own: an update, and the share of the loop. Two minutes; see README.md."""

from __future__ import annotations

import json
import statistics
import sys
import time
from contextlib import closing
from unittest import mock

import pyro
import torch
from jupyter_client.manager import start_new_kernel
from pyro.infer import SVI, Trace_ELBO
from pyro.infer.autoguide import AutoNormal
from pyro.optim import Adam

from rugged_widget import Monitor
from rugged_widget.monitor import own_loop
from tests.benchmarks.figures import Figure, percentile, table
from tests.models.basic import EFFECTS, ERRORS, eight_schools

BLOCK_STEPS, BLOCKS = 50, 16
"""Steps in a block, and blocks of either kind in a pair: other work on the machine falls on both kinds alike."""

SECONDS = 90.0
FEWEST_PAIRS = 6
LIMIT_SECONDS = 600


def update() -> Figure:
    """Measure an update where nothing is due."""
    with closing(Monitor()) as monitor, mock.patch.object(own_loop, "LOOK_SECONDS", 1e9):
        monitor.update(1.0)
        times = []
        for _ in range(20):
            began = time.thread_time()
            for _ in range(5_000):
                monitor.update(1.0, EFFECTS, ERRORS)
            times.append((time.thread_time() - began) / 5_000 * 1e6)
    note = f"median of 20 times 5,000, {min(times):.2f} to {max(times):.2f}"
    return Figure("update, nothing due", statistics.median(times), 20, "us", detail=note)


class _BlockClock:
    """Processor time of the thread in the blocks that are monitored, so that looks are as frequent as in one loop."""

    def __init__(self) -> None:
        self._before, self._began = 0.0, time.thread_time()

    def __call__(self) -> float:
        return self._before + time.thread_time() - self._began

    def begin(self) -> None:
        """Go on."""
        self._began = time.thread_time()

    def end(self) -> None:
        """Stand still."""
        self._before = self()


class _Loop:
    """A loop of eight schools in this kernel, whose window is displayed, though no page hears of it."""

    def __init__(self) -> None:
        pyro.clear_param_store()
        pyro.set_rng_seed(1)
        self._svi = SVI(eight_schools, AutoNormal(eight_schools), Adam({"lr": 0.01}), Trace_ELBO())
        self.monitor, self._clock = Monitor(self._svi), _BlockClock()
        self.monitor._repr_mimebundle_()
        self.looks: list[float] = []
        self._look = self.monitor._loop.look
        self.monitor._loop._clock = self._clock
        self.monitor._loop.look = self._timed_look  # type: ignore[method-assign]

    def _timed_look(self) -> None:
        began = time.thread_time()
        self._look()
        self.looks.append(time.thread_time() - began)

    def bare(self) -> float:
        """Return the time of a block of steps."""
        began = time.thread_time()
        for _ in range(BLOCK_STEPS):
            self._svi.step(EFFECTS, ERRORS)
        return time.thread_time() - began

    def monitored(self) -> float:
        """Return the time of a block of steps that the monitor is told of."""
        self._clock.begin()
        began = time.thread_time()
        for _ in range(BLOCK_STEPS):
            self.monitor.update(self._svi.step(EFFECTS, ERRORS), EFFECTS, ERRORS)
        spent = time.thread_time() - began
        self._clock.end()
        return spent


def shares_in_kernel() -> dict[str, list[float]]:
    """Measure, in a cell of a kernel, pairs of many short blocks of steps, without and with updates, in turns.

    Returns
    -------
    dict
        For each pair, in percent: how much longer the steps with updates took, and the time inside looks; the number
        of looks a second, and the length of one in ms; all in processor time of the thread.
    """
    torch.set_num_threads(1)
    loop = _Loop()
    found: dict[str, list[float]] = {"share": [], "inside": [], "looks/s": [], "ms each": []}
    with closing(loop.monitor):
        loop.monitored(), loop.bare()
        until = time.monotonic() + SECONDS
        while time.monotonic() < until or len(found["share"]) < FEWEST_PAIRS:
            loop.looks.clear()
            blocks = [(loop.bare(), loop.monitored()) for _ in range(BLOCKS)]
            alone, told = (sum(times) for times in zip(*blocks, strict=True))
            found["share"].append(100 * (told / alone - 1))
            found["inside"].append(100 * sum(loop.looks) / (told - sum(loop.looks)))
            found["looks/s"].append(len(loop.looks) / told)
            found["ms each"].append(1e3 * sum(loop.looks) / max(1, len(loop.looks)))
    return found


def share() -> list[Figure]:
    """Measure how much longer a loop takes with its window, in a cell that keeps a kernel busy."""
    manager, client = start_new_kernel()
    try:
        code = "from tests.benchmarks import own_loop as measured; found = measured.shares_in_kernel()"
        sent = client.execute(code, store_history=False, user_expressions={"found": "__import__('json').dumps(found)"})
        while (reply := client.get_shell_msg(timeout=LIMIT_SECONDS))["parent_header"].get("msg_id") != sent:
            pass
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
    if reply["content"]["status"] != "ok":
        raise RuntimeError("\n".join(reply["content"]["traceback"]))
    found = json.loads(reply["content"]["user_expressions"]["found"]["data"]["text/plain"].strip("'"))
    return [
        _figure("eight schools: a loop with its window over a bare one", found.pop("share")),
        _figure("the same, time inside looks alone", found.pop("inside"), **found),
    ]


def _figure(what: str, shares: list[float], **others: list[float]) -> Figure:
    """Return the median of shares, with the range in which it lies with 95 % and the middle half of the pairs."""
    count, middle = len(shares), statistics.median(shares)
    low, high = (percentile(shares, percent) for percent in (25, 75))
    error = 1.96 * 1.2533 * (high - low) / 1.349 / count**0.5  # of the median of normal numbers
    note = f"median of {count} pairs \N{PLUS-MINUS SIGN} {error:.1f}, half of them {low:.1f} to {high:.1f}"
    notes = [f"{statistics.median(values):.1f} {name}" for name, values in others.items()]
    return Figure(what, middle, 3, "%", detail=", ".join([note, *notes]))


if __name__ == "__main__":
    sys.stdout.write(table([update(), *share()]))
