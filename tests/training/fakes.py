"""A fit, a display and a clock that do as they are told, so that the run loop can be watched step by step."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable

from rugged_widget.errors import FitError
from rugged_widget.snapshot.snapshot import EngineInfo, Progress
from rugged_widget.snapshot.values import Epoch, Presence
from rugged_widget.training.training import Training
from rugged_widget.validation import Speed


class FakeClock:
    """Time that passes only by sleeping in it, or by computing."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += seconds
        await asyncio.sleep(0)


class FakeFit:
    """A fit whose step takes half a millisecond of the clock, and whose snapshot is the number of its step."""

    def __init__(self, clock: FakeClock, name: str = "fit", log: list[str] | None = None) -> None:
        self._clock, self.name, self.log = clock, name, [] if log is None else log
        self.step = 0
        self.learning_rate = 0.1
        self.fails_at = math.inf
        self.interrupted_at = math.inf
        self.snapshots = 0
        self.longest_slice = 0.0
        self.engine = EngineInfo("plain", "it is a fake.")
        self.epoch: Epoch | None = None
        self.stops_when_converged = False
        self.converges_at: float = math.inf
        self.averaged = 0
        self.unprepared = 3
        self.cannot_be_prepared = False
        self.has_brief_snapshots = False

    @property
    def elbo(self) -> float:
        return -1.0 / self.step if self.step else math.nan

    @property
    def converged_at(self) -> int | None:
        return int(self.converges_at) if self.step >= self.converges_at else None

    def average_iterates(self) -> None:
        if self.step < 20:
            raise FitError("too few iterates", step=self.step)
        self.averaged += 1

    def advance(self, max_steps: int, seconds: float) -> int:
        began, done, self.unprepared = self._clock.now, 0, 0
        while done < max_steps and (done == 0 or self._clock.now - began + 0.00049 <= seconds):
            if self.step + 1 >= self.fails_at and self.learning_rate >= 0.1:
                raise FitError(f"the loss is not finite at step {self.step + 1}", step=self.step + 1)
            if self.step + 1 >= self.interrupted_at:
                raise KeyboardInterrupt
            self._clock.now += 0.00049
            self.step += 1
            done += 1
            if self.stops_when_converged and self.converged_at is not None:
                break
        self.longest_slice = max(self.longest_slice, self._clock.now - began)
        self.log.append(self.name)
        return done

    def use_engine(self, name: str) -> None:
        self.engine = EngineInfo(name, "it was asked for.")  # type: ignore[arg-type]
        self.unprepared = 3

    def prepare(self) -> bool:
        if self.cannot_be_prepared:
            raise ArithmeticError("the model's")
        self._clock.now += 0.1
        self.unprepared -= 1
        self.log.append(f"{self.name}: prepared")
        return self.unprepared > 0

    def release(self) -> None:
        self.log.append(f"{self.name}: released")

    def snapshot(self) -> int:
        self.snapshots += 1
        return self.step

    def brief_snapshot(self) -> int | None:
        return -self.step if self.has_brief_snapshots else None


class FakeDisplay:
    """A page that acknowledges at once, late or never."""

    def __init__(self, presence: Presence = "none") -> None:
        self.presence: Presence = presence
        self.willing = True
        self.frames: list[int] = []
        self.finals: list[tuple[int, Progress]] = []
        self.statuses: list[str] = []
        self.rests = 0

    def ready(self) -> bool:
        return self.presence != "none" and self.willing

    def show(self, snapshot: int, progress: Progress) -> None:
        self.frames.append(snapshot)
        self._note(progress)

    def before_rest(self) -> None:
        self.rests += 1

    def rest(self, snapshot: int, progress: Progress) -> None:
        self.finals.append((snapshot, progress))
        self._note(progress)

    def changed(self, progress: Progress) -> None:
        self._note(progress)

    def _note(self, progress: Progress) -> None:
        if not self.statuses or self.statuses[-1] != progress.status:
            self.statuses.append(progress.status)


class Bench:
    """A training with all its fakes."""

    def __init__(
        self,
        *,
        num_steps: int = 100,
        speed: Speed = "max",
        presence: str = "none",
        stop_when_converged: bool = False,
        converges_at: float = math.inf,
    ) -> None:
        self.clock, self.converges_at = FakeClock(), converges_at
        self.display = FakeDisplay(presence)  # type: ignore[arg-type]
        self.training: Training[FakeFit] = Training(
            self.make_fit,
            self.display,
            num_steps=num_steps,
            speed=speed,
            clock=self.clock,
            sleep=self.clock.sleep,
            stop_when_converged=stop_when_converged,
        )

    def make_fit(self) -> FakeFit:
        fit = FakeFit(self.clock)
        fit.converges_at = self.converges_at
        return fit

    @property
    def fit(self) -> FakeFit:
        return self.training.fit

    async def until(self, condition: Callable[[], bool]) -> None:
        for _ in range(100_000):
            if condition():
                return
            await asyncio.sleep(0)
        raise AssertionError("it never came to pass")
