"""A function is recorded as the graph that torch's own tracer makes of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, fx
from torch.fx.experimental.proxy_tensor import make_fx

from rugged_widget.infer.compiled.capture.nodes import drop_unused
from rugged_widget.infer.compiled.capture.recorder import LOOKED_AT, record
from rugged_widget.infer.compiled.program import UnsupportedError

X, WEIGHTS = torch.linspace(-1.0, 1.0, 6).reshape(2, 3), torch.arange(3.0)


def written(x: Tensor) -> Tensor:
    result = x.clone()
    result[0].mul_(2.0)
    result.add_(1.0)
    return result.sum(0)


def differentiated(x: Tensor) -> Tensor:
    leaf = x.detach().requires_grad_()
    with torch.enable_grad():
        (grad,) = torch.autograd.grad((leaf.tanh() @ WEIGHTS).exp().sum(), leaf)
    return grad


def mapped(x: Tensor) -> Any:
    return torch.vmap(lambda row: (row * WEIGHTS).cumsum(0))(x)


def without_autograd(x: Tensor) -> Tensor:
    with torch.inference_mode():
        return torch.nn.functional.linear(x, x) + x.matmul(x.T)


FUNCTIONS: list[Callable[[Tensor], Any]] = [
    lambda x: (x + 1, 2.0 - x),
    lambda x: x.max(1)[0] + x.chunk(3, 1)[1].sum(),
    lambda x: torch.cat([x, torch.tensor([[1.0, 2.0, 3.0]])]).logsumexp(0),
    lambda x: torch.randn(3) + x + torch.rand_like(x),
    lambda x: x[:, [0, 2]].T.contiguous(),
    written,
    differentiated,
    mapped,
    without_autograd,
]


def operations(graph: fx.GraphModule) -> list[str]:
    drop_unused(graph.graph)
    return [str(node.target) for node in graph.graph.nodes if node.op == "call_function"]


@pytest.mark.parametrize("function", FUNCTIONS)
def test_it_is_the_graph_of_make_fx(function: Callable[[Tensor], Any]) -> None:
    graph, reference = record(function, [X]), make_fx(function)(X)
    assert operations(graph) == operations(reference)
    for value in (X, X + 0.5):
        torch.manual_seed(0)
        results = graph(value)
        torch.manual_seed(0)
        torch.testing.assert_close(results, reference(value), rtol=0, atol=0)


@pytest.mark.parametrize(
    "function",
    [
        lambda x: x * float(x.sum().item()),
        lambda x: x if (x > 0).any() else -x,
        lambda x: x if torch.equal(x, X) else -x,
        lambda x: x * torch.randn(()).item(),
        lambda x: x * torch.zeros(3).index_copy_(0, torch.tensor([1]), x[0, :1])[1].item(),
    ],
    ids=["item", "bool", "equal", "random", "written"],
)
def test_a_value_that_would_be_held_still_is_refused(function: Callable[[Tensor], Any]) -> None:
    with pytest.raises(UnsupportedError, match=LOOKED_AT):
        record(function, [X])


def test_a_learned_tensor_is_refused_and_a_constant_is_not() -> None:
    graph = record(lambda x: x * WEIGHTS.sum().item(), [X])
    assert torch.equal(graph(X), X * 3.0)
    with pytest.raises(UnsupportedError, match=LOOKED_AT):
        record(lambda x: x * WEIGHTS.sum().item(), [X], [WEIGHTS])


def test_a_generator_and_a_constant_are_attributes_of_the_graph() -> None:
    generator = torch.Generator().manual_seed(1)
    graph = record(lambda x: x + WEIGHTS + torch.rand(3, generator=generator) + WEIGHTS, [X])
    held = [getattr(graph, str(node.target)) for node in graph.graph.find_nodes(op="get_attr")]
    assert len(held) == 2
    assert held[0] is WEIGHTS
    assert isinstance(held[1], torch.Generator)


def test_what_nobody_uses_is_dropped_but_for_writes() -> None:
    def compute(x: Tensor) -> Tensor:
        x.exp().sum()
        result = torch.zeros(2, 3)
        result.copy_(x)
        return x + 1

    graph = record(compute, [X])
    assert operations(graph) == ["aten.zeros.default", "aten.copy_.default", "aten.add.Tensor"]
