"""Make random numbers inputs: split a captured graph into one that draws and one that computes."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import fx

from rugged_widget.infer.compiled.capture.nodes import dependents, is_mutable, is_random, op_name, readers, values
from rugged_widget.infer.compiled.capture.recorder import module_of
from rugged_widget.infer.compiled.program import UnsupportedError

aten = torch.ops.aten

_SHAPED_AFTER = (aten.empty_like.default, aten.new_empty.default)
_NORMAL = (aten.normal.Tensor_Tensor, aten.normal.Tensor_float, aten.normal.float_Tensor)
_LIKE = {aten.randn_like.default: aten.normal_.default, aten.rand_like.default: aten.uniform_.default}
_UNFILLED = (aten.empty.memory_format, aten.empty_strided.default)


def hoist(graph: fx.GraphModule, example: Sequence[torch.Tensor]) -> tuple[fx.GraphModule, fx.GraphModule]:
    """Return the graph, changed to have its random numbers as further inputs, and one without inputs that draws them.

    Where the distribution of one of them depends on an input, all are drawn inside the graph, in the order of the step,
    and the other graph draws none.

    Raises
    ------
    UnsupportedError
        If random numbers are drawn in a way that cannot be followed.
    """
    by_node = values(graph, example)
    _standardize(graph, by_node)
    dependent = dependents(graph)
    draws = [node for node in graph.graph.nodes if is_random(node)]
    for node in draws:
        if any(isinstance(by_node.get(source), torch.Generator) for source in node.all_input_nodes):
            raise UnsupportedError(f"random numbers come from a generator of the model's own ({op_name(node)})")
        if node in by_node and not isinstance(by_node[node], torch.Tensor):
            raise UnsupportedError(f"random numbers come together with something else ({op_name(node)})")
    if any(node in dependent for node in draws):
        return graph, _prelude(graph, ())
    prelude = _prelude(graph, draws)
    _take_as_inputs(graph, draws)
    return graph, prelude


def refuse_unused_draws(graph: fx.GraphModule) -> None:
    """Raise UnsupportedError where a simplified graph draws what it does not use: TorchScript would leave that out."""
    for node in graph.graph.nodes:
        if is_random(node) and not node.users:
            raise UnsupportedError(f"the step draws random numbers that its loss does not depend on ({op_name(node)})")


def _is_fresh(node: fx.Node) -> bool:
    """Return whether a draw fills a tensor that was made for it, and that nothing else reads or writes."""
    if not is_mutable(node):
        return True
    target = node.args[0]
    return isinstance(target, fx.Node) and target.target in _UNFILLED and len(target.users) == 1


def _prelude(graph: fx.GraphModule, draws: Sequence[fx.Node]) -> fx.GraphModule:
    sources: set[fx.Node] = set()

    def need(node: fx.Node) -> None:
        if node not in sources:
            sources.add(node)
            for source in node.all_input_nodes:
                need(source)

    for node in draws:
        need(node)
    for node in sources:
        users = list(readers(node))
        is_written = any(is_mutable(user) and not is_random(user) for user in users)
        if is_written and any(user in sources and not (is_random(user) and is_mutable(user)) for user in users):
            raise UnsupportedError(f"random numbers depend on a value that is written in place ({op_name(node)})")
    prelude, copies, outputs = fx.Graph(), dict[fx.Node, fx.Node](), list[fx.Node]()
    for node in graph.graph.nodes:
        if node not in sources:
            continue
        copies[node] = prelude.node_copy(node, copies.__getitem__)
        if node in draws:  # a later draw may overwrite it
            alone = _is_fresh(node) and not any(user in sources for user in node.users)
            outputs.append(copies[node] if alone else prelude.call_function(aten.clone.default, (copies[node],)))
    prelude.output(tuple(outputs))
    return module_of(graph, prelude)


def _take_as_inputs(graph: fx.GraphModule, draws: Sequence[fx.Node]) -> None:
    """Replace draws by further inputs, and drop what nobody uses then.

    The graph is not copied, which would take a third of the time of a capture.
    """
    nodes = graph.graph
    last = nodes.find_nodes(op="placeholder")[-1]
    for i, draw in enumerate(draws):
        with nodes.inserting_after(last):
            last = nodes.placeholder(f"noise_{i}")
        if _is_fresh(draw):
            value = last
        else:  # the draw goes into a tensor that others see
            with nodes.inserting_before(draw):
                value = nodes.call_function(aten.copy_.default, (draw.args[0], last))
        draw.replace_all_uses_with(value)
        nodes.erase_node(draw)
    for node in reversed(nodes.nodes):
        if not node.users and node.op not in {"placeholder", "output"} and not is_mutable(node):
            nodes.erase_node(node)
    graph.recompile()


def _standardize(graph: fx.GraphModule, by_node: Mapping[fx.Node, Any]) -> None:
    """Let draws depend on inputs no more than they have to.

    What is drawn in the shape of a parameter has that shape by itself, and normal numbers of any mean and deviation are
    standard ones, scaled: so torch computes them too, bit for bit.
    """
    for node in list(graph.graph.nodes):
        value: Any = by_node.get(node)
        with graph.graph.inserting_before(node):
            if node.target in _SHAPED_AFTER:
                node.replace_all_uses_with(_empty(graph.graph, value))
            elif node.target in _LIKE:
                node.replace_all_uses_with(graph.graph.call_function(_LIKE[node.target], (_empty(graph.graph, value),)))
            elif node.target in _NORMAL and not node.kwargs:
                node.replace_all_uses_with(_normal(graph.graph, node, value))
            else:
                continue
        graph.graph.erase_node(node)
    graph.recompile()


def _normal(graph: fx.Graph, node: fx.Node, value: torch.Tensor) -> fx.Node:
    mean, deviation = node.args[:2]
    if isinstance(deviation, fx.Node):
        numbers = graph.call_function(aten.normal_.default, (_empty(graph, value),))
        numbers = graph.call_function(aten.mul.Tensor, (numbers, deviation))
    else:  # a number is multiplied while drawing, in double precision
        numbers = graph.call_function(aten.normal_.default, (_empty(graph, value), 0.0, deviation))
    return graph.call_function(aten.add.Tensor, (numbers, mean))


def _empty(graph: fx.Graph, like: torch.Tensor) -> fx.Node:
    """Make an unfilled tensor with the shape and the strides of another: random numbers follow the memory."""
    if like.is_contiguous():
        return graph.call_function(aten.empty.memory_format, (list(like.shape),), {"dtype": like.dtype})
    layout = (list(like.shape), list(like.stride()))
    return graph.call_function(aten.empty_strided.default, layout, {"dtype": like.dtype})
