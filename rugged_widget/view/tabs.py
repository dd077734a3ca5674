"""Pages behind a row of tabs; each is built when it is first opened."""

from collections.abc import Callable, Mapping

import ipywidgets

from rugged_widget.view.i18n.catalogue import Catalogue
from rugged_widget.view.page import Page
from rugged_widget.view.widgets import classed


class Tabs:
    """A row of tabs. Its methods belong on the loop's thread.

    The first page is built at once, and open. The catalogue says what a tab is called; one that it does not know is
    called by its name.
    """

    def __init__(
        self, pages: Mapping[str, Callable[[], Page]], on_change: Callable[[], None], *, text: Catalogue
    ) -> None:
        self._builders, self._text = dict(pages), text
        self._built: dict[str, Page] = {}
        self._slots = {name: ipywidgets.Box() for name in pages}
        for slot in self._slots.values():
            slot.add_class("rw-page")
        self.widget = classed(ipywidgets.Tab(list(self._slots.values()), selected_index=0), "rw-tabs")
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
