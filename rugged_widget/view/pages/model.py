"""The Model page: the graph of the model in plate notation, and a table of its sites."""

from __future__ import annotations

from collections.abc import Callable

import ipywidgets

from rugged_widget.snapshot.model_values import ModelStructure
from rugged_widget.snapshot.request import SnapshotRequest
from rugged_widget.snapshot.snapshot import Progress, Snapshot
from rugged_widget.view.figures.chart import html_text
from rugged_widget.view.figures.model_graph import can_be_drawn, graph_svg, legend_html
from rugged_widget.view.figures.site_groups import Groups, grouped
from rugged_widget.view.figures.site_table import table_of_groups, table_of_search
from rugged_widget.view.frames.silent_widgets import Silent
from rugged_widget.view.frames.stream import Changes
from rugged_widget.view.i18n.captions import paragraph
from rugged_widget.view.i18n.catalogue import Catalogue
from rugged_widget.view.widgets import classed, vbox

SEARCHED_FROM = 13
"""Sites from which on the table can be searched."""


class ModelPage:
    """What the model is made of: `changed` asks for another drawing, from any thread, when a search is typed."""

    def __init__(self, changed: Callable[[], None], *, text: Catalogue) -> None:
        self._text = text
        self._structure: ModelStructure | None = None
        self._groups: Groups | None = None
        self._drawn: tuple[object, ...] = ()
        self._graph = html_text("rw-model-graph")
        self._table = html_text("rw-sites")
        self._graph.value = text.html("model.waiting")
        self._search = classed(ipywidgets.Text(continuous_update=True, layout={"display": "none"}), "rw-search")
        self._search.observe(lambda _change: changed(), "value")
        text.follow(lambda: setattr(self._search, "placeholder", text("model.search")))
        about = paragraph(text, "model.about", "rw-about")
        self.box = vbox("rw-model-page", about, self._graph, self._search, self._table)
        self.targets: tuple[Silent, ...] = (self._graph, self._table)

    def __repr__(self) -> str:
        return f"ModelPage({0 if self._structure is None else len(self._structure.sites)} sites)"

    @property
    def labels(self) -> dict[str, str]:
        """Accessible names by css class."""
        return {"rw-search": self._text("model.search")}

    def request(self) -> SnapshotRequest:
        """Return what the snapshots of this page must hold: nothing more than they do."""
        return SnapshotRequest()

    def update(self, snapshot: Snapshot, _progress: Progress) -> Changes:
        """Return what a frame has to change: nothing while structure, search and language stay the same."""
        state = (id(snapshot.structure), self._search.value, self._text.language)
        if state == self._drawn or snapshot.structure is None:
            return []
        self._drawn = state
        if snapshot.structure is not self._structure:
            self._structure, self._groups = snapshot.structure, grouped(snapshot.structure)
            searched = len(self._structure.sites) >= SEARCHED_FROM
            self._search.layout.display = None if searched else "none"
        return [(self._graph, {"value": self._drawing()}), (self._table, {"value": self._sites()})]

    def _drawing(self) -> str:
        text, groups, structure = self._text, self._groups, self._structure
        if groups is None or structure is None:
            return ""
        roles = [group.role for group in groups.groups]
        svg = graph_svg(text, groups)
        parts = [f'<div class="rw-scroll">{svg}</div>{legend_html(text, roles)}'] if svg else []
        if groups.groups and not can_be_drawn(groups):
            counts = {"count": len(groups.groups), "arrows": len(groups.arrows)}
            parts = [_note(text.html("model.too_many", **counts))]
        if structure.error:
            key = "model.no_dependencies" if structure.sites else "model.not_run"
            parts.append(_note(text.html(key, error=structure.error)))
        return "".join(parts)

    def _sites(self) -> str:
        if self._groups is None or self._structure is None or not self._structure.sites:
            return ""
        query = self._search.value.strip()
        if query:
            return table_of_search(self._text, self._structure, query)
        return table_of_groups(self._text, self._groups)


def _note(html: str) -> str:
    return f'<p class="rw-model-note">{html}</p>'
