"""A loop of one's own, as the window follows it: updates cost next to nothing, and now and then one of them looks."""

from __future__ import annotations

import contextlib
import math
import threading
import time
from collections import deque
from collections.abc import Callable, Collection, Mapping
from typing import Any, Protocol

import pandas as pd

from rugged_widget.infer.diagnostics.heldout import with_heldout
from rugged_widget.monitor.infer.loop_view import LoopView, as_number, check_draws
from rugged_widget.monitor.runner import Runner
from rugged_widget.numpy_errors import usual_errors
from rugged_widget.snapshot.heldout import HeldoutElbo
from rugged_widget.snapshot.model_values import ModelStructure
from rugged_widget.snapshot.request import SnapshotRequest
from rugged_widget.snapshot.snapshot import LoopPart, Progress, Snapshot, Status
from rugged_widget.training.event_loop import find_loop
from rugged_widget.training.pace import Pace

LOOK_SECONDS = 0.25
"""Time between two looks at least: a cell that blocks the kernel shows four frames a second."""

SHARE = 0.02
"""Share of the loop's time that looks may take."""

REST_SECONDS = 0.5
"""Time without an update after which the loop counts as ended, where nobody said so."""

UNHEARD_SECONDS, UNHEARD_STEPS = 1.0, 3
"""Time and steps without a turn of the event loop after which the page is told that nothing is heard of it."""


class Window(Protocol):
    """What shows a loop."""

    def open(
        self, structure: ModelStructure, progress: Progress, buttons: OwnLoop, *, parts: Collection[LoopPart]
    ) -> None:
        """Show the first step; called once, when the sites are known, with what else is known of the loop."""

    def ready(self) -> bool:
        """Return whether somebody would see a frame now."""

    def is_line(self) -> bool:
        """Return whether it shows no frames, but a line with the progress."""

    def show(self, snapshot: Snapshot, progress: Progress) -> None:
        """Show a frame."""

    def rest(self, take: Callable[[], Snapshot], progress: Progress) -> None:
        """Show the last step for as long as nothing more comes; `take` computes it, with what is requested by then."""

    def note(self, progress: Progress) -> None:
        """Take note of how far the loop is."""

    def notify(self, said: str) -> None:
        """Say something; plain text."""

    def hear(self, *, stops: bool, pauses: bool, busy: bool = False) -> None:
        """Show the button to stop the loop, and those to pause it, or hide what would not be heard.

        `busy` says that the loop keeps the kernel busy, so that nothing is heard.
        """


class OwnLoop:
    """Takes updates, and looks and shows when that is due. Pauses work where its batches are taken from `Turns`.

    Requests of the page are put aside, and done with the next look or by the event loop, on the thread of the loop.

    Parameters
    ----------
    view
        What is known of the loop.
    window
        What shows it.
    num_steps
        Steps to come; None where that is not known.
    clock
        Seconds that never go back.
    """

    def __init__(
        self, view: LoopView, window: Window, num_steps: int | None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.view, self.num_steps = view, num_steps
        self._window, self._clock, self._pace = window, clock, Pace("max", clock)
        self._losses: list[float] = []
        self._call: tuple[tuple[Any, ...], Mapping[str, Any]] = (), {}
        self._draws: Mapping[str, Any] | None = None
        self._due, self._updated = -math.inf, -math.inf
        self._until_point = math.inf  # steps to tell of until held-out data is looked at between two looks
        self._watched: tuple[float, int] | None = None  # time and step since which the event loop has had no turn
        self._runner = Runner.present()
        self._paused, self._single, self._stopping, self._showing = False, 0, False, False
        self._pausable = self._listening = False
        self._inbox: deque[Callable[[], None]] = deque()
        self._lock = threading.RLock()
        self.status: Status = "ready"

    def __repr__(self) -> str:
        return f"OwnLoop({self.status}, step {self.step})"

    @property
    def step(self) -> int:
        """Steps done."""
        return self.view.step + len(self._losses)

    @property
    def progress(self) -> Progress:
        """How far the loop is; without an end, the steps go up to the next of 10, 20, 50, 100 and so on."""
        step, total, heldout = self.view.step, self.num_steps, self.view.heldout
        return Progress(
            status=self.status,
            step=step,
            num_steps=_reach(step) if total is None else max(total, step),
            elbo=self.view.elbo,
            steps_per_second=self._pace.steps_per_second,
            own_loop="open" if total is None else "counted",
            heldout=math.nan if heldout is None or not len(heldout.elbo) else float(heldout.elbo[-1]),
        )

    def update(
        self, loss: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any], draws: Mapping[str, Any] | None
    ) -> bool:
        """Note a step; return False where the loop shall end."""
        if draws is not None:
            check_draws(draws)  # at once, though they may be looked at much later
            self._draws = draws
        self._losses.append(loss if type(loss) is float else as_number(loss))
        if args or kwargs:
            self._call = args, kwargs
        if self._listening:
            self._heard()
        self._updated = now = self._clock()
        if now >= self._due:
            self.look()
        elif len(self._losses) >= self._until_point:
            self._look_at_heldout()
        elif self._inbox:
            self.drain()
        return not self._stopping

    def look(self) -> None:
        """Do what the page asks for, and show the present step to whoever sees it."""
        self._runner = Runner.present()
        with self._lock, usual_errors():
            began, first = self._clock(), self.status == "ready"
            if self.status != "running":
                self._begin_running()
            self.drain()
            self._flush()
            is_seen, is_line = self._window.ready(), self._window.is_line()
            if is_seen:
                self._window.show(self._snapshot(listens=True), self.progress)
                self._listening = self.view.request.gradient_norms
            else:
                if is_line:
                    self.view.look_at_heldout()
                self._window.note(self.progress)
            self._until_point = self.view.step if self.view.heldout is not None and (is_seen or is_line) else math.inf
            now = self._clock()
            self._due = now + (LOOK_SECONDS if first else max(LOOK_SECONDS, (now - began) / SHARE))
        self._wait_for_the_end()

    def end_of_cell(self) -> None:
        """Rest where the cell that ends has run the loop; one that runs on in the background is left alone."""
        if not self._runner.goes_on():
            self.rest()

    def rest(self) -> None:
        """Show the last step whole: nothing more comes for now."""
        with self._lock, usual_errors():
            if self.status != "running":
                return
            self._listening = False
            self.view.gradients.end()
            self._flush()
            total = self.num_steps
            self.status = "finished" if total is not None and self.view.step >= total else "paused"
            self._show_rest()
            self._due, self._stopping = -math.inf, False

    def history(self) -> pd.DataFrame:
        """Return the steps so far, a row each: step (from 1), elbo, and heldout_elbo where there is held-out data."""
        with self._lock:
            self._flush()
            return with_heldout(self.view.history.frame()[["step", "elbo"]], self.view.heldout)

    @property
    def heldout(self) -> HeldoutElbo | None:
        """The ELBO of held-out data so far; None where there is none, or before the first step."""
        with self._lock:
            return self.view.heldout

    def request(self, request: SnapshotRequest) -> None:
        """Let snapshots hold this from now on; show one at once where the loop rests."""
        self.view.request = request
        if self.status in {"paused", "finished"} and not self._showing:
            self._show_rest()

    # Requests of the page

    def ask(self, request: Callable[[], None]) -> None:
        """Do a request soon; may be called in any thread."""
        self._inbox.append(request)
        loop = find_loop()
        if loop is not None:
            loop.call_soon_threadsafe(self.drain)
        elif self.status != "running":  # a script: nobody else would
            self.drain()

    def drain(self) -> None:
        """Do what was asked for."""
        with self._lock, usual_errors():
            while self._inbox:
                self._inbox.popleft()()

    def toggle(self) -> None:
        """Pause before the next batch, or go on."""
        self._paused = not self._paused

    def advance(self) -> None:
        """Let one batch come though the loop is paused."""
        self._single += 1

    def stop(self) -> None:
        """Let `update` return False from now on, and end loops over `Turns`, until the loop rests."""
        self._stopping = True

    # As the host of Turns

    @property
    def stopped(self) -> bool:
        """Whether the loop shall end."""
        return self._stopping

    def begin(self, *, yields: bool) -> None:
        """Take note that a loop begins, which can be paused where it yields to the event loop."""
        self._pausable = yields
        self._window.hear(stops=yields, pauses=yields)
        self._paused, self._single, self._stopping = False, 0, False

    def may_go_on(self) -> bool:
        """Return whether the next batch may come; at a pause the last step is shown whole."""
        if self._inbox:
            self.drain()
        if not self._paused or self._stopping:
            return True
        if self._single:
            self._single -= 1
            return True
        self.rest()
        return False

    def finish(self) -> None:
        """Take note that the loop has ended."""
        self._pausable = False
        self._window.hear(stops=False, pauses=False)
        self.rest()

    # Parts

    def _begin_running(self) -> None:
        opening = self.status == "ready"
        if opening and (self._draws is None or "heldout" in self.view.parts):
            self.view.meet(*self._call)
        self.status = "running"
        self._pace.restart(self.view.step)
        if opening:
            self._flush()
            self._window.open(self.view.structure, self.progress, self, parts=self.view.parts)
        self._window.note(self.progress)
        if self.view.problem:
            self._window.notify(self.view.problem)

    def _flush(self) -> None:
        losses, self._losses = self._losses, []
        self.view.add(losses)
        if losses:
            self._pace.did(len(losses), self.view.step)
        draws, self._draws = self._draws, None
        if draws is not None:
            self.view.take(draws)

    def _look_at_heldout(self) -> None:
        """Look at held-out data alone: the loop has taken as many steps again since it was looked at."""
        with self._lock, usual_errors():
            self._flush()
            self.view.look_at_heldout()
            self._until_point = self.view.step

    def _show_rest(self) -> None:
        if self._window.is_line():
            self.view.look_at_heldout(thorough=True)
        self._showing = True  # the window asks for more now, which is in the snapshot then
        try:
            self._window.rest(self._snapshot, self.progress)
        finally:
            self._showing = False
        if self.view.problem:
            self._window.notify(self.view.problem)

    def _heard(self) -> None:
        """Note the gradients of the step that was told of just now, and leave as much time as they took."""
        self._listening = False
        self._due += self.view.gradients.heard(self.step - 1) / SHARE

    def _snapshot(self, *, listens: bool = False) -> Snapshot:
        self.view.called(*self._call)
        try:
            return self.view.snapshot(listens=listens)
        except Exception as error:  # the loop goes on, whatever its window cannot show
            self.view.give_up(error)
            self._window.notify(self.view.problem)
            return self.view.snapshot(listens=listens)

    def _wait_for_the_end(self) -> None:
        """Let the event loop look, as soon as it gets to it, whether updates still come."""
        loop = find_loop()
        if loop is None:
            return
        now = self._clock()
        if self._watched is None:
            self._watched = now, self.step
            with contextlib.suppress(RuntimeError):  # it is closing
                loop.call_soon_threadsafe(lambda: loop.call_later(REST_SECONDS, self._rest_if_over))
            return
        since, step = self._watched
        if now - since > UNHEARD_SECONDS and self.step - step >= UNHEARD_STEPS and not self._pausable:
            self._window.hear(stops=False, pauses=False, busy=True)

    def _rest_if_over(self) -> None:
        self._watched = None
        if self._clock() - self._updated >= REST_SECONDS:
            self.rest()
        elif self.status == "running":  # the event loop gets turns meanwhile, so that buttons are heard
            self._window.hear(stops=True, pauses=self._pausable)
            self._wait_for_the_end()


def _reach(step: int) -> int:
    """Return the first of 10, 20, 50, 100, 200, ... that is not below `step`."""
    unit: int = 10 ** max(1, len(str(max(step - 1, 1))) - 1)
    return next(unit * factor for factor in (1, 2, 5, 10) if unit * factor >= step)
