"""Makes the picture of the tour from the real page: `python -m tests.browser.screenshot`."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from tests.browser import chromium
from tests.browser.dashboard import DashboardPage
from tests.browser.lab import notebook
from tests.browser.server import Server

PICTURE = Path(__file__).parent.parent.parent / "examples" / "dashboard.png"
CELL = "from rugged_widget import RuggedWidget\nwidget = RuggedWidget(speed='max')\nwidget"


def main() -> None:
    """Train in JupyterLab to the end and take the picture of the dashboard."""
    with (
        tempfile.TemporaryDirectory() as folder,
        chromium.launch() as browser,
        Server.jupyter("lab", python=sys.executable, folder=Path(folder)) as server,
        notebook(browser, server, [CELL], width=1320) as (lab, shown),
    ):
        lab.page.locator(".rw-primary").click()
        shown.kernel.wait("widget.status == 'finished'")
        lab.page.mouse.click(5, 5)  # away from the button, whose focus would show
        DashboardPage(shown).wait_still()
        lab.page.locator(".rugged-widget").screenshot(path=PICTURE)
    sys.stdout.write(f"wrote {PICTURE.name}\n")


if __name__ == "__main__":
    main()
