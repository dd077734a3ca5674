"""The browser tests themselves notice what they are there to notice."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.browser import chromium, vscode_page
from tests.browser.pages import watched_page

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Browser

    from tests.browser.server import Server

SENDS_BYTES = """
import anywidget
class Sender(anywidget.AnyWidget):
    _esm = '''export default {
        render({ model, el }) {
            const button = el.appendChild(document.createElement("button"));
            button.className = "send";
            button.onclick = () => model.send({}, undefined, [new Uint8Array([1, 2]).buffer]);
        },
    }'''
Sender()
"""


def test_a_machine_without_chromium_fails_and_is_told_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(RuntimeError, match="apt-get install chromium"), chromium.launch():
        pass


@pytest.mark.parametrize(
    "script",
    [
        "console.error('oh no')",
        "setTimeout(() => { throw new Error('oh no'); })",
        "fetch('https://example.org/oh-no').catch(() => undefined)",
    ],
)
def test_a_page_that_complains_or_leaves_the_machine_fails_its_test(browser: Browser, script: str) -> None:
    with pytest.raises(AssertionError, match=r"oh.no"):
        _run(browser, script)


def _run(browser: Browser, script: str) -> None:
    with watched_page(browser, width=300, height=300) as watched:
        watched.page.evaluate(f"() => {{ {script} }}")
        watched.page.wait_for_timeout(200)


def test_the_vscode_page_gets_stuck_on_a_binary_message_as_vscode_does(
    browser: Browser, lab_server: Server, vscode_files: dict[str, Path]
) -> None:
    with vscode_page.cells(browser, lab_server, [SENDS_BYTES], vscode_files) as (host, shown):
        shown.watched.expect(r"message\(s\) stuck")
        shown.page.locator(".send").click()
        shown.page.wait_for_function("vscode.counts.stuck > 0")
        assert host.counts()["upBinary"] == 1
