"""Compile with JAX in a thread while the graph engine trains; JAX takes over when it is ready."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from rugged_widget.infer.compiled.program import Program, UnsupportedError, message_of

if TYPE_CHECKING:  # its modules are for the JAX engine alone, and most runs are without
    from rugged_widget.infer.compiled.jax.engine import JaxEngine


class BackgroundCompile:
    """Prepares the JAX engine of a program: imports and compiles in a thread of its own, the rest where it is polled.

    That thread computes no step and touches neither torch nor Pyro.
    """

    def __init__(self, program: Program) -> None:
        self._program = program
        self._engine: JaxEngine | None = None
        self._error: BaseException | None = None
        self._thread = self._begun(_import_jax)

    def __repr__(self) -> str:
        return f"BackgroundCompile({'working' if self._thread.is_alive() else 'waiting to be polled'})"

    def poll(self) -> JaxEngine | None:
        """Return the engine when it is ready, None before; go on to the next part where one is done.

        UnsupportedError is raised without JAX, or where it has no counterpart of an operation.
        """
        if self._thread.is_alive():
            return None
        if self._error is not None:
            raise UnsupportedError(f"JAX could not be used: {message_of(self._error)}") from self._error
        if self._engine is None:
            from rugged_widget.infer.compiled.jax.engine import JaxEngine

            try:
                engine = self._engine = JaxEngine(self._program)
            except UnsupportedError:
                raise
            except Exception as error:
                raise UnsupportedError(f"JAX could not be used: {message_of(error)}") from error
            self._thread = self._begun(engine.compile)
            return None
        return self._engine

    def wait(self, seconds: float) -> None:
        """Wait until the present part is done, or the time is over."""
        self._thread.join(seconds)

    def _begun(self, work: Callable[[], None]) -> threading.Thread:
        def guarded() -> None:
            try:
                work()
            except Exception as error:  # told where it is polled
                self._error = error

        thread = threading.Thread(target=guarded, name="rugged_widget compiles")
        thread.start()
        return thread


def _import_jax() -> None:
    try:
        import rugged_widget.infer.compiled.jax.xla_loop  # noqa: F401 imports all of JAX, a second or more
    except ImportError as error:
        raise UnsupportedError('it is not installed: pip install "rugged_widget[fast]"') from error
