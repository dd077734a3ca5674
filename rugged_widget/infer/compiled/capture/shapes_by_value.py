"""Refuse graphs in which the numbers of a batch decide shapes: another batch would have other shapes."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import fx

from rugged_widget.infer.compiled.capture.nodes import op_name, values
from rugged_widget.infer.compiled.program import UnsupportedError

aten = torch.ops.aten

_BY_LENGTHS = {aten._pack_padded_sequence.default, aten._pad_packed_sequence.default}
_INDEXING = {aten.index.Tensor, aten._unsafe_index.Tensor}


def refuse_shapes_by_value(graph: fx.GraphModule, example: Sequence[torch.Tensor], first: int) -> None:
    """Raise UnsupportedError where a shape depends on the numbers in an input, from the input `first` on.

    The example has a value for each input.
    """
    if first == len(example):
        return
    by_node = values(graph, example)
    dependent: set[fx.Node] = set(graph.graph.find_nodes(op="placeholder")[first:])
    for node in graph.graph.nodes:
        sources = [source for source in _shaping(node, by_node) if source in dependent]
        if sources:
            raise UnsupportedError(f"the numbers of a batch decide the shape of a tensor ({op_name(node)})")
        if any(source in dependent for source in node.all_input_nodes):
            dependent.add(node)


def _shaping(node: fx.Node, by_node: dict[fx.Node, Any]) -> list[fx.Node]:
    """Return the arguments whose numbers decide the shape of a node's value."""
    if node.op != "call_function":
        return []
    if node.target in _INDEXING:
        places: Any = node.args[1]
        return [place for place in places if place is not None and _is_mask(by_node.get(place))]
    if node.target is aten.masked_select.default and by_node[node].numel() == by_node[node.args[0]].numel():  # type: ignore[index] # a node
        return []  # all of it now, as where Pyro leaves out what enumeration has made impossible, and sums up the rest
    shaped = isinstance(node.target, torch._ops.OpOverload) and torch.Tag.dynamic_output_shape in node.target.tags
    if node.target in _BY_LENGTHS:
        return [node.args[1]]  # type: ignore[list-item] # a node: lengths are a tensor
    return node.all_input_nodes if shaped else []


def _is_mask(value: Any) -> bool:
    return isinstance(value, torch.Tensor) and value.dtype in {torch.bool, torch.uint8}
