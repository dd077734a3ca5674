"""The figure of the latents on a page: names open sites, by mouse and by keyboard, and all of it can be read."""

from __future__ import annotations

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
from tests.latent_board import LatentBoard
widget = LatentBoard()
widget
"""
DRAWN = "path => path.getBoundingClientRect().width"


@pytest.fixture(scope="module")
def opened(notebooks: Notebooks) -> Iterator[tuple[LabPage, DashboardPage]]:
    with notebooks.open([CELL]) as (lab, shown):
        yield lab, DashboardPage(shown, figures=("rw-elbo",))


@pytest.fixture
def board(opened: tuple[LabPage, DashboardPage]) -> Iterator[DashboardPage]:
    _, page = opened
    yield page
    page.shown.watched.check()


def test_a_name_opens_its_site_and_a_button_leads_back(board: DashboardPage) -> None:
    count = board.part("rw-latents-count")
    count.get_by_text("4 sites").wait_for()
    board.part("rw-row-names").get_by_role("button", name="eta", exact=True).click()
    count.get_by_text("8 elements").wait_for()
    field = board.part("rw-latents-search input")
    board.wait_until(lambda: field.input_value() == "eta", "the field has the name")
    board.part("rw-row-names").get_by_text("eta[7]").wait_for()
    board.press("rw-latents-all")
    count.get_by_text("4 sites").wait_for()
    board.part("rw-row-names").get_by_role("button", name="w", exact=True).press("Enter")
    count.get_by_text("24 of 120 elements").wait_for()
    board.press("rw-latents-heat")
    image = board.root.get_by_role("img", name="w[0, 0] to w[3, 29]")
    image.wait_for()
    masks = image.locator("i").evaluate_all("all => all.map((one) => getComputedStyle(one).maskImage.slice(0, 14))")
    assert masks == ['url("data:imag'] * 2
    board.press("rw-latents-heat")
    board.press("rw-latents-all")
    count.get_by_text("4 sites").wait_for()


def test_a_frame_moves_what_is_drawn(board: DashboardPage) -> None:
    words = board.part("rw-row-words")
    board.kernel.run("widget.show(2)")
    words.get_by_text("0.2", exact=True).first.wait_for()
    board.wait_until(lambda: board.part("rw-rows path.rw-row-thin").evaluate(DRAWN) > 50, "the bars are drawn")
    board.kernel.run("widget.show(50)")
    words.get_by_text("5.0", exact=True).first.wait_for()
    movers = board.part("rw-row-movers")
    board.wait_until(lambda: movers.inner_text().count("moves most") == 1, "all others stand still")


def test_every_control_has_an_accessible_name(board: DashboardPage) -> None:
    board.part("rw-latents-search").get_by_label("Find a latent").wait_for()
    tree = board.part("rw-latents-figure").aria_snapshot()
    assert 'combobox "Find a latent' in tree
    assert "button:" not in tree


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [700, 800, 1300])
def test_it_fits_its_place_and_can_be_read(opened: tuple[LabPage, DashboardPage], theme: str, width: int) -> None:
    lab, board = opened
    lab.set_theme(theme)
    board.set_width(width)
    board.wait_still()
    assert board.root.evaluate(OVERFLOWING) == []
    assert {part: ratio for part, ratio in board.root.evaluate(CONTRASTS).items() if ratio < 4.5} == {}
    board.shown.watched.screenshot(f"latents-{theme}-{width}")
    lab.set_theme("light")
