"""The run loop with a fake fit, a fake page and a fake clock: nothing here depends on how fast the machine is."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rugged_widget.errors import ClosedError, FitError
from rugged_widget.training.loop import SLICE_SECONDS
from tests.training.fakes import Bench, FakeFit


async def test_nothing_trains_until_it_is_asked_to() -> None:
    bench = Bench()
    for _ in range(50):
        await asyncio.sleep(0)
    assert (bench.training.status, bench.fit.step) == ("ready", 0)


async def test_it_trains_to_the_end_and_rests_with_the_last_snapshot() -> None:
    bench = Bench()
    await bench.training.finish()
    snapshot, progress = bench.display.finals[-1]
    assert (snapshot, progress.status, progress.step) == (100, "finished", 100)
    assert bench.display.statuses == ["running", "finished"]


async def test_without_a_page_no_snapshot_is_computed_before_the_end() -> None:
    bench = Bench(num_steps=500, speed=10)
    await bench.training.finish()
    assert bench.fit.snapshots == 1


async def test_a_slice_never_exceeds_its_time() -> None:
    bench = Bench(presence="here")
    await bench.training.finish()
    assert bench.fit.longest_slice <= SLICE_SECONDS + 1e-9


async def test_pause_stops_within_the_present_slice_and_start_goes_on() -> None:
    bench = Bench()
    bench.training.start()
    await bench.until(lambda: bench.fit.step >= 8)
    bench.training.pause()
    paused_at = bench.fit.step
    for _ in range(50):
        await asyncio.sleep(0)
    assert (bench.fit.step, bench.training.status) == (paused_at, "paused")
    assert bench.display.finals[-1][0] == paused_at
    await bench.training.finish()
    assert (bench.fit.step, bench.training.status) == (100, "finished")


async def test_pause_and_start_in_one_breath_leave_one_loop_running() -> None:
    bench = Bench(num_steps=10_000, presence="here", speed=1)
    bench.training.start()
    await bench.until(lambda: bench.fit.step >= 3)
    for _ in range(5):
        bench.training.pause()
        bench.training.start()
    tasks = [task for task in asyncio.all_tasks() if task.get_name() == "rugged_widget training"]
    bench.training.close()
    assert len(tasks) == 1


@pytest.mark.parametrize("count", [1, 3, 4, 5, 57])
async def test_advance_trains_exactly_so_many_steps_then_pauses(count: int) -> None:
    bench = Bench()
    bench.training.advance(count)
    await bench.until(lambda: bench.training.status == "paused")
    assert (bench.fit.step, bench.display.finals[-1][0]) == (count, count)


async def test_a_single_step_does_not_flash_through_running() -> None:
    bench = Bench()
    bench.training.advance()
    assert (bench.fit.step, bench.display.statuses) == (1, ["paused"])


async def test_advance_stops_at_the_end_and_then_does_nothing() -> None:
    bench = Bench(num_steps=5)
    bench.training.advance(50)
    await bench.until(lambda: bench.training.status == "finished")
    bench.training.advance(1)
    bench.training.start()
    assert bench.fit.step == 5


@pytest.mark.parametrize("count", [0, -1, 1.5, "1", True, None])
async def test_a_wrong_count_is_refused_at_once(count: object) -> None:
    with pytest.raises((ValueError, TypeError), match=r"num_steps must be .*at least 1, got"):
        Bench().training.advance(count)  # type: ignore[arg-type]


async def test_reset_gives_a_fresh_fit_that_is_ready() -> None:
    bench = Bench()
    bench.training.advance(7)
    await bench.until(lambda: bench.training.status == "paused")
    old = bench.fit
    bench.training.reset()
    assert bench.fit is not old
    assert (bench.training.status, bench.display.finals[-1][0]) == ("ready", 0)


async def test_reset_with_settings_that_raise_loses_nothing() -> None:
    bench = Bench()
    bench.training.advance(3)

    def impossible() -> FakeFit:
        raise ValueError("no such guide")

    with pytest.raises(ValueError, match="no such guide"):
        bench.training.reset(impossible)
    assert (bench.fit.step, bench.training.status) == (3, "paused")


async def test_a_running_training_can_be_told_to_run_on_after_a_reset() -> None:
    bench = Bench()
    bench.training.start()
    await bench.until(lambda: bench.fit.step > 10)
    bench.training.reset(keep_running=True)
    assert (bench.training.status, bench.fit.step) == ("running", 0)
    await bench.training.finish()
    assert bench.fit.step == 100


async def test_a_failure_is_shown_and_a_new_learning_rate_carries_on() -> None:
    bench = Bench()
    bench.fit.fails_at = 31
    with pytest.raises(FitError, match="not finite at step 31"):
        await bench.training.finish()
    snapshot, progress = bench.display.finals[-1]
    assert (progress.status, progress.step, snapshot) == ("failed", bench.fit.step, bench.fit.step)
    assert progress.error == "the loss is not finite at step 31"
    bench.training.set_learning_rate(0.01)
    assert (bench.training.status, bench.training.progress.error) == ("paused", "")
    await bench.training.finish()
    assert bench.fit.step == 100


async def test_whatever_else_changes_how_steps_are_taken_carries_on_after_a_failure_too() -> None:
    bench = Bench()
    bench.fit.fails_at = 31
    with pytest.raises(FitError):
        await bench.training.finish()
    changed: list[object] = []
    bench.training.change_fit(changed.append)
    assert (changed, bench.training.status) == ([bench.fit], "paused")


async def test_reset_carries_on_after_a_failure() -> None:
    bench = Bench()
    bench.fit.fails_at = 5
    bench.training.advance(50)
    await bench.until(lambda: bench.training.status == "failed")
    bench.training.reset()
    await bench.training.finish()
    assert bench.training.status == "finished"


async def test_where_not_even_a_snapshot_can_be_had_the_last_one_stays_and_the_failure_is_told() -> None:
    bench = Bench()
    bench.training.advance(3)

    def broken() -> int:
        raise ArithmeticError("no quantiles")

    bench.fit.snapshot = broken  # type: ignore[method-assign]
    bench.fit.fails_at = 5
    bench.training.advance(50)
    await bench.until(lambda: bench.training.status == "failed")
    assert bench.display.finals[-1][0] == 3
    assert bench.display.statuses[-1] == "failed"


async def test_an_interrupt_of_the_kernel_pauses_and_does_not_end_the_loop() -> None:
    bench = Bench()
    bench.fit.interrupted_at = 20
    bench.training.start()
    await bench.until(lambda: bench.training.status == "paused")
    bench.fit.interrupted_at = 10**9
    await bench.training.finish()
    assert bench.fit.step == 100


async def test_an_interrupt_during_an_awaited_run_pauses() -> None:
    bench = Bench(num_steps=10_000)
    task = asyncio.ensure_future(bench.training.finish())
    await bench.until(lambda: bench.fit.step > 10)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert bench.training.status == "paused"


async def test_close_ends_everything_and_can_be_repeated() -> None:
    bench = Bench(num_steps=10_000)
    waiting = asyncio.ensure_future(bench.training.finish())
    await bench.until(lambda: bench.fit.step > 10)
    bench.training.close()
    bench.training.close()
    with pytest.raises(ClosedError, match="closed before its end"):
        await waiting
    step = bench.fit.step
    for _ in range(50):
        await asyncio.sleep(0)
    assert bench.fit.step == step
    with pytest.raises(ClosedError, match="make a new widget"):
        bench.training.start()


async def test_the_goal_can_be_moved_but_not_behind_what_is_done() -> None:
    bench = Bench()
    bench.training.advance(30)
    await bench.until(lambda: bench.training.status == "paused")
    with pytest.raises(ValueError, match="at least the 30 steps that are done, got 29"):
        bench.training.set_num_steps(29)
    bench.training.set_num_steps(30)
    assert bench.training.status == "finished"


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.sampled_from(["start", "pause", "reset", "advance 1", "advance 13", "wait", "speed 1", "speed max", "lr"]),
        max_size=25,
    )
)
def test_whatever_is_pressed_in_whatever_order_the_run_can_still_be_finished(presses: list[str]) -> None:
    async def press_all() -> None:
        bench = Bench(presence="here", speed=10)
        training = bench.training
        actions: dict[str, Callable[[], object]] = {
            "start": training.start,
            "pause": training.pause,
            "reset": training.reset,
            "advance 1": training.advance,
            "advance 13": lambda: training.advance(13),
            "wait": lambda: None,
            "speed 1": lambda: training.set_speed(1),
            "speed max": lambda: training.set_speed("max"),
            "lr": lambda: training.set_learning_rate(0.02),
        }
        for press in presses:
            actions[press]()
            for _ in range(7 if press == "wait" else 0):
                await asyncio.sleep(0)
            status, step = training.status, training.progress.step
            assert (status == "finished") == (step == 100)
            assert status != "ready" or step == 0
            assert status != "paused" or 0 < step < 100
        await training.finish()
        assert (training.status, bench.fit.step) == ("finished", 100)

    asyncio.run(press_all())
