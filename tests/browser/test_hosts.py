"""The widget in the other hosts: Notebook 7, Voila and the page that VS Code shows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.browser import lab, vscode_page
from tests.browser.dashboard import DashboardPage, cell, drawn_directly
from tests.browser.voila import rendered

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser

    from tests.browser.pages import Shown, Theme
    from tests.browser.server import Server

CELLS = [cell(num_steps=100_000)]


def animate_press_and_pause(shown: Shown) -> DashboardPage:
    """Do what every host has to do: display, animate, take a press, pause with the kernel's state on the page."""
    widget = DashboardPage(shown)
    before = widget.drawing()
    widget.press("rw-step")
    widget.wait_step(1)
    widget.press("rw-primary", "Resume")
    widget.wait_step(60)
    assert widget.drawing() != before
    raw = widget.part("rw-elbo path.line").nth(1)
    widget.wait_until(lambda: drawn_directly(raw.get_attribute("d") or "0.00"), "our own front end draws what streams")
    widget.press("rw-primary", "Pause")
    widget.wait_status("paused")
    assert widget.kernel.value("[widget.status, widget.step]") == ["paused", widget.step()]
    return widget


def test_notebook_7_displays_animates_and_pauses(browser: Browser, notebook_server: Server) -> None:
    with lab.notebook(browser, notebook_server, CELLS, host="notebook") as (_, shown):
        widget = animate_press_and_pause(shown)
        assert widget.differences() == []
        shown.watched.screenshot("notebook-light")


def test_voila_displays_animates_and_pauses(browser: Browser, voila_server: Server) -> None:
    with rendered(browser, voila_server, CELLS, theme="dark") as shown:
        animate_press_and_pause(shown)
        shown.watched.screenshot("voila-dark")


@pytest.fixture(scope="module")
def vscode(
    request: pytest.FixtureRequest, browser: Browser, lab_server: Server, vscode_files: dict[str, Path]
) -> Iterator[tuple[vscode_page.VSCodePage, Shown, Theme]]:
    """The page in a theme, for several tests."""
    theme: Theme = request.param
    with vscode_page.cells(browser, lab_server, CELLS, vscode_files, theme=theme) as (host, shown):
        yield host, shown, theme


@pytest.mark.parametrize("vscode", ["light", "dark"], indirect=True)
def test_vscode_displays_animates_and_sends_nothing_binary_up(
    vscode: tuple[vscode_page.VSCodePage, Shown, Theme],
) -> None:
    host, shown, theme = vscode
    widget = animate_press_and_pause(shown)
    assert widget.differences() == []
    widget.part("rw-guide select").select_option(index=1)
    widget.wait_status("ready")
    widget.part("rw-learning-rate .noUi-handle").press("ArrowRight")
    widget.kernel.wait("widget.learning_rate != 0.03")
    widget.part("rw-panel-0 .bqplot").hover()
    counts = host.counts()
    assert counts["downBinary"] > 3  # frames did come; how many, the page decides
    assert (counts["upBinary"], counts["stuck"]) == (0, 0)
    shown.watched.screenshot(f"vscode-{theme}")
    shown.watched.check()


@pytest.mark.parametrize("vscode", [pytest.param("dark", id="dark")], indirect=True)
def test_vscode_in_a_dark_theme_gives_the_widget_an_opaque_dark_ground(
    vscode: tuple[vscode_page.VSCodePage, Shown, Theme],
) -> None:
    widget = DashboardPage(vscode[1])
    background = widget.root.evaluate("root => getComputedStyle(root).backgroundColor")
    text = widget.root.evaluate("root => getComputedStyle(root).color")
    assert background == "rgb(31, 31, 31)"  # VS Code's editor, not its white box
    assert min(_channels(text)) > 150
    tick = widget.part("rw-panel-0 .axis .tick text").first
    assert min(_channels(tick.evaluate("text => getComputedStyle(text).fill"))) > 120


def _channels(colour: str) -> list[int]:
    return [int(channel) for channel in colour.removeprefix("rgb(").removesuffix(")").split(",")]
