"""Small graphs, and whether a pass has left them what they were."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest
import torch
from torch import fx
from torch.fx.experimental.proxy_tensor import make_fx

from rugged_widget.infer.compiled.capture.functionalize import functional
from rugged_widget.infer.compiled.capture.nodes import is_mutable, values
from rugged_widget.infer.compiled.capture.simplify import simplify

Function = Callable[..., Any]
Tensors = Sequence[torch.Tensor]
Pass = Callable[[fx.GraphModule, dict[fx.Node, Any]], bool]


def parametrize(*functions: tuple[str, Function, torch.Tensor]) -> pytest.MarkDecorator:
    """Run a test with functions of one tensor, each by a name and with an example."""
    cases = [pytest.param(function, example, id=name) for name, function, example in functions]
    return pytest.mark.parametrize(("function", "example"), cases)


def copies(example: Tensors) -> list[torch.Tensor]:
    return [value.clone() for value in example]


def traced(function: Function, *example: torch.Tensor) -> fx.GraphModule:
    return make_fx(function)(*copies(example))


def drawing(draw: Callable[[], Tensors]) -> fx.GraphModule:
    """Trace a function of nothing that draws random numbers."""
    graph = traced(lambda _: tuple(draw()), torch.zeros(()))
    graph.graph.erase_node(graph.graph.find_nodes(op="placeholder")[0])
    graph.recompile()
    return graph


def without_writes(function: Function, *example: torch.Tensor) -> fx.GraphModule:
    graph = functional(traced(function, *example), copies(example))
    assert not any(is_mutable(node) for node in graph.graph.nodes)
    return graph


def simplified(function: Function, *example: torch.Tensor) -> fx.GraphModule:
    graph = without_writes(function, *example)
    simplify(graph, copies(example))
    return graph


def after(run: Pass, function: Function, *example: torch.Tensor) -> fx.GraphModule:
    """Run one pass over the graph of a function until nothing changes; it must go on computing the same."""
    graph = without_writes(function, *example)
    found = values(graph, copies(example))
    rounds = 0
    while run(graph, found):
        rounds += 1
        assert rounds < 10, "the pass says again and again that it changed something"
    graph.graph.lint()
    graph.recompile()
    assert_computes(graph, function, *example)
    return graph


def assert_simplifies(graph: fx.GraphModule, function: Function, *example: torch.Tensor) -> None:
    """Run all passes over the graph of a function; it must go on computing the same."""
    __tracebackhide__ = True
    simplify(graph, copies(example))
    assert_computes(graph, function, *example)


def operations(graph: fx.GraphModule) -> list[str]:
    """Names of the operations of a graph, in order."""
    calls = [node for node in graph.graph.nodes if node.op == "call_function"]
    return [str(node.target).removeprefix("aten.").split(".")[0] for node in calls]


def others(example: Tensors, seed: int) -> list[torch.Tensor]:
    """Make other values of the same kind, also whole numbers and zeros, of which more operations are special."""
    generator = torch.Generator().manual_seed(seed)

    def other(value: torch.Tensor) -> torch.Tensor:
        if seed % 2 and value.is_floating_point():
            return torch.empty_like(value).normal_(generator=generator)
        return torch.randint(-2, 3, value.shape, generator=generator).to(value.dtype)

    return [other(value) for value in example]


def assert_computes(graph: Function, function: Function, *example: torch.Tensor, rounds: int = 4) -> None:
    """Hold a graph against the function that it came from, for the example and for other values, each twice."""
    __tracebackhide__ = True
    for seed in range(rounds):
        inputs = others(example, seed) if seed else list(example)
        expected = as_tuple(function(*copies(inputs)))
        for _ in range(2):
            assert_equal(as_tuple(graph(*copies(inputs))), expected)


def as_tuple(values: Any) -> tuple[torch.Tensor, ...]:
    return (values,) if isinstance(values, torch.Tensor) else tuple(values)


def assert_equal(found: Tensors, expected: Tensors) -> None:
    """Compare tensors bit for bit, but for the sign of zero, where they are finite."""
    __tracebackhide__ = True
    assert len(found) == len(expected)
    for one, other in zip(found, expected, strict=True):
        assert one.dtype == other.dtype
        assert one.shape == other.shape
        finite = other.isfinite()
        assert torch.equal(one[finite], other[finite]), f"{one} instead of {other}"
