"""The Code page: a script that repeats the run without this package."""

import time
from collections.abc import Callable
from html import escape

from rugged_widget.snapshot.request import SnapshotRequest
from rugged_widget.snapshot.snapshot import Progress, Snapshot
from rugged_widget.view.figures.chart import html_text
from rugged_widget.view.figures.code_listing import Listing
from rugged_widget.view.frames.silent_widgets import Silent
from rugged_widget.view.frames.stream import Changes
from rugged_widget.view.i18n.captions import paragraph
from rugged_widget.view.i18n.catalogue import Catalogue
from rugged_widget.view.widgets import vbox

EVERY_SECONDS = 1.0
"""While training runs, the script is written anew so often: it changes with every step, and nobody reads so fast."""


class CodePage:
    """The script of the present run, which `make_script` writes quickly, and a button that copies it."""

    def __init__(
        self, make_script: Callable[[], str], clock: Callable[[], float] = time.monotonic, *, text: Catalogue
    ) -> None:
        self._make_script, self._clock, self._text = make_script, clock, text
        self._due, self._step = 0.0, -1
        about = paragraph(text, "code.about", "rw-about")
        self._state = html_text("rw-as-of")
        self._listing = Listing(text, "code.title", beside=[self._state])
        self.box = vbox("rw-code-page", about, self._listing.box)
        self.targets: tuple[Silent, ...] = (self._state,)

    def __repr__(self) -> str:
        return f"CodePage({self._as_of() or 'not written yet'})"

    @property
    def labels(self) -> dict[str, str]:
        """Accessible names by css class."""
        return {"rw-copy": self._text("code.copy_tip")}

    def request(self) -> SnapshotRequest:
        """Return what the snapshots of this page must hold: nothing more than they do."""
        return SnapshotRequest()

    def update(self, _snapshot: Snapshot, progress: Progress) -> Changes:
        """Return what a frame has to change, and write the script anew where that is due."""
        now = self._clock()
        if progress.status != "running" or now >= self._due:
            self._due = now + EVERY_SECONDS
            self._listing.show(self._make_script())
            self._step = progress.step
        return [(self._state, {"value": f"<p>{escape(self._as_of())}</p>"})]

    def _as_of(self) -> str:
        return "" if self._step < 0 else self._text("code.as_of", step=self._step)
