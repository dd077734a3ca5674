"""What every host's page has in common: it is watched, has a kernel, and is taken down tidily."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal, NamedTuple

from tests.browser import evidence
from tests.browser.chromium import Watched, throttle
from tests.browser.kernel import Kernel
from tests.waits import LIMIT_SECONDS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Page

    from tests.browser.server import Server

Theme = Literal["light", "dark"]


class Shown(NamedTuple):
    """A page that shows a notebook's outputs, and a second client of its kernel."""

    watched: Watched
    kernel: Kernel

    @property
    def page(self) -> Page:
        """Playwright's page."""
        return self.watched.page


@contextmanager
def watched_page(browser: Browser, *, width: int, height: int) -> Iterator[Watched]:
    """Open an empty page of a fresh profile; its complaints are checked when the block ends without an exception.

    Where the block ends with one, what is known of the page is kept, and the exception says where.
    """
    context = browser.new_context(viewport={"width": width, "height": height})
    context.set_default_timeout(LIMIT_SECONDS * 1000)
    watched = Watched(context.new_page())
    throttle(watched.page)
    evidence.take(watched)
    try:
        yield watched
        watched.check()
    except Exception as error:
        evidence.collect(error)
        raise
    finally:
        evidence.leave(watched)
        context.close()


@contextmanager
def shown(watched: Watched, server: Server, kernel_id: str) -> Iterator[Shown]:
    """Join the kernel behind a page; the kernel ends afterwards."""
    watched.server = server
    try:
        with Kernel(server.connection_file(kernel_id)) as kernel:
            watched.kernel = kernel
            try:
                yield Shown(watched, kernel)
            except Exception as error:
                evidence.collect(error)  # as long as the kernel is there
                raise
            finally:
                watched.kernel = None
    finally:
        server.end_kernel(kernel_id)
