"""The run itself, from ready to finished. Everything here happens on the loop's thread.

It knows nothing of torch, Pyro or widgets.
"""

import asyncio
import contextlib
import math
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, Generic, TypeVar

from rugged_widget.errors import ClosedError
from rugged_widget.snapshot.snapshot import Progress, Status
from rugged_widget.training.event_loop import LoopThread, Waiters
from rugged_widget.training.pace import Pace
from rugged_widget.training.protocols import Display, Trainable
from rugged_widget.training.scheduler import Worker
from rugged_widget.validation import Speed

SLICE_SECONDS = 0.002  # a longer slice is felt in the cells beside it
WAIT_SECONDS = 0.004  # how often to look whether the page has caught up
COMPLETE_SECONDS = 0.3  # after a pause or a start, until what takes long: a shorter one costs next to nothing
PREPARE_SECONDS = 0.02  # between two pieces of preparation, each longer than a slice

FitT = TypeVar("FitT", bound=Trainable[Any])


class Run(Generic[FitT]):
    """Trains a fit in slices, in the pauses of the event loop, and says how far it is; parameters as of `Training`."""

    def __init__(
        self,
        make_fit: Callable[[], FitT],
        display: Display[Any],
        num_steps: int,
        pace: Pace,
        home: LoopThread,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        *,
        stop_when_converged: bool = False,
        on_change: Callable[[], None] = lambda: None,
    ) -> None:
        self._make_fit, self._display, self._pace, self._home = make_fit, display, pace, home
        self._on_change, self._changes = on_change, 0
        self._trainer = Worker(home, self._train, self._interrupted, name="training", sleep=sleep)
        self._preparer = Worker(home, self._do_ahead, lambda: None, name="preparation", sleep=sleep)
        self._completer = Worker(home, self._complete, lambda: None, name="completion", sleep=sleep)
        self._waits = False
        self._prepares = self._started = False
        self._error: Exception | None = None
        self._stops = stop_when_converged
        self._num_steps = self._goal = num_steps  # the goal is where this run ends: sooner after `advance`
        self.status: Status = "ready"
        self.closed = False
        self.waiters = Waiters()
        self.fit = make_fit()
        self.fit.stops_when_converged = stop_when_converged

    def __repr__(self) -> str:
        return f"Run({self.status}, step {self.fit.step} of {self._num_steps})"

    @property
    def progress(self) -> Progress:
        """Status, steps, speed and engine at this moment."""
        fit, rate, error = self.fit, self._pace.steps_per_second, str(self._error or "")
        converged_at = fit.step if self.status == "finished" and fit.step < self._num_steps else None
        steps = fit.step, self._num_steps
        return Progress(self.status, *steps, fit.elbo, rate, error, fit.engine, converged_at, fit.epoch)

    @contextlib.contextmanager
    def change(self) -> Iterator[None]:
        """Change the run for the time of a with statement, and call `on_change` once the change is complete.

        A change may be made of others. What `on_change` calls may ask for another change, which is then done at once.
        """
        self._changes += 1
        try:
            yield
        finally:
            self._changes -= 1
            if not self._changes:
                self._tell()

    def _tell(self) -> None:
        try:
            self._on_change()
        except KeyboardInterrupt:
            self._interrupted()
            raise

    def _interrupted(self) -> None:
        with self.change():
            if self.status == "running":  # nothing is left for later: the loop may be about to end
                self._rest("paused" if self.fit.step else "ready", whole=True)

    def start(self) -> None:
        """Train on to the end; RuntimeError where no event loop runs."""
        if self.status not in {"running", "finished"}:
            self._run(self._num_steps)
        elif self.status == "running":
            self._goal = self._num_steps

    def pause(self) -> None:
        """Stop, with everything current."""
        if self.status == "running":
            self._rest("paused" if self.fit.step else "ready")

    def advance(self, num_steps: int) -> None:
        """Train so many more, then pause."""
        if self.status == "finished":
            return
        goal = min(self.fit.step + num_steps, self._num_steps)
        if self.status == "running":
            self._goal = goal
            return
        # What fits into one slice is done at once, so that a single step does not flash through "running"; without an
        # event loop there is nobody to keep waiting, and all of it is.
        self._goal, self._error = goal, None
        seconds = math.inf if self._home.loop is None else SLICE_SECONDS
        self._watch_over(lambda: self._slice(goal - self.fit.step, seconds))
        if self._error is None and self.fit.step < goal and not self._is_over():
            self._run(goal)

    def reset(self, make_fit: Callable[[], FitT] | None, *, keep_running: bool) -> None:
        """Begin again with a fresh fit."""
        fit = (make_fit or self._make_fit)()  # first, so that nothing is lost where it raises
        self._make_fit = make_fit or self._make_fit
        again = keep_running and self.status == "running"
        self._replace(fit)
        self._rest("ready")
        if again:
            self._run(self._num_steps)

    def prepare(self) -> None:
        """Do ahead what the first step would wait for, now and after each reset; while training runs what is left."""
        self._prepares = True
        if self.status in {"ready", "running"} and not self.closed and self._home.loop is not None:
            self._preparer.begin()

    def use_engine(self, name: str) -> None:
        """Compute the steps in another way from the next one on."""
        self.fit.use_engine(name)
        self._display.changed(self.progress)
        if self._prepares:
            self.prepare()

    def change_fit(self, change: Callable[[FitT], None]) -> None:
        """Change how the fit takes its next steps; what has failed can go on then."""
        change(self.fit)
        if self.status == "failed":
            self._error, self.status = None, "paused" if self.fit.step else "ready"
        self._display.changed(self.progress)

    def set_speed(self, speed: Speed) -> None:
        """Train so many steps a frame."""
        self._pace.speed = speed
        self._display.changed(self.progress)

    def set_num_steps(self, num_steps: int) -> None:
        """Move the end."""
        self._goal = num_steps if self._goal == self._num_steps else min(self._goal, num_steps)
        self._num_steps = num_steps
        self._see_end()

    def set_stop_when_converged(self, *, on: bool) -> None:
        """End where the optimizer has converged, from now on, or do not."""
        self._stops = self.fit.stops_when_converged = on
        self._see_end()

    def average_iterates(self) -> None:
        """Put the mean of past parameters in place of the present ones, and pause; FitError where it cannot be."""
        self.fit.average_iterates()
        self._error = None
        self._rest("finished" if self._is_over() else "paused")

    def adopt(self, fit: FitT, num_steps: int) -> None:
        """Go on with another fit, kept from before."""
        self._replace(fit)
        self._num_steps = self._goal = num_steps
        self._pace.restart(fit.step)
        self._rest("finished" if self._is_over() else "paused" if fit.step else "ready")

    def refresh(self) -> None:
        """Show the present moment anew; while it runs the next frame does."""
        if self.status == "running":
            return
        try:
            snapshot = self.fit.snapshot()
        except Exception as error:  # the model's, which belongs into the widget as one of a step does
            if self.status != "failed":  # then it says why already
                self._fail(error)
            return
        self._display.rest(snapshot, self.progress)

    def close(self) -> None:
        """End it for good."""
        if self.status == "running":
            self.status = "paused"
        self.closed = True
        self._trainer.end()
        self._preparer.end()
        self._completer.end()
        self.waiters.release(ClosedError("the training was closed before its end"))

    def _replace(self, fit: FitT) -> None:
        """Let a fit take the place of the present one, which may be kept."""
        if fit is not self.fit:
            self.fit.release()
        fit.stops_when_converged = self._stops
        self.fit, self._error = fit, None

    def _is_over(self) -> bool:
        return self.fit.step >= self._num_steps or (self._stops and self.fit.converged_at is not None)

    def _see_end(self) -> None:
        """Finish or go on after what decides on the end has changed."""
        over = self._is_over()
        if over and self.status in {"running", "paused"}:
            self._rest("finished")
        elif self.status == "finished" and not over:
            self._rest("paused")
        else:
            self._display.changed(self.progress)

    def _run(self, goal: int) -> None:
        self._trainer.begin()
        self._goal, self._error, self.status = goal, None, "running"
        self._started = True
        if self._prepares:
            self._preparer.begin()
        self._pace.restart(self.fit.step)
        self._display.changed(self.progress)

    def _do_ahead(self) -> float | None:
        if self.status not in {"ready", "running"}:
            return None
        if self.status == "running" and self._started:  # the first steps wait for nothing that they can do without
            self._started = False
            return COMPLETE_SECONDS
        try:
            more = self.fit.prepare()
        except Exception:  # the model's: the first step raises it again, and then it is shown
            more = False
        if more:
            return PREPARE_SECONDS
        with self.change():
            self._display.changed(self.progress)  # the engine is known now
        return None

    def _train(self) -> float | None:
        if self.status != "running":
            return None
        with self.change():
            moved = self._watch_over(self._work)
        return 0.0 if moved else WAIT_SECONDS

    def _watch_over(self, work: Callable[[], bool]) -> bool:
        """Return what `work` returns; an interrupt pauses and is raised, an error is shown as a failed run."""
        try:
            return work()
        except KeyboardInterrupt:
            self._rest("paused")
            raise
        except Exception as error:  # whatever the user's model raises belongs into the widget
            self._fail(error)
            return False

    def _work(self) -> bool:
        """Do one thing, a frame or a slice of steps; False where the frame has to be waited for."""
        shown = self._pace.wants_frame() and self._display.ready()
        allowed = self._pace.allowance(self._display.presence, shown=shown)
        if shown:
            self._display.show(self.fit.snapshot(), self.progress)
        elif allowed:
            self._slice(min(allowed, self._goal - self.fit.step))
        return shown or allowed > 0

    def _slice(self, max_steps: int, seconds: float = SLICE_SECONDS) -> bool:
        done = self.fit.advance(max_steps, seconds)
        self._pace.did(done, self.fit.step)
        if self._is_over():
            self._rest("finished")
        elif self.fit.step < self._goal:
            self._display.changed(self.progress)
        else:
            self._rest("paused")
        return True

    def _fail(self, error: Exception) -> None:
        self._error = error
        try:
            self._rest("failed")
        except Exception:  # the fit cannot even say where it is: the last good snapshot stays
            self.status = "failed"
            self._display.changed(self.progress)
        self.waiters.release(error)

    def _complete(self) -> float | None:
        """Show what was left out when training paused, unless it has gone on since."""
        if self.status != "paused":
            return None
        if self._waits:
            self._waits = False
            return COMPLETE_SECONDS
        with self.change():
            self.refresh()
        return None

    def _rest(self, status: Status, *, whole: bool = False) -> None:
        if self.status == "running":
            self._display.before_rest()
        self.status = status
        later = status == "paused" and self._home.loop is not None and not whole
        brief = self.fit.brief_snapshot() if later else None
        self._display.rest(self.fit.snapshot() if brief is None else brief, self.progress)
        if brief is not None:
            self._waits = True
            self._completer.begin()
        if status == "finished":
            self.waiters.release()
        elif self._prepares:
            self.prepare()
