"""Rewrite a captured graph without in-place writes, so that it can be simplified safely."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import fx
from torch.func import functionalize

from rugged_widget.infer.compiled.capture.nodes import is_mutable, is_view, values, without_data
from rugged_widget.infer.compiled.capture.recorder import module_of, record
from rugged_widget.infer.compiled.program import UnsupportedError, message_of

aten = torch.ops.aten


def functional(graph: fx.GraphModule, example: Sequence[torch.Tensor]) -> fx.GraphModule:
    """Return a graph that computes the same without writing into anything; its constants are buffers.

    The graph may write into its own intermediate values, also through views. Where it writes into a constant,
    UnsupportedError is raised: the next step would have to see it.
    """
    _expansions_as_views(graph, example)
    out_of_place(graph, example)
    if targets := [node.args[0] for node in graph.graph.nodes if is_mutable(node)]:
        by_node = values(graph, example)
        if any(_overlaps(by_node.get(node)) for node in targets):
            raise UnsupportedError("the step writes in place into memory that overlaps itself")
        graph = _functionalized(graph, example)
    for view in (aten.view.default, aten._unsafe_view.default):
        for node in graph.graph.find_nodes(op="call_function", target=view):
            node.target = aten.reshape.default  # a simplified source need not have the strides that a view asks for
    graph.recompile()
    return graph


def _expansions_as_views(graph: fx.GraphModule, example: Sequence[torch.Tensor]) -> None:
    """Let expansions that repeat nothing be views: functionalize would add differences to undo a write."""
    expansions = graph.graph.find_nodes(op="call_function", target=aten.expand.default)
    if not expansions or not any(is_mutable(node) for node in graph.graph.nodes):
        return
    by_node = values(graph, example)
    for node in expansions:
        if not _overlaps(by_node[node]):
            node.target, node.args, node.kwargs = aten.view.default, (node.args[0], list(by_node[node].shape)), {}
    graph.recompile()


def _overlaps(value: Any) -> bool:
    """Return whether elements of a tensor share memory, as those of an expanded one do: functionalize would not."""
    if not isinstance(value, torch.Tensor):
        return False
    return any(stride == 0 and size > 1 for stride, size in zip(value.stride(), value.shape, strict=True))


def out_of_place(graph: fx.GraphModule, example: Sequence[torch.Tensor]) -> None:
    """Replace writes into values that nothing else can see by new values: `a.add_(b)` by `a + b`.

    That is so where the value is an input or the fresh result of an operation, and no view of it is taken, before or
    after; and where the new value is of the type of the one that was written into.
    """
    if not any(is_mutable(node) for node in graph.graph.nodes):
        return
    by_node = values(graph, example)
    order = {node: i for i, node in enumerate(graph.graph.nodes)}
    for node in list(graph.graph.nodes):
        if not is_mutable(node) or not node.args or not isinstance(node.args[0], fx.Node):
            continue
        target, twin = node.args[0], _twin(node)
        if twin is None or not _is_fresh(target) or any(is_view(user) for user in (*target.users, *node.users)):
            continue
        if not _same_type(twin, node, by_node):
            continue
        node.target = twin
        later = [user for user in target.users if order[user] > order[node]]
        for user in later:
            user.replace_input_with(target, node)
    graph.graph.lint()
    graph.recompile()


def _twin(node: fx.Node) -> Any:
    """Return the operation that computes what this one writes, where there is one with the same arguments."""
    target: Any = node.target
    first, *others = target._schema.arguments
    writes_first_only = first.alias_info is not None and not any(other.alias_info for other in others)
    if not writes_first_only or not target._schema.name.endswith("_"):
        return None
    packet = getattr(aten, target._schema.name.removeprefix("aten::").removesuffix("_"), None)
    twin = packet and getattr(packet, target._overloadname, None)
    same = twin and [a.name for a in twin._schema.arguments] == [a.name for a in target._schema.arguments]
    return twin if same else None


def _same_type(twin: Any, node: fx.Node, by_node: Mapping[fx.Node, Any]) -> bool:
    """Return whether the twin's value has shape and dtype of the one that is written into."""

    def stand_in(source: fx.Node) -> Any:
        value = by_node[source]
        return without_data(value) if isinstance(value, torch.Tensor) else value

    target = by_node[node.args[0]]  # type: ignore[index] # looked at before: a node
    try:
        value = twin(*fx.map_arg(node.args, stand_in), **fx.map_arg(node.kwargs, stand_in))
    except (RuntimeError, NotImplementedError):  # some operations cannot be tried without data
        return False
    return bool(value.shape == target.shape and value.dtype == target.dtype)


def _is_fresh(node: fx.Node) -> bool:
    return node.op == "placeholder" or (node.op == "call_function" and not is_view(node) and not is_mutable(node))


def _functionalized(graph: fx.GraphModule, example: Sequence[torch.Tensor]) -> fx.GraphModule:
    """Let torch do it, with the constants as inputs: a write into one of them is seen then."""
    lifted, names = _lift_constants(graph)
    constants = [getattr(graph, name).detach() for name in names]
    copies = [constant.clone() for constant in constants]

    def compute(*inputs: torch.Tensor) -> Any:
        return lifted(*inputs)

    try:
        with torch.no_grad():
            result = record(functionalize(compute, remove="mutations"), (*example, *copies))
    except RuntimeError as error:
        raise UnsupportedError(
            f"the step writes in place in a way that cannot be followed: {message_of(error)}"
        ) from error
    inputs = result.graph.find_nodes(op="placeholder")[len(example) :]
    _refuse_lasting_writes(result, inputs)
    for name, constant, node in zip(names, constants, inputs, strict=True):
        result.register_buffer(f"constant_{name}", constant)
        with result.graph.inserting_before(node):
            node.replace_all_uses_with(result.graph.get_attr(f"constant_{name}"))
        result.graph.erase_node(node)
    _inputs_first(result)
    result.graph.eliminate_dead_code()
    result.recompile()
    return result


def _refuse_lasting_writes(graph: fx.GraphModule, constants: Sequence[fx.Node]) -> None:
    """Refuse a write into a constant; a write into an input, the random numbers of one step, is seen by nobody else."""
    inputs = set(graph.graph.find_nodes(op="placeholder"))
    for node in list(graph.graph.nodes):
        if not is_mutable(node):
            continue
        if node.target is not aten.copy_.default or node.args[0] not in inputs or node.args[0] in constants:
            raise UnsupportedError("the step writes in place into a value that lasts, such as a buffer of the model")
        node.replace_all_uses_with(node.args[1])
        graph.graph.erase_node(node)


def _inputs_first(graph: fx.GraphModule) -> None:
    constants = graph.graph.find_nodes(op="get_attr")
    last = graph.graph.find_nodes(op="placeholder")[-1]
    for node in constants:
        last.append(node)


def _lift_constants(graph: fx.GraphModule) -> tuple[fx.GraphModule, list[str]]:
    """Return the graph with its constants as further inputs, and their names in that order."""
    names = sorted({str(node.target) for node in graph.graph.find_nodes(op="get_attr") if node.users})
    lifted, copies = fx.Graph(), dict[fx.Node, fx.Node]()
    last = graph.graph.find_nodes(op="placeholder")[-1]
    inputs: dict[str, fx.Node] = {}
    for node in graph.graph.nodes:
        if node.op != "get_attr":
            copies[node] = lifted.node_copy(node, copies.__getitem__)
        if node is last:
            inputs = {name: lifted.placeholder(name) for name in names}
            copies |= {n: inputs[str(n.target)] for n in graph.graph.find_nodes(op="get_attr") if n.users}
    return module_of(graph, lifted), names
