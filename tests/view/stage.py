"""A dashboard with pages that note what they are told, and a root that gives them what they want."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from functools import partial
from typing import Any
from unittest import TestCase

import ipywidgets
import numpy as np

from rugged_widget.regression.data.regression_data import RegressionData
from rugged_widget.regression.snapshot import RegressionRequest, RegressionSnapshot, WhatIf
from rugged_widget.regression.view.labels import subject_of
from rugged_widget.regression.view.train_page import train_page
from rugged_widget.snapshot.request import SnapshotRequest
from rugged_widget.snapshot.snapshot import Parameter, Progress
from rugged_widget.view.controls.inputs import Choices, IntegerBox, LogSlider
from rugged_widget.view.dashboard import Dashboard
from rugged_widget.view.frames.silent_widgets import SilentText
from rugged_widget.view.i18n.catalogue import Catalogue
from rugged_widget.view.requests import Requests
from tests.view import drawn

DATA = RegressionData.rugged()
PROBS = (0.05, 0.25, 0.5, 0.75, 0.95)
SETTINGS = {"learning_rate": 0.03, "speed": 10, "guide": "diagonal", "seed": 1, "engine": "plain", "num_steps": 100}
CONTROLS = {
    "speed": partial(Choices, labels={1: "1", 10: "10", "max": "max"}, words="controls.speed", buttons=True),
    "learning_rate": partial(LogSlider, lowest=-5, highest=0),
    "guide": partial(
        Choices, labels={"diagonal": "diagonal normal", "delta": "point (MAP)"}, words="guides", other="custom"
    ),
    "seed": partial(IntegerBox, lowest=0, highest=2**32 - 1),
}
PARAMETERS = SnapshotRequest(parameters=True)


def page_says(widget: ipywidgets.Widget, content: dict[str, object]) -> None:
    """Hand a widget what a page of the browser says, as it arrives there; it must not raise."""
    with TestCase().assertNoLogs(widget.log, "WARNING"):  # where ipywidgets tells what was raised
        widget.comm.handle_msg({"content": {"data": {"method": "custom", "content": content}}, "buffers": []})


class FakePage:
    """A page of one text that says at which step it was drawn."""

    def __init__(self, changed: Callable[[], None], wants: SnapshotRequest) -> None:
        self.changed, self.wants = changed, wants
        self.text = SilentText("")
        self.box = ipywidgets.Box([self.text])
        self.targets = (self.text,)
        self.hover = [{"figure": "rw-fake", "rows": []}]
        self.labels = {"rw-fake": "A fake"}
        self.seen: list[RegressionSnapshot] = []
        self.exact: list[bool] = []

    def update(self, snapshot: RegressionSnapshot, _progress: Progress) -> list[Any]:
        self.seen.append(snapshot)
        return [(self.text, {"value": f"at {snapshot.step}"})]

    def request(self) -> SnapshotRequest:
        return self.wants

    def show_exact(self, show: bool) -> None:
        self.exact.append(show)


class Stage:
    """A dashboard with two fake pages, and a root that computes what is requested while training rests."""

    dashboard_pages = ("Numbers", "Point")

    def __init__(
        self, plain: RegressionSnapshot, *, answers: bool = True, reference: Any = None, **settings: object
    ) -> None:
        self.plain, self.answers = plain, answers
        self.pages: dict[str, FakePage] = {}
        self.wishes: list[SnapshotRequest] = []
        self.picked: list[tuple[str, object]] = []
        self.waiting: list[Callable[[], None]] = []
        self.running, self.step = False, 0
        self.text = Catalogue()
        requests = Requests(*[lambda: None] * 3, pick=lambda name, value: self.picked.append((name, value)))
        subject, shown = subject_of(DATA, PROBS, self.text), SETTINGS | settings
        train = partial(train_page, subject, 100, reference, text=self.text, requests=requests, settings=shown)
        self.dashboard = Dashboard(
            subject,
            CONTROLS,
            shown,
            requests,
            self.waiting.append,
            pages={
                "train": train,
                "Numbers": self._builder("Numbers", PARAMETERS),
                "Point": self._builder("Point", SnapshotRequest()),
            },
            static_html=lambda snapshot, status, _exact: f"{status} {snapshot.step}",
            on_request=self._want,
            reference=reference,
            text=self.text,
        )
        self.root = ipywidgets.VBox(self.dashboard.children)
        self.tabs = drawn.part(self.root, "rw-tabs")
        self.rest("ready")

    def _builder(self, title: str, wants: SnapshotRequest) -> Callable[[Callable[[], None]], FakePage]:
        def build(changed: Callable[[], None]) -> FakePage:
            assert title not in self.pages, "a page was built twice"
            self.pages[title] = FakePage(changed, wants)
            return self.pages[title]

        return build

    def _want(self, wanted: SnapshotRequest) -> None:
        self.wishes.append(wanted)
        if self.answers and not self.running:
            self.dashboard.rest(self.snapshot(), self.progress("paused"))

    def snapshot(self) -> RegressionSnapshot:
        request = RegressionRequest.of(self.wishes[-1] if self.wishes else SnapshotRequest())
        parameters = (Parameter("loc", np.zeros(2), np.zeros(2)),) if request.parameters else ()
        point = None if request.what_if is None else WhatIf(request.what_if, self.plain.slopes[0], None)
        return dataclasses.replace(self.plain, step=self.step, parameters=parameters, what_if=point)

    def progress(self, status: Any) -> Progress:
        return Progress(status, self.step, 100, -500.0, 150.0)

    def pick(self, title: str) -> None:
        """Pick a page by its name, which is what tabs that the catalogue does not know are called."""
        names = ["Train", *self.dashboard_pages]
        self.tabs.selected_index = names.index(title)
        self.work()

    def hear(self, content: dict[str, object]) -> None:
        """Let a page of the browser say something."""
        page_says(drawn.part(self.root, "rw-stream"), content)
        self.work()

    def work(self) -> None:
        while self.waiting:
            self.waiting.pop(0)()

    def start(self) -> None:
        self.running = True
        self.dashboard.changed(self.progress("running"))

    def frame(self) -> None:
        self.step += 1
        self.dashboard.show(self.snapshot(), self.progress("running"))

    def rest(self, status: str) -> None:
        if self.running:
            self.dashboard.before_rest()
        self.running = False
        self.dashboard.rest(self.snapshot(), self.progress(status))
