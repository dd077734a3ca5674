"""Protocols of the pages behind the tabs, and the union of what they request."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol, TypeAlias

import ipywidgets

from rugged_widget.snapshot.reference import SnapshotRequest
from rugged_widget.snapshot.snapshot import Progress, Snapshot
from rugged_widget.view.frames.silent_widgets import Silent
from rugged_widget.view.frames.stream import Changes

_FLAGS = ("parameters", "draws", "approximation", "correction")


class Page(Protocol):
    """What lies behind a tab: built once, updated while it is seen, and when training rests.

    A page that has dots to point at, or parts without a name, has `hover` and `labels` too, as of `FrameStream`; one
    that can draw the exact answer has `show_exact(show)`.
    """

    @property
    def box(self) -> ipywidgets.Widget:
        """All of the page."""

    @property
    def targets(self) -> Sequence[Silent]:
        """Widgets that frames change; always the same."""

    def update(self, snapshot: Snapshot, progress: Progress) -> Changes:
        """Return what a frame has to change; the snapshot holds what is wanted."""

    def wanted(self) -> SnapshotRequest:
        """Return what a snapshot has to hold for this page, at present."""


class FirstPage(Page, Protocol):
    """The page that is open when the dashboard is built, and that sums it up in words.

    Its `show_setting` answers the settings that the control row has no control for.
    """

    @property
    def hover(self) -> Sequence[Mapping[str, object]]:
        """What is told of the dots of its figures, as of `FrameStream`."""

    @property
    def labels(self) -> Mapping[str, str]:
        """Accessible names by css class."""

    def show_setting(self, name: str, value: object) -> None:
        """Make a control show `value`, without asking for it; `name` is correct or stop_when_converged."""

    def sentence(self, snapshot: Snapshot) -> str:
        """Return what the page shows in words, for readers who do not see it."""


Factory: TypeAlias = Callable[[Callable[[], None]], Page]
"""Builds a page. It is given what to call, from any thread, when the page wants another snapshot or drawing."""


def union(wishes: Sequence[SnapshotRequest]) -> SnapshotRequest:
    """Return what satisfies all; where several want to know about a point, the first one's."""
    points = [wish.what_if for wish in wishes if wish.what_if is not None]
    return SnapshotRequest(
        what_if=points[0] if points else None, **{name: any(getattr(wish, name) for wish in wishes) for name in _FLAGS}
    )


def holds(snapshot: Snapshot, wanted: SnapshotRequest) -> bool:
    """Return whether a snapshot holds what a page cannot be drawn without, be it of another point."""
    return (
        (bool(snapshot.parameters) or not wanted.parameters)
        and (bool(snapshot.draws) or not wanted.draws)
        and (snapshot.what_if is not None or wanted.what_if is None)
    )
