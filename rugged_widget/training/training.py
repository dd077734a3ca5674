"""Training as its user drives it: trains a fit in short slices on an asyncio loop, at the pace of whoever watches.

It knows nothing of torch, Pyro or widgets. One thread, the loop's, computes; a call from any other thread is
handed to the loop and returns at once.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any, Generic, TypeVar

from rugged_widget.defaults import NUM_STEPS
from rugged_widget.errors import ClosedError
from rugged_widget.snapshot.snapshot import Progress, Status
from rugged_widget.training.event_loop import LoopThread
from rugged_widget.training.loop import Run
from rugged_widget.training.pace import Pace
from rugged_widget.training.protocols import Display, Trainable
from rugged_widget.validation import Speed, checked_count, checked_flag, checked_speed

FitT = TypeVar("FitT", bound=Trainable[Any])


class Training(Generic[FitT]):
    """Trains what `make_fit` makes, up to `num_steps`, in slices on the event loop.

    Parameters
    ----------
    make_fit
        Makes a fresh fit; called now and at every reset.
    display
        Display of the run; decides when a snapshot is worth computing.
    num_steps
        Steps to do, >= 1.
    speed
        Steps a frame, or "max": as fast as possible.
    home
        The loop to train on; found anew where it is None.
    stop_when_converged
        Whether a run ends where the optimizer has converged, sooner than `num_steps`.
    on_change
        Called on the loop's thread after each change of the run, once it is complete and shown, and after each frame
        and slice of steps; it may ask for another change.
    clock, sleep
        Seconds that never go back, and how to wait; replaced in tests.

    Raises
    ------
    ValueError, TypeError
        For `num_steps` or `speed` out of range, and whatever `make_fit` raises.
    """

    def __init__(
        self,
        make_fit: Callable[[], FitT],
        display: Display[Any],
        *,
        num_steps: int = NUM_STEPS,
        speed: Speed = 10,
        home: LoopThread | None = None,
        stop_when_converged: bool = False,
        on_change: Callable[[], None] = lambda: None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        steps, pace = checked_count(num_steps, "num_steps"), Pace(checked_speed(speed), clock)
        self._home = loop_thread = home or LoopThread()
        stops = checked_flag(stop_when_converged, "stop_when_converged")
        self._run = loop_thread.call(
            lambda: Run(
                make_fit, display, steps, pace, loop_thread, sleep, stop_when_converged=stops, on_change=on_change
            )
        )

    def __repr__(self) -> str:
        progress = self.progress
        return f"Training({progress.status}, step {progress.step} of {progress.num_steps})"

    @property
    def fit(self) -> FitT:
        """The fit that is trained at present."""
        return self._run.fit

    @property
    def status(self) -> Status:
        """Status of the run: ready, running, paused, finished or failed."""
        return self._run.status

    @property
    def progress(self) -> Progress:
        """Status, steps, speed and engine at this moment."""
        return self._run.progress

    def ask(self, request: Callable[[], None]) -> None:
        """Do `request` on the loop's thread as of `LoopThread.ask`; ClosedError after `close`."""
        if self._run.closed:
            raise ClosedError("this training was closed; make a new widget")
        self._home.ask(lambda: self._do(request))

    def _do(self, request: Callable[[], None]) -> None:
        if not self._run.closed:
            with self._run.change():
                request()

    def start(self) -> None:
        """Train on to the end; RuntimeError where there is no event loop, ClosedError after `close`."""
        self.ask(self._run.start)

    def pause(self) -> None:
        """Stop after the present slice, with everything current; `start` goes on."""
        self.ask(self._run.pause)

    def advance(self, num_steps: int = 1) -> None:
        """Train exactly `num_steps` more (fewer only where the end comes first), then pause."""
        checked_count(num_steps, "num_steps")
        self.ask(lambda: self._run.advance(num_steps))

    def reset(self, make_fit: Callable[[], FitT] | None = None, *, keep_running: bool = False) -> None:
        """Begin again with a fresh fit, made by `make_fit` from now on; with `keep_running`, what ran runs on."""
        self.ask(lambda: self._run.reset(make_fit, keep_running=keep_running))

    def prepare(self) -> None:
        """Do ahead what the first step would wait for, after each reset too; nothing without an event loop."""
        if not self._run.closed and self._home.loop is not None:
            self._home.ask(self._run.prepare)

    def use_engine(self, name: str) -> None:
        """Compute the steps in another way from the next one on, on the same trajectory."""
        self.ask(lambda: self._run.use_engine(name))

    def set_learning_rate(self, learning_rate: float) -> None:
        """Use another learning rate from the next step on; a failed training can then be started again."""
        self.change_fit(lambda fit: setattr(fit, "learning_rate", learning_rate))

    def change_fit(self, change: Callable[[FitT], None]) -> None:
        """Change how the fit takes its steps from the next one on; a failed training can then be started again."""
        self.ask(lambda: self._run.change_fit(change))

    def set_speed(self, speed: Speed) -> None:
        """Train `speed` steps a frame, or as fast as possible."""
        checked_speed(speed)
        self.ask(lambda: self._run.set_speed(speed))

    def set_num_steps(self, num_steps: int) -> None:
        """Train up to `num_steps`, which may not be fewer than are done."""
        checked_count(num_steps, "num_steps")
        if num_steps < self.fit.step:
            raise ValueError(f"num_steps must be at least the {self.fit.step} steps that are done, got {num_steps}")
        self.ask(lambda: self._run.set_num_steps(num_steps))

    def set_stop_when_converged(self, on: bool) -> None:
        """End runs where the optimizer has converged, from now on; or do not, and one that ended so can go on."""
        checked_flag(on, "stop_when_converged")
        self.ask(lambda: self._run.set_stop_when_converged(on=on))

    def average_iterates(self) -> None:
        """Put the mean of past parameters in place of the present ones, and pause; FitError where there are too few."""
        self.ask(self._run.average_iterates)

    def adopt(self, fit: FitT, num_steps: int) -> None:
        """Go on with another fit, kept from before, at most up to `num_steps`; the present one is left as it is."""
        checked_count(num_steps, "num_steps")
        if num_steps < fit.step:
            raise ValueError(f"num_steps must be at least the {fit.step} steps that are done, got {num_steps}")
        self.ask(lambda: self._run.adopt(fit, num_steps))

    def refresh(self) -> None:
        """Show the present moment anew where training rests; an error of the snapshot is shown as a failed run."""
        if not self._run.closed:
            self.ask(self._run.refresh)

    def close(self) -> None:
        """End it for good: no more steps, waiting `finish` calls raise ClosedError. Idempotent."""
        if not self._run.closed:
            self.ask(self._run.close)

    async def finish(self) -> None:
        """Train to the end; FitError where the fit failed, ClosedError where it is closed. Cancelling it pauses."""
        home, loop = self._home.loop, asyncio.get_running_loop()
        if home is not loop and home is not None:  # a subshell: training stays on the kernel's loop
            await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(self.finish(), home))
            return
        self.start()
        if self._run.status == "finished":
            return
        if self._run.closed:  # by whoever was told of the start
            raise ClosedError("the training was closed before its end")
        try:
            await self._run.waiters.wait()
        except asyncio.CancelledError:
            if not self._run.closed:
                self.pause()
            raise
