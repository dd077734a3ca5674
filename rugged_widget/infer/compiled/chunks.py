"""Cut a long graph into graphs that run one after the other: what torch.jit does to one grows with its square."""

import operator

from torch import fx

from rugged_widget.infer.compiled.capture.recorder import module_of

MAX_NODES = 500
"""Operations of a graph that is not cut."""


def chunks(graph: fx.GraphModule, size: int = MAX_NODES) -> list[fx.GraphModule]:
    """Return graphs that compute the same in turn: each takes what the one before returns, a tuple of tensors.

    The first takes the graph's inputs, and the last returns its outputs. A chunk has about `size` >= 1 operations.
    """
    place = _places(graph.graph, size)
    last = max(place.values(), default=0)
    until = {node: max((place.get(user, last) for user in node.users), default=-1) for node in graph.graph.nodes}
    inputs = graph.graph.find_nodes(op="placeholder")
    made: list[fx.GraphModule] = []
    for chunk in range(last + 1):
        nodes = [node for node, where in place.items() if where == chunk]
        alive = [node for node in (*inputs, *nodes) if until[node] > chunk]
        made.append(module_of(graph, _part(graph.graph, inputs, nodes, None if chunk == last else alive)))
        inputs = alive
    return made


def _places(graph: fx.Graph, size: int) -> dict[fx.Node, int]:
    """Return the number of the chunk of each operation; parts of a result are where it is."""
    place: dict[fx.Node, int] = {}
    count = 0
    for node in graph.nodes:
        if node.op != "call_function":
            continue
        source = node.args[0] if node.args else None
        if node.target is operator.getitem and isinstance(source, fx.Node) and source in place:
            place[node] = place[source]
        else:
            place[node] = count // size
            count += 1
    return place


def _part(whole: fx.Graph, inputs: list[fx.Node], nodes: list[fx.Node], outputs: list[fx.Node] | None) -> fx.Graph:
    """Return the graph of some nodes; the outputs are those of the whole graph where they are None."""
    part, copies = fx.Graph(), dict[fx.Node, fx.Node]()

    def copied(node: fx.Node) -> fx.Node:
        if node not in copies:  # a constant, which each part has for itself
            copies[node] = part.node_copy(node)
        return copies[node]

    for i, node in enumerate(inputs):
        copies[node] = part.placeholder(f"value_{i}")
    for node in nodes:
        copies[node] = part.node_copy(node, copied)
    if outputs is None:
        part.node_copy(whole.output_node(), copied)
    else:
        part.output(tuple(copied(node) for node in outputs))
    return part
