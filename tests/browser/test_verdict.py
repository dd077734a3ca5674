"""The verdicts on the page: what a run ends with, what their buttons do, and that nothing moves."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.browser.dashboard import DashboardPage, cell
from tests.browser.lab import LabPage, Notebooks
from tests.browser.looks import CONTRASTS, OVERFLOWING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Locator

    from tests.browser.pages import Shown, Theme

PLACES = """root => Array.from(root.querySelectorAll(".rw-side, .rw-verdict, .rw-verdict-actions"), (part) => {
    const {left, top} = root.getBoundingClientRect(), box = part.getBoundingClientRect();
    return [box.left - left, box.top - top, box.width, box.height];
}).flat()"""
SCROLLING = """root => Array.from(root.querySelectorAll(".rw-verdict-text"))
    .filter((part) => part.scrollHeight > part.clientHeight + 1).map((part) => part.innerText)"""


@pytest.fixture(scope="module")
def opened(notebooks: Notebooks) -> Iterator[tuple[LabPage, Shown]]:
    """One page for several tests: the default run, as fast as it goes, in English."""
    with notebooks.open([cell(speed="max", language="en")]) as both:
        yield both


@pytest.fixture
def widget(opened: tuple[LabPage, Shown]) -> Iterator[DashboardPage]:
    """The widget before its first step, in English, with the diagonal guide and nothing corrected."""
    lab, shown = opened
    page = DashboardPage(shown)
    shown.kernel.run(
        "widget.language = 'en'; widget.guide = 'diagonal'; widget.correct = False; widget.show_exact = True;"
        "widget.stop_when_converged = False; widget.reset()"
    )
    page.wait_status("ready")
    page.set_width(1300)
    yield page
    shown.watched.check()
    lab.set_theme("light")


def train(widget: DashboardPage, word: str = "finished") -> None:
    widget.press("rw-primary")
    widget.wait_status(word)


def dotted(widget: DashboardPage) -> Locator:
    return widget.part('bqplot svg path.line[style*="stroke-dasharray: 2"]:visible')


def test_the_default_run_is_converged_and_no_good_and_the_multivariate_guide_is_the_cure(widget: DashboardPage) -> None:
    train(widget)
    converged, good = widget.part("rw-converged"), widget.part("rw-approximation")
    converged.filter(has_text=re.compile(r"Converged: yes, since step [\d,]+\.")).wait_for()
    good.filter(has_text="Approximation good: no").wait_for()
    text = good.inner_text().replace("\N{NO-BREAK SPACE}", " ")
    assert re.search(r"up to \d\d % too narrow", text)
    widget.press("rw-cure")
    widget.wait_status("ready")
    assert widget.kernel.value("widget.guide") == "multivariate"
    good.filter(has_text="not judged yet").wait_for()
    train(widget)
    good.filter(has_text=re.compile("Approximation good: (yes|borderline)")).wait_for()
    assert not widget.part("rw-cure").is_visible()


def test_the_verdicts_are_told_in_korean(widget: DashboardPage) -> None:
    widget.kernel.run("widget.language = 'ko'")
    widget.press("rw-primary")
    widget.part("rw-converged").filter(has_text=re.compile(r"최적화기 수렴 여부: 예, [\d,]+ 스텝부터")).wait_for()
    widget.part("rw-approximation").filter(has_text="근사 양호 여부: 아니요").wait_for()
    assert widget.root.evaluate(SCROLLING) == []
    assert widget.root.evaluate(OVERFLOWING) == []


def test_correcting_draws_dotted_outlines_and_the_legend_says_so(widget: DashboardPage) -> None:
    train(widget)
    assert dotted(widget).count() == 0
    widget.press("rw-correct")
    widget.part("rw-legend").filter(has_text="corrected").first.wait_for()
    assert widget.kernel.value("widget.correct") is True
    widget.wait_until(lambda: dotted(widget).count() >= 6, "boxes and medians, both panels, both slopes are dotted")
    widget.press("rw-correct")
    widget.part("rw-legend").filter(has_not_text="corrected").first.wait_for()
    widget.wait_until(lambda: dotted(widget).count() == 0, "nothing is dotted")


def test_averaging_is_offered_once_it_is_converged_and_told_afterwards(widget: DashboardPage) -> None:
    widget.part("rw-average").wait_for(state="hidden")  # the status is told before the frame that goes with it
    train(widget)
    widget.press("rw-average")
    widget.part("rw-converged").filter(has_text="are the mean of").wait_for()
    widget.part("rw-average").wait_for(state="hidden")


def test_the_box_makes_the_run_stop_where_it_has_converged(widget: DashboardPage) -> None:
    widget.part("rw-stop-when-converged").locator("input").check()
    train(widget)
    assert widget.kernel.value("widget.stop_when_converged") is True
    assert widget.kernel.value("widget.step") < 1500


@pytest.mark.parametrize("width", [800, 1300])
def test_nothing_of_the_verdicts_moves_or_is_cut_off(widget: DashboardPage, width: int) -> None:
    widget.set_width(width)
    ready = widget.root.evaluate(PLACES)
    widget.kernel.run("widget.speed = 1")
    widget.press("rw-primary", "Start")
    widget.wait_step(20)
    running = widget.root.evaluate(PLACES)
    widget.kernel.run("widget.speed = 'max'")
    widget.wait_status("finished")
    widget.press("rw-correct")
    widget.part("rw-legend").filter(has_text="corrected").first.wait_for()
    assert running == pytest.approx(ready, abs=0.5)
    assert widget.root.evaluate(PLACES) == pytest.approx(ready, abs=0.5)
    assert widget.root.evaluate(SCROLLING) == []
    assert widget.root.evaluate(OVERFLOWING) == []
    widget.shown.watched.screenshot(f"verdict-{width}")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_verdicts_can_be_read_in_both_themes(
    opened: tuple[LabPage, Shown], widget: DashboardPage, theme: Theme
) -> None:
    opened[0].set_theme(theme)
    train(widget)
    widget.press("rw-correct")
    widget.part("rw-legend").filter(has_text="corrected").first.wait_for()
    contrasts: dict[str, float] = widget.part("rw-side").evaluate(CONTRASTS)
    assert len(contrasts) > 6
    assert {text: round(ratio, 2) for text, ratio in contrasts.items() if ratio < 4.5} == {}
    widget.shown.watched.screenshot(f"verdict-{theme}")


def test_both_verdicts_are_told_to_screen_readers(widget: DashboardPage) -> None:
    train(widget)
    said = widget.part("rw-summary").filter(has_text="Converged: yes").filter(has_text="Approximation good: no")
    said.first.wait_for(state="attached")
