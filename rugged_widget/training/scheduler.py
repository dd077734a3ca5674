"""Run work on the event loop in small pieces, in turns with cells and other work, until a kernel interrupt."""

import asyncio
import contextlib
import signal
import threading
import weakref
from collections.abc import Awaitable, Callable, Iterator
from types import FrameType

from rugged_widget.numpy_errors import usual_errors
from rugged_widget.training.event_loop import LoopThread

REST_TURNS = 16  # of the loop between two pieces: a cell takes that many from its arrival to its answer

_turns: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Lock] = weakref.WeakKeyDictionary()


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


class Worker:
    """Does a piece of work again and again, until there is none.

    All workers of a loop share a lock: one piece, one rest, then whoever waits longest. A cell waits for one piece
    then, not for one of each widget.

    Parameters
    ----------
    work
        Does a piece and returns the seconds until the next, 0 for after a rest; None where there is no more to do.
    stop
        Called when the kernel is interrupted, or the worker ended.
    """

    def __init__(
        self,
        home: LoopThread,
        work: Callable[[], float | None],
        stop: Callable[[], None],
        *,
        name: str,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._home, self._work, self._stop, self._name, self._sleep = home, work, stop, name, sleep
        self._task: asyncio.Task[None] | None = None

    def __repr__(self) -> str:
        return f"Worker({self._name!r})"

    def begin(self) -> None:
        """Work from now on, unless it does already, on the loop's thread; RuntimeError where no event loop runs."""
        loop = self._home.loop
        if loop is None:
            raise RuntimeError("training needs a running event loop: in a plain script call asyncio.run(widget.fit())")
        if self._task is None or self._task.done() or self._task.get_loop() is not loop:
            turn = _turns.setdefault(loop, asyncio.Lock())
            self._task = loop.create_task(self._take_turns(turn), name=f"rugged_widget {self._name}")

    def end(self) -> None:
        """Work no more."""
        if self._task is not None and not self._task.get_loop().is_closed():
            self._task.cancel()

    async def _take_turns(self, turn: asyncio.Lock) -> None:
        try:
            with INTERRUPTS.pausing(asyncio.get_running_loop(), self._stop):
                while True:
                    INTERRUPTS.listen()
                    async with turn:
                        with usual_errors():
                            wait = self._work()
                        if wait == 0:
                            for _ in range(REST_TURNS):
                                await self._sleep(0)
                    if wait is None:
                        return
                    if wait > 0:
                        await self._sleep(wait)
        except KeyboardInterrupt:  # of the kernel; `work` has seen to it. Raised on, it would end the kernel's loop.
            return
        except asyncio.CancelledError:  # by `end`, or the loop ends
            self._stop()
            raise
