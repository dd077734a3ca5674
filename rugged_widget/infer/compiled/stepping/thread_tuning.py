"""Measure how many torch threads make a step fastest."""

import statistics
from collections import deque
from collections.abc import Callable

SMALL_SECONDS = 0.001
"""A step that takes less has nothing to share out: one thread, for good."""

MEASURED = 7
"""Runs that are measured with each number of threads; the first ones pay for what is new and are not counted."""

NOT_COUNTED = 2
WORTH = 0.8
"""More threads are used if they need no more than this part of the time."""

CROWDED = 2.0
"""How much slower than measured they may get before it is one thread again: somebody else needs the cores."""


class Threads:
    """Tries one thread, then all `available` that the user lets torch use, and keeps what is faster.

    `use` is called with the number of threads to use from now on.
    """

    def __init__(self, available: int, use: Callable[[int], None]) -> None:
        self._available, self._use = available, use
        self.count = 1
        self._single = 0.0
        self._chosen = available == 1
        self._times: deque[float] = deque(maxlen=MEASURED)

    def __repr__(self) -> str:
        return f"Threads({self.count} of {self._available}, {'chosen' if self._chosen else 'measuring'})"

    def took(self, seconds: float) -> None:
        """Note how long a step took with the present number of threads."""
        if self._chosen and self.count == 1:
            return
        self._times.append(seconds)
        if len(self._times) < MEASURED:
            return
        typical = statistics.median(list(self._times)[NOT_COUNTED:])
        if self._chosen:
            if typical > CROWDED * self._single:
                self._change(1)
        elif self.count == 1:
            self._single = typical
            self._chosen = typical < SMALL_SECONDS
            if not self._chosen:
                self._change(self._available)
        else:
            self._chosen = True
            if typical > WORTH * self._single:
                self._change(1)

    def _change(self, count: int) -> None:
        self.count = count
        self._times.clear()
        self._use(count)
