"""The program that engines run: one step as a pure function of tensors."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from torch import Tensor, fx

from rugged_widget.errors import RuggedWidgetError

State: TypeAlias = tuple[Tensor, ...]


class UnsupportedError(RuggedWidgetError):
    """A step that cannot be captured or run by an engine; the text says why, for the reader of the widget."""


def message_of(error: BaseException) -> str:
    """Return what an exception says, or what it is, in one line: torch puts files and programs around it."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    messages = [line for line in lines if line.startswith("RuntimeError: ")] or lines[:1]
    return messages[-1].removeprefix("RuntimeError: ")[:200] if messages else type(error).__name__


@dataclass(frozen=True, eq=False)
class Program:
    """One step as a pure function: graph(*state, *inputs) -> (loss, *state).

    Attributes
    ----------
    graph
        Functional: operations of aten without mutation and without randomness. What does not change is in its
        buffers; its placeholders are the state, then the inputs.
    state
        Everything that steps change, an example of it: the parameters, flat, then the optimizer's moments.
    inputs
        What every step gets anew, an example of it: rates of the optimizer, then random numbers.
    """

    graph: fx.GraphModule
    state: State
    inputs: tuple[Tensor, ...]


class Engine(Protocol):
    """Runs a program, `max_steps` of it a call at most."""

    name: str
    max_steps: int

    def run(self, state: State, inputs: Sequence[Tensor]) -> tuple[State, Tensor]:
        """Take as many steps as there are rows of inputs; return the state after the last, and the losses, shape (K,).

        State and inputs are as the program's, the inputs with one more dimension in front: a row a step, K >= 1 of
        them. The given state is not changed.
        """
        ...
