"""Debian's Chromium under Playwright, and pages that remember what went wrong in them."""

from __future__ import annotations

import os
import re
import shutil
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from playwright.sync_api import Browser, ConsoleMessage, Page, Request, sync_playwright

from tests.waits import LIMIT_SECONDS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.browser.kernel import Kernel
    from tests.browser.server import Server

SCREENSHOTS = Path(__file__).parent / "screenshots"
# How many times slower the pages' processor is made to look; tests/slow_machine.py sets it.
CPU_THROTTLE = "RUGGED_WIDGET_CPU_THROTTLE"
ARGUMENTS = (
    "--no-sandbox",  # root in a container
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # The pages are local: a widget that asks another machine for anything must be seen to fail.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
)
LOCAL = re.compile(r"^(https?|wss?)://127\.0\.0\.1[:/]|^(data|blob|about|chrome-extension):")

# Console errors that are not the widget's, each with its reason. Anything else fails the test.
HARMLESS = {
    r"uncaught: Cannot read properties of undefined \(reading 'schema'\)": (
        "Notebook 7 itself, with any notebook: https://github.com/jupyter/notebook/issues/7862 (remove once closed)"
    ),
    r"https://cdn\.jsdelivr\.net/npm/@fortawesome/fontawesome-free@": "Voila's own template asks for its icon font",
    r"#RUNTIME-012[^@]*@jupyterlab/[^$]*/voila/labextensions/@jupyter-notebook/lab-extension/": (
        "Voila tries to load Notebook's extension of JupyterLab, which is for JupyterLab only"
    ),
}


@contextmanager
def launch() -> Iterator[Browser]:
    """Start Chromium; RuntimeError where the machine has none, since nothing here can be tested without it."""
    executable = shutil.which("chromium")
    if executable is None:
        message = "the browser tests need Chromium: apt-get install chromium (or run pytest -m 'not browser')"
        raise RuntimeError(message)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=list(ARGUMENTS))
        try:
            yield browser
        finally:
            browser.close()


def throttle(page: Page) -> None:
    """Slow the page's main thread down by the factor that the environment names, if it does."""
    if factor := os.environ.get(CPU_THROTTLE):
        page.context.new_cdp_session(page).send("Emulation.setCPUThrottlingRate", {"rate": float(factor)})


class Watched:
    """A page with a list of its complaints: console errors, uncaught exceptions, addresses outside the machine.

    Parameters
    ----------
    page
        The page, before it has loaded anything.

    Attributes
    ----------
    complaints, said
        What went wrong, and everything that the console printed.
    server, kernel
        What stands behind the page once it is known; a failing test keeps their last words.
    run_again
        Runs the page's cells again, where it can.
    failed
        A test has failed while this page was open: what is on it is not to be relied on.
    """

    def __init__(self, page: Page) -> None:
        self.page = page
        self.complaints: list[str] = []
        self.expected: list[str] = []
        self.said: list[str] = []
        self.server: Server | None = None
        self.run_again: Callable[[], None] | None = None
        self.kernel: Kernel | None = None
        self.failed = False
        page.on("console", self._on_console)
        page.on("pageerror", lambda error: self.complaints.append(f"uncaught: {error}"))
        page.on("request", self._on_request)

    def _on_console(self, message: ConsoleMessage) -> None:
        self.said.append(f"{message.type}: {message.text}")
        if message.type == "error":
            self.complaints.append(f"console: {message.text} ({message.location.get('url', '')})")

    def _on_request(self, request: Request) -> None:
        if not LOCAL.match(request.url):
            self.complaints.append(f"asked another machine: {request.url}")

    def resolve(self, script: str, argument: Any = None) -> Any:
        """Call a JavaScript function that may return a promise and wait for its value.

        Unlike `page.evaluate`, which waits for ever. AssertionError where it is rejected, Playwright's TimeoutError
        after the limit of all waits.
        """
        self.page.evaluate(
            f"""argument => {{
                window.__resolved = null;
                Promise.resolve(({script})(argument)).then(
                    (value) => {{ window.__resolved = {{ value }}; }},
                    (error) => {{ window.__resolved = {{ error: String(error) }}; }},
                );
            }}""",
            argument,
        )
        self.page.wait_for_function("window.__resolved", timeout=LIMIT_SECONDS * 1000)
        resolved = self.page.evaluate("window.__resolved")
        assert "error" not in resolved, f"{script}: {resolved['error']}"
        return resolved.get("value")

    def take_back(self, text: str) -> bool:
        """Forget the complaints that hold a text; return whether there were any."""
        count = len(self.complaints)
        self.complaints = [complaint for complaint in self.complaints if text not in complaint]
        return len(self.complaints) < count

    def expect(self, pattern: str) -> None:
        """Say that this test provokes complaints that match a regular expression."""
        self.expected.append(pattern)

    def check(self) -> None:
        """AssertionError with every complaint that is neither harmless nor expected."""
        known = [*HARMLESS, *self.expected]
        unknown = [text for text in self.complaints if not any(re.search(pattern, text) for pattern in known)]
        assert not unknown, "the page complained:\n" + "\n".join(unknown)

    def forget(self) -> None:
        """Begin anew with what it said, for the next test of the same page."""
        for words in (self.complaints, self.expected, self.said):
            words.clear()

    def screenshot(self, name: str) -> Path:
        """Write the page's picture into the ignored folder `screenshots`."""
        SCREENSHOTS.mkdir(exist_ok=True)
        path = SCREENSHOTS / f"{name}.png"
        self.page.screenshot(path=path)
        return path
