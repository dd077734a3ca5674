"""Controls of the latents: a search, pages, and the switch to a heat map."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import ipywidgets

from rugged_widget.view.figures.chart import html_text
from rugged_widget.view.figures.latents.plan import PagePlan
from rugged_widget.view.figures.latents.values import ShownSite
from rugged_widget.view.frames.stream import Changes
from rugged_widget.view.i18n.captions import caption
from rugged_widget.view.i18n.catalogue import Catalogue
from rugged_widget.view.widgets import button, classed, hbox

MAX_SUGGESTIONS = 200
"""Names that the search field offers: a page with more of them is slow."""


class Picker:
    """What is looked at: a query, the number of a page, and whether as a heat map.

    Parameters
    ----------
    changed
        Called, in any thread, when any of them was changed by hand.
    """

    def __init__(self, changed: Callable[[], None], *, text: Catalogue) -> None:
        self._changed, self._text, self._page = changed, text, 0
        self._sites: Sequence[ShownSite] = ()
        self.search = classed(ipywidgets.Combobox(), "rw-latents-search")
        self._all = button("rw-latents-all", self._show_all)
        self._back = button(
            "rw-latents-back", lambda: self._turn(-1), description="\N{SINGLE LEFT-POINTING ANGLE QUOTATION MARK}"
        )
        self._on = button(
            "rw-latents-on", lambda: self._turn(1), description="\N{SINGLE RIGHT-POINTING ANGLE QUOTATION MARK}"
        )
        self._heat = classed(ipywidgets.ToggleButton(layout={"width": "auto"}), "rw-latents-heat")
        self._count = html_text("rw-latents-count")
        self.foot = hbox("rw-latents-foot", self._count, self._heat, self._all, self._back, self._on)
        self.targets = (self._count,)
        self.search.observe(lambda _change: self._look(), "value")
        self._heat.observe(lambda _change: changed(), "value")
        caption(self._all, text, "latents.all")
        caption(self._heat, text, "latents.heat.button")
        text.follow(lambda: setattr(self.search, "placeholder", text("latents.search")))

    def __repr__(self) -> str:
        return f"Picker({self.query!r}, page {self._page})"

    @property
    def query(self) -> str:
        """What is searched for; empty where everything is shown."""
        return str(self.search.value)

    @property
    def page(self) -> int:
        """Number of the page, from 0; it may lie behind the last one."""
        return self._page

    @property
    def as_heat_map(self) -> bool:
        """True where a heat map is to be shown, should there be one."""
        return bool(self._heat.value)

    @property
    def labels(self) -> dict[str, str]:
        """Accessible names by css class."""
        return {
            f"rw-latents-{name}": self._text(f"latents.label.{name}")
            for name in ("search", "all", "back", "on", "heat")
        }

    def offer(self, sites: Sequence[ShownSite]) -> None:
        """Suggest the names of sites."""
        if sites is not self._sites:
            self._sites = sites
            self.search.options = tuple(site.name for site in sites[:MAX_SUGGESTIONS])

    def show(self, page: PagePlan | None, num_pages: int, *, has_heat_map: bool) -> Changes:
        """Make the controls fit a page, and return what a frame has to change; None where there is nothing to show.

        A heat map is the only page of all elements.
        """
        if page is not None and has_heat_map and self.as_heat_map:
            page, num_pages = replace(page, rows=(), first=1, last=page.total), 1
        self._page = min(self._page, num_pages - 1)
        self._back.disabled, self._on.disabled = self._page == 0, self._page == num_pages - 1
        pages, query = num_pages > 1, bool(self.query)
        for widget, use in ((self._heat, has_heat_map), (self._all, query), (self._back, pages), (self._on, pages)):
            widget.layout.display = None if use else "none"
        return [(self._count, {"value": "" if page is None else self._told(page)})]

    def _told(self, page: PagePlan) -> str:
        whole = page.last - page.first + 1 >= page.total
        key = f"latents.{page.counted}{'_all' if whole else ''}{'_one' if whole and page.total == 1 else ''}"
        return self._text.html(key, first=page.first, last=page.last, total=page.total)

    def _show_all(self) -> None:
        self.search.value = ""

    def _look(self) -> None:
        self._page = 0
        self._changed()

    def _turn(self, by: int) -> None:
        self._page = max(0, self._page + by)
        self._changed()
