"""The explanations behind the (i) buttons, and the language of all of it, on the page."""

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

PAGES = ("Parameters", "Priors", "Predict", "Compare", "Serve", "Code")
TITLES = {
    "rw-elbo": "What is climbing here?",
    "rw-quantiles": "How sure is the guide?",
    "rw-panel-0": "Why are so many points outside the band?",
    "rw-slopes": "How to read the slopes",
    "rw-converged": "What does converged mean?",
    "rw-approximation": "What is k̂?",
}
PLACES = """root => Array.from(
    root.querySelectorAll(".rw-header, .rw-controls, .rw-grid > *, .rw-head, .rw-verdict, .rw-drawing"),
    (part) => { const {left, top, width, height} = part.getBoundingClientRect(); return [left, top, width, height]; }
).flat()"""
# Whether a panel lies inside the widget and nothing of what it covers is seen through it.
INSIDE = """panel => {
    const edge = panel.closest(".rugged-widget").getBoundingClientRect(), box = panel.getBoundingClientRect();
    const top = document.elementFromPoint(box.left + 20, box.top + 12);
    return box.left >= edge.left && box.right <= edge.right && box.top >= edge.top && box.bottom <= edge.bottom
        && panel.contains(top);
}"""


@pytest.fixture(scope="module")
def opened(notebooks: Notebooks) -> Iterator[tuple[LabPage, Shown]]:
    """One page for several tests: a run of sixty steps, at rest, in English."""
    with notebooks.open([cell(language="en")]) as both:
        yield both


@pytest.fixture
def widget(opened: tuple[LabPage, Shown]) -> Iterator[DashboardPage]:
    """The widget after sixty steps, in English, everything closed."""
    lab, shown = opened
    page = DashboardPage(shown)
    shown.kernel.run("widget.language = 'en'; widget.reset(); widget.advance(60)")
    page.wait_status("paused")
    page.set_width(1300)
    yield page
    shown.page.keyboard.press("Escape")
    shown.watched.check()
    lab.set_theme("light")


def button(widget: DashboardPage, figure: str) -> Locator:
    return widget.part(f"{figure} .rw-explain-button")


def panels(widget: DashboardPage) -> Locator:
    return widget.part("rw-explain-panel:visible")


def open_one(widget: DashboardPage, figure: str) -> Locator:
    button(widget, figure).click()
    panel = widget.part(f"{figure} .rw-explain-panel")
    panel.wait_for()
    return panel


def gap_in(panel: Locator) -> float:
    found = re.search(r"gap that is left, ([\d.,]+)", panel.inner_text())
    assert found is not None
    return float(found[1].replace(",", ""))


def test_every_figure_and_verdict_explains_itself_in_place_one_at_a_time(widget: DashboardPage) -> None:
    before = widget.root.evaluate(PLACES)
    for figure, title in TITLES.items():
        assert title in open_one(widget, figure).inner_text()
        assert panels(widget).count() == 1
        assert panels(widget).evaluate(INSIDE)
        assert button(widget, figure).get_attribute("aria-expanded") == "true"
        assert widget.root.evaluate(PLACES) == before
    button(widget, "rw-approximation").click()
    assert panels(widget).count() == 0


def test_the_keyboard_opens_and_closes_it_and_the_focus_returns(widget: DashboardPage) -> None:
    widget.root.get_by_role("button", name="Explain: What is climbing here?").focus()
    widget.page.keyboard.press("Enter")
    panels(widget).wait_for()
    widget.page.keyboard.press("Tab")
    assert panels(widget).evaluate("panel => panel === document.activeElement")
    widget.page.keyboard.press("Escape")
    assert panels(widget).count() == 0
    assert button(widget, "rw-elbo").evaluate("button => button === document.activeElement")
    assert button(widget, "rw-elbo").get_attribute("aria-expanded") == "false"


def test_its_numbers_follow_the_run_while_it_is_open(widget: DashboardPage) -> None:
    panel = open_one(widget, "rw-elbo")
    before = panel.inner_text()
    widget.press("rw-primary", "Resume")
    widget.wait_step(200)
    assert panel.inner_text() != before
    widget.press("rw-primary", "Pause")
    widget.wait_status("paused")
    gap = widget.kernel.value("widget.snapshot.gap.nats")
    widget.wait_until(lambda: gap_in(panel) == pytest.approx(gap, rel=0.05), f"the gap is told, {gap}")


def test_every_other_page_raises_its_question_and_answers_it(widget: DashboardPage) -> None:
    for name in PAGES:
        widget.open_tab(name)
        page = widget.part("rw-explained:visible")
        page.locator(".rw-explain-button").click()
        panel = page.locator(".rw-explain-panel")
        panel.wait_for()
        assert panel.evaluate(INSIDE)
        assert page.locator(".rw-question").inner_text() in panel.inner_text()
        widget.page.keyboard.press("Escape")
        assert panels(widget).count() == 0
    widget.open_tab("Train")


def test_the_language_changes_all_of_the_page_and_nothing_that_is_picked(widget: DashboardPage) -> None:
    widget.part("rw-mode button").filter(has_text="prediction").click()
    open_one(widget, "rw-panel-0")
    picked = widget.kernel.value("[widget.guide, widget.speed, widget.seed, widget.step]")
    widget.kernel.run("widget.language = 'ko'")
    widget.part("rw-explain-panel:visible").filter(has_text="왜 이렇게 많은 점이").wait_for()
    widget.part("rw-status").filter(has_text="일시 정지").wait_for()
    widget.part("rw-mode .mod-active").filter(has_text="예측").wait_for()
    assert widget.kernel.value("[widget.guide, widget.speed, widget.seed, widget.step]") == picked
    known = {"ELBO", "nats", "rugged", "cont", "africa", "sigma", "slope", "GDP", "graph", "plain", "guide"}
    widget.wait_until(
        lambda: set(re.findall(r"[A-Za-z]{4,}", widget.root.inner_text())) <= known, "no other word is English"
    )
    widget.shown.watched.screenshot("explain-korean")
    widget.page.keyboard.press("Escape")
    widget.kernel.run("widget.language = 'en'")
    widget.part("rw-status").filter(has_text="paused").wait_for()
    widget.part("rw-mode button").filter(has_text="line").click()


@pytest.mark.parametrize("language", ["en", "ko"])
@pytest.mark.parametrize("width", [800, 1300])
def test_it_fits_and_can_be_read(
    opened: tuple[LabPage, Shown], widget: DashboardPage, width: int, language: str
) -> None:
    themes: tuple[Theme, ...] = ("light", "dark")
    widget.kernel.run(f"widget.language = {language!r}")
    widget.part("rw-status").filter(has_text={"en": "paused", "ko": "일시 정지"}[language]).wait_for()
    widget.set_width(width)
    for theme in themes:
        opened[0].set_theme(theme)
        for figure in TITLES:
            panel = open_one(widget, figure)
            widget.page.mouse.move(5, 5)
            assert panel.evaluate(INSIDE)
            assert widget.root.evaluate(OVERFLOWING) == []
            assert min(widget.root.evaluate(CONTRASTS).values()) >= 4.5
            if figure == "rw-approximation":  # the longest one
                widget.shown.watched.screenshot(f"explain-{language}-{width}-{theme}")
            widget.page.keyboard.press("Escape")  # in a narrow widget it lies over the next one's button
