"""Pace of training: steps a frame, or as fast as possible; and steps per second."""

import math
import sys
from collections import deque
from collections.abc import Callable

from rugged_widget.snapshot.values import Presence
from rugged_widget.validation import Speed

TICK_SECONDS = 0.05  # from one frame of paced training to the next, at least; with a hidden page too
RATE_SECONDS = 2.0  # window of the steps-per-second figure


class Pace:
    """Says how many steps may be done before the next frame has gone out."""

    def __init__(self, speed: Speed, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._speed = speed
        self._owed = 0  # steps to do until the next frame
        self._news = False  # whether steps were done since the last frame
        self._ticked = -math.inf  # when the last frame of paced training went out, or would have
        self._times: deque[tuple[float, int]] = deque()

    def __repr__(self) -> str:
        return f"Pace({self._speed!r}, {self._owed} steps to the next frame)"

    @property
    def speed(self) -> Speed:
        """Steps a frame, or "max"."""
        return self._speed

    @speed.setter
    def speed(self, speed: Speed) -> None:
        self._speed, self._owed = speed, 0

    def restart(self, step: int) -> None:
        """Forget what was owed and measured: training starts at `step`."""
        self._owed, self._ticked = 0, -math.inf
        self._times.clear()
        self._times.append((self._clock(), step))

    def wants_frame(self) -> bool:
        """Return whether a frame should go out now, if it can.

        As fast as possible, never two without a step between them: a slow frame must not keep steps from being done.
        Paced, at most one a tick, so that each can be looked at, however fast the page is.
        """
        return self._news if self._speed == "max" else self._owed == 0 and self._is_due()

    def allowance(self, presence: Presence, *, shown: bool) -> int:
        """Return how many steps may be done now; 0 means: wait for the frame. `shown` says that one has just gone out.

        With no page nothing is waited for; one that is hidden is replaced by a clock.
        """
        self._news = self._news and not shown
        if self._speed == "max":
            return sys.maxsize
        if self._owed == 0 and (shown or presence == "none" or (presence == "away" and self._is_due())):
            self._owed, self._ticked = self._speed, self._clock()
        return self._owed

    def did(self, num_steps: int, step: int) -> None:
        """Note that `num_steps` were done, which led to `step`."""
        self._owed, self._news = max(0, self._owed - num_steps), True
        now = self._clock()
        self._times.append((now, step))
        while len(self._times) > 2 and now - self._times[1][0] > RATE_SECONDS:
            self._times.popleft()

    @property
    def steps_per_second(self) -> float:
        """Steps per second over the last two seconds of running; nan where that is not known yet."""
        if len(self._times) < 2:
            return math.nan
        (began, first), (ended, last) = self._times[0], self._times[-1]
        return (last - first) / (ended - began) if ended > began else math.nan

    def _is_due(self) -> bool:
        return self._clock() - self._ticked >= TICK_SECONDS
