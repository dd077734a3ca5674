"""The engine in JupyterLab: told to whoever asks, prepared before Start is pressed; and a table of many rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.browser.dashboard import DashboardPage, cell
from tests.browser.lab import LabPage, Notebooks

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.browser.pages import Shown, Theme

CELLS = [cell(num_steps=100_000)]
REASON = "it says <b>so</b> & no more"
# What a fit whose step cannot be captured tells.
FALL_BACK = f"""
from rugged_widget.regression.infer.fit import RegressionFit
from rugged_widget.snapshot.snapshot import EngineInfo
RegressionFit.engine = property(lambda fit: EngineInfo("plain", {REASON!r}))
"""
# Notes what each call left to prepare.
NOTED = """
from rugged_widget.regression.infer.fit import RegressionFit
left, prepare = [], RegressionFit.prepare

def noted(fit):
    left.append(prepare(fit))
    return left[-1]

RegressionFit.prepare = noted
"""
MANY = """
import numpy as np, pandas as pd
from rugged_widget import RuggedWidget
rng = np.random.default_rng(0)
x, g = rng.normal(size=40_000), np.arange(40_000) % 20 == 0
frame = pd.DataFrame({"x": x, "g": g, "y": x + rng.normal(size=40_000)})
widget = RuggedWidget(frame, response="y", predictor="x", group="g", num_steps=100_000, batch_size=256)
widget"""


@pytest.fixture(scope="module")
def opened(notebooks: Notebooks) -> Iterator[tuple[LabPage, Shown]]:
    """One page for several tests, for opening it takes longer than any of them."""
    with notebooks.open(CELLS) as both:
        yield both


@pytest.fixture
def widget(opened: tuple[LabPage, Shown]) -> Iterator[DashboardPage]:
    """The widget before its first step, pointed at and focused by nobody."""
    _, shown = opened
    page = DashboardPage(shown)
    shown.page.mouse.move(0, 0)
    shown.page.evaluate("document.activeElement.blur()")
    shown.kernel.run("widget.engine = 'auto'; widget.reset()")
    page.wait_status("ready")
    yield page
    shown.watched.check()


def test_pointing_at_the_status_tells_engine_and_reason(widget: DashboardPage) -> None:
    tip = widget.part("rw-engine-tip")
    assert not tip.is_visible()
    widget.press("rw-primary", "Start")
    widget.wait_step(30)
    widget.part("rw-status").hover()
    tip.wait_for(state="visible")
    assert "Engine: graph" in tip.inner_text()
    assert widget.shown.kernel.value("widget.engine_info.reason") in tip.inner_text()
    widget.part("rw-primary").hover()
    tip.wait_for(state="hidden")
    assert widget.part("rw-hint").count() == 0


def test_the_focus_stays_while_what_the_tip_says_changes(widget: DashboardPage) -> None:
    tip = widget.part("rw-engine-tip")
    widget.part("rw-engine-spot").focus()
    for engine in ("plain", "graph"):  # before the first step, as the captured step takes Pyro's place
        widget.shown.kernel.run(f"widget.engine = {engine!r}")
        tip.filter(has_text=f"Engine: {engine}").wait_for(state="visible")


def test_the_keyboard_reaches_it_escape_hides_it_and_a_screen_reader_reads_it(widget: DashboardPage) -> None:
    tip, spot = widget.part("rw-engine-tip"), widget.part("rw-engine-spot")
    widget.part("rw-primary").focus()
    widget.page.keyboard.press("Shift+Tab")
    tip.wait_for(state="visible")
    assert spot.evaluate("spot => spot === document.activeElement")
    widget.page.keyboard.press("Escape")
    tip.wait_for(state="hidden")
    note = widget.part("rw-state")
    widget.wait_until(
        lambda: 'note "Engine graph: ' in note.aria_snapshot(), "it is read out once the step is captured"
    )


def test_another_engine_in_mid_run_is_told_and_the_focus_stays(widget: DashboardPage) -> None:
    widget.press("rw-primary", "Start")
    widget.wait_step(30)
    widget.shown.kernel.run("widget.engine = 'plain'")
    widget.part("rw-engine-tip").filter(has_text="Engine: plain").wait_for(state="attached")
    assert widget.part("rw-hint").count() == 0  # it was asked for
    widget.part("rw-engine-spot").focus()
    step = widget.step()
    widget.wait_step(step + 50)
    assert widget.part("rw-engine-spot").evaluate("spot => spot === document.activeElement")
    widget.press("rw-primary", "Pause")
    widget.wait_status("paused")
    assert widget.differences() == []


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_steps_that_could_not_be_as_asked_for_are_hinted_at_and_nothing_moves(
    opened: tuple[LabPage, Shown], widget: DashboardPage, theme: Theme
) -> None:
    lab, shown = opened
    lab.set_theme(theme)
    widget.press("rw-primary", "Start")
    widget.wait_step(30)
    before = widget.boxes()
    assert widget.part("rw-hint").count() == 0
    shown.kernel.run(FALL_BACK)
    try:
        hint = widget.part("rw-hint")
        hint.wait_for()
        assert hint.inner_text() == "plain steps"
        hint.hover()
        widget.part("rw-engine-tip").wait_for(state="visible")
        assert REASON in widget.part("rw-engine-tip").inner_text()
        assert widget.boxes() == before
        shown.watched.screenshot(f"lab-engine-{theme}")
    finally:
        shown.kernel.run("del RegressionFit.engine")
        lab.set_theme("light")


def test_what_the_first_step_needs_is_there_before_start_is_pressed(notebooks: Notebooks) -> None:
    with notebooks.open([NOTED, *CELLS]) as (_, shown):
        widget = DashboardPage(shown)
        shown.kernel.wait("bool(left) and not left[-1]")
        assert shown.kernel.value("'torch._dynamo' in __import__('sys').modules")
        assert shown.kernel.value("[widget.status, widget.step, widget.engine_info.name]") == ["ready", 0, "graph"]
        pieces = shown.kernel.value("len(left)")
        widget.press("rw-step")
        widget.wait_step(1)
        widget.press("rw-reset")
        widget.wait_status("ready")
        shown.kernel.wait(f"len(left) > {pieces} and not left[-1]")  # the new fit too
        widget.press("rw-primary", "Start")
        widget.wait_step(30)


def test_of_a_large_table_a_sample_is_drawn_and_the_page_says_so(notebooks: Notebooks) -> None:
    with notebooks.open([MANY]) as (_, shown):
        widget = DashboardPage(shown)
        assert "1,000 of 38,000 rows drawn" in widget.part("rw-panel-0 .rw-title").inner_text()
        assert "1,000 of 2,000 rows drawn" in widget.part("rw-panel-1 .rw-title").inner_text()
        assert widget.part("rw-panel-0 .dot").count() == 1000
        widget.press("rw-primary", "Start")
        widget.wait_step(100)
        assert "of 1,000 drawn, prediction " in widget.part("rw-panel-0 .rw-note").inner_text()
        shown.watched.screenshot("lab-many-rows")
