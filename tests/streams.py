"""How tests are dealt out to the processes of pytest-xdist."""

from __future__ import annotations

from xdist.scheduler import LoadScopeScheduling

PAGES = ("tests/browser/", "tests/test_wheel.py")


class OneOfPages(LoadScopeScheduling):  # type: ignore[misc] (xdist is not annotated)
    """Gives out whole files, and everything that opens a page to one process, so that two pages never fight."""

    def _split_scope(self, nodeid: str) -> str:
        """Name the unit that a test belongs to; pytest-xdist documents this method as the one to override."""
        file = nodeid.partition("::")[0]
        return "pages" if file.startswith(PAGES) else file
