"""A loop of one's own in the other hosts: Notebook 7, Voila and the page that VS Code shows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.browser import lab, own_loop, vscode_page
from tests.browser.voila import rendered

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Browser

    from tests.browser.server import Server

# A page of Voila is there once its cells have run: what they leave is shown, and a loop that blocks is begun there.
BEFORE = """
for _ in range(30):
    monitor.update(svi.step(EFFECTS, ERRORS), EFFECTS, ERRORS)
"""
BUTTON = """
def train(_button):
    while not done.exists():
        monitor.update(svi.step(EFFECTS, ERRORS), EFFECTS, ERRORS)
button = ipywidgets.Button(description="Train here")
button.on_click(train)
button
"""


def test_notebook_7(browser: Browser, notebook_server: Server, tmp_path: Path) -> None:
    done = tmp_path / "done"
    with lab.notebook(browser, notebook_server, [own_loop.setup(done)], host="notebook") as (page, shown):
        page.add_cell(own_loop.BLOCKING)
        dashboard = own_loop.moves_while_it_blocks(shown, lambda: page.run_cell(1, wait=False), done)
        page.wait_idle()
        assert dashboard.drawing_at_rest()
        page.add_cell(own_loop.YIELDING)
        own_loop.pauses_steps_and_stops(shown, lambda: page.run_cell(2, wait=False))
        page.wait_idle()


def test_vscode(browser: Browser, lab_server: Server, vscode_files: dict[str, Path], tmp_path: Path) -> None:
    done = tmp_path / "done"
    with vscode_page.cells(browser, lab_server, [own_loop.setup(done)], vscode_files) as (host, shown):
        dashboard = own_loop.moves_while_it_blocks(shown, lambda: host.begin(own_loop.BLOCKING), done)
        assert dashboard.drawing_at_rest()
        own_loop.pauses_steps_and_stops(shown, lambda: host.begin(own_loop.YIELDING))
        assert host.counts()["upBinary"] == 0


def test_voila(browser: Browser, voila_server: Server, tmp_path: Path) -> None:
    done = tmp_path / "done"
    with rendered(browser, voila_server, [own_loop.setup(done), BEFORE, BUTTON]) as shown:
        own_loop.status(shown.page, "at rest \N{MIDDLE DOT} step 30")
        press = shown.page.get_by_role("button", name="Train here")
        own_loop.moves_while_it_blocks(shown, press.click, done)
        own_loop.pauses_steps_and_stops(shown, lambda: shown.kernel.run(own_loop.BEHIND))
