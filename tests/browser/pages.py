"""What every host's page has in common: it is watched, has a kernel, and is taken down tidily."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal, NamedTuple

from tests.browser.chromium import Watched
from tests.browser.kernel import Kernel

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Page

    from tests.browser.server import Server

Theme = Literal["light", "dark"]
PAGE_SECONDS = 60.0


class Shown(NamedTuple):
    """A page that shows a notebook's outputs, and a second client of its kernel."""

    watched: Watched
    kernel: Kernel

    @property
    def page(self) -> Page:
        """Playwright's page."""
        return self.watched.page


@contextmanager
def watched_page(browser: Browser, *, width: int, height: int, reduced_motion: bool = False) -> Iterator[Watched]:
    """Open an empty page of a fresh profile; its complaints are checked when the block ends without an exception."""
    motion: Literal["reduce", "no-preference"] = "reduce" if reduced_motion else "no-preference"
    context = browser.new_context(viewport={"width": width, "height": height}, reduced_motion=motion)
    context.set_default_timeout(PAGE_SECONDS * 1000)
    try:
        watched = Watched(context.new_page())
        yield watched
        watched.check()
    finally:
        context.close()


@contextmanager
def shown(watched: Watched, server: Server, kernel_id: str) -> Iterator[Shown]:
    """Join the kernel behind a page; the kernel ends afterwards."""
    try:
        with Kernel(server.connection_file(kernel_id)) as kernel:
            yield Shown(watched, kernel)
    finally:
        server.end_kernel(kernel_id)
