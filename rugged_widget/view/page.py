"""Protocols of the pages behind the tabs, and the union of what they request."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import reduce
from typing import Any, Protocol, TypeAlias

import ipywidgets

from rugged_widget.snapshot.request import SnapshotRequest
from rugged_widget.snapshot.snapshot import Progress
from rugged_widget.view.frames.silent_widgets import Silent
from rugged_widget.view.frames.stream import Changes


class Page(Protocol):
    """What lies behind a tab: built once, updated while it is seen, and when training rests.

    The pages of a dashboard and the fit that it shows belong together: a page is given snapshots of the class that the
    fit makes, such as `RegressionSnapshot`.

    A page that has dots to point at, or parts without a name, has `hover` and `labels` too, as of `FrameStream`; one
    that can draw the exact answer has `show_exact(show)`, and `show_reference(reference)` where that may be another
    one later.
    """

    @property
    def box(self) -> ipywidgets.Widget:
        """All of the page."""

    @property
    def targets(self) -> Sequence[Silent]:
        """Widgets that frames change; always the same."""

    def update(self, snapshot: Any, progress: Progress) -> Changes:
        """Return what a frame has to change; the snapshot meets the request."""

    def request(self) -> SnapshotRequest:
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

    def sentence(self, snapshot: Any) -> str:
        """Return what the page shows in words, for readers who do not see it."""


Factory: TypeAlias = Callable[[Callable[[], None]], Page]
"""Builds a page. It is given what to call, from any thread, when the page wants another snapshot or drawing."""


def union(requests: Sequence[SnapshotRequest]) -> SnapshotRequest:
    """Return a request for what any of them asks for; where several give a value for a field, the first one's."""
    return reduce(SnapshotRequest.union, requests, SnapshotRequest())
