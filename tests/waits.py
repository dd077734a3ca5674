"""How long tests wait, in one place: long enough that a wait never decides on a slow machine."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

# The limit of every wait. Importing torch can take 12 s of processor time and the first cell of a page a minute; with
# other work on the cores, several times that. A test that passes does not wait this long, whatever the machine.
LIMIT_SECONDS = 300.0
PAUSE_SECONDS = 0.02

Value = TypeVar("Value")


def wait_until(
    condition: Callable[[], Value],
    what: str = "the condition holds",
    *,
    pause: Callable[[], object] = lambda: time.sleep(PAUSE_SECONDS),
) -> Value:
    """Ask again until `condition()` is true, and return its value.

    Raises
    ------
    AssertionError
        With `what` and the last value, after `LIMIT_SECONDS`.
    """
    deadline = time.monotonic() + LIMIT_SECONDS
    while not (value := condition()):
        assert time.monotonic() < deadline, f"waited {LIMIT_SECONDS:.0f} s until {what}; last value: {value!r}"
        pause()
    return value


async def wait_until_async(condition: Callable[[], Value], what: str = "the condition holds") -> Value:
    """Do what `wait_until` does while the event loop goes on."""
    deadline = time.monotonic() + LIMIT_SECONDS
    while not (value := condition()):
        assert time.monotonic() < deadline, f"waited {LIMIT_SECONDS:.0f} s until {what}; last value: {value!r}"
        await asyncio.sleep(0.001)
    return value
