"""Prints what a painted frame costs the browser, drawn directly and by bqplot, in turns on one page; see README.md.

`python -m tests.benchmarks.painting`, some three minutes. Processor time of the renderer and the GPU process, of frames
that were recorded from one run and are sent again, fifteen a second.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from tests.benchmarks.figures import Figure, percentile, table
from tests.browser import chromium
from tests.browser.lab import notebook
from tests.browser.server import Server

if TYPE_CHECKING:
    from playwright.sync_api import Browser

    from tests.browser.kernel import Kernel

CELL = "from rugged_widget import RuggedWidget\nwidget = RuggedWidget(num_steps=10**9, speed='max')\nwidget"
NUM_FRAMES = 30
QUIET_PERCENT = 30  # of the rounds: what else the machine does only ever adds
PER_TEXT = 3  # frames for one change of texts
ROUNDS = 12
# In the kernel: what frames hold, recorded from a run; then sent again, as frames that stream or as frames at rest.
# Only those that were painted count: a slow page leaves some out.
PLAYER = """
import asyncio as _asyncio
_stream, _frames = widget.children[-1], []
_push, _acknowledge, _painted = _stream.push, _stream._pace.acknowledge, [0]

def _counting(page, seq, now, *, painted, work, waited):
    _painted[0] += painted
    _acknowledge(page, seq, now, painted=painted, work=work, waited=waited)

_stream._pace.acknowledge = _counting

def _recording(changes, summary):
    _frames.append(changes)
    _push(changes, summary)

async def _play(frames, rest, per_text):
    for number, changes in enumerate(frames):
        texts = number % per_text == 0
        _stream._send_frame(_stream._composed(changes, with_texts=texts), "" if texts else None, rest=rest)
        await _asyncio.sleep(1 / 15)
    while _stream._pace.num_under_way:
        await _asyncio.sleep(0.05)
"""


def _processor_seconds(browser: Browser) -> float:
    session = browser.new_browser_cdp_session()
    processes = session.send("SystemInfo.getProcessInfo")["processInfo"]
    session.detach()
    return sum(process["cpuTime"] for process in processes if process["type"] in {"renderer", "GPU"})


def _played(browser: Browser, kernel: Kernel, frames: str, *, rest: bool = False, per_text: int = 1) -> float:
    """Return milliseconds of processor time a frame."""
    before, painted = _processor_seconds(browser), kernel.value("_painted[0]")
    kernel.run(f"_task = _asyncio.ensure_future(_play({frames}, {rest}, {per_text}))")
    time.sleep(NUM_FRAMES / 15)
    while not kernel.value("_task.done()"):  # seldom: the page redraws for every message of the kernel's
        time.sleep(2)
    return 1e3 * (_processor_seconds(browser) - before) / (kernel.value("_painted[0]") - painted)


class Round(NamedTuple):
    """Milliseconds a frame: of nothing, by bqplot, with marks drawn directly, and with texts in some frames only."""

    nothing: float
    bqplot: float
    marks: float
    both: float

    def __str__(self) -> str:
        return " / ".join(f"{milliseconds:.1f}" for milliseconds in self)


def _round(browser: Browser, kernel: Kernel) -> Round:
    frames = f"_frames[:{NUM_FRAMES}]"
    return Round(
        _played(browser, kernel, f"[[]] * {NUM_FRAMES}"),
        _played(browser, kernel, frames, rest=True),
        _played(browser, kernel, frames),
        _played(browser, kernel, frames, per_text=PER_TEXT),
    )


def measure(browser: Browser, kernel: Kernel) -> list[Figure]:
    """Record a run, then send its frames in turns."""
    kernel.run(PLAYER)
    kernel.run("_stream.push = _recording\nwidget.start()")
    kernel.wait(f"len(_frames) >= {NUM_FRAMES}")
    kernel.run("widget.pause()\n_stream.push = _push")
    time.sleep(2)
    rounds = [_round(browser, kernel) for _ in range(ROUNDS)]
    usual = Round(*(percentile(way, QUIET_PERCENT) for way in zip(*rounds, strict=True)))
    return [
        Figure(
            "a frame with its marks drawn directly / by bqplot, processor time of the browser",
            usual.marks / usual.bqplot,
            0.6,
            "x",
        ),
        Figure(
            "the same with texts five times a second",
            usual.both / usual.bqplot,
            0.42,
            "x",
            detail=f"nothing / by bqplot / marks / both: {usual} ms a frame",
        ),
    ]


def main() -> None:
    """Measure and print."""
    with (
        chromium.launch() as browser,
        Server.jupyter("lab", python=sys.executable, folder=Path(tempfile.mkdtemp())) as server,
        notebook(browser, server, [CELL]) as (lab, shown),
    ):
        lab.page.wait_for_selector(".rugged-widget .rw-primary")
        time.sleep(3)
        sys.stdout.write(table(measure(browser, shown.kernel)))


if __name__ == "__main__":
    main()
