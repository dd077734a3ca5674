"""A pause shows at once what is quick, and what takes long a moment later, unless training has gone on by then."""

from __future__ import annotations

import asyncio

from tests.training.fakes import Bench


def opened() -> Bench:
    bench = Bench()
    bench.fit.has_brief_snapshots = True
    return bench


def shown(bench: Bench) -> list[tuple[int, str]]:
    return [(snapshot, progress.status) for snapshot, progress in bench.display.finals]


async def test_what_takes_long_follows_a_moment_after_a_pause() -> None:
    bench = opened()
    paused = bench.clock.now
    bench.training.advance(2)
    assert shown(bench) == [(-2, "paused")]
    await bench.until(lambda: len(bench.display.finals) == 2)
    assert shown(bench)[1] == (2, "paused")
    assert bench.clock.now - paused > 0.25


async def test_a_run_that_goes_on_at_once_does_not_wait_for_it() -> None:
    bench = opened()
    for _ in range(20):
        bench.training.advance(1)
    assert bench.fit.snapshots == 0
    bench.training.start()
    await bench.training.finish()
    assert bench.fit.snapshots == 1
    assert shown(bench)[-1] == (100, "finished")
    await asyncio.sleep(0)
    assert bench.fit.snapshots == 1


async def test_the_last_of_several_pauses_is_completed_once() -> None:
    bench = opened()
    for _ in range(3):
        bench.training.advance(1)
        await asyncio.sleep(0)
    await bench.until(lambda: bench.fit.snapshots > 0)
    for _ in range(50):
        await asyncio.sleep(0)
    assert (bench.fit.snapshots, shown(bench)[-1]) == (1, (3, "paused"))


async def test_nothing_follows_once_it_is_closed() -> None:
    bench = opened()
    bench.training.advance(1)
    bench.training.close()
    for _ in range(50):
        await asyncio.sleep(0)
    assert bench.fit.snapshots == 0


def test_without_an_event_loop_everything_is_shown_at_once() -> None:
    bench = opened()
    bench.training.advance(2)
    assert shown(bench) == [(2, "paused")]


def test_the_end_of_the_loop_leaves_nothing_behind() -> None:
    opened_in_loop: list[Bench] = []

    async def main() -> None:
        bench = opened()
        opened_in_loop.append(bench)
        bench.training.start()
        await bench.until(lambda: bench.fit.step > 5)

    asyncio.run(main())
    (bench,) = opened_in_loop
    assert shown(bench) == [(bench.fit.step, "paused")]
    bench.training.close()
