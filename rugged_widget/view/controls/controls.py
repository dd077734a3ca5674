"""The control row, the progress bar and the status sentence.

A control only asks: its callback may run in any thread, so it hands a request on and touches nothing else.
"""

import math
from collections.abc import Mapping
from functools import partial
from html import escape

import ipywidgets

from rugged_widget.snapshot.snapshot import Progress, Status
from rugged_widget.snapshot.values import Epoch
from rugged_widget.view.controls.engine_note import EngineNote
from rugged_widget.view.controls.inputs import Input
from rugged_widget.view.figures.chart import html_text
from rugged_widget.view.figures.number_format import brief
from rugged_widget.view.frames.silent_widgets import LateText, SilentProgress
from rugged_widget.view.frames.stream import Changes
from rugged_widget.view.i18n.captions import caption
from rugged_widget.view.i18n.catalogue import Catalogue
from rugged_widget.view.requests import Requests
from rugged_widget.view.widgets import box, button, classed, hbox

PRIMARY: Mapping[Status, tuple[str, str]] = {
    "ready": ("start", "play"),
    "running": ("pause", "pause"),
    "paused": ("resume", "play"),
    "finished": ("restart", "repeat"),
    "failed": ("restart", "repeat"),
}

BESIDE: Mapping[str, str] = {"decay": "learning_rate"}
"""Controls of settings that belong to that of another one."""


class Controls:
    """The control row, the progress bar and the status sentence.

    The row has the `inputs` in their order; `settings` are the first values as controls show them, of engine too.
    Beside an `own_loop`, one that its user runs, the last button is to stop it, and all are hidden until they would be
    heard: see `hear`.
    """

    def __init__(
        self,
        inputs: Mapping[str, Input],
        settings: Mapping[str, object],
        requests: Requests,
        *,
        text: Catalogue,
        own_loop: bool = False,
    ) -> None:
        self._text, self._own_loop = text, own_loop
        self._status: Status | None = None
        self._primary = button("rw-primary", requests.primary)
        self._step = button("rw-step", requests.step)
        self._reset = button("rw-reset", requests.reset)
        self._inputs = {name: make(settings[name], partial(requests.pick, name), text) for name, make in inputs.items()}
        for name, control in self._inputs.items():
            control.widget.add_class("rw-" + name.replace("_", "-"))
            if f"controls.{name}" in text:
                tip = f"controls.{name}_tip"
                caption(control.widget, text, f"controls.{name}", tip if tip in text else "")
        self._groups = {name: self._group(name) for name in self._inputs if name not in BESIDE}
        buttons = hbox("rw-group", self._primary, self._step, self._reset)
        self._unheard = html_text("rw-unheard") if own_loop else None
        unheard = [] if self._unheard is None else [self._unheard]
        self.row = box("rw-controls", buttons, *unheard, *self._groups.values())
        self.bar = classed(SilentProgress(value=0.0, min=0.0, max=1.0), "rw-progress")
        self.status = html_text("rw-status")
        self.engine = EngineNote(settings["engine"], text=text)
        self.notice = html_text("rw-notice")
        self.targets = (self.bar, self.status)
        caption(self._primary, text, "controls.start", "controls.primary_tip")
        caption(self._step, text, "controls.step", "controls.step_tip")
        last = "own_loop.stop" if own_loop else "controls.reset"
        caption(self._reset, text, last, f"{last}_tip")
        for hidden in (self._primary, self._step, self._reset) if own_loop else ():
            hidden.layout.display = "none"
        self._primary.icon = PRIMARY["ready"][1]
        text.follow(self._name_primary)

    def _group(self, name: str) -> ipywidgets.HBox:
        """Return a box of a control and of those that stay beside it where the row breaks."""
        beside = [other for other, place in BESIDE.items() if place == name and other in self._inputs]
        return hbox("rw-group", *(self._inputs[each].widget for each in (name, *beside)))

    def hear(self, *, stops: bool, pauses: bool, busy: bool = False) -> None:
        """Show the button to stop a loop of the user's own, and those to pause it, or hide what would not be heard.

        Where the loop keeps the kernel `busy`, the row says so until the status changes.
        """
        for control, heard in ((self._primary, pauses), (self._step, pauses), (self._reset, stops)):
            control.layout.display = None if heard else "none"
        if self._unheard is not None:
            self._unheard.value = f"<p>{self._text.html('own_loop.unheard')}</p>" if busy else ""

    def show_setting(self, name: str, value: object) -> bool:
        """Make a control show `value`, without asking for it; return False where there is no control of that name."""
        if name == "engine":  # has no control: it is asked for in Python
            self.engine.ask(value)
        elif name in self._inputs:
            self._inputs[name].show(value)
        else:
            return False
        return True

    def put_behind(self, name: str, widget: ipywidgets.Widget) -> None:
        """Add a widget to the row, behind the control of a setting; at the end where there is no such control."""
        groups = list(self.row.children)
        place = groups.index(self._groups[name]) + 1 if name in self._groups else len(groups)
        self.row.children = [*groups[:place], hbox("rw-group", widget), *groups[place:]]

    def show_status(self, progress: Progress) -> None:
        """Make buttons, notice and engine fit the status; messages go out only where it changed."""
        self.engine.show(progress)
        if progress.status == self._status:
            return
        self._status = progress.status
        if self._unheard is not None:
            self._unheard.value = ""
        self.status.value = sentence(self._text, progress)  # the first frame of a run may be a second away
        self._primary.icon = PRIMARY[progress.status][1]
        self._name_primary()
        self._step.disabled = progress.status in {"running", "finished"}
        self._reset.disabled = progress.status in ({"paused", "finished"} if self._own_loop else {"ready"})
        self.notify(progress.error if progress.status == "failed" else "")

    def notify(self, message: str) -> None:
        """Say something above the pages until the status changes; plain text, nothing where it is empty."""
        self.notice.value = f'<p role="alert">{escape(message)}</p>' if message else ""

    def update(self, progress: Progress) -> Changes:
        """Return what a frame has to change."""
        return [
            (self.bar, {"value": 0.0 if progress.own_loop == "open" else progress.step / progress.num_steps}),
            (self.status, {"value": LateText(sentence, self._text, progress)}),
        ]

    def _name_primary(self) -> None:
        self._primary.description = self._text(f"controls.{PRIMARY[self._status or 'ready'][0]}")


def sentence(text: Catalogue, progress: Progress) -> str:
    """Return the status as a sentence: running · step 98 of 1,500 · 152 steps/s · 10 s left · epoch 3, batch 4 of 8."""
    place = "" if progress.epoch is None or not progress.step else f" · {place_in_data(text, progress.epoch)}"
    return _of_steps(text, progress) + place


def place_in_data(text: Catalogue, epoch: Epoch) -> str:
    """Return how far the passes through the data are: epoch 3, batch 4 of 8."""
    if epoch.num_batches is None:
        return text("batches.place", epoch=epoch.number, batch=epoch.batch)
    return text("batches.place_of", epoch=epoch.number, batch=epoch.batch, count=epoch.num_batches)


def _of_steps(text: Catalogue, progress: Progress) -> str:
    step, count = progress.step, progress.num_steps
    if progress.own_loop:
        return _of_own_loop(text, progress)
    if progress.status == "finished" and progress.converged_at is not None:
        return text("controls.status.converged", step=step, count=count)
    rate = progress.steps_per_second
    if progress.status != "running" or not rate > 0 or math.isinf(rate):
        return text(f"controls.status.{progress.status}", step=step, count=count)
    left = duration(text, (count - step) / rate)
    return text("controls.status.running_at", step=step, count=count, rate=brief(text, rate), left=left)


def _of_own_loop(text: Catalogue, progress: Progress) -> str:
    counted, rate = progress.own_loop == "counted", progress.steps_per_second
    place = text(f"own_loop.{'step_of' if counted else 'step'}", step=progress.step, count=progress.num_steps)
    if progress.status == "running" and 0 < rate < math.inf:
        return text("own_loop.status.running_at", place=place, rate=brief(text, rate))
    return text(f"own_loop.status.{progress.status}", place=place)


def duration(text: Catalogue, seconds: float) -> str:
    """Return a time in the two words that matter: 3 s, 2 min, 1.5 h."""
    if seconds < 60:
        return text("controls.seconds", count=math.ceil(seconds))
    if seconds < 3600:
        return text("controls.minutes", count=math.ceil(seconds / 60))
    return text("controls.hours", count=seconds / 3600)
