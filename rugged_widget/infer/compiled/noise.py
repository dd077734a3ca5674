"""Random numbers of steps to come, from the same stream that those steps would draw from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import fx

from rugged_widget.infer.compiled.program import UnsupportedError
from rugged_widget.infer.compiled.values import values

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

aten = torch.ops.aten

SERIAL = 16
"""torch fills a tensor of fewer elements with normal numbers one by one, and one that is not contiguous of any size."""

_SHAPED_AFTER = (aten.empty_like.default, aten.new_empty.default)
_NORMAL = (aten.normal.Tensor_Tensor, aten.normal.Tensor_float, aten.normal.float_Tensor)


class Noise:
    """Draws the random numbers of K steps at once, bit for bit as K steps would draw them one by one.

    Where all draws are standard normal numbers and few, one call fills the numbers of all K steps. That it yields the
    same stream is a detail of torch, not a promise: it is tried when the object is made, and given up where it fails.

    Parameters
    ----------
    prelude
        Takes nothing and draws the random numbers of one step.
    """

    def __init__(self, prelude: fx.GraphModule) -> None:
        self._prelude = prelude
        self._fills = _fills(prelude)
        with torch.random.fork_rng(devices=[]):
            self.example: tuple[torch.Tensor, ...] = tuple(prelude())
        self.draw: Callable[[int], list[torch.Tensor]] = self._one_by_one
        if all(fill.standard for fill in self._fills) and len(self._fills) == len(self.example):
            small = all(0 < value.numel() < SERIAL for value in self.example)
            if self.example and small and self._agree(self._one_by_one, self._at_once):
                self.draw = self._at_once

    def __repr__(self) -> str:
        return f"Noise({len(self.example)} draws a step, {self.draw.__name__.strip('_')})"

    def _at_once(self, num_steps: int) -> list[torch.Tensor]:
        sizes = [value.numel() for value in self.example]
        # Every other number of a wider tensor is not contiguous, whatever its shape, so torch fills it number by number.
        numbers = torch.empty(num_steps, sum(sizes), 2, dtype=self.example[0].dtype)[..., 0].normal_()
        parts = numbers.split(sizes, dim=1)
        return [part.reshape(num_steps, *value.shape) for part, value in zip(parts, self.example, strict=True)]

    def _one_by_one(self, num_steps: int) -> list[torch.Tensor]:
        rows = [torch.empty(num_steps, *value.shape, dtype=value.dtype) for value in self.example]
        if len(self._fills) == len(rows):
            by_step = zip(*(row.unbind() for row in rows), strict=True)
            for step in by_step:
                for fill, value in zip(self._fills, step, strict=True):
                    fill.target(value, *fill.args, **fill.kwargs)
        else:
            for k in range(num_steps):
                for row, value in zip(rows, self._prelude(), strict=True):
                    row[k] = value
        return rows

    def _agree(self, one: Callable[[int], list[torch.Tensor]], other: Callable[[int], list[torch.Tensor]]) -> bool:
        """Compare numbers and generator after one step and three more, odd because normal numbers come in pairs."""
        found = []
        for draw in (one, other):
            with torch.random.fork_rng(devices=[]):
                found.append(([*draw(1), *draw(3)], torch.get_rng_state()))
        (numbers, state), (others, other_state) = found
        same = all(torch.equal(a, b) for a, b in zip(numbers, others, strict=True))
        return same and torch.equal(state, other_state)


class _Fill(NamedTuple):
    """An operation that fills a fresh tensor with random numbers."""

    target: Any
    args: tuple[Any, ...]
    kwargs: dict[str, Any]

    @property
    def standard(self) -> bool:
        return self.target is aten.normal_.default and self.args in {(), (0.0,), (0.0, 1.0)} and not self.kwargs


def _fills(prelude: fx.GraphModule) -> list[_Fill]:
    """List the outputs that are fresh tensors filled once with fixed arguments; none where an output is another."""
    fills = []
    for node in prelude.graph.output_node().args[0]:  # type: ignore[union-attr]
        source, *args = node.args  # type: ignore[union-attr]
        fresh = isinstance(source, fx.Node) and source.target is aten.empty.memory_format and len(source.users) == 1
        plain = not any(isinstance(arg, fx.Node) for arg in args)
        if not (fresh and plain and node.target._schema.name.endswith("_")):  # type: ignore[union-attr] # noqa: SLF001
            return []
        fills.append(_Fill(node.target, tuple(args), dict(node.kwargs)))  # type: ignore[union-attr]
    return fills


def is_random(node: fx.Node) -> bool:
    """Return whether a node draws random numbers."""
    return isinstance(node.target, torch._ops.OpOverload) and torch.Tag.nondeterministic_seeded in node.target.tags  # noqa: SLF001


def hoist(graph: fx.GraphModule, example: Sequence[torch.Tensor]) -> tuple[fx.GraphModule, fx.GraphModule]:
    """Make inputs of the random numbers.

    Parameters
    ----------
    graph
        Draws random numbers.
    example
        Its inputs.

    Returns
    -------
    body, prelude
        The same graph with the random numbers as further inputs, and a graph without inputs that draws them.

    Raises
    ------
    UnsupportedError
        If random numbers are drawn from a distribution that depends on an input.
    """
    _standardize(graph, values(graph, example))
    nodes = list(graph.graph.nodes)
    dependent: set[fx.Node] = set()
    for node in nodes:
        if node.op == "placeholder" or any(source in dependent for source in node.all_input_nodes):
            dependent.add(node)
    drawn = [node for node in nodes if is_random(node)]
    for node in drawn:
        if node in dependent:
            raise UnsupportedError(f"random numbers depend on the parameters ({_op_name(node)})")
        if any(isinstance(value, torch.Generator) for value in (*node.args, *node.kwargs.values())):
            raise UnsupportedError(f"random numbers come from a generator of the model's own ({_op_name(node)})")
    return _body(graph, drawn), _prelude(graph, drawn)


def _op_name(node: fx.Node) -> str:
    return str(node.target).removeprefix("aten.").rsplit(".", 1)[0]


def _prelude(graph: fx.GraphModule, drawn: Sequence[fx.Node]) -> fx.GraphModule:
    needed: set[fx.Node] = set()

    def need(node: fx.Node) -> None:
        if node not in needed:
            needed.add(node)
            for source in node.all_input_nodes:
                need(source)

    for node in drawn:
        need(node)
    prelude, copies = fx.Graph(), dict[fx.Node, fx.Node]()
    for node in graph.graph.nodes:
        if node in needed:
            copies[node] = prelude.node_copy(node, copies.__getitem__)
    prelude.output(tuple(copies[node] for node in drawn))
    return fx.GraphModule(graph, prelude)


def _body(graph: fx.GraphModule, drawn: Sequence[fx.Node]) -> fx.GraphModule:
    body, copies = fx.Graph(), dict[fx.Node, fx.Node]()
    last = graph.graph.find_nodes(op="placeholder")[-1]
    for node in graph.graph.nodes:
        if node not in drawn:
            copies[node] = body.node_copy(node, copies.__getitem__)
        if node is last:
            copies |= {random: body.placeholder(f"noise_{i}") for i, random in enumerate(drawn)}
    body.eliminate_dead_code(_has_effect)
    return fx.GraphModule(graph, body)


def _has_effect(node: fx.Node) -> bool:
    return node.op in {"placeholder", "output"} or is_mutable(node)


def is_mutable(node: fx.Node) -> bool:
    """Return whether a node writes into one of its arguments."""
    return isinstance(node.target, torch._ops.OpOverload) and node.target._schema.is_mutable  # noqa: SLF001


def _standardize(graph: fx.GraphModule, found: Mapping[fx.Node, Any]) -> None:
    """Let draws depend on inputs no more than they have to.

    What is drawn in the shape of a parameter has that shape by itself, and normal numbers of any mean and deviation are
    standard ones, scaled: so torch computes them too, bit for bit.
    """
    for node in list(graph.graph.nodes):
        value = found.get(node)
        with graph.graph.inserting_before(node):
            if node.target in _SHAPED_AFTER:
                node.replace_all_uses_with(_empty(graph.graph, value))
            elif node.target in _NORMAL:
                mean, deviation = node.args[:2]
                drawn = graph.graph.call_function(aten.normal_.default, (_empty(graph.graph, value),))
                scaled = graph.graph.call_function(aten.mul.Tensor, (drawn, deviation))
                node.replace_all_uses_with(graph.graph.call_function(aten.add.Tensor, (scaled, mean)))
            else:
                continue
        graph.graph.erase_node(node)
    graph.recompile()


def _empty(graph: fx.Graph, like: torch.Tensor) -> fx.Node:
    return graph.call_function(aten.empty.memory_format, (list(like.shape),), {"dtype": like.dtype})


