"""Pause training on a kernel interrupt, also while no cell runs."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType


class Interrupts:
    """Hears SIGINT where it would be ignored, for as long as somebody listens.

    ipykernel ignores the signal between cells and sets a handler of its own while a cell runs, after which it puts
    back what was there. So this is the handler only where otherwise there would be none.
    """

    def __init__(self) -> None:
        self._listeners: list[tuple[asyncio.AbstractEventLoop, Callable[[], None]]] = []

    def __repr__(self) -> str:
        return f"Interrupts({len(self._listeners)} listen)"

    @contextlib.contextmanager
    def pausing(self, loop: asyncio.AbstractEventLoop, pause: Callable[[], None]) -> Iterator[None]:
        """Call `pause` on `loop` when an interrupt comes, until the end of the with statement."""
        listener = (loop, pause)
        self._listeners.append(listener)
        try:
            yield
        finally:
            self._listeners.remove(listener)
            if not self._listeners and _on_main_thread() and signal.getsignal(signal.SIGINT) == self._hear:
                signal.signal(signal.SIGINT, signal.SIG_IGN)

    def listen(self) -> None:
        """Become the handler if there is none; cells come and go, so this is asked again and again."""
        if signal.getsignal(signal.SIGINT) is signal.SIG_IGN and _on_main_thread():
            signal.signal(signal.SIGINT, self._hear)

    def _hear(self, _number: int, _frame: FrameType | None) -> None:
        for loop, pause in self._listeners:
            loop.call_soon_threadsafe(pause)  # not here: this may be in the middle of a step


def _on_main_thread() -> bool:
    return threading.current_thread() is threading.main_thread()


INTERRUPTS = Interrupts()
