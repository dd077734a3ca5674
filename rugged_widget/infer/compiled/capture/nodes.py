"""Nodes of a captured graph: in-place writes, views, random draws, and values for one set of inputs."""

from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any

import torch
from torch import fx

MAX_KEPT = 1 << 12
"""Elements of the largest value that is kept whole though it depends on an input."""


def is_random(node: fx.Node) -> bool:
    """Return whether a node draws random numbers."""
    return isinstance(node.target, torch._ops.OpOverload) and torch.Tag.nondeterministic_seeded in node.target.tags


def is_mutable(node: fx.Node) -> bool:
    """Return whether a node writes into one of its arguments."""
    return isinstance(node.target, torch._ops.OpOverload) and node.target._schema.is_mutable


def is_view(node: fx.Node) -> bool:
    """Return whether a node's value may share memory with another; what is not known is taken to."""
    if node.op == "output":
        return False
    if not isinstance(node.target, torch._ops.OpOverload):
        return True
    if is_mutable(node):
        return False
    return any(value.alias_info is not None for value in node.target._schema.returns)


def op_name(node: fx.Node) -> str:
    """Name the operation of a node as it is called in Python."""
    return str(node.target).removeprefix("aten.").rsplit(".", 1)[0]


def readers(node: fx.Node) -> Iterator[fx.Node]:
    """Yield who uses a node or a view of it, to read or to write."""
    for user in node.users:
        yield user
        if is_view(user):
            yield from readers(user)


def dependents(graph: fx.GraphModule) -> set[fx.Node]:
    """Return the inputs of a graph, and what is computed from them."""
    nodes: set[fx.Node] = set()
    for node in graph.graph.nodes:
        if node.op == "placeholder" or any(source in nodes for source in node.all_input_nodes):
            nodes.add(node)
    return nodes


def drop_unused(graph: fx.Graph) -> None:
    """Drop what nobody uses, as `eliminate_dead_code` of torch's does in many times the time."""
    for node in reversed(graph.nodes):
        if not node.users and (node.op == "get_attr" or (node.op == "call_function" and _is_pure(node.target))):
            graph.erase_node(node)


@cache
def _is_pure(target: Any) -> bool:
    node = fx.Graph().call_function(target)
    return not node.is_impure()


def without_data(value: torch.Tensor) -> torch.Tensor:
    """Return a tensor of the same shape, strides and type that has no data."""
    return torch.empty_strided(value.shape, value.stride(), dtype=value.dtype, device="meta")


def values(graph: fx.GraphModule, example: Sequence[torch.Tensor]) -> dict[fx.Node, Any]:
    """Run a graph and return the value of every node; random numbers are given back.

    Large tensors that depend on an input are returned without their data: of a million rows, all that a step computes
    would not fit into memory at once.
    """
    by_node: dict[fx.Node, Any] = {}
    dependent = dependents(graph)

    class _Keeping(fx.Interpreter):
        def run_node(self, n: fx.Node) -> Any:
            value = super().run_node(n)
            large = isinstance(value, torch.Tensor) and value.numel() > MAX_KEPT and n in dependent
            by_node[n] = without_data(value) if large else value
            return value

    with torch.no_grad(), torch.random.fork_rng(devices=[]):
        _Keeping(graph).run(*example)
    return by_node


def alike(one: Any, other: Any, *, strided: bool = False) -> bool:
    """Return whether two values are tensors of one shape and type, and of the same strides where these count."""
    if not isinstance(one, torch.Tensor) or not isinstance(other, torch.Tensor):
        return False
    same_layout = not strided or one.stride() == other.stride()
    return one.shape == other.shape and one.dtype == other.dtype and same_layout
