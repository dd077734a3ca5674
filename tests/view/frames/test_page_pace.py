"""Frames go out as fast as a page paints them."""

from __future__ import annotations

import pytest

from rugged_widget.view.frames.page_pace import (
    BEHIND_SECONDS,
    FLUENT_SHARE,
    KERNEL_SHARE,
    LONGEST_SECONDS,
    OFTEN_SECONDS,
    SELDOM_SECONDS,
    SMOOTH_SECONDS,
    PagePace,
)

MILLISECOND = 0.001
SECONDS = 10.0


class Page:
    """A page that paints the newest frame it has, one after another, and acknowledges as js/src/stream.ts does.

    Parameters
    ----------
    painting
        Seconds that a frame takes, of which its main thread works `work`.
    travel
        Seconds that a message takes in either direction.
    """

    def __init__(self, painting: float, work: float = 0.0, travel: float = 0.005) -> None:
        self.painting, self.work, self.travel = painting, work, travel
        self.pace = PagePace()
        self.painted: list[tuple[float, float]] = []  # when it was painted, how old it was then
        self.num_sent = 0
        self._arriving: list[tuple[float, int, float]] = []
        self._showing: tuple[float, int, float] | None = None
        self._since, self._said_at, self._missed, self._interval = 0, -1.0, False, OFTEN_SECONDS
        self._saying: list[tuple[float, int, int, float]] = []

    def run(self, seconds: float = SECONDS, cost: float = 0.0) -> None:
        """Let the kernel send whenever it may, looking every millisecond; a frame costs it `cost` seconds."""
        for tick in range(round(seconds / MILLISECOND)):
            now = tick * MILLISECOND
            self._paint(now)
            self._say(now)
            if self.pace.may_send(now):
                self.num_sent += 1
                self.pace.spent(cost)
                self.pace.sent(self.num_sent, now)
                self._arriving.append((now + self.travel, self.num_sent, now))

    def _paint(self, now: float) -> None:
        if self._showing is not None and now >= self._showing[0]:
            _, self._seq, sent = self._showing
            self._showing = None
            self._since += 1
            self.painted.append((now, now - sent))
        arrived = [frame for frame in self._arriving if frame[0] <= now]
        if self._showing is None and arrived:
            self._arriving = self._arriving[len(arrived) :]
            self._missed = self._missed or len(arrived) > 1
            self._showing = now + self.painting, arrived[-1][1], arrived[-1][2]

    def _say(self, now: float) -> None:
        if self._since and now - self._said_at >= self._interval:
            self._saying.append((now + self.travel, self._seq, self._since, now - self.painted[-1][0]))
            self._interval = SELDOM_SECONDS if self._since > 1 and not self._missed else OFTEN_SECONDS
            self._since, self._said_at, self._missed = 0, now, False
        while self._saying and self._saying[0][0] <= now:
            _, seq, painted, waited = self._saying.pop(0)
            self.pace.acknowledge("a", seq, now, painted=painted, work=self.work, waited=waited + self.travel)

    @property
    def rate(self) -> float:
        """Painted frames a second, of the second half."""
        return 2 * sum(at > SECONDS / 2 for at, _ in self.painted) / SECONDS


@pytest.mark.parametrize(("painting", "rate"), [(0.004, 60), (0.016, 60), (0.040, 25), (0.2, 5)])
def test_the_pace_is_what_the_page_paints_up_to_sixty_a_second(painting: float, rate: float) -> None:
    page = Page(painting)
    page.run()
    assert page.rate == pytest.approx(rate, rel=0.15)
    assert page.num_sent < 1.25 * len(page.painted)  # few snapshots are computed that nobody sees


@pytest.mark.parametrize("painting", [0.004, 0.016, 0.040])
@pytest.mark.parametrize("travel", [0.001, 0.02])
def test_the_page_is_never_more_than_a_tenth_of_a_second_behind(painting: float, travel: float) -> None:
    page = Page(painting, travel=travel)
    page.run()
    assert max(age for at, age in page.painted if at > 1.0) < BEHIND_SECONDS


def test_a_quarter_of_the_pages_main_thread_is_left_to_its_reader() -> None:
    page = Page(0.030, work=0.030)
    page.run()
    assert page.rate == pytest.approx(25, rel=0.1)


@pytest.mark.parametrize(
    ("cost", "rate"),
    [(0.001, 60), (0.002, FLUENT_SHARE / 0.002), (0.005, 36), (0.008, KERNEL_SHARE / 0.008), (0.1, 1 / SMOOTH_SECONDS)],
)
def test_frames_take_no_more_than_their_share_of_the_kernel_unless_they_would_be_few(cost: float, rate: float) -> None:
    page = Page(0.004)
    page.run(cost=cost)
    assert page.rate == pytest.approx(rate, rel=0.1)


def test_a_page_that_becomes_slow_gets_fewer_frames_and_one_that_becomes_fast_more() -> None:
    page = Page(0.016)
    page.run()
    fast = page.pace.seconds
    page.painting = 0.1
    for _ in range(50):
        page.pace.acknowledge("a", page.num_sent, 0.0, painted=0, work=0.1, waited=0.0)
        page.num_sent += 2
    assert fast < 0.02 < page.pace.seconds <= LONGEST_SECONDS


def test_while_a_frame_is_overdue_no_other_goes_out() -> None:
    pace = PagePace()
    for seq, now in enumerate((0.0, 0.1, 0.2), start=1):
        assert pace.may_send(now)
        pace.sent(seq, now)
    assert not pace.may_send(BEHIND_SECONDS + OFTEN_SECONDS + 0.01)
    pace.acknowledge("a", 3, 0.3, painted=3, work=0.0, waited=0.0)
    assert pace.may_send(0.4)


@pytest.mark.parametrize(("painted", "patience"), [(3, SELDOM_SECONDS), (1, OFTEN_SECONDS)])
def test_a_page_that_paints_all_frames_may_acknowledge_seldom(painted: int, patience: float) -> None:
    pace = PagePace()
    pace.acknowledge("a", 1, 0.0, painted=1, work=0.0, waited=0.0)
    pace.acknowledge("a", 4, 0.5, painted=painted, work=0.0, waited=0.0)
    pace.sent(5, 1.0)
    late = 1.0 + BEHIND_SECONDS + patience
    assert pace.may_send(late - 0.01)
    assert not pace.may_send(late + 0.01)
