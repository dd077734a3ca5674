"""Another model than the lesson's, with two latents and no bands, is shown by the same dashboard."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.browser.dashboard import DashboardPage
from tests.browser.looks import CONTRASTS, OVERFLOWING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.browser.lab import LabPage, Notebooks

CELL = f"""
import sys
sys.path.insert(0, {str(Path(__file__).parents[2])!r})
from tests.two_latents import SackWidget
widget = SackWidget(num_steps=600, learning_rate=0.05, language="en")
widget
"""


@pytest.fixture(scope="module")
def opened(notebooks: Notebooks) -> Iterator[tuple[LabPage, DashboardPage]]:
    with notebooks.open([CELL]) as (lab, shown):
        yield lab, DashboardPage(shown, figures=("rw-elbo", "rw-quantiles"))


@pytest.fixture
def widget(opened: tuple[LabPage, DashboardPage]) -> Iterator[DashboardPage]:
    lab, page = opened
    yield page
    page.shown.watched.check()
    lab.set_theme("light")


def test_it_trains_and_shows_elbo_quantiles_and_both_verdicts(widget: DashboardPage) -> None:
    before = widget.drawing("rw-elbo")
    widget.press("rw-primary", "Start")
    widget.wait_status("finished")
    assert widget.kernel.value("[widget.status, widget.step]") == ["finished", 600]
    widget.wait_until(lambda: widget.drawing("rw-elbo") != before, "the curve is drawn")
    assert widget.part("rw-heading h2").inner_text() == "Sacks & <weights>"
    assert widget.part("rw-quantiles").get_by_text("mean <kg>").count() == 1
    widget.part("rw-converged h3").filter(has_text=re.compile(r"^\s*Converged: (yes|no)")).wait_for()
    widget.part("rw-approximation h3").filter(has_text=re.compile(r"^\s*Approximation good: yes")).wait_for()
    assert widget.part("rw-panel-0").count() == widget.part("rw-slopes").count() == 0
    assert widget.part("rw-legend").first.inner_text().strip() == ""  # nothing is compared
    assert not widget.part("rw-correct").is_visible()  # it has no such setting
    assert widget.differences() == []


def test_the_explanations_are_of_this_model(widget: DashboardPage) -> None:
    widget.part("rw-elbo .rw-explain-button").click()
    text = widget.part("rw-elbo .rw-explain-panel").inner_text()
    widget.part("rw-elbo .rw-explain-button").click()
    assert "sacks" in text
    assert "GDP" not in text


def test_its_parameters_and_marginals_are_a_page(widget: DashboardPage) -> None:
    widget.open_tab("Parameters")
    widget.part("rw-parameters").get_by_text("AutoDiagonalNormal.loc").wait_for()
    assert widget.part("rw-latents .bqplot").count() == 2
    widget.wait_until(lambda: len(widget.drawing("rw-latents")) >= 2, "both densities are drawn")
    assert widget.differences() == []


def test_its_runs_are_compared_and_recalled(widget: DashboardPage) -> None:
    widget.kernel.run("widget.guide = 'multivariate'; widget.start()")
    widget.wait_status("finished")
    widget.open_tab("Compare")
    widget.root.locator(".rw-run").nth(1).wait_for()
    assert "multivariate" in widget.part("rw-run-name-2").locator("input").input_value()
    widget.press("rw-recall-1")
    widget.part("rw-said").filter(has_text="1").wait_for()
    assert widget.kernel.value("[widget.guide, widget.step]") == ["diagonal", 600]
    picked = widget.part("rw-guide select").locator("option:checked")
    widget.wait_until(lambda: picked.inner_text().replace("\xa0", " ") == "diagonal normal", "the page has its guide")
    assert widget.differences() == []


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [800, 1300])
def test_it_fits_its_place_and_can_be_read(opened: tuple[LabPage, DashboardPage], theme: str, width: int) -> None:
    lab, widget = opened
    lab.set_theme(theme)
    for tab in ("Train", "Compare", "Parameters"):
        widget.open_tab(tab)
        widget.set_width(width)
        widget.wait_still()
        cut = [part for part in widget.root.evaluate(OVERFLOWING) if not part.startswith("cut off: INPUT")]
        assert cut == []  # a long name of a run scrolls in its field
        faint = {part: ratio for part, ratio in widget.root.evaluate(CONTRASTS).items() if ratio < 4.5}
        assert faint == {}
        widget.shown.watched.screenshot(f"two-latents-{tab}-{theme}-{width}")
    lab.set_theme("light")
