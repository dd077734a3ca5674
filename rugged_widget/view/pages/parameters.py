"""The Parameters page: the guide's parameters, and the density of every latent."""

from collections.abc import Mapping
from html import escape

import ipywidgets
import numpy as np

from rugged_widget.snapshot.reference import Reference
from rugged_widget.snapshot.request import SnapshotRequest
from rugged_widget.snapshot.snapshot import Density, Progress, Snapshot
from rugged_widget.view.figures.chart import html_text
from rugged_widget.view.figures.densities import NOWHERE, DensityFigure, apply_changes, is_point, legend
from rugged_widget.view.figures.number_format import rounded, within
from rugged_widget.view.figures.parameter_table import table_of
from rugged_widget.view.frames.stream import Changes
from rugged_widget.view.i18n.captions import paragraph
from rugged_widget.view.i18n.catalogue import Catalogue
from rugged_widget.view.subject import Row, Subject
from rugged_widget.view.widgets import box, classed, vbox


class ParametersPage:
    """A table of the guide's parameters, and the density of every latent with the exact one over it.

    `note` is the key of a paragraph of the catalogue that stands over the table, where there is more to say of it.
    """

    def __init__(
        self, subject: Subject, reference: Reference | None, *, text: Catalogue, note: str | None = None
    ) -> None:
        self._subject, self._text = subject, text
        self._table = html_text("rw-parameters")
        self._table.value = text.html("parameters.waiting")
        self._latents = [_Latent(number, row, reference, text) for number, row in enumerate(subject.rows)]
        about = paragraph(text, "parameters.about", "rw-about")
        key = classed(ipywidgets.HTML(""), "rw-legend")
        notes = [] if note is None else [paragraph(text, note, "rw-about")]
        pane = vbox("rw-pane", about, *notes, self._table)
        main = box("rw-main rw-latents", *[latent.figure.box for latent in self._latents], key)
        self.box = box("rw-columns", pane, main)
        self.targets = (self._table, *(target for latent in self._latents for target in latent.targets))
        text.follow(lambda: self._name(key, reference))

    def __repr__(self) -> str:
        return f"ParametersPage({len(self._latents)} latents)"

    @property
    def labels(self) -> dict[str, str]:
        """Accessible names by css class."""
        densities = {
            f"rw-latent-{number}": self._text("parameters.label.density", name=row.label)
            for number, row in enumerate(self._subject.rows)
        }
        return {"rw-parameters": self._text("parameters.label.table")} | densities

    def request(self) -> SnapshotRequest:
        """Return what the snapshots of this page must hold."""
        return SnapshotRequest(parameters=True)

    def update(self, snapshot: Snapshot, _progress: Progress) -> Changes:
        """Return what a frame has to change."""
        parameters = snapshot.parameters
        table = table_of(self._text, parameters) if parameters else self._text.html("parameters.waiting")
        return [
            (self._table, {"value": table}),
            *[change for latent in self._latents for change in latent.update(snapshot)],
        ]

    def show_reference(self, reference: Reference) -> None:
        """Draw other exact densities."""
        for latent in self._latents:
            latent.compare(reference)

    def show_exact(self, show: bool) -> None:
        """Draw the exact densities from the next frame on, or do not."""
        for latent in self._latents:
            latent.exact_shown = show

    def _name(self, key: ipywidgets.HTML, reference: Reference | None) -> None:
        key.value = legend(self._text, reference)
        for latent, row in zip(self._latents, self._subject.rows, strict=True):
            latent.figure.rename(row.title)


class _Latent:
    """A small density, its median beside its name."""

    def __init__(self, number: int, row: Row, reference: Reference | None, text: Catalogue) -> None:
        self._row, self._shown, self._text = row, NOWHERE, text
        self._median = html_text("rw-value")
        self.figure = DensityFigure(f"rw-latent-{number}", row.title, controls=[self._median])
        self.targets = (*self.figure.targets, self._median)
        self.exact_shown = True
        self._exact: Density | None = None
        if reference is not None:
            self._fix(reference)

    def update(self, snapshot: Snapshot) -> Changes:
        """Return what a frame has to change; where the latent's density is missing, it stays as it was."""
        if self._row.site in snapshot.marginals:
            self._shown = _element(snapshot.marginals, self._row, snapshot.quantiles[self._row.site].shape[1:])
        exact = [] if self._exact is None else self.figure.show_exact(shown=self.exact_shown)
        return [*self.figure.draw(self._shown, self._exact), *exact, (self._median, {"value": self._median_text()})]

    def _median_text(self) -> str:
        if self._shown is NOWHERE:
            return ""
        text, shown = self._text, self._shown
        if is_point(shown):
            return escape(text("parameters.point", value=rounded(text, shown.median)))
        return escape(text("parameters.median", value=within(text, shown.median, shown.lower, shown.upper)))

    def _fix(self, reference: Reference) -> None:
        """Draw what stays the same throughout."""
        site, index = self._row.site, self._row.index
        if site not in reference.estimates:
            return
        estimate = np.asarray(reference.estimates[site])
        apply_changes(self.figure.mark(float(estimate[index])))
        if reference.exact is not None:
            self.compare(reference)
            apply_changes(self.figure.show_exact(shown=True))

    def compare(self, reference: Reference) -> None:
        """Draw the exact density of a reference, where it has one."""
        site, exact = self._row.site, reference.exact
        if exact is not None and site in reference.estimates:
            self._exact = _element(exact.marginals, self._row, np.asarray(reference.estimates[site]).shape)
            apply_changes(self.figure.compare(self._exact))


def _element(marginals: Mapping[str, tuple[Density, ...]], row: Row, shape: tuple[int, ...]) -> Density:
    return marginals[row.site][int(np.ravel_multi_index(row.index, shape)) if row.index else 0]
