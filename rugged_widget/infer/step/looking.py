"""Looks at a fit from outside its steps, which leave no trace in it."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

import torch

from rugged_widget.infer.step.isolation import Isolation, random_numbers_kept
from rugged_widget.infer.step.ownership import OwnState


class Looking:
    """Enters a fit's world to look at it.

    Parameters
    ----------
    isolation
        The world.
    own
        What the user brought of it; None where he brought nothing.
    """

    def __init__(self, isolation: Isolation, own: OwnState | None) -> None:
        self._isolation, self._own = isolation, own
        self._visited = False

    def __repr__(self) -> str:
        return f"Looking({self._isolation!r})"

    @contextmanager
    def visiting(self) -> Iterator[None]:
        """Enter for several uses of `inspecting`, each of which then costs less."""
        with self._isolation.inside():
            self._visited = True
            try:
                yield
            finally:
                self._visited = False

    @contextmanager
    def inspecting(self) -> Iterator[None]:
        """Enter with gradients off; random numbers used inside are given back.

        What the user brought comes back too: buffers, attributes of modules and the parameters that there are.
        """
        visited, self._visited = self._visited, False  # what is looked at may not ask the fit in its turn
        looking = nullcontext() if self._own is None else self._own.looking()
        inside = nullcontext() if visited else self._isolation.inside()
        try:
            with inside, torch.no_grad(), looking, random_numbers_kept():
                yield
        finally:
            self._visited = visited
