"""The dashboard: lays the parts out and brings snapshots to them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from html import escape
from typing import Any, cast

import ipywidgets

from rugged_widget.runs.saved_run import SavedRun
from rugged_widget.snapshot.reference import Reference
from rugged_widget.snapshot.request import AT_REST, SnapshotRequest
from rugged_widget.snapshot.snapshot import Progress, Snapshot
from rugged_widget.snapshot.values import Presence
from rugged_widget.validation import CUSTOM
from rugged_widget.view.controls.controls import Controls, sentence
from rugged_widget.view.controls.exact_switch import ExactSwitch
from rugged_widget.view.controls.inputs import Input
from rugged_widget.view.figures.long_names import tip
from rugged_widget.view.frames.stream import Changes, FrameStream, bundle
from rugged_widget.view.i18n.captions import paragraph
from rugged_widget.view.i18n.catalogue import AUTO, Catalogue
from rugged_widget.view.i18n.locale import Locale
from rugged_widget.view.page import Factory, FirstPage, Page, union
from rugged_widget.view.requests import Requests
from rugged_widget.view.subject import Subject
from rugged_widget.view.tabs import Tabs
from rugged_widget.view.widgets import box


class Dashboard:
    """The parts of a widget, from the control row to the pages behind the tabs.

    Its methods belong on the loop's thread. A frame holds what is seen: the controls and the page whose tab is open.
    When training rests, every page that was opened so far becomes current, for a saved notebook holds all of them.

    Parameters
    ----------
    subject
        The words of the model.
    controls
        Controls of the settings by name, in the order of the row.
    settings
        First values of all settings by name, as controls show them.
    requests
        Requests of controls and pages.
    ask
        Runs a function on the thread that computes.
    pages
        Factories of the pages by name, in order. The first one makes a `FirstPage` and is called at once; each of the
        others when its page is first opened.
    static_html
        Returns the dashboard as HTML that needs no kernel, for a saved notebook. It is given the snapshot, how the
        training stands in a plain-text sentence, and whether the exact answer is drawn.
    on_request
        Told what snapshots have to hold whenever that changes, which is AT_REST to begin with; asks for a new one where
        training rests.
    reference
        Answers that the fit is compared with at first; a snapshot may bring others. Without it, or without an exact
        answer in it, there is no switch for that.
    text
        The words, at first in their present language; `speak` changes it.
    own_loop
        Whether the steps are those of a loop that its user runs, which can only be stopped.

    Attributes
    ----------
    children
        Its widgets, top to bottom, for the box that has a dashboard.
    """

    def __init__(
        self,
        subject: Subject,
        controls: Mapping[str, Input],
        settings: Mapping[str, object],
        requests: Requests,
        ask: Callable[[Callable[[], None]], None],
        *,
        text: Catalogue,
        pages: Mapping[str, Factory],
        static_html: Callable[[Any, str, bool], str],
        on_request: Callable[[SnapshotRequest], None] | None = None,
        reference: Reference | None = None,
        own_loop: bool = False,
    ) -> None:
        self._subject, self._on_request, self._static_html = subject, on_request, static_html
        self._text = text
        self._locale = Locale(text, str(settings.get("language", AUTO)), controls)
        self._latest: tuple[Snapshot, Progress] | None = None
        self._reference = reference
        self._resting, self._closed = True, False
        changed = partial(ask, self._refresh)
        self._controls = Controls(controls, settings, requests, text=text, own_loop=own_loop)
        self._exact: ExactSwitch | None = None
        builders: dict[str, Callable[[], Page]] = {name: partial(build, changed) for name, build in pages.items()}
        self._first = cast("FirstPage", next(iter(builders.values()))())
        builders[next(iter(builders))] = lambda: self._first
        self._request = union([AT_REST, self._first.request()])
        if reference is not None and reference.exact is not None:
            self._exact = ExactSwitch(requests.pick, text=text)
            self._controls.put_behind("guide", self._exact.widget)
        self._tabs = Tabs(builders, lambda: ask(self._switch), text=text)
        self.draw_exact(bool(settings.get("show_exact", False)))
        targets = [*self._controls.targets, *self._first.targets]
        self._stream = FrameStream(targets, ask, on_language=self._hear)
        self._title = ipywidgets.HTML("")
        self._name_pages()
        self._stream.add_class("rw-stream")
        self.children = self._layout()

    def __repr__(self) -> str:
        return f"Dashboard({self._subject.title!r}, {self._controls.status.value})"

    @property
    def request(self) -> SnapshotRequest:
        """What snapshots have to hold at present."""
        return self._request

    # As the run loop's Display

    @property
    def presence(self) -> Presence:
        """Presence of a page: none, away or here."""
        return self._stream.presence

    def ready(self) -> bool:
        """Return whether a frame can go out now."""
        return self._stream.ready()

    def ready_unheard(self) -> bool:
        """Return whether a frame can go out now, though pages may not be heard; see `FrameStream.ready_unheard`."""
        return self._stream.ready_unheard()

    def hear(self, *, stops: bool, pauses: bool, busy: bool = False) -> None:
        """Show the buttons of a loop of the user's own that would be heard; see `Controls.hear`."""
        self._controls.hear(stops=stops, pauses=pauses, busy=busy)

    def show(self, snapshot: Snapshot, progress: Progress) -> None:
        """Send a frame."""
        self._latest = snapshot, progress
        self._compare_with(snapshot.reference)
        self._stream.push(self._changes([self._tabs.visible]), self._summary)

    def before_rest(self) -> None:
        """Ask for what all pages want: the next snapshot is converged."""
        self._resting = True
        self._ask_for()

    def rest(self, snapshot: Snapshot, progress: Progress) -> None:
        """Send a last frame and the full state: training rests."""
        self._latest = snapshot, progress
        self._compare_with(snapshot.reference)
        self._controls.show_status(progress)
        self._redraw()

    def changed(self, progress: Progress) -> None:
        """Make the controls fit; while training rests, the page too."""
        self._controls.show_status(progress)
        resting, self._resting = self._resting, progress.status != "running"
        if resting and not self._resting:
            self._ask_for()
        elif self._latest is not None and self._resting:
            before = self._latest[1]
            self._latest = self._latest[0], progress
            if (before.status, before.num_steps) != (progress.status, progress.num_steps):
                self._redraw()

    def draw_exact(self, show: bool) -> None:
        """Draw the exact answer over the guide's, or do not; nothing happens where there is none."""
        if self._exact is not None:
            self._exact.show(show)
            for page in self._tabs.built:
                self._draw_exact_on(page)
            self._redraw()  # texts that tell of it come with a frame

    # What is asked for in Python

    def speak(self, language: str) -> None:
        """Go on in another language, live; nothing else changes.

        Parameters
        ----------
        language
            A key of `LANGUAGES`, or "auto": that of the first page that said which one it prefers.
        """
        if self._locale.speak(language):
            self._respeak()

    def show_setting(self, name: str, value: object) -> None:
        """Make a control show `value`, without asking for it.

        Parameters
        ----------
        name
            Name of the setting: one of the control row, engine, or one that the first page has a control for.
        value
            Its value as the control shows it; of a guide the key of its family, "custom" where it is none.
        """
        if not self._controls.show_setting(name, value):
            self._first.show_setting(name, value)

    def retitle(self) -> None:
        """Write title and subtitle anew, as the subject has them now."""
        self._title.value = self._heading()

    def show_runs(self, runs: Sequence[SavedRun]) -> None:
        """Show which runs are kept, on every page that tells of them."""
        for show in [getattr(page, "show_runs", None) for page in self._tabs.built]:
            if show is not None:
                show(runs)
        self._respeak()

    def run_name(self, guide: str, label: str, seed: int, variant: str = "") -> str:
        """Return what to call a run.

        Parameters
        ----------
        guide, label
            Key of the guide's family, and what to call a guide that the catalogue has no words for.
        seed
            Seed of the run.
        variant
            What else tells it from others; empty where nothing does.
        """
        key = f"guides.{guide}"
        name = self._text(key) if key in self._text and guide != CUSTOM else label
        called = self._text("compare.run_name", guide=name, seed=seed)
        return f"{called} \N{MIDDLE DOT} {variant}" if variant else called

    def notify(self, said: str) -> None:
        """Say something above the pages until the status changes; plain text, nothing where it is empty."""
        self._controls.notify(said)

    # Parts

    def _layout(self) -> tuple[ipywidgets.Widget, ...]:
        self._title.add_class("rw-heading")
        self._text.follow(self.retitle)
        header = box("rw-header", self._title, box("rw-state", self._controls.engine.widget, self._controls.status))
        gone = paragraph(self._text, "controls.gone", "rw-disconnected")
        body = box("rw-body", self._controls.notice, gone, self._tabs.widget)
        return header, self._controls.row, self._controls.bar, body, self._stream

    def _heading(self) -> str:
        title, subtitle = self._subject.title, self._subject.subtitle
        return f"<h2{tip(title)}>{escape(title)}</h2><span{tip(subtitle)}>{escape(subtitle)}</span>"

    def _hear(self, tag: str) -> None:
        if not self._closed and self._locale.hear(tag):
            self._respeak()

    def _respeak(self) -> None:
        self._name_pages()
        self._stream.hurry()
        self._redraw()

    def _name_pages(self) -> None:
        pages = self._tabs.built
        self._stream.tell(hover=self._locale.hover(pages), labels=self._locale.labels(pages))

    def _changes(self, pages: Sequence[Page]) -> Changes:
        if self._latest is None:
            return []
        snapshot, progress = self._latest
        parts = [page.update(snapshot, progress) for page in pages if page.request().is_met_by(snapshot)]
        return [change for part in (self._controls.update(progress), *parts) for change in part]

    def _redraw(self) -> None:
        if self._latest is not None and self._latest[1].status != "running":  # then the next frame does it
            self._stream.push_final(self._changes(self._tabs.built), self._summary)

    def _summary(self) -> str:
        if self._latest is None:
            return ""
        return f"{sentence(self._text, self._latest[1])}. {self._first.sentence(self._latest[0])}"

    # Pages

    def _switch(self) -> None:
        if self._closed:  # closed meanwhile
            return
        page = self._tabs.open()
        if page is not None:
            self._stream.extend(page.targets, hover=getattr(page, "hover", ()), labels=getattr(page, "labels", {}))
            self._draw_exact_on(page)
            self._compare_on(page)
        self._refresh()
        self._tabs.attach()

    def _draw_exact_on(self, page: Page) -> None:
        show_exact = getattr(page, "show_exact", None)
        if self._exact is not None and show_exact is not None:
            show_exact(self._exact.shown)

    def _compare_with(self, reference: Reference | None) -> None:
        """Compare with other answers from now on, where a snapshot brings them; nothing is compared without any."""
        if reference is not None and self._reference is not None and reference is not self._reference:
            self._reference = reference
            for page in self._tabs.built:
                self._compare_on(page)

    def _compare_on(self, page: Page) -> None:
        show_reference = getattr(page, "show_reference", None)
        if self._reference is not None and show_reference is not None:
            show_reference(self._reference)

    def _refresh(self) -> None:
        self._stream.hurry()
        before = self._latest
        self._ask_for()
        if self._latest is before:  # else what was asked for has been drawn already
            self._redraw()

    def _ask_for(self) -> None:
        pages = self._tabs.built if self._resting else [self._tabs.visible]
        wanted = union([*([AT_REST] if self._resting else []), *[page.request() for page in pages]])
        if wanted != self._request:
            self._request = wanted
            if self._on_request is not None:
                self._on_request(wanted)

    # For the box that has it

    def expect_page(self, then: Callable[[], None]) -> None:
        """Wait with frames for a page that is about to show the widget, so that none runs ahead of it.

        `then` is called on the thread that computes, once a page has everything that it draws.

        Raises
        ------
        MissingBundleError
            Where there is no front end to display with.
        """
        bundle()
        self._stream.expect(then)

    def html(self) -> str:
        """Return what a saved notebook shows without a kernel; empty before anything was shown."""
        if self._latest is None:
            return ""
        exact = self._exact is not None and self._exact.shown
        return self._static_html(self._latest[0], sentence(self._text, self._latest[1]), exact)

    def close(self) -> None:
        """Remove the dashboard and everything in it from every page. Idempotent."""
        self._closed = True
        for part in parts(*self.children):
            part.close()


def parts(*widgets: ipywidgets.Widget) -> set[ipywidgets.Widget]:
    """Return widgets and all that they hold in their traits, at any depth."""
    found: set[ipywidgets.Widget] = set()
    waiting: list[object] = list(widgets)
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
