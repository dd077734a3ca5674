"""The widget's looks: it fits, stays where it is, and is readable in both themes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.browser.dashboard import DashboardPage, cell
from tests.browser.lab import HEIGHT, WIDTH, LabPage, Notebooks
from tests.browser.looks import CONTRASTS, OVERFLOWING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.browser.pages import Shown, Theme

OPAQUE_RECTANGLES = """root => [...root.querySelectorAll(".bqplot svg rect")].filter((rect) => {
    const style = getComputedStyle(rect);
    const alpha = style.fill === "none" ? 0 : Number(style.fill.match(/rgba\\(.*, ([\\d.]+)\\)/)?.[1] ?? 1);
    const box = rect.getBoundingClientRect();
    return alpha * Number(style.opacity) * Number(style.fillOpacity) > 0 && box.width * box.height > 2500;
}).map((rect) => rect.getAttribute("class"))"""


@pytest.fixture(scope="module")
def opened(notebooks: Notebooks) -> Iterator[tuple[LabPage, Shown]]:
    """One page for several tests, for opening it takes longer than any of them."""
    with notebooks.open([cell(num_steps=2000)]) as both:
        yield both


@pytest.fixture
def widget(opened: tuple[LabPage, Shown]) -> Iterator[DashboardPage]:
    """The widget before its first step, pointed at and focused by nobody."""
    lab, shown = opened
    page = DashboardPage(shown)
    shown.page.set_viewport_size({"width": WIDTH, "height": HEIGHT})
    shown.page.mouse.move(0, 0)
    shown.page.evaluate("document.activeElement.blur()")
    shown.kernel.run("widget.speed = 10; widget.reset()")
    page.wait_status("ready")
    page.wait_still()
    yield page
    shown.watched.check()
    lab.set_theme("light")


def test_nothing_opaque_lies_over_a_drawing(widget: DashboardPage) -> None:
    assert widget.root.evaluate(OPAQUE_RECTANGLES) == []


NARROWING = """
import numpy as np, pandas as pd
from rugged_widget import RuggedWidget
x, g = np.random.default_rng(0).normal(size=(2, 4_000)), np.arange(4_000) % 20 == 0
frame = pd.DataFrame({"x": x[0], "g": g, "y": x.sum(axis=0)})
widget = RuggedWidget(frame, response="y", predictor="x", group="g", num_steps=100_000)
widget"""
# Ticks that have just been added are empty for a moment.
AXES = """root => Array.from(root.querySelectorAll(".axis"), (axis) =>
    Array.from(axis.querySelectorAll(".tick text"), (text) => text.textContent).filter(Boolean))"""


def test_no_axis_says_the_same_twice_while_its_bounds_move(notebooks: Notebooks) -> None:
    with notebooks.open([NARROWING]) as (_, shown):
        widget = DashboardPage(shown)
        seen: list[list[str]] = widget.root.evaluate(AXES)
        widget.press("rw-primary", "Start")
        for step in range(20, 300, 20):
            widget.wait_step(step)
            seen += widget.root.evaluate(AXES)
        assert [ticks for ticks in seen if len(set(ticks)) < len(ticks)] == []
        assert len({tuple(ticks) for ticks in seen}) > len(widget.root.evaluate(AXES))  # and they did move


TABLES = """
import ipywidgets, numpy as np, pandas as pd
from rugged_widget import RuggedWidget
count, noise = np.arange(60.0), np.random.default_rng(0).normal(size=60)
def regression(x, y):
    frame = pd.DataFrame({"x": x, "y": y, "g": np.arange(60) % 2})
    return RuggedWidget(frame, response="y", predictor="x", group="g", num_steps=40, speed="max")"""
UNITS = (
    "1e-12 * (200 + count), 1e-15 * (count + noise)",
    "1.7e9 + 360 * count, 1e6 + 0.001 * (count + noise)",
    "1e15 * count, 500 * (noise - 30)",
    'pd.date_range("2021-03-04", periods=60, freq="9D"), 47 + 0.1 * noise',
)
# Pairs of texts of one axis that touch, texts that are cut off, and axes that say the same twice.
RUNNING_TOGETHER = """() => Array.from(document.querySelectorAll(".rugged-widget .axis"), (axis) => {
    const texts = [...axis.querySelectorAll(":scope > .tick text, text.axislabel")].filter((text) => text.textContent);
    const boxes = texts.map((text) => text.getBoundingClientRect());
    const edge = axis.closest("svg").getBoundingClientRect();
    const say = (...at) => at.map((number) => texts[number].textContent).join(" | ");
    const found = [];
    boxes.forEach((a, one) => {
        if (a.left < edge.left - 1 || a.right > edge.right + 1 || a.top < edge.top - 1) found.push(`cut: ${say(one)}`);
        boxes.slice(0, one).forEach((b, other) => {
            const apart = a.right <= b.left || b.right <= a.left || a.bottom <= b.top || b.bottom <= a.top;
            if (!apart) found.push(`together: ${say(one, other)}`);
            if (say(one) === say(other)) found.push(`alike: ${say(one)}`);
        });
    });
    return found;
}).flat()"""


def test_ticks_of_tables_in_any_unit_can_be_read(notebooks: Notebooks) -> None:
    tables = ", ".join(f"regression({unit})" for unit in UNITS)
    with notebooks.open([f"{TABLES}\nipywidgets.VBox([{tables}])"]) as (lab, shown):
        pages = [DashboardPage(shown, view) for view in range(len(UNITS))]
        shown.page.set_viewport_size({"width": 1000, "height": 1200 * len(UNITS)})  # what is out of sight is not drawn
        for page in pages:
            page.press("rw-primary", "Start")
            page.wait_status("finished")
        pages[0].wait_still()
        shown.watched.screenshot("lab-units")
        assert lab.page.evaluate(RUNNING_TOGETHER) == []
        assert [page.root.evaluate(OVERFLOWING) for page in pages] == [[]] * len(pages)


@pytest.mark.parametrize("width", [700, 1000, 1400])
def test_nothing_is_cut_off_or_sticks_out(widget: DashboardPage, width: int) -> None:
    widget.set_width(width)
    assert widget.root.evaluate(OVERFLOWING) == []
    widget.press("rw-primary", "Start")
    widget.wait_step(200)
    assert widget.root.evaluate(OVERFLOWING) == []
    widget.shown.watched.screenshot(f"lab-{width}")


def test_nothing_jumps_between_ready_running_paused_and_finished(widget: DashboardPage) -> None:
    widget.set_width(1200)  # and wait until nothing wraps anew because of the tests before
    places: dict[str, Any] = {"ready": widget.boxes()}
    widget.press("rw-primary", "Start")
    widget.wait_step(30)
    places["running"] = widget.boxes()
    widget.press("rw-primary", "Pause")
    widget.wait_status("paused")
    places["paused"] = widget.boxes()
    widget.kernel.run("widget.speed = 'max'")
    widget.press("rw-primary", "Resume")
    widget.wait_status("finished")
    places["finished"] = widget.boxes()
    for status, boxes in places.items():
        for figure, box in boxes.items():
            assert box == pytest.approx(places["ready"][figure], abs=0.5), f"{figure} moved when {status}"


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_text_is_readable_in_both_themes(opened: tuple[LabPage, Shown], widget: DashboardPage, theme: Theme) -> None:
    lab, shown = opened
    lab.set_theme(theme)
    shown.kernel.run("widget.speed = 'max'")
    widget.press("rw-primary", "Start")
    widget.wait_status("finished")
    shown.watched.screenshot(f"lab-{theme}")
    contrasts: dict[str, float] = widget.root.evaluate(CONTRASTS)
    assert len(contrasts) > 30
    assert {text: round(ratio, 2) for text, ratio in contrasts.items() if ratio < 4.5} == {}
