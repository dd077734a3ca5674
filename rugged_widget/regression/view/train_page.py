"""The first page: four figures of a run, and two verdicts on it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

import ipywidgets

from rugged_widget.regression.snapshot import RegressionReference, RegressionSnapshot
from rugged_widget.regression.view.explanation_facts import facts_of
from rugged_widget.regression.view.labels import RegressionSubject
from rugged_widget.regression.view.panels import Panels
from rugged_widget.regression.view.slopes import SlopeFigure
from rugged_widget.runs.saved_run import SavedRun
from rugged_widget.snapshot.request import SnapshotRequest
from rugged_widget.snapshot.snapshot import Progress
from rugged_widget.view.figures.chart import html_text
from rugged_widget.view.figures.elbo import ElboFigure
from rugged_widget.view.figures.explanation import Explanation
from rugged_widget.view.figures.overlays import is_reliable, legend
from rugged_widget.view.figures.quantiles import QuantileFigure
from rugged_widget.view.figures.verdicts import ApproximationCard, ConvergenceCard
from rugged_widget.view.frames.silent_widgets import Silent
from rugged_widget.view.frames.stream import Changes
from rugged_widget.view.i18n.catalogue import Catalogue
from rugged_widget.view.requests import Requests

EXPLAINED = ("elbo", "quantiles", "panels", "slopes", "converged", "approximation")
LABELS = ("unit", "mode", "elbo", "quantiles", "slopes", "converged", "approximation")


class Part(Protocol):
    """What frames change."""

    @property
    def targets(self) -> Sequence[Silent]:
        """Widgets that frames change."""


class Figure(Part, Protocol):
    """What every figure can do: build once, update many times."""

    def update(self, snapshot: RegressionSnapshot, progress: Progress) -> Changes:
        """Return what a frame has to change."""

    def show_exact(self, show: bool) -> None:
        """Draw the exact answer over the guide's, or do not."""


class TrainPage:
    """ELBO, quantiles, both panels, the slopes, and whether to believe them.

    Parameters
    ----------
    subject
        What they are about.
    num_steps
        Steps to do.
    reference
        What the fit is compared with, where that is known.
    changed
        Called, in any thread, when another unit or band is picked, and after the correction is switched.
    text
        In which language.
    requests
        Who is asked when something is pressed on the verdicts.
    settings
        First values of correct and stop_when_converged; False where they are not there.
    """

    def __init__(
        self,
        subject: RegressionSubject,
        num_steps: int,
        reference: RegressionReference | None,
        changed: Callable[[], None],
        *,
        text: Catalogue,
        requests: Requests,
        settings: Mapping[str, object],
    ) -> None:
        self._changed, self._text = changed, text
        facts = facts_of(subject, reference)
        explain = {name: Explanation(text, name, facts) for name in EXPLAINED}
        self._explanations = tuple(explain.values())
        self._elbo = ElboFigure(num_steps, subject, changed, reference, text=text, explain=explain["elbo"])
        self._quantiles = QuantileFigure(subject, reference, text=text, explain=explain["quantiles"])
        self._panels = Panels(subject, changed, reference, text=text, explain=explain["panels"])
        self._slopes = SlopeFigure(subject, reference, text=text, explain=explain["slopes"])
        self._converged = ConvergenceCard(requests, text=text, explain=explain["converged"])
        self._approximation = ApproximationCard(
            lambda: subject.rows, requests, text=text, explain=explain["approximation"]
        )
        self._legend = html_text("rw-legend")
        self._shows_exact = self._corrects = False
        self._figures: tuple[Figure, ...] = (self._elbo, self._quantiles, self._panels, self._slopes)
        self.box = self._layout()
        parts: Sequence[Part] = (*self._figures, self._converged, self._approximation, *self._explanations)
        self.targets = (*[target for part in parts for target in part.targets], self._legend)
        self._converged.show_stop(bool(settings.get("stop_when_converged", False)))
        self._approximation.show_correct(bool(settings.get("correct", False)))
        self._draw_corrected(bool(settings.get("correct", False)))

    @property
    def hover(self) -> Sequence[Mapping[str, object]]:
        """What is told of the dots of the panels."""
        return self._panels.hover

    @property
    def labels(self) -> dict[str, str]:
        """Accessible names by css class."""
        own = {f"rw-{name}": self._text(f"train.label.{name}") for name in LABELS}
        return own | {"rw-correct": self._text("verdict.button.correct")} | self._panels.labels

    def update(self, snapshot: RegressionSnapshot, progress: Progress) -> Changes:
        """Return what a frame has to change."""
        corrected = self._corrects and snapshot.correction is not None
        key = legend(
            self._text, exact=self._shows_exact, corrected=corrected, reliable=is_reliable(snapshot.correction)
        )
        return [
            *[change for figure in self._figures for change in figure.update(snapshot, progress)],
            *self._converged.update(snapshot),
            *self._approximation.update(snapshot, progress),
            *[change for explanation in self._explanations for change in explanation.update(snapshot, progress)],
            (self._legend, {"value": key}),
        ]

    def request(self) -> SnapshotRequest:
        """Return what its snapshots must hold beyond what they always do: the correction, where it is drawn."""
        return SnapshotRequest(correction=self._corrects)

    def show_exact(self, show: bool) -> None:
        """Draw the exact answer over the guide's, or do not."""
        self._shows_exact = show
        for figure in self._figures:
            figure.show_exact(show)

    def correct(self, on: bool) -> None:
        """Draw what the guide's draws say once they are weighed, or do not."""
        if on != self._corrects:
            self._draw_corrected(on)
            self._changed()

    def show_runs(self, runs: Sequence[SavedRun]) -> None:
        """Draw kept runs thinly under the present one's ELBO."""
        self._elbo.show_runs(runs)

    def show_setting(self, name: str, value: object) -> None:
        """Make a switch of the verdicts show `value`, without asking for it; the correction is drawn then, or not.

        Parameters
        ----------
        name
            correct or stop_when_converged.
        value
            Whether it is on.
        """
        if name == "correct":
            self._approximation.show_correct(bool(value))
            self.correct(bool(value))
        else:
            self._converged.show_stop(bool(value))

    def sentence(self, snapshot: RegressionSnapshot) -> str:
        """Return verdicts and beliefs in words, for who does not see them."""
        verdicts = f"{self._converged.card.sentence} {self._approximation.card.sentence}"
        return f"{verdicts} {self._quantiles.sentence(snapshot)}. {self._slopes.sentence(snapshot)}."

    def _draw_corrected(self, on: bool) -> None:
        self._corrects = on
        self._quantiles.correct(on)
        self._panels.correct(on)
        self._slopes.correct(on)

    def _layout(self) -> ipywidgets.Box:
        side = ipywidgets.VBox([self._converged.card.box, self._approximation.card.box, self._legend])
        side.add_class("rw-side")
        box = ipywidgets.Box([self._elbo.box, self._quantiles.box, *self._panels.boxes, self._slopes.box, side])
        box.add_class("rw-grid")
        return box
