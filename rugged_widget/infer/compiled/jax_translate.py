"""A program of torch as a recipe for JAX: operations by their counterparts, constants as arrays, all shapes known."""

from __future__ import annotations

import inspect
import operator
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

import numpy as np
import torch
from torch import Tensor, fx
from torch._decomp import get_decompositions
from torch.fx.experimental.proxy_tensor import make_fx
from torch.fx.node import map_arg

from rugged_widget.infer.compiled.jax_recipe import Call, Recipe, Result, Slot
from rugged_widget.infer.compiled.program import UnsupportedError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from rugged_widget.infer.compiled.jax_recipe import Counterpart, Dtype
    from rugged_widget.infer.compiled.program import Program

_DTYPES: dict[torch.dtype, Dtype] = {
    torch.bool: np.dtype(np.bool_),
    torch.uint8: np.dtype(np.uint8),
    torch.int8: np.dtype(np.int8),
    torch.int16: np.dtype(np.int16),
    torch.int32: np.dtype(np.int32),
    torch.int64: np.dtype(np.int64),
    torch.float16: np.dtype(np.float16),
    torch.float32: np.dtype(np.float32),
    torch.float64: np.dtype(np.float64),
}

_OF_NO_EFFECT = frozenset({"layout", "device", "pin_memory", "memory_format", "non_blocking"})
"""Arguments that say where values are kept, not what they are."""

_PLACES_AT = {
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

_Operation: TypeAlias = Any  # torch gives it no type
_Value = TypeVar("_Value")
_Tree: TypeAlias = Any  # known values, alone or in lists, tuples and dicts


def translated(program: Program, counterparts: Mapping[str, Counterpart]) -> Recipe:
    """Return the recipe of a program.

    The program is run once on its example, operation by operation, to know the shape and type of each value. An
    operation without a counterpart is decomposed by torch into others.

    Parameters
    ----------
    program
        What is to be run.
    counterparts
        Functions of JAX by the names of torch's operations.

    Returns
    -------
    Recipe
        Its constants share the program's memory.

    Raises
    ------
    UnsupportedError
        If operations have no counterpart; it names them.
    """
    translator = _Translator(counterparts)
    with torch.no_grad():
        return translator.recipe(program)


class _RefusedError(Exception):
    """An operation cannot be translated; the text is its name and what is special about it."""


@dataclass(frozen=True, eq=False)
class _Known:
    """A value of the example, where a step keeps it, and itself as an array where it is the same in all steps."""

    value: Tensor
    slot: Slot
    fixed: NDArray[Any] | None = None


class _Translator:
    """Gathers the calls and constants of one recipe."""

    def __init__(self, counterparts: Mapping[str, Counterpart]) -> None:
        self._counterparts = counterparts
        self._calls: list[Call] = []
        self._constants: dict[Slot, NDArray[Any]] = {}
        self._refused: set[str] = set()
        self._num_slots = 0

    def recipe(self, program: Program) -> Recipe:
        self._refused = self._unknown(program.graph)
        self._refuse()  # before anything runs: it might draw random numbers
        given = [self._known(value) for value in (*program.state, *program.inputs)]
        loss, *after = self._walk(program.graph, given)
        self._refuse()
        results = [_result_of(known.value, "a step") for known in given]
        looks = [_result_of(known.value, "a step") for known in after]
        num_state = len(program.state)
        if looks != results[:num_state] or loss.value.numel() != 1:
            raise UnsupportedError("a step changes the shape or the type of its state, or its loss is not one number")
        slots = [known.slot for known in given]
        used = {known.slot for known in (loss, *after)}
        used.update(_gathered(Slot, [(call.arguments, call.keywords) for call in self._calls]))
        return Recipe(
            calls=self._calls,
            state=dict(zip(slots[:num_state], results[:num_state], strict=True)),
            inputs=dict(zip(slots[num_state:], results[num_state:], strict=True)),
            constants={slot: array for slot, array in self._constants.items() if slot in used},
            loss=loss.slot,
            loss_dtype=_result_of(loss.value, "a step").dtype,
            next_state=[known.slot for known in after],
        )

    def _unknown(self, graph: fx.GraphModule) -> set[str]:
        return {
            str(node.target) for node in graph.graph.nodes if node.op == "call_function" and not self._can(node.target)
        }

    def _refuse(self) -> None:
        if self._refused:
            names = ", ".join(sorted(self._refused))
            raise UnsupportedError(f"JAX has no counterpart here for the operations {names}")

    def _can(self, target: _Operation) -> bool:
        if target is operator.getitem or str(target) in self._counterparts:
            return True
        random = torch.Tag.nondeterministic_seeded in getattr(target, "tags", ())
        return not random and bool(get_decompositions([target]))

    def _walk(self, graph: fx.GraphModule, given: Sequence[_Known]) -> _Tree:
        """Translate all nodes of a graph; returns its outputs."""
        known: dict[fx.Node, _Tree] = dict(zip(graph.graph.find_nodes(op="placeholder"), given, strict=True))
        for node in graph.graph.nodes:
            if node.op == "get_attr":
                known[node] = self._constant(operator.attrgetter(node.target)(graph))
            elif node.op == "call_function":
                args, kwargs = map_arg((node.args, node.kwargs), known.__getitem__)
                known[node] = self._apply(node.target, args, kwargs)
        (output,) = graph.graph.find_nodes(op="output")
        return map_arg(output.args[0], known.__getitem__)

    def _known(self, value: Tensor, *, fixed: bool = False) -> _Known:
        self._num_slots += 1
        return _Known(value, Slot(self._num_slots - 1), value.detach().numpy() if fixed else None)

    def _constant(self, value: Tensor) -> _Known:
        known = self._known(value, fixed=True)
        self._constants[known.slot] = value.detach().numpy()
        return known

    def _apply(self, target: _Operation, args: Sequence[_Tree], kwargs: Mapping[str, _Tree]) -> _Tree:
        """Translate one operation; returns its outcome, also where it is refused, so that the others can be named."""
        if target is operator.getitem:
            return args[0][args[1]]
        values, keywords = _mapped(_Known, lambda known: known.value, (args, kwargs))
        try:
            if str(target) not in self._counterparts:
                return self._decomposed(target, args, kwargs)
            return self._called(str(target), args, kwargs, target(*values, **keywords))
        except _RefusedError as refused:
            self._refused.add(str(refused))
            return _mapped(Tensor, self._known, target(*values, **keywords))

    def _called(self, name: str, args: Sequence[_Tree], kwargs: Mapping[str, _Tree], outcome: _Tree) -> _Tree:
        """Add the call of a counterpart, or the constant that it would compute where that takes no more memory."""
        _check(name, args)
        places = _PLACES_AT.get(name)
        arguments = [_argument(name, value, as_array=i == places) for i, value in enumerate(args)]
        keywords = {key: _argument(name, value) for key, value in kwargs.items() if key not in _OF_NO_EFFECT}
        try:
            _signature(self._counterparts[name]).bind(None, *arguments, **keywords)
        except TypeError as error:
            raise _RefusedError(f"{name} ({error})") from error
        values = _gathered(Tensor, outcome)
        results = tuple(_result_of(value, name) for value in values)
        sources = _gathered(_Known, (args, kwargs))
        fixed = all(source.fixed is not None for source in sources)
        largest = max((source.value.numel() for source in sources), default=0)
        if fixed and all(value.numel() <= largest for value in values):
            return _mapped(Tensor, self._constant, outcome)
        found = _mapped(Tensor, lambda value: self._known(value, fixed=fixed), outcome)
        slots = tuple(known.slot for known in _gathered(_Known, found))
        several = not isinstance(outcome, Tensor)
        self._calls.append(Call(name, arguments, keywords, results, slots, several))
        return found

    def _decomposed(self, target: _Operation, args: Sequence[_Tree], kwargs: Mapping[str, _Tree]) -> _Tree:
        """Let torch say an operation by others, and translate those."""
        given = _gathered(_Known, (args, kwargs))
        decomposition: Callable[..., _Tree] = get_decompositions([target])[target]

        def compute(*values: Tensor) -> _Tree:
            remaining = iter(values)
            arguments, keywords = _mapped(_Known, lambda _: next(remaining), (args, kwargs))
            outcome = decomposition(*arguments, **keywords)
            return tuple(outcome) if isinstance(outcome, tuple) else outcome  # a named tuple would be a node

        graph = make_fx(compute)(*(known.value.clone() for known in given))
        if self._unknown(graph) or any(node.target is target for node in graph.graph.nodes):
            raise _RefusedError(str(target))
        return self._walk(graph, given)


def _mapped(kind: type[Any], function: Callable[[Any], _Tree], tree: _Tree) -> _Tree:
    """Replace all values of a kind in lists, tuples and dicts."""
    if isinstance(tree, kind):
        return function(tree)
    if isinstance(tree, dict):
        return {key: _mapped(kind, function, value) for key, value in tree.items()}
    if isinstance(tree, (list, tuple)):
        parts = [_mapped(kind, function, value) for value in tree]
        return tuple(parts) if isinstance(tree, tuple) else parts
    return tree


def _gathered(kind: type[_Value], tree: _Tree) -> list[_Value]:
    """Return all values of a kind in lists, tuples and dicts, in order."""
    found: list[_Value] = []
    _mapped(kind, found.append, tree)
    return found


def _result_of(value: Tensor, name: str) -> Result:
    """Return what a value looks like."""
    if value.dtype not in _DTYPES or value.device.type != "cpu":
        raise _RefusedError(f"{name} (of {value.dtype} on {value.device})")
    return Result(tuple(value.shape), _DTYPES[value.dtype])


def _argument(name: str, value: _Tree, *, as_array: bool = False) -> _Tree:
    """Return an argument without torch: values as slots, or as arrays where that is asked and they never change."""
    if isinstance(value, _Known):
        return value.fixed if as_array and value.fixed is not None else value.slot
    if isinstance(value, (list, tuple)):
        return [_argument(name, part, as_array=as_array) for part in value]
    if isinstance(value, torch.dtype):
        return _DTYPES[value]
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    raise _RefusedError(f"{name} (with {value!r})")


_signature = cache(inspect.signature)


def _check(name: str, args: Sequence[_Tree]) -> None:
    """Refuse what a counterpart could compute for the example only."""
    if name.startswith("aten.as_strided"):
        _check_strides(name, args[0].value, *args[-3:])
    elif _PLACES_AT.get(name) == 1:
        for mask in _gathered(_Known, args[1]):
            _check_mask(name, mask, args)


def _check_strides(name: str, values: Tensor, shape: Sequence[int], strides: Sequence[int], offset: int | None) -> None:
    """Refuse strides through memory that is not just the values, in order."""
    last = (offset or 0) + sum((length - 1) * stride for length, stride in zip(shape, strides, strict=True))
    if not values.is_contiguous() or values.storage_offset() or last >= values.numel():
        raise _RefusedError(f"{name} (of a view)")


def _check_mask(name: str, mask: _Known, args: Sequence[_Tree]) -> None:
    """Refuse masks of which only the example says how many elements they take."""
    if mask.value.dtype == torch.uint8:
        raise _RefusedError(f"{name} (with a mask of {mask.value.dtype})")
    if mask.value.dtype != torch.bool or (name == "aten.masked_select.default" and mask.fixed is not None):
        return
    fills = name in _WRITES and len(args[1]) == 1 and args[2].value.numel() == 1
    if mask.fixed is None and not fills:
        raise _RefusedError(f"{name} (with a mask that steps change)")
    if not mask.value.ndim:
        raise _RefusedError(f"{name} (with a mask of no dimension)")
