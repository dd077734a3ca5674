"""The browser tests themselves notice what they are there to notice."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.browser import chromium, evidence, vscode_page
from tests.browser.pages import watched_page
from tests.waits import wait_until

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Browser

    from tests.browser.lab import Notebooks
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
def test_a_page_that_complains_or_leaves_the_machine_fails_its_test(
    browser: Browser, script: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(evidence, "FAILURES", tmp_path)
    with pytest.raises(AssertionError, match=r"oh.no"):
        _run(browser, script)


def _run(browser: Browser, script: str) -> None:
    with watched_page(browser, width=300, height=300) as watched:
        watched.page.evaluate(f"() => {{ {script} }}")
        wait_until(lambda: watched.complaints, "it complains", pause=lambda: watched.page.wait_for_timeout(20))


def test_a_failing_test_says_where_the_picture_and_the_console_of_its_page_are(
    browser: Browser, request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(evidence, "FAILURES", tmp_path)

    def fail() -> None:
        watched.page.evaluate("console.log('a last word')")
        pytest.fail("on purpose")

    with watched_page(browser, width=300, height=300) as watched:
        call = pytest.CallInfo.from_call(fail, "call")
        report = request.node.ihook.pytest_runtest_makereport(item=request.node, call=call)
    folder = evidence.folder_of_test()
    assert f"{evidence.NOTED}{folder}" in report.longreprtext
    assert (folder / "page-0.png").stat().st_size > 0
    assert "a last word" in (folder / "console-0.txt").read_text()


def test_of_a_notebook_the_servers_log_and_the_kernels_last_traceback_are_kept(
    notebooks: Notebooks, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(evidence, "FAILURES", tmp_path)
    error = AssertionError("of the test")
    with notebooks.open(["def broken():\n    raise LookupError('on purpose')", "broken()"]) as (_, shown):
        evidence.collect(error)
        shown.watched.failed = False
    folder = evidence.folder_of_test()
    assert str(folder) in error.__notes__[0]
    assert "LookupError: on purpose" in (folder / "traceback-0.txt").read_text()
    assert "ServerApp" in (folder / "server-0.log").read_text()


def test_the_vscode_page_gets_stuck_on_a_binary_message_as_vscode_does(
    browser: Browser, lab_server: Server, vscode_files: dict[str, Path]
) -> None:
    with vscode_page.cells(browser, lab_server, [SENDS_BYTES], vscode_files) as (host, shown):
        shown.watched.expect(r"message\(s\) stuck")
        shown.page.locator(".send").click()
        shown.page.wait_for_function("vscode.counts.stuck > 0")
        assert host.counts()["upBinary"] == 1
