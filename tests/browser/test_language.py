"""The language of a page whose reader's browser prefers Korean."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.browser.dashboard import DashboardPage, cell
from tests.browser.lab import notebook
from tests.browser.looks import OVERFLOWING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser

    from tests.browser.server import Server

PREFER_KOREAN = 'Object.defineProperty(navigator, "language", { value: "ko-KR", configurable: true })'
TABS = ("매개변수", "예측", "비교", "내보내기", "코드", "학습")


@pytest.fixture(scope="module")
def widget(browser: Browser, lab_server: Server) -> Iterator[DashboardPage]:
    """A widget of which nobody said which language it speaks, in such a browser, after forty steps."""
    with notebook(browser, lab_server, ["nothing = None"]) as (lab, shown):
        lab.page.evaluate(f"() => {{ {PREFER_KOREAN}; }}")
        lab.add_cell(cell())
        lab.run_cell(1)
        page = DashboardPage(shown)
        shown.kernel.run("widget.advance(40)")
        page.wait_status("일시 정지")
        yield page


def test_the_page_speaks_what_its_readers_browser_prefers(widget: DashboardPage) -> None:
    assert widget.kernel.value("widget.language") == "auto"
    widget.part("rw-primary").filter(has_text="계속").wait_for()
    widget.part("rw-seed input[aria-label='시드']").wait_for()
    widget.part("rw-learning-rate .widget-readout[aria-label='학습률, 값']").wait_for()


@pytest.mark.parametrize("width", [1300, 800])
def test_every_page_fits_in_korean(widget: DashboardPage, width: int) -> None:
    widget.set_width(width)
    for tab in TABS:
        widget.open_tab(tab)
        widget.wait_still()
        assert widget.root.evaluate(OVERFLOWING) == []
        widget.shown.watched.screenshot(f"korean-{width}-{TABS.index(tab)}")


def test_what_was_copied_is_said_in_korean(widget: DashboardPage) -> None:
    widget.open_tab("코드")
    button = widget.part("rw-code-page .rw-copy")
    assert button.inner_text().strip() == "복사"
    button.click()
    button.filter(has_text="복사됨").or_(button.filter(has_text="복사하지 못함")).wait_for()
    widget.open_tab("학습")
