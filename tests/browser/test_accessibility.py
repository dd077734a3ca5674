"""The widget for people who use a keyboard, a screen reader, or want nothing to move."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tests.browser.dashboard import DashboardPage, cell
from tests.browser.lab import notebook

if TYPE_CHECKING:
    from playwright.sync_api import Browser

    from tests.browser.server import Server

CELLS = [cell(num_steps=100_000)]
CONTROLS = ("rw-primary", "rw-step", "rw-speed", "rw-learning-rate", "rw-guide", "rw-seed", "rw-unit", "rw-mode")
ROLES = ("button", "slider", "combobox", "spinbutton", "progressbar", "radio", "radiogroup")
FOCUSED = """names => {
    const focused = document.activeElement;
    return names.filter((name) => focused.closest(".rugged-widget ." + name));
}"""


def test_every_control_is_reached_by_tab(browser: Browser, lab_server: Server) -> None:
    with notebook(browser, lab_server, CELLS) as (_, shown):
        widget = DashboardPage(shown)
        widget.part("rw-primary").focus()
        reached: list[str] = []
        for _press in range(40):
            reached += shown.page.evaluate(FOCUSED, list(CONTROLS))
            shown.page.keyboard.press("Tab")
        assert list(dict.fromkeys(reached)) == list(CONTROLS)  # in the order in which they are seen


def test_every_control_has_an_accessible_name(browser: Browser, lab_server: Server) -> None:
    with notebook(browser, lab_server, CELLS) as (_, shown):
        widget = DashboardPage(shown)
        widget.root.locator(".rw-progress [aria-label], .rw-progress[aria-label]").first.wait_for(state="attached")
        tree = widget.root.aria_snapshot()
        controls = [line.strip() for line in tree.splitlines() if re.match(rf"\s*- ({'|'.join(ROLES)})\b", line)]
        assert len(controls) >= len(CONTROLS)
        assert [line for line in controls if not re.match(r'- \w+ "[^"]+"', line)] == []


def test_the_keyboard_alone_starts_and_pauses(browser: Browser, lab_server: Server) -> None:
    with notebook(browser, lab_server, CELLS) as (_, shown):
        widget = DashboardPage(shown)
        widget.part("rw-primary").press("Enter")
        widget.wait_step(30)
        widget.part("rw-primary").press("Space")
        widget.wait_status("paused")


def test_a_dot_tells_its_country_on_hover(browser: Browser, lab_server: Server) -> None:
    with notebook(browser, lab_server, CELLS) as (_, shown):
        widget = DashboardPage(shown)
        widget.part("rw-panel-1 .dot").first.hover(force=True)
        tooltip = widget.part("rw-tooltip").filter(visible=True)
        tooltip.wait_for()
        assert re.search(r"ruggedness.*GDP", tooltip.inner_text(), re.DOTALL | re.IGNORECASE)
        shown.watched.screenshot("hover")


def test_a_hidden_summary_tells_screen_readers_how_it_goes(browser: Browser, lab_server: Server) -> None:
    with notebook(browser, lab_server, CELLS) as (_, shown):
        widget = DashboardPage(shown)
        live = widget.root.locator("[aria-live], [role=status]").filter(has_text="step")
        widget.press("rw-primary", "Start")
        widget.wait_step(30)
        live.first.wait_for(state="attached")
        box = live.first.bounding_box()
        assert box is not None
        assert box["width"] * box["height"] <= 1


def test_nothing_but_data_moves_for_who_prefers_reduced_motion(browser: Browser, lab_server: Server) -> None:
    with notebook(browser, lab_server, CELLS, reduced_motion=True) as (_, shown):
        widget = DashboardPage(shown)
        widget.press("rw-primary", "Start")
        widget.wait_step(30)
        moving = """root => {
            const animations = root.getAnimations({ subtree: true });
            const styles = Array.from(root.querySelectorAll("*"), (element) => getComputedStyle(element));
            return animations.length + styles.filter((s) => s.transitionDuration.split(", ").some((d) => d !== "0s")
                && s.transitionProperty !== "none").length;
        }"""
        assert widget.root.evaluate(moving) == 0
