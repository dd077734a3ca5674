"""What a failing browser test leaves behind: one folder with all that is known of its pages."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from playwright.sync_api import Error as PlaywrightError

from tests.browser.kernel import LAST_TRACEBACK

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.browser.chromium import Watched

FAILURES = Path(__file__).parent / "failures"
ASK_SECONDS = 30.0  # of a kernel that may be what hangs
NOTED = "what the failing test left behind: "

IN_USE: list[Watched] = []  # the pages that tests use now; the last one was taken last


def folder_of_test() -> Path:
    """Name the folder of the test that runs now, or of what runs outside of tests."""
    test = os.environ.get("PYTEST_CURRENT_TEST", "no-test").rpartition(" (")[0] or "no-test"
    return FAILURES / re.sub(r"[^\w.-]+", "-", test.removeprefix("tests/").removeprefix("browser/")).strip("-")


def begin() -> None:
    """Forget what an earlier run of this test left behind."""
    shutil.rmtree(folder_of_test(), ignore_errors=True)


def take(watched: Watched) -> None:
    """Note that tests use this page now."""
    leave(watched)
    IN_USE.append(watched)


def leave(watched: Watched) -> None:
    """Note that no test uses this page any more."""
    if watched in IN_USE:
        IN_USE.remove(watched)


def collect(error: BaseException) -> None:
    """Write down what is known of every page in use, once an error, and add to its message where.

    The folder gets for each page, the newest as number 0: `page-0.png`, its picture; `console-0.txt`, everything it
    said, with its complaints at the end; `server-0.log`, of its Jupyter server with what the kernel printed;
    `traceback-0.txt`, the kernel's last one.
    """
    if any(note.startswith(NOTED) for note in getattr(error, "__notes__", ())) or not IN_USE:
        return
    folder = folder_of_test()
    folder.mkdir(parents=True, exist_ok=True)
    for at, watched in enumerate(reversed(IN_USE)):
        watched.failed = True
        _write(folder / f"console-{at}.txt", lambda watched=watched: _console(watched))
        _write(folder / f"traceback-{at}.txt", lambda watched=watched: _traceback(watched))
        _write(folder / f"server-{at}.log", lambda watched=watched: _log(watched))
        try:
            watched.page.screenshot(path=folder / f"page-{at}.png", timeout=ASK_SECONDS * 1000)
        except PlaywrightError as problem:
            (folder / f"page-{at}.txt").write_text(f"no picture: {problem}")
    error.add_note(f"{NOTED}{folder}\nthe page's complaints: {IN_USE[-1].complaints or 'none'}")


def _write(path: Path, text: Callable[[], str]) -> None:
    """Write what `text` gives; where that fails, why: evidence must not hide the test's own error."""
    try:
        content = text()
    except Exception as problem:
        content = f"not to be had: {type(problem).__name__}: {problem}"
    path.write_text(content)


def _console(watched: Watched) -> str:
    return "\n".join([*watched.said, "", "complaints:", *watched.complaints, ""])


def _traceback(watched: Watched) -> str:
    if watched.kernel is None:
        return "no kernel was joined"
    return str(watched.kernel.value(LAST_TRACEBACK, seconds=ASK_SECONDS)) or "no cell and no callback has raised"


def _log(watched: Watched) -> str:
    return "no server was joined" if watched.server is None else watched.server.log.read_text(errors="replace")
