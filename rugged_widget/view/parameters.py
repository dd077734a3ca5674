"""The Parameters page: what training moves, and what that makes of every latent."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

import ipywidgets
import numpy as np

from rugged_widget.reference import Reference, Wanted
from rugged_widget.snapshot import Density, Progress, Snapshot
from rugged_widget.view.chart import minus, text
from rugged_widget.view.densities import NOWHERE, DensityFigure, is_point, legend, settle
from rugged_widget.view.quantiles import Row
from rugged_widget.view.story import Story
from rugged_widget.view.stream import Changes
from rugged_widget.view.table import table_of

ABOUT = (
    "<p>The <b>parameter store</b> holds the numbers that training moves. Adam knows no bounds: it moves each along "
    "the whole line (<b>unconstrained</b>). The guide uses what a smooth map makes of it (<b>constrained</b>): a "
    "scale, say, stays positive.</p><p>The guide itself lives on that line. A latent that is bounded, as sigma is, has "
    "its location there and not on its own scale; the densities show every latent on its own.</p>"
)
WAITING = "<p>The parameters come with the next picture.</p>"


class ParametersPage:
    """A table of the guide's parameters, and the density of every latent with the exact one over it.

    Parameters
    ----------
    story
        Says which latents there are.
    reference
        What the densities are compared with; None where nothing is known.
    """

    title = "Parameters"

    def __init__(self, story: Story, reference: Reference | None) -> None:
        self._table = text("rw-parameters")
        self._table.value = WAITING
        self._latents = [_Latent(number, row, reference) for number, row in enumerate(story.rows)]
        about = ipywidgets.HTML(ABOUT)
        about.add_class("rw-about")
        key = ipywidgets.HTML(legend(reference))
        key.add_class("rw-legend")
        pane = ipywidgets.VBox([about, self._table])
        pane.add_class("rw-pane")
        main = ipywidgets.Box([*[latent.figure.box for latent in self._latents], key])
        main.add_class("rw-main")
        main.add_class("rw-latents")
        self.box = ipywidgets.Box([pane, main])
        self.box.add_class("rw-columns")
        self.targets = (self._table, *(target for latent in self._latents for target in latent.targets))
        self.labels = {
            "rw-parameters": "Parameters of the guide",
            **{f"rw-latent-{number}": f"Density of {row.label}" for number, row in enumerate(story.rows)},
        }

    def __repr__(self) -> str:
        return f"ParametersPage({len(self._latents)} latents)"

    def wanted(self) -> Wanted:
        """Return what the snapshots of this page must hold."""
        return Wanted(parameters=True)

    def update(self, snapshot: Snapshot, _progress: Progress) -> Changes:
        """Return what a frame has to change."""
        return [
            (self._table, {"value": table_of(snapshot.parameters) if snapshot.parameters else WAITING}),
            *[change for latent in self._latents for change in latent.update(snapshot)],
        ]

    def show_exact(self, show: bool) -> None:  # noqa: FBT001  # it is what is switched
        """Draw the exact densities from the next frame on, or do not."""
        for latent in self._latents:
            latent.exact_shown = show


class _Latent:
    """A small density, its median beside its name."""

    def __init__(self, number: int, row: Row, reference: Reference | None) -> None:
        self._row, self._shown = row, NOWHERE
        self._median = text("rw-value")
        self.figure = DensityFigure(f"rw-latent-{number}", row.label, controls=[self._median])
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
        return [*self.figure.draw(self._shown, self._exact), *exact, (self._median, {"value": _words(self._shown)})]

    def _fix(self, reference: Reference) -> None:
        """Draw what stays the same throughout."""
        site, index = self._row.site, self._row.index
        if site not in reference.estimates:
            return
        estimate = np.asarray(reference.estimates[site])
        settle(self.figure.mark(float(estimate[index])))
        if reference.exact is not None:
            self._exact = _element(reference.exact.marginals, self._row, estimate.shape)
            settle([*self.figure.compare(self._exact), *self.figure.show_exact(shown=True)])


def _element(marginals: Mapping[str, tuple[Density, ...]], row: Row, shape: tuple[int, ...]) -> Density:
    return marginals[row.site][int(np.ravel_multi_index(row.index, shape)) if row.index else 0]


def _words(density: Density) -> str:
    if density is NOWHERE:
        return ""
    kind = "a point" if is_point(density) else "median"
    return escape(f"{kind} {minus(f'{density.median:.2f}')}")
