"""A pass that merges changes of sign into sums and products."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import fx

from rugged_widget.infer.compiled.capture.node_values import alike

if TYPE_CHECKING:
    from collections.abc import Callable

aten = torch.ops.aten


def merge_signs(graph: fx.GraphModule, found: dict[fx.Node, Any]) -> bool:
    """Let a + (-b) be a - b, -(a - b) be b - a, and so on; returns whether anything changed.

    Parameters
    ----------
    graph
        A functional graph.
    found
        The values of its nodes.
    """
    changed = False
    for node in list(graph.graph.nodes):
        rule = _RULES.get(node.target)
        if rule and node.op == "call_function" and node.users and not node.kwargs and _is_real(node, found):
            changed = rule(node, found) or changed
    graph.graph.eliminate_dead_code()
    return changed


def _is_real(node: fx.Node, found: dict[fx.Node, Any]) -> bool:
    """Return whether a node and all that it takes are real numbers: others wrap around, or cannot be subtracted."""
    taken = [found.get(item) for item in (node, *node.all_input_nodes)]
    return all(isinstance(value, torch.Tensor) and value.is_floating_point() for value in taken)


def _negated(value: Any) -> fx.Node | None:  # noqa: ANN401 an argument is anything
    """Return x where the argument is -x."""
    if isinstance(value, fx.Node) and value.target is aten.neg.default and isinstance(value.args[0], fx.Node):
        return value.args[0]
    return None


def _negation(node: fx.Node, found: dict[fx.Node, Any]) -> bool:
    (source,) = node.args
    if (inner := _negated(source)) is not None:
        node.replace_all_uses_with(inner)
        return True
    if not isinstance(source, fx.Node) or source.target is not aten.sub.Tensor or source.kwargs:
        return False
    first, second = source.args
    if isinstance(first, fx.Node) and isinstance(second, fx.Node) and alike(found.get(second), found[node]):
        node.target, node.args = aten.sub.Tensor, (second, first)
        return True
    return False


def _sum(node: fx.Node, found: dict[fx.Node, Any]) -> bool:
    first, second = _negated(node.args[0]), _negated(node.args[1])
    if second is not None:
        return _difference(node, found)
    if first is not None and isinstance(node.args[1], fx.Node):
        node.target, node.args = aten.sub.Tensor, (node.args[1], first)
        return True
    return False


def _difference(node: fx.Node, found: dict[fx.Node, Any]) -> bool:  # noqa: ARG001 the rules are called alike
    second = _negated(node.args[1])
    if second is None:
        return False
    node.target = aten.sub.Tensor if node.target is aten.add.Tensor else aten.add.Tensor
    node.args = (node.args[0], second)
    return True


def _product(node: fx.Node, found: dict[fx.Node, Any]) -> bool:  # noqa: ARG001 as above
    first, second = _negated(node.args[0]), _negated(node.args[1])
    factor = node.args[1]
    if first is not None and isinstance(factor, (int, float)):
        node.args = (first, -factor)
        return True
    if first is not None and second is not None:
        node.args = (first, second)
        return True
    return False


_RULES: dict[Any, Callable[[fx.Node, dict[fx.Node, Any]], bool]] = {
    aten.neg.default: _negation,
    aten.add.Tensor: _sum,
    aten.sub.Tensor: _difference,
    aten.mul.Tensor: _product,
    aten.div.Tensor: _product,
}
