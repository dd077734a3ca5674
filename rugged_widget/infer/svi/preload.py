"""Import in a thread, while the page is drawn, what the first step needs."""

import contextlib
import importlib
import os
import threading
from collections.abc import Callable, Sequence

from rugged_widget.importing import without_collections

MODULES = ("torch._dynamo",)
"""Every optimizer of torch imports it at its first step, and so does the capture of a step, with sympy: in as much time
as torch itself takes."""

LATER = ("arviz_stats.base",)
"""It smooths importance weights, as the verdict on the guide needs when training first rests: half of that time."""

FORK_SECONDS = 20.0
"""Time that a fork waits for imports under way, at most: what forks may hold a lock that they need."""


class Preload:
    """Imports modules in a thread, once; one that cannot be imported is left to whoever needs it.

    Those that are needed `later` come last: nobody waits for them, and they import none of the others.

    A process that forks waits until the thread is done, once it is told of the fork: the other process would have
    modules that are half made and would wait for a thread that it does not have.

    The thread is no daemon, so that the interpreter waits for it when it ends: one that is stopped in the middle of a
    module of C++ takes the process down.
    """

    def __init__(self, modules: Sequence[str], later: Sequence[str] = ()) -> None:
        self._modules, self._later = tuple(modules), tuple(later)
        self._lock = threading.Lock()
        self._told = threading.Event()
        self._thread: threading.Thread | None = None
        self._then: list[Callable[[], None]] = []
        self._done = False

    def __repr__(self) -> str:
        state = "done" if self._done else "not begun" if self._thread is None else "under way"
        return f"Preload({', '.join(self._modules)}: {state})"

    def begin(self, then: Callable[[], None]) -> None:
        """Begin unless it has begun, return at once, and call `then` when it is done: in that thread, or here."""
        with self._lock:
            if not self._done:
                self._then.append(then)
                if self._thread is None:
                    self._thread = threading.Thread(target=self._import, name="rugged_widget warm-up")
                    self._thread.start()
                return
        then()

    def wait(self) -> None:
        """Return when all but what is needed later is imported; it begins here where it was not begun.

        Two threads that import modules which import one another get them half made, so whoever is about to use torch in
        new ways waits here: no longer than its own import would take. It is not imported in this thread, where the user
        may be in one of torch's modes.
        """
        if not self._told.is_set():
            self.begin(lambda: None)
            self._told.wait()

    def before_fork(self) -> None:
        """Return when nothing is being imported; called before the process forks."""
        thread = self._thread
        if thread is not None and thread is not threading.current_thread():  # a module may fork while it is imported
            thread.join(FORK_SECONDS)

    def in_child(self) -> None:
        """Wait for nothing any more; called in a process that was forked from the one with the thread."""
        self._lock = threading.Lock()  # another thread of the parent may have held it
        if self._thread is not None:
            self._told = threading.Event()
            self._told.set()
            self._done, self._then = True, []

    def _import(self) -> None:
        _import_all(self._modules)
        with self._lock:
            self._done, waiting = True, self._then
            self._then = []
        for then in waiting:
            then()
        self._told.set()
        _import_all(self._later)


def _import_all(names: Sequence[str]) -> None:
    with without_collections():
        for name in names:
            with contextlib.suppress(Exception):  # whoever needs it meets the same error where it can be told
                importlib.import_module(name)


PRELOAD = Preload(MODULES, LATER)
if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(before=PRELOAD.before_fork, after_in_child=PRELOAD.in_child)
