"""A notebook as a Voila page: the cells run at once, only their outputs are shown."""

from __future__ import annotations

import uuid
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tests.browser.pages import Shown, Theme, shown, watched_page
from tests.browser.server import Server, write_notebook

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from playwright.sync_api import Browser

KERNEL = "JSON.parse(document.getElementById('jupyter-config-data').textContent).kernelId"


@contextmanager
def rendered(
    browser: Browser,
    server: Server,
    cells: Sequence[str],
    *,
    theme: Theme = "light",
    width: int = 1100,
    height: int = 1400,
) -> Iterator[Shown]:
    """Show a fresh notebook with these cells; its kernel ends afterwards."""
    name = f"{uuid.uuid4().hex}.ipynb"
    write_notebook(server.notebooks / name, cells)
    with watched_page(browser, width=width, height=height) as watched:
        watched.page.goto(f"{server.url}/voila/render/{name}?token={server.token}&theme={theme}")
        watched.page.wait_for_selector("#jupyter-config-data", state="attached")
        with shown(watched, server, watched.page.evaluate(KERNEL)) as both:
            yield both
