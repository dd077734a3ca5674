"""The widget's looks: it fits, stays where it is, and is readable in both themes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.browser.dashboard import DashboardPage, cell
from tests.browser.lab import LabPage, notebook

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, ViewportSize

    from tests.browser.pages import Shown, Theme
    from tests.browser.server import Server

# What sticks out of the widget, is cut off by a box of its own, or lies outside its figure.
OVERFLOWING = """root => {
    const edge = root.getBoundingClientRect();
    const hidden = (element) => element.closest(".rw-stream, .rw-visually-hidden, .rw-tooltip, clipPath, defs, option")
        || !element.checkVisibility({ visibilityProperty: true });
    const said = (element) => `${element.tagName} ${element.getAttribute("class")} ${element.textContent.slice(0, 40)}`;
    const found = [];
    for (const element of root.querySelectorAll("*")) {
        if (hidden(element)) continue;
        const box = element.getBoundingClientRect();
        const clips = element instanceof HTMLElement && getComputedStyle(element).overflowX !== "visible";
        if (clips && element.scrollWidth > element.clientWidth + 1) found.push(`cut off: ${said(element)}`);
        const drawn = element.closest("svg")?.getBoundingClientRect();
        const within = drawn && element.tagName === "text" ? drawn : drawn ? null : edge;
        const out = within && (box.right > within.right + 1 || box.left < within.left - 1);
        if (out && box.width > 0) found.push(`outside: ${said(element)} ${box.left}-${box.right}`);
    }
    return found;
}"""
CONTRASTS = """root => {
    const parse = (colour) => colour.match(/[\\d.]+/g).map(Number);
    const light = ([r, g, b]) => [r, g, b].map((v) => v / 255)
        .map((v) => (v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4))
        .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
    const ground = (element) => {
        for (let at = element; at; at = at.parentElement) {
            const colour = parse(getComputedStyle(at).backgroundColor);
            if (colour.length === 3 || colour[3] === 1) return colour;
        }
        return [255, 255, 255];
    };
    const own = (element) => Array.from(element.childNodes).some((n) => n.nodeType === Node.TEXT_NODE && n.data.trim());
    const found = {};
    for (const element of root.querySelectorAll("*")) {
        if (!own(element) || !element.checkVisibility({ visibilityProperty: true })) continue;
        if (element.closest("button:disabled, option, .rw-visually-hidden, title, style")) continue;
        const style = getComputedStyle(element);
        const colour = element instanceof SVGElement ? style.fill : style.color;
        if (!/^rgb/.test(colour)) continue;
        const [a, b] = [light(parse(colour)), light(ground(element))].sort((x, y) => y - x);
        found[`${element.textContent.slice(0, 40)} ${colour}`] = (a + 0.05) / (b + 0.05);
    }
    return found;
}"""


def set_width(widget: DashboardPage, width: int) -> None:
    """Make the widget `width` px wide by the size of the window."""
    page = widget.page
    for _round in range(2):  # the second time for what wraps at the first
        margin = 1300 if page.viewport_size is None else page.viewport_size["width"]
        measured = widget.root.evaluate("root => root.getBoundingClientRect().width")
        page.set_viewport_size({"width": round(margin - measured + width), "height": 1800})
        page.wait_for_timeout(600)
    assert widget.root.evaluate("root => root.getBoundingClientRect().width") == pytest.approx(width, abs=2)


OPAQUE_RECTANGLES = """root => [...root.querySelectorAll(".bqplot svg rect")].filter((rect) => {
    const style = getComputedStyle(rect);
    const alpha = style.fill === "none" ? 0 : Number(style.fill.match(/rgba\\(.*, ([\\d.]+)\\)/)?.[1] ?? 1);
    const box = rect.getBoundingClientRect();
    return alpha * Number(style.opacity) * Number(style.fillOpacity) > 0 && box.width * box.height > 2500;
}).map((rect) => rect.getAttribute("class"))"""


SIZE: ViewportSize = {"width": 1300, "height": 1400}


@pytest.fixture(scope="module")
def opened(browser: Browser, lab_server: Server) -> Iterator[tuple[LabPage, Shown]]:
    """One page for several tests, for opening it takes longer than any of them."""
    with notebook(browser, lab_server, [cell(num_steps=2000)]) as both:
        yield both


@pytest.fixture
def widget(opened: tuple[LabPage, Shown]) -> Iterator[DashboardPage]:
    """The widget before its first step, pointed at and focused by nobody."""
    lab, shown = opened
    page = DashboardPage(shown)
    shown.page.set_viewport_size(SIZE)
    shown.page.wait_for_timeout(600)
    shown.page.mouse.move(0, 0)
    shown.page.evaluate("document.activeElement.blur()")
    shown.kernel.run("widget.speed = 10; widget.reset()")
    page.wait_status("ready")
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
AXES = """root => Array.from(root.querySelectorAll(".axis"), (axis) =>
    Array.from(axis.querySelectorAll(".tick text"), (text) => text.textContent))"""


def test_no_axis_says_the_same_twice_while_its_bounds_move(browser: Browser, lab_server: Server) -> None:
    with notebook(browser, lab_server, [NARROWING]) as (_, shown):
        widget = DashboardPage(shown)
        widget.press("rw-primary", "Start")
        seen: list[list[str]] = []
        for step in range(20, 300, 20):
            widget.wait_step(step)
            seen += widget.root.evaluate(AXES)
        assert [ticks for ticks in seen if len(set(ticks)) < len(ticks)] == []
        assert len({tuple(ticks) for ticks in seen}) > len(widget.root.evaluate(AXES))  # and they did move


@pytest.mark.parametrize("width", [700, 1000, 1400])
def test_nothing_is_cut_off_or_sticks_out(widget: DashboardPage, width: int) -> None:
    set_width(widget, width)
    assert widget.root.evaluate(OVERFLOWING) == []
    widget.press("rw-primary", "Start")
    widget.wait_step(200)
    assert widget.root.evaluate(OVERFLOWING) == []
    widget.shown.watched.screenshot(f"lab-{width}")


def test_nothing_jumps_between_ready_running_paused_and_finished(widget: DashboardPage) -> None:
    set_width(widget, 1200)  # and wait until nothing wraps anew because of the tests before
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
