"""A loop of one's own: its window moves while its cell blocks the kernel, and has buttons where it does not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.browser import own_loop
from tests.waits import wait_until

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Page

    from tests.browser.lab import Notebooks

# Its last frame before the kernel is silent has a longer axis than the one before.
STALLING = """
import time
from rugged_widget.monitor.own_loop import _reach
looks, look = [], monitor._loop.look
def noting():
    look()
    looks.append(monitor.step)
monitor._loop.look = noting
while len(looks) < 3 or _reach(looks[-1]) == _reach(looks[-2]):
    monitor.update(svi.step(EFFECTS, ERRORS), EFFECTS, ERRORS)
done.with_name("stalled").write_text(f"{looks[-1]} {_reach(looks[-1])}")
while not done.exists():
    time.sleep(0.05)
"""
END_OF_CURVE = """() => {
    const figure = document.querySelector(".rugged-widget .rw-elbo");
    const curve = Array.from(figure.querySelectorAll("path.line"), (path) => path.getAttribute("d") ?? "")
        .reduce((one, other) => other.length > one.length ? other : one);
    const width = Number(figure.querySelector(".plotarea_background").getAttribute("width"));
    return Number(/[ML]([^,]+),[^,]*$/.exec(curve)[1]) / width;
}"""


def test_its_window_moves_while_the_cell_runs(notebooks: Notebooks, tmp_path: Path) -> None:
    done = tmp_path / "done"
    with notebooks.open([own_loop.setup(done)]) as (lab, shown):
        assert "The window opens with the first step" in shown.page.locator(".rugged-widget").inner_text()
        lab.add_cell(own_loop.BLOCKING)
        page = own_loop.moves_while_it_blocks(shown, lambda: lab.run_cell(1, wait=False), done)
        lab.wait_idle()
        assert page.drawing_at_rest()
        assert "tau" in page.part("rw-terms").inner_text()
        assert "locs" in page.part("rw-gradients-names").inner_text()
        page.open_tab("Parameters")
        assert "AutoNormal" in page.root.inner_text()


def test_a_loop_that_yields_pauses_takes_a_step_and_stops(notebooks: Notebooks, tmp_path: Path) -> None:
    with notebooks.open([own_loop.setup(tmp_path)]) as (lab, shown):
        lab.add_cell(own_loop.YIELDING)
        own_loop.pauses_steps_and_stops(shown, lambda: lab.run_cell(1, wait=False))
        lab.wait_idle()
        assert shown.kernel.value("taken == monitor.step")


def test_a_frame_that_no_other_follows_is_painted_whole_though_its_axis_grows(
    notebooks: Notebooks, tmp_path: Path
) -> None:
    stalled = tmp_path / "stalled"
    with notebooks.open([own_loop.setup(tmp_path / "done")]) as (lab, shown):
        lab.add_cell(STALLING)
        lab.run_cell(1, wait=False)
        wait_until(stalled.exists, "the kernel is silent")
        step, reach = map(int, wait_until(stalled.read_text).split())
        own_loop.status(shown.page, f"step {step:,} ")
        wait_until(lambda: _ends_at(shown.page, step / reach), "the curve ends where the axis has the step")
        shown.page.wait_for_timeout(500)  # a redraw of bqplot's would come in the next animation frame
        assert _ends_at(shown.page, step / reach)
        (tmp_path / "done").touch()
        lab.wait_idle()


def _ends_at(page: Page, share: float) -> bool:
    return bool(abs(page.evaluate(END_OF_CURVE) - share) < 0.02)
