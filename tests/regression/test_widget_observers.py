"""Observers that ask for something: the run and what is kept of it are as if they had asked a moment later."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from rugged_widget import ClosedError
from tests.regression.plain_widget import RuggedWidget
from tests.waits import wait_until_async

Act = Callable[[RuggedWidget], object]

ACTS: dict[str, Act] = {
    "resets": RuggedWidget.reset,
    "advances": RuggedWidget.advance,
    "pauses": RuggedWidget.pause,
    "takes another guide": lambda widget: setattr(widget, "guide", "normal"),
    "takes another seed": lambda widget: setattr(widget, "seed", widget.seed + 1),
    "takes another learning rate": lambda widget: setattr(widget, "learning_rate", 0.1),
    "takes more steps": lambda widget: setattr(widget, "num_steps", widget.num_steps + 3),
    "switches the exact answer": lambda widget: setattr(widget, "show_exact", False),
    "speaks another language": lambda widget: setattr(widget, "language", "ko"),
    "saves": RuggedWidget.save_run,
    "recalls": lambda widget: widget.recall(1),
    "closes": RuggedWidget.close,
}


def once(widget: RuggedWidget, trait: str, act: Act, when: Callable[[Any], bool]) -> list[str]:
    """Let an observer of a trait act the first time that the new value is one; return what it did, or its error."""
    acted: list[str] = []

    def observer(change: dict[str, Any]) -> None:
        if when(change["new"]) and not acted:
            acted.append("")
            try:
                act(widget)
            except Exception as error:
                acted[0] = repr(error)

    widget.observe(observer, trait)
    return acted


@pytest.mark.slow  # trains for seconds
@pytest.mark.parametrize("trait", ["step", "status", "snapshot"])
@pytest.mark.parametrize("name", ACTS)
def test_an_observer_of_the_end_acts_on_a_run_that_is_saved(name: str, trait: str) -> None:
    widget = RuggedWidget(num_steps=25)
    at_end: dict[str, Callable[[Any], bool]] = {
        "step": lambda step: step == 25,
        "status": "finished".__eq__,
        "snapshot": lambda moment: moment.step == 25,
    }
    acted = once(widget, trait, ACTS[name], at_end[trait])
    asyncio.run(widget.fit())
    assert acted == [""]
    assert widget.error == ""
    assert widget.status != "failed"
    assert [run.steps for run in widget.saved_runs] == [25]


async def test_an_exhibit_begins_again_whenever_it_has_ended() -> None:
    widget = RuggedWidget(num_steps=4)
    statuses: list[str] = []

    def again(change: dict[str, Any]) -> None:
        statuses.append(change["new"])
        if change["new"] == "finished" and len(widget.saved_runs) < 3:
            widget.reset()
            assert widget.history().empty
            widget.seed += 1
            widget.start()

    widget.observe(again, "status")
    await widget.fit()
    await wait_until_async(lambda: len(widget.saved_runs) == 3)
    assert [(run.seed, run.steps) for run in widget.saved_runs] == [(1, 4), (2, 4), (3, 4)]
    assert statuses == ["running", "finished", "ready"] * 2 + ["running", "finished"]
    assert (widget.status, widget.step, widget.snapshot.step, widget.error) == ("finished", 4, 4, "")


def test_an_exhibit_in_a_plain_script_begins_again_too() -> None:
    widget = RuggedWidget(num_steps=3)

    def again(change: dict[str, Any]) -> None:
        if change["new"] == "finished" and len(widget.saved_runs) < 3:
            widget.reset()
            widget.advance(3)

    widget.observe(again, "status")
    widget.advance(3)
    assert [run.steps for run in widget.saved_runs] == [3, 3, 3]
    assert (widget.status, widget.step, widget.snapshot.step) == ("finished", 3, 3)


@pytest.mark.slow  # trains for seconds
def test_observers_that_ask_for_the_next_step_at_each_are_no_recursion() -> None:
    widget = RuggedWidget(num_steps=200)
    widget.observe(lambda _change: widget.advance(1), "step")
    widget.advance(1)
    assert (widget.status, widget.step, len(widget.history())) == ("finished", 200, 200)


def test_an_observer_may_begin_a_shorter_run() -> None:
    widget = RuggedWidget(num_steps=6)

    def shorter(widget: RuggedWidget) -> None:
        widget.reset()
        widget.num_steps = 2

    acted = once(widget, "step", shorter, lambda step: step == 6)
    widget.advance(6)
    assert acted == [""]
    assert (widget.status, widget.step, widget.num_steps) == ("ready", 0, 2)


async def test_whoever_waits_for_a_run_that_is_closed_as_it_starts_is_told() -> None:
    widget = RuggedWidget(num_steps=6)
    once(widget, "status", RuggedWidget.close, "running".__eq__)
    with pytest.raises(ClosedError):
        await asyncio.wait_for(widget.fit(), 30)


async def test_a_run_that_is_recalled_has_its_settings_when_observers_hear_of_it() -> None:
    widget = RuggedWidget(num_steps=4, seed=3)
    await widget.fit()
    widget.seed, widget.num_steps = 5, 9
    heard: list[tuple[int, int]] = []
    widget.observe(lambda _change: heard.append((widget.seed, widget.num_steps)), "step")
    widget.recall(1)
    assert heard == [(3, 4)]
    widget.close()


async def test_an_observer_that_is_interrupted_pauses_the_run_which_can_go_on() -> None:
    widget = RuggedWidget(num_steps=60)
    interrupted: list[int] = []

    def observer(change: dict[str, Any]) -> None:
        if change["new"] >= 5 and not interrupted:
            interrupted.append(change["new"])
            raise KeyboardInterrupt

    widget.observe(observer, "step")
    widget.start()
    await wait_until_async(lambda: widget.status == "paused")
    assert widget.step == interrupted[0]
    await widget.fit()
    assert (widget.status, widget.step) == ("finished", 60)
