"""Prints what bounds the steps beside a page that moves, by taking one thing after another away.

`python -m tests.benchmarks.bounds [--rounds 3]`, a minute and a half a round: the lesson by the graph engine at full
speed in JupyterLab, in turns with no frame at all. The ratio of steps a second holds everything; that of steps a
second of processor time of the kernel's main thread leaves out what waits for a core.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from tests.benchmarks.processors import Processes, Processors
from tests.browser import chromium
from tests.browser.lab import notebook
from tests.browser.server import Server

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.browser.kernel import Kernel
    from tests.browser.lab import LabPage

SECONDS, SETTLE_SECONDS = 5.0, 1.5

# Takes away what `arrange` is told: every frame, sending it, hiding it when its page is not seen, the pace of frames.
CELL = """
from rugged_widget import RuggedWidget
from rugged_widget.view.frames.page_pace import PagePace

class ByTheClock(PagePace):
    def __init__(self, rate, heard):
        super().__init__()
        self._rate, self._heard = rate, heard
    @property
    def seconds(self):
        return 1 / self._rate if self._rate else super().seconds
    def sent(self, seq, now):
        super().sent(seq, now)
        if not self._heard:
            self.clear()

widget = RuggedWidget(num_steps=10**9, speed="max", engine="graph")
_stream, counts = widget.children[-1], [0, 0]
_ready, _send, _see, _hear, _push = widget._dashboard.ready, _stream.send, _stream._see, _stream._hear, _stream.push

def _counted_push(*args):
    counts[0] += 1
    _push(*args)

def _counted_hear(of, content, buffers):
    if content.get("k") == "ack":
        counts[1] += int(content.get("painted", 1))
    _hear(of, content, buffers)

_stream.push = _counted_push
_stream.on_msg(_hear, remove=True)
_stream.on_msg(_counted_hear)

def arrange(frames=True, sends=True, rate=None):
    widget._dashboard.ready = _ready if frames else lambda: False
    _stream.send = _send if sends else lambda *args, **kwargs: None
    _stream._pace = ByTheClock(rate, sends)
    _stream._forget()

_stream._see = lambda page, *, seen: _see(page, seen=True)
widget
"""
STATE = "[widget.step, *counts]"


class Mode(NamedTuple):
    """What is taken away."""

    name: str
    arrangement: str = ""
    painted: bool = True
    pinned: bool = False


MODES = [
    Mode("the pace as it is"),
    Mode("the same, kernel alone on one core", pinned=True),
    Mode("10 frames/s", "rate=10"),
    Mode("20 frames/s", "rate=20"),
    Mode("30 frames/s", "rate=30"),
    Mode("30 frames/s, computed, not sent", "rate=30, sends=False"),
    Mode("30 frames/s, sent, not painted", "rate=30", painted=False),
    Mode("30 frames/s, kernel alone on one core", "rate=30", pinned=True),
    Mode("40 frames/s", "rate=40"),
]


class Reading(NamedTuple):
    """Steps, computed frames and painted frames a second, and processor seconds a second."""

    steps: float
    frames: float
    painted: float
    spent: Processors

    @property
    def per_processor_second(self) -> float:
        """Steps a second of processor time of the kernel's main thread."""
        return self.steps / self.spent.main


def _read(kernel: Kernel, processes: Processes) -> Reading:
    time.sleep(SETTLE_SECONDS)
    before, spent, began = kernel.value(STATE), processes.read(), time.monotonic()
    time.sleep(SECONDS)
    after, spent, seconds = kernel.value(STATE), processes.read().since(spent), time.monotonic() - began
    return Reading(*((new - old) / seconds for new, old in zip(after, before, strict=True)), spent=spent.over(seconds))


def _show(page: LabPage, *, painted: bool) -> None:
    page.page.evaluate(
        "shown => { document.querySelector('.rugged-widget').style.display = shown; }", "" if painted else "none"
    )


def _pair(mode: Mode, lab: LabPage, kernel: Kernel, processes: Processes) -> tuple[Reading, Reading]:
    """Return readings without any frame and in a mode, on the same cores."""
    cores = sorted(os.sched_getaffinity(0))
    processes.pin(cores[1:] if mode.pinned else cores, cores[:1] if mode.pinned else cores)
    try:
        kernel.run("arrange(frames=False)")
        without = _read(kernel, processes)
        _show(lab, painted=mode.painted)
        kernel.run(f"arrange({mode.arrangement})")
        return without, _read(kernel, processes)
    finally:
        _show(lab, painted=True)
        processes.pin(cores, cores)


def measure(rounds: int) -> dict[str, list[tuple[Reading, Reading]]]:
    """Train in every mode, each beside no frame at all."""
    pairs: dict[str, list[tuple[Reading, Reading]]] = {mode.name: [] for mode in MODES}
    with (
        chromium.launch() as browser,
        Server.jupyter("lab", python=sys.executable, folder=Path(tempfile.mkdtemp(prefix="rw_bounds_"))) as server,
        notebook(browser, server, [CELL]) as (lab, shown),
    ):
        lab.page.wait_for_selector(".rugged-widget .rw-primary")
        processes = Processes()
        shown.kernel.run("widget.start(); widget._session.training.fit.wait_for_engine(60)")
        time.sleep(3.0)
        for _ in range(rounds):
            for mode in MODES:
                pairs[mode.name].append(_pair(mode, lab, shown.kernel, processes))
                sys.stderr.write(f"{mode.name}: {pairs[mode.name][-1]}\n")
        shown.kernel.run("widget.pause()")
    return pairs


COLUMNS = (
    *("frames/s", "painted", "steps/s / without", "by processor time"),
    *("renderer", "GPU process", "server", "kernel, main", "others"),
)
HEAD = f"| | {' | '.join(COLUMNS)} |\n|---|{'---:|' * len(COLUMNS)}\n"


def _line(name: str, pairs: Sequence[tuple[Reading, Reading]]) -> str:
    def middle(values: Sequence[float]) -> float:
        return statistics.median(values)

    frames, painted = (middle([getattr(one, of) for _, one in pairs]) for of in ("frames", "painted"))
    ratio = middle([one.steps / without.steps for without, one in pairs])
    of_processor = middle([one.per_processor_second / without.per_processor_second for without, one in pairs])
    spent = Processors(*(middle(column) for column in zip(*(one.spent for _, one in pairs), strict=True)))
    times = (spent.renderer, spent.gpu, spent.server, spent.main, spent.kernel - spent.main)
    told = " | ".join(f"{1e3 * seconds:.0f} ms" for seconds in times)
    return f"| {name} | {frames:.1f} | {painted:.1f} | {ratio:.2f} | {of_processor:.2f} | {told} |\n"


def main() -> None:
    """Measure and print; processor times are those of a second."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    pairs = measure(parser.parse_args().rounds)
    sys.stdout.write(HEAD + "".join(_line(name, of_mode) for name, of_mode in pairs.items()))


if __name__ == "__main__":
    main()
