"""The page that is open first: the four figures of a run."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

import ipywidgets

from rugged_widget.reference import Reference, Wanted
from rugged_widget.snapshot import Progress, Snapshot
from rugged_widget.view.elbo import ElboFigure
from rugged_widget.view.panels import Panels
from rugged_widget.view.quantiles import QuantileFigure
from rugged_widget.view.quiet import Quiet
from rugged_widget.view.slopes import SlopeFigure
from rugged_widget.view.story import Story
from rugged_widget.view.stream import Changes

LABELS = {
    "rw-unit": "Unit of the ELBO",
    "rw-mode": "Band of the line or of a prediction",
    "rw-elbo": "ELBO by step",
    "rw-quantiles": "Posterior quantiles of every latent",
    "rw-slopes": "Densities of the slopes",
}


class Figure(Protocol):
    """What every figure can do: build once, update many times."""

    @property
    def targets(self) -> Sequence[Quiet]:
        """Widgets that frames change."""

    def update(self, snapshot: Snapshot, progress: Progress) -> Changes:
        """Return what a frame has to change."""

    def show_exact(self, show: bool) -> None:  # noqa: FBT001  # it is what is switched
        """Draw the exact answer over the guide's, or do not."""


class TrainPage:
    """ELBO, quantiles, both panels and the slopes.

    Parameters
    ----------
    story
        What they are about.
    num_steps
        Steps to do.
    reference
        What the fit is compared with, where that is known.
    changed
        Called, in any thread, when another unit or band is picked.
    """

    def __init__(self, story: Story, num_steps: int, reference: Reference | None, changed: Callable[[], None]) -> None:
        self._elbo = ElboFigure(num_steps, story.row_noun, changed, reference=reference)
        self._quantiles = QuantileFigure(story.rows, story.probs, reference=reference)
        panels = Panels(
            story.groups,
            story.grid,
            x_label=story.x_label,
            y_label=story.y_label,
            row_noun=story.row_noun,
            on_mode=changed,
            reference=reference,
        )
        self._slopes = SlopeFigure(
            [group.label for group in story.groups], story.slope_label, story.why, reference=reference
        )
        self._figures: tuple[Figure, ...] = (self._elbo, self._quantiles, panels, self._slopes)
        self.box = ipywidgets.Box([self._elbo.box, self._quantiles.box, *panels.boxes, *self._slopes.boxes])
        self.box.add_class("rw-grid")
        self.targets = tuple(target for figure in self._figures for target in figure.targets)
        self.hover: Sequence[Mapping[str, object]] = panels.hover
        self.labels = LABELS | panels.labels

    def update(self, snapshot: Snapshot, progress: Progress) -> Changes:
        """Return what a frame has to change."""
        return [change for figure in self._figures for change in figure.update(snapshot, progress)]

    def wanted(self) -> Wanted:
        """Return what its snapshots must hold beyond what they always do: nothing."""
        return Wanted()

    def show_exact(self, show: bool) -> None:  # noqa: FBT001  # it is what is switched
        """Draw the exact answer over the guide's, or do not."""
        for figure in self._figures:
            figure.show_exact(show)

    def sentence(self, snapshot: Snapshot) -> str:
        """Return the beliefs in words, for who does not see them."""
        return f"{self._quantiles.sentence(snapshot)}. {self._slopes.sentence(snapshot)}."
