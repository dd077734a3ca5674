"""A loop of one's own: its window moves while its cell blocks the kernel, and has buttons where it does not."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from tests.browser.dashboard import DashboardPage
from tests.waits import wait_until

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.browser.lab import Notebooks

SETUP = """
import sys
sys.path.insert(0, {path!r})
import pathlib, pyro, torch
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
STATUS = ".rugged-widget .rw-status"


def _said(page: Page, word: str) -> str:
    """Wait until the status says a word, and return all of it."""
    said = page.wait_for_function(
        "([where, word]) => { const text = document.querySelector(where)?.innerText ?? '';"
        " return text.includes(word) && text; }",
        arg=[STATUS, word],
    )
    return str(said.json_value())


def _setup(done: Path) -> str:
    return SETUP.format(path=str(Path(__file__).parents[2]), done=str(done))


def test_its_window_moves_while_the_cell_runs(notebooks: Notebooks, tmp_path: Path) -> None:
    done = tmp_path / "done"
    with notebooks.open([_setup(done)]) as (lab, shown):
        assert "The window opens with the first step" in shown.watched.page.locator(".rugged-widget").inner_text()
        lab.add_cell(BLOCKING)
        lab.run_cell(1, wait=False)
        first = _said(lab.page, "running")
        second = wait_until(lambda: (text := _said(lab.page, "running")) != first and text, "another frame is painted")
        wait_until(lambda: _said(lab.page, "running") not in {first, second}, "a third frame is painted")
        assert not lab.page.locator(".rugged-widget .rw-reset").is_visible()  # nobody would hear it
        done.touch()
        _said(lab.page, "at rest")
        lab.wait_idle()
        page = DashboardPage(shown, figures=("rw-elbo",))
        page.wait_still()
        assert page.kernel.value("[monitor.status, monitor.step == len(monitor.history())]") == ["paused", True]
        page.open_tab("Parameters")
        assert "AutoNormal" in page.root.inner_text()


def test_a_loop_that_yields_pauses_takes_a_step_and_stops(notebooks: Notebooks, tmp_path: Path) -> None:
    with notebooks.open([_setup(tmp_path)]) as (lab, shown):
        lab.add_cell(YIELDING)
        lab.run_cell(1, wait=False)
        _said(lab.page, "running")
        press = lab.page.locator(".rugged-widget .rw-primary").first
        press.click()
        before = _said(lab.page, "at rest")
        lab.page.locator(".rugged-widget .rw-step").first.click()
        after = wait_until(lambda: (text := _said(lab.page, "at rest")) != before and text, "one step is shown")
        count = [int(text.split("step ")[1].replace(",", "")) for text in (before, after)]
        assert count[1] == count[0] + 1
        press.click()
        _said(lab.page, "running")
        lab.page.locator(".rugged-widget .rw-reset").first.click()
        _said(lab.page, "at rest")
        lab.wait_idle()
        press.wait_for(state="hidden")  # the loop has ended: nobody would hear it
        assert shown.kernel.value("taken == monitor.step")
