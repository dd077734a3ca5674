"""A callback for Lightning's Trainer, without depending on Lightning."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any, Protocol

MODULES = ("lightning.pytorch.callbacks", "pytorch_lightning.callbacks")
"""Where the class of callbacks is, in the two packages that Lightning comes in."""


class Loop(Protocol):
    """What is told of the steps that Lightning takes."""

    def update(self, loss: Any, /, *args: Any, **kwargs: Any) -> bool:
        """Tell of a step; return False where training shall end."""

    def rest(self) -> None:
        """Show the last step whole."""


def callback_for(loop: Loop) -> Any:
    """Return a callback that tells a loop of every training step, and ends training where it is stopped.

    Raises
    ------
    ModuleNotFoundError
        Where no Lightning is imported, so that there can be no Trainer to give it to.
    """
    base: Any = next((sys.modules[name].Callback for name in MODULES if name in sys.modules), None)
    if base is None:
        raise ModuleNotFoundError("import lightning (or pytorch_lightning) first: its Trainer takes the callback")

    class MonitorCallback(base):  # type: ignore[misc]  # of a package that may not be there
        """Tells a monitor of every training step."""

        def on_train_batch_end(self, trainer: Any, _module: Any, outputs: Any, batch: Any, *_: Any) -> None:
            loss = outputs.get("loss") if isinstance(outputs, Mapping) else outputs
            if loss is None:
                return
            args = tuple(batch) if isinstance(batch, (tuple, list)) else (batch,)
            if not loop.update(loss, *args):
                trainer.should_stop = True

        def on_train_end(self, *_: Any) -> None:
            loop.rest()

    return MonitorCallback()
