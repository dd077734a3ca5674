"""A loop of one's own: its window moves while its cell blocks the kernel, and has buttons where it does not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.browser import own_loop

if TYPE_CHECKING:
    from pathlib import Path

    from tests.browser.lab import Notebooks


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
