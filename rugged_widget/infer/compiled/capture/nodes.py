"""Properties of the nodes of a captured graph: in-place writes, views, random draws."""

from collections.abc import Iterator

import torch
from torch import fx


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
