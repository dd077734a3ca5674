"""Verbs of the widget: start, pause, advance, reset and the like."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Self

from rugged_widget.errors import FitError
from rugged_widget.training.training import Training


class Running:
    """Start, pause, step and the like; a base of RuggedWidget. Every call may come from any thread."""

    _training: Training[Any]
    notify: Callable[[str], None]

    def start(self) -> None:
        """Train on to the end; returns at once. Nothing happens where it runs or is finished.

        Raises
        ------
        RuntimeError
            In a plain script, where no event loop runs; use `fit` there.
        ClosedError
            After `close`.
        """
        self._training.start()

    def pause(self) -> None:
        """Stop training after the present slice of a few milliseconds; `start` goes on."""
        self._training.pause()

    def advance(self, num_steps: int = 1) -> None:
        """Train exactly `num_steps` more (fewer only where the end comes first), then pause.

        Raises
        ------
        ValueError, TypeError
            Where `num_steps` is not an integer of at least 1.
        """
        self._training.advance(num_steps)

    def reset(self) -> None:
        """Begin again: ready, at step 0, with the present settings and the same seed."""
        self._training.reset()

    async def fit(self) -> Self:
        """Train to the end and return the widget; pauses meanwhile only delay it, cancelling it pauses.

        In a plain script: ``asyncio.run(widget.fit())``.

        Raises
        ------
        FitError
            Where the loss or a parameter is not finite any more, or the model raises.
        ClosedError
            Where it is closed meanwhile.
        """
        await self._training.finish()
        return self

    def average_iterates(self) -> None:
        """Put the mean of the last parameters in place of the present ones; a run that goes on is paused first.

        At a fixed learning rate parameters move about for ever. Their mean since the optimizer converged (over the last
        half of the run where it has not), on the scale that the optimizer moves them on, has most of that taken out.
        Steps taken afterwards go on from the mean; `snapshot.averaged` says of which iterates it is.

        Raises
        ------
        FitError
            Where there are too few of them as yet; nothing changes then.
        """
        self._training.average_iterates()

    # What the buttons do, on the computing thread

    def _primary(self) -> None:
        status = self._training.status
        if status == "running":
            self._training.pause()
            return
        if status in {"finished", "failed"}:
            self._training.reset()
        self._training.start()

    def _average(self) -> None:
        try:
            self._training.average_iterates()
        except FitError as error:
            self.notify(str(error))
