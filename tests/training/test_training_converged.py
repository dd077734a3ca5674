"""A run that ends where the optimizer has converged, averages its iterates, or goes on with a fit from before."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from rugged_widget.errors import FitError
from tests.training.fakes import Bench, FakeFit


def kept(bench: Bench, *, step: int, converges_at: float = float("inf")) -> FakeFit:
    fit = FakeFit(bench.clock, name="kept")
    fit.step, fit.converges_at = step, converges_at
    return fit


async def idle() -> None:
    for _ in range(50):
        await asyncio.sleep(0)


@pytest.mark.parametrize("speed", [1, 10, "max"])
async def test_it_ends_at_the_step_at_which_it_has_converged(speed: Any) -> None:
    bench = Bench(speed=speed, stop_when_converged=True, converges_at=43)
    await bench.training.finish()
    progress = bench.training.progress
    assert (progress.status, progress.step, progress.converged_at) == ("finished", 43, 43)
    assert bench.display.finals[-1][0] == 43
    bench.training.start()
    await idle()
    assert bench.training.progress.step == 43


async def test_without_the_setting_it_trains_to_the_end_and_says_nothing_of_converging() -> None:
    bench = Bench(converges_at=43)
    await bench.training.finish()
    assert (bench.training.progress.step, bench.training.progress.converged_at) == (100, None)


async def test_more_steps_at_once_end_there_too() -> None:
    bench = Bench(stop_when_converged=True, converges_at=43)
    bench.training.advance(60)
    await bench.until(lambda: bench.training.status != "running")
    assert (bench.training.status, bench.fit.step) == ("finished", 43)


async def test_turned_off_such_a_run_can_go_on_and_turned_on_again_it_is_finished() -> None:
    bench = Bench(stop_when_converged=True, converges_at=43)
    await bench.training.finish()
    bench.training.set_stop_when_converged(on=False)
    assert (bench.training.status, bench.training.progress.converged_at) == ("paused", None)
    bench.training.advance(7)
    await bench.until(lambda: bench.training.status != "running")
    assert (bench.training.status, bench.fit.step) == ("paused", 50)
    bench.training.set_stop_when_converged(on=True)
    assert (bench.training.status, bench.training.progress.converged_at) == ("finished", 50)


async def test_turned_on_while_it_runs_it_ends_there() -> None:
    bench = Bench(num_steps=10_000, converges_at=700)
    bench.training.start()
    await bench.until(lambda: bench.fit.step > 100)
    bench.training.set_stop_when_converged(on=True)
    await bench.training.finish()
    assert (bench.training.status, bench.fit.step) == ("finished", 700)


async def test_a_reset_fit_stops_where_it_converges_as_the_one_before() -> None:
    bench = Bench(stop_when_converged=True, converges_at=43)
    await bench.training.finish()
    bench.training.reset()
    assert bench.training.status == "ready"
    await bench.training.finish()
    assert bench.fit.step == 43


async def test_moving_the_end_leaves_a_run_finished_that_has_converged() -> None:
    bench = Bench(stop_when_converged=True, converges_at=43)
    await bench.training.finish()
    bench.training.set_num_steps(500)
    assert bench.training.status == "finished"


@pytest.mark.parametrize("value", [1, None, "yes"])
def test_a_setting_that_is_not_true_or_false_is_refused(value: Any) -> None:
    with pytest.raises(TypeError, match="stop_when_converged must be True or False"):
        Bench(stop_when_converged=value)
    with pytest.raises(TypeError, match="stop_when_converged must be True or False"):
        Bench().training.set_stop_when_converged(value)


async def test_averaging_pauses_what_runs_and_shows_it() -> None:
    bench = Bench(num_steps=1000)
    bench.training.start()
    await bench.until(lambda: bench.fit.step > 30)
    shown, rests = len(bench.display.finals), bench.display.rests
    bench.training.average_iterates()
    assert (bench.training.status, bench.fit.averaged) == ("paused", 1)
    assert (len(bench.display.finals), bench.display.rests) == (shown + 1, rests + 1)
    await bench.training.finish()
    assert bench.fit.step == 1000


async def test_averaging_a_finished_run_leaves_it_finished() -> None:
    bench = Bench()
    await bench.training.finish()
    bench.training.average_iterates()
    assert (bench.training.status, bench.fit.averaged) == ("finished", 1)


async def test_where_there_is_too_little_to_average_it_is_said_and_training_runs_on() -> None:
    bench = Bench(num_steps=1000)
    bench.training.start()
    await bench.until(lambda: bench.fit.step > 0)
    with pytest.raises(FitError, match="too few"):
        bench.training.average_iterates()
    assert bench.training.status == "running"
    await bench.training.finish()
    assert bench.fit.step == 1000


@pytest.mark.parametrize(("step", "status"), [(0, "ready"), (30, "paused"), (80, "finished")])
async def test_a_fit_from_before_takes_the_place_of_the_present_one(step: int, status: str) -> None:
    bench = Bench(num_steps=1000)
    bench.training.start()
    await bench.until(lambda: bench.fit.step > 30)
    left, before = bench.fit, kept(bench, step=step)
    bench.training.adopt(before, 80)
    left_at = left.step
    assert bench.training.fit is before
    assert (bench.training.status, bench.training.progress.num_steps) == (status, 80)
    assert bench.display.finals[-1][0] == step
    await bench.training.finish()
    assert (before.step, left.step) == (80, left_at)


async def test_a_fit_from_before_that_has_converged_is_finished_where_that_ends_a_run() -> None:
    bench = Bench(stop_when_converged=True)
    bench.training.adopt(kept(bench, step=50, converges_at=40), 80)
    assert (bench.training.status, bench.training.progress.converged_at) == ("finished", 50)
    bench.training.set_stop_when_converged(on=False)
    assert bench.training.status == "paused"


async def test_a_reset_after_it_begins_with_a_fresh_fit() -> None:
    bench = Bench()
    before = kept(bench, step=30)
    bench.training.adopt(before, 80)
    bench.training.reset()
    assert bench.fit is not before
    assert (bench.training.status, bench.fit.step) == ("ready", 0)


def test_fewer_steps_than_such_a_fit_has_done_are_refused() -> None:
    bench = Bench()
    with pytest.raises(ValueError, match="num_steps must be at least the 30 steps that are done, got 20"):
        bench.training.adopt(kept(bench, step=30), 20)
