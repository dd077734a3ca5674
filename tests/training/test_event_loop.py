"""From any thread to the one that computes."""

from __future__ import annotations

import asyncio
import threading

import pytest

from rugged_widget.training import event_loop as handover
from rugged_widget.training.event_loop import LoopThread


async def test_a_call_from_another_thread_waits_for_its_answer() -> None:
    home = LoopThread()
    here = threading.get_ident()
    assert await asyncio.to_thread(home.call, threading.get_ident) == here


async def test_what_a_call_raises_is_raised_where_it_was_called() -> None:
    home = LoopThread()

    def fails() -> None:
        raise ZeroDivisionError("there")

    with pytest.raises(ZeroDivisionError, match="there"):
        await asyncio.to_thread(home.call, fails)


async def test_a_call_while_the_loop_waits_for_the_caller_ends_with_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handover, "BUSY_SECONDS", 0.1)
    home, said = LoopThread(), []

    def call() -> None:
        try:
            home.call(lambda: None)
        except RuntimeError as error:
            said.append(str(error))

    thread = threading.Thread(target=call)
    thread.start()
    thread.join()  # as a cell does that waits for a thread in which a widget is made
    assert said == ["the thread of the event loop, where everything is computed, is busy; try again later"]


def test_without_a_loop_everything_is_done_here_and_now() -> None:
    done: list[int] = []
    LoopThread().ask(lambda: done.append(threading.get_ident()))
    assert done == [threading.get_ident()]


async def test_a_thread_with_a_loop_of_its_own_still_asks_the_main_one() -> None:
    main = asyncio.get_running_loop()
    handover.find_loop()

    async def subshell() -> object:
        return LoopThread().loop

    assert await asyncio.to_thread(lambda: asyncio.run(subshell())) is main
