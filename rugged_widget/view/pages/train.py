"""The first page: ELBO, latents, whatever figures a model adds, and two verdicts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Protocol

import ipywidgets

from rugged_widget.runs.saved_run import SavedRun
from rugged_widget.snapshot.reference import Reference
from rugged_widget.snapshot.request import SnapshotRequest
from rugged_widget.snapshot.snapshot import Progress, Snapshot
from rugged_widget.view.figures.chart import html_text
from rugged_widget.view.figures.elbo import ElboFigure
from rugged_widget.view.figures.explanation import Explanation
from rugged_widget.view.figures.figure import Figure
from rugged_widget.view.figures.overlays import is_reliable, legend
from rugged_widget.view.figures.quantiles import QuantileFigure
from rugged_widget.view.figures.verdicts import ApproximationCard, ConvergenceCard
from rugged_widget.view.frames.silent_widgets import LateText, Silent
from rugged_widget.view.frames.stream import Changes
from rugged_widget.view.i18n.catalogue import Catalogue
from rugged_widget.view.page import union
from rugged_widget.view.requests import Requests
from rugged_widget.view.subject import Subject
from rugged_widget.view.widgets import box, vbox

PARTS = ("elbo", "quantiles", "converged", "approximation")
"""Parts of the page by their names in the catalogue; each has an explanation, but quantiles where another figure is in
their place."""


class Part(Protocol):
    """Part of the page that frames change."""

    @property
    def targets(self) -> Sequence[Silent]:
        """Widgets that frames change."""


class TrainPage:
    """ELBO, latents, the figures of a model, and whether to believe them.

    Parameters
    ----------
    subject
        Words of the model.
    num_steps
        Steps to do.
    reference
        Answers that the fit is compared with, where they are known.
    changed
        Called, in any thread, when another unit is picked, and after the correction is switched.
    figures
        Figures of the model, made with their explanations.
    posterior
        Figure beside the ELBO, made with its explanation; the quantiles of the subject's rows where it is None.
    has_heldout
        Whether there is data that is not trained on, whose ELBO is drawn.
    explain
        Explanations by name: those of `PARTS`, and those of the figures.
    requests
        Asked when something is pressed on the verdicts.
    settings
        First values of the settings. Where correct, guide or stop_when_converged is none of them, the verdicts have no
        control for it.
    """

    def __init__(
        self,
        subject: Subject,
        num_steps: int,
        reference: Reference | None,
        changed: Callable[[], None],
        *,
        figures: Sequence[Figure] = (),
        posterior: Figure | None = None,
        has_heldout: bool = False,
        explain: Mapping[str, Explanation[Any]],
        text: Catalogue,
        requests: Requests,
        settings: Mapping[str, object],
    ) -> None:
        self._changed, self._text, self._model_figures = changed, text, tuple(figures)
        self._explanations = tuple(explain.values())
        options = {"grouped": posterior is not None, "has_heldout": has_heldout}
        self._elbo = ElboFigure(num_steps, subject, changed, reference, text=text, explain=explain["elbo"], **options)
        if posterior is None:
            posterior = QuantileFigure(subject, reference, text=text, explain=explain["quantiles"])
        self._posterior = posterior
        self._converged = ConvergenceCard(requests, text=text, explain=explain["converged"])
        self._approximation = ApproximationCard(
            lambda: subject.rows, requests, text=text, explain=explain["approximation"]
        )
        self._legend = html_text("rw-legend")
        self._compared, self._shows_exact, self._corrects = reference is not None, False, False
        self._figures: tuple[Figure, ...] = (self._elbo, self._posterior, *self._model_figures)
        self.box = self._layout()
        parts: Sequence[Part] = (*self._figures, self._converged, self._approximation, *self._explanations)
        self.targets = (*[target for part in parts for target in part.targets], self._legend)
        self._approximation.show_cautions(() if reference is None else reference.cautions)
        self._set_up(settings)

    @property
    def hover(self) -> Sequence[Mapping[str, object]]:
        """Tooltips of the dots of its figures."""
        return [entry for figure in self._model_figures for entry in figure.hover]

    @property
    def labels(self) -> dict[str, str]:
        """Accessible names by css class."""
        own = {f"rw-{name}": self._text(f"train.label.{name}") for name in ("unit", *PARTS)}
        added = {css: name for figure in self._model_figures for css, name in figure.labels.items()}
        return own | {"rw-correct": self._text("verdict.button.correct")} | dict(self._posterior.labels) | added

    def update(self, snapshot: Snapshot, progress: Progress) -> Changes:
        """Return what a frame has to change."""
        corrected = self._corrects and snapshot.correction is not None
        marks = partial(legend, self._text, estimates=self._compared, exact=self._shows_exact, corrected=corrected)
        compares = self._compared or corrected
        key = LateText(partial(marks, reliable=is_reliable(snapshot.correction))) if compares else ""
        return [
            *[change for figure in self._figures for change in figure.update(snapshot, progress)],
            *self._converged.update(snapshot, progress),
            *self._approximation.update(snapshot, progress),
            *[change for explanation in self._explanations for change in explanation.update(snapshot, progress)],
            (self._legend, {"value": key}),
        ]

    def request(self) -> SnapshotRequest:
        """Return what its snapshots must hold beyond what they always do: the correction, where it is drawn."""
        return union([SnapshotRequest(correction=self._corrects), *[figure.request() for figure in self._figures]])

    def show_exact(self, show: bool) -> None:
        """Draw the exact answer over the guide's, or do not."""
        self._shows_exact = show
        for figure in self._figures:
            figure.show_exact(show)

    def show_reference(self, reference: Reference) -> None:
        """Compare with other answers from the next frame on."""
        for figure in self._figures:
            figure.show_reference(reference)
        self._approximation.show_cautions(reference.cautions)

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

    def sentence(self, snapshot: Snapshot) -> str:
        """Return verdicts and beliefs in words, for who does not see them."""
        verdicts = f"{self._converged.card.sentence} {self._approximation.card.sentence}"
        beliefs = [self._posterior.sentence(snapshot), *[figure.sentence(snapshot) for figure in self._model_figures]]
        return f"{verdicts} {' '.join(f'{belief}.' for belief in beliefs if belief)}"

    def _set_up(self, settings: Mapping[str, object]) -> None:
        self._converged.show_stop(bool(settings.get("stop_when_converged", False)))
        self._approximation.show_correct(bool(settings.get("correct", False)))
        self._draw_corrected(bool(settings.get("correct", False)))
        controls = {
            "stop_when_converged": self._converged.stop,
            "correct": self._approximation.correct,
            "guide": self._approximation.cure,
        }
        for name, control in controls.items():
            if name not in settings:
                control.layout.display = "none"

    def _draw_corrected(self, on: bool) -> None:
        self._corrects = on
        self._posterior.correct(on)
        for figure in self._model_figures:
            figure.correct(on)

    def _layout(self) -> ipywidgets.Box:
        side = vbox("rw-side", self._converged.card.box, self._approximation.card.box, self._legend)
        places = [place for figure in (self._posterior, *self._model_figures) for place in figure.boxes]
        return box("rw-grid", self._elbo.box, *places, side)
