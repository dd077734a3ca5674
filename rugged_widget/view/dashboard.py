"""The dashboard: lays the parts out and brings snapshots to them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from html import escape
from typing import Protocol

import ipywidgets

from rugged_widget.pace import Presence
from rugged_widget.snapshot import Progress, Snapshot
from rugged_widget.view.controls import Controls, Requests, sentence
from rugged_widget.view.elbo import ElboFigure
from rugged_widget.view.panels import Panels
from rugged_widget.view.quantiles import QuantileFigure
from rugged_widget.view.quiet import Quiet
from rugged_widget.view.slopes import SlopeFigure
from rugged_widget.view.still import still
from rugged_widget.view.story import Story
from rugged_widget.view.stream import Changes, FrameStream, bundle

LABELS = {
    "rw-primary": "Start or pause the training",
    "rw-step": "Train one step",
    "rw-reset": "Begin again with the same seed",
    "rw-speed": "Steps a frame",
    "rw-learning-rate": "Learning rate",
    "rw-guide": "Guide",
    "rw-seed": "Seed",
    "rw-progress": "Steps done",
    "rw-unit": "Unit of the ELBO",
    "rw-mode": "Band of the line or of a prediction",
    "rw-elbo": "ELBO by step",
    "rw-quantiles": "Posterior quantiles of every latent",
    "rw-slopes": "Densities of the slopes",
}
GONE = (
    "The kernel that trained this is gone, so the picture stands still and the buttons do nothing. "
    "Run the cell again to begin anew."
)


class Figure(Protocol):
    """What every figure can do: build once, update many times."""

    @property
    def targets(self) -> Sequence[Quiet]:
        """Widgets that frames change."""

    def update(self, snapshot: Snapshot, progress: Progress) -> Changes:
        """Return what a frame has to change."""


class Dashboard(ipywidgets.VBox):
    """The parts of the widget, from the control row to the slopes. Its methods belong on the loop's thread.

    Parameters
    ----------
    story
        What it is about.
    guides
        Names of the guide families and what to call them.
    settings
        First values of learning_rate, speed, guide, seed, engine and num_steps.
    requests
        Who is asked when something is pressed.
    ask
        Runs a function on the thread that computes.
    """

    def __init__(
        self,
        story: Story,
        guides: Mapping[str, str],
        settings: Mapping[str, object],
        requests: Requests,
        ask: Callable[[Callable[[], None]], None],
    ) -> None:
        super().__init__()
        self.add_class("rugged-widget")
        self._story = story
        self._latest: tuple[Snapshot, Progress] | None = None

        def redraw() -> None:
            ask(self._redraw)

        self.controls = Controls(guides, settings, requests)
        self._elbo = ElboFigure(int(str(settings["num_steps"])), story.row_noun, redraw)
        self._quantiles = QuantileFigure(story.rows, story.probs)
        self._panels = Panels(
            story.groups,
            story.grid,
            x_label=story.x_label,
            y_label=story.y_label,
            row_noun=story.row_noun,
            on_mode=redraw,
        )
        self._slopes = SlopeFigure([group.label for group in story.groups], story.slope_label, story.why)
        self._figures: tuple[Figure, ...] = (self._elbo, self._quantiles, self._panels, self._slopes)
        targets = [*self.controls.targets, *(target for figure in self._figures for target in figure.targets)]
        self.stream = FrameStream(targets, ask, hover=self._panels.hover, labels=LABELS | self._panels.labels)
        self.stream.add_class("rw-stream")
        self.children = self._layout()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._story.title!r}, {self.controls.status.value})"

    # As the run loop's Display

    @property
    def presence(self) -> Presence:
        """Whether a page answers."""
        return self.stream.presence

    def ready(self) -> bool:
        """Return whether a frame can go out now."""
        return self.stream.ready()

    def show(self, snapshot: Snapshot, progress: Progress) -> None:
        """Send a frame."""
        self._tell(progress, snapshot)
        self._latest = snapshot, progress
        self.stream.push(self._changes(snapshot, progress), self._summary(snapshot, progress))

    def settle(self, snapshot: Snapshot, progress: Progress) -> None:
        """Send a last frame and the full state: training rests."""
        self._tell(progress, snapshot)
        self._latest = snapshot, progress
        self.controls.show_status(progress)
        self.stream.settle(self._changes(snapshot, progress), self._summary(snapshot, progress))

    def changed(self, progress: Progress) -> None:
        """Make the controls fit; while training rests, the figures too."""
        self._tell(progress)
        self.controls.show_status(progress)
        if self._latest is not None and progress.status != "running":
            before = self._latest[1]
            self._latest = self._latest[0], progress
            if (before.status, before.num_steps) != (progress.status, progress.num_steps):
                self._redraw()

    def _tell(self, progress: Progress, snapshot: Snapshot | None = None) -> None:
        """Take note of what is about to be shown; for a subclass that has traits for it."""

    # Parts

    def _layout(self) -> tuple[ipywidgets.Widget, ...]:
        story = self._story
        title = ipywidgets.HTML(f"<h2>{escape(story.title)}</h2><span>{escape(story.subtitle)}</span>")
        title.add_class("rw-heading")
        state = ipywidgets.Box([self.controls.engine.widget, self.controls.status])
        state.add_class("rw-state")
        header = ipywidgets.Box([title, state])
        header.add_class("rw-header")
        gone = ipywidgets.HTML(f'<p role="alert">{escape(GONE)}</p>')
        gone.add_class("rw-disconnected")
        grid = ipywidgets.Box([self._elbo.box, self._quantiles.box, *self._panels.boxes, *self._slopes.boxes])
        grid.add_class("rw-grid")
        body = ipywidgets.Box([self.controls.notice, gone, grid])
        body.add_class("rw-body")
        return header, self.controls.row, self.controls.bar, body, self.stream

    def _changes(self, snapshot: Snapshot, progress: Progress) -> Changes:
        parts = [self.controls.update(progress), *(figure.update(snapshot, progress) for figure in self._figures)]
        return [change for part in parts for change in part]

    def _redraw(self) -> None:
        if self._latest is not None and self._latest[1].status != "running":  # then the next frame does it
            snapshot, progress = self._latest
            self.stream.settle(self._changes(snapshot, progress), self._summary(snapshot, progress))

    def _summary(self, snapshot: Snapshot, progress: Progress) -> str:
        return f"{sentence(progress)}. {self._quantiles.sentence(snapshot)}. {self._slopes.sentence(snapshot)}."

    def _repr_mimebundle_(self, **kwargs: object) -> dict[str, object]:
        bundle()  # raises where there is nothing to display with
        self.stream.expect()  # so that what is started in the same cell does not run ahead of its page
        shown: dict[str, object] = super()._repr_mimebundle_(**kwargs)
        if self._latest is not None:
            shown["text/html"] = still(self._story, self._latest[0], sentence(self._latest[1]))
        return shown

    def close(self) -> None:
        """Remove the dashboard and everything in it from every page."""
        for part in _parts(self):
            if part is not self:
                part.close()
        super().close()


def _parts(widget: ipywidgets.Widget) -> set[ipywidgets.Widget]:
    """Return `widget` and all widgets that it holds in its traits, at any depth."""
    found: set[ipywidgets.Widget] = set()
    waiting: list[object] = [widget]
    while waiting:
        thing = waiting.pop()
        if isinstance(thing, ipywidgets.Widget) and thing not in found:
            found.add(thing)
            waiting.extend(getattr(thing, name) for name in thing.keys)
        elif isinstance(thing, (list, tuple)):
            waiting.extend(thing)
        elif isinstance(thing, dict):
            waiting.extend(thing.values())
    return found
