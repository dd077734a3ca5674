"""Debian's Chromium under Playwright, and pages that remember what went wrong in them."""

from __future__ import annotations

import re
import shutil
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from playwright.sync_api import Browser, ConsoleMessage, Page, Request, sync_playwright

if TYPE_CHECKING:
    from collections.abc import Iterator

SCREENSHOTS = Path(__file__).parent / "screenshots"
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


class Watched:
    """A page with a list of its complaints: console errors, uncaught exceptions, addresses outside the machine."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.complaints: list[str] = []
        self.expected: list[str] = []
        page.on("console", self._on_console)
        page.on("pageerror", lambda error: self.complaints.append(f"uncaught: {error}"))
        page.on("request", self._on_request)

    def _on_console(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.complaints.append(f"console: {message.text} ({message.location.get('url', '')})")

    def _on_request(self, request: Request) -> None:
        if not LOCAL.match(request.url):
            self.complaints.append(f"asked another machine: {request.url}")

    def settle(self, script: str, argument: Any = None, *, seconds: float = 20.0) -> Any:
        """Call a JavaScript function that may return a promise and wait for its value.

        Unlike `page.evaluate`, which waits for ever. AssertionError where it is rejected, Playwright's TimeoutError
        where it takes longer than `seconds`.
        """
        self.page.evaluate(
            f"""argument => {{
                window.__settled = null;
                Promise.resolve(({script})(argument)).then(
                    (value) => {{ window.__settled = {{ value }}; }},
                    (error) => {{ window.__settled = {{ error: String(error) }}; }},
                );
            }}""",
            argument,
        )
        self.page.wait_for_function("window.__settled", timeout=seconds * 1000)
        settled = self.page.evaluate("window.__settled")
        assert "error" not in settled, f"{script}: {settled['error']}"
        return settled.get("value")

    def expect(self, pattern: str) -> None:
        """Say that this test provokes complaints that match a regular expression."""
        self.expected.append(pattern)

    def check(self) -> None:
        """AssertionError with every complaint that is neither harmless nor expected."""
        known = [*HARMLESS, *self.expected]
        unknown = [text for text in self.complaints if not any(re.search(pattern, text) for pattern in known)]
        assert not unknown, "the page complained:\n" + "\n".join(unknown)

    def screenshot(self, name: str) -> Path:
        """Write the page's picture into the ignored folder `screenshots`."""
        SCREENSHOTS.mkdir(exist_ok=True)
        path = SCREENSHOTS / f"{name}.png"
        self.page.screenshot(path=path)
        return path
