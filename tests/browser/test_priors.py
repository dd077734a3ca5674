"""The Priors page in the browser: a slider moves the curves, a run is trained with what it shows, and back."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tests.browser.dashboard import DashboardPage, cell
from tests.browser.looks import OVERFLOWING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.browser.lab import Notebooks


def to_pixels(paths: Sequence[str]) -> list[str]:
    """Round the numbers of paths: frames have single precision where no axis needs more."""
    return [re.sub(r"-?\d+\.\d+", lambda found: f"{float(found[0]):.1f}", path) for path in paths]


def test_a_slider_moves_the_curves_and_a_run_is_trained_with_it_and_back(notebooks: Notebooks) -> None:
    with notebooks.open([cell(speed="max", language="en", num_steps=50)]) as (_lab, shown):
        widget = DashboardPage(shown)
        widget.open_tab("Priors")
        status = widget.part("rw-prior-status")
        status.filter(has_text="trained with these priors").wait_for()
        assert widget.root.evaluate(OVERFLOWING) == []
        widget.wait_still()
        before = widget.drawing("rw-prior-0"), widget.drawing("rw-prior-panel-1")
        widget.part("rw-prior-weight .noUi-handle").press("Home")
        status.filter(has_text="trained with other priors").wait_for()
        widget.wait_until(lambda: widget.drawing("rw-prior-0") != before[0], "the prior and the posterior move")
        widget.wait_until(lambda: widget.drawing("rw-prior-panel-1") != before[1], "the band and the lines move")
        widget.root.locator(".rw-priors .rw-caution").filter(has_text="Priors and data conflict").wait_for()
        widget.press("rw-prior-train")
        status.filter(has_text="trained with these priors").wait_for()
        widget.kernel.wait("widget.priors.weight == 0.001")
        widget.press("rw-prior-back")
        widget.kernel.wait("widget.priors.weight == 1.0")
        status.filter(has_text="247.63").wait_for()
        widget.wait_until(
            lambda: to_pixels(widget.drawing("rw-prior-panel-1")) == to_pixels(before[1]),
            "the lines are those of before",
        )
        widget.shown.watched.screenshot("priors")
