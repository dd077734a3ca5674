"""Hand calls from any thread to the event loop of the one thread that computes."""

import asyncio
import concurrent.futures
import contextlib
import threading
from collections.abc import Callable
from typing import TypeVar

from rugged_widget.numpy_errors import usual_errors

T = TypeVar("T")
BUSY_SECONDS = 60.0

_main_loop: asyncio.AbstractEventLoop | None = None


def find_loop() -> asyncio.AbstractEventLoop | None:
    """Return the loop of the main thread where it is known and runs, else the one that runs in this thread, if any.

    A kernel runs cells on its main thread, which is where this is first called, and later also in the threads of
    subshells, each with a loop of its own on which nothing may be computed.
    """
    global _main_loop  # noqa: PLW0603  # there is one main thread
    loop: asyncio.AbstractEventLoop | None = None
    with contextlib.suppress(RuntimeError):  # none runs in this thread
        loop = asyncio.get_running_loop()
    if threading.current_thread() is threading.main_thread():
        _main_loop = loop or _main_loop
    return _main_loop if _main_loop is not None and _main_loop.is_running() else loop


class LoopThread:
    """The event loop on which everything happens, and the thread that runs it.

    It is found when this object is made, or else, as in a plain script, when something is asked.
    """

    def __init__(self) -> None:
        self._loop = find_loop()

    def __repr__(self) -> str:
        return f"LoopThread({self._loop!r})"

    @property
    def loop(self) -> asyncio.AbstractEventLoop | None:
        """The loop; None where none runs."""
        if self._loop is None or not self._loop.is_running():
            self._loop = find_loop()
        return self._loop

    def ask(self, request: Callable[[], None]) -> None:
        """Do `request` on the loop's thread: now where this is it, else as soon as the loop gets to it.

        Where no loop runs nothing else can be computing, and `request` is done here and now.
        """
        loop = self.loop
        if loop is None or _runs_here(loop):
            _with_numpy_as_usual(request)
        else:
            loop.call_soon_threadsafe(_with_numpy_as_usual, request)

    def call(self, request: Callable[[], T]) -> T:
        """Return what `request` returns on the loop's thread, waiting for it; what it raises is raised here.

        RuntimeError where that thread is busy for a minute: maybe with waiting for this one.
        """
        future: concurrent.futures.Future[T] = concurrent.futures.Future()

        def answer() -> None:
            try:
                future.set_result(request())
            except BaseException as error:  # it is the caller's
                future.set_exception(error)

        self.ask(answer)
        if not concurrent.futures.wait([future], timeout=BUSY_SECONDS).done:
            raise RuntimeError("the thread of the event loop, where everything is computed, is busy; try again later")
        return future.result()


def _with_numpy_as_usual(request: Callable[[], None]) -> None:
    """Do a request with NumPy's own handling of errors, whatever the user's code beside it wants raised."""
    with usual_errors():
        request()


def _runs_here(loop: asyncio.AbstractEventLoop) -> bool:
    try:
        return asyncio.get_running_loop() is loop
    except RuntimeError:
        return False


class Waiters:
    """Coroutines that wait for the same end."""

    def __init__(self) -> None:
        self._futures: set[asyncio.Future[None]] = set()

    async def wait(self) -> None:
        """Return at the next `release`, or raise the exception that it was given."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._futures.add(future)
        try:
            await future
        finally:
            self._futures.discard(future)

    def release(self, error: Exception | None = None) -> None:
        """Let all who wait go on; with `error`, they raise it."""
        for future in [future for future in self._futures if not future.done()]:
            if error is None:
                future.set_result(None)
            else:
                future.set_exception(error)


find_loop()  # in a kernel, whoever imports this first does so on the main thread
