"""Loops of one's own on a page: the cells that run them, and what a window has to show of each in every host."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from tests.browser.dashboard import DashboardPage
from tests.waits import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Page

    from tests.browser.pages import Shown

SETUP = """
import sys
sys.path.insert(0, {path!r})
import asyncio, pathlib, ipywidgets, pyro, torch
from pyro.infer import SVI, Trace_ELBO
from pyro.infer.autoguide import AutoNormal
from pyro.optim import Adam
from rugged_widget import Monitor
from tests.models.basic import EFFECTS, ERRORS, eight_schools
done = pathlib.Path({done!r})
pyro.clear_param_store()
svi = SVI(eight_schools, AutoNormal(eight_schools), Adam({{"lr": 0.02}}), Trace_ELBO())
widget = monitor = Monitor(svi, language="en")
monitor
"""
BLOCKING = """
while not done.exists():
    monitor.update(svi.step(EFFECTS, ERRORS), EFFECTS, ERRORS)
"""
YIELDING = """
taken = 0
async for _ in monitor.over(range(10**9)):
    monitor.update(svi.step(EFFECTS, ERRORS), EFFECTS, ERRORS)
    taken += 1
"""
BEHIND = """
async def run():
    global taken
    taken = 0
    async for _ in monitor.over(range(10**9)):
        monitor.update(svi.step(EFFECTS, ERRORS), EFFECTS, ERRORS)
        taken += 1
task = asyncio.create_task(run())
"""
STATUS = ".rugged-widget .rw-status"
UNHEARD = "interrupt the kernel to end it"


def setup(done: Path) -> str:
    """Write the cell that shows a monitor; its blocking loop ends once the file is there."""
    return SETUP.format(path=str(Path(__file__).parents[2]), done=str(done))


def status(page: Page, word: str) -> str:
    """Wait until the status says a word, and return all of it."""
    said = page.wait_for_function(
        "([where, word]) => { const text = document.querySelector(where)?.innerText ?? '';"
        " return text.includes(word) && text; }",
        arg=[STATUS, word],
    )
    return str(said.json_value())


def moves_while_it_blocks(shown: Shown, run: Callable[[], object], done: Path) -> DashboardPage:
    """Run a loop that keeps the kernel busy: frames are painted meanwhile, and its last state arrives."""
    page = shown.page
    run()
    first = status(page, "running")
    second = wait_until(lambda: (text := status(page, "running")) != first and text, "another frame is painted")
    wait_until(lambda: status(page, "running") not in {first, second}, "a third frame is painted")
    page.get_by_text(UNHEARD).wait_for()
    assert not page.locator(".rugged-widget .rw-reset").is_visible()
    done.touch()
    said = status(page, "at rest")
    shown.kernel.wait("monitor.status == 'paused'")
    steps = shown.kernel.value("len(monitor.history())")
    assert (shown.kernel.value("monitor.step"), said) == (steps, f"at rest \N{MIDDLE DOT} step {steps:,}")
    page.get_by_text(UNHEARD).wait_for(state="detached")
    return DashboardPage(shown, figures=("rw-elbo", "rw-gradients"))


def pauses_steps_and_stops(shown: Shown, run: Callable[[], object]) -> None:
    """Run a loop that leaves the kernel free: it can be paused, taken a step further, gone on with and stopped."""
    page = shown.page
    run()
    status(page, "running")
    press = page.locator(".rugged-widget .rw-primary").first
    press.click()
    before = status(page, "at rest")
    page.locator(".rugged-widget .rw-step").first.click()
    after = wait_until(lambda: (text := status(page, "at rest")) != before and text, "one step is shown")
    count = [int(text.split("step ")[1].replace(",", "")) for text in (before, after)]
    assert count[1] == count[0] + 1
    press.click()
    status(page, "running")
    page.locator(".rugged-widget .rw-reset").first.click()
    status(page, "at rest")
    press.wait_for(state="hidden")  # the loop has ended: nobody would hear it
    assert shown.kernel.value("taken > 0 and monitor.status == 'paused'")
