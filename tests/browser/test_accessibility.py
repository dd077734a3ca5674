"""The widget for people who use a keyboard, a screen reader, or want nothing to move."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.browser.dashboard import DashboardPage, cell
from tests.browser.lab import Notebooks

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.browser.pages import Shown

CELLS = [cell(num_steps=100_000)]
CONTROLS = ("rw-primary", "rw-step", "rw-speed", "rw-learning-rate", "rw-guide", "rw-seed", "rw-unit", "rw-mode")
ROLES = ("button", "slider", "combobox", "spinbutton", "progressbar", "radio", "radiogroup")
FOCUSED = """names => {
    const focused = document.activeElement;
    return names.filter((name) => focused.closest(".rugged-widget ." + name));
}"""


@pytest.fixture(scope="module")
def opened(notebooks: Notebooks) -> Iterator[Shown]:
    """One page for several tests, for opening it takes longer than any of them."""
    with notebooks.open(CELLS) as (_, shown):
        yield shown


@pytest.fixture
def widget(opened: Shown) -> Iterator[DashboardPage]:
    """The widget before its first step, pointed at and focused by nobody."""
    page = DashboardPage(opened)
    opened.page.mouse.move(0, 0)
    opened.page.evaluate("document.activeElement.blur()")
    opened.kernel.run("widget.reset()")
    page.wait_status("ready")
    yield page
    opened.watched.check()


def test_every_control_is_reached_by_tab(widget: DashboardPage) -> None:
    widget.part("rw-primary").focus()
    reached: list[str] = []
    for _press in range(40):
        reached += widget.page.evaluate(FOCUSED, list(CONTROLS))
        widget.page.keyboard.press("Tab")
    assert list(dict.fromkeys(reached)) == list(CONTROLS)  # in the order in which they are seen


def test_every_control_has_an_accessible_name(widget: DashboardPage) -> None:
    widget.root.locator(".rw-progress [aria-label], .rw-progress[aria-label]").first.wait_for(state="attached")
    tree = widget.root.aria_snapshot()
    controls = [line.strip() for line in tree.splitlines() if re.match(rf"\s*- ({'|'.join(ROLES)})\b", line)]
    assert len(controls) >= len(CONTROLS)
    assert [line for line in controls if not re.match(r'- \w+ "[^"]+"', line)] == []


def test_the_keyboard_alone_starts_and_pauses(widget: DashboardPage) -> None:
    widget.part("rw-primary").press("Enter")
    widget.wait_step(30)
    widget.part("rw-primary").press("Space")
    widget.wait_status("paused")


def test_a_dot_tells_its_country_on_hover(widget: DashboardPage) -> None:
    widget.part("rw-panel-1 .dot").first.hover(force=True)
    tooltip = widget.part("rw-tooltip").filter(visible=True)
    tooltip.wait_for()
    assert re.search(r"ruggedness.*GDP", tooltip.inner_text(), re.DOTALL | re.IGNORECASE)
    widget.shown.watched.screenshot("hover")


def test_a_hidden_summary_tells_screen_readers_how_it_goes(widget: DashboardPage) -> None:
    live = widget.root.locator("[aria-live], [role=status]").filter(has_text="step")
    widget.press("rw-primary", "Start")
    widget.wait_step(30)
    live.first.wait_for(state="attached")
    box = live.first.bounding_box()
    assert box is not None
    assert box["width"] * box["height"] <= 1


MOVING = """root => {
    const animations = root.getAnimations({ subtree: true });
    const styles = Array.from(root.querySelectorAll("*"), (element) => getComputedStyle(element));
    return animations.length + styles.filter((s) => s.transitionDuration.split(", ").some((d) => d !== "0s")
        && s.transitionProperty !== "none").length;
}"""


def test_nothing_but_data_moves_for_who_prefers_reduced_motion(widget: DashboardPage) -> None:
    assert widget.root.evaluate(MOVING) > 0  # else nothing below is seen
    widget.page.emulate_media(reduced_motion="reduce")
    try:
        widget.press("rw-primary", "Start")
        widget.wait_step(30)
        assert widget.root.evaluate(MOVING) == 0
    finally:
        widget.page.emulate_media(reduced_motion="no-preference")
