"""The run loop: trains a fit in short slices on an asyncio loop, at the pace of whoever watches.

It knows nothing of torch, Pyro or widgets. One thread, the loop's, computes; a call from any other thread is
handed to the loop and returns at once.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

from rugged_widget.errors import ClosedError
from rugged_widget.handover import LoopThread, Waiters, turn
from rugged_widget.interrupt import INTERRUPTS
from rugged_widget.pace import Pace, Speed, check_count, check_speed
from rugged_widget.protocols import Display, Trainable
from rugged_widget.snapshot import Progress, Status

SLICE_SECONDS = 0.008  # a longer slice is felt in the cells beside it
REST_TURNS = 3  # of the loop between two slices: one finds what has arrived, the next does it
WAIT_SECONDS = 0.004  # how often to look whether the page has caught up

SnapshotT = TypeVar("SnapshotT")


class Training(Generic[SnapshotT]):
    """Trains what `make_fit` makes, up to `num_steps`, in slices on the event loop.

    Parameters
    ----------
    make_fit
        Makes a fresh fit; called now and at every reset.
    display
        Who watches; decides when a snapshot is worth computing.
    num_steps
        Steps to do, >= 1.
    speed
        Steps a frame, or "max": as fast as possible.
    home
        The loop to train on; found anew where it is None.
    clock, sleep
        Seconds that never go back, and how to wait; replaced in tests.

    Raises
    ------
    ValueError, TypeError
        For `num_steps` or `speed` out of range, and whatever `make_fit` raises.
    """

    def __init__(
        self,
        make_fit: Callable[[], Trainable[SnapshotT]],
        display: Display[SnapshotT],
        *,
        num_steps: int = 1500,
        speed: Speed = 10,
        home: LoopThread | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._make_fit, self._display, self._sleep = make_fit, display, sleep
        self._num_steps = check_count("num_steps", num_steps)
        self._pace = Pace(check_speed(speed), clock)
        self._home = home or LoopThread()
        self._task: asyncio.Task[None] | None = None
        self._waiters = Waiters()
        self._closed = False
        self._status: Status = "ready"
        self._error: Exception | None = None
        self._goal = self._num_steps  # where the present run ends: sooner than num_steps after `advance`
        self.fit = self._home.call(make_fit)

    def __repr__(self) -> str:
        return f"Training({self._status}, step {self.fit.step} of {self._num_steps})"

    @property
    def status(self) -> Status:
        """Where the run is: ready, running, paused, finished or failed."""
        return self._status

    @property
    def progress(self) -> Progress:
        """Status, steps and speed at this moment."""
        rate, error = self._pace.steps_per_second, str(self._error or "")
        return Progress(self._status, self.fit.step, self._num_steps, self.fit.elbo, rate, error)

    def ask(self, request: Callable[[], None]) -> None:
        """Do `request` on the loop's thread: now where this is it, else as soon as the loop gets to it."""
        if self._closed:
            raise ClosedError("this training was closed; make a new widget")
        self._home.ask(lambda: None if self._closed else request())

    def start(self) -> None:
        """Train on to the end; nothing happens where it is running or finished.

        Raises
        ------
        RuntimeError
            Where no event loop is there to train on.
        ClosedError
            After `close`.
        """
        self.ask(self._start)

    def pause(self) -> None:
        """Stop after the present slice, with everything current; `start` goes on."""
        self.ask(self._pause)

    def advance(self, num_steps: int = 1) -> None:
        """Train exactly `num_steps` more (fewer only where the end comes first), then pause."""
        check_count("num_steps", num_steps)
        self.ask(lambda: self._advance(num_steps))

    def reset(self, make_fit: Callable[[], Trainable[SnapshotT]] | None = None, *, keep_running: bool = False) -> None:
        """Begin again with a fresh fit, made by `make_fit` from now on; with `keep_running`, what ran runs on."""
        self.ask(lambda: self._reset(make_fit, keep_running=keep_running))

    def set_learning_rate(self, learning_rate: float) -> None:
        """Use another learning rate from the next step on; a failed training can then be started again."""
        self.ask(lambda: self._set_learning_rate(learning_rate))

    def set_speed(self, speed: Speed) -> None:
        """Train `speed` steps a frame, or as fast as possible."""
        check_speed(speed)
        self.ask(lambda: self._set_speed(speed))

    def set_num_steps(self, num_steps: int) -> None:
        """Train up to `num_steps`, which may not be fewer than are done."""
        check_count("num_steps", num_steps)
        if num_steps < self.fit.step:
            raise ValueError(f"num_steps must be at least the {self.fit.step} steps that are done, got {num_steps}")
        self.ask(lambda: self._set_num_steps(num_steps))

    def close(self) -> None:
        """End it for good: no more steps, waiting `finish` calls raise ClosedError. Idempotent."""
        if not self._closed:
            self.ask(self._close)

    async def finish(self) -> None:
        """Train to the end and return then; pauses in between only delay it. Cancelling it pauses.

        Raises
        ------
        FitError
            Where the fit failed.
        ClosedError
            Where it was closed meanwhile, or before.
        """
        home, loop = self._home.loop, asyncio.get_running_loop()
        if home is not loop and home is not None:  # a subshell: training stays on the kernel's loop
            await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(self.finish(), home))
            return
        self.start()
        if self._status == "finished":
            return
        try:
            await self._waiters.wait()
        except asyncio.CancelledError:
            if not self._closed:
                self.pause()
            raise

    def _start(self) -> None:
        if self._status not in {"running", "finished"}:
            self._run(self._num_steps)
        elif self._status == "running":
            self._goal = self._num_steps

    def _run(self, goal: int) -> None:
        loop = self._home.loop
        if loop is None:
            raise RuntimeError("training needs a running event loop: in a plain script call asyncio.run(widget.fit())")
        self._goal, self._error, self._status = goal, None, "running"
        self._pace.restart(self.fit.step)
        if self._task is None or self._task.done() or self._task.get_loop() is not loop:
            self._task = loop.create_task(self._train(turn(loop)), name="rugged_widget training")
        self._display.changed(self.progress)

    def _pause(self) -> None:
        if self._status == "running":
            self._settle("paused" if self.fit.step else "ready")

    def _advance(self, num_steps: int) -> None:
        if self._status == "finished":
            return
        goal = min(self.fit.step + num_steps, self._num_steps)
        if self._status == "running":
            self._goal = goal
            return
        # What fits into one slice is done at once, so that a single step does not flash through "running"; without an
        # event loop there is nobody to keep waiting, and all of it is.
        self._goal, self._error = goal, None
        seconds = math.inf if self._home.loop is None else SLICE_SECONDS
        self._watch_over(lambda: self._slice(goal - self.fit.step, seconds))
        if self._error is None and self.fit.step < goal:
            self._run(goal)

    def _reset(self, make_fit: Callable[[], Trainable[SnapshotT]] | None, *, keep_running: bool) -> None:
        fit = (make_fit or self._make_fit)()  # first, so that nothing is lost where it raises
        self._make_fit = make_fit or self._make_fit
        again = keep_running and self._status == "running"
        self.fit, self._error = fit, None
        self._settle("ready")
        if again:
            self._run(self._num_steps)

    def _set_learning_rate(self, learning_rate: float) -> None:
        self.fit.learning_rate = learning_rate
        if self._status == "failed":
            self._error, self._status = None, "paused" if self.fit.step else "ready"
        self._display.changed(self.progress)

    def _set_speed(self, speed: Speed) -> None:
        self._pace.speed = speed
        self._display.changed(self.progress)

    def _set_num_steps(self, num_steps: int) -> None:
        self._goal = num_steps if self._goal == self._num_steps else min(self._goal, num_steps)
        self._num_steps = num_steps
        if self.fit.step >= num_steps and self._status in {"running", "paused"}:
            self._settle("finished")
        elif self._status == "finished" and self.fit.step < num_steps:
            self._settle("paused")
        else:
            self._display.changed(self.progress)

    def _close(self) -> None:
        if self._status == "running":
            self._status = "paused"
        self._closed = True
        if self._task is not None:
            self._task.cancel()
        self._waiters.release(ClosedError("the training was closed before its end"))

    async def _train(self, my_turn: asyncio.Lock) -> None:
        try:
            with INTERRUPTS.pausing(asyncio.get_running_loop(), self._pause):
                while self._status == "running":
                    INTERRUPTS.listen()
                    async with my_turn:
                        worked = self._status == "running" and self._watch_over(self._work)
                        if worked:
                            for _ in range(REST_TURNS):
                                await self._sleep(0)
                    if not worked:
                        await self._sleep(WAIT_SECONDS)
        except KeyboardInterrupt:  # of the kernel; it is paused now. Raised on, it would end the kernel's event loop.
            return
        except asyncio.CancelledError:  # by `close`, or the loop ends
            self._pause()
            raise

    def _watch_over(self, work: Callable[[], bool]) -> bool:
        """Return what `work` returns; an interrupt pauses and is raised, an error is shown as a failed run."""
        try:
            return work()
        except KeyboardInterrupt:
            self._settle("paused")
            raise
        except Exception as error:  # noqa: BLE001  # whatever the user's model raises belongs into the widget
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
        if self.fit.step < self._goal:
            self._display.changed(self.progress)
        elif self.fit.step < self._num_steps:
            self._settle("paused")
        else:
            self._settle("finished")
        return True

    def _fail(self, error: Exception) -> None:
        self._error, self._status = error, "failed"
        try:
            self._settle("failed")
        except Exception:  # noqa: BLE001  # the fit cannot even say where it is: the last good snapshot stays
            self._display.changed(self.progress)
        self._waiters.release(error)

    def _settle(self, status: Status) -> None:
        self._status = status
        self._display.settle(self.fit.snapshot(), self.progress)
        if status == "finished":
            self._waiters.release()
