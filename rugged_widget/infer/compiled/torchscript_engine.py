"""Run a program with TorchScript, or node by node in Python where TorchScript cannot."""

import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import fx, nn

from rugged_widget.infer.compiled.program import Program, State, message_of

SCRIPTABLE = sys.version_info < (3, 14)
"""True if torch.jit can be used; beyond, torch itself says that it is not supported."""

PRELOAD = 3
"""Calls until TorchScript has specialized a graph."""


class GraphEngine:
    """Runs a program without Pyro, and, with TorchScript, without Python between the steps of a call."""

    name = "graph"
    max_steps = 64

    def __init__(self, program: Program) -> None:
        self._run: Callable[..., Any] = _by_python(program.graph)
        self.how = "by Python, node by node"
        if SCRIPTABLE:
            self._try_torch_script(program)

    def __repr__(self) -> str:
        return f"GraphEngine({self.how})"

    def _try_torch_script(self, program: Program) -> None:
        inputs = [value[None] for value in program.inputs]
        try:
            run = _scripted(program)
            for _ in range(PRELOAD):
                run(list(program.state), inputs)
        except RuntimeError as error:  # what torch.jit raises for whatever it cannot
            self.how += f", because torch.jit said: {message_of(error)}"
        else:
            self._run, self.how = run, "by TorchScript"

    def run(self, state: State, inputs: Sequence[torch.Tensor]) -> tuple[State, torch.Tensor]:
        """Take as many steps as there are rows of inputs; see `Engine`."""
        with torch.no_grad():
            losses, after = self._run(list(state), list(inputs))
        return tuple(after), losses


def _by_python(graph: fx.GraphModule) -> Callable[..., Any]:
    def run(state: list[torch.Tensor], inputs: list[torch.Tensor]) -> tuple[torch.Tensor, list[torch.Tensor]]:
        losses = []
        for row in zip(*(values.unbind() for values in inputs), strict=True):
            loss, *state = graph(*state, *row)
            losses.append(loss)
        return torch.stack(losses), state

    return run


class _Step(nn.Module):
    """Takes state and inputs as lists, as a loop in TorchScript can hand them on."""

    def __init__(self, graph: fx.GraphModule) -> None:
        super().__init__()
        self.graph = graph

    def forward(self, state: list[torch.Tensor], inputs: list[torch.Tensor]) -> list[torch.Tensor]:
        return list(self.graph(*state, *inputs))


class _Loop(nn.Module):
    """Steps on; as TorchScript, so no Python runs in between and other threads may."""

    def __init__(self, step: nn.Module) -> None:
        super().__init__()
        self.step = step

    def forward(self, state: list[torch.Tensor], inputs: list[torch.Tensor]) -> tuple[torch.Tensor, list[torch.Tensor]]:
        rows = [values.unbind(0) for values in inputs]
        losses: list[torch.Tensor] = []
        for k in range(len(rows[0])):
            out = self.step(state, [row[k] for row in rows])
            losses.append(out[0])
            state = out[1:]
        return torch.stack(losses), state


def _scripted(program: Program) -> Callable[..., Any]:
    with _deprecation_known():
        example = (list(program.state), list(program.inputs))
        step: Any = torch.jit.trace(_Step(program.graph).eval(), example, check_trace=False, strict=False)
        loop: Any = torch.jit.script(_Loop(step).eval())
        frozen: Callable[..., Any] = torch.jit.freeze(loop)
    return frozen


def scripted(graph: fx.GraphModule, example: tuple[torch.Tensor, ...]) -> Callable[..., Any]:
    """Return a functional graph of tensors as TorchScript where that can be, else the graph itself."""
    if not SCRIPTABLE:
        return graph
    try:
        with _deprecation_known():
            traced: Any = torch.jit.trace(graph.eval(), example, check_trace=False)
            frozen: Callable[..., Any] = torch.jit.freeze(traced)
    except RuntimeError:  # what torch.jit raises for whatever it cannot
        return graph
    return frozen


@contextmanager
def _deprecation_known() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=r".*torch\.jit.*deprecated", category=DeprecationWarning)
        yield
