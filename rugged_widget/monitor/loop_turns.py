"""The turns of a loop of one's own: its batches one after another, with pauses, single steps and an early end."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterable, Iterator
from typing import Generic, TypeVar

from rugged_widget.monitor.own_loop import OwnLoop

T = TypeVar("T")

BUSY_SECONDS = 0.002  # how long a loop may run until the kernel gets a turn
TURN_SECONDS = 0.001
WAIT_SECONDS = 0.02  # how often a pause looks whether it is over


class Turns(Generic[T]):
    """Batches for a loop, ``for batch in turns`` or ``async for batch in turns``; the second leaves the kernel free.

    In a ``for`` loop the kernel hears none of the page's buttons, unless its host has a thread for them.

    Parameters
    ----------
    batches
        Gone through once for each loop.
    host
        Asked before each batch.
    """

    def __init__(self, batches: Iterable[T], host: OwnLoop) -> None:
        self._batches, self._host = batches, host

    def __repr__(self) -> str:
        return f"Turns({self._batches!r})"

    def __iter__(self) -> Iterator[T]:
        self._host.begin(yields=False)
        try:
            for batch in self._batches:
                while not self._host.may_go_on():
                    time.sleep(WAIT_SECONDS)
                if self._host.stopped:
                    return
                yield batch
        finally:
            self._host.finish()

    async def __aiter__(self) -> AsyncIterator[T]:
        self._host.begin(yields=True)
        rested = time.monotonic()
        try:
            for batch in self._batches:
                while not self._host.may_go_on():  # noqa: ASYNC110  # buttons are heard in any thread
                    await asyncio.sleep(WAIT_SECONDS)
                if time.monotonic() - rested > BUSY_SECONDS:
                    await asyncio.sleep(TURN_SECONDS)
                    rested = time.monotonic()
                if self._host.stopped:
                    return
                yield batch
        finally:
            self._host.finish()
