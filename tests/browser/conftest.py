"""One browser and one server a host for all browser tests."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.browser import chromium, evidence, vscode_page
from tests.browser.lab import Notebooks
from tests.browser.server import Server

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from playwright.sync_api import Browser

# Package scope, not session: while Playwright's own event loop lives in the main thread, no asyncio test can run.


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark everything in this folder as needing a browser."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.browser)


def pytest_runtest_setup() -> None:
    """Begin each test without what it left behind when it last failed."""
    evidence.begin()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
    call: pytest.CallInfo[None],
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Keep what is known of the open pages of a test that fails, in set-up too, and say in its message where."""
    if call.excinfo is not None and not call.excinfo.errisinstance((pytest.skip.Exception, KeyboardInterrupt)):
        evidence.collect(call.excinfo.value)
    return (yield)


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """Debian's Chromium."""
    with chromium.launch() as launched:
        yield launched


@pytest.fixture(scope="package")
def lab_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """JupyterLab of this environment; also gives the VS Code page its kernels."""
    with Server.jupyter("lab", python=sys.executable, folder=tmp_path_factory.mktemp("lab")) as started:
        yield started


@pytest.fixture(scope="package")
def notebooks(browser: Browser, lab_server: Server) -> Iterator[Notebooks]:
    """Notebooks in JupyterLab, whose pages are used again."""
    opened = Notebooks(browser, lab_server)
    yield opened
    opened.close()


@pytest.fixture(scope="package")
def notebook_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Notebook 7 of this environment."""
    with Server.jupyter("notebook", python=sys.executable, folder=tmp_path_factory.mktemp("notebook")) as started:
        yield started


@pytest.fixture(scope="package")
def voila_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Voila of this environment."""
    with Server.voila(python=sys.executable, folder=tmp_path_factory.mktemp("voila")) as started:
        yield started


@pytest.fixture(scope="package")
def vscode_files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Files of the VS Code page, built once."""
    return vscode_page.build(tmp_path_factory.mktemp("vscode"))
