"""The Parameters page of any model: a table of its parameters, however large, and the densities of a few latents."""

from __future__ import annotations

from collections.abc import Callable
from html import escape

from rugged_widget.snapshot.request import SnapshotRequest
from rugged_widget.snapshot.snapshot import Progress, Snapshot
from rugged_widget.view.figures.chart import html_text
from rugged_widget.view.figures.open_latents import OpenLatents
from rugged_widget.view.figures.parameter_rows import rows_of, summary_of
from rugged_widget.view.frames.silent_widgets import Silent
from rugged_widget.view.frames.stream import Changes
from rugged_widget.view.i18n.captions import paragraph
from rugged_widget.view.i18n.catalogue import Catalogue
from rugged_widget.view.widgets import box, vbox


class AllParametersPage:
    """Parameters and latents of any number; `changed` asks for another snapshot when another latent is opened."""

    def __init__(self, changed: Callable[[], None], *, text: Catalogue) -> None:
        self._text = text
        self._total, self._table = html_text("rw-total"), html_text("rw-parameters")
        self._table.value = text.html("parameters.waiting")
        self._latents = OpenLatents(changed, text=text)
        about = paragraph(text, "parameter_rows.about", "rw-about")
        pane = vbox("rw-pane", about, self._total, self._table)
        self.box = box("rw-columns rw-all-parameters", pane, self._latents.box)
        self.targets: tuple[Silent, ...] = (self._total, self._table, *self._latents.targets)

    def __repr__(self) -> str:
        return f"AllParametersPage({self._latents!r})"

    @property
    def labels(self) -> dict[str, str]:
        """Accessible names by css class."""
        return {"rw-parameters": self._text("parameters.label.table"), **self._latents.labels}

    def request(self) -> SnapshotRequest:
        """Return what the snapshots of this page must hold: a table, and the densities of the open latents."""
        return SnapshotRequest(parameter_table=True, densities=self._latents.open)

    def update(self, snapshot: Snapshot, _progress: Progress) -> Changes:
        """Return what a frame has to change."""
        text, table = self._text, snapshot.parameter_table
        total, rows = "", text.html("parameters.waiting")
        if table is not None:
            total = f"<p>{escape(summary_of(text, table))}</p>" if table.num_parameters else ""
            rows = rows_of(text, table) if table.num_parameters else text.html("parameter_rows.empty")
        changes = [(self._total, {"value": total}), (self._table, {"value": rows})]
        return [*changes, *self._latents.update(snapshot)]
