"""The Compare page in the browser: runs that end become rows and thin lines, and two latents are drawn at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.browser.dashboard import DashboardPage, cell
from tests.browser.lab import LabPage, Notebooks
from tests.browser.looks import CONTRASTS, OVERFLOWING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.browser.pages import Theme

LINES = """root => Array.from(root.querySelectorAll(".rw-elbo svg path.line"))
    .filter((line) => line.getAttribute("d")).length"""


@pytest.fixture(scope="module")
def opened(notebooks: Notebooks) -> Iterator[tuple[LabPage, DashboardPage]]:
    """One page for several tests: two runs of different guides that have ended, and the Compare page open."""
    with notebooks.open([cell(speed="max", language="en", num_steps=400, learning_rate=0.1)]) as (
        lab,
        shown,
    ):
        page = DashboardPage(shown)
        for guide in ("diagonal", "multivariate"):
            shown.kernel.run(f"widget.guide = {guide!r}; widget.start()")
            page.wait_status("finished")
        open_tab(page, "Compare")
        page.root.locator(".rw-run").nth(1).wait_for()
        yield lab, page


@pytest.fixture
def widget(opened: tuple[LabPage, DashboardPage]) -> Iterator[DashboardPage]:
    """The widget with its Compare page open."""
    lab, page = opened
    page.set_width(1300)
    open_tab(page, "Compare")
    yield page
    page.shown.watched.check()
    lab.set_theme("light")


def open_tab(widget: DashboardPage, title: str) -> None:
    widget.root.locator(".lm-TabBar-tabLabel", has_text=title).click()


def cells(widget: DashboardPage, row: int) -> str:
    return widget.root.locator(".rw-run").nth(row).inner_text()


def test_runs_that_ended_are_rows_with_their_verdicts(widget: DashboardPage) -> None:
    widget.wait_until(lambda: "poor" in cells(widget, 0), "the verdict is told")
    assert widget.root.locator(".rw-run").count() == 2
    assert widget.part("rw-run-name-1").locator("input").input_value() == "diagonal normal · seed 1"
    assert widget.part("rw-run-name-1").locator("input").get_attribute("aria-label") == "Name of run 1"
    assert not widget.part("rw-runs-empty").is_visible()


def test_runs_stay_as_thin_lines_in_the_elbo_figure_until_they_are_removed(widget: DashboardPage) -> None:
    both = widget.root.evaluate(LINES)
    widget.press("rw-remove-2")
    widget.part("rw-remove-2").wait_for(state="detached")
    widget.wait_until(lambda: widget.root.evaluate(LINES) == both - 1, "one line less is drawn")
    widget.press("rw-keep")  # the present run is the one that was removed
    widget.part("rw-remove-3").wait_for()
    widget.wait_until(lambda: widget.root.evaluate(LINES) == both, "the line is drawn again")


def test_a_run_is_renamed_in_its_row_and_a_name_that_is_taken_is_refused(widget: DashboardPage) -> None:
    field = widget.part("rw-run-name-1").locator("input")
    field.fill("<b>mine</b>")
    field.press("Enter")
    widget.part("rw-legend").filter(has_text="<b>mine</b>").first.wait_for()  # text, not markup
    assert widget.kernel.value("widget.runs()['name'].iloc[0]") == "<b>mine</b>"
    other = widget.kernel.value("widget.runs()['name'].iloc[1]")
    field.fill(other)
    field.press("Enter")
    widget.part("rw-said").filter(has_text="Another run is called").first.wait_for()
    widget.wait_until(lambda: field.input_value() == "<b>mine</b>", "the field has the old name")


def test_a_run_that_is_recalled_is_the_present_one_again(widget: DashboardPage) -> None:
    assert widget.kernel.value("widget.guide") == "multivariate"
    widget.press("rw-recall-1")
    widget.wait_status("finished")
    widget.kernel.wait("widget.guide == 'diagonal'")
    assert widget.kernel.value("widget.step") == 400
    assert widget.root.locator(".rw-run").count() == 2  # it is not kept a second time
    widget.kernel.run("widget.recall(widget.runs().index[1])")
    widget.kernel.wait("widget.guide == 'multivariate'")


def test_the_table_is_saved_once_and_replaced_only_where_told_so(widget: DashboardPage, tmp_path: Path) -> None:
    path = tmp_path / "runs.csv"
    widget.part("rw-csv-path").locator("input").fill(str(path))
    widget.press("rw-export")
    widget.part("rw-said").filter(has_text="Saved").first.wait_for()
    assert path.read_text("utf-8").count("\n") == 3
    widget.press("rw-export")
    widget.part("rw-said").filter(has_text="is there already").first.wait_for()


def test_the_picture_of_two_latents_follows_what_is_picked(widget: DashboardPage) -> None:
    pair = widget.part("rw-pair")
    assert pair.locator(".axislabel").all_text_contents() == ["rugged", "bias"]
    ellipses = widget.drawing("rw-pair")
    widget.part("rw-pair-y").locator("select").select_option("sigma")
    pair.locator(".axislabel", has_text="sigma").wait_for()
    widget.wait_until(lambda: widget.drawing("rw-pair") != ellipses, "another picture is drawn")
    widget.part("rw-pair-mode").locator("button", has_text="draws").click()
    widget.part("rw-pair-mode").locator("button.mod-active").filter(has_text="draws").wait_for()
    widget.part("rw-pair-mode").locator("button", has_text="ellipses").click()
    widget.part("rw-pair-y").locator("select").select_option("bias")
    pair.locator(".axislabel", has_text="bias").wait_for()


@pytest.mark.parametrize("width", [700, 800, 1300])
@pytest.mark.parametrize("language", ["en", "ko"])
def test_the_page_fits(widget: DashboardPage, width: int, language: str) -> None:
    widget.kernel.run(f"widget.language = {language!r}")
    widget.part("rw-status").filter(has_text={"en": "finished", "ko": "완료"}[language]).wait_for()
    widget.set_width(width)
    found = widget.root.evaluate(OVERFLOWING)
    widget.shown.watched.screenshot(f"compare-{language}-{width}")
    widget.kernel.run("widget.language = 'en'")
    assert [one for one in found if not one.startswith("cut off: INPUT")] == []  # a long name scrolls in its field


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_page_can_be_read_in_both_themes(
    opened: tuple[LabPage, DashboardPage], widget: DashboardPage, theme: Theme
) -> None:
    opened[0].set_theme(theme)
    contrasts: dict[str, float] = widget.part("rw-compare").evaluate(CONTRASTS)
    widget.shown.watched.screenshot(f"compare-{theme}")
    assert len(contrasts) > 30
    assert {text: round(ratio, 2) for text, ratio in contrasts.items() if ratio < 4.5} == {}
