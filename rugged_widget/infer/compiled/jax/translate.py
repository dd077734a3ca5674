"""Translate a program of torch for JAX: operations to their counterparts, constants to arrays."""

from __future__ import annotations

import inspect
import operator
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any, TypeAlias

import torch
from torch import Tensor, fx
from torch._decomp import get_decompositions
from torch.fx.experimental.proxy_tensor import make_fx
from torch.fx.node import map_arg

from rugged_widget.infer.compiled.jax.jax_known import (
    PLACES_AT,
    Known,
    RefusedError,
    Tree,
    argument,
    check,
    gathered,
    mapped,
    result_of,
)
from rugged_widget.infer.compiled.jax.jax_program import Call, Recipe, Slot
from rugged_widget.infer.compiled.program import UnsupportedError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from rugged_widget.infer.compiled.jax.jax_program import Counterpart
    from rugged_widget.infer.compiled.program import Program

_Operation: TypeAlias = Any  # torch gives it no type

OF_NO_EFFECT = frozenset({"layout", "device", "pin_memory", "memory_format", "non_blocking"})
"""Arguments that say where values are kept, not what they are."""

_signature = cache(inspect.signature)


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
        if unknown := self._unknown(program.graph):  # before anything runs: it might draw random numbers
            raise _unsupported(unknown)
        given = [self._known(value) for value in (*program.state, *program.inputs)]
        loss, *after = self._walk(program.graph, given)
        if self._refused:
            raise _unsupported(self._refused)
        results = [result_of(known.value, "a step") for known in given]
        num_state = len(program.state)
        if [result_of(known.value, "a step") for known in after] != results[:num_state] or loss.value.numel() != 1:
            raise UnsupportedError("a step changes the shape or the type of its state, or its loss is not one number")
        slots = [known.slot for known in given]
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

    def _walk(self, graph: fx.GraphModule, given: Sequence[Known]) -> Tree:
        """Translate all nodes of a graph; returns its outputs."""
        known: dict[fx.Node, Tree] = dict(zip(graph.graph.find_nodes(op="placeholder"), given, strict=True))
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
        values, keywords = mapped(Known, lambda known: known.value, (args, kwargs))
        try:
            if str(operation) not in self._counterparts:
                return self._decomposed(operation, args, kwargs)
            return self._called(str(operation), args, kwargs, operation(*values, **keywords))
        except RefusedError as refused:
            self._refused.add(str(refused))
            return mapped(Tensor, self._known, operation(*values, **keywords))

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
            return mapped(Tensor, self._constant, outcome)
        found = mapped(Tensor, lambda value: self._known(value, fixed=fixed), outcome)
        slots = tuple(known.slot for known in gathered(Known, found))
        self._calls.append(Call(name, arguments, keywords, results, slots, several=not isinstance(outcome, Tensor)))
        return found

    def _decomposed(self, operation: _Operation, args: Sequence[Tree], kwargs: Mapping[str, Tree]) -> Tree:
        """Let torch say an operation by others, and translate those."""
        given = gathered(Known, (args, kwargs))
        decomposition: Callable[..., Tree] = get_decompositions([operation])[operation]

        def compute(*values: Tensor) -> Tree:
            remaining = iter(values)
            arguments, keywords = mapped(Known, lambda _: next(remaining), (args, kwargs))
            outcome = decomposition(*arguments, **keywords)
            return tuple(outcome) if isinstance(outcome, tuple) else outcome  # a named tuple would be a node

        graph = make_fx(compute)(*(known.value.clone() for known in given))
        if self._unknown(graph) or any(node.target is operation for node in graph.graph.nodes):
            raise RefusedError(str(operation))
        return self._walk(graph, given)


def _live(graph: fx.GraphModule) -> list[fx.Node]:
    """Return the nodes that a graph's outputs depend on, in order."""
    live = set(graph.graph.find_nodes(op="output"))
    for node in reversed(graph.graph.nodes):
        if node in live:
            live.update(node.all_input_nodes)
    return [node for node in graph.graph.nodes if node in live]
