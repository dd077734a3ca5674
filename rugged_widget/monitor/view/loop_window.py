"""What shows a loop of one's own: a dashboard in a notebook, a line of progress in a script."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any, Protocol

import ipywidgets

from rugged_widget.monitor.pages import own_loop_pages
from rugged_widget.monitor.view.progress_line import ProgressLine, in_notebook
from rugged_widget.monitor.view.static_html import still
from rugged_widget.snapshot.model_values import ModelStructure
from rugged_widget.snapshot.request import SnapshotRequest
from rugged_widget.snapshot.snapshot import LoopPart, Progress, Snapshot
from rugged_widget.view.dashboard import Dashboard
from rugged_widget.view.i18n.catalogue import AUTO, FALLBACK, Catalogue
from rugged_widget.view.requests import Requests
from rugged_widget.view.structure_subject import StructureSubject


class Buttons(Protocol):
    """What the buttons of the page ask for."""

    def ask(self, request: Callable[[], None]) -> None:
        """Do a request soon; may be called in any thread."""

    def toggle(self) -> None:
        """Pause before the next batch, or go on."""

    def advance(self) -> None:
        """Let one batch come though the loop is paused."""

    def stop(self) -> None:
        """End the loop."""

    def request(self, request: SnapshotRequest) -> None:
        """Let snapshots hold this from now on."""


class LoopWindow:
    """Shows a loop from its first step on, when the sites of its model are known.

    Parameters
    ----------
    title
        What stands at the top; words of the catalogue where it is empty.
    guide
        Name of the guide; empty where there is none.
    language
        As of `Monitor`.
    fill
        Puts widgets into the box that the user displays.
    tell
        Told of the progress, and of the snapshot that is shown where there is a new one.
    """

    def __init__(
        self,
        title: str,
        guide: str,
        language: str,
        fill: Callable[[Sequence[ipywidgets.Widget]], None],
        tell: Callable[[Progress, Snapshot | None], None],
    ) -> None:
        self._text = Catalogue(FALLBACK if language == AUTO else language)
        self._title, self._guide, self._language = title, guide, language
        self._fill, self._tell = fill, tell
        self._buttons: Buttons | None = None
        self._dashboard: Dashboard | None = None
        self._line: ProgressLine | None = None
        self._displayed = self._stops = self._pauses = False

    def __repr__(self) -> str:
        return f"LoopWindow({self._title!r}, {'displayed' if self._displayed else 'not displayed'})"

    @property
    def text(self) -> Catalogue:
        """The words."""
        return self._text

    def open(
        self, structure: ModelStructure, progress: Progress, buttons: Buttons, *, parts: Collection[LoopPart]
    ) -> None:
        """Build what shows the loop; see `own_loop_pages` for what is shown of which parts."""
        if not (self._displayed or in_notebook()):
            steps = progress.num_steps if progress.own_loop == "counted" else None
            self._line = ProgressLine(self._title or self._text("own_loop.title"), steps)
            return
        self._dashboard = self._make_dashboard(structure, progress, buttons, parts=parts)
        self._dashboard.hear(stops=self._stops, pauses=self._pauses)
        if self._displayed:
            self._dashboard.expect_page(lambda: None)
        self._fill(self._dashboard.children)

    def ready(self) -> bool:
        """Return whether somebody would see a frame now."""
        return self._displayed and self._dashboard is not None and self._dashboard.ready_unheard()

    def is_line(self) -> bool:
        """Return whether it shows no frames, but a line with the progress."""
        return self._line is not None

    def show(self, snapshot: Snapshot, progress: Progress) -> None:
        """Show a frame."""
        if self._dashboard is not None:
            self._dashboard.show(snapshot, progress)
        self._tell(progress, snapshot)

    def rest(self, take: Callable[[], Snapshot], progress: Progress) -> None:
        """Show the last step for as long as nothing more comes; `take` computes it, with what is requested by then."""
        snapshot = None
        if self._dashboard is not None:
            self._dashboard.before_rest()
            snapshot = take()
            self._dashboard.rest(snapshot, progress)
        self.note(progress)
        self._tell(progress, snapshot)

    def note(self, progress: Progress) -> None:
        """Take note of how far the loop is."""
        if self._dashboard is not None:
            self._dashboard.changed(progress)
        if self._line is not None:
            self._line.show(progress.step, progress.elbo, progress.heldout)
        self._tell(progress, None)

    def notify(self, said: str) -> None:
        """Say something above the pages; plain text."""
        if self._dashboard is not None:
            self._dashboard.notify(said)

    # Asked by the box

    def displayed(self) -> None:
        """Take note that the box is being displayed."""
        self._displayed = True
        if self._dashboard is not None:
            self._dashboard.expect_page(lambda: None)

    def hear(self, *, stops: bool, pauses: bool, busy: bool = False) -> None:
        """Show the button to stop the loop, and those to pause it, or hide what would not be heard.

        `busy` says that the loop keeps the kernel busy, so that nothing is heard.
        """
        self._stops, self._pauses = stops, pauses
        if self._dashboard is not None:
            self._dashboard.hear(stops=stops, pauses=pauses, busy=busy)

    def html(self) -> str:
        """Return what a saved notebook shows without a kernel; empty before anything was shown."""
        return "" if self._dashboard is None else self._dashboard.html()

    def close(self) -> None:
        """End what shows the loop."""
        for part in (self._dashboard, self._line):
            if part is not None:
                part.close()

    # Parts

    def _make_dashboard(
        self, structure: ModelStructure, progress: Progress, buttons: Buttons, *, parts: Collection[LoopPart]
    ) -> Dashboard:
        text = self._text
        subject = StructureSubject(
            self._title or text("own_loop.title"),
            call="",
            guide=lambda: self._guide,
            structure=structure,
            text=text,
        )
        requests = Requests(
            primary=lambda: buttons.ask(buttons.toggle),
            step=lambda: buttons.ask(buttons.advance),
            reset=lambda: buttons.ask(buttons.stop),
            pick=lambda _name, _value: None,
            average=None,
        )
        settings = {"num_steps": progress.num_steps, "language": self._language, "engine": "plain"}

        def static_html(snapshot: Any, status: str, _exact: bool) -> str:
            return still(subject, snapshot, status, text=text, said="own_loop.still")

        return Dashboard(
            subject,
            {},
            settings,
            requests,
            buttons.ask,
            text=text,
            pages=own_loop_pages(subject, requests, settings, parts=parts, text=text),
            static_html=static_html,
            on_request=buttons.request,
            own_loop=True,
        )
