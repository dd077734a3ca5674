"""Pages behind a row of tabs, each of them built when it is first opened."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol, TypeAlias

import ipywidgets

from rugged_widget.snapshot.reference import SnapshotRequest
from rugged_widget.snapshot.snapshot import Progress, Snapshot
from rugged_widget.view.frames.silent_widgets import Silent
from rugged_widget.view.frames.stream import Changes
from rugged_widget.view.i18n.catalogue import Catalogue


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


Factory: TypeAlias = Callable[[Callable[[], None]], Page]
"""Builds a page. It is given what to call, from any thread, when the page wants another snapshot or drawing."""


class Tabs:
    """A row of tabs. Its methods belong on the loop's thread.

    Parameters
    ----------
    pages
        By name, in order; the first one is built at once, and open. The catalogue says what a tab is called; one
        that it does not know is called by its name.
    on_change
        Called, in any thread, when another tab is picked.
    text
        In which language.
    """

    def __init__(
        self, pages: Mapping[str, Callable[[], Page]], on_change: Callable[[], None], *, text: Catalogue
    ) -> None:
        self._builders, self._text = dict(pages), text
        self._built: dict[str, Page] = {}
        self._slots = {name: ipywidgets.Box() for name in pages}
        for slot in self._slots.values():
            slot.add_class("rw-page")
        self.widget = ipywidgets.Tab(list(self._slots.values()), selected_index=0)
        self.widget.add_class("rw-tabs")
        text.follow(self._name)
        self._open = next(iter(pages))
        self.open()
        self.attach()
        self.widget.observe(lambda _change: on_change(), "selected_index")

    def __repr__(self) -> str:
        return f"Tabs({self._open!r}, built: {list(self._built)})"

    @property
    def visible(self) -> Page:
        """The page that is seen."""
        return self._built[self._open]

    @property
    def built(self) -> tuple[Page, ...]:
        """Every page that was opened so far, the visible one first."""
        return self.visible, *(page for name, page in self._built.items() if name != self._open)

    def _name(self) -> None:
        keys = {name: f"tabs.{name}" for name in self._slots}
        self.widget.titles = [self._text(key) if key in self._text else name for name, key in keys.items()]

    def open(self) -> Page | None:
        """Go to the page whose tab is picked, building it where it is new; return it in that case.

        It is on the notebook's page only after `attach`, so that it can be made current first.
        """
        index = self.widget.selected_index
        name = self._open if index is None else list(self._slots)[index]
        new = name not in self._built
        if new:
            self._built[name] = self._builders[name]()
        self._open = name
        return self._built[name] if new else None

    def attach(self) -> None:
        """Put the visible page behind its tab."""
        slot, box = self._slots[self._open], self.visible.box
        if slot.children != (box,):
            slot.children = (box,)


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


_FLAGS = ("parameters", "draws", "approximation", "correction")
