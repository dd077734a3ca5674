"""Calls from other threads, from other loops and without any."""

from __future__ import annotations

import asyncio
import gc
import threading
import weakref

import pytest

from tests.training.fakes import Bench


async def test_a_call_from_another_thread_returns_at_once_and_is_done_on_the_loop() -> None:
    bench = Bench()
    home, seen = threading.get_ident(), []
    advance = bench.fit.advance

    def spy(max_steps: int, seconds: float) -> int:
        seen.append(threading.get_ident())
        return advance(max_steps, seconds)

    bench.fit.advance = spy  # type: ignore[method-assign]

    def press() -> None:
        bench.training.advance(2)
        bench.training.start()
        bench.training.pause()
        assert (bench.fit.step, bench.training.status) == (0, "ready")

    thread = threading.Thread(target=press)
    thread.start()
    thread.join()
    assert bench.fit.step == 0
    await bench.until(lambda: bench.training.status == "paused")
    assert bench.fit.step == 2
    assert set(seen) == {home}


async def test_awaiting_the_end_from_another_loop_trains_on_the_first() -> None:
    bench = Bench()
    result: list[str] = []

    def subshell() -> None:
        asyncio.run(bench.training.finish())
        result.append(bench.training.status)

    thread = threading.Thread(target=subshell)
    thread.start()
    await asyncio.to_thread(thread.join, 5)
    assert result == ["finished"]


def test_without_a_loop_start_says_what_to_do_and_run_works() -> None:
    bench = Bench()
    with pytest.raises(RuntimeError, match=r"asyncio\.run\(widget\.fit\(\)\)"):
        bench.training.start()
    asyncio.run(bench.training.finish())
    assert bench.fit.step == 100


def test_it_can_be_run_again_on_a_new_loop() -> None:
    bench = Bench()
    bench.training.advance(40)  # without a loop there is nobody to keep waiting
    assert (bench.fit.step, bench.training.status) == (40, "paused")
    asyncio.run(bench.training.finish())
    bench.training.set_num_steps(150)
    assert bench.training.status == "paused"
    asyncio.run(bench.training.finish())
    assert bench.fit.step == 150


@pytest.mark.slow  # trains or integrates for seconds
async def test_a_training_that_is_closed_and_forgotten_is_freed() -> None:
    bench = Bench()
    bench.training.start()
    await asyncio.sleep(0)
    bench.training.close()
    await asyncio.sleep(0)
    forgotten = weakref.ref(bench.training)
    del bench
    gc.collect()
    assert forgotten() is None
