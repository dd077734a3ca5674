"""Prints what a monitor costs a loop of one's own: an update, and the share of it. Four minutes; see README.md."""

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
from rugged_widget.infer.step.transfer import Later, Transfer
from rugged_widget.monitor import own_loop
from tests.benchmarks.figures import Figure, percentile, table
from tests.models.basic import EFFECTS, ERRORS, eight_schools

BLOCK_STEPS = 25
"""Steps in a block: short, so that other work on the machine falls on both kinds alike."""

SECONDS = 90.0

RUN_SECONDS = 10.0
"""A run whose points of held-out data are counted."""

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
    """A loop of eight schools in this kernel, whose window is displayed, though no page hears of it.

    With `heldout` it computes the ELBO of as many other schools now and then, of which `points` are the times.
    """

    def __init__(self, *, heldout: bool) -> None:
        pyro.clear_param_store()
        pyro.set_rng_seed(1)
        self._svi = SVI(eight_schools, AutoNormal(eight_schools), Adam({"lr": 0.01}), Trace_ELBO())
        data = (EFFECTS.flip(0), ERRORS) if heldout else None
        self.monitor, self._clock = Monitor(self._svi, heldout=data), _BlockClock()
        self.monitor._repr_mimebundle_()
        self.looks: list[float] = []
        self.points: list[float] = []
        self._look = self.monitor._loop.look
        self.monitor._loop._clock = self._clock
        self.monitor._loop.look = self._timed_look  # type: ignore[method-assign]

    def _timed_look(self) -> None:
        began = time.thread_time()
        self._look()
        self.looks.append(time.thread_time() - began)

    def time_points(self) -> None:
        """Time the points of held-out data, which are due by the time of the monitored blocks, as looks are."""
        heldout = self.monitor._loop.view._heldout
        if heldout is None:
            return
        ask = heldout.ask
        heldout._clock = self._clock
        heldout._paid = heldout._rested = self._clock()

        def timed(step: int, transfer: Transfer) -> Later[None]:
            began = time.thread_time()
            note = ask(step, transfer)
            spent = time.thread_time() - began
            return lambda: self._noted(note, spent)

        heldout.ask = timed  # type: ignore[method-assign]

    def _noted(self, note: Later[None], spent: float) -> None:
        began = time.thread_time()
        note()
        self.points.append(spent + time.thread_time() - began)

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


def blocks_in_kernel(*, heldout: bool) -> tuple[list[list[float]], list[float]]:
    """Measure, in a cell of a kernel, short blocks of steps, without and with updates, in turns.

    Returns
    -------
    list
        For each pair of blocks the processor time of the thread, in seconds: of the bare one, of the other without its
        looks, and of each of these looks.
    list
        Time of each point of held-out data, which is a part of that of looks.
    """
    torch.set_num_threads(1)
    loop, found = _Loop(heldout=heldout), []
    with closing(loop.monitor):
        loop.monitored(), loop.bare()
        loop.time_points()
        until = time.monotonic() + SECONDS
        while time.monotonic() < until:
            loop.looks.clear()
            alone, told = loop.bare(), loop.monitored()
            found.append([alone, told - sum(loop.looks), *loop.looks])
    return found, loop.points


def measured(*, heldout: bool) -> tuple[list[list[float]], list[float]]:
    """Measure `blocks_in_kernel` in a kernel that a cell keeps busy."""
    manager, client = start_new_kernel()
    try:
        code = f"from tests.benchmarks import own_loop; found = own_loop.blocks_in_kernel(heldout={heldout})"
        sent = client.execute(code, store_history=False, user_expressions={"found": "__import__('json').dumps(found)"})
        while (reply := client.get_shell_msg(timeout=LIMIT_SECONDS))["parent_header"].get("msg_id") != sent:
            pass
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
    if reply["content"]["status"] != "ok":
        raise RuntimeError("\n".join(reply["content"]["traceback"]))
    pairs, points = json.loads(reply["content"]["user_expressions"]["found"]["data"]["text/plain"].strip("'"))
    return pairs, points


def share() -> list[Figure]:
    """Measure how much longer a loop takes with its window, in a cell that keeps a kernel busy.

    The share of looks is a ratio of sums. By how much steps between looks are slower than bare ones is a median over
    pairs, with the range in which it lies with 95 %: looks themselves are in one of many blocks, which no median would
    see.
    """
    pairs, _ = measured(heldout=False)
    looks = [look for pair in pairs for look in pair[2:]]
    steps = sum(pair[1] for pair in pairs)
    inside = 100 * sum(looks) / steps
    ratios = [100 * (told / alone - 1) for alone, told, *_ in pairs]
    low, high = (percentile(ratios, percent) for percent in (25, 75))
    error = 1.96 * 1.2533 * (high - low) / 1.349 / len(ratios) ** 0.5  # of the median of normal numbers
    between = statistics.median(ratios)
    spread = f"{between:.2f} \N{PLUS-MINUS SIGN} {error:.2f}, median of {len(ratios)} pairs of {BLOCK_STEPS} steps"
    often = f"{len(looks) / (steps + sum(looks)):.1f} a second of {1e3 * statistics.median(looks):.1f} ms"
    return [
        Figure("eight schools: looks, of the steps", inside, 3, "%", detail=often),
        Figure("looks, and what steps between them take more", inside + between, 3, "%", detail=spread),
    ]


def heldout() -> list[Figure]:
    """Measure what held-out data adds: its points, of the steps, and how many there are in a run of ten seconds."""
    pairs, points = measured(heldout=True)
    steps, looks = sum(pair[1] for pair in pairs), sum(look for pair in pairs for look in pair[2:])
    rate = len(pairs) * BLOCK_STEPS / steps
    each = f"{1e3 * statistics.median(points):.1f} ms each, {len(points)} of them, {rate:.0f} steps/s"
    in_a_run = RUN_SECONDS * len(points) / (steps + looks)
    return [
        Figure("with held-out data: its points, of the steps", 100 * sum(points) / steps, 1, "%", detail=each),
        Figure("looks with these, of the steps", 100 * looks / steps, 3, "%"),
        Figure(f"points in {RUN_SECONDS:g} s", in_a_run, 10, at_least=True),
    ]


if __name__ == "__main__":
    sys.stdout.write(table([update(), *share(), *heldout()]))
