"""The base of the figures of the first page."""

from collections.abc import Mapping, Sequence
from typing import Any

import ipywidgets

from rugged_widget.snapshot.request import SnapshotRequest
from rugged_widget.snapshot.snapshot import Progress
from rugged_widget.view.frames.silent_widgets import Silent
from rugged_widget.view.frames.stream import Changes


class Figure:
    """A figure that is built once and updated many times; a subclass says what its figure has beyond `update`.

    Attributes
    ----------
    boxes
        Its places in the grid of figures.
    targets
        Widgets that frames change.
    """

    boxes: Sequence[ipywidgets.Widget]
    targets: Sequence[Silent]

    @property
    def hover(self) -> Sequence[Mapping[str, object]]:
        """Tooltips of its dots, as of `FrameStream`."""
        return ()

    @property
    def labels(self) -> Mapping[str, str]:
        """Accessible names by css class."""
        return {}

    def request(self) -> SnapshotRequest:
        """Return what a snapshot has to hold for it, at present, beyond what it always does."""
        return SnapshotRequest()

    def update(self, snapshot: Any, progress: Progress) -> Changes:
        """Return what a frame has to change."""
        raise NotImplementedError

    def show_exact(self, show: bool) -> None:
        """Draw the exact answer over the guide's, or do not; none of its business unless a subclass says so."""

    def show_reference(self, reference: Any) -> None:
        """Compare with other answers from now on, where it does."""

    def correct(self, on: bool) -> None:
        """Draw what the weighted draws say too from the next frame on, or do not, where it can."""

    def sentence(self, _snapshot: Any) -> str:
        """Return what it shows in words, without a stop; empty where the other parts of the page say it."""
        return ""
