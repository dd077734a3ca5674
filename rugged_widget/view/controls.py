"""Everything that is pressed, picked or dragged, and what tells how far the training is.

A control only asks: its callback may run in any thread, so it hands a request on and touches nothing else.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from html import escape

import ipywidgets

from rugged_widget.pace import Speed
from rugged_widget.snapshot import Progress, Status
from rugged_widget.view.chart import text
from rugged_widget.view.engine import EngineNote
from rugged_widget.view.quiet import QuietProgress
from rugged_widget.view.stream import Changes

PRIMARY: Mapping[Status, tuple[str, str]] = {
    "ready": ("Start", "play"),
    "running": ("Pause", "pause"),
    "paused": ("Resume", "play"),
    "finished": ("Restart", "repeat"),
    "failed": ("Restart", "repeat"),
}
SPEED_LABELS: Mapping[Speed, str] = {1: "1 a frame", 10: "10 a frame", "max": "max"}
SLOWEST, FASTEST, NOTCH = -5.0, 0.0, 0.01  # of the learning-rate slider, powers of ten


@dataclass(frozen=True)
class Requests:
    """What the controls ask for; each may be called from any thread and returns at once.

    Attributes
    ----------
    primary
        Start, pause, resume or restart, whichever the button says.
    step
        Train one step.
    reset
        Begin again.
    pick
        Use a value for a setting: learning_rate, speed, guide or seed, correct or stop_when_settled.
    average
        Put the mean of the last iterates in place of the parameters.
    """

    primary: Callable[[], None]
    step: Callable[[], None]
    reset: Callable[[], None]
    pick: Callable[[str, object], None]
    average: Callable[[], None] = lambda: None


class Controls:
    """The control row, the progress bar and the status sentence.

    Parameters
    ----------
    guides
        Names of the guide families and what to call them.
    settings
        First values of learning_rate, speed, guide, seed and engine.
    requests
        Who is asked.
    """

    def __init__(self, guides: Mapping[str, str], settings: Mapping[str, object], requests: Requests) -> None:
        self._requests = requests
        self._shown: dict[str, object] = {}
        self._primary = _button("Start", "play", "rw-primary", "Train; press again to pause", requests.primary)
        self._step = _button("Step", "", "rw-step", "Train one step", requests.step)
        self._reset = _button("Reset", "", "rw-reset", "Begin again with the same seed", requests.reset)
        self._inputs: dict[str, ipywidgets.Widget] = {
            "speed": ipywidgets.ToggleButtons(
                options=[(label, speed) for speed, label in SPEED_LABELS.items()],
                tooltips=["one step a frame", "ten steps a frame", "as fast as possible"],
                style={"button_width": "auto"},
            ),
            "learning_rate": ipywidgets.FloatLogSlider(
                description="Learning rate", min=SLOWEST, max=FASTEST, step=NOTCH, readout_format=".2g"
            ),
            "guide": ipywidgets.Dropdown(
                description="Guide", options=[(label, name) for name, label in guides.items()]
            ),
            "seed": ipywidgets.BoundedIntText(description="Seed", min=0, max=2**32 - 1),
        }
        for name, widget in self._inputs.items():
            widget.add_class("rw-" + name.replace("_", "-"))
            self.show_setting(name, settings[name])
            widget.observe(lambda change, name=name: self._picked(name, change["new"]), "value")
        groups = [[self._primary, self._step, self._reset], *[[widget] for widget in self._inputs.values()]]
        self.row = ipywidgets.Box([_group(group) for group in groups])
        self.row.add_class("rw-controls")
        self._bar = QuietProgress(value=0.0, min=0.0, max=1.0)
        self._bar.add_class("rw-progress")
        self.bar = self._bar
        self.status = text("rw-status")
        self.engine = EngineNote(settings["engine"])
        self.notice = text("rw-notice")
        self.targets = (self._bar, self.status)
        self._status: Status | None = None

    def show_setting(self, name: str, value: object) -> None:
        """Make a control show `value`, without asking for it."""
        if name == "engine":  # has none: it is asked for in Python
            self.engine.ask(value)
            return
        widget = self._inputs[name]
        if name == "learning_rate" and isinstance(value, float):
            value = min(max(value, 10.0**SLOWEST), 10.0**FASTEST)  # the slider ends there; the setting need not
        self._shown[name] = value
        if widget.value != value:
            widget.value = value

    def show_status(self, progress: Progress) -> None:
        """Make buttons, notice and engine fit the status; messages go out only where it changed."""
        self.engine.show(progress)
        if progress.status == self._status:
            return
        self._status = progress.status
        self.status.value = sentence(progress)  # the first frame of a run may be a second away
        self._primary.description, self._primary.icon = PRIMARY[progress.status]
        self._step.disabled = progress.status in {"running", "finished"}
        self._reset.disabled = progress.status == "ready"
        self.notice.value = f'<p role="alert">{escape(progress.error)}</p>' if progress.status == "failed" else ""

    def update(self, progress: Progress) -> Changes:
        """Return what a frame has to change."""
        return [
            (self._bar, {"value": progress.step / progress.num_steps}),
            (self.status, {"value": sentence(progress)}),
        ]

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


def sentence(progress: Progress) -> str:
    """Return the status as a sentence: running · step 1,098 of 1,500 · 152 steps/s · 3 s left."""
    dot = " \N{MIDDLE DOT} "
    steps = f"step {progress.step:,} of {progress.num_steps:,}"
    if progress.status == "ready":
        return f"ready{dot}{progress.num_steps:,} steps to do"
    if progress.status == "finished":
        return f"finished{dot}{progress.num_steps:,} steps"
    rate = progress.steps_per_second
    if progress.status != "running" or not rate > 0 or math.isinf(rate):
        return f"{progress.status}{dot}{steps}"
    left = (progress.num_steps - progress.step) / rate
    return f"running{dot}{steps}{dot}{_rounded(rate)} steps/s{dot}{duration(left)} left"


def duration(seconds: float) -> str:
    """Return a time in the two words that matter: 3 s, 2 min, 1.5 h."""
    if seconds < 60:
        return f"{math.ceil(seconds)} s"
    return f"{math.ceil(seconds / 60)} min" if seconds < 3600 else f"{seconds / 3600:.1f} h"


def _rounded(rate: float) -> str:
    # Two figures: the last ones would only flicker.
    digits = max(0, math.floor(math.log10(rate)) - 1)
    return f"{round(rate, -digits):,.0f}" if rate >= 10 else f"{rate:.1f}"


def _button(word: str, icon: str, css_class: str, tooltip: str, press: Callable[[], None]) -> ipywidgets.Button:
    button = ipywidgets.Button(description=word, icon=icon, tooltip=tooltip, layout={"width": "auto"})
    button.add_class(css_class)
    button.on_click(lambda _button: press())
    return button


def _group(widgets: Sequence[ipywidgets.Widget]) -> ipywidgets.Box:
    box = ipywidgets.HBox(list(widgets))
    box.add_class("rw-group")
    return box
