"""Translate a program of torch for JAX: operations to their counterparts, constants to arrays."""

import inspect
import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeAlias, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, fx
from torch._decomp import get_decompositions
from torch.fx.experimental.proxy_tensor import make_fx
from torch.fx.node import map_arg
from torch.utils._pytree import tree_leaves, tree_map_only

from rugged_widget.infer.compiled.capture.nodes import is_random
from rugged_widget.infer.compiled.jax.jax_program import Call, Counterpart, Dtype, Recipe, Result, Slot
from rugged_widget.infer.compiled.program import Program, UnsupportedError

Tree: TypeAlias = Any  # values, alone or in lists, tuples and dicts
_Operation: TypeAlias = Any  # torch gives it no type
_Value = TypeVar("_Value")

OF_NO_EFFECT = frozenset({"layout", "device", "pin_memory", "memory_format", "non_blocking"})
"""Arguments that say where values are kept, not what they are."""

DTYPES: dict[torch.dtype, Dtype] = {
    getattr(torch, name): np.dtype(name)
    for name in ("bool", "uint8", "int8", "int16", "int32", "int64", "float16", "float32", "float64")
}
"""Types that JAX computes in as torch does."""

PLACES_AT = {
    "aten._unsafe_index.Tensor": 1,
    "aten._unsafe_index_put.default": 1,
    "aten.embedding.default": 1,
    "aten.gather.default": 2,
    "aten.index.Tensor": 1,
    "aten.index_add.default": 2,
    "aten.index_put.default": 1,
    "aten.index_select.default": 2,
    "aten.masked_select.default": 1,
    "aten.scatter.src": 2,
    "aten.scatter.value": 2,
    "aten.scatter_add.default": 2,
}
"""Operations and the argument that says where: where it never changes, JAX need not look at it in every step."""

_WRITES = frozenset({"aten.index_put.default", "aten._unsafe_index_put.default"})
_signature = cache(inspect.signature)


class RefusedError(Exception):
    """An operation cannot be translated; the text is its name and what is special about it."""


@dataclass(frozen=True, eq=False)
class Known:
    """A value of the example: its slot in a step and, where it is the same in all steps, itself as a fixed array."""

    value: Tensor
    slot: Slot
    fixed: NDArray[Any] | None = None


def translated(program: Program, counterparts: Mapping[str, Counterpart]) -> Recipe:
    """Return the recipe of a program, whose constants share the program's memory.

    The program is run once on its example, operation by operation, to know the shape and type of each value. An
    operation without a counterpart is decomposed by torch into others; UnsupportedError names those for which that
    cannot be. Counterparts are functions of JAX by the names of torch's operations.
    """
    translator = _Translator(counterparts)
    with torch.no_grad():
        try:
            return translator.recipe(program)
        except RefusedError as refused:
            raise _unsupported({str(refused)}) from refused


def _unsupported(names: set[str]) -> UnsupportedError:
    return UnsupportedError(f"JAX has no counterpart here for the operations {', '.join(sorted(names))}")


class _Translator:
    """Gathers the calls and constants of one recipe."""

    def __init__(self, counterparts: Mapping[str, Counterpart]) -> None:
        self._counterparts = counterparts
        self._calls: list[Call] = []
        self._constants: dict[Slot, NDArray[Any]] = {}
        self._refused: set[str] = set()
        self._num_slots = 0

    def recipe(self, program: Program) -> Recipe:
        drawn = {str(node.target) for node in program.graph.graph.nodes if is_random(node)}
        if unknown := drawn | self._unknown(program.graph):
            raise _unsupported(unknown)
        arguments = [self._known(value) for value in (*program.state, *program.inputs)]
        loss, *after = self._walk(program.graph, arguments)
        if self._refused:
            raise _unsupported(self._refused)
        results = [result_of(known.value, "a step") for known in arguments]
        num_state = len(program.state)
        if [result_of(known.value, "a step") for known in after] != results[:num_state] or loss.value.numel() != 1:
            raise UnsupportedError("a step changes the shape or the type of its state, or its loss is not one number")
        slots = [known.slot for known in arguments]
        used = {known.slot for known in (loss, *after)}
        used.update(gathered(Slot, [(call.arguments, call.keywords) for call in self._calls]))
        return Recipe(
            calls=self._calls,
            state=dict(zip(slots[:num_state], results[:num_state], strict=True)),
            inputs=dict(zip(slots[num_state:], results[num_state:], strict=True)),
            constants={slot: array for slot, array in self._constants.items() if slot in used},
            loss=loss.slot,
            loss_dtype=result_of(loss.value, "a step").dtype,
            next_state=[known.slot for known in after],
        )

    def _unknown(self, graph: fx.GraphModule) -> set[str]:
        operations = {node.target for node in _live(graph) if node.op == "call_function"}
        return {str(operation) for operation in operations if not self._can(operation)}

    def _can(self, operation: _Operation) -> bool:
        if operation is operator.getitem or str(operation) in self._counterparts:
            return True
        random = torch.Tag.nondeterministic_seeded in getattr(operation, "tags", ())
        return not random and bool(get_decompositions([operation]))

    def _walk(self, graph: fx.GraphModule, arguments: Sequence[Known]) -> Tree:
        """Translate all nodes of a graph; returns its outputs."""
        known: dict[fx.Node, Tree] = dict(zip(graph.graph.find_nodes(op="placeholder"), arguments, strict=True))
        for node in _live(graph):
            args, kwargs = map_arg((node.args, node.kwargs), known.__getitem__)
            if node.op == "get_attr":
                known[node] = self._constant(operator.attrgetter(str(node.target))(graph))
            elif node.op == "call_function":
                known[node] = self._apply(node.target, args, kwargs)
            elif node.op == "output":
                outputs = args[0]
        return outputs

    def _known(self, value: Tensor, *, fixed: bool = False) -> Known:
        self._num_slots += 1
        return Known(value, Slot(self._num_slots - 1), value.detach().numpy() if fixed else None)

    def _constant(self, value: Tensor) -> Known:
        result_of(value, "a constant")
        known = self._known(value, fixed=True)
        self._constants[known.slot] = value.detach().numpy()
        return known

    def _apply(self, operation: _Operation, args: Sequence[Tree], kwargs: Mapping[str, Tree]) -> Tree:
        """Translate one operation; returns its outcome, also where it is refused, so that the others can be named."""
        if operation is operator.getitem:
            return args[0][args[1]]
        values, keywords = tree_map_only(Known, lambda known: known.value, (args, kwargs))
        try:
            if str(operation) not in self._counterparts:
                return self._decomposed(operation, args, kwargs)
            return self._called(str(operation), args, kwargs, operation(*values, **keywords))
        except RefusedError as refused:
            self._refused.add(str(refused))
            return tree_map_only(Tensor, self._known, operation(*values, **keywords))

    def _called(self, name: str, args: Sequence[Tree], kwargs: Mapping[str, Tree], outcome: Tree) -> Tree:
        """Add the call of a counterpart, or the constant that it would compute where that takes no more memory."""
        check(name, args)
        arguments = [argument(name, value, as_array=i == PLACES_AT.get(name)) for i, value in enumerate(args)]
        keywords = {key: argument(name, value) for key, value in kwargs.items() if key not in OF_NO_EFFECT}
        try:
            _signature(self._counterparts[name]).bind(None, *arguments, **keywords)
        except TypeError as error:
            raise RefusedError(f"{name} ({error})") from error
        values = gathered(Tensor, outcome)
        results = tuple(result_of(value, name) for value in values)
        sources = gathered(Known, (args, kwargs))
        fixed = all(source.fixed is not None for source in sources)
        largest = max((source.value.numel() for source in sources), default=0)
        if fixed and all(value.numel() <= largest for value in values):
            return tree_map_only(Tensor, self._constant, outcome)
        outputs = tree_map_only(Tensor, lambda value: self._known(value, fixed=fixed), outcome)
        slots = tuple(known.slot for known in gathered(Known, outputs))
        self._calls.append(Call(name, arguments, keywords, results, slots, several=not isinstance(outcome, Tensor)))
        return outputs

    def _decomposed(self, operation: _Operation, args: Sequence[Tree], kwargs: Mapping[str, Tree]) -> Tree:
        """Let torch say an operation by others, and translate those."""
        sources = gathered(Known, (args, kwargs))
        decomposition: Callable[..., Tree] = get_decompositions([operation])[operation]

        def compute(*values: Tensor) -> Tree:
            remaining = iter(values)
            arguments, keywords = tree_map_only(Known, lambda _: next(remaining), (args, kwargs))
            outcome = decomposition(*arguments, **keywords)
            return tuple(outcome) if isinstance(outcome, tuple) else outcome  # a named tuple would be a node

        graph = make_fx(compute)(*(known.value.clone() for known in sources))
        if self._unknown(graph) or any(node.target is operation for node in graph.graph.nodes):
            raise RefusedError(str(operation))
        return self._walk(graph, sources)


def gathered(kind: type[_Value], tree: Tree) -> list[_Value]:
    """Return all values of a kind in lists, tuples and dicts, in order."""
    return [value for value in tree_leaves(tree) if isinstance(value, kind)]


def result_of(value: Tensor, name: str) -> Result:
    """Return what a value looks like, of the operation with this name."""
    if value.dtype not in DTYPES or value.device.type != "cpu":
        raise RefusedError(f"{name} (of {value.dtype} on {value.device})")
    return Result(tuple(value.shape), DTYPES[value.dtype])


def argument(name: str, value: Tree, *, as_array: bool = False) -> Tree:
    """Return an argument without torch: values as slots, or as arrays where that is asked and they never change."""
    if isinstance(value, Known):
        return value.fixed if as_array and value.fixed is not None else value.slot
    if isinstance(value, (list, tuple)):
        return [argument(name, part, as_array=as_array) for part in value]
    if isinstance(value, torch.dtype) and value in DTYPES:
        return DTYPES[value]
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    raise RefusedError(f"{name} (with {value!r})")


def check(name: str, args: Sequence[Tree]) -> None:
    """Refuse what a counterpart could compute for the example only."""
    if name.startswith("aten.as_strided"):
        shape, strides, *offset = (part for part in args if not isinstance(part, Known))
        _check_strides(name, args[0].value, shape, strides, offset[0] if offset else None)
    elif PLACES_AT.get(name) == 1:
        for mask in gathered(Known, args[1]):
            _check_mask(name, mask, args)


def _check_strides(name: str, values: Tensor, shape: Sequence[int], strides: Sequence[int], offset: int | None) -> None:
    """Refuse strides through memory that is not just the values, in order."""
    last = (offset or 0) + sum((length - 1) * stride for length, stride in zip(shape, strides, strict=True))
    if not values.is_contiguous() or values.storage_offset() or last >= values.numel():
        raise RefusedError(f"{name} (of a view)")


def _check_mask(name: str, mask: Known, args: Sequence[Tree]) -> None:
    """Refuse masks of which only the example says how many elements they take."""
    if mask.value.dtype == torch.uint8:
        raise RefusedError(f"{name} (with a mask of {mask.value.dtype})")
    if mask.value.dtype != torch.bool or (name == "aten.masked_select.default" and mask.fixed is not None):
        return
    fills = name in _WRITES and len(args[1]) == 1 and args[2].value.numel() == 1
    if mask.fixed is None and not fills:
        raise RefusedError(f"{name} (with a mask that steps change)")
    if not mask.value.ndim:
        raise RefusedError(f"{name} (with a mask of no dimension)")


def _live(graph: fx.GraphModule) -> list[fx.Node]:
    """Return the nodes that a graph's outputs depend on, in order."""
    live = set(graph.graph.find_nodes(op="output"))
    for node in reversed(graph.graph.nodes):
        if node in live:
            live.update(node.all_input_nodes)
    return [node for node in graph.graph.nodes if node in live]
