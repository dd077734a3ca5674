"""How the run loop keeps pace with a page, and with other trainings."""

from __future__ import annotations

import asyncio
import itertools

import pytest

from rugged_widget.training.pace import TICK_SECONDS
from rugged_widget.training.training import Training
from rugged_widget.validation import Speed
from tests.training.fakes import Bench, FakeClock, FakeDisplay, FakeFit


@pytest.mark.parametrize("speed", [1, 10])
async def test_a_paced_training_does_so_many_steps_between_two_frames(speed: Speed) -> None:
    bench = Bench(speed=speed, presence="here")
    await bench.training.finish()
    gaps = {after - before for before, after in itertools.pairwise(bench.display.frames)}
    assert gaps == {speed}


async def test_a_paced_training_goes_no_faster_for_a_page_that_is_fast() -> None:
    bench = Bench(speed=1, num_steps=40, presence="here")
    began = bench.clock.now
    await bench.training.finish()
    assert bench.clock.now - began >= 39 * TICK_SECONDS


async def test_a_paced_training_waits_for_a_page_that_is_behind() -> None:
    bench = Bench(speed=10, presence="here")
    bench.training.start()
    await bench.until(lambda: bench.fit.step == 10)
    bench.display.willing = False
    for _ in range(200):
        await asyncio.sleep(0)
    assert bench.fit.step <= 20
    bench.display.willing = True
    await bench.training.finish()


async def test_a_hidden_page_does_not_stop_a_paced_training_and_costs_no_snapshots() -> None:
    bench = Bench(speed=10, presence="away")
    bench.display.willing = False
    await bench.training.finish()
    assert bench.fit.snapshots == 1
    assert bench.clock.now - 100.0 >= 9 * 0.05  # and it keeps its pace by the clock


async def test_as_fast_as_possible_never_waits_for_the_page() -> None:
    bench = Bench(speed="max", presence="here")
    bench.display.willing = False
    await bench.training.finish()
    assert bench.display.frames == []


async def test_many_trainings_take_turns() -> None:
    clock, order = FakeClock(), []
    trainings = [
        Training(
            lambda name=name: FakeFit(clock, name, order),  # type: ignore[misc]
            FakeDisplay(),
            num_steps=40,
            speed="max",
            clock=clock,
            sleep=clock.sleep,
        )
        for name in "abc"
    ]
    await asyncio.gather(*[training.finish() for training in trainings])
    assert order == ["a", "b", "c"] * 10


async def test_the_rate_is_measured_over_the_last_seconds() -> None:
    bench = Bench(num_steps=5000)
    bench.training.start()
    await bench.until(lambda: bench.fit.step >= 4000)
    assert bench.training.progress.steps_per_second == pytest.approx(1 / 0.00049, rel=0.02)
    bench.training.close()
