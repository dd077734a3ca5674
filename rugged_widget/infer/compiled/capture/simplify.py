"""Passes that make a functional graph smaller. Each returns whether it changed anything.

A node stands for the same value all the way, so that values are computed once, before the first pass; constants that a
pass adds are added to them.

They are sound because nothing in the graph is written to; before that they would not be. What they leave unchanged is
every finite result, but for the last bits of a sum and the sign of a zero: where a value is not finite, the loss or a
parameter is not either in the end, and that is looked for beside the graph.
"""

from collections.abc import Callable, Generator, Sequence
from functools import cache
from itertools import count
from typing import Any, TypeAlias

import torch
from torch import fx

from rugged_widget.infer.compiled.capture.nodes import alike, drop_unused, is_random, values
from rugged_widget.infer.compiled.pieces import finished

Values: TypeAlias = dict[fx.Node, Any]
Pass: TypeAlias = Callable[[fx.GraphModule, Values], bool]

aten = torch.ops.aten

MAX_ROUNDS = 8
MAX_FOLDED = 1 << 20
"""Elements of the largest constant that is computed ahead; a larger one would cost more memory than time."""

MAX_COMPARED = 1 << 12
"""Elements of the largest constant that is compared with others."""

_COPIES = {
    aten.detach.default,
    aten.alias.default,
    aten.clone.default,
    aten.lift_fresh.default,
    aten.lift_fresh_copy.default,
    aten._to_copy.default,
}
_RESHAPES = {
    aten.view.default,
    aten.reshape.default,
    aten._unsafe_view.default,
    aten.expand.default,
    aten.squeeze.default,
    aten.squeeze.dim,
    aten.squeeze.dims,
    aten.slice.Tensor,
}
_MOVES = _COPIES | _RESHAPES
_PERMUTATIONS = {aten.permute.default}
_BY_PLACE = ("as_strided", "view_as_complex", "view.dtype", "_pdist")
_SUMS = {aten.sum.default, aten.sum.dim_IntList}
_FILLED = {
    aten.full_like.default,
    aten.zeros_like.default,
    aten.ones_like.default,
    aten.new_full.default,
    aten.new_zeros.default,
    aten.new_ones.default,
    aten.scalar_tensor.default,
}
_PLUS = {aten.add.Tensor, aten.add.Scalar}
_MINUS = {aten.sub.Tensor, aten.sub.Scalar}
_PLUS_MINUS = _PLUS | _MINUS
_TIMES = {aten.mul.Tensor, aten.mul.Scalar}
_UNCHANGED_BY_ONE = _TIMES | {aten.div.Tensor, aten.div.Scalar, aten.pow.Tensor_Scalar}


def simplify(graph: fx.GraphModule, example: Sequence[torch.Tensor]) -> None:
    """Make a functional graph smaller, in place; random numbers that it draws stay, in their order."""
    finished(simplify_in_pieces(graph, example))


def simplify_in_pieces(graph: fx.GraphModule, example: Sequence[torch.Tensor]) -> Generator[None, None, None]:
    """Make a functional graph smaller, as `simplify` does, a piece of it before each `yield`."""
    by_node = values(graph, example)
    for _ in range(MAX_ROUNDS):
        changed = False
        for run in PASSES:
            yield
            changed = run(graph, by_node) or changed
        if not changed:
            break
    yield
    graph.graph.lint()
    graph.recompile()


def fold_constants(graph: fx.GraphModule, by_node: Values) -> bool:
    """Compute ahead what depends on the value of no input: x - x, x == x and x to the power of 0 do not either."""
    constant, strided = set[fx.Node](), _looks_at_memory(graph)
    for node in graph.graph.nodes:
        fixed = node.op == "call_function" and all(source in constant for source in node.all_input_nodes)
        if is_random(node):
            continue
        if node.op == "get_attr" or fixed or node.target in _FILLED or _is_of_any(node):
            constant.add(node)
    changed, names = False, (name for i in count() if not hasattr(graph, name := f"folded_{i}"))
    for node in list(graph.graph.nodes):
        value = by_node.get(node)
        needed = any(user not in constant for user in node.users)
        if node in constant and node.op != "get_attr" and needed and isinstance(value, torch.Tensor):
            laid_out = not strided or value.clone().stride() == value.stride()
            if value.numel() <= MAX_FOLDED and not value.is_meta and laid_out:
                graph.register_buffer(name := next(names), value.detach().clone())
                with graph.graph.inserting_before(node):
                    folded = graph.graph.get_attr(name)
                by_node[folded] = value
                node.replace_all_uses_with(folded)
                changed = True
    drop_unused(graph.graph)
    return changed


def _is_of_any(node: fx.Node) -> bool:
    """Return whether an operation has the same result whatever the value of its argument is."""
    if node.op != "call_function" or len(node.args) != 2 or node.kwargs:
        return False
    if node.target is aten.pow.Tensor_Scalar:
        return bool(node.args[1] == 0)
    return node.args[0] is node.args[1] and node.target in {aten.eq.Tensor, aten.sub.Tensor}


def drop_no_ops(graph: fx.GraphModule, by_node: Values) -> bool:
    """Drop operations that return what they are given: copies, reshapes to the same shape, x + 0, x * 1."""
    changed, strided = False, _looks_at_memory(graph)
    for node in list(graph.graph.nodes):
        kept = _what_it_returns(node, by_node)
        if kept is not None and alike(by_node.get(node), by_node.get(kept), strided=strided):
            node.replace_all_uses_with(kept)
            changed = changed or kept is not node
    drop_unused(graph.graph)
    return changed


def _what_it_returns(node: fx.Node, by_node: Values) -> fx.Node | None:
    """Return the argument that an operation returns as it is, but for its shape and type, which are looked at after."""
    source = node.args[0] if node.args else None
    if node.op != "call_function" or not node.users or not isinstance(source, fx.Node):
        return _unit_first(node, by_node)
    kept = False
    if node.target in _MOVES:
        kept = True
    elif node.target in _PERMUTATIONS:
        dims = [dim % len(node.args[1]) for dim in node.args[1]]  # type: ignore[arg-type, operator, union-attr] # a list
        kept = dims == sorted(dims)
    elif node.target in _SUMS:
        kept = isinstance(by_node.get(node), torch.Tensor) and by_node[source].numel() == 1
    elif len(node.args) == 2 and not node.kwargs:
        second = _number(node.args[1], by_node)
        kept = node.target in (_PLUS_MINUS if second == 0 else _UNCHANGED_BY_ONE if second == 1 else ())
    return source if kept else _unit_first(node, by_node)


def _unit_first(node: fx.Node, by_node: Values) -> fx.Node | None:
    """Return the second argument of 0 + x and 1 * x."""
    if node.op != "call_function" or not node.users or len(node.args) != 2 or node.kwargs:
        return None
    first, second = _number(node.args[0], by_node), node.args[1]
    unit = (node.target in _PLUS and first == 0) or (node.target in _TIMES and first == 1)
    return second if unit and isinstance(second, fx.Node) else None


def _number(value: Any, by_node: Values) -> float | None:
    """Return the number that an argument always is, also where it is a constant full of it; None for any other."""
    if isinstance(value, fx.Node) and value.op == "get_attr":
        tensor = by_node.get(value)
        if not isinstance(tensor, torch.Tensor) or not 0 < tensor.numel() <= MAX_COMPARED or tensor.is_complex():
            return None
        first = tensor.reshape(-1)[0]
        return float(first) if bool((tensor == first).all()) else None
    return float(value) if isinstance(value, (int, float)) else None


def _looks_at_memory(graph: fx.GraphModule) -> bool:
    """Return whether an operation reads a tensor by its place in memory, so that strides count."""
    return any(_is_by_place(node.target) for node in graph.graph.nodes)


@cache
def _is_by_place(target: Any) -> bool:
    return any(name in str(target) for name in _BY_PLACE)


def share(graph: fx.GraphModule, by_node: Values) -> bool:
    """Compute each expression once, and keep each small constant once."""
    first: dict[Any, fx.Node] = {}
    changed = False
    for node in list(graph.graph.nodes):
        if node.op == "get_attr":
            key = _constant_key(node, by_node.get(node))
        elif node.op == "call_function" and not is_random(node):
            key = (node.target, repr(node.args), repr(sorted(node.kwargs.items())))
        else:
            continue
        if key in first:
            node.replace_all_uses_with(first[key])
            graph.graph.erase_node(node)
            changed = True
        else:
            first[key] = node
    return changed


def _constant_key(node: fx.Node, value: Any) -> Any:
    if not isinstance(value, torch.Tensor) or value.numel() > MAX_COMPARED:
        return node.target
    if value.is_meta or value.layout != torch.strided:
        return node.target
    dense = value.detach().resolve_conj().resolve_neg().clone(memory_format=torch.contiguous_format)
    plain = torch.as_strided(dense, (dense.numel(),), (1,))  # one element has any stride, and only 1 can be viewed
    data = plain.view(torch.uint8).numpy().tobytes()
    return str(value.dtype), tuple(value.shape), value.stride(), data


def merge_signs(graph: fx.GraphModule, by_node: Values) -> bool:
    """Merge changes of sign into sums and products: a + (-b) becomes a - b, -(a - b) becomes b - a."""
    changed = False
    for node in list(graph.graph.nodes):
        rule = _SIGN_RULES.get(node.target)
        if rule and node.op == "call_function" and node.users and not node.kwargs and _is_real(node, by_node):
            changed = rule(node, by_node) or changed
    drop_unused(graph.graph)
    return changed


def _is_real(node: fx.Node, by_node: Values) -> bool:
    """Return whether a node and all that it takes are real numbers: others wrap around, or cannot be subtracted."""
    operands = [by_node.get(item) for item in (node, *node.all_input_nodes)]
    return all(isinstance(value, torch.Tensor) and value.is_floating_point() for value in operands)


def _negated(value: Any) -> fx.Node | None:
    """Return x where the argument is -x."""
    if isinstance(value, fx.Node) and value.target is aten.neg.default and isinstance(value.args[0], fx.Node):
        return value.args[0]
    return None


def _merge_negation(node: fx.Node, by_node: Values) -> bool:
    (source,) = node.args
    if (inner := _negated(source)) is not None:
        node.replace_all_uses_with(inner)
        return True
    if not isinstance(source, fx.Node) or source.target is not aten.sub.Tensor or source.kwargs:
        return False
    first, second = source.args
    if isinstance(first, fx.Node) and isinstance(second, fx.Node) and alike(by_node.get(second), by_node[node]):
        node.target, node.args = aten.sub.Tensor, (second, first)
        return True
    return False


def _merge_sum(node: fx.Node, by_node: Values) -> bool:
    first, second = _negated(node.args[0]), _negated(node.args[1])
    if second is not None:
        return _merge_difference(node, by_node)
    if first is not None and isinstance(node.args[1], fx.Node):
        node.target, node.args = aten.sub.Tensor, (node.args[1], first)
        return True
    return False


def _merge_difference(node: fx.Node, by_node: Values) -> bool:  # noqa: ARG001 the rules are called alike
    second = _negated(node.args[1])
    if second is None:
        return False
    node.target = aten.sub.Tensor if node.target is aten.add.Tensor else aten.add.Tensor
    node.args = (node.args[0], second)
    return True


def _merge_product(node: fx.Node, by_node: Values) -> bool:  # noqa: ARG001 as above
    first, second = _negated(node.args[0]), _negated(node.args[1])
    factor = node.args[1]
    if first is not None and isinstance(factor, (int, float)):
        node.args = (first, -factor)
        return True
    if first is not None and second is not None:
        node.args = (first, second)
        return True
    return False


_SIGN_RULES: dict[Any, Callable[[fx.Node, Values], bool]] = {
    aten.neg.default: _merge_negation,
    aten.add.Tensor: _merge_sum,
    aten.sub.Tensor: _merge_difference,
    aten.mul.Tensor: _merge_product,
    aten.div.Tensor: _merge_product,
}

PASSES: tuple[Pass, ...] = (fold_constants, drop_no_ops, merge_signs, share)
