"""Run a program with TorchScript, or node by node in Python where TorchScript cannot."""

import sys
from collections.abc import Callable, Generator, Sequence
from typing import Any, Self

import torch
from torch import fx
from torch.utils._pytree import tree_map

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


_LOOP = """
def loop(state: List[Tensor], inputs: List[Tensor]) -> Tuple[Tensor, List[Tensor]]:
    rows = [values.unbind(0) for values in inputs]
    losses: List[Tensor] = []
    for k in range(len(rows[0])):
        out = part_0(state, [row[k] for row in rows])
{others}
        losses.append(out[0])
        state = out[1:]
    return torch.stack(losses), state
"""
"""Steps on; as TorchScript, so no Python runs in between and other threads may."""


def _first(graph: fx.GraphModule) -> Callable[..., list[torch.Tensor]]:
    """Return a graph that takes state and inputs as lists, as a loop in TorchScript can hand them on."""
    return lambda state, inputs: list(graph(*state, *inputs))


def _next(graph: fx.GraphModule) -> Callable[..., list[torch.Tensor]]:
    """Return a graph that takes what the part before it returns."""
    return lambda values: list(graph(*values))


def _scripted(program: Program) -> Generator[None, None, Callable[..., Any]]:
    yield
    parts: dict[str, Any] = {}
    example: tuple[list[torch.Tensor], ...] = (list(program.state), list(program.inputs))
    for graph in chunks(program.graph, MAX_NODES):
        yield
        part = (_next if parts else _first)(graph.eval())
        parts[f"part_{len(parts)}"] = _traced(part, example)
        with torch.no_grad():
            example = (part(*example),)
    yield
    run = _looped(parts)
    yield
    with torch.no_grad():
        _begin(run, list(program.state), [value[None] for value in program.inputs])
    return run


def _looped(parts: dict[str, Any]) -> Callable[..., Any]:
    """Return a loop over parts that lives as long as they do: what raises in a step is told by the name of its part."""
    unit: Any = torch._C.CompilationUnit()
    own = {name: unit.create_function(name, part.graph) for name, part in parts.items()}
    names = {"torch": torch, "List": list, **own}
    others = "".join(f"        out = {name}(out)\n" for name in list(parts)[1:])
    unit.define(_LOOP.format(others=others), names.get)
    loop: Any = unit.find_function("loop")
    torch._C._jit_pass_inline(loop.graph)
    run: Callable[..., Any] = loop
    return run


def _traced(function: Callable[..., Any], example: tuple[Any, ...]) -> Any:
    """Return a function of tensors as TorchScript that is freed when nothing refers to it.

    `torch.jit.trace` leaves what it makes in torch's own list until the process ends, which is megabytes a graph.
    The example is copied, as an input that is a constant of the function as well would take its place.
    """
    example = tree_map(torch.clone, example)
    graph, _ = torch._C._create_graph_by_tracing(function, example, lambda _: "", False, False)
    return torch._C._create_function_from_graph("part", graph)


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
        run: Callable[..., Any] = _traced(graph.eval(), example)
        with torch.no_grad():
            _begin(run, *example)
    except RuntimeError:  # what torch.jit raises for whatever it cannot
        return graph
    return run
