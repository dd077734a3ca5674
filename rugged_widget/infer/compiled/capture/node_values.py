"""Evaluate the nodes of a graph for one set of inputs."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import fx

MAX_KEPT = 1 << 12
"""Elements of the largest value that is kept whole though it depends on an input."""


def without_data(value: torch.Tensor) -> torch.Tensor:
    """Return a tensor of the same shape, strides and type that has no data."""
    return torch.empty_strided(value.shape, value.stride(), dtype=value.dtype, device="meta")


def values(graph: fx.GraphModule, example: Sequence[torch.Tensor]) -> dict[fx.Node, Any]:
    """Run a graph and return the value of every node; random numbers are given back.

    Large tensors that depend on an input are returned without their data: of a million rows, all that a step computes
    would not fit into memory at once.
    """
    found: dict[fx.Node, Any] = {}
    dependent: set[fx.Node] = set()
    for node in graph.graph.nodes:
        if node.op == "placeholder" or any(source in dependent for source in node.all_input_nodes):
            dependent.add(node)

    class _Keeping(fx.Interpreter):
        def run_node(self, n: fx.Node) -> Any:
            value = super().run_node(n)
            large = isinstance(value, torch.Tensor) and value.numel() > MAX_KEPT and n in dependent
            found[n] = without_data(value) if large else value
            return value

    with torch.no_grad(), torch.random.fork_rng(devices=[]):
        _Keeping(graph).run(*example)
    return found


def alike(one: Any, other: Any, *, strided: bool = False) -> bool:
    """Return whether two values are tensors of one shape and type, and of the same strides where these count."""
    if not isinstance(one, torch.Tensor) or not isinstance(other, torch.Tensor):
        return False
    same_layout = not strided or one.stride() == other.stride()
    return one.shape == other.shape and one.dtype == other.dtype and same_layout
