"""Run a program with TorchScript, or node by node in Python where TorchScript cannot."""

import sys
import warnings
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Self

import torch
from torch import fx, nn

from rugged_widget.infer.compiled.chunks import MAX_NODES, chunks
from rugged_widget.infer.compiled.pieces import finished
from rugged_widget.infer.compiled.program import Program, State, message_of

SCRIPTABLE = sys.version_info < (3, 14)
"""True if torch.jit can be used; beyond, torch itself says that it is not supported."""


class GraphEngine:
    """Runs a program without Pyro, and, with TorchScript, without Python between the steps of a call.

    `how` says by what.
    """

    name = "graph"
    max_steps = 64

    def __init__(self, run: Callable[..., Any], how: str) -> None:
        self._run, self.how = run, how

    def __repr__(self) -> str:
        return f"GraphEngine({self.how})"

    @classmethod
    def of(cls, program: Program) -> Self:
        """Return the engine of a program."""
        return finished(cls.in_pieces(program))

    @classmethod
    def in_pieces(cls, program: Program) -> Generator[None, None, Self]:
        """Make the engine of a program, a piece of it before each `yield`."""
        how = "by Python, node by node"
        if SCRIPTABLE:
            try:
                run = yield from _scripted(program)
            except RuntimeError as error:  # what torch.jit raises for whatever it cannot
                how += f", because torch.jit said: {message_of(error)}"
            else:
                return cls(run, "by TorchScript")
        return cls(_by_python(program.graph), how)

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


class _First(nn.Module):
    """Takes state and inputs as lists, as a loop in TorchScript can hand them on."""

    def __init__(self, graph: fx.GraphModule) -> None:
        super().__init__()
        self.graph = graph

    def forward(self, state: list[torch.Tensor], inputs: list[torch.Tensor]) -> list[torch.Tensor]:
        return list(self.graph(*state, *inputs))


class _Next(nn.Module):
    """Takes what the part before it returns."""

    def __init__(self, graph: fx.GraphModule) -> None:
        super().__init__()
        self.graph = graph

    def forward(self, values: list[torch.Tensor]) -> list[torch.Tensor]:
        return list(self.graph(*values))


class _Loop(nn.Module):
    """Steps on; as TorchScript, so no Python runs in between and other threads may."""

    def __init__(self, first: nn.Module, others: Sequence[nn.Module]) -> None:
        super().__init__()
        self.first, self.others = first, nn.ModuleList(others)

    def forward(self, state: list[torch.Tensor], inputs: list[torch.Tensor]) -> tuple[torch.Tensor, list[torch.Tensor]]:
        rows = [values.unbind(0) for values in inputs]
        losses: list[torch.Tensor] = []
        for k in range(len(rows[0])):
            out = self.first(state, [row[k] for row in rows])
            for other in self.others:
                out = other(out)
            losses.append(out[0])
            state = out[1:]
        return torch.stack(losses), state


def _scripted(program: Program) -> Generator[None, None, Callable[..., Any]]:
    yield
    parts = chunks(program.graph, MAX_NODES)
    example: tuple[list[torch.Tensor], ...] = (list(program.state), list(program.inputs))
    traced: list[Any] = []
    for i, part in enumerate(parts):
        yield
        with _deprecation_known():
            module = (_Next if i else _First)(part).eval()
            traced.append(torch.jit.trace(module, example, check_trace=False, strict=False))
        if i < len(parts) - 1:
            with torch.no_grad():
                example = (module(*example),)
    yield
    with _deprecation_known():
        loop: Any = torch.jit.script(_Loop(traced[0], traced[1:]).eval())
        frozen: Callable[..., Any] = torch.jit.freeze(loop)
    yield
    with torch.no_grad():
        _begin(frozen, list(program.state), [value[None] for value in program.inputs])
    return frozen


def _begin(run: Callable[..., Any], *example: Any) -> None:
    """Call a function of TorchScript for the first time, when it is optimized, without its profiling runs.

    They look for what can be fused, which nothing is on a CPU, and take several times as long.
    """
    before = torch._C._jit_set_profiling_mode(False)
    try:
        run(*example)
    finally:
        torch._C._jit_set_profiling_mode(before)


def scripted(graph: fx.GraphModule, example: tuple[torch.Tensor, ...]) -> Callable[..., Any]:
    """Return a functional graph of tensors as TorchScript where that can be, else the graph itself."""
    if not SCRIPTABLE:
        return graph
    try:
        with _deprecation_known():
            traced: Any = torch.jit.trace(graph.eval(), example, check_trace=False)
            frozen: Callable[..., Any] = torch.jit.freeze(traced)
            with torch.no_grad():
                _begin(frozen, *example)
    except RuntimeError:  # what torch.jit raises for whatever it cannot
        return graph
    return frozen


@contextmanager
def _deprecation_known() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=r".*torch\.jit.*deprecated", category=DeprecationWarning)
        yield
