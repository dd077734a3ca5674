"""What runs a loop of one's own: a thread, and a task where there is one."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import dataclass
from typing import Any, Self


@dataclass(frozen=True, eq=False)
class Runner:
    """A thread and the asyncio task in it that runs; None where none does."""

    thread: threading.Thread
    task: asyncio.Task[Any] | None

    @classmethod
    def present(cls) -> Self:
        """Return what runs now."""
        try:
            task = asyncio.current_task()
        except RuntimeError:  # no event loop runs in this thread
            task = None
        return cls(threading.current_thread(), task)

    def goes_on(self) -> bool:
        """Return whether this runs beside what calls, so that it goes on when that ends."""
        present = type(self).present()
        if present.thread is not self.thread:
            return self.thread.is_alive()
        return self.task is not None and self.task is not present.task and not self.task.done()
