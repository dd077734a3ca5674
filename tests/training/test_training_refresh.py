"""A snapshot on request: while training rests somebody wants to see something else of the same moment."""

from __future__ import annotations

import asyncio
import threading

from tests.training.fakes import Bench


def broken() -> int:
    raise ArithmeticError("no quantiles")


async def test_at_rest_the_present_moment_is_converged_anew_at_the_same_status() -> None:
    bench = Bench()
    bench.training.refresh()
    bench.training.advance(3)
    bench.training.refresh()
    assert [(snapshot, progress.status) for snapshot, progress in bench.display.finals] == [
        (0, "ready"),
        (3, "paused"),
        (3, "paused"),
    ]
    await bench.training.finish()
    bench.training.refresh()
    assert bench.display.finals[-1][1].status == "finished"
    assert bench.fit.step == 100


async def test_while_it_runs_nothing_is_computed_because_the_next_frame_holds_it() -> None:
    bench = Bench()
    bench.training.start()
    await bench.until(lambda: bench.fit.step > 10)
    snapshots, converged = bench.fit.snapshots, len(bench.display.finals)
    bench.training.refresh()
    assert (bench.fit.snapshots, len(bench.display.finals)) == (snapshots, converged)
    bench.training.close()


async def test_what_a_snapshot_raises_is_shown_and_ends_nothing() -> None:
    bench = Bench()
    bench.training.advance(3)
    whole, bench.fit.snapshot = bench.fit.snapshot, broken  # type: ignore[method-assign]
    bench.training.refresh()
    assert (bench.training.status, bench.training.progress.error) == ("failed", "no quantiles")
    assert (bench.display.finals[-1][0], bench.display.statuses[-1]) == (3, "failed")
    bench.training.refresh()  # says why already
    assert bench.training.progress.error == "no quantiles"
    bench.fit.snapshot = whole  # type: ignore[method-assign]
    await bench.training.finish()
    assert bench.fit.step == 100


async def test_from_another_thread_it_is_computed_on_the_loops() -> None:
    bench = Bench()
    seen: list[int] = []
    bench.fit.snapshot = lambda: seen.append(threading.get_ident()) or 0  # type: ignore[func-returns-value,method-assign]
    await asyncio.to_thread(bench.training.refresh)
    await bench.until(lambda: bool(seen))
    assert seen == [threading.get_ident()]


async def test_after_close_nothing_happens() -> None:
    bench = Bench()
    bench.training.close()
    bench.training.refresh()
    assert bench.display.finals == []


async def test_the_display_is_told_once_that_a_run_is_about_to_rest() -> None:
    bench = Bench()
    bench.training.advance(1)
    assert bench.display.rests == 0  # it did not run
    bench.training.start()
    await bench.until(lambda: bench.fit.step > 10)
    converged: list[int] = []
    bench.display.before_rest = lambda: converged.append(len(bench.display.finals))  # type: ignore[method-assign]
    bench.training.pause()
    assert converged == [1]
    assert len(bench.display.finals) == 2


async def test_a_failing_run_too_says_before_that_it_is_about_to_rest() -> None:
    bench = Bench()
    bench.fit.fails_at = 31
    bench.training.start()
    await bench.until(lambda: bench.training.status == "failed")
    assert bench.display.rests == 1
