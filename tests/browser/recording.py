"""Makes the moving picture of the README from a real run: `python -m tests.browser.recording`.

Chromium hands over what it paints while a run with the default settings trains. Some of these pictures, evenly spaced,
become an animated WebP of five seconds: first the dashboard before Start is pressed, last the finished run.
"""

from __future__ import annotations

import base64
import io
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PIL import Image

from tests.browser import chromium
from tests.browser.dashboard import DashboardPage, cell
from tests.browser.lab import notebook
from tests.browser.server import Server

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from playwright.sync_api import Page

PICTURE = Path(__file__).parent.parent.parent / "examples" / "dashboard.webp"
FIRST_MS, PAINTED_MS, LAST_MS = 700, 80, 1100  # how long the first picture, each of those between and the last stand
NUM_PAINTED = 40
WIDTH, HEIGHT = 1320, 1300  # px of the window: the controls stand in one row, and all of the widget is in view


@contextmanager
def screencast(page: Page) -> Iterator[list[bytes]]:
    """Collect what the page paints, as PNG files, the first the page as it is."""
    session = page.context.new_cdp_session(page)
    painted: list[bytes] = []

    def keep(event: dict[str, Any]) -> None:
        painted.append(base64.b64decode(event["data"]))
        session.send("Page.screencastFrameAck", {"sessionId": event["sessionId"]})

    session.on("Page.screencastFrame", keep)
    session.send("Page.startScreencast", {"format": "png"})
    yield painted
    session.send("Page.stopScreencast")


def record(widget: DashboardPage) -> list[Image.Image]:
    """Press Start, train to the end, and return the pictures: the first, `NUM_PAINTED` of those painted, the last."""
    page = widget.page
    widget.wait_still()
    place = widget.root.bounding_box()
    assert place is not None
    left, top = round(place["x"]), round(place["y"])
    box = (left, top, left + round(place["width"]), top + round(place["height"]))
    with screencast(page) as painted:
        widget.press("rw-primary", "Start")
        widget.wait_status("finished")
    page.mouse.click(5, 5)  # away from the button, whose focus would show
    widget.wait_still()
    spaced = [painted[at * (len(painted) - 1) // (NUM_PAINTED + 1)] for at in range(NUM_PAINTED + 1)]
    return [Image.open(io.BytesIO(picture)).convert("RGB").crop(box) for picture in [*spaced, page.screenshot()]]


def write(pictures: Sequence[Image.Image], path: Path) -> None:
    """Write pictures of one size as an animated WebP that repeats for ever."""
    first, *others = pictures
    durations = [FIRST_MS, *[PAINTED_MS] * (len(others) - 1), LAST_MS]
    # Of flat colours and thin lines, the lossless form is the smaller one.
    first.save(path, save_all=True, append_images=others, duration=durations, loop=0, lossless=True, method=4)


def main() -> None:
    """Record a run in JupyterLab and write the picture."""
    with (
        tempfile.TemporaryDirectory() as folder,
        chromium.launch() as browser,
        Server.jupyter("lab", python=sys.executable, folder=Path(folder)) as server,
        notebook(browser, server, [cell()], width=WIDTH, height=HEIGHT) as (_, shown),
    ):
        pictures = record(DashboardPage(shown))
    write(pictures, PICTURE)
    sys.stdout.write(f"wrote {PICTURE.name}, {PICTURE.stat().st_size / 1e6:.2f} MB\n")


if __name__ == "__main__":
    main()
