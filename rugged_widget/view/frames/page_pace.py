"""When frames may go out: as fast as the pages paint them, up to the display's rate, and no faster."""

from __future__ import annotations

import math
from collections import deque

SHORTEST_SECONDS = 1 / 60  # from one frame to the next: what most displays show
LONGEST_SECONDS = 0.5
FIRST_SECONDS = 1 / 30
BEHIND_SECONDS = 0.1  # how old a frame may be when it has been painted
SELDOM_SECONDS = 0.5  # how long a page may wait with an acknowledgement that keeps up: SELDOM_MS in js/src/stream.ts
OFTEN_SECONDS = 0.15  # and one that does not, or has not shown yet that it does: OFTEN_MS there
READER_SHARE = 0.25  # of a page's main thread, which frames leave to whoever scrolls and types
KERNEL_SHARE = 0.2  # of the kernel's time, which frames may take from the steps
FLUENT_SHARE = 0.1  # and where more often than `FLUENT_SECONDS`: steps are worth more than what the eye hardly sees
FLUENT_SECONDS = 1 / 36  # what is painted late leaves thirty
SMOOTH_SECONDS = 1 / 15  # where their share makes them rarer than this, they take more: below it nothing moves smoothly
SLOWER = 1.2  # how the distance of frames grows with an acknowledgement
FASTER = 0.95  # how it shrinks in `OFTEN_SECONDS`
SINGLE = 1.5  # distances that a frame may take when no other waits before it
SMOOTHING = 0.2


class PagePace:
    """Finds the distance of frames from what the pages acknowledge.

    The distance grows while a page leaves out frames, or has frames waiting and is more than `BEHIND_SECONDS` behind,
    and shrinks while it paints all of them: to what the page's main thread needs for a frame, with a share left to its
    reader, and to what a frame may cost the kernel. However fast frames are, none goes out while one is overdue.
    """

    def __init__(self) -> None:
        self._seconds = FIRST_SECONDS
        self._cost = 0.0
        self._due = -math.inf
        self._under_way: deque[tuple[int, float]] = deque()  # sequence number, when it was sent
        self._acknowledged: dict[str, int] = {}  # newest sequence number by page
        self._patience = OFTEN_SECONDS
        self._changed_at = -math.inf

    def __repr__(self) -> str:
        return f"PagePace({1 / self.seconds:.0f} frames/s, {self.num_under_way} under way)"

    @property
    def seconds(self) -> float:
        """Seconds from one frame to the next."""
        smooth = min(self._cost / KERNEL_SHARE, SMOOTH_SECONDS)
        return max(self._seconds, smooth, min(self._cost / FLUENT_SHARE, FLUENT_SECONDS))

    @property
    def num_under_way(self) -> int:
        """Number of frames that no page has acknowledged."""
        return len(self._under_way)

    def may_send(self, now: float) -> bool:
        """Return whether the next frame may go out."""
        overdue = self._under_way and now - self._under_way[0][1] > BEHIND_SECONDS + self._patience
        return now >= self._due and not overdue

    def sent(self, seq: int, now: float) -> None:
        """Note that a frame went out."""
        self._under_way.append((seq, now))
        late = now - self._due  # a frame that is a little late does not put off the next one
        self._due = now + self.seconds - (late if late < self.seconds else 0.0)

    def spent(self, seconds: float) -> None:
        """Note what a frame cost the kernel, from the snapshot to the message."""
        self._cost += SMOOTHING * (min(seconds, LONGEST_SECONDS) - self._cost)

    def acknowledge(self, page: str, seq: int, now: float, *, painted: int, work: float, waited: float) -> None:
        """Note what a page says of the frames up to `seq`.

        Parameters
        ----------
        page
            The page.
        seq
            Sequence number of the newest frame that it has painted.
        now
            Seconds on the clock of `sent`.
        painted
            Number of frames that it painted since it said so before; the others were superseded.
        work
            Seconds of its main thread that a frame takes.
        waited
            Seconds since it painted that frame.
        """
        behind = max((now - sent - waited for number, sent in self._under_way if number == seq), default=0.0)
        missed = seq - self._acknowledged.get(page, seq - painted) > painted
        self._acknowledged[page] = seq
        self._patience = SELDOM_SECONDS if painted > 1 and not missed else OFTEN_SECONDS
        while self._under_way and self._under_way[0][0] <= seq:
            self._under_way.popleft()
        needed = min(max(SHORTEST_SECONDS, work / (1.0 - READER_SHARE)), LONGEST_SECONDS)
        if missed or behind > max(BEHIND_SECONDS, SINGLE * self._seconds):
            self._seconds = min(max(self._seconds, needed) * SLOWER, LONGEST_SECONDS)
        else:
            elapsed = min(now - self._changed_at, SELDOM_SECONDS)
            self._seconds = max(self._seconds * FASTER ** (elapsed / OFTEN_SECONDS), needed)
        self._changed_at = now

    def forget(self) -> None:
        """Take what is under way to be lost."""
        self._under_way.clear()
        self._acknowledged.clear()

    def clear(self) -> None:
        """Wait for no frame that is under way any more."""
        self._under_way.clear()
