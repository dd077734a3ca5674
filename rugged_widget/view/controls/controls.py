"""Everything that is pressed, picked or dragged, and what tells how far the training is.

A control only asks: its callback may run in any thread, so it hands a request on and touches nothing else.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from html import escape

import ipywidgets

from rugged_widget.snapshot.snapshot import Progress, Status
from rugged_widget.validation import CUSTOM, SPEEDS
from rugged_widget.view.controls.engine_note import EngineNote
from rugged_widget.view.figures.chart import html_text
from rugged_widget.view.frames.silent_widgets import SilentProgress
from rugged_widget.view.frames.stream import Changes
from rugged_widget.view.i18n.captions import Choice, caption
from rugged_widget.view.i18n.catalogue import Catalogue
from rugged_widget.view.requests import Requests

PRIMARY: Mapping[Status, tuple[str, str]] = {
    "ready": ("start", "play"),
    "running": ("pause", "pause"),
    "paused": ("resume", "play"),
    "finished": ("restart", "repeat"),
    "failed": ("restart", "repeat"),
}
BEHIND_GUIDE = 4  # groups of the row
SLOWEST, FASTEST, NOTCH = -5.0, 0.0, 0.01  # of the learning-rate slider, powers of ten


class Controls:
    """The control row, the progress bar and the status sentence.

    Parameters
    ----------
    guides
        Names of the guide families, and what to call one that the catalogue does not know.
    settings
        First values of learning_rate, speed, guide, seed and engine.
    requests
        Who is asked.
    text
        In which language.
    """

    def __init__(
        self, guides: Mapping[str, str], settings: Mapping[str, object], requests: Requests, *, text: Catalogue
    ) -> None:
        self._guides, self._requests, self._text = dict(guides), requests, text
        self._shown: dict[str, object] = {}
        self._status: Status | None = None
        self._primary = _button("rw-primary", requests.primary)
        self._step = _button("rw-step", requests.step)
        self._reset = _button("rw-reset", requests.reset)
        self._inputs: dict[str, ipywidgets.Widget] = {
            "speed": ipywidgets.ToggleButtons(style={"button_width": "auto"}),
            "learning_rate": ipywidgets.FloatLogSlider(min=SLOWEST, max=FASTEST, step=NOTCH, readout_format=".2g"),
            "guide": ipywidgets.Dropdown(),
            "seed": ipywidgets.BoundedIntText(min=0, max=2**32 - 1),
        }
        self._choices = {
            "speed": Choice(self._inputs["speed"], self._speeds, self._pick("speed"), text, self._speed_tips),
            "guide": Choice(self._inputs["guide"], self._families, self._pick("guide"), text),
        }
        for name, widget in self._inputs.items():
            widget.add_class("rw-" + name.replace("_", "-"))
            self.show_setting(name, settings[name])
            if name not in self._choices:
                widget.observe(lambda change, name=name: self._picked(name, change["new"]), "value")
        groups = [[self._primary, self._step, self._reset], *[[widget] for widget in self._inputs.values()]]
        self.row = ipywidgets.Box([_group(group) for group in groups])
        self.row.add_class("rw-controls")
        self._bar = SilentProgress(value=0.0, min=0.0, max=1.0)
        self._bar.add_class("rw-progress")
        self.bar = self._bar
        self.status = html_text("rw-status")
        self.engine = EngineNote(settings["engine"], text=text)
        self.notice = html_text("rw-notice")
        self.targets = (self._bar, self.status)
        self._caption()

    def show_setting(self, name: str, value: object) -> None:
        """Make a control show `value`, without asking for it."""
        if name == "engine":  # has none: it is asked for in Python
            self.engine.ask(value)
            return
        widget = self._inputs[name]
        if name == "learning_rate" and isinstance(value, float):
            value = min(max(value, 10.0**SLOWEST), 10.0**FASTEST)  # the slider ends there; the setting need not
        self._shown[name] = value
        if name == "guide" and value == CUSTOM and CUSTOM not in self._guides:
            self._guides[CUSTOM] = CUSTOM
            self._choices["guide"].name()
        if widget.value != value:
            widget.value = value

    def put_behind_guide(self, widget: ipywidgets.Widget) -> None:
        """Add a control to the row, behind the picker of the guide."""
        groups = list(self.row.children)
        self.row.children = [*groups[:BEHIND_GUIDE], _group([widget]), *groups[BEHIND_GUIDE:]]

    def show_status(self, progress: Progress) -> None:
        """Make buttons, notice and engine fit the status; messages go out only where it changed."""
        self.engine.show(progress)
        if progress.status == self._status:
            return
        self._status = progress.status
        self.status.value = sentence(self._text, progress)  # the first frame of a run may be a second away
        self._primary.icon = PRIMARY[progress.status][1]
        self._name_primary()
        self._step.disabled = progress.status in {"running", "finished"}
        self._reset.disabled = progress.status == "ready"
        self.notify(progress.error if progress.status == "failed" else "")

    def notify(self, said: str) -> None:
        """Say something above the pages until the status changes; plain text, nothing where it is empty."""
        self.notice.value = f'<p role="alert">{escape(said)}</p>' if said else ""

    def update(self, progress: Progress) -> Changes:
        """Return what a frame has to change."""
        return [
            (self._bar, {"value": progress.step / progress.num_steps}),
            (self.status, {"value": sentence(self._text, progress)}),
        ]

    def _caption(self) -> None:
        text = self._text
        caption(self._primary, text, "controls.start", "controls.primary_tip")
        caption(self._step, text, "controls.step", "controls.step_tip")
        caption(self._reset, text, "controls.reset", "controls.reset_tip")
        for name in ("learning_rate", "guide", "seed"):
            caption(self._inputs[name], text, f"controls.{name}")
        text.follow(self._name_primary)
        self._primary.icon = PRIMARY["ready"][1]

    def _name_primary(self) -> None:
        self._primary.description = self._text(f"controls.{PRIMARY[self._status or 'ready'][0]}")

    def _speeds(self) -> list[tuple[str, object]]:
        return [(self._text(f"controls.speed.{speed}"), speed) for speed in SPEEDS]

    def _speed_tips(self) -> list[str]:
        return [self._text(f"controls.speed.{speed}_tip") for speed in SPEEDS]

    def _families(self) -> list[tuple[str, object]]:
        return guide_options(self._text, self._guides)

    def _pick(self, name: str) -> Callable[[object], None]:
        return lambda value: self._picked(name, value)

    def _picked(self, name: str, value: object) -> None:
        if name == "learning_rate" and isinstance(value, float):
            if self._is_notch_of_shown(value):
                return
            value = float(f"{value:.2g}")  # as it reads
        if value != self._shown.get(name):
            self._shown[name] = value
            self._requests.pick(name, value)

    def _is_notch_of_shown(self, rate: float) -> bool:
        """Whether the page only says where the slider snapped to: each page does that once it shows a value."""
        shown = self._shown["learning_rate"]
        return isinstance(shown, float) and abs(math.log10(rate / shown)) <= NOTCH / 2 + 1e-9


def guide_options(text: Catalogue, guides: Mapping[str, str]) -> list[tuple[str, object]]:
    """Return what to call each guide, and its name; as it was given where the catalogue has no word for it."""
    return [(text(f"guides.{name}") if f"guides.{name}" in text else label, name) for name, label in guides.items()]


def sentence(text: Catalogue, progress: Progress) -> str:
    """Return the status as a sentence: running · step 1,098 of 1,500 · 152 steps/s · 3 s left."""
    step, count = progress.step, progress.num_steps
    if progress.status == "finished" and progress.converged_at is not None:
        return text("controls.status.converged", step=step, count=count)
    rate = progress.steps_per_second
    if progress.status != "running" or not rate > 0 or math.isinf(rate):
        return text(f"controls.status.{progress.status}", step=step, count=count)
    left = duration(text, (count - step) / rate)
    return text("controls.status.running_at", step=step, count=count, rate=_rounded(rate), left=left)


def duration(text: Catalogue, seconds: float) -> str:
    """Return a time in the two words that matter: 3 s, 2 min, 1.5 h."""
    if seconds < 60:
        return text("controls.seconds", count=math.ceil(seconds))
    if seconds < 3600:
        return text("controls.minutes", count=math.ceil(seconds / 60))
    return text("controls.hours", count=seconds / 3600)


def _rounded(rate: float) -> str:
    # Two figures: the last ones would only flicker.
    digits = max(0, math.floor(math.log10(rate)) - 1)
    return f"{round(rate, -digits):,.0f}" if rate >= 10 else f"{rate:.1f}"


def _button(css_class: str, press: Callable[[], None]) -> ipywidgets.Button:
    button = ipywidgets.Button(layout={"width": "auto"})
    button.add_class(css_class)
    button.on_click(lambda _button: press())
    return button


def _group(widgets: Sequence[ipywidgets.Widget]) -> ipywidgets.Box:
    box = ipywidgets.HBox(list(widgets))
    box.add_class("rw-group")
    return box
