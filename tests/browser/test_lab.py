"""The widget in JupyterLab, as a person uses it."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from tests.browser.dashboard import DashboardPage, cell, same_drawing
from tests.browser.lab import LabPage, Notebooks

if TYPE_CHECKING:
    from collections.abc import Iterator


BUSY = "import time\ntime.sleep(5)"
LONG = 100_000  # steps that no test waits for
BANDS = "[band.median for band in widget.snapshot.bands['line']]"


@contextmanager
def opened(notebooks: Notebooks, *more: str, **settings: object) -> Iterator[tuple[LabPage, DashboardPage]]:
    with notebooks.open([cell(**settings)]) as (lab, shown):
        for source in more:
            lab.add_cell(source)
        yield lab, DashboardPage(shown)


def test_nothing_trains_until_start_is_pressed_and_then_frames_arrive(notebooks: Notebooks) -> None:
    with opened(notebooks, num_steps=LONG) as (_, widget):
        widget.wait_status("ready")
        before = widget.drawing()
        widget.page.wait_for_timeout(500)
        assert widget.kernel.value("[widget.step, widget.status]") == [0, "ready"]
        assert widget.drawing() == before
        widget.press("rw-primary", "Start")
        widget.wait_step(30)
        assert widget.drawing() != before
        assert widget.kernel.value("widget.status") == "running"


def test_pause_stops_the_steps_and_shows_the_kernels_state(notebooks: Notebooks) -> None:
    with opened(notebooks, num_steps=LONG) as (_, widget):
        widget.press("rw-primary", "Start")
        widget.wait_step(30)
        widget.press("rw-primary", "Pause")
        widget.wait_status("paused")
        widget.part("rw-primary").filter(has_text="Resume").wait_for()
        step = widget.kernel.value("widget.step")
        widget.page.wait_for_timeout(300)
        assert widget.kernel.value("[widget.step, widget.status]") == [step, "paused"]
        assert widget.step() == step
        assert widget.differences() == []
        widget.press("rw-primary", "Resume")
        widget.wait_step(step + 30)


def test_step_trains_exactly_one_step_and_reset_begins_again(notebooks: Notebooks) -> None:
    with opened(notebooks, num_steps=LONG) as (_, widget):
        widget.wait_status("ready")
        fresh = widget.drawing_at_rest()
        for done in (1, 2):
            widget.press("rw-step")
            widget.wait_step(done)
            assert widget.kernel.value("widget.step") == done
        stepped = widget.drawing_at_rest()
        assert not same_drawing(stepped, fresh)
        widget.press("rw-reset")
        widget.wait_status("ready")
        assert widget.kernel.value("[widget.step, widget.status]") == [0, "ready"]
        assert same_drawing(widget.drawing_at_rest(), fresh)
        for done in (1, 2):
            widget.press("rw-step")
            widget.wait_step(done)
        assert same_drawing(widget.drawing_at_rest(), stepped)  # the same seed


def test_learning_rate_changes_while_training_goes_on(notebooks: Notebooks) -> None:
    with opened(notebooks, num_steps=LONG) as (_, widget):
        widget.press("rw-primary", "Start")
        widget.wait_step(30)
        widget.part("rw-learning-rate .noUi-handle").press("ArrowRight")
        rate = widget.kernel.wait("widget.learning_rate if widget.learning_rate != 0.03 else 0")
        assert rate > 0.03
        step = widget.kernel.value("widget.step")
        assert step > 30
        widget.wait_step(step + 30)
        assert widget.kernel.value("widget.snapshot.learning_rate") == pytest.approx(rate)


def test_another_guide_begins_again_with_that_guide(notebooks: Notebooks) -> None:
    with opened(notebooks, num_steps=LONG) as (_, widget):
        widget.press("rw-step")
        widget.wait_step(1)
        widget.part("rw-guide select").select_option(index=1)
        assert widget.kernel.wait("widget.guide if widget.guide != 'diagonal' else ''")
        widget.wait_status("ready")
        assert widget.kernel.value("widget.step") == 0
        widget.press("rw-step")
        widget.wait_step(1)
        assert widget.differences() == []


def test_after_the_end_the_picture_is_the_kernels_state_and_stays_so(notebooks: Notebooks) -> None:
    with opened(notebooks, num_steps=2000, speed="max") as (lab, widget):
        widget.press("rw-primary", "Start")
        widget.wait_status("finished")
        widget.part("rw-primary").filter(has_text="Restart").wait_for()
        assert widget.kernel.value("[widget.step, widget.status, widget.snapshot.step]") == [2000, "finished", 2000]
        drawn, bands = widget.drawing_at_rest(), widget.kernel.value(BANDS)
        lab.save()
        lab.reload()
        again = DashboardPage(widget.shown)
        again.wait_status("finished")
        assert same_drawing(again.drawing_at_rest(), drawn)
        again.press("rw-primary", "Restart")
        again.wait_status("running")
        again.wait_status("finished")
        # The same seed; the axes may differ, whose bounds go in steps that depend on the frames between.
        assert again.kernel.value(BANDS) == bands
        assert again.differences() == []


def test_a_reload_in_mid_run_carries_on(notebooks: Notebooks) -> None:
    with opened(notebooks, num_steps=LONG) as (lab, widget):
        widget.press("rw-primary", "Start")
        widget.wait_step(30)
        lab.save()
        lab.reload()
        again = DashboardPage(widget.shown)
        step = again.kernel.value("widget.step")
        again.wait_step(step + 50)
        again.press("rw-primary", "Pause")
        again.wait_status("paused")
        assert again.differences() == []


def test_out_of_sight_it_trains_without_a_frame_and_back_in_sight_it_is_current(notebooks: Notebooks) -> None:
    with opened(notebooks, num_steps=1_000_000, speed="max") as (_, widget):
        widget.press("rw-primary", "Start")
        widget.wait_step(30)
        stream, output = "widget.children[-1]", widget.root.locator("xpath=ancestor::*[4]")
        output.evaluate("element => { element.style.display = 'none'; }")
        widget.kernel.wait(f"{stream}.presence == 'away'")
        frames, step = widget.kernel.value(f"[{stream}._seq, widget.step]")
        widget.kernel.wait(f"widget._session.training.fit.step > {step + 2000}")
        assert widget.kernel.value(f"{stream}._seq") == frames
        output.evaluate("element => { element.style.display = ''; }")
        widget.wait_step(step + 2000)
        widget.press("rw-primary", "Pause")
        widget.wait_status("paused")
        assert widget.differences() == []


def test_a_second_view_shows_the_same(notebooks: Notebooks) -> None:
    with opened(notebooks, "widget", num_steps=LONG) as (lab, widget):
        widget.press("rw-primary", "Start")
        widget.wait_step(30)
        lab.run_cell(1)
        second = DashboardPage(widget.shown, view=1)
        second.wait_step(widget.step() + 20)
        second.press("rw-primary", "Pause")
        widget.wait_status("paused")
        second.wait_status("paused")
        assert same_drawing(second.drawing_at_rest(), widget.drawing_at_rest())


def test_a_busy_cell_loses_nothing(notebooks: Notebooks) -> None:
    with opened(notebooks, BUSY, num_steps=LONG, speed="max") as (lab, widget):
        widget.press("rw-primary", "Start")
        widget.wait_step(30)
        lab.run_cell(1, wait=False)
        widget.page.wait_for_timeout(2000)
        widget.press("rw-primary", "Pause")  # waits in the kernel's queue
        widget.wait_status("paused")
        lab.wait_idle()
        assert widget.step() == widget.kernel.value("widget.step")
        assert widget.differences() == []
        widget.press("rw-primary", "Resume")
        widget.wait_step(widget.step() + 30)


def test_a_restarted_kernel_leaves_a_page_that_says_so(notebooks: Notebooks) -> None:
    with opened(notebooks, num_steps=LONG) as (lab, widget):
        gone = widget.part("rw-disconnected")
        assert not gone.is_visible()
        widget.press("rw-primary", "Start")
        widget.wait_step(30)
        lab.restart_kernel()
        gone.wait_for(state="visible")
        assert "Run the cell again" in gone.inner_text()


def test_python_and_the_page_drive_the_same_run(notebooks: Notebooks) -> None:
    with opened(notebooks, num_steps=LONG) as (_, widget):
        widget.kernel.run("widget.advance(7)")
        widget.wait_step(7)
        widget.kernel.run("widget.start()")
        widget.wait_step(30)
        widget.part("rw-primary").filter(has_text="Pause").wait_for()
        widget.kernel.run("widget.pause()")
        widget.wait_status("paused")
        widget.part("rw-primary").filter(has_text="Resume").wait_for()


def test_a_failure_says_what_to_do_and_reset_begins_again(notebooks: Notebooks) -> None:
    with opened(notebooks, num_steps=LONG, learning_rate=1e30) as (_, widget):
        before = widget.boxes()
        widget.press("rw-primary", "Start")
        notice = widget.part("rw-notice")
        notice.filter(has_text="a tenth of the learning rate").wait_for()
        assert widget.kernel.value("widget.status") == "failed"
        assert widget.boxes() == before
        widget.shown.watched.screenshot("lab-failed")
        widget.press("rw-reset")
        widget.wait_status("ready")
        notice.wait_for(state="hidden")
        widget.kernel.run("widget.learning_rate = 0.03")
        widget.press("rw-primary", "Start")
        widget.wait_step(30)


def test_after_a_failure_a_lower_learning_rate_carries_on(notebooks: Notebooks) -> None:
    with opened(notebooks, num_steps=LONG, learning_rate=50.0) as (_, widget):
        widget.press("rw-primary", "Start")
        widget.part("rw-notice").filter(has_text="a tenth of the learning rate").wait_for()
        widget.kernel.run("widget.learning_rate = 0.03")
        widget.part("rw-notice").wait_for(state="hidden")
        widget.press("rw-primary")
        widget.wait_step(30)
