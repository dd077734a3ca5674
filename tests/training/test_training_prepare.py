"""What the first step would wait for is done ahead of it, and another engine takes over in mid-run."""

from __future__ import annotations

import asyncio
import threading

import pytest

from rugged_widget.errors import ClosedError
from tests.training.fakes import Bench, FakeFit


async def _rest(turns: int = 200) -> None:
    for _ in range(turns):
        await asyncio.sleep(0)


def _prepared(fit: FakeFit) -> int:
    return fit.log.count("fit: prepared")


async def test_nothing_is_prepared_before_it_is_asked_for() -> None:
    bench = Bench()
    await _rest()
    bench.training.reset()
    await _rest()
    assert bench.fit.unprepared == 3


async def test_a_training_that_rests_is_prepared_piece_by_piece_and_takes_no_step() -> None:
    bench = Bench()
    bench.training.prepare()
    seen = []
    for _ in range(200):
        await asyncio.sleep(0)
        seen.append(bench.fit.unprepared)
    assert list(dict.fromkeys(seen)) == [2, 1, 0]  # others had their turn in between
    assert (bench.fit.step, bench.training.status, _prepared(bench.fit)) == (0, "ready", 3)


async def test_start_in_the_midst_of_it_goes_on_at_once() -> None:
    bench = Bench()
    bench.training.prepare()
    await bench.until(lambda: bench.fit.unprepared == 2)
    bench.training.start()
    await bench.training.finish()
    assert bench.fit.log[:2] == ["fit: prepared", "fit"]
    assert bench.fit.step == 100


async def test_what_is_reset_is_prepared_again() -> None:
    bench = Bench()
    bench.training.prepare()
    await bench.until(lambda: bench.fit.unprepared == 0)
    bench.training.advance(3)
    bench.training.reset()
    await bench.until(lambda: bench.fit.unprepared == 0)
    assert (bench.fit.step, _prepared(bench.fit)) == (0, 3)


async def test_a_reset_in_the_midst_of_it_prepares_the_new_fit_and_no_longer_the_old() -> None:
    bench = Bench()
    bench.training.prepare()
    await bench.until(lambda: bench.fit.unprepared == 2)
    old = bench.fit
    bench.training.reset()
    await bench.until(lambda: bench.fit.unprepared == 0)
    assert (_prepared(old), _prepared(bench.fit)) == (1, 3)


async def test_what_runs_on_after_a_reset_is_not_kept_waiting() -> None:
    bench = Bench()
    bench.training.prepare()
    bench.training.start()
    await bench.until(lambda: bench.fit.step > 10)
    bench.training.reset(keep_running=True)
    await bench.training.finish()
    assert bench.fit.log[0] == "fit"


async def test_what_was_not_prepared_when_training_began_is_prepared_a_moment_later() -> None:
    bench = Bench(num_steps=10**9)
    bench.training.prepare()
    bench.training.start()
    await bench.until(lambda: bench.fit.step > 0)
    assert _prepared(bench.fit) == 0
    bench.fit.unprepared = 3
    await bench.until(lambda: _prepared(bench.fit) > 0)
    assert bench.training.status == "running"
    bench.training.pause()


async def test_what_cannot_be_prepared_is_not_told_before_training_starts() -> None:
    bench = Bench()
    bench.fit.cannot_be_prepared = True
    bench.training.prepare()
    await _rest()
    assert (bench.training.status, bench.training.progress.error) == ("ready", "")
    await bench.training.finish()
    assert bench.fit.step == 100


async def test_the_engine_that_was_prepared_is_told_to_the_display() -> None:
    bench = Bench()
    told = []
    changed = bench.display.changed
    bench.display.changed = lambda progress: (told.append(progress.engine), changed(progress))  # type: ignore[method-assign, assignment, func-returns-value]
    bench.training.prepare()
    await bench.until(lambda: bench.fit.unprepared == 0)
    assert told == [bench.fit.engine]


async def test_it_may_be_asked_for_from_another_thread_and_is_done_on_the_loop() -> None:
    bench = Bench()
    home, seen = threading.get_ident(), []
    prepare = bench.fit.prepare

    def spy() -> bool:
        seen.append(threading.get_ident())
        return prepare()

    bench.fit.prepare = spy  # type: ignore[method-assign]
    thread = threading.Thread(target=bench.training.prepare)
    thread.start()
    thread.join()
    await bench.until(lambda: bench.fit.unprepared == 0)
    assert set(seen) == {home}


def test_without_a_loop_nothing_is_prepared() -> None:
    bench = Bench()
    bench.training.prepare()
    assert bench.fit.unprepared == 3
    asyncio.run(bench.training.finish())
    assert bench.fit.step == 100


async def test_after_close_nothing_is_prepared() -> None:
    bench = Bench()
    bench.training.prepare()
    await bench.until(lambda: bench.fit.unprepared == 2)
    bench.training.close()
    bench.training.prepare()
    await _rest()
    assert bench.fit.unprepared == 2


async def test_two_trainings_are_prepared_in_turn_with_one_that_runs() -> None:
    runs, rests = Bench(num_steps=1000), Bench()
    runs.training.start()
    rests.training.prepare()
    await rests.until(lambda: rests.fit.unprepared == 0)
    assert 0 < runs.fit.step < 1000
    runs.training.close()


async def test_another_engine_takes_over_where_the_run_is() -> None:
    bench = Bench()
    bench.training.start()
    await bench.until(lambda: bench.fit.step > 10)
    fit, step = bench.fit, bench.fit.step
    bench.training.use_engine("jax")
    assert (bench.fit, bench.fit.step, bench.training.status) == (fit, step, "running")
    assert bench.training.progress.engine == fit.engine
    assert fit.engine.name == "jax"
    await bench.training.finish()
    assert bench.fit.step == 100


async def test_another_engine_is_prepared_while_training_rests() -> None:
    bench = Bench()
    bench.training.prepare()
    await bench.until(lambda: bench.fit.unprepared == 0)
    bench.training.use_engine("jax")
    await bench.until(lambda: bench.fit.unprepared == 0)
    assert _prepared(bench.fit) == 6


async def test_a_closed_training_takes_no_other_engine() -> None:
    bench = Bench()
    bench.training.close()
    with pytest.raises(ClosedError):
        bench.training.use_engine("plain")
