"""Prints what a painted frame costs the browser, drawn directly and by bqplot, in turns on one page; see README.md.

`python -m tests.benchmarks.painting`, some three minutes. Processor time of the renderer and the GPU process, of frames
that were recorded from one run and are sent at a steady pace; the page itself is idle between them.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from tests.benchmarks.figures import Figure, table
from tests.browser import chromium
from tests.browser.lab import notebook
from tests.browser.server import Server

if TYPE_CHECKING:
    from playwright.sync_api import Browser

    from tests.browser.kernel import Kernel

CELL = "from rugged_widget import RuggedWidget\nwidget = RuggedWidget(num_steps=10**9, speed='max')\nwidget"
NUM_FRAMES = 100
SECONDS = 0.066  # from one frame to the next: what today's page keeps up with on a slow machine
ROUNDS = 5
# In the kernel: what frames hold, recorded from a run; then sent again, as frames that move or as frames at rest.
PLAYER = """
import asyncio as _asyncio
_stream, _frames = widget.children[-1], []
_push = _stream.push

def _recording(changes, summary):
    _frames.append(changes)
    _push(changes, summary)

async def _play(count, seconds, rest, texts):
    for changes in _frames[:count]:
        if texts:
            _stream.hurry()
        _stream.keep(changes)
        _stream._send_frame(changes, "", rest=rest)
        await _asyncio.sleep(seconds)
"""


def _processor_seconds(browser: Browser) -> float:
    session = browser.new_browser_cdp_session()
    processes = session.send("SystemInfo.getProcessInfo")["processInfo"]
    session.detach()
    return sum(process["cpuTime"] for process in processes if process["type"] in {"renderer", "GPU"})


def _played(browser: Browser, kernel: Kernel, *, rest: bool, texts: bool) -> float:
    """Return milliseconds of processor time a frame."""
    before = _processor_seconds(browser)
    kernel.run(f"_task = _asyncio.ensure_future(_play({NUM_FRAMES}, {SECONDS}, {rest}, {texts}))")
    time.sleep(NUM_FRAMES * SECONDS + 1.0)
    kernel.wait("_task.done()")
    return 1e3 * (_processor_seconds(browser) - before) / NUM_FRAMES


def measure(browser: Browser, kernel: Kernel) -> list[Figure]:
    """Record a run, then send its frames in turns: by bqplot with all texts, directly with all, directly with some."""
    kernel.run(PLAYER)
    kernel.run("_stream.push = _recording\nwidget.start()")
    kernel.wait(f"len(_frames) >= {NUM_FRAMES}")
    kernel.run("widget.pause()\n_stream.push = _push")
    time.sleep(2)
    rounds = [
        [
            _played(browser, kernel, rest=rest, texts=texts)
            for rest, texts in ((True, True), (False, True), (False, False))
        ]
        for _ in range(ROUNDS)
    ]
    detail = ", ".join(f"{one:.1f} / {marks:.1f} / {both:.1f}" for one, marks, both in rounds)
    return [
        Figure(
            "a frame with its marks drawn directly / by bqplot, processor time of the browser",
            statistics.median(marks / one for one, marks, _ in rounds),
            0.6,
            "x",
        ),
        Figure(
            "the same with texts five times a second",
            statistics.median(both / one for one, _, both in rounds),
            0.42,
            "x",
            detail=f"by bqplot / marks / both: {detail} ms a frame",
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
